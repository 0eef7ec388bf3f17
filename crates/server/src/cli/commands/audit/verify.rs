//! `doorward audit verify`: verify the log of the database or of a file.

use anyhow::Context;
use doorward_domain::audit::{AuditPublicKey, AuditReport, CheckpointId, Unsealed};
use doorward_domain::ctx::Actor;
use serde_json::{Value, json};

use super::args::VerifyAuditArgs;
use super::file;
use crate::cli::output::Output;
use crate::cli::progress::ProgressReporter;
use crate::cli::stores::open;
use crate::cli::text_wrap;
use crate::config::Config;

/// The audit log was read and does not verify. The exit code differs from that of other errors.
#[derive(Debug)]
pub struct VerificationFailed;

impl std::fmt::Display for VerificationFailed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("audit log verification failed")
    }
}

impl std::error::Error for VerificationFailed {}

pub(super) async fn run(
    config: &Config,
    args: &VerifyAuditArgs,
    output: Output,
) -> anyhow::Result<()> {
    let keys = args.key.iter().map(|key| {
        let parsed: Result<AuditPublicKey, ()> = key.parse();
        parsed.map_err(|()| {
            anyhow::anyhow!("{key:?} is not a public key. `doorward audit key` prints it")
        })
    });
    let keys = keys.collect::<anyhow::Result<Vec<_>>>()?;
    let recorded = checkpoints(args)?;
    let progress = ProgressReporter::working("Verifying the audit log", output);
    let (report, unsealed) = match &args.file {
        Some(path) => (file::verify(path, &keys, &recorded)?, Unsealed::default()),
        None => {
            let components = open(config).await?;
            let ctx = components.ctx(Actor::CommandLine);
            let verified = components
                .doorward
                .audit_chain
                .verify(&ctx, &keys, &recorded)
                .await;
            components.close().await;
            verified?
        }
    };
    drop(progress);
    let mut text = text_wrap::wrap_text(&text(&report, unsealed, recorded.is_empty()));
    // One unbroken line, to be copied.
    if let Some(last) = &report.last {
        text += &format!("\nLast checkpoint:\n{last}");
    }
    output.print_unwrapped(&text, &value(&report, unsealed))?;
    match report.violation {
        None => Ok(()),
        Some(_) => Err(VerificationFailed.into()),
    }
}

fn text(report: &AuditReport, unsealed: Unsealed, is_unanchored: bool) -> String {
    let AuditReport {
        events,
        checkpoints,
        ..
    } = report;
    let mut text = format!("Verified {events} events and {checkpoints} checkpoints.");
    if let Some(position) = report.pruned_to {
        text += &format!(" The events up to position {position} were pruned.");
    }
    if unsealed.count > 0 {
        let count = unsealed.count;
        text += &format!(" {count} more events are not sealed yet.");
    }
    if let Some(violation) = &report.violation {
        text += &format!("\nVerification failed ({}): {violation}.", violation.code());
        return text;
    }
    if is_unanchored {
        text += "\nWithout a recorded checkpoint (--checkpoint) a removed end is not detected.";
    }
    text
}

fn value(report: &AuditReport, unsealed: Unsealed) -> Value {
    let finding = report.violation.as_ref().map(|violation| {
        json!({"code": violation.code(), "position": violation.position(),
            "event": violation.event().map(|id| id.to_string()), "detail": violation.to_string()})
    });
    json!({"verified": finding.is_none(), "finding": finding, "events": report.events,
        "checkpoints": report.checkpoints, "unsealed": unsealed.count, "pruned_to": report.pruned_to,
        "checkpoint": report.last.as_ref().map(ToString::to_string),
        "checkpoints_found": report.checkpoints_found, "complete": true})
}

fn checkpoints(args: &VerifyAuditArgs) -> anyhow::Result<Vec<CheckpointId>> {
    let parse = |text: &String| {
        CheckpointId::parse(text)
            .with_context(|| format!("{text:?} is not a checkpoint: POSITION:HASH"))
    };
    args.checkpoint.iter().map(parse).collect()
}
