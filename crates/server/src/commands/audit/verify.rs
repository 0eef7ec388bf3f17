//! `doorward audit verify`: the database's log, or a file's.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, bail};
use doorward_domain::audit::checker::{Extent, Tally};
use doorward_domain::audit::walk::AuditVerdict;
use doorward_domain::audit::{AuditPublicKey, Checkpoint, Finding};
use doorward_domain::ctx::Actor;
use serde_json::{Value, json};

use super::super::{Output, open, say};
use super::{DoesNotHold, file};
use crate::cli::VerifyAudit;
use crate::columns;
use crate::config::Config;

/// How many findings are shown; all are counted.
const SHOWN: u64 = 1000;
/// What the server writes before a checkpoint.
const MARK: &str = "audit.checkpoint";

pub(super) async fn run(config: &Config, args: &VerifyAudit, output: Output) -> anyhow::Result<()> {
    let keys = args.key.iter().map(|key| {
        let read: Result<AuditPublicKey, ()> = key.parse();
        read.map_err(|()| {
            anyhow::anyhow!("{key:?} is no public key: `doorward audit key` prints it")
        })
    });
    let keys = keys.collect::<anyhow::Result<Vec<_>>>()?;
    let checkpoints = checkpoints(args)?;
    let mut told = Told { output, count: 0 };
    let (verdict, extent) = match &args.file {
        Some(path) => file::check(path, &keys, &checkpoints, &mut told)?,
        None => {
            let wired = open(config).await?;
            let ctx = wired.ctx(Actor::CommandLine);
            let mut found = |finding| told.tell(&finding);
            let verdict = wired
                .accounts
                .verify_audit(&ctx, &keys, &checkpoints, &mut found)
                .await;
            wired.close().await;
            (verdict?, Extent::Whole)
        }
    };
    conclude(&verdict, extent, &checkpoints, output)
}

/// Says what is wrong as it is found.
pub(super) struct Told {
    output: Output,
    pub(super) count: u64,
}

impl Told {
    pub(super) fn tell(&mut self, finding: &Finding) {
        self.count += 1;
        if self.count > SHOWN {
            return;
        }
        let line = if self.output.json {
            json!({"finding": finding.word(), "seal": finding.position, "to_seal": finding.to,
                "event": finding.event.map(|id| id.to_string()), "detail": finding.to_string()})
            .to_string()
        } else {
            finding.to_string()
        };
        // Nobody may listen; the exit code says it too.
        let _ = say(&line);
    }
}

/// What is worth a word, and is nothing wrong by itself.
fn notes(verdict: &AuditVerdict) -> Vec<(&'static str, u64, String)> {
    let noted = [
        (
            "event-unsealed",
            verdict.overdue,
            "wait for a seal for more than five minutes: no server runs, or it cannot seal",
        ),
        (
            "event-sealed-late",
            verdict.late,
            "were sealed more than ten minutes after they say they were written: no server ran, or it had \
             just been upgraded; or they were added then",
        ),
    ];
    let note = |(word, tally, sentence): (_, Tally, _)| {
        let (first, count) = (tally.first?, tally.count);
        let text = format!("{count} events {sentence}. The first is {first}");
        Some((word, count, text))
    };
    let unseen = || {
        let text = "the database does not tell this role of triggers and events, by which lines can be kept out \
            of the log: look by SHOW TRIGGERS and SHOW EVENTS as one who has the rights TRIGGER and EVENT";
        ("triggers-unseen", 1, text.to_owned())
    };
    let unseen = (!verdict.is_told_of_triggers).then(unseen);
    noted.into_iter().filter_map(note).chain(unseen).collect()
}

fn conclude(
    verdict: &AuditVerdict,
    extent: Extent,
    checkpoints: &[Checkpoint],
    output: Output,
) -> anyhow::Result<()> {
    let value = value(verdict, extent);
    let mut text = columns::fitted(&in_words(verdict, extent, checkpoints));
    // To be copied, so on a line of its own, however long.
    if let Some(last) = &verdict.last {
        text += &format!("\nThe log ends with this checkpoint:\n{last}");
    }
    output.print_as_it_is(&text, &value)?;
    match verdict.findings {
        0 => Ok(()),
        findings => Err(DoesNotHold { findings }.into()),
    }
}

fn in_words(verdict: &AuditVerdict, extent: Extent, checkpoints: &[Checkpoint]) -> String {
    let AuditVerdict { seals, events, .. } = verdict;
    let mut text = format!("{events} events in {seals} seals");
    if let Some(position) = verdict.let_go_to {
        text += &format!("; up to seal {position} they were let go after their time");
    }
    if verdict.erased > 0 {
        text += &format!(
            "; {} without their addresses, since the accounts are deleted",
            verdict.erased
        );
    }
    if verdict.waiting > 0 {
        text += &format!(
            "; {} more wait for a seal, and could still be changed",
            verdict.waiting
        );
    }
    for (_, _, note) in notes(verdict) {
        text += &format!(".\nNote: {note}");
    }
    if extent == Extent::Chosen {
        text += ".\nThe file holds a choice of events: whether others are missing cannot be told from it";
    }
    text += if checkpoints.is_empty() {
        ".\nNo checkpoint was given: whether seals were cut off the end cannot be told (--checkpoint, --from-log)."
    } else {
        "."
    };
    text
}

fn value(verdict: &AuditVerdict, extent: Extent) -> Value {
    let note = |(word, count, text)| json!({"note": word, "count": count, "detail": text});
    let notes: Vec<_> = notes(verdict).into_iter().map(note).collect();
    json!({"holds": verdict.findings == 0, "findings": verdict.findings, "seals": verdict.seals,
        "events": verdict.events, "erased": verdict.erased, "waiting": verdict.waiting,
        "let_go_to": verdict.let_go_to, "checkpoint": verdict.last.as_ref().map(ToString::to_string),
        "checkpoints_met": verdict.checkpoints_met, "whole": extent == Extent::Whole,
        "notes": notes})
}

fn checkpoints(args: &VerifyAudit) -> anyhow::Result<Vec<Checkpoint>> {
    let mut all = Vec::new();
    for text in &args.checkpoint {
        let read = Checkpoint::parse(text);
        all.push(read.with_context(|| format!("{text:?} is no checkpoint: POSITION:DIGEST"))?);
    }
    if let Some(path) = &args.from_log {
        let before = all.len();
        for line in reader(path)?.lines() {
            all.extend(checkpoint_in(&line?));
        }
        if all.len() == before {
            bail!("no checkpoint is in {}", path.display());
        }
    }
    Ok(all)
}

/// The checkpoint that a line of the log tells of, in whatever format.
fn checkpoint_in(line: &str) -> Option<Checkpoint> {
    let (_, rest) = line.split_once(MARK)?;
    // Colours, between the name and the value, have numbers too.
    let words = rest.split(|c: char| c != ':' && !c.is_ascii_hexdigit());
    words
        .map(|word| word.trim_start_matches(':'))
        .find_map(Checkpoint::parse)
}

pub(super) fn reader(path: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    if path == Path::new("-") {
        return Ok(Box::new(std::io::stdin().lock()));
    }
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Box::new(BufReader::new(file)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_found_in_either_format_of_the_log() {
        let digest = "ab".repeat(32);
        let expected = Checkpoint::parse(&format!("12:{digest}"));
        for line in [
            format!(
                "2026-11-21T08:00:00Z  INFO the audit log is sealed up to here audit.checkpoint=12:{digest}"
            ),
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
