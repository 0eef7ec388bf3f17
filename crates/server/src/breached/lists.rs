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

use super::{BUCKETS, Builder, KEPT_BITS, kept};

const SHA1_DIGITS: usize = 40;
const NTLM_DIGITS: usize = 32;
const PREFIX_DIGITS: usize = 5;
const MAX_LINE: u64 = 128;
/// With so many hashes, one that begins with `FFF` is missing by chance in one list of e^24.
const SURELY_SPREAD: u64 = 100_000;

/// What was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Feed {
    /// Lines of the list.
    pub lines: u64,
    /// Those of them that were seen too seldom.
    pub seldom: u64,
    /// Ranges of a folder that have no file.
    pub missing_ranges: usize,
}

/// Hands a list to the builder: those that were seen `min_count` times at least. `tell` hears how
/// many lines there were, now and then.
pub fn feed(
    from: &Path,
    min_count: u64,
    builder: &mut Builder,
    tell: &dyn Fn(u64),
) -> anyhow::Result<Feed> {
    let mut reading = Reading {
        min_count,
        feed: Feed::default(),
        builder,
        tell,
    };
    if from == Path::new("-") {
        reading.whole(&mut BufReader::with_capacity(
            1 << 18,
            std::io::stdin().lock(),
        ))?;
    } else if from.is_dir() {
        reading.folder(from)?;
    } else {
        let file =
            File::open(from).with_context(|| format!("{} cannot be read", from.display()))?;
        reading.whole(&mut BufReader::with_capacity(1 << 18, file))?;
    }
    let feed = reading.feed;
    ensure!(
        feed.lines > 0,
        "there is no hash in {}: is this the list of Pwned Passwords?",
        from.display()
    );
    Ok(feed)
}

struct Reading<'a> {
    min_count: u64,
    feed: Feed,
    builder: &'a mut Builder,
    tell: &'a dyn Fn(u64),
}

impl Reading<'_> {
    fn whole(&mut self, reader: &mut dyn BufRead) -> anyhow::Result<()> {
        self.lines(reader, "")?;
        let last = self.builder.last().unwrap_or(u64::MAX);
        ensure!(
            self.builder.count() < SURELY_SPREAD || last >> (KEPT_BITS - 12) == 0xfff,
            "the list ends before its end, at the hash {last:012X}…: was it cut short on its way?"
        );
        Ok(())
    }

    fn folder(&mut self, folder: &Path) -> anyhow::Result<()> {
        for (range, ending) in endings(folder)?.into_iter().enumerate() {
            let prefix = format!("{range:05X}");
            let name = match ending {
                Ending::Missing => {
                    self.feed.missing_ranges += 1;
                    continue;
                }
                Ending::Bare => prefix.clone(),
                Ending::Text => format!("{prefix}.txt"),
            };
            let file = File::open(folder.join(&name));
            let file = file.with_context(|| format!("{name} cannot be read"))?;
            self.lines(&mut BufReader::new(file), &prefix)
                .with_context(|| format!("in the range {prefix}"))?;
        }
        ensure!(
            self.feed.missing_ranges < BUCKETS,
            "there is no range in {}: its files are called 00000.txt to FFFFF.txt",
            folder.display()
        );
        Ok(())
    }

    /// Lines of hashes, or of what follows a prefix.
    fn lines(&mut self, reader: &mut dyn BufRead, prefix: &str) -> anyhow::Result<()> {
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
            bail!("it is no `SHA1:COUNT`, as in the list of Pwned Passwords");
        };
        self.feed.lines += 1;
        if self.feed.lines.is_multiple_of(1 << 16) {
            (self.tell)(self.feed.lines);
        }
        if count < self.min_count.max(1) {
            self.feed.seldom += 1;
            return Ok(());
        }
        self.builder.push(kept(&bytes(&hash[..16])))
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
