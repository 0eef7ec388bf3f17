//! What can go wrong, in two kinds: before there is a connection, for an operator to read; and after,
//! inside one operation, before it becomes the domain's own error.

use std::fmt;
use std::path::PathBuf;

use doorward_domain::changes::{ApplyError, Unique};
use doorward_domain::ports::StoreError;

use crate::dialect::{self, Dialect};
use crate::hosts::{self, Host};
use crate::row::BadRow;

/// Why there is no database to work with. Each is a sentence for the person who runs the server, what
/// is wrong first and then, where that is known, what to do about it; none shows the password that the URL may hold.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL names a database that is none of ours.
    Scheme,
    /// The URL cannot be read.
    Url(String),
    /// SQLite's file cannot be opened or made.
    File {
        /// The file, as the URL spells it.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// SQLite's file is no longer where it was opened.
    Moved {
        /// The file.
        path: PathBuf,
    },
    /// Nobody listens, or the way there is barred.
    Unreachable {
        /// The URL without user, password and parameters.
        server: String,
        /// What the driver says.
        source: Box<sqlx::Error>,
    },
    /// The database answers, and says no: a wrong password, an unknown database, a damaged file.
    Refused {
        /// The URL without user, password and parameters.
        server: String,
        /// What the driver says.
        source: Box<sqlx::Error>,
        /// What to do about it, where that is known.
        mend: Option<String>,
    },
    /// The database answers, and takes no writes.
    ReadOnly {
        /// The URL without user, password and parameters.
        server: String,
    },
    /// The role may do less than serving takes.
    Rights {
        /// The URL without user, password and parameters.
        server: String,
        /// The role, as the URL spells it.
        user: String,
        /// What it may not do.
        missing: String,
        /// The right that it needs.
        mend: String,
    },
    /// None of several hosts will do.
    NoHost(
        /// Why not, in their order.
        Vec<ConnectError>,
    ),
    /// The server is older than what this program was tried with.
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
    Encoding {
        /// The URL without user, password and parameters.
        server: String,
        /// What it keeps text as.
        found: String,
        /// Its name.
        database: String,
    },
    /// What a look writes to is not there.
    NoPing,
    /// Every connection is in use, and was for as long as one may wait.
    Busy {
        /// How many there may be.
        most: u32,
    },
    /// SQLite takes one writer at a time, and it was others' turn for as long as one may wait.
    Turn,
    /// The store was closed.
    Closed,
    /// A step of a migration failed.
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
    Pending(String),
    /// A later Doorward migrated the database beyond what this one can work with.
    Newer {
        /// The newest migration in the database.
        database: i64,
        /// The newest migration in this program.
        binary: i64,
    },
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.found())?;
        self.mend().map_or(Ok(()), |mend| write!(f, "; {mend}"))
    }
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

    /// What is wrong.
    pub(crate) fn found(&self) -> String {
        match self {
            Self::Scheme => {
                "the database URL starts with none of sqlite:, postgres:, mysql: and mariadb:"
                    .into()
            }
            Self::Url(why) => format!("the database URL is of no use: {why}"),
            Self::File { path, source } => {
                format!(
                    "the database file {} cannot be used ({source})",
                    path.display()
                )
            }
            Self::Moved { path } => {
                format!(
                    "the database file {} is gone, or another one",
                    path.display()
                )
            }
            Self::Unreachable { .. }
            | Self::Refused { .. }
            | Self::ReadOnly { .. }
            | Self::Rights { .. }
            | Self::TooOld { .. }
            | Self::Encoding { .. } => self.of_server().map(|(_, found)| found).unwrap_or_default(),
            Self::NoHost(errors) => {
                let all: Vec<_> = errors.iter().map(Self::found).collect();
                format!(
                    "none of the database's hosts can be used: {}",
                    all.join("; ")
                )
            }
            Self::NoPing => "the table guards of the database lacks its row 'ping'".into(),
            Self::Busy { most } => format!("all {most} connections to the database were in use"),
            Self::Turn => "other writes to the database file were under way all the time".into(),
            Self::Closed => "the database was closed".into(),
            Self::Migration {
                version,
                name,
                source,
                ..
            } => format!("migration {version} ({name}) failed: {source}"),
            Self::Pending(names) => format!("the database lacks the migrations {names}"),
            Self::Newer { database, binary } => format!(
                "the database is at schema {database}, and this Doorward knows schemas up to {binary}"
            ),
        }
    }

    /// A server, and what is wrong with it.
    fn of_server(&self) -> Option<(&str, String)> {
        let (server, found) = match self {
            Self::Unreachable { server, source } => {
                return Some((
                    server,
                    format!("no database answers at {server} ({source})"),
                ));
            }
            Self::Refused { server, source, .. } => (server, format!("refuses: {source}")),
            Self::ReadOnly { server } => {
                let found = "takes no writes: it is a replica, or was told so";
                (server, found.to_owned())
            }
            Self::Rights {
                server,
                user,
                missing,
                ..
            } => (server, format!("gives {user} no right to {missing}")),
            Self::TooOld {
                server,
                name,
                found,
                needed,
            } => {
                let found = format!("is {name} {found}, and Doorward needs {needed} or later");
                (server, found)
            }
            Self::Encoding { server, found, .. } => {
                let found = format!("keeps text as {found}, and Doorward needs UTF8");
                (server, found)
            }
            _ => return None,
        };
        Some((server, format!("the database at {server} {found}")))
    }

    /// What to do about it, where that is known.
    pub(crate) fn mend(&self) -> Option<String> {
        let mend = match self {
            Self::File { .. } => {
                "it and its folder must be readable and writable for the user that runs Doorward"
            }
            Self::Moved { .. } => "put it back, or restart Doorward",
            Self::Unreachable { .. } => "is it running, and is the address right?",
            Self::ReadOnly { .. } => "name the host that does, or all of them with commas between",
            Self::TooOld { .. } => "update the server",
            Self::NoPing => "restore the database as a whole, or put the row back",
            Self::Pending(_) => "run `doorward migrate`, or set database.migrate = true",
            Self::Newer { .. } => {
                "run the version that migrated it, or restore a backup from before"
            }
            Self::Encoding { database, .. } => {
                return Some(format!(
                    "make it anew with CREATE DATABASE {database} ENCODING 'UTF8' TEMPLATE template0"
                ));
            }
            Self::Rights { mend, .. } => mend,
            Self::Refused { mend, .. } => return mend.clone(),
            Self::Migration { mend, .. } => {
                let after = "the database is as it was before, or can be migrated again";
                let mend = mend.as_ref();
                return Some(mend.map_or(after.into(), |mend| format!("{mend}; {after}")));
            }
            Self::NoHost(errors) => return mend_of_all(errors),
            Self::Scheme | Self::Url(_) | Self::Busy { .. } | Self::Turn | Self::Closed => {
                return None;
            }
        };
        Some(mend.to_owned())
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

/// Once, where all are mended in the same way; else each with the host it is about.
fn mend_of_all(errors: &[ConnectError]) -> Option<String> {
    let mends: Vec<_> = errors
        .iter()
        .filter_map(|error| Some((error.of_server()?.0, error.mend()?)))
        .collect();
    let (_, first) = mends.first()?;
    if mends.iter().all(|(_, mend)| mend == first) {
        return Some(first.clone());
    }
    let each: Vec<_> = mends
        .iter()
        .map(|(server, mend)| format!("{server}: {mend}"))
        .collect();
    Some(each.join("; "))
}

const NO_LINE: &str = "the database said nothing, and has not written a line of the audit log: something stands on its \
    table, see `doorward doctor`";

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
    OutcomeUnknown(sqlx::Error),
    /// It took all its time before anything was committed.
    OutOfTime,
    /// A line of the audit log was not written, and nothing was said of it.
    NoLine,
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
        matches!(self, Self::OutcomeUnknown(_))
    }

    /// What a fault means where a commit was sent.
    pub(crate) fn of_a_commit(self) -> Self {
        match self {
            Self::Sql(error) if dialect::is_lost(&error) && !dialect::is_read_only(&error) => {
                Self::OutcomeUnknown(error)
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
            Self::OutcomeUnknown(error) => {
                ApplyError::OutcomeUnknown(StoreError::new(operation, error))
            }
            Self::NoLine => StoreError::new(operation, NO_LINE).into(),
            Self::OutOfTime => StoreError::new(operation, "there was no time left for it").into(),
            Self::Row(error) => StoreError::new(operation, error).into(),
        }
    }

    pub(crate) fn into_store_error(self, operation: &'static str) -> StoreError {
        match self.into_apply_error(operation) {
            ApplyError::Store(error) | ApplyError::OutcomeUnknown(error) => error,
            error => StoreError::new(operation, error),
        }
    }
}
