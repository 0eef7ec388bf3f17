//! `doorward audit verify`: verify the log of the database or of a file.

use std::io::BufRead;

use anyhow::{Context, bail};
use doorward_domain::audit::{AuditPublicKey, AuditReport, CheckpointId, Unsealed};
use doorward_domain::ctx::Actor;
use serde_json::{Value, json};

use super::args::VerifyAuditArgs;
use super::file::{self, reader};
use crate::cli::output::Output;
use crate::cli::stores::open;
use crate::cli::text_wrap;
use crate::config::Config;

/// The field of the server's log that contains a checkpoint.
const FIELD: &str = "audit.checkpoint";

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
    let (report, unsealed) = match &args.file {
        Some(path) => (file::verify(path, &keys, &recorded)?, Unsealed::default()),
        None => {
            let components = open(config).await?;
            let ctx = components.ctx(Actor::CommandLine);
            let verified = components
                .doorward
                .audit
                .verify(&ctx, &keys, &recorded)
                .await;
            components.close().await;
            verified?
        }
    };
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
        text += "\nWithout a recorded checkpoint (--checkpoint, --checkpoints-from) a removed end is not detected.";
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
    let mut all = Vec::new();
    for text in &args.checkpoint {
        let read = CheckpointId::parse(text);
        all.push(read.with_context(|| format!("{text:?} is not a checkpoint: POSITION:HASH"))?);
    }
    if let Some(path) = &args.checkpoints_from {
        let before = all.len();
        for line in reader(path)?.lines() {
            all.extend(checkpoint_in(&line?));
        }
        if all.len() == before {
            bail!("no checkpoint found in {}", path.display());
        }
    }
    Ok(all)
}

/// The checkpoint in a line of the server's log, in any format.
fn checkpoint_in(line: &str) -> Option<CheckpointId> {
    let (_, rest) = line.split_once(FIELD)?;
    // The escape codes of colours contain digits, too.
    let words = rest.split(|c: char| c != ':' && !c.is_ascii_hexdigit());
    words
        .map(|word| word.trim_start_matches(':'))
        .find_map(CheckpointId::parse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_found_in_each_log_format() {
        let digest = "ab".repeat(32);
        let expected = CheckpointId::parse(&format!("12:{digest}"));
        for line in [
            format!("2026-11-21T08:00:00Z  INFO audit log sealed audit.checkpoint=12:{digest}"),
            format!(
                "{{\"level\":\"INFO\",\"audit.checkpoint\":\"12:{digest}\",\"message\":\"x\"}}"
            ),
            format!("\u{1b}[3maudit.checkpoint\u{1b}[0m\u{1b}[2m=\u{1b}[0m12:{digest} 7"),
        ] {
            assert_eq!(checkpoint_in(&line), expected, "{line}");
        }
        assert_eq!(checkpoint_in("audit.checkpoint=12:ab"), None);
        assert_eq!(checkpoint_in("nothing"), None);
    }
}
