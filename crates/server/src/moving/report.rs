//! What became of everybody: counts for the summary, and, in a file of JSON lines, each who was not
//! taken or is not as they were. Names are in it, hashes never.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, bail};
use doorward_domain::flows::import::ImportOutcome;
use serde_json::{Value, json};

use super::source::{MAX_USER, Place, Source};
use super::{Note, Rejection, part};

/// So many rejections are told at once where no report is written.
const TOLD: usize = 10;
/// What became of somebody who is in a report.
const OUTCOMES: [&str; 3] = ["rejected", "skipped", "adapted"];

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
    /// Who was the last, and whether that was before the end of the file.
    last: Option<Place>,
    is_cut_short: bool,
}

impl Report {
    /// Begins a report, in a file if one is named.
    pub fn begin(path: Option<&Path>) -> anyhow::Result<Self> {
        Ok(Self {
            file: path.map(create).transpose()?,
            read: 0,
            imported: 0,
            already_there: 0,
            skipped: BTreeMap::new(),
            rejected: BTreeMap::new(),
            adapted: BTreeMap::new(),
            told: Vec::new(),
            last: None,
            is_cut_short: false,
        })
    }

    /// Nobody was made of this one.
    pub fn reject(&mut self, place: Place, rejection: &Rejection) -> std::io::Result<()> {
        self.read += 1;
        self.last = Some(place);
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
        self.last = Some(place);
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

    /// Something went wrong before the end of the file.
    pub fn cut_short(&mut self) {
        self.is_cut_short = true;
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
        match (self.is_cut_short, self.last) {
            (false, _) => {}
            (true, None) => text += "\nIt ended early: nobody of the file was taken in.",
            (true, Some(place)) => {
                let _ = write!(
                    text,
                    "\nIt ended early: nobody behind {} was taken in.",
                    spelled(place)
                );
            }
        }
        text
    }

    /// For programs.
    pub fn value(&self) -> Value {
        let mut value = json!({
            "read": self.read,
            "imported": self.imported,
            "already_there": self.already_there,
            "rejected": self.rejected,
            "skipped": self.skipped,
            "adapted": self.adapted,
        });
        if self.is_cut_short {
            value["nobody_behind"] = match self.last {
                None => json!({}),
                Some(Place::Line(number)) => json!({ "line": number }),
                Some(Place::Item(number)) => json!({ "item": number }),
            };
        }
        value
    }
}

/// Whether a report of that file can be written there: where nothing is, or an older report.
pub fn check_place(path: &Path, source: &Source) -> anyhow::Result<()> {
    if source.is_at(path) {
        bail!(
            "{} is what is read; write the report into another file",
            path.display()
        );
    }
    check_old(path)
}

fn check_old(path: &Path) -> anyhow::Result<()> {
    let cannot = || format!("no report can be written into {}", path.display());
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(cannot),
        Ok(there) if there.is_file() && is_report(path).with_context(cannot)? => Ok(()),
        Ok(_) => bail!(
            "{} is there already, and is no report of an import; choose another name, or take it away",
            path.display()
        ),
    }
}

fn is_report(path: &Path) -> std::io::Result<bool> {
    let mut line = Vec::new();
    let file = BufReader::new(File::open(path)?);
    file.take(4 * MAX_USER).read_until(b'\n', &mut line)?;
    let first: Option<Value> = serde_json::from_slice(&line).ok();
    let is_line = first.is_some_and(|line| {
        let has = |name: &str| line[name].is_string();
        let is_known = OUTCOMES.iter().any(|word| line["outcome"] == *word);
        is_known && has("code") && has("detail")
    });
    Ok(line.is_empty() || is_line)
}

/// A new file, for its owner alone. An older report goes by its name: what else the name may have come
/// to mean meanwhile is not written to.
fn create(path: &Path) -> anyhow::Result<BufWriter<File>> {
    check_old(path)?;
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(part::MODE)
            .open(path),
    }
    .map(BufWriter::new)
    .with_context(|| format!("{} cannot be written", path.display()))
}

fn spelled(place: Place) -> String {
    match place {
        Place::Line(number) => format!("line {number}"),
        Place::Item(number) => format!("user {number}"),
    }
}
