//! Differences between the databases. No other file depends on the kind of database.
//!
//! All other files use one SQL: `?` for parameters, 64-bit integers, text and bytes, explicit column lists, no
//! `RETURNING`, no upsert, no locking clause. The differences between the three databases are here, a function
//! each, and in the folder `dialect`: `error_codes.rs` reads their errors, `server.rs` queries a server about
//! itself, `parameters.rs` checks a URL's parameters. To support one more: a variant, its arm in each function,
//! its three lines in `tests/contract.rs`.

mod error_codes;
mod parameters;
mod server;

use std::fmt::Write;

use sqlx::{Any, AnyConnection, Connection, Row, Transaction, raw_sql};

use crate::timeouts::Timeouts;

pub(crate) use error_codes::{
    already_exists, error_code, is_connection_lost, is_denied, is_read_only, is_taken_key,
    is_transient, which_unique,
};
pub(crate) use parameters::check_parameters;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
    Mysql,
}

/// The types of a migration's placeholders, in the order of the variants. A key compares byte by byte
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

    /// The first script of a new connection. It sets time limits for statements, lock waits and idle
    /// transactions at the server, so that a client that vanished holds no lock for long (MySQL 8 can only
    /// close idle connections), and read-committed isolation. It overrides defaults of the server or role
    /// that would change what a statement means: autocommit, unique checks, row limits (C-06). A query reads one index
    /// in its order, so MySQL must not merge two and sort. SQLite
    /// syncs each commit to disk (C-07) and overwrites deleted data (L-05). The comments are executed by
    /// MariaDB only and by MySQL only.
    pub(crate) fn session_setup(self, timeouts: Timeouts) -> String {
        let all = timeouts.statement.as_millis().max(1000);
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
                 SESSION innodb_lock_wait_timeout={half_s}, SESSION wait_timeout=60, \
                 SESSION optimizer_switch='index_merge=off' \
                 /*M!, SESSION max_statement_time={all_s}, SESSION idle_transaction_timeout={half_s} */ \
                 /*!80000 , SESSION max_execution_time={all} */;"
            ),
        }
    }

    /// Removes deleted data outside its table: SQLite's write-ahead log keeps a page until another one
    /// overwrites it (L-05). The checkpoint does not wait for readers; the next sweep tries again.
    pub(crate) fn purge_script(self, timeouts: Timeouts) -> Option<String> {
        let half = timeouts.statement.as_millis().max(1000) / 2;
        (self == Self::Sqlite).then(|| {
            format!(
                "PRAGMA busy_timeout=0; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA busy_timeout={half};"
            )
        })
    }

    /// A text column that may contain invalid text: SQLite stores any bytes, and the driver then fails to
    /// read the whole result.
    pub(crate) fn raw_text(self, column: &str) -> String {
        match self {
            Self::Sqlite => format!("CAST({column} AS BLOB) AS {column}"),
            Self::Postgres | Self::Mysql => column.to_owned(),
        }
    }

    /// Stands before a column whose index must not be read. Without statistics, SQLite could read all events of a kind to find
    /// those of one user; the others have statistics.
    pub(crate) fn without_index(self) -> &'static str {
        match self {
            Self::Sqlite => "+",
            Self::Postgres | Self::Mysql => "",
        }
    }

    /// Number of the columns that equal a value, of `equal`, that a query is not ordered by. PostgreSQL reads an index
    /// in its order for `column IS NULL` only if the order begins with that column; with it MariaDB sorts the rows.
    pub(crate) fn unordered(self, equal: usize) -> usize {
        match self {
            Self::Postgres => 0,
            Self::Sqlite | Self::Mysql => equal,
        }
    }

    /// A persistent setting of the database: with a write-ahead log SQLite's readers and its writer do
    /// not wait for each other.
    pub(crate) fn database_setup(self) -> Option<&'static str> {
        (self == Self::Sqlite).then_some("PRAGMA journal_mode=WAL")
    }

    /// Returns `true` if the database accepts one writer at a time. Writers then queue in this process, in order.
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

    /// Ends one without a statement timeout: PostgreSQL reports a commit whose wait for a synchronous
    /// replica was interrupted as a success.
    pub(crate) fn commit(self) -> &'static str {
        match self {
            Self::Postgres => "SET LOCAL statement_timeout = 0; COMMIT",
            Self::Sqlite | Self::Mysql => "COMMIT",
        }
    }

    /// Replaces `?` by `$1`, `$2` … for PostgreSQL. No statement has a `?` in quotes.
    pub(crate) fn sql(self, sql: &str) -> String {
        if self != Self::Postgres {
            return sql.to_owned();
        }
        let mut parts = sql.split('?');
        let mut numbered = parts.next().unwrap_or_default().to_owned();
        for (index, part) in parts.enumerate() {
            write!(numbered, "${}{part}", index + 1).expect("writing to a String cannot fail");
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

    /// Reads the server's clock, in microseconds since 1970; `None` for a file, which has no clock.
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

    /// Begins a migration, once no other process migrates. MySQL's lock lasts as long as the connection.
    pub(crate) async fn begin_migration(
        self,
        connection: &mut AnyConnection,
    ) -> Result<Transaction<'_, Any>, sqlx::Error> {
        match self {
            Self::Sqlite => {
                let limit = "PRAGMA busy_timeout=30000";
                raw_sql(limit).execute(&mut *connection).await?;
            }
            Self::Postgres => {}
            Self::Mysql => {
                let limit = "SET SESSION innodb_lock_wait_timeout=60, SESSION lock_wait_timeout=60 \
                    /*M!, SESSION max_statement_time=0, SESSION idle_transaction_timeout=0 */ \
                    /*!80000 , SESSION max_execution_time=0 */";
                raw_sql(limit).execute(&mut *connection).await?;
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
