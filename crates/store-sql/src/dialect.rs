//! The one place that knows which database it speaks to.
//!
//! All other files write one SQL: `?` for parameters, 64-bit integers, text and bytes, explicit
//! column lists, no `RETURNING`, no upsert, no locking clause. What the three databases do not
//! share stands here, a function each, and in the folder beside: `faults.rs` reads their errors,
//! `server.rs` asks a server about itself, `triggers.rs` for what does not belong on our tables,
//! `parameters.rs` reads a URL's. To speak to one more: a
//! variant, its arm in each function, its three lines in `tests/contract.rs`.

mod faults;
mod parameters;
mod server;
mod triggers;

use std::fmt::Write;
use std::time::Duration;

use sqlx::{Any, AnyConnection, Connection, Row, Transaction, raw_sql};

use crate::Limits;
use crate::error::ConnectError;
use crate::hosts::{self, Host};
use crate::sqlite_file::{self, IfMissing, OpenedFile};

pub(crate) use faults::{
    advice, is_denied, is_going, is_lost, is_made_already, is_passing, is_read_only,
    is_worth_waiting, which_unique,
};
pub(crate) use parameters::{check_parameters, demands_tls};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
    Mysql,
}

/// What stands for what in a migration, in the order of the variants. A key compares byte by byte
/// (C-06).
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

    /// Where the database is, as the URL says; refuses what names no file, or no database of a server.
    pub(crate) fn hosts(self, url: &str) -> Result<Vec<Host>, ConnectError> {
        match self {
            Self::Sqlite => sqlite_file::path_of(url).map(|_| vec![hosts::of_file(url)]),
            Self::Postgres | Self::Mysql => hosts::of_url(url),
        }
    }

    /// The URL as the driver takes it. SQLite's file is made here, so that nobody else may read
    /// it. A server's connection keeps every statement prepared: MySQL pays dearly to close one.
    /// An IPv6 address is looked up by its brackets, and not found, unless it is told once more.
    pub(crate) fn driver_url(
        self,
        url: &str,
        if_missing: IfMissing,
    ) -> Result<String, ConnectError> {
        match self {
            Self::Sqlite => sqlite_file::driver_url(url, if_missing),
            Self::Postgres | Self::Mysql => {
                let joint = if url.contains('?') { '&' } else { '?' };
                let address = hosts::ipv6_of(url).filter(|_| self == Self::Postgres);
                let address = address.map_or(String::new(), |address| format!("host={address}&"));
                Ok(format!(
                    "{url}{joint}{address}statement-cache-capacity=1024"
                ))
            }
        }
    }

    /// The file that the database is, if it is one.
    pub(crate) fn file(self, url: &str) -> Result<Option<OpenedFile>, ConnectError> {
        match self {
            Self::Sqlite => OpenedFile::of(url).map(Some),
            Self::Postgres | Self::Mysql => Ok(None),
        }
    }

    /// What a new connection is told first. Commits are durable; nothing runs, waits for a lock
    /// or keeps one without end, not even where its client vanished (MySQL 8 knows no other way
    /// than to hang up on whoever is silent); the servers let a transaction see what others
    /// committed meanwhile. Nor may a server's or a role's own defaults change what a statement
    /// means: a write commits by itself, no check of a unique key is left out, no list is cut short
    /// (C-06), and what SQLite has committed is on the disk (C-07), what it has deleted is not (L-05).
    /// The comments are read by MariaDB alone, and by MySQL alone.
    pub(crate) fn session(self, limits: Limits) -> String {
        let all = limits.statement.as_millis().max(1000);
        let half = all / 2;
        let (all_s, half_s) = (all / 1000, (half / 1000).max(1));
        match self {
            Self::Sqlite => format!(
                "PRAGMA busy_timeout={half}; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; \
                 PRAGMA secure_delete=ON;"
            ),
            Self::Postgres => format!(
                "SET default_transaction_isolation = 'read committed'; SET statement_timeout = {all}; \
                 SET lock_timeout = {half}; SET idle_in_transaction_session_timeout = {half}; \
                 SET standard_conforming_strings = on; SET transform_null_equals = off;"
            ),
            Self::Mysql => format!(
                "SET SESSION TRANSACTION ISOLATION LEVEL read committed, READ WRITE; \
                 SET SESSION autocommit=1, SESSION completion_type=0, SESSION unique_checks=1, \
                 SESSION sql_safe_updates=0, SESSION sql_big_selects=1, SESSION sql_auto_is_null=0, \
                 SESSION sql_select_limit=18446744073709551615, SESSION lock_wait_timeout={half_s}; \
                 SET SESSION sql_mode='STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO,PIPES_AS_CONCAT', \
                 SESSION innodb_lock_wait_timeout={half_s}, SESSION wait_timeout=60 \
                 /*M!, SESSION max_statement_time={all_s}, SESSION idle_transaction_timeout={half_s} */ \
                 /*!80000 , SESSION max_execution_time={all} */;"
            ),
        }
    }

    /// What clears away what was deleted where it lies besides its table: SQLite's journal keeps a page
    /// as it was until another is written over it (L-05). It takes the writer's lock and then waits for
    /// whoever reads, so it is told not to wait: a journal that is read is cleared the next time. The
    /// last statement puts back what the first has changed, and is sent whatever became of the second.
    pub(crate) fn forgetting(self, limits: Limits) -> Option<[String; 3]> {
        let half = limits.statement.as_millis().max(1000) / 2;
        (self == Self::Sqlite).then(|| {
            [
                "PRAGMA busy_timeout=0".to_owned(),
                "PRAGMA wal_checkpoint(TRUNCATE)".to_owned(),
                format!("PRAGMA busy_timeout={half}"),
            ]
        })
    }

    /// A column of text to be read whatever somebody has put there: SQLite takes bytes that are no text,
    /// and the driver then reads nothing of the whole answer.
    pub(crate) fn text_as_it_stands(self, column: &str) -> String {
        match self {
            Self::Sqlite => format!("CAST({column} AS BLOB) AS {column}"),
            Self::Postgres | Self::Mysql => column.to_owned(),
        }
    }

    /// How long a connection may rest before it is closed; a file does not hang up. Less than the
    /// `wait_timeout` above.
    pub(crate) fn longest_rest(self) -> Option<Duration> {
        (self != Self::Sqlite).then_some(Duration::from_secs(50))
    }

    /// What the database is told once, before anything else: SQLite's readers and its writer
    /// shall not wait for one another.
    pub(crate) fn database(self) -> Option<&'static str> {
        (self == Self::Sqlite).then_some("PRAGMA journal_mode=WAL")
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

    /// Ends one. PostgreSQL would take an interrupted wait for its standby for an answer.
    pub(crate) fn commit(self) -> &'static str {
        match self {
            Self::Postgres => "SET LOCAL statement_timeout = 0; COMMIT",
            Self::Sqlite | Self::Mysql => "COMMIT",
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
                let patience = "SET SESSION innodb_lock_wait_timeout=60, SESSION lock_wait_timeout=60 \
                    /*M!, SESSION max_statement_time=0, SESSION idle_transaction_timeout=0 */ \
                    /*!80000 , SESSION max_execution_time=0 */";
                raw_sql(patience).execute(&mut *connection).await?;
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
            let lock = "SET LOCAL lock_timeout = '60s'; SET LOCAL statement_timeout = 0; \
                SELECT pg_advisory_xact_lock(7263711)";
            raw_sql(lock).execute(&mut *transaction).await?;
        }
        Ok(transaction)
    }
}

#[cfg(test)]
mod tests;
