//! Meaning of the databases' error codes.

use std::borrow::Cow;
use std::io::ErrorKind;

use sqlx::mysql::MySqlDatabaseError;

/// A deadlock, a conflict, or a lock that was not granted in time.
const TRANSIENT: &[&str] = &[
    "40001", "40P01", "55P03", "5", "6", "261", "517", "my1205", "my1213",
];

/// The server is a replica, or was set read-only.
const READ_ONLY: &[&str] = &["25006", "my1290", "my1792", "my1836"];

/// The server shuts down, closed this connection, or is a Galera node without its cluster.
const CONNECTION_LOST: &[&str] = &[
    "57P01", "57P02", "57P03", "57P05", "25P03", "08000", "08003", "08006", "my1047", "my1053",
    "my1927", "my3169", "my4031",
];

/// Returns `true` if the same transaction may succeed on a retry.
pub(crate) fn is_transient(error: &sqlx::Error) -> bool {
    is_any(error, TRANSIENT)
}

/// Returns `true` if the connection is of no more use, a read-only one included.
pub(crate) fn is_connection_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::WorkerCrashed => true,
        error => is_any(error, CONNECTION_LOST) || is_read_only(error),
    }
}

/// Returns `true` if the server accepts no writes. It has certainly not executed this one.
pub(crate) fn is_read_only(error: &sqlx::Error) -> bool {
    is_any(error, READ_ONLY)
}

/// Returns `true` if the role lacks a privilege on a table.
pub(crate) fn is_denied(error: &sqlx::Error) -> bool {
    is_any(error, &["42501", "my1142", "my1143"])
}

/// Returns `true` if a statement of a migration failed because it had been executed before: MySQL does not roll
/// back a migration that was killed (a table, column, index or row exists; a column or index is missing).
pub(crate) fn already_exists(error: &sqlx::Error) -> bool {
    is_any(error, &["my1050", "my1060", "my1061", "my1062", "my1091"])
}

/// The error's code: an SQLSTATE, SQLite's number, or MySQL's number after `my`.
pub(crate) fn error_code(error: &sqlx::Error) -> Option<Cow<'_, str>> {
    match error {
        sqlx::Error::Configuration(_) => Some("config".into()),
        sqlx::Error::Tls(_) => Some("tls".into()),
        sqlx::Error::Io(error) if error.kind() == ErrorKind::InvalidData => Some("tls".into()),
        error => {
            let error = error.as_database_error()?;
            match error.try_downcast_ref::<MySqlDatabaseError>() {
                Some(error) => Some(format!("my{}", error.number()).into()),
                None => error.code(),
            }
        }
    }
}

fn is_any(error: &sqlx::Error, codes: &[&str]) -> bool {
    error_code(error).is_some_and(|code| codes.contains(&code.as_ref()))
}

/// The unique index that a write violated, by its name; `primary` for a primary key.
pub(crate) fn which_unique(error: &sqlx::Error) -> Option<String> {
    let error = error
        .as_database_error()
        .filter(|error| error.is_unique_violation())?;
    index_name(error.constraint(), error.code().as_deref(), error.message())
}

/// Returns `true` if another row has the same primary key.
pub(crate) fn is_taken_key(error: &sqlx::Error) -> bool {
    which_unique(error).as_deref() == Some("primary")
}

/// PostgreSQL names the constraint. SQLite's message spells the columns as `table.column, …`, and
/// so the index that is named after them; MySQL's names the index at its end, after the value.
pub(super) fn index_name(
    constraint: Option<&str>,
    code: Option<&str>,
    message: &str,
) -> Option<String> {
    let of_sqlite = message.strip_prefix("UNIQUE constraint failed: ");
    let name = match (constraint, of_sqlite) {
        (Some(name), _) => name.to_owned(),
        (None, Some(_)) if code == Some("1555") => "PRIMARY".to_owned(),
        (None, Some(columns)) => {
            let (table, _) = columns.split_once('.')?;
            let names = columns
                .split(", ")
                .filter_map(|column| Some(column.split_once('.')?.1));
            names.fold(table.to_owned(), |name, column| name + "_" + column)
        }
        (None, None) => {
            let key = message.rsplit_once(" for key ")?.1.trim_matches('\'');
            key.rsplit_once('.').map_or(key, |(_, key)| key).to_owned()
        }
    };
    match name == "PRIMARY" || name.ends_with("_pkey") {
        true => Some("primary".to_owned()),
        false => Some(name),
    }
}
