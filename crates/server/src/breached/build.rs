//! Writes the file, bucket by bucket as the sorted list comes in: what is held is one bucket and the
//! index. It stands beside its place until it is whole.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use ring::digest;

use super::{BUCKETS, DATA, Facts, MAGIC, bucket, sha256, split};

/// A file that is being written.
pub struct Builder {
    draft: Draft,
    target: PathBuf,
    file: BufWriter<File>,
    digest: digest::Context,
    /// Where each bucket begins; the last one is where all of them end.
    index: Vec<u64>,
    bucket: Vec<u32>,
    at: u32,
    last: Option<u64>,
    count: u64,
    data_bytes: u64,
}

/// A file that goes unless it is moved to its place.
struct Draft(Option<PathBuf>);

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // What went wrong has been said.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Whether nothing is lost where a filter takes that place: there is none, or an older filter. The list that
/// it is made of is hours of downloading, and a device is no file.
fn is_ours_to_replace(target: &Path) -> anyhow::Result<()> {
    let other = || {
        format!(
            "{} is there already, and is no filter: name another file, or take it away",
            target.display()
        )
    };
    let found = match std::fs::metadata(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found.with_context(other)?,
    };
    ensure!(found.is_file(), other());
    let mut first = [0; MAGIC.len()];
    File::open(target)
        .and_then(|mut file| file.read_exact(&mut first))
        .with_context(other)?;
    ensure!(first == MAGIC, other());
    Ok(())
}

impl Builder {
    /// Begins a file that will stand at `target`.
    pub fn create(target: &Path) -> anyhow::Result<Self> {
        let name = target
            .file_name()
            .with_context(|| format!("{} is no name for a file", target.display()))?;
        is_ours_to_replace(target)?;
        let draft = format!(".{}.{}.part", name.to_string_lossy(), std::process::id());
        let path = target.with_file_name(draft);
        let mut file =
            File::create(&path).with_context(|| format!("{} cannot be written", path.display()))?;
        let draft = Draft(Some(path));
        file.seek(SeekFrom::Start(DATA))?;
        Ok(Self {
            draft,
            target: target.to_owned(),
            file: BufWriter::with_capacity(1 << 18, file),
            digest: digest::Context::new(&digest::SHA256),
            index: Vec::with_capacity(BUCKETS + 1),
            bucket: Vec::new(),
            at: 0,
            last: None,
            count: 0,
            data_bytes: 0,
        })
    }

    /// One hash more, not before the last one.
    pub fn push(&mut self, kept: u64) -> anyhow::Result<()> {
        if self.last == Some(kept) {
            return Ok(());
        }
        ensure!(
            self.last.is_none_or(|last| last < kept),
            "the list is not sorted by hash: take the one that is “ordered by hash”, not “by prevalence”"
        );
        self.last = Some(kept);
        let (bucket, rest) = split(kept);
        while self.at < bucket {
            self.end_bucket()?;
        }
        ensure!(
            self.bucket.len() < bucket::MAX_COUNT,
            "too many hashes begin alike: this is no list of SHA-1 hashes"
        );
        self.bucket.push(rest);
        self.count += 1;
        Ok(())
    }

    fn end_bucket(&mut self) -> io::Result<()> {
        self.index.push(self.data_bytes);
        self.at += 1;
        if self.bucket.is_empty() {
            return Ok(());
        }
        let packed = bucket::pack(&self.bucket);
        self.bucket.clear();
        self.digest.update(&packed);
        self.data_bytes += packed.len() as u64;
        self.file.write_all(&packed)
    }

    /// Writes the index and the header, and moves the file to its place: whoever has the old one open
    /// keeps it.
    pub fn finish(mut self, min_count: u64) -> anyhow::Result<Facts> {
        ensure!(
            self.count > 0,
            "no password of the list was seen so often: a filter without any would refuse none"
        );
        while self.index.len() < BUCKETS {
            self.end_bucket()?;
        }
        self.index.push(self.data_bytes);
        let index: Vec<u8> = self.index.iter().flat_map(|at| at.to_le_bytes()).collect();
        let data_digest = self.digest.finish();
        let facts = Facts {
            count: self.count,
            min_count,
            data_bytes: self.data_bytes,
            index_digest: sha256(&index),
            data_digest: data_digest.as_ref().try_into()?,
        };
        let mut file = self
            .file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        // An empty list ends before its data.
        file.set_len(facts.bytes())?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&facts.to_header())?;
        file.write_all(&index)?;
        file.sync_all()?;
        let draft = self.draft.0.take().expect("it is there until here");
        if let Err(error) = std::fs::rename(&draft, &self.target) {
            self.draft.0 = Some(draft);
            return Err(error)
                .with_context(|| format!("{} cannot be replaced", self.target.display()));
        }
        let folder = self
            .target
            .parent()
            .filter(|folder| *folder != Path::new(""));
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(facts)
    }
}
