//! A copy of SQLite's file, whole and of one moment, while the server goes on.
//!
//! Copying the file itself would miss what is still in the write-ahead log. A database on a server
//! has tools of its own, made for its size: there is no second way here.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use crate::dialect::Dialect;
use crate::error::ConnectError;
use crate::opening::First;
use crate::sqlite_file::{self, IfMissing};
use crate::{SqlSettings, query};

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database is on a server.
    #[error(
        "the database is on a server: back it up with that server's own tool, pg_dump or mariadb-dump say"
    )]
    OnAServer,
    /// The copy cannot be made there.
    #[error("{0} cannot be made: {1}")]
    Target(String, #[source] io::Error),
    /// The database cannot be opened.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The database did not give the copy.
    #[error("the copy was not made: {0}")]
    Copy(#[source] Box<sqlx::Error>),
}

/// Copies the database into a new file that only its owner can read, and waits until it is on disk. What is to be in
/// the copy, too, is done `before`: once there is a database, and the file was made.
pub async fn back_up(
    url: &str,
    target: &Path,
    before: impl AsyncFnOnce(),
) -> Result<(), BackupError> {
    if Dialect::of_url(url) != Some(Dialect::Sqlite) {
        return Err(BackupError::OnAServer);
    }
    let told = |error| BackupError::Target(target.display().to_string(), error);
    // SQLite takes a name that begins with `file:` for a URI, and would copy to elsewhere.
    let place = Path::new(".").join(target);
    let name = place.to_str().ok_or_else(|| {
        told(io::Error::new(
            io::ErrorKind::InvalidInput,
            "its name is not UTF-8",
        ))
    })?;
    let mut first = First::connect(&SqlSettings::new(url), IfMissing::Fail).await?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    sqlite_file::own_file(&mut options)
        .open(target)
        .map_err(told)?;
    before().await;
    let copied = query(first.dialect(), "VACUUM INTO ?", &[name.into()])
        .execute(&mut first.connection)
        .await;
    first.close().await;
    if let Err(error) = copied {
        std::fs::remove_file(target).ok();
        return Err(BackupError::Copy(Box::new(error)));
    }
    File::open(target)
        .and_then(|file| file.sync_all())
        .map_err(told)
}
