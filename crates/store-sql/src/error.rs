//! Errors: [`ConnectError`] while connecting, for an operator; [`SqlError`] inside an operation, before
//! it becomes the domain's own error.

use std::fmt;
use std::path::PathBuf;

use deadpool::managed::PoolError;
use doorward_domain::model::TABLES;
use doorward_domain::store::{ApplyError, StoreError};

use crate::database_url::DatabaseUrl;
use crate::dialect;
use crate::hints::hint;

/// Reason why there is no usable database. The text contains the error and, if known, how to fix it; it never
/// contains the password of the URL.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL has an unknown scheme.
    Scheme,
    /// The URL is malformed.
    Url(String),
    /// SQLite's file cannot be opened or created.
    File {
        /// The file, as the URL spells it.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// No server responds at the address.
    Unreachable {
        /// The URL without user, password and parameters.
        server: String,
        /// The driver's error.
        source: Box<sqlx::Error>,
    },
    /// The database responds with an error: a wrong password, an unknown database, a damaged file.
    Refused {
        /// The URL without user, password and parameters.
        server: String,
        /// The driver's error.
        source: Box<sqlx::Error>,
        /// How to fix it, if known.
        hint: Option<String>,
    },
    /// The database is read-only.
    ReadOnly {
        /// The URL without user, password and parameters.
        server: String,
    },
    /// The role lacks privileges that serving needs.
    MissingPrivileges {
        /// The URL without user, password and parameters.
        server: String,
        /// The role, as the URL spells it.
        user: String,
        /// The privileges it lacks.
        missing: String,
        /// The statement that grants them.
        hint: String,
    },
    /// The server is older than the oldest supported version.
    TooOld {
        /// The URL without user, password and parameters.
        server: String,
        /// Kind of database.
        name: &'static str,
        /// Its version, as it spells it.
        found: String,
        /// The oldest supported version.
        needed: String,
    },
    /// The database cannot store all of Unicode.
    Encoding {
        /// The URL without user, password and parameters.
        server: String,
        /// Its encoding.
        found: String,
        /// Its name.
        database: String,
    },
    /// The connection pool could not be built.
    Pool(#[source] deadpool::managed::BuildError),
    /// A statement of a migration failed.
    Migration {
        /// Its number.
        version: i64,
        /// Its name.
        name: &'static str,
        /// The driver's error.
        source: Box<sqlx::Error>,
        /// How to fix it, if known.
        hint: Option<String>,
    },
    /// Migrations are pending, and applying them was not requested.
    PendingMigrations(String),
    /// The database has a schema from before the first release.
    UnknownSchema {
        /// The number of the unknown migration.
        version: i64,
        /// Its name.
        name: String,
    },
    /// A later Doorward migrated the database beyond what this one can work with.
    SchemaTooNew {
        /// The newest migration in the database.
        database: i64,
        /// The newest migration in this program.
        binary: i64,
    },
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())?;
        self.hint().map_or(Ok(()), |hint| write!(f, "; {hint}"))
    }
}

impl ConnectError {
    /// Distinguishes a server that does not respond from one that responds with an error.
    pub(crate) fn from_sqlx(url: &DatabaseUrl, source: sqlx::Error) -> Self {
        let server = url.display.clone();
        let hint = hint(url, &source);
        let source = Box::new(source);
        match *source {
            sqlx::Error::Io(_) if hint.is_none() => Self::Unreachable { server, source },
            _ => Self::Refused {
                server,
                source,
                hint,
            },
        }
    }

