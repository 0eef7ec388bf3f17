//! The breached-password filter: a sorted file of truncated SHA-1 hashes, searched on disk (P-05).
//!
//! The file is a header of 32 bytes (magic, version, number of hashes, `--min-count`) followed by the first
//! eight bytes of each hash, big-endian, in ascending order. A lookup is a binary search by positioned reads,
//! so the server holds none of it in memory. `docs/decisions/0031-less-own-code-in-the-binary.md` explains why.
//!
//! [`Builder`] writes the file, `list` reads the published list. Nothing here knows the password rules.

mod list;

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use doorward_domain::values::BreachedList;
use ring::digest;

pub use list::{Coverage, RANGES, read_list};

const MAGIC: [u8; 8] = *b"DWBREACH";
/// The version of the file format. A file of another version has to be built again.
const VERSION: u64 = 2;
/// Magic, version, number of hashes, minimum count.
const HEADER_BYTES: u64 = 32;
/// Bytes stored of each hash.
const HASH_BYTES: u64 = 8;

/// Contents of the header of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilterHeader {
    /// Number of hashes.
    pub count: u64,
    /// Minimum number of occurrences of each password.
    pub min_count: u64,
}

impl FilterHeader {
    /// Size of the file in bytes.
    pub fn bytes(&self) -> u64 {
        HEADER_BYTES.saturating_add(HASH_BYTES.saturating_mul(self.count))
    }

    fn to_bytes(self) -> Vec<u8> {
        let numbers = [VERSION, self.count, self.min_count];
        let numbers = numbers.iter().flat_map(|number| number.to_be_bytes());
        MAGIC.into_iter().chain(numbers).collect()
    }

    fn read(file: &File) -> anyhow::Result<Self> {
        let mut header = [[0; 8]; 4];
        match file.read_exact_at(header.as_flattened_mut(), 0) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                bail!("the file is truncated. Copy or build it again")
            }
            read => read?,
        }
        let [magic, version, count, min_count] = header;
        ensure!(
            magic == MAGIC,
            "not a breached-password filter. Build one with `doorward passwords build-filter`"
        );
        let version = u64::from_be_bytes(version);
        ensure!(
            version == VERSION,
            "the file has format version {version}, this server reads version {VERSION}. Build it again with `doorward passwords build-filter`"
        );
        Ok(Self {
            count: u64::from_be_bytes(count),
            min_count: u64::from_be_bytes(min_count),
        })
    }
}

/// An open filter. A file that replaces it is used from the next start on.
pub struct Filter {
    file: File,
    header: FilterHeader,
}

impl Filter {
    /// Opens a filter and checks its header and its size. The error names the file and the setting.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        Self::open_file(path).with_context(|| {
            let path = path.display();
            format!("cannot use the breached-password filter {path} (`password.breached_filter`)")
        })
    }

    fn open_file(path: &Path) -> anyhow::Result<Self> {
        // Opening a pipe would block.
        ensure!(std::fs::metadata(path)?.is_file(), "not a regular file");
        let file = File::open(path)?;
        let header = FilterHeader::read(&file)?;
        let length = file.metadata()?.len();
        ensure!(
            length == header.bytes(),
            "the file has {length} bytes instead of {}. Copy or build it again",
            header.bytes()
        );
        Ok(Self { file, header })
    }

    /// Returns the contents of the header.
    pub fn header(&self) -> FilterHeader {
        self.header
    }

    /// Reads the whole file and fails if its hashes are not in ascending order.
    pub fn check(&self) -> anyhow::Result<()> {
        let mut file = BufReader::with_capacity(1 << 18, &self.file);
        file.seek(SeekFrom::Start(HEADER_BYTES))?;
        let mut previous = None;
        for _ in 0..self.header.count {
            let mut hash = [0; HASH_BYTES as usize];
            file.read_exact(&mut hash)?;
            ensure!(
                previous < Some(hash),
                "the file is damaged: its hashes are not sorted. Copy or build it again"
            );
            previous = Some(hash);
        }
        Ok(())
    }

    /// Returns `true` if the filter contains a hash that begins with these bytes.
    fn contains(&self, hash: u64) -> io::Result<bool> {
        let (mut low, mut high) = (0, self.header.count);
        while low < high {
            let middle = low + (high - low) / 2;
            let mut found = [0; HASH_BYTES as usize];
            self.file
                .read_exact_at(&mut found, HEADER_BYTES + HASH_BYTES * middle)?;
            match u64::from_be_bytes(found).cmp(&hash) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Ok(true),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Ok(false)
    }
}

