//! An unfinished export: `FILE.part` until it is complete, with mode 0600. An interrupted one continues after its
//! last complete line. `FILE.part.of` identifies the database, since two databases may contain the same users.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, ErrorKind, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use doorward_domain::values::UserId;
use doorward_import::doorward_format::{HEADER, check_header};
use rustix::fs::OFlags;
use rustix::process::geteuid;
use serde_json::Value;

/// Only the owner may read it: it contains password hashes and the secrets of authenticator apps.
const MODE: u32 = 0o600;

/// The unfinished file.
pub struct PartialFile {
    file: BufWriter<File>,
    path: PathBuf,
    marker: PathBuf,
    target: PathBuf,
}

/// The state of an interrupted export.
#[derive(Debug, Clone, Copy)]
pub struct ResumePoint {
    /// The last complete user.
    pub last: UserId,
    /// Number of users.
    pub users: u64,
}

impl PartialFile {
    /// Creates it, or opens an interrupted export of the same database.
    pub fn open(target: &Path, database: &str) -> anyhow::Result<(Self, Option<ResumePoint>)> {
        if target.exists() {
            bail!(
                "{} exists. Choose another name or remove it",
                target.display()
            );
        }
        let path = target.with_added_extension("part");
        let marker = path.with_added_extension("of");
        let mut file =
            open_private(&path).with_context(|| format!("cannot write {}", path.display()))?;
        if file.try_lock().is_err() {
            bail!("another export is writing {}", path.display());
        }
        let (end, before) = find_resume_point(&mut file).with_context(|| {
            format!(
                "cannot continue {}. Remove it to start over",
                path.display()
            )
        })?;
        if before.is_none() {
            write_marker(&marker, database)
                .with_context(|| format!("cannot write {}", marker.display()))?;
        } else if !marker_matches(&marker, database) {
            bail!(
                "{} belongs to another database. Remove it to start over",
                path.display()
            );
        }
        file.set_len(end)?;
        file.seek(SeekFrom::End(0))?;
        let mut file = BufWriter::with_capacity(1 << 18, file);
        if end == 0 {
            file.write_all(HEADER.as_bytes())?;
        }
        let part = Self {
            file,
            path,
            marker,
            target: target.to_owned(),
        };
        Ok((part, before))
    }

    /// The writer.
    pub fn writer(&mut self) -> &mut impl Write {
        &mut self.file
    }

    /// Renames the complete file.
    pub fn finish(self) -> anyhow::Result<()> {
        let file = self
            .file
            .into_inner()
            .map_err(std::io::IntoInnerError::into_error)?;
        file.sync_all()?;
        if self.target.exists() {
            bail!(
                "{} was created in the meantime. The complete export is in {}",
                self.target.display(),
                self.path.display()
            );
        }
        std::fs::rename(&self.path, &self.target)?;
        std::fs::remove_file(&self.marker)
            .with_context(|| format!("cannot remove {}", self.marker.display()))
    }
}

/// Opens or creates a file with mode 0600. An existing one must be a regular file of this user without other
/// links: in a folder that others can write to, an attacker could prepare a file and read every hash.
fn open_private(path: &Path) -> anyhow::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(MODE);
    match options.clone().create_new(true).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        other => return Ok(other?),
    }
    // Checked once it is open, so that it cannot be exchanged. NONBLOCK: opening a pipe would block.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).context("flags of this system")?;
    let file = options.custom_flags(flags).open(path)?;
    let found = file.metadata()?;
    let is_ours = found.is_file() && found.nlink() == 1 && found.uid() == geteuid().as_raw();
    ensure!(
        is_ours,
        "it exists and is not a regular file of this user. Remove it, or choose a folder that others cannot write to"
    );
    file.set_permissions(std::fs::Permissions::from_mode(MODE))?;
    Ok(file)
}

