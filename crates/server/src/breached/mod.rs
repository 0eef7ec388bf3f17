//! The file of breached passwords: a billion of them in two bytes and a half each, asked where they lie.
//!
//! The public list is sorted by the SHA-1 of its passwords, so what is kept is the list itself, cut
//! down: the first 48 bits of each hash, as differences (Golomb–Rice), in a bucket for each of the
//! 2^20 prefixes that the public list is published by. A look-up reads two numbers of the index and
//! one bucket of some 3 KB; nothing is held in memory but what the system caches (P-05). A password
//! that is on no list is refused with a chance of the list's length in 2^48: one in 280,000 at a
//! billion. Why so: `docs/decisions/0020-breached-passwords.md`.
//!
//! `lists` reads what is published, `ranges` whether that is whole, `build` writes the file, `bucket` knows
//! how a bucket is packed.
//! Nothing here knows what a password has to be. What changes in the file's form takes another
//! [`VERSION`]; an old file is refused, and built anew.

mod bucket;
mod build;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod lists;
mod ranges;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use doorward_domain::passwords::BreachedList;
use ring::digest;

pub use build::Builder;
pub use lists::{Feed, Wanted, feed};
pub use ranges::Extent;

const MAGIC: [u8; 8] = *b"DWBREACH";
const VERSION: u32 = 1;
/// By how many bits of a hash its bucket is found: the five hex digits of a published range.
const PREFIX_BITS: u32 = 20;
/// How many bits of a hash are kept.
const KEPT_BITS: u32 = 48;
/// How many ranges the public list has, and the file buckets.
pub const BUCKETS: usize = 1 << PREFIX_BITS;
const HEADER: usize = 160;
/// Where the header's own digest begins.
const SEALED: usize = HEADER - 32;
const INDEX: u64 = (BUCKETS as u64 + 1) * 8;
const DATA: u64 = HEADER as u64 + INDEX;
/// Files up to this size are read whole before a start: a second or two.
const READ_WHOLE: u64 = 256 << 20;

/// What a file says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// How many hashes are in it.
    pub count: u64,
    /// How often a password had to be seen to be in it.
    pub min_count: u64,
    data_bytes: u64,
    index_digest: [u8; 32],
    data_digest: [u8; 32],
}

impl Facts {
    /// How big the file is.
    pub fn bytes(&self) -> u64 {
        DATA + self.data_bytes
    }

    fn to_header(self) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        header[..8].copy_from_slice(&MAGIC);
        header[8..12].copy_from_slice(&VERSION.to_le_bytes());
        header[12..14].copy_from_slice(&parameters());
        header[16..24].copy_from_slice(&self.count.to_le_bytes());
        header[24..32].copy_from_slice(&self.min_count.to_le_bytes());
        header[32..40].copy_from_slice(&self.data_bytes.to_le_bytes());
        header[40..72].copy_from_slice(&self.index_digest);
        header[72..104].copy_from_slice(&self.data_digest);
        let seal = sha256(&header[..SEALED]);
        header[SEALED..].copy_from_slice(&seal);
        header
    }

    fn of_header(header: &[u8; HEADER]) -> anyhow::Result<Self> {
        ensure!(
            header[..8] == MAGIC,
            "it is no file of breached passwords; `doorward passwords build-filter` makes one of the public list"
        );
        let version = u32::from_le_bytes(part(header, 8));
        ensure!(
            version == VERSION && header[12..14] == parameters(),
            "its form is version {version}, and this server reads version {VERSION}; build it anew with `doorward passwords build-filter`"
        );
        ensure!(header[SEALED..] == sha256(&header[..SEALED]), DAMAGED);
        Ok(Self {
            count: u64::from_le_bytes(part(header, 16)),
            min_count: u64::from_le_bytes(part(header, 24)),
            data_bytes: u64::from_le_bytes(part(header, 32)),
            index_digest: part(header, 40),
            data_digest: part(header, 72),
        })
    }
}

const DAMAGED: &str =
    "it is damaged; copy it again, or build it anew with `doorward passwords build-filter`";

fn unusable(path: &Path) -> String {
    let path = path.display();
    format!("the breached passwords in {path} (`password.breached_filter`) cannot be used")
}

fn parameters() -> [u8; 2] {
    [PREFIX_BITS as u8, KEPT_BITS as u8]
}

fn part<const N: usize>(header: &[u8; HEADER], at: usize) -> [u8; N] {
    header[at..at + N]
        .try_into()
        .expect("it lies in the header")
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest::digest(&digest::SHA256, bytes)
        .as_ref()
        .try_into()
        .expect("SHA-256 has 32 bytes")
}

