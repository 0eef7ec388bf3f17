//! The one place that knows which database it speaks to.
//!
//! All other files write one SQL: `?` for parameters, 64-bit integers, text and bytes, explicit
//! column lists, no `RETURNING`, no upsert, no locking clause. What the three databases do not
//! share stands here, a function each. To speak to one more: a variant, its arm in each function,
//! its three lines in `tests/contract.rs`.

use std::fmt::Write;
use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::error::DatabaseError;
use sqlx::mysql::MySqlDatabaseError;
use sqlx::{Any, AnyConnection, Connection, Row, Transaction, raw_sql};

use crate::error::ConnectError;
use crate::sqlite_file::{self, IfMissing};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
    Mysql,
}

/// What stands for what in a migration, in the order of the variants. A key compares byte by byte.
const TYPES: [(&str, [&str; 3]); 7] = [
    ("{id}", ["BLOB", "BYTEA", "BINARY(16)"]),
    ("{digest}", ["BLOB", "BYTEA", "BINARY(32)"]),
    ("{key}", ["TEXT", "TEXT COLLATE \"C\"", "VARBINARY(1024)"]),
    ("{text}", ["TEXT", "TEXT", "LONGTEXT"]),
    ("{int}", ["INTEGER", "BIGINT", "BIGINT"]),
    ("{blob}", ["BLOB", "BYTEA", "LONGBLOB"]),
    ("{table}", [" STRICT", "", INNODB]),
];

const INNODB: &str = " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin";

impl Dialect {
    pub(crate) fn of_url(url: &str) -> Option<Self> {
        match url.split_once(':')?.0 {
            "sqlite" => Some(Self::Sqlite),
            "postgres" | "postgresql" => Some(Self::Postgres),
            "mysql" | "mariadb" => Some(Self::Mysql),
            _ => None,
        }
    }

    /// The URL as the driver takes it. SQLite's file is made here, so that nobody else may read
    /// it. A server's connection keeps every statement prepared: MySQL pays dearly to close one.
    pub(crate) fn driver_url(
        self,
        url: &str,
        if_missing: IfMissing,
    ) -> Result<String, ConnectError> {
        match self {
            Self::Sqlite => sqlite_file::driver_url(url, if_missing),
            Self::Postgres | Self::Mysql => {
                let joint = if url.contains('?') { '&' } else { '?' };
                Ok(format!("{url}{joint}statement-cache-capacity=1024"))
            }
        }
    }

