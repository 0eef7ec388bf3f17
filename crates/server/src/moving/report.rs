//! What became of everybody: counts for the summary, and, in a file of JSON lines, each who was not
//! taken or is not as they were. Names are in it, hashes never.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use doorward_domain::flows::import::ImportOutcome;
use serde_json::{Value, json};

use super::source::Place;
use super::{Note, Rejection, part};

/// So many rejections are told at once where no report is written.
const TOLD: usize = 10;

/// The counts, and the file where one is wanted.
pub struct Report {
    file: Option<BufWriter<File>>,
    /// How many were read, whatever they were.
    pub read: u64,
    imported: u64,
    already_there: u64,
    skipped: BTreeMap<String, u64>,
    rejected: BTreeMap<String, u64>,
    adapted: BTreeMap<String, u64>,
    told: Vec<String>,
}

impl Report {
    /// Begins a report, in a file if one is named.
    pub fn begin(path: Option<&Path>) -> anyhow::Result<Self> {
        Ok(Self {
            file: path.map(part::create_private).transpose()?,
            read: 0,
            imported: 0,
            already_there: 0,
            skipped: BTreeMap::new(),
            rejected: BTreeMap::new(),
            adapted: BTreeMap::new(),
            told: Vec::new(),
        })
    }

    /// Nobody was made of this one.
    pub fn reject(&mut self, place: Place, rejection: &Rejection) -> std::io::Result<()> {
        self.read += 1;
        let (word, counts) = match rejection.is_nobody {
            true => ("skipped", &mut self.skipped),
            false => ("rejected", &mut self.rejected),
        };
        *counts.entry(rejection.code.clone()).or_default() += 1;
        let named = rejection.named.as_deref();
        if !rejection.is_nobody && self.told.len() < TOLD {
            let named =
                named.map_or_else(String::new, |named| format!(" ({})", named.escape_debug()));
            // A field's name comes from the file, and must not move the cursor.
            let detail = rejection.detail.replace(char::is_control, "\u{fffd}");
            self.told
                .push(format!("{}{named}: {detail}", spelled(place)));
        }
        let line = json!({
            "outcome": word, "code": rejection.code, "detail": rejection.detail, "named": named,
        });
        self.write(place, line)
    }

    /// This one is in, or would be.
    pub fn take(
        &mut self,
        place: Place,
        outcome: &ImportOutcome,
        id: &str,
        named: Option<&str>,
        notes: &[Note],
    ) -> std::io::Result<()> {
        self.read += 1;
        match outcome {
            ImportOutcome::AlreadyThere => self.already_there += 1,
            _ => self.imported += 1,
        }
        for note in notes {
            *self.adapted.entry(note.code.clone()).or_default() += 1;
            let mut line = json!({
                "outcome": "adapted", "code": note.code, "detail": note.detail, "named": named, "id": id,
            });
            if let Some(was) = &note.was {
                line["was"] = was.as_str().into();
            }
            self.write(place, line)?;
        }
        Ok(())
    }

    fn write(&mut self, place: Place, mut line: Value) -> std::io::Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        match place {
            Place::Line(number) => line["line"] = number.into(),
            Place::Item(number) => line["item"] = number.into(),
        }
        writeln!(file, "{line}")
    }

    /// What was written is there, even if this process ends here.
    pub fn flush(&mut self) -> std::io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }

    /// How many were rejected.
    pub fn rejected(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// The first rejections, for whoever wants no file of them.
    pub fn told(&self) -> &[String] {
        &self.told
    }

    /// For people. `verb` is what was done to those who are in now.
    pub fn text(&self, verb: &str) -> String {
        let mut text = format!(
            "{} read, {} {verb}, {} already there, {} rejected.",
            self.read,
            self.imported,
            self.already_there,
            self.rejected()
        );
        for (word, counts) in [
            ("rejected", &self.rejected),
            ("skipped", &self.skipped),
            ("adapted", &self.adapted),
        ] {
            for (code, count) in counts {
                let _ = write!(text, "\n  {word:<9} {count:>9}  {code}");
            }
        }
        text
    }

    /// For programs.
    pub fn value(&self) -> Value {
        json!({
            "read": self.read,
            "imported": self.imported,
            "already_there": self.already_there,
            "rejected": self.rejected,
            "skipped": self.skipped,
            "adapted": self.adapted,
        })
    }
}

fn spelled(place: Place) -> String {
    match place {
        Place::Line(number) => format!("line {number}"),
        Place::Item(number) => format!("user {number}"),
    }
}
