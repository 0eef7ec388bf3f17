//! Reads the published list of breached passwords, as `haveibeenpwned-downloader` writes it.
//!
//! The list is one file, or standard input, of lines `SHA1:COUNT`, sorted by hash; or a folder with a file for
//! each of the 1,048,576 ranges, `00000.txt` to `FFFFF.txt` (`curl` leaves the extension out), whose lines
//! `SUFFIX:COUNT` follow the name of the file. Lines with the count 0 are padding. The list of NTLM hashes
//! differs in the length of its hashes only and is rejected.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, bail, ensure};

use super::Builder;

/// Number of ranges that the list is published in: the prefixes of five hex digits.
pub const RANGES: u64 = 1 << 20;
/// The extension of the file of a range, which can be missing.
const EXTENSION: &str = ".txt";
const SHA1_DIGITS: usize = 40;
const NTLM_DIGITS: usize = 32;
const MAX_LINE_BYTES: u64 = 128;
const NOT_A_LINE: &str = "not `SHA1:COUNT`, as in the Pwned Passwords list";

/// Statistics of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ListStats {
    /// Number of lines.
    pub lines: u64,
    /// Number of lines below the minimum count.
    pub below_min_count: u64,
    /// Number of ranges that contain a hash.
    pub ranges: u64,
}

/// The expected part of the published list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// All ranges. A list that lacks one is rejected.
    Complete,
    /// Any.
    Partial,
}

/// Adds every hash of a list that was seen at least `min_count` times to the filter. `progress` gets the number
/// of lines now and then.
pub fn read_list(
    from: &Path,
    coverage: Coverage,
    min_count: u64,
    builder: &mut Builder,
    progress: &dyn Fn(u64),
) -> anyhow::Result<ListStats> {
    let mut reader = ListReader {
        min_count: min_count.max(1),
        builder,
        progress,
        stats: ListStats::default(),
        last: None,
        missing: None,
    };
    if from == Path::new("-") {
        reader.read_lines(&mut std::io::stdin().lock(), "")?;
    } else if from.is_dir() {
        reader.read_folder(from)?;
    } else {
        let file = File::open(from).with_context(|| format!("cannot read {}", from.display()))?;
        reader.read_lines(&mut BufReader::with_capacity(1 << 18, file), "")?;
    }
    ensure!(
        reader.stats.lines > 0,
        "found no hash in {}. Is this the Pwned Passwords list?",
        from.display()
    );
    reader.note_range(RANGES);
    if let (Coverage::Complete, Some(missing)) = (coverage, reader.missing) {
        bail!(
            "the list has hashes in {} of the 1,048,576 ranges of the published list, and none in range {missing:05X}. Download the rest, or pass --allow-partial",
            reader.stats.ranges
        );
    }
    Ok(reader.stats)
}

/// The range whose hashes a file has, and whether its name has an extension. `None` for another file.
fn range_of(name: &OsStr) -> Option<(u32, bool)> {
    let name = name.to_str()?;
    let prefix = name.strip_suffix(EXTENSION);
    let range = u32::from_str_radix(prefix.unwrap_or(name), 16).ok()?;
    let is_range = prefix.unwrap_or(name) == format!("{range:05X}");
    is_range.then_some((range, prefix.is_some()))
}

struct ListReader<'a> {
    min_count: u64,
    builder: &'a mut Builder,
    progress: &'a dyn Fn(u64),
    stats: ListStats,
    last: Option<u64>,
    /// The first range without a hash.
    missing: Option<u64>,
}

impl ListReader<'_> {
    fn read_folder(&mut self, folder: &Path) -> anyhow::Result<()> {
        let mut files: BTreeMap<u32, bool> = BTreeMap::new();
        for entry in std::fs::read_dir(folder)? {
            if let Some((range, has_extension)) = range_of(&entry?.file_name()) {
                *files.entry(range).or_default() |= has_extension;
            }
        }
        for (range, has_extension) in files {
            let prefix = format!("{range:05X}");
            let name = match has_extension {
                true => format!("{prefix}{EXTENSION}"),
                false => prefix.clone(),
            };
            let file = File::open(folder.join(&name));
            let file = file.with_context(|| format!("cannot read {name}"))?;
            self.read_lines(&mut BufReader::new(file), &prefix)
                .with_context(|| name)?;
        }
        Ok(())
    }

    fn read_lines(&mut self, reader: &mut dyn BufRead, prefix: &str) -> anyhow::Result<()> {
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            line.extend(prefix.as_bytes());
            let read = (&mut *reader)
                .take(MAX_LINE_BYTES)
                .read_until(b'\n', &mut line)?;
            if read == 0 {
                break;
            }
            let text = String::from_utf8_lossy(&line);
            // Some tools write a byte-order mark.
            let text = text.trim_start_matches('\u{feff}').trim_ascii_end();
            if text.len() > prefix.len() {
                self.read_line(text)
                    .with_context(|| format!("line {number}"))?;
            }
        }
        Ok(())
    }

    fn read_line(&mut self, line: &str) -> anyhow::Result<()> {
        let (hash, count) = match line.split_once(':') {
            Some((hash, count)) => (hash, count.parse().ok()),
            // A list without counts.
            None => (line, Some(u64::MAX)),
        };
        let is_hex = hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_hex && hash.len() == NTLM_DIGITS {
            bail!(
                "this is the list of NTLM hashes. Download the SHA-1 list (the downloader writes it without `-n`)"
            );
        }
        let (true, SHA1_DIGITS, Some(count)) = (is_hex, hash.len(), count) else {
            bail!(NOT_A_LINE);
        };
        let hash = u64::from_str_radix(&hash[..16], 16).context(NOT_A_LINE)?;
        self.stats.lines += 1;
        if self.stats.lines.is_multiple_of(1 << 16) {
            (self.progress)(self.stats.lines);
        }
        if count > 0 {
            ensure!(
                self.last.is_none_or(|last| last <= hash),
                "the list is not sorted. Take the one “ordered by hash”, not “by prevalence”"
            );
            self.note_range(hash >> 44);
            self.last = Some(hash);
        }
        if count < self.min_count {
            self.stats.below_min_count += 1;
            return Ok(());
        }
        Ok(self.builder.push(hash)?)
    }

    /// Counts a range and notes whether one was left out before it.
    fn note_range(&mut self, range: u64) {
        let last = self.last.map(|hash| hash >> 44);
        if last == Some(range) {
            return;
        }
        let next = last.map_or(0, |last| last + 1);
        if range > next {
            self.missing.get_or_insert(next);
        }
        self.stats.ranges += u64::from(range < RANGES);
    }
}
