//! What can go wrong, in two kinds: before there is a connection, for an operator to read; and after,
//! inside one operation, before it becomes the domain's own error.

use std::path::PathBuf;

use doorward_domain::changes::{ApplyError, Unique};
use doorward_domain::ports::StoreError;

use crate::dialect::{self, Dialect};
use crate::hosts::{self, Host};
use crate::row::BadRow;

/// Why there is no database to work with. Each is a sentence for the person who runs the server;
/// none shows the password that the URL may hold.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL names a database that is none of ours.
    #[error("the database URL starts with none of sqlite:, postgres:, mysql: and mariadb:")]
    Scheme,
    /// The URL cannot be read.
    #[error("the database URL is of no use: {0}")]
    Url(String),
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
    /// SQLite's file is no longer where it was opened.
    #[error(
        "the database file {} is gone, or another one: put it back, or restart Doorward", path.display()
    )]
    Moved {
        /// The file.
        path: PathBuf,
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
    #[error("the database at {server} refuses: {source}{}", hint(mend.as_deref()))]
    Refused {
        /// The URL without user, password and parameters.
        server: String,
        /// What the driver says.
        source: Box<sqlx::Error>,
        /// What to do about it, where that is known.
        mend: Option<String>,
    },
    /// The database answers, and takes no writes.
    #[error(
        "the database at {server} takes no writes: it is a replica, or was told so; \
         name the host that does, or all of them with commas between"
    )]
    ReadOnly {
        /// The URL without user, password and parameters.
        server: String,
    },
    /// None of several hosts will do.
    #[error("none of the database's hosts can be used: {}", sentences(.0))]
    NoHost(
        /// Why not, in their order.
        Vec<ConnectError>,
    ),
    /// The server is older than what this program was tried with.
    #[error("the database at {server} is {name} {found}, and Doorward needs {needed} or later")]
    TooOld {
        /// The URL without user, password and parameters.
        server: String,
        /// Which database it is.
        name: &'static str,
        /// Its version, as it spells it.
        found: String,
        /// The first one that will do.
        needed: String,
    },
    /// The database cannot keep every letter.
    #[error(
        "the database at {server} keeps text as {found}, and Doorward needs UTF8; \
         make it anew with CREATE DATABASE {database} ENCODING 'UTF8' TEMPLATE template0"
    )]
    Encoding {
        /// The URL without user, password and parameters.
        server: String,
        /// What it keeps text as.
        found: String,
        /// Its name.
        database: String,
    },
    /// Every connection is in use, and was for as long as one may wait.
    #[error("all {most} connections to the database were in use")]
    Busy {
        /// How many there may be.
        most: u32,
    },
    /// The store was closed.
    #[error("the database was closed")]
    Closed,
    /// A step of a migration failed.
    #[error(
        "migration {version} ({name}) failed: {source}{}; \
         the database is as it was before, or can be migrated again", hint(mend.as_deref())
    )]
    Migration {
        /// Its number.
        version: i64,
        /// Its name.
        name: &'static str,
        /// What the driver says.
        source: Box<sqlx::Error>,
        /// What to do about it, where that is known.
        mend: Option<String>,
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
    pub(crate) fn of(dialect: Dialect, host: &Host, source: sqlx::Error) -> Self {
        let server = host.name.clone();
        let mend = mend(dialect, host, &source);
        let source = Box::new(source);
        match *source {
            sqlx::Error::Io(_) if mend.is_none() => Self::Unreachable { server, source },
            _ => Self::Refused {
                server,
                source,
                mend,
            },
        }
    }

    /// Whether the next try, in a moment, may go better.
    pub(crate) fn is_worth_waiting(&self) -> bool {
        match self {
            Self::Unreachable { source, .. } | Self::Refused { source, .. } => {
                dialect::is_worth_waiting(source)
            }
            Self::NoHost(errors) => errors.iter().any(Self::is_worth_waiting),
            Self::ReadOnly { .. } => true,
            _ => false,
        }
    }
}

/// What can be done about an error, by the names that the URL gives.
pub(crate) fn mend(dialect: Dialect, host: &Host, error: &sqlx::Error) -> Option<String> {
    let (user, database) = hosts::user_and_database(&host.url);
    dialect::advice(dialect, error, &user, &database)
}

fn hint(mend: Option<&str>) -> String {
    mend.map_or_else(String::new, |mend| format!("; {mend}"))
}

fn sentences(errors: &[ConnectError]) -> String {
    let all: Vec<_> = errors.iter().map(ToString::to_string).collect();
    all.join("; ")
}

/// Why an operation did not go through.
#[derive(Debug)]
pub(crate) enum Fault {
    /// What the domain wants to know about.
    Refused(ApplyError),
    /// There was no connection to ask on.
    Away(ConnectError),
    /// What the database says, or that it fell silent.
    Sql(sqlx::Error),
    /// A commit was sent and not answered.
    Unsettled(sqlx::Error),
    /// It took all its time before anything was committed.
    OutOfTime,
    /// What it keeps makes no sense.
    Row(BadRow),
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<ConnectError> for Fault {
    fn from(error: ConnectError) -> Self {
        Self::Away(error)
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
            _ => false,
        }
    }

    /// Whether the connection went away in the middle of it.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self, Self::Sql(error) if dialect::is_lost(error))
    }

    /// Whether a statement that commits by itself may have done so all the same.
    pub(crate) fn is_in_doubt(&self) -> bool {
        matches!(self, Self::Sql(error) if dialect::is_lost(error) && !dialect::is_read_only(error))
    }

    pub(crate) fn is_unsettled(&self) -> bool {
        matches!(self, Self::Unsettled(_))
    }

    /// What a fault means where a commit was sent.
    pub(crate) fn of_a_commit(self) -> Self {
        match self {
            Self::Sql(error) if dialect::is_lost(&error) && !dialect::is_read_only(&error) => {
                Self::Unsettled(error)
            }
            fault => fault,
        }
    }

    /// Which unique index it ran into.
    pub(crate) fn which_unique(&self) -> Option<String> {
        match self {
            Self::Sql(error) => dialect::which_unique(error),
            _ => None,
        }
    }

    pub(crate) fn into_apply_error(self, operation: &'static str) -> ApplyError {
        match self.which_unique().as_deref() {
            Some("users_username_key") => return ApplyError::Taken(Unique::Username),
            Some("users_email_key") => return ApplyError::Taken(Unique::Email),
            _ => {}
        }
        match self {
            Self::Refused(error) => error,
            Self::Away(error) => StoreError::new(operation, error).into(),
            Self::Sql(error) => StoreError::new(operation, error).into(),
            Self::Unsettled(error) => ApplyError::Unsettled(StoreError::new(operation, error)),
            Self::OutOfTime => StoreError::new(operation, "there was no time left for it").into(),
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
