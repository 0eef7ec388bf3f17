//! The result of an import: counts for the summary, and a file of JSON lines with every user that was rejected
//! or changed. It contains names but never a hash.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use doorward_domain::transfer::ImportOutcome;
use doorward_import::{ImportNote, Location, Rejection};
use serde_json::{Value, json};

use crate::data_dir::private_file;

/// Maximum number of rejections that are printed if no report is written.
const MAX_PRINTED: usize = 10;

/// The counts, and the file if one was requested.
pub struct ImportReport {
    file: Option<BufWriter<File>>,
    /// Number of records read.
    pub read: u64,
    imported: u64,
    already_exists: u64,
    skipped: BTreeMap<String, u64>,
    rejected: BTreeMap<String, u64>,
    adapted: BTreeMap<String, u64>,
    printed: Vec<String>,
    /// The last record, and whether it was before the end of the file.
    last: Option<Location>,
    is_incomplete: bool,
}

impl ImportReport {
    /// Begins a report, in a file if one is given.
    pub fn begin(path: Option<&Path>) -> anyhow::Result<Self> {
        Ok(Self {
            file: path.map(create).transpose()?,
            read: 0,
            imported: 0,
            already_exists: 0,
            skipped: BTreeMap::new(),
            rejected: BTreeMap::new(),
            adapted: BTreeMap::new(),
            printed: Vec::new(),
            last: None,
            is_incomplete: false,
        })
    }

    /// Counts a rejected or skipped record.
    pub fn reject(&mut self, location: Location, rejection: &Rejection) -> std::io::Result<()> {
        self.read += 1;
        self.last = Some(location);
        let (word, counts) = match rejection.is_skipped {
            true => ("skipped", &mut self.skipped),
            false => ("rejected", &mut self.rejected),
        };
        *counts.entry(rejection.code.clone()).or_default() += 1;
        let identifier = rejection.identifier.as_deref();
        if !rejection.is_skipped && self.printed.len() < MAX_PRINTED {
            let identifier = identifier.map_or_else(String::new, |identifier| {
                format!(" ({})", identifier.escape_debug())
            });
            // The name of a field comes from the file and could contain control sequences.
            let detail = rejection.detail.replace(char::is_control, "\u{fffd}");
            self.printed
                .push(format!("{}{identifier}: {detail}", describe(location)));
        }
        let line = json!({
            "outcome": word, "code": rejection.code, "detail": rejection.detail, "identifier": identifier,
        });
        self.write(location, line)
    }

    /// Counts a user that was imported or exists already.
    pub fn add(
        &mut self,
        location: Location,
        outcome: &ImportOutcome,
        id: &str,
        identifier: Option<&str>,
        notes: &[ImportNote],
    ) -> std::io::Result<()> {
        self.read += 1;
        self.last = Some(location);
        match outcome {
            ImportOutcome::AlreadyExists => self.already_exists += 1,
            _ => self.imported += 1,
        }
        for note in notes {
            *self.adapted.entry(note.code.clone()).or_default() += 1;
            let mut line = json!({
                "outcome": "adapted", "code": note.code, "detail": note.detail, "identifier": identifier, "id": id,
            });
            if let Some(original) = &note.original {
                line["original"] = original.as_str().into();
            }
            self.write(location, line)?;
        }
        Ok(())
    }

    fn write(&mut self, location: Location, mut line: Value) -> std::io::Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        match location {
            Location::Line(number) => line["line"] = number.into(),
            Location::Item(number) => line["item"] = number.into(),
        }
        writeln!(file, "{line}")
    }

    /// Writes the buffered lines.
    pub fn flush(&mut self) -> std::io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }

    /// Notes that the import failed before the end of the file.
    pub fn mark_incomplete(&mut self) {
        self.is_incomplete = true;
    }

    /// Number of rejected users.
    pub fn rejected(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// The first rejections, to print if no report is written.
    pub fn printed(&self) -> &[String] {
        &self.printed
    }

    /// The summary as text. `verb` is what was done to imported users.
    pub fn text(&self, verb: &str) -> String {
        let mut text = format!(
            "{} read, {} {verb}, {} already exist, {} rejected.",
            self.read,
            self.imported,
            self.already_exists,
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
        match (self.is_incomplete, self.last) {
            (false, _) => {}
            (true, None) => text += "\nStopped early: no user was imported.",
            (true, Some(location)) => {
                let _ = write!(
                    text,
                    "\nStopped early: no user after {} was imported.",
                    describe(location)
                );
            }
        }
        text
    }

    /// The summary as JSON.
    pub fn value(&self) -> Value {
        let mut value = json!({
            "read": self.read,
            "imported": self.imported,
            "already_exists": self.already_exists,
            "rejected": self.rejected,
            "skipped": self.skipped,
            "adapted": self.adapted,
        });
        if self.is_incomplete {
            value["stopped_after"] = match self.last {
                None => json!({}),
                Some(Location::Line(number)) => json!({ "line": number }),
                Some(Location::Item(number)) => json!({ "item": number }),
            };
        }
        value
    }
}

/// Creates the file. Only the owner may read it: it contains names and email addresses.
fn create(path: &Path) -> anyhow::Result<BufWriter<File>> {
    let created = private_file::create_new(path).map(BufWriter::new);
    created.with_context(|| format!("cannot create {}", path.display()))
}

fn describe(location: Location) -> String {
    match location {
        Location::Line(number) => format!("line {number}"),
        Location::Item(number) => format!("user {number}"),
    }
}
