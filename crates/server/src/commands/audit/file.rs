//! An exported log, checked line by line. It is somebody else's file: no more of it is held at a time than one
//! seal has.

use std::io::{BufRead, Read};
use std::path::Path;

use anyhow::{Context, bail};
use doorward_domain::audit::checker::{Checker, Extent, Flaw, Tally, Waiting};
use doorward_domain::audit::walk::AuditVerdict;
use doorward_domain::audit::{AuditPublicKey, Checkpoint, Finding};
use doorward_domain::model::{AuditRecord, Erasure, Seal};

use super::lines::{self, Line};
use super::verify::{Told, reader};

/// A seal names 200 events, and an event's texts are short.
const LONGEST_LINE: u64 = 1 << 20;
/// How many events, or erasures, may stand at one seal.
const MOST_AT_A_SEAL: usize = 20_000;

/// What the file comes to; signatures are trusted by those keys alone.
pub(super) fn check(
    path: &Path,
    keys: &[AuditPublicKey],
    checkpoints: &[Checkpoint],
    told: &mut Told,
) -> anyhow::Result<(AuditVerdict, Extent)> {
    if keys.is_empty() {
        bail!(
            "say whose signatures to trust: --key KEY, as `doorward audit key` prints it on the server"
        );
    }
    let mut lines = Lines {
        reader: reader(path)?,
        number: 0,
        name: path.display().to_string(),
    };
    let first = lines.next()?.unwrap_or_default();
    let Some(Line::Head(head)) = lines::read(&first) else {
        bail!(lines.bad());
    };
    if !keys.iter().any(|key| key.signed_export(&head)) {
        told.tell(&Finding::of_log(Flaw::HeadForged));
    }
    let mut check = Check {
        checker: Checker::new(keys.to_vec(), head.extent, checkpoints),
        last: head.last,
        erasures: Vec::new(),
        group: None,
        waiting: Waiting::new(head.exported_at),
        told,
    };
    while let Some(line) = lines.next()? {
        let line = lines::read(&line).filter(|line| check.has_place_for(line));
        check.take(line.with_context(|| lines.bad())?);
    }
    Ok((check.conclude(), head.extent))
}

/// A file's lines, none of them longer than it may be.
struct Lines {
    reader: Box<dyn BufRead>,
    number: usize,
    name: String,
}

impl Lines {
    fn next(&mut self) -> anyhow::Result<Option<String>> {
        let mut line = Vec::new();
        self.number += 1;
        let mut bounded = (&mut self.reader).take(LONGEST_LINE);
        bounded.read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        if bounded.limit() == 0 {
            bail!(self.bad());
        }
        let text = String::from_utf8(line).with_context(|| self.bad())?;
        Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
    }

    fn bad(&self) -> String {
        let Self { number, name, .. } = self;
        format!("line {number} of {name} is none of an exported audit log")
    }
}

/// A seal with what follows it.
struct Group {
    erasures: Vec<Erasure>,
    seal: Box<Seal>,
    records: Vec<AuditRecord>,
}

struct Check<'a> {
    checker: Checker,
    /// With which seal the file ends, as its signed head says.
    last: Option<Checkpoint>,
    /// Of the seal to come.
    erasures: Vec<Erasure>,
    group: Option<Group>,
    waiting: Waiting,
    told: &'a mut Told,
}

impl Check<'_> {
    fn has_place_for(&self, line: &Line) -> bool {
        match line {
            Line::Head(_) => false,
            // What waits for its seal comes last.
            Line::Erasure(_) | Line::Seal(_) if self.waiting.count > 0 => false,
            Line::Erasure(_) => self.erasures.len() < MOST_AT_A_SEAL,
            Line::Seal(_) => true,
            Line::Event(record) if record.seal.is_none() => true,
            Line::Event(_) => {
                let group = self.group.as_ref();
                group.is_some_and(|group| group.records.len() < MOST_AT_A_SEAL)
            }
        }
    }

    fn take(&mut self, line: Line) {
        match line {
            Line::Head(_) => {}
            Line::Erasure(erasure) => self.erasures.push(erasure),
            Line::Seal(seal) => {
                self.check_group();
                self.group = Some(Group {
                    erasures: std::mem::take(&mut self.erasures),
                    seal,
                    records: Vec::new(),
                });
            }
            Line::Event(record) if record.seal.is_none() => {
                let finding = self.waiting.look(&record);
                finding.iter().for_each(|finding| self.told.tell(finding));
            }
            Line::Event(record) => {
                if let Some(group) = &mut self.group {
                    group.records.push(*record);
                }
            }
        }
    }

    fn check_group(&mut self) {
        let Some(group) = self.group.take() else {
            return;
        };
        let checker = &mut self.checker;
        for finding in checker.check(&group.seal, &group.records, &group.erasures) {
            self.told.tell(&finding);
        }
        // A chain that forks from what the head has signed is another than that which was exported.
        let (found, last) = (checker.last(), self.last.as_ref());
        let (Some(found), Some(last)) = (found, last) else {
            return;
        };
        if found.position == last.position && found != *last {
            let flaw = Flaw::CheckpointDiffers;
            self.told.tell(&Finding::of_seal(flaw, last.position));
        }
    }

    fn conclude(mut self) -> AuditVerdict {
        self.check_group();
        let (checker, told) = (self.checker, self.told);
        let end = checker.position();
        if let Some(last) = self.last.filter(|last| last.position > end) {
            told.tell(&Finding::of_seal(Flaw::TailCut, last.position));
        }
        // Whoever exports seals what is there first: only the youngest may wait.
        let overdue = self.waiting.overdue.first;
        let overdue = overdue.map(|first| Finding::of_event(Flaw::Unsealed, None, first));
        for finding in checker.finish().iter().chain(&overdue) {
            told.tell(finding);
        }
        AuditVerdict {
            seals: checker.seals,
            events: checker.events,
            erased: checker.erased,
            waiting: self.waiting.count,
            overdue: Tally::default(),
            late: checker.late,
            let_go_to: checker.let_go_to,
            last: checker.last(),
            checkpoints_met: checker.checkpoints_met,
            is_told_of_triggers: true,
            findings: told.count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// H-05: a file without an end of its lines is not read into memory.
    #[test]
    fn a_line_is_as_long_as_it_may_be() {
        let lines = |length: usize| Lines {
            reader: Box::new(std::io::Cursor::new(
                [vec![b'a'; length], vec![b'\n']].concat(),
            )),
            number: 0,
            name: "it".to_owned(),
        };
        let longest = usize::try_from(LONGEST_LINE).unwrap() - 2;
        assert_eq!(lines(longest).next().unwrap().unwrap().len(), longest);
        for length in [longest + 1, longest + 2, longest * 3] {
            let refused = lines(length).next().unwrap_err();
            assert_eq!(
                refused.to_string(),
                "line 1 of it is none of an exported audit log"
            );
        }
    }
}