/// An opened file. It is read where it is needed, and stays the one that was opened: a file that
/// takes its place is seen at the next start.
pub struct Filter {
    file: File,
    facts: Facts,
}

impl Filter {
    /// Opens a file and reads its header: enough to know whose it is, and that none of it is missing.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        Self::read(path).with_context(|| unusable(path))
    }

    fn read(path: &Path) -> anyhow::Result<Self> {
        // A pipe would be waited for, and a device has no end.
        let found = std::fs::metadata(path)?;
        ensure!(found.is_file(), "it is no plain file");
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut header = [0; HEADER];
        match file.read_exact_at(&mut header, 0) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                bail!("it is cut short; copy it again, or build it anew")
            }
            read => read?,
        }
        let facts = Facts::of_header(&header)?;
        ensure!(
            Some(length) == DATA.checked_add(facts.data_bytes),
            "it is cut short or overlong: {length} bytes; copy it again, or build it anew"
        );
        Ok(Self { file, facts })
    }

    /// What the file says of itself.
    pub fn facts(&self) -> Facts {
        self.facts
    }

    /// Reads the index, and the rest too where that takes no more than a moment; the buckets of a
    /// larger file are checked one by one when they are asked, and all of them by `doorward doctor`.
    pub fn check_quickly(&self, path: &Path) -> anyhow::Result<()> {
        let checked = match self.facts.data_bytes <= READ_WHOLE {
            true => self.check(),
            false => self.check_index(),
        };
        checked.with_context(|| unusable(path))
    }

    /// Reads all of it, whatever it takes.
    pub fn check(&self) -> anyhow::Result<()> {
        self.check_index()?;
        let data = self.digest(DATA, self.facts.data_bytes)?;
        ensure!(data == self.facts.data_digest, DAMAGED);
        Ok(())
    }

    fn check_index(&self) -> anyhow::Result<()> {
        let index = self.digest(HEADER as u64, INDEX)?;
        ensure!(index == self.facts.index_digest, DAMAGED);
        Ok(())
    }

    fn digest(&self, from: u64, length: u64) -> io::Result<[u8; 32]> {
        let mut context = digest::Context::new(&digest::SHA256);
        let mut buffer = vec![0; 1 << 16];
        let (mut at, end) = (from, from + length);
        while at < end {
            let piece = usize::try_from(end - at)
                .unwrap_or(usize::MAX)
                .min(buffer.len());
            self.file.read_exact_at(&mut buffer[..piece], at)?;
            context.update(&buffer[..piece]);
            at += piece as u64;
        }
        let digest = context.finish();
        Ok(digest.as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }

    /// Whether a hash that begins like this is in it.
    fn has(&self, kept: u64) -> io::Result<bool> {
        let (bucket, rest) = split(kept);
        let mut ends = [0; 16];
        self.file
            .read_exact_at(&mut ends, HEADER as u64 + 8 * u64::from(bucket))?;
        let [start, end] = [&ends[..8], &ends[8..]]
            .map(|end| u64::from_le_bytes(end.try_into().expect("eight bytes")));
        let length = end
            .checked_sub(start)
            .and_then(|length| usize::try_from(length).ok());
        let length = length
            .filter(|length| end <= self.facts.data_bytes && *length <= bucket::MAX_BYTES)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the index is damaged"))?;
        if length == 0 {
            return Ok(false);
        }
        let mut packed = vec![0; length];
        self.file.read_exact_at(&mut packed, DATA + start)?;
        bucket::has(packed, rest)
            .map_err(|damaged| io::Error::new(io::ErrorKind::InvalidData, damaged))
    }
}

impl BreachedList for Filter {
    fn holds(&self, password: &str) -> bool {
        // The public list is of SHA-1; nothing hangs on its strength here.
        let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
        match self.has(kept(hash.as_ref())) {
            Ok(is_there) => is_there,
            Err(error) => {
                tracing::error!(%error, "the file of breached passwords cannot be read, so this new password was not looked up: see `doorward doctor`");
                false
            }
        }
    }
}

/// What is kept of a hash.
fn kept(hash: &[u8]) -> u64 {
    let first: [u8; 8] = hash[..8].try_into().expect("a SHA-1 has 20 bytes");
    u64::from_be_bytes(first) >> (64 - KEPT_BITS)
}

/// Which bucket it is in, and as what.
fn split(kept: u64) -> (u32, u32) {
    let bits = KEPT_BITS - PREFIX_BITS;
    ((kept >> bits) as u32, (kept & ((1 << bits) - 1)) as u32)
}

#[cfg(test)]
mod tests;
