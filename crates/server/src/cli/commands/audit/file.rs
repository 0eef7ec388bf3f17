//! Verifies an exported log, line by line in constant memory.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, bail};
use doorward_domain::audit::{AuditPublicKey, AuditReport, CheckpointId, Verifier, Violation};

use super::lines::AuditLine;

/// The maximum length of a line in bytes.
const MAX_LINE_BYTES: u64 = 1 << 20;

/// Verifies the file. Trusts only `keys`. Fails if the file is filtered.
pub(super) fn verify(
    path: &Path,
    keys: &[AuditPublicKey],
    recorded: &[CheckpointId],
) -> anyhow::Result<AuditReport> {
    if keys.is_empty() {
        bail!("pass the trusted key: --key KEY. `doorward audit key` prints it on the server");
    }
    let mut lines = LineReader {
        reader: reader(path)?,
        number: 0,
        name: path.display().to_string(),
    };
    let header = match lines.next()? {
        Some(AuditLine::Header(header)) => header.read(),
        _ => None,
    };
    let header = header.with_context(|| lines.bad())?;
    let mut verifier = Verifier::new(keys.to_vec(), recorded);
    if !keys.iter().any(|key| key.verify_export(&header)) {
        return Ok(verifier.report(Err(Violation::ExportHeaderForged)));
    }
    if !header.complete {
        bail!(
            "{} is a filtered export, which is for reading only. Verify an export of the whole log, without --since, --until, --user and --event",
            lines.name
        );
    }
    let outcome = verify_lines(&mut lines, &mut verifier)?.and_then(|()| verifier.finish());
    let mut report = verifier.report(outcome);
    if report.violation.is_none() && report.last != header.end {
        let position = header.end.as_ref().map_or(0, |end| end.position);
        let is_cut = report
            .last
            .as_ref()
            .is_none_or(|last| last.position < position);
        report.violation = Some(match is_cut {
            true => Violation::LogEndMissing { position },
            false => Violation::CheckpointMismatch { position },
        });
    }
    Ok(report)
}

fn verify_lines(
    lines: &mut LineReader,
    verifier: &mut Verifier,
) -> anyhow::Result<Result<(), Violation>> {
    while let Some(line) = lines.next()? {
        let checked = match line {
            AuditLine::Header(_) => None,
            AuditLine::Event(event) => event.read().map(|event| verifier.event(&event)),
            AuditLine::Checkpoint(checkpoint) => {
                let checkpoint = checkpoint.read();
                checkpoint.map(|checkpoint| verifier.checkpoint(&checkpoint))
            }
        };
        let checked = checked.with_context(|| lines.bad())?;
        if checked.is_err() {
            return Ok(checked);
        }
    }
    Ok(Ok(()))
}

/// Opens a file, or standard input for `-`.
fn reader(path: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    if path == Path::new("-") {
        return Ok(Box::new(std::io::stdin().lock()));
    }
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Box::new(BufReader::new(file)))
}

/// The lines of a file, with a maximum length.
struct LineReader {
    reader: Box<dyn BufRead>,
    number: usize,
    name: String,
}

impl LineReader {
    fn next(&mut self) -> anyhow::Result<Option<AuditLine>> {
        let mut line = Vec::new();
        self.number += 1;
        let mut bounded = (&mut self.reader).take(MAX_LINE_BYTES);
        bounded.read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        let text = std::str::from_utf8(&line).ok();
        let parsed = text.and_then(AuditLine::parse);
        parsed.map(Some).with_context(|| self.bad())
    }

    fn bad(&self) -> String {
        let Self { number, name, .. } = self;
        format!("line {number} of {name} is not a line of an exported audit log")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// H-05: a file without line breaks is not read into memory.
    #[test]
    fn a_line_has_a_maximum_length() {
        let endless = std::io::repeat(b' ');
        let mut lines = LineReader {
            reader: Box::new(BufReader::new(endless)),
            number: 0,
            name: "it".to_owned(),
        };
        let refused = lines.next().err().unwrap();
        assert_eq!(
            refused.to_string(),
            "line 1 of it is not a line of an exported audit log"
        );
    }

    /// H-04: a field that is unknown or repeated is an error, as another reader could read it differently.
    #[test]
    fn a_line_has_one_meaning() {
        let line = concat!(
            "{\"checkpoint\":{\"position\":1,\"hash\":\"00\",\"created_at\":\"\",",
            "\"pruned_at\":null,\"key_id\":\"\",\"signature\":\"\"}}"
        );
        assert!(AuditLine::parse(line).is_some());
        for (from, to) in [
            ("\"position\":1", "\"position\":1,\"position\":1"),
            ("\"position\":1", "\"position\":1,\"more\":1"),
            ("{\"checkpoint\"", "{\"more\":1,\"checkpoint\""),
            ("}}", "}} x"),
        ] {
            assert!(
                AuditLine::parse(&line.replacen(from, to, 1)).is_none(),
                "{to}"
            );
        }
    }
}
