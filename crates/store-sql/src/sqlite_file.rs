//! SQLite's file: where it is, and that nobody but its owner can read it.
//!
//! The file is made here and not by SQLite, so that there is no moment at which it is open to
//! others; SQLite gives the files beside it (`-wal`, `-shm`) the same mode. This module knows files
//! and nothing of SQL; `dialect.rs` alone calls it.

use std::fmt::Write;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::error::ConnectError;

/// What to do where there is no file yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfMissing {
    Create,
    Fail,
}

/// The driver's URL of the file that `sqlite:PATH` means. `//` after the colon may be there;
/// what follows a `?` is passed over.
pub(crate) fn driver_url(url: &str, if_missing: IfMissing) -> Result<String, ConnectError> {
    let path = path_of(url)?;
    let real = make_ready(&path, if_missing).map_err(|source| ConnectError::File {
        path: path.clone(),
        source,
    })?;
    let text = real
        .to_str()
        .ok_or_else(|| ConnectError::Url("its folder's name is not UTF-8".into()))?;
    Ok(format!("sqlite:{}?mode=rw", percent_encoded(text)))
}

/// The very file that was opened, whatever its name may lead to later.
pub(crate) struct OpenedFile {
    path: PathBuf,
    identity: Option<(u64, u64)>,
}

impl OpenedFile {
    pub(crate) fn of(url: &str) -> Result<Self, ConnectError> {
        let path = path_of(url)?;
        let identity = identity(&path);
        Ok(Self { path, identity })
    }

    pub(crate) fn into_path(self) -> PathBuf {
        self.path
    }

    /// An error where it is not under its name any more: what were written now, nobody would find.
    pub(crate) fn check(&self) -> Result<(), ConnectError> {
        match identity(&self.path) == self.identity {
            true => Ok(()),
            false => Err(ConnectError::Moved {
                path: self.path.clone(),
            }),
        }
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let file = fs::metadata(path).ok()?;
    Some((file.dev(), file.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Option<(u64, u64)> {
    path.exists().then_some((0, 0))
}

/// The path that a URL of SQLite means, as its writer spelled it.
pub(crate) fn path_of(url: &str) -> Result<PathBuf, ConnectError> {
    let path = url.strip_prefix("sqlite:").unwrap_or(url);
    let path = path.strip_prefix("//").unwrap_or(path);
    let path = path.split('?').next().unwrap_or_default();
    match path {
        "" => Err(ConnectError::Url(
            "it names no file; one looks like sqlite:/var/lib/doorward/doorward.db".into(),
        )),
        ":memory:" => Err(ConnectError::Url(
            "a database in memory keeps nothing; name a file".into(),
        )),
        path => Ok(PathBuf::from(path)),
    }
}

/// Makes the file where it is missing, and answers with its absolute path. One that is there is asked
/// about and never opened: a process that closes a file loses all its POSIX locks on it, those of
/// SQLite's other connections too (sqlite.org/howtocorrupt.html, 2.2). Another process that opens and
/// closes the database then takes its journal away, and with it every write from there on (T-POWER).
fn make_ready(path: &Path, if_missing: IfMissing) -> io::Result<PathBuf> {
    let absolute = std::path::absolute(path)?;
    let create = if_missing == IfMissing::Create;
    if create && let Some(folder) = absolute.parent() {
        make_folder(folder)?;
    }
    match fs::metadata(&absolute) {
        Ok(there) if there.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(_) => may_use(&absolute)?,
        Err(error) if create && error.kind() == io::ErrorKind::NotFound => {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true);
            own_file(&mut options).open(&absolute)?;
        }
        Err(error) => return Err(error),
    }
    fs::canonicalize(&absolute)
}

#[cfg(unix)]
fn may_use(path: &Path) -> io::Result<()> {
    use rustix::fs::{Access, access};
    Ok(access(path, Access::READ_OK | Access::WRITE_OK)?)
}

#[cfg(not(unix))]
fn may_use(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn make_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

#[cfg(unix)]
pub(crate) fn own_file(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600)
}

#[cfg(not(unix))]
fn make_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(not(unix))]
pub(crate) fn own_file(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

fn percent_encoded(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a String takes all that is written to it");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_the_url_names_a_path() {
        for (url, path) in [
            ("sqlite:doorward.db", "doorward.db"),
            ("sqlite:data/doorward.db", "data/doorward.db"),
            ("sqlite://data/doorward.db", "data/doorward.db"),
            ("sqlite:/var/doorward.db", "/var/doorward.db"),
            ("sqlite:///var/doorward.db", "/var/doorward.db"),
            ("sqlite:doorward.db?mode=rwc", "doorward.db"),
            ("sqlite:../a b#c%20.db", "../a b#c%20.db"),
        ] {
            assert_eq!(path_of(url).unwrap(), PathBuf::from(path), "{url}");
        }
        for url in [
            "sqlite:",
            "sqlite://",
            "sqlite::memory:",
            "sqlite:?mode=memory",
        ] {
            assert!(path_of(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_path_survives_the_driver_s_url() {
        assert_eq!(percent_encoded("/a b/ü#?%.db"), "/a%20b/%C3%BC%23%3F%25.db");
    }
}
