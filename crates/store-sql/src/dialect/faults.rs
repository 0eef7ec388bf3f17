//! What each database's errors mean.

use std::borrow::Cow;
use std::io::ErrorKind;

use sqlx::mysql::MySqlDatabaseError;

use super::Dialect;

/// The same transaction may well succeed when tried again: a deadlock, a conflict, a lock that was
/// not given in time.
const PASSING: &[&str] = &[
    "40001", "40P01", "55P03", "5", "6", "261", "517", "my1205", "my1213",
];

/// The server takes no writes: a replica, or one that was told so.
const READ_ONLY: &[&str] = &["25006", "my1290", "my1792", "my1836"];

/// The server is going away; a node of Galera has lost its cluster.
const GOING: &[&str] = &[
    "57P01", "57P02", "57P03", "08000", "08006", "my1047", "my1053",
];

/// It has given up this connection alone.
const HANGING_UP: &[&str] = &["57P05", "25P03", "08003", "my1927", "my3169", "my4031"];

/// It will let us in once it has started, or once somebody else has left.
const COMING: &[&str] = &[
    "57P01", "57P02", "57P03", "53300", "my1040", "my1047", "my1053", "my1203",
];

/// Whether trying the same transaction again may help.
pub(crate) fn is_passing(error: &sqlx::Error) -> bool {
    is_any(error, PASSING)
}

/// Whether the connection is of no more use: nobody is there any more, or nobody who takes writes.
pub(crate) fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::WorkerCrashed => true,
        error => is_any(error, HANGING_UP) || is_going(error) || is_read_only(error),
    }
}

/// Whether all connections to that server are of no more use.
pub(crate) fn is_going(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) => true,
        error => is_any(error, GOING),
    }
}

/// Whether the server takes no writes. It has refused this one for certain.
pub(crate) fn is_read_only(error: &sqlx::Error) -> bool {
    is_any(error, READ_ONLY)
}

/// Whether the role lacks the right to a table.
pub(crate) fn is_denied(error: &sqlx::Error) -> bool {
    is_any(error, &["42501", "my1142", "my1143"])
}

/// Whether a server that did not let us in may do so in a moment.
pub(crate) fn is_worth_waiting(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() != ErrorKind::InvalidData,
        error => is_any(error, COMING),
    }
}

/// Whether a step of a migration failed because it was made before: MySQL keeps what a migration
/// did before it was killed (table, column, index or row there already, column or index gone).
pub(crate) fn is_made_already(error: &sqlx::Error) -> bool {
    is_any(error, &["my1050", "my1060", "my1061", "my1062", "my1091"])
}

/// What the person who runs the server can do about it. `user` and `database` are the URL's.
pub(crate) fn advice(
    dialect: Dialect,
    error: &sqlx::Error,
    user: &str,
    database: &str,
) -> Option<String> {
    let text = error.to_string();
    let advice = match code(error)?.as_ref() {
        "3D000" | "my1049" => format!("make it with CREATE DATABASE {database}"),
        "28P01" | "28000" | "my1045" | "my1698" => {
            format!("is the password of {user} right, and may it come in from this machine?")
        }
        // To look into a table is not to make one.
        "42501" if text.contains("for table ") => {
            format!(
                "give the right with {}",
                dialect.grant_of_rows(user, database)
            )
        }
        "my1142" if text.contains("SELECT command") => {
            format!(
                "give the right with {}",
                dialect.grant_of_rows(user, database)
            )
        }
        "42501" | "my1142" | "my1044" => {
            format!(
                "give the right with {}",
                dialect.grant_of_tables(user, database)
            )
        }
        "26" => {
            "another kind of file has its name: name one that is not there yet, or the right one"
                .to_owned()
        }
        "11" => "restore it from a backup".to_owned(),
        "53300" | "my1040" | "my1203" => {
            "raise the server's max_connections, or lower database.max_connections".to_owned()
        }
        "config" if text.contains("RSA") => "the server takes this password over TLS alone: \
            add ?ssl-mode=VERIFY_IDENTITY, with &ssl-ca=FILE where its authority is your own"
            .to_owned(),
        "tls" if text.contains("does not support") => {
            "turn TLS on at the server, or leave the URL's TLS parameters out".to_owned()
        }
        "tls" => format!(
            "name the file of the authority that signed its certificate by {}, and the host as the certificate does",
            dialect.root_certificate()
        ),
        _ => return None,
    };
    Some(advice)
}

/// The error's code: an SQLSTATE, SQLite's number, or MySQL's number after `my`.
fn code(error: &sqlx::Error) -> Option<Cow<'_, str>> {
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
    code(error).is_some_and(|code| codes.contains(&code.as_ref()))
}

/// Which unique index a write ran into, by its name; `primary` for a primary key.
pub(crate) fn which_unique(error: &sqlx::Error) -> Option<String> {
    let error = error
        .as_database_error()
        .filter(|error| error.is_unique_violation())?;
    index_name(error.constraint(), error.code().as_deref(), error.message())
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
