//! Places of requirement numbers in the code.
//!
//! Lines are scanned, not parsed: a number counts for the function that contains it or follows it, or, at the top
//! of a file, for the file. Code below `#[cfg(test)]` is a test.

use std::collections::{BTreeMap, BTreeSet};

use doorward_testkit::repository::{root, tracked};

/// A place in the repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceLocation {
    /// Relative to the root.
    pub file: String,
    /// `None` for the whole file.
    pub function: Option<String>,
}

impl std::fmt::Display for SourceLocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.function {
            Some(function) => write!(f, "{}: {function}", self.file),
            None => f.write_str(&self.file),
        }
    }
}

/// All places of all numbers.
#[derive(Debug, Default)]
pub struct RequirementIds {
    shown: BTreeMap<String, BTreeSet<SourceLocation>>,
    kept: BTreeMap<String, BTreeSet<String>>,
}

impl RequirementIds {
    /// Reads all files under git.
    pub fn of_repository() -> Self {
        let mut ids = Self::default();
        // Files in which numbers are examples.
        let own = ["main.rs", "requirement_ids.rs", "page.rs"]
            .map(|name| format!("xtask/tests/security/{name}"));
        for file in tracked(&["*.rs", "*.lua", "*.sql", "*.toml", "*.yml"]) {
            if !own.contains(&file) && file != "Cargo.lock" {
                let text = std::fs::read_to_string(root().join(&file)).unwrap_or_default();
                ids.read(&file, &text);
            }
        }
        ids
    }

    /// Reads one file.
    pub fn read(&mut self, file: &str, text: &str) {
        let mut scan = Scan::of(file);
        for line in text.lines() {
            scan.enter(line);
            for number in numbers(line) {
                scan.pending.push(number);
            }
            scan.settle(line, self);
        }
        scan.end(self);
    }

    fn note(&mut self, number: &str, place: SourceLocation, is_test: bool) {
        if is_test {
            let places = self.shown.entry(number.to_owned()).or_default();
            places.insert(place);
        } else {
            let files = self.kept.entry(number.to_owned()).or_default();
            files.insert(place.file);
        }
    }

    /// Returns `true` if a test mentions the number.
    pub fn is_shown(&self, number: &str) -> bool {
        self.shown.contains_key(number)
    }

    /// The tests that show it. If a file has it both at its top and in functions, the functions are listed.
    pub fn shown_by(&self, number: &str) -> Vec<SourceLocation> {
        let Some(places) = self.shown.get(number) else {
            return Vec::new();
        };
        let by_function: BTreeSet<_> = places
            .iter()
            .filter(|place| place.function.is_some())
            .map(|place| &place.file)
            .collect();
        let is_told_apart = |place: &&SourceLocation| {
            place.function.is_some() || !by_function.contains(&place.file)
        };
        places.iter().filter(is_told_apart).cloned().collect()
    }

    /// The files whose code implements it.
    pub fn kept_in(&self, number: &str) -> Vec<&str> {
        let files = self.kept.get(number);
        files.into_iter().flatten().map(String::as_str).collect()
    }

    /// Every number with each of its places.
    pub fn all(&self) -> impl Iterator<Item = (&str, String)> {
        let shown = self.shown.iter().flat_map(|(number, places)| {
            places
                .iter()
                .map(move |place| (number.as_str(), place.to_string()))
        });
        let kept = self.kept.iter().flat_map(|(number, files)| {
            files
                .iter()
                .map(move |file| (number.as_str(), file.clone()))
        });
        shown.chain(kept)
    }
}

/// State of reading a file.
struct Scan {
    file: String,
    is_test: bool,
    function: Option<String>,
    /// Numbers in comments above the next function.
    pending: Vec<String>,
}

impl Scan {
    fn of(file: &str) -> Self {
        let is_test = ["/tests/", "/benches/", "/fuzzing/"]
            .iter()
            .any(|folder| file.contains(folder))
            // Tests of a module in a separate file, and fuzz targets.
            || file.ends_with("/tests.rs")
            || file.ends_with("/fuzzing.rs")
            || file.starts_with("crates/testkit/src/contract/")
            // A measurement counts as a test.
            || file.starts_with("xtask/src/")
            || file.starts_with("fuzz/");
        Self {
            file: file.to_owned(),
            is_test,
            function: None,
            pending: Vec::new(),
        }
    }

    fn enter(&mut self, line: &str) {
        // Not indented, so it is not an attribute of one item: the tests are at the end of a module.
        if line.starts_with("#[cfg(test)]") {
            self.is_test = true;
            self.function = None;
        }
        if line == "}" {
            self.function = None;
        }
    }

    /// Assigns the pending numbers once their place is known.
    fn settle(&mut self, line: &str, ids: &mut RequirementIds) {
        let code = line.trim_start();
        if let Some(name) = function_name(code) {
            self.function = Some(name.to_owned());
        } else if code.starts_with("///")
            || code.starts_with("#[")
            || (code.starts_with("//") && self.is_above_all(code))
        {
            return;
        }
        self.give(ids);
    }

    fn is_above_all(&self, code: &str) -> bool {
        self.function.is_none() && !code.starts_with("//!")
    }

    fn give(&mut self, ids: &mut RequirementIds) {
        for number in std::mem::take(&mut self.pending) {
            let place = SourceLocation {
                file: self.file.clone(),
                function: self.function.clone(),
            };
            ids.note(&number, place, self.is_test);
        }
    }

    fn end(mut self, ids: &mut RequirementIds) {
        self.give(ids);
    }
}

fn function_name(code: &str) -> Option<&str> {
    let code = code.strip_prefix("pub ").unwrap_or(code);
    let code = code.strip_prefix("async ").unwrap_or(code);
    let name = code.strip_prefix("fn ")?;
    name.split(['(', '<']).next()
}

/// The numbers in a line, such as `A-08` or `T-RACE`.
fn numbers(line: &str) -> impl Iterator<Item = String> {
    let words = line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'));
    words.filter(|word| is_number(word)).map(str::to_owned)
}

/// Returns `true` for a number; `X-00`, dates and test data are not.
pub fn is_number(word: &str) -> bool {
    match word.split_once('-') {
        Some(("T", name)) => name.len() > 1 && name.bytes().all(|b| b.is_ascii_uppercase()),
        Some((group, number)) => {
            group.len() == 1
                && "PARSMJZHWLC".contains(group)
                && number.len() == 2
                && number.bytes().all(|b| b.is_ascii_digit())
        }
        None => false,
    }
}