    /// The error message.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Scheme => {
                "the database URL must start with sqlite:, postgres:, mysql:, mariadb: or dynamodb:"
                    .into()
            }
            Self::Url(why) => format!("invalid database URL: {why}"),
            Self::File { path, source } => {
                format!("cannot use the database file {} ({source})", path.display())
            }
            Self::Unreachable { server, source } => {
                format!("no database responds at {server} ({source})")
            }
            Self::Refused { server, source, .. } => {
                format!("the database at {server} reports: {source}")
            }
            Self::ReadOnly { server } => format!("the database at {server} is read-only"),
            Self::MissingPrivileges {
                server,
                user,
                missing,
                ..
            } => format!("the database at {server} does not let {user} {missing}"),
            Self::TooOld {
                server,
                name,
                found,
                needed,
            } => format!(
                "the database at {server} is {name} {found}; Doorward needs {needed} or later"
            ),
            Self::Encoding { server, found, .. } => {
                format!("the database at {server} has the encoding {found}; Doorward needs UTF8")
            }
            Self::Pool(error) => format!("cannot build the connection pool: {error}"),
            Self::Migration {
                version,
                name,
                source,
                ..
            } => format!("migration {version} ({name}) failed: {source}"),
            Self::PendingMigrations(names) => {
                format!("the database lacks the migrations {names}")
            }
            Self::UnknownSchema { version, name } => format!(
                "the database has the migration {version} ({name}) of a version before the first release"
            ),
            Self::SchemaTooNew { database, binary } => format!(
                "the database has schema {database}; this Doorward supports schemas up to {binary}"
            ),
        }
    }

    /// How to fix it, if known.
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::File { .. } => {
                "the user that runs Doorward must be able to read and write it and its folder"
            }
            Self::Unreachable { .. } => "check that it is running and that the address is correct",
            Self::ReadOnly { .. } => "use the address of the primary",
            Self::TooOld { .. } => "upgrade the server",
            Self::PendingMigrations(_) => {
                "run `doorward migrate`, or set `database.migrate = true`"
            }
            Self::UnknownSchema { .. } => {
                "export its users with that version (`doorward export`), and import them into a new database"
            }
            Self::SchemaTooNew { .. } => {
                "run the version that migrated it, or restore a backup from before"
            }
            Self::Encoding { database, .. } => {
                return Some(format!(
                    "create it again with CREATE DATABASE {database} ENCODING 'UTF8' TEMPLATE template0"
                ));
            }
            Self::MissingPrivileges { hint, .. } => hint,
            Self::Refused { hint, .. } => return hint.clone(),
            Self::Migration { hint, .. } => {
                let after = "the database is unchanged, or the migration can be run again";
                let hint = hint.as_ref();
                return Some(hint.map_or(after.into(), |hint| format!("{hint}; {after}")));
            }
            Self::Scheme | Self::Url(_) | Self::Pool(_) => return None,
        };
        Some(hint.to_owned())
    }
}

/// Reason why an operation failed.
#[derive(Debug)]
pub(crate) enum SqlError {
    /// A result that the domain acts on.
    Refused(ApplyError),
    /// No connection could be opened.
    Connect(ConnectError),
    /// The pool returned no connection.
    Pool(PoolError<ConnectError>),
    /// The database reported an error, or the connection was lost.
    Sql(sqlx::Error),
    /// A commit was sent and not confirmed.
    OutcomeUnknown(Box<dyn std::error::Error + Send + Sync>),
    /// The operation ran out of time; nothing was committed.
    DeadlineExceeded,
}

impl From<sqlx::Error> for SqlError {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl SqlError {
    /// Returns `true` if the whole transaction may succeed on a retry. A taken primary key counts: two processes
    /// updated no row and both inserted one; the second time there is one to update.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Sql(error) => {
                dialect::is_transient(error)
                    || dialect::which_unique(error).as_deref() == Some("primary")
            }
            _ => false,
        }
    }

    /// Returns `true` if the connection was lost before a commit was sent.
    pub(crate) fn is_connection_lost(&self) -> bool {
        matches!(self, Self::Sql(error) if dialect::is_connection_lost(error))
    }

    pub(crate) fn into_apply_error(self, operation: &'static str) -> ApplyError {
        match self {
            Self::Refused(error) => error,
            Self::Connect(error) => StoreError::new(operation, error).into(),
            Self::Pool(error) => StoreError::new(operation, error).into(),
            Self::Sql(error) => match unique_column(dialect::which_unique(&error).as_deref()) {
                Some(column) => ApplyError::Taken(column),
                None => StoreError::new(operation, error).into(),
            },
            Self::OutcomeUnknown(error) => StoreError::outcome_unknown(operation, error).into(),
            Self::DeadlineExceeded => StoreError::new(operation, "deadline exceeded").into(),
        }
    }

    pub(crate) fn into_store_error(self, operation: &'static str) -> StoreError {
        match self.into_apply_error(operation) {
            ApplyError::Store(error) | ApplyError::OutcomeUnknown(error) => error,
            error => StoreError::new(operation, error),
        }
    }
}

/// The column of a unique index, which is named `table_column`.
fn unique_column(index: Option<&str>) -> Option<&'static str> {
    let index = index?;
    let mut uniques = TABLES.iter().flat_map(|table| {
        let columns = table.unique.iter();
        columns.map(|column| (table.name, *column))
    });
    let is_of = |(table, column): &(&str, &str)| index == format!("{table}_{column}");
    Some(uniques.find(is_of)?.1)
}
