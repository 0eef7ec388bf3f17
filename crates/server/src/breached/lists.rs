//! Reads the public list of breached passwords, as `haveibeenpwned-downloader` and others write it.
//!
//! One file, or standard input: lines of `SHA1:COUNT`, sorted by hash. Or a folder with a file for each
//! of the 1,048,576 ranges, `00000.txt` to `FFFFF.txt` (or without an ending, as `curl` writes them):
//! lines of `SUFFIX:COUNT`, which the file's name is put before. Lines with a count of 0 are padding.
//! The lists of NTLM hashes look alike but for their length, and are refused: a password is looked up
//! by its SHA-1. A line is never longer than [`MAX_LINE`], whatever comes in.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, bail, ensure};

use super::ranges::{Extent, Ranges};
use super::{BUCKETS, Builder, kept};

const SHA1_DIGITS: usize = 40;
const NTLM_DIGITS: usize = 32;
const PREFIX_DIGITS: usize = 5;
const MAX_LINE: u64 = 128;
const NO_LINE: &str = "it is no `SHA1:COUNT`, as in the list of Pwned Passwords";

/// What was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Feed {
    /// Lines of the list.
    pub lines: u64,
    /// Those of them that were seen too seldom.
    pub seldom: u64,
    /// In how many of the published ranges there were any.
    pub ranges: usize,
}

/// What is taken of a list.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// How often a password has to have been seen.
    pub min_count: u64,
    /// Whether it must be all of the public list.
    pub extent: Extent,
}

/// Hands a list to the builder: those that were seen often enough. `tell` hears how many lines there
/// were, now and then.
pub fn feed(
    from: &Path,
    wanted: Wanted,
    builder: &mut Builder,
    tell: &dyn Fn(u64),
) -> anyhow::Result<Feed> {
    let push = &mut |kept| builder.push(kept);
    let mut reading = Reading::new(wanted.min_count, push, tell);
    if from == Path::new("-") {
        let stdin = std::io::stdin().lock();
        reading.lines(&mut BufReader::with_capacity(1 << 18, stdin), "")?;
    } else if from.is_dir() {
        reading.folder(from)?;
    } else {
        let file =
            File::open(from).with_context(|| format!("{} cannot be read", from.display()))?;
        reading.lines(&mut BufReader::with_capacity(1 << 18, file), "")?;
    }
    reading.feed.ranges = reading.ranges.met();
    let feed = reading.feed;
    ensure!(
        feed.lines > 0,
        "there is no hash in {}: is this the list of Pwned Passwords?",
        from.display()
    );
    match wanted.extent {
        Extent::Whole => reading.ranges.ensure_whole()?,
        Extent::Partial => {}
    }
    Ok(feed)
}

/// A list that is being read, from wherever; what is kept of each hash goes to `push`.
pub(super) struct Reading<'a> {
    min_count: u64,
    pub(super) feed: Feed,
    ranges: Ranges,
    push: &'a mut dyn FnMut(u64) -> anyhow::Result<()>,
    tell: &'a dyn Fn(u64),
}

impl<'a> Reading<'a> {
    pub(super) fn new(
        min_count: u64,
        push: &'a mut dyn FnMut(u64) -> anyhow::Result<()>,
        tell: &'a dyn Fn(u64),
    ) -> Self {
        Self {
            min_count,
            feed: Feed::default(),
            ranges: Ranges::new(),
            push,
            tell,
        }
    }

    fn folder(&mut self, folder: &Path) -> anyhow::Result<()> {
        let endings = endings(folder)?;
        ensure!(
            !endings
                .iter()
                .all(|ending| matches!(ending, Ending::Missing)),
            "there is no range in {}: its files are called 00000.txt to FFFFF.txt",
            folder.display()
        );
        for (range, ending) in endings.into_iter().enumerate() {
            let prefix = format!("{range:05X}");
            let name = match ending {
                Ending::Missing => continue,
                Ending::Bare => prefix.clone(),
                Ending::Text => format!("{prefix}.txt"),
            };
            let file = File::open(folder.join(&name));
            let file = file.with_context(|| format!("{name} cannot be read"))?;
            self.lines(&mut BufReader::new(file), &prefix)
                .with_context(|| format!("in the range {prefix}"))?;
        }
        Ok(())
    }

