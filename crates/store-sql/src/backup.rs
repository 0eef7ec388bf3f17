//! A consistent copy of SQLite's file while the server runs.
//!
//! Copying the file itself would miss data that is still in the write-ahead log. A database server has its own
//! tools for backups.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use crate::arg::query;
use crate::connect::SetupConnection;
use crate::dialect::Dialect;
use crate::error::ConnectError;
use crate::settings::SqlSettings;
use crate::sqlite_file::{self, MissingFile};

/// Reason why a backup failed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database is on a server.
    #[error(
        "the database is on a server: back it up with that server's tool, such as pg_dump or mariadb-dump"
    )]
    OnAServer,
    /// The target file cannot be created.
    #[error("cannot create {0}: {1}")]
    Target(String, #[source] io::Error),
    /// The database cannot be opened.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The database could not copy itself.
    #[error("the copy failed: {0}")]
    Copy(#[source] Box<sqlx::Error>),
}

/// Copies the database into a new file that only its owner can read, and syncs it to disk. `before` runs
/// after the file was created and before the copy, so that the copy contains its writes.
pub async fn back_up(
    url: &str,
    target: &Path,
    before: impl AsyncFnOnce(),
) -> Result<(), BackupError> {
    if Dialect::of_url(url) != Some(Dialect::Sqlite) {
        return Err(BackupError::OnAServer);
    }
    let target_error = |error| BackupError::Target(target.display().to_string(), error);
    // SQLite treats a name that begins with `file:` as a URI and would write elsewhere.
    let place = Path::new(".").join(target);
    let name = place.to_str().ok_or_else(|| {
        target_error(io::Error::new(
            io::ErrorKind::InvalidInput,
            "its name is not UTF-8",
        ))
    })?;
    let mut setup = SetupConnection::open(&SqlSettings::new(url), MissingFile::Fail).await?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    sqlite_file::owner_only(&mut options)
        .open(target)
        .map_err(target_error)?;
    before().await;
    let copied = query(setup.dialect(), "VACUUM INTO ?", &[name.into()])
        .execute(&mut setup.connection)
        .await;
    setup.close().await;
    if let Err(error) = copied {
        std::fs::remove_file(target).ok();
        return Err(BackupError::Copy(Box::new(error)));
    }
    File::open(target)
        .and_then(|file| file.sync_all())
        .map_err(target_error)
}