    /// What a new connection is told first. Commits are durable and locks are not waited for
    /// without end; the servers let a transaction see what others committed meanwhile.
    pub(crate) fn session(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "PRAGMA busy_timeout=10000; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
            }
            Self::Postgres => {
                "SET default_transaction_isolation = 'read committed'; SET lock_timeout = '10s';"
            }
            Self::Mysql => {
                "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; \
                 SET SESSION sql_mode='STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO,PIPES_AS_CONCAT', \
                 SESSION innodb_lock_wait_timeout=10;"
            }
        }
    }

    /// What the database is told once, before anything else: SQLite's readers and its writer
    /// shall not wait for one another.
    pub(crate) fn database(self) -> Option<&'static str> {
        (self == Self::Sqlite).then_some("PRAGMA journal_mode=WAL")
    }

    pub(crate) fn pool_options(self, max_connections: u32) -> AnyPoolOptions {
        let options = AnyPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(Duration::from_secs(5))
            .after_connect(move |connection, _| {
                let told = raw_sql(self.session()).execute(connection);
                Box::pin(async move { told.await.map(|_| ()) })
            });
        match self {
            // A file does not hang up.
            Self::Sqlite => options
                .test_before_acquire(false)
                .idle_timeout(None)
                .max_lifetime(None),
            Self::Postgres | Self::Mysql => options,
        }
    }

    /// Whether writers wait in line in this process, since the database takes one at a time.
    pub(crate) fn has_one_writer(self) -> bool {
        self == Self::Sqlite
    }

    /// Begins a transaction that writes. SQLite cannot turn a reader into a writer safely.
    pub(crate) fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres | Self::Mysql => "BEGIN",
        }
    }

    /// `?` becomes `$1`, `$2` … where the database wants that. No text of ours has a `?` in quotes.
    pub(crate) fn sql(self, sql: &str) -> String {
        if self != Self::Postgres {
            return sql.to_owned();
        }
        let mut parts = sql.split('?');
        let mut numbered = parts.next().unwrap_or_default().to_owned();
        for (index, part) in parts.enumerate() {
            write!(numbered, "${}{part}", index + 1)
                .expect("a String takes all that is written to it");
        }
        numbered
    }

    /// Fills in a migration's types.
    pub(crate) fn ddl(self, script: &str) -> String {
        TYPES.iter().fold(script.to_owned(), |script, (name, own)| {
            script.replace(name, own[self as usize])
        })
    }

    /// Counts the tables in reach whose name is `schema_migrations`.
    pub(crate) fn history_exists(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'"
            }
            Self::Postgres => {
                "SELECT COUNT(*) FROM pg_catalog.pg_class WHERE oid = to_regclass('schema_migrations')"
            }
            Self::Mysql => {
                "SELECT COUNT(*) FROM information_schema.tables \
                 WHERE table_schema = DATABASE() AND table_name = 'schema_migrations'"
            }
        }
    }

    /// Asks the server for its clock, in microseconds since 1970; a file has none of its own.
    pub(crate) fn server_time(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some(
                "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) AS now",
            ),
            Self::Mysql => {
                Some("SELECT CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS SIGNED) AS now")
            }
        }
    }

    /// Begins to migrate, once nobody else does. MySQL's lock lasts as long as the connection.
    pub(crate) async fn begin_migration(
        self,
        connection: &mut AnyConnection,
    ) -> Result<Transaction<'_, Any>, sqlx::Error> {
        match self {
            Self::Sqlite => {
                let patience = "PRAGMA busy_timeout=30000";
                raw_sql(patience).execute(&mut *connection).await?;
            }
            Self::Postgres => {}
            Self::Mysql => {
                let lock = "SELECT GET_LOCK(LEFT(CONCAT('doorward:', DATABASE()), 64), 60)";
                let row = sqlx::query(lock).fetch_one(&mut *connection).await?;
                if row.try_get::<Option<i64>, _>(0)? != Some(1) {
                    let busy = "another process has been migrating for a minute";
                    return Err(sqlx::Error::Protocol(busy.to_owned()));
                }
            }
        }
        let mut transaction = connection.begin_with(self.begin()).await?;
        if self == Self::Postgres {
            let lock = "SET LOCAL lock_timeout = '60s'; SELECT pg_advisory_xact_lock(7263711)";
            raw_sql(lock).execute(&mut *transaction).await?;
        }
        Ok(transaction)
    }
}

/// Whether a step of a migration failed because it was made before: MySQL keeps what a migration
/// did before it was killed (table, column, index or row there already, column or index gone).
pub(crate) fn is_made_already(error: &sqlx::Error) -> bool {
    mysql_number(error).is_some_and(|number| matches!(number, 1050 | 1060 | 1061 | 1062 | 1091))
}

/// Whether the same transaction may well succeed when tried again: a deadlock, a conflict, a lock
/// that was not given in time.
pub(crate) fn is_passing(error: &sqlx::Error) -> bool {
    if let Some(number) = mysql_number(error) {
        return matches!(number, 1205 | 1213);
    }
    let code = error.as_database_error().and_then(DatabaseError::code);
    matches!(
        code.as_deref(),
        Some("40001" | "40P01" | "5" | "6" | "261" | "517")
    )
}

fn mysql_number(error: &sqlx::Error) -> Option<u16> {
    let error = error
        .as_database_error()?
        .try_downcast_ref::<MySqlDatabaseError>()?;
    Some(error.number())
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
fn index_name(constraint: Option<&str>, code: Option<&str>, message: &str) -> Option<String> {
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

#[cfg(test)]
mod tests;