    /// Lines of hashes, or of what follows a prefix.
    pub(super) fn lines(&mut self, reader: &mut dyn BufRead, prefix: &str) -> anyhow::Result<()> {
        let mut line = Vec::with_capacity(prefix.len() + SHA1_DIGITS + 16);
        let mut number = 0u64;
        loop {
            line.clear();
            line.extend(prefix.as_bytes());
            let read = (&mut *reader).take(MAX_LINE).read_until(b'\n', &mut line)?;
            if read == 0 {
                return Ok(());
            }
            number += 1;
            // What follows would pass for a line of its own.
            let is_overlong = read as u64 == MAX_LINE && !line.ends_with(b"\n");
            ensure!(!is_overlong, "line {number}: {NO_LINE}");
            let text = line.trim_ascii_end();
            // A byte-order mark is how some tools begin.
            let text = match number {
                1 => text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text),
                _ => text,
            };
            if text.len() > prefix.len() {
                self.line(text).with_context(|| format!("line {number}"))?;
            }
        }
    }

    fn line(&mut self, line: &[u8]) -> anyhow::Result<()> {
        let colon = line.iter().position(|byte| *byte == b':');
        let (hash, count) = line.split_at(colon.unwrap_or(line.len()));
        let is_hex = hash.iter().all(u8::is_ascii_hexdigit);
        if is_hex && hash.len() == NTLM_DIGITS {
            bail!(
                "this is the list of NTLM hashes; the one of SHA-1 hashes is needed, which the downloader writes without `-n`"
            );
        }
        let count: Option<u64> = match count {
            // A list without counts is one of hashes that were seen.
            [] => Some(u64::MAX),
            [_, digits @ ..] => std::str::from_utf8(digits)
                .ok()
                .and_then(|d| d.parse().ok()),
        };
        let (true, SHA1_DIGITS, Some(count)) = (is_hex, hash.len(), count) else {
            bail!(NO_LINE);
        };
        self.feed.lines += 1;
        if self.feed.lines.is_multiple_of(1 << 16) {
            (self.tell)(self.feed.lines);
        }
        let kept = kept(&bytes(&hash[..16]));
        if count > 0 {
            self.ranges.meet(kept);
        }
        if count < self.min_count.max(1) {
            self.feed.seldom += 1;
            return Ok(());
        }
        (self.push)(kept)
    }
}

/// How the file of a range is called, if there is one.
#[derive(Clone, Copy)]
enum Ending {
    Missing,
    Bare,
    Text,
}

/// Of every range, by one look into the folder: a byte for each, whatever else lies there.
fn endings(folder: &Path) -> anyhow::Result<Vec<Ending>> {
    let mut endings = vec![Ending::Missing; BUCKETS];
    let unreadable = || format!("{} cannot be read", folder.display());
    for entry in std::fs::read_dir(folder).with_context(unreadable)? {
        let name = entry.with_context(unreadable)?.file_name();
        let Some(name) = name.to_str() else { continue };
        let (prefix, ending) = match name.strip_suffix(".txt") {
            Some(prefix) => (prefix, Ending::Text),
            None => (name, Ending::Bare),
        };
        let is_digit = |b: u8| b.is_ascii_digit() || (b'A'..=b'F').contains(&b);
        if prefix.len() == PREFIX_DIGITS && prefix.bytes().all(is_digit) {
            let range = usize::from_str_radix(prefix, 16).expect("five hex digits");
            endings[range] = ending;
        }
    }
    Ok(endings)
}

/// The bytes of sixteen hex digits.
fn bytes(digits: &[u8]) -> [u8; 8] {
    let value = |digit: &u8| match digit {
        b'0'..=b'9' => digit - b'0',
        digit => (digit | 0x20) - b'a' + 10,
    };
    let mut bytes = [0; 8];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(&pair[0]) << 4 | value(&pair[1]);
    }
    bytes
}
