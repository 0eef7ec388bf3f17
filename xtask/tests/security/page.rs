//! The page's tables: handwritten cells, and generated ones.

use std::fmt::Write as _;

use crate::requirement_ids::{RequirementIds, SourceLocation, is_number};

/// Maximum number of tests in a cell. The rest is not counted: a count would change with every test.
const NAMED: usize = 4;
/// Maximum number of files in a cell.
const FILES: usize = 3;
/// The last two headings of a table with generated cells; the table of tests has only the second.
const FILLED: &str = "| code | tests |";

/// The page.
pub struct Page {
    lines: Vec<Line>,
}

enum Line {
    Text(String),
    Row(Row),
}

/// A requirement, or a test of section 2.
pub struct Row {
    /// Such as `A-08`.
    pub number: String,
    /// The handwritten cells: number, meaning, source.
    written: Vec<String>,
}

impl Row {
    /// A requirement needs code that implements it; a test only has to exist.
    pub fn is_requirement(&self) -> bool {
        !self.number.starts_with("T-")
    }

    /// Returns `true` if the row has a reason why it is not built, or built differently.
    pub fn differs(&self) -> bool {
        self.written
            .iter()
            .any(|cell| cell.contains("**Differs:**"))
    }

    fn filled_by(&self, ids: &RequirementIds) -> String {
        let kept = ids.kept_in(&self.number);
        let mut kept_cell: Vec<_> = kept
            .iter()
            .take(FILES)
            .map(|file| file_link(file))
            .collect();
        more(&mut kept_cell, kept.len(), FILES);
        let shown = ids.shown_by(&self.number);
        let mut shown_cell: Vec<_> = shown.iter().take(NAMED).map(place_link).collect();
        more(&mut shown_cell, shown.len(), NAMED);
        let written = self.written.join(" | ");
        let (kept, shown) = (kept_cell.join(", "), shown_cell.join(", "));
        let mut row = format!("| {written} |");
        for cell in [kept, shown] {
            let cell = if cell.is_empty() {
                "–".to_owned()
            } else {
                cell
            };
            let _ = write!(row, " {cell} |");
        }
        row
    }
}

fn more(cell: &mut Vec<String>, all: usize, named: usize) {
    if all > named {
        cell.push("…".to_owned());
    }
}

/// The last two path components, since a file name is too short and the path too long.
fn file_link(file: &str) -> String {
    let steps: Vec<_> = file.rsplit('/').take(2).collect();
    let short: Vec<_> = steps.into_iter().rev().collect();
    format!("[{}](../{file})", short.join("/"))
}

fn place_link(place: &SourceLocation) -> String {
    match &place.function {
        Some(function) => format!("[{function}](../{})", place.file),
        None => file_link(&place.file),
    }
}

impl Page {
    /// Parses the tables with the two headings.
    pub fn parse(text: &str) -> Self {
        let mut is_filled = false;
        let lines = text.lines().map(|line| {
            if !line.starts_with('|') {
                is_filled = false;
            } else if line.ends_with(FILLED) {
                is_filled = true;
            }
            match is_filled.then(|| row(line)).flatten() {
                Some(row) => Line::Row(row),
                None => Line::Text(line.to_owned()),
            }
        });
        Self {
            lines: lines.collect(),
        }
    }

    /// Every row with a number.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.lines.iter().filter_map(|line| match line {
            Line::Row(row) => Some(row),
            Line::Text(_) => None,
        })
    }

    /// The page with generated cells.
    pub fn filled_by(&self, ids: &RequirementIds) -> String {
        let lines = self.lines.iter().map(|line| match line {
            Line::Text(text) => text.clone(),
            Line::Row(row) => row.filled_by(ids),
        });
        lines.map(|line| line + "\n").collect()
    }
}

/// Number, meaning and source. Generated cells are dropped.
fn row(line: &str) -> Option<Row> {
    let inner = line.strip_prefix("| ")?.strip_suffix(" |")?;
    let cells: Vec<_> = inner.split(" | ").map(str::to_owned).collect();
    let number = cells.first()?.clone();
    is_number(&number).then(|| Row {
        number,
        written: cells.into_iter().take(3).collect(),
    })
}
