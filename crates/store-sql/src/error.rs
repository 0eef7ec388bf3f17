//! What can go wrong, in two kinds: before the store is open, for an operator to read; and after,
//! inside one operation, before it becomes the domain's own error.

use std::path::PathBuf;

use doorward_domain::changes::{ApplyError, Unique};
use doorward_domain::ports::StoreError;

use crate::dialect;
use crate::row::BadRow;

/// Why there is no store to work with. Each is a sentence for the person who runs the server;
/// none shows the password that the URL may hold.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL names a database that is none of ours.
    #[error("the database URL starts with none of sqlite:, postgres:, mysql: and mariadb:")]
    Scheme,
    /// The URL cannot be read.
    #[error("the database URL is of no use: {0}")]
    Url(&'static str),
    /// SQLite's file cannot be opened or made.
    #[error(
        "the database file {} cannot be used ({source}); \
         it and its folder must be readable and writable for the user that runs Doorward", path.display()
    )]
    File {
        /// The file, as the URL spells it.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// Nobody listens, or the way there is barred.
    #[error("no database answers at {server} ({source}); is it running, and is the address right?")]
    Unreachable {
        /// The URL without user, password and parameters.
        server: String,
        /// What the driver says.
        source: Box<sqlx::Error>,
    },
    /// The database answers, and says no: a wrong password, an unknown database, a damaged file.
    #[error("the database at {server} refuses: {source}")]
    Refused {
        /// The URL without user, password and parameters.
        server: String,
        /// What the driver says.
        source: Box<sqlx::Error>,
    },
    /// A step of a migration failed.
    #[error(
        "migration {version} ({name}) failed: {source}; the database is as it was before, or can be migrated again"
    )]
    Migration {
        /// Its number.
        version: i64,
        /// Its name.
        name: &'static str,
        /// What the driver says.
        source: Box<sqlx::Error>,
    },
    /// Migrations wait, and making them was not asked for.
    #[error(
        "the database lacks the migrations {0}; run `doorward migrate`, or set database.migrate = true"
    )]
    Pending(String),
    /// A later Doorward migrated the database beyond what this one can work with.
    #[error(
        "the database is at schema {database}, and this Doorward knows schemas up to {binary}; \
         run the version that migrated it, or restore a backup from before"
    )]
    Newer {
        /// The newest migration in the database.
        database: i64,
        /// The newest migration in this program.
        binary: i64,
    },
}

impl ConnectError {
    /// Tells "does not answer" from "says no".
    pub(crate) fn of(url: &str, source: sqlx::Error) -> Self {
        let server = without_secrets(url);
        let source = Box::new(source);
        match *source {
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::Tls(_) => {
                Self::Unreachable { server, source }
            }
            _ => Self::Refused { server, source },
        }
    }
}

/// The URL without what stands before its `@` and after its `?`; nothing but its scheme where a
/// password that was not encoded makes it hard to say which is which.
fn without_secrets(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (head, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let server = match head.rsplit_once('@') {
        Some((_, server)) => server,
        None if parameters.contains('@') => "…",
        None => head,
    };
    format!("{scheme}://{server}")
}

/// Why an operation did not go through.
#[derive(Debug)]
pub(crate) enum Fault {
    /// What the domain wants to know about.
    Refused(ApplyError),
    /// What the database says.
    Sql(sqlx::Error),
    /// What it keeps makes no sense.
    Row(BadRow),
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<BadRow> for Fault {
    fn from(error: BadRow) -> Self {
        Self::Row(error)
    }
}

impl Fault {
    /// Whether trying the whole transaction again may help. A primary key is lost to another
    /// process where both found no row to update and inserted one: the second time, there is one.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Sql(error) => {
                dialect::is_passing(error)
                    || dialect::which_unique(error).as_deref() == Some("primary")
            }
            Self::Refused(_) | Self::Row(_) => false,
        }
    }

    pub(crate) fn into_apply_error(self, operation: &'static str) -> ApplyError {
        if let Self::Sql(error) = &self {
            match dialect::which_unique(error).as_deref() {
                Some("users_username_key") => return ApplyError::Taken(Unique::Username),
                Some("users_email_key") => return ApplyError::Taken(Unique::Email),
                _ => {}
            }
        }
        match self {
            Self::Refused(error) => error,
            Self::Sql(error) => StoreError::new(operation, error).into(),
            Self::Row(error) => StoreError::new(operation, error).into(),
        }
    }

    pub(crate) fn into_store_error(self, operation: &'static str) -> StoreError {
        match self.into_apply_error(operation) {
            ApplyError::Store(error) | ApplyError::Unsettled(error) => error,
            error => StoreError::new(operation, error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_error_shows_a_password() {
        for (url, shown) in [
            (
                "postgres://ben:pa@ss@db.example.com:5432/doorward?sslmode=require",
                "postgres://db.example.com:5432/doorward",
            ),
            ("mysql://db/doorward?password=x", "mysql://db/doorward"),
            ("mysql://ben:pa?ss@db/doorward", "mysql://…"),
            ("mysql://db/doorward?password=x@y", "mysql://…"),
            ("sqlite:data/doorward.db", "sqlite:data/doorward.db"),
        ] {
            assert_eq!(without_secrets(url), shown);
        }
    }
}
