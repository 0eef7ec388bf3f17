//! SQLite's file: its path and its permissions. Only the owner may read it.
//!
//! Doorward creates the file before SQLite opens it, so that it is never readable by others; SQLite
//! gives the files beside it (`-wal`, `-shm`) the same mode.

use std::fmt::Write;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::error::ConnectError;

/// Treatment of a missing file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MissingFile {
    Create,
    Fail,
}

/// The driver's URL for `sqlite:PATH`. `//` after the colon is optional; what follows a `?` is ignored.
pub(crate) fn driver_url(url: &str, missing: MissingFile) -> Result<String, ConnectError> {
    let path = path_of(url)?;
    let real = ensure_file(&path, missing).map_err(|source| ConnectError::File {
        path: path.clone(),
        source,
    })?;
    let text = real
        .to_str()
        .ok_or_else(|| ConnectError::Url("the path is not UTF-8".into()))?;
    Ok(format!("sqlite:{}?mode=rw", percent_encoded(text)))
}

/// The path in a URL of SQLite, as it is spelled.
pub(crate) fn path_of(url: &str) -> Result<PathBuf, ConnectError> {
    let path = url.strip_prefix("sqlite:").unwrap_or(url);
    let path = path.strip_prefix("//").unwrap_or(path);
    let path = path.split('?').next().unwrap_or_default();
    match path {
        "" => Err(ConnectError::Url(
            "it names no file; write sqlite:PATH, such as sqlite:/var/lib/doorward/doorward.db"
                .into(),
        )),
        ":memory:" => Err(ConnectError::Url(
            "an in-memory database loses its data at exit; name a file".into(),
        )),
        path => Ok(PathBuf::from(path)),
    }
}

/// Creates the file if it is missing, and returns its absolute path. An existing file is never opened
/// here: closing a file drops all POSIX locks of the process on it, those of SQLite's other connections
/// too (sqlite.org/howtocorrupt.html, 2.2). Another process that opens and closes the database would then
/// delete the write-ahead log, and with it every later write (T-POWER).
fn ensure_file(path: &Path, missing: MissingFile) -> io::Result<PathBuf> {
    let absolute = std::path::absolute(path)?;
    let create = missing == MissingFile::Create;
    if create && let Some(folder) = absolute.parent() {
        create_folder(folder)?;
    }
    match fs::metadata(&absolute) {
        Ok(found) if found.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(_) => check_access(&absolute)?,
        Err(error) if create && error.kind() == io::ErrorKind::NotFound => {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true);
            owner_only(&mut options).open(&absolute)?;
        }
        Err(error) => return Err(error),
    }
    fs::canonicalize(&absolute)
}

#[cfg(unix)]
fn check_access(path: &Path) -> io::Result<()> {
    use rustix::fs::{Access, access};
    Ok(access(path, Access::READ_OK | Access::WRITE_OK)?)
}

#[cfg(not(unix))]
fn check_access(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn create_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

#[cfg(unix)]
pub(crate) fn owner_only(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600)
}

#[cfg(not(unix))]
fn create_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(not(unix))]
pub(crate) fn owner_only(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

fn percent_encoded(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("writing to a String cannot fail");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_url_names_a_path() {
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
    fn a_path_is_encoded_for_the_driver() {
        assert_eq!(percent_encoded("/a b/ü#?%.db"), "/a%20b/%C3%BC%23%3F%25.db");
    }
}
