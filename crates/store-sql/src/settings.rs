//! Settings of the store.

use std::path::PathBuf;
use std::time::Duration;

use crate::dialect::Dialect;
use crate::sqlite_file;
use crate::timeouts::Timeouts;

/// Location and options of the database.
#[derive(Clone)]
pub struct SqlSettings {
    /// `sqlite:PATH`, `postgres://…`, `mysql://…` or `mariadb://…`.
    pub url: String,
    /// Maximum number of connections.
    pub max_connections: u32,
    /// `true` to apply pending migrations; if not, a pending one is an error.
    pub migrate: bool,
    /// Time limit for getting a connection from the pool, and for opening a new one.
    pub connect_timeout: Duration,
    /// Time limit of a statement. An operation may take two seconds more, and its commit another two.
    pub statement_timeout: Duration,
}

impl SqlSettings {
    /// The defaults.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            max_connections: 10,
            migrate: true,
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(10),
        }
    }

    /// SQLite's file; `None` for a server or a malformed URL.
    pub fn file(&self) -> Option<PathBuf> {
        match Dialect::of_url(&self.url)? {
            Dialect::Sqlite => sqlite_file::path_of(&self.url).ok(),
            Dialect::Postgres | Dialect::Mysql => None,
        }
    }

    pub(crate) fn timeouts(&self) -> Timeouts {
        Timeouts {
            connect: self.connect_timeout,
            statement: self.statement_timeout,
        }
    }
}