/// Returns the end of the last complete line, and its user.
fn find_resume_point(file: &mut File) -> anyhow::Result<(u64, Option<ResumePoint>)> {
    let mut reader = BufReader::with_capacity(1 << 18, file);
    let (mut line, mut last) = (Vec::new(), Vec::new());
    let (mut end, mut lines) = (0, 0);
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            break;
        }
        if lines == 0 {
            check_header(&line)?;
        }
        end += read as u64;
        lines += 1;
        std::mem::swap(&mut line, &mut last);
    }
    if lines < 2 {
        return Ok((end, None));
    }
    let user: Value = serde_json::from_slice(&last).context("its last line is not a user")?;
    let last = user["id"].as_str().and_then(|id| id.parse().ok());
    let last = last.context("its last line has no id")?;
    let users = lines - 1;
    Ok((end, Some(ResumePoint { last, users })))
}

/// Writes which database the part belongs to.
fn write_marker(path: &Path, database: &str) -> anyhow::Result<()> {
    let mut file = open_private(path)?;
    file.set_len(0)?;
    file.write_all(database.as_bytes())?;
    Ok(file.sync_all()?)
}

/// Returns `true` if the part belongs to that database.
fn marker_matches(path: &Path, database: &str) -> bool {
    std::fs::read_to_string(path).is_ok_and(|noted| noted == database)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "{\"id\":\"019363a0-0000-7000-8000-000000000001\"}\n";

    fn left(text: &str) -> (anyhow::Result<Option<(String, u64)>>, String) {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("users.jsonl");
        std::fs::write(folder.path().join("users.jsonl.part"), text).unwrap();
        std::fs::write(folder.path().join("users.jsonl.part.of"), "one").unwrap();
        assert!(!text.contains(ONE) || PartialFile::open(&target, "other").is_err());
        let opened = PartialFile::open(&target, "one").map(|(part, before)| {
            part.finish().unwrap();
            before.map(|before| (before.last.to_string(), before.users))
        });
        (opened, std::fs::read_to_string(&target).unwrap_or_default())
    }

    #[test]
    fn an_incomplete_line_is_dropped_and_a_complete_one_stays() {
        let last = Some(("019363a0-0000-7000-8000-000000000001".to_owned(), 1));
        let whole = format!("{HEADER}{ONE}");
        for (text, before, after) in [
            (String::new(), &None, HEADER),
            (HEADER[..9].to_owned(), &None, HEADER),
            (HEADER.to_owned(), &None, HEADER),
            (format!("{HEADER}{}", &ONE[..20]), &None, HEADER),
            (whole.clone(), &last, whole.as_str()),
            (
                format!("{whole}{}", &ONE[..ONE.len() - 1]),
                &last,
                whole.as_str(),
            ),
        ] {
            let (opened, written) = left(&text);
            assert_eq!(&opened.unwrap(), before, "{text}");
            assert_eq!(written, after);
        }
    }

    /// C-01: a file that another user has created in its place gets no hash.
    #[test]
    fn a_file_that_is_not_our_own_is_not_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let planted = at("planted");
        std::fs::write(&planted, "").unwrap();
        std::os::unix::fs::symlink(&planted, at("linked.part")).unwrap();
        std::fs::hard_link(&planted, at("doubled.part")).unwrap();
        std::fs::create_dir(at("folder.part")).unwrap();
        let mut names = vec!["linked", "doubled", "folder"];
        std::fs::write(at("foreign.part"), "").unwrap();
        // Only root can change the owner of a file.
        if std::os::unix::fs::chown(at("foreign.part"), Some(65_534), None).is_ok() {
            names.push("foreign");
        }
        for name in names {
            let refused = PartialFile::open(&at(name), "one").map(drop).unwrap_err();
            assert!(format!("{refused:#}").contains("cannot write"), "{name}");
            assert!(!at(&format!("{name}.part.of")).exists(), "{name}");
        }
        assert_eq!(std::fs::read(&planted).unwrap(), b"");
    }

    #[test]
    fn a_file_that_is_not_an_export_is_not_changed() {
        for text in [
            "my diary\n".to_owned(),
            HEADER.replace(":2}", ":3}"),
            format!("{HEADER}not a user\n"),
            format!("{HEADER}{{\"id\":7}}\n"),
        ] {
            let (opened, written) = left(&text);
            assert!(format!("{:#}", opened.unwrap_err()).contains("to start over"));
            assert_eq!(written, "");
        }
    }
}