impl BreachedList for Filter {
    fn contains_password(&self, password: &str) -> bool {
        // The published list uses SHA-1. Nothing here depends on its strength.
        let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
        let first = hash.as_ref().first_chunk().expect("a SHA-1 has 20 bytes");
        self.contains(u64::from_be_bytes(*first))
            .unwrap_or_else(|error| {
                tracing::error!(%error, "cannot read the breached-password filter; password not checked. Run `doorward doctor`");
                false
            })
    }
}

/// Writes a filter. The file appears under its name once it is complete.
pub struct Builder {
    part: TempFile,
    target: PathBuf,
    file: BufWriter<File>,
    last: Option<u64>,
    count: u64,
}

/// Deletes the unfinished file unless it was renamed.
struct TempFile(Option<PathBuf>);

impl Drop for TempFile {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // The error that ended the build is the one to report.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Builder {
    /// Begins a filter at `target`, which must not exist or be an older filter: the list that a filter is
    /// built from takes hours to download, and must not be overwritten by a mistake in the arguments.
    pub fn create(target: &Path) -> anyhow::Result<Self> {
        let shown = target.display();
        let name = target
            .file_name()
            .with_context(|| format!("{shown} is not a file name"))?;
        if target.try_exists()? {
            let is_filter = std::fs::metadata(target)?.is_file()
                && is_filter(target).with_context(|| format!("cannot read {shown}"))?;
            ensure!(
                is_filter,
                "{shown} exists and is not a breached-password filter. Choose another name or remove it"
            );
        }
        let part = format!(".{}.{}.part", name.to_string_lossy(), std::process::id());
        let path = target.with_file_name(part);
        let mut file =
            File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        let part = TempFile(Some(path));
        file.seek(SeekFrom::Start(HEADER_BYTES))?;
        Ok(Self {
            part,
            target: target.to_owned(),
            file: BufWriter::with_capacity(1 << 18, file),
            last: None,
            count: 0,
        })
    }

    /// Adds the first bytes of a hash, which must not be less than those before it.
    fn push(&mut self, hash: u64) -> io::Result<()> {
        if self.last == Some(hash) {
            return Ok(());
        }
        self.last = Some(hash);
        self.count += 1;
        self.file.write_all(&hash.to_be_bytes())
    }

    /// Writes the header and moves the file to its place. A server that has the old one open keeps it.
    pub fn finish(mut self, min_count: u64) -> anyhow::Result<FilterHeader> {
        ensure!(
            self.count > 0,
            "no password of the list was seen {min_count} times, so the filter would be empty"
        );
        let header = FilterHeader {
            count: self.count,
            min_count,
        };
        let mut file = self
            .file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&header.to_bytes())?;
        file.sync_all()?;
        let path = self.part.0.as_ref().expect("it is taken below only");
        std::fs::rename(path, &self.target)
            .with_context(|| format!("cannot replace {}", self.target.display()))?;
        self.part.0 = None;
        let folder = self.target.parent();
        let folder = folder.filter(|folder| *folder != Path::new(""));
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(header)
    }
}

fn is_filter(path: &Path) -> io::Result<bool> {
    let mut first = Vec::new();
    let file = File::open(path)?;
    file.take(MAGIC.len() as u64).read_to_end(&mut first)?;
    Ok(first == MAGIC)
}

#[cfg(test)]
mod tests;
