//! The ports of the domain on SQLite, PostgreSQL and MySQL/MariaDB: one code path, one migration history.
//!
//! | file | contains |
//! | --- | --- |
//! | `apply.rs` | the one write operation: a list of changes in one transaction |
//! | `records.rs` | the generic operations on records, which declare their tables in the domain |
//! | `users.rs`, `sessions.rs`, `audit_*.rs` | types that do not declare a table yet: their SQL, and how a row is read |
//! | `sweep.rs` | deleting expired rows in batches |
//! | `dialect.rs`, `dialect/` | everything that differs between the databases |
//! | `pool.rs`, `transaction.rs`, `retry.rs` | connections, transactions, retries and time limits |
//! | `database_url.rs`, `connect.rs`, `diagnostics.rs` | the URL, the checks at start and for `doorward doctor` |
//! | `privileges.rs` | the privileges that a serving role needs |
//! | `migrations.rs` | the schema's history, and the lock around it |
//! | `arg.rs`, `row.rs` | what may be bound, and how columns are read |
//!
//! The store enforces uniqueness, versions and expiry, by constraint or by the condition of the write
//! itself, never by reading first. Every other rule of an account is the domain's.
//!
//! To add a column of a record: a migration, and its declaration in the domain. To write a store for another kind of database:
//! a crate beside this one that implements [`Store`] (and [`Sessions`], if it stores sessions), the two
//! macros of `doorward_testkit::contract` in its tests against a real server, and
//! one arm in the wiring of `crates/server`. The contract shows what to look out for:
//! conditions instead of reads, all or nothing, keys compared byte by byte, times to the microsecond.
//!
//! [`Store`]: doorward_domain::ports::Store
//! [`Sessions`]: doorward_domain::ports::Sessions

mod apply;
mod arg;
mod audit_chain;
mod audit_events;
mod backup;
mod connect;
mod database_url;
mod diagnostics;
mod dialect;
mod error;
mod migrations;
mod pool;
mod privileges;
mod records;
mod retry;
mod row;
mod sessions;
mod sqlite_file;
mod store;
mod sweep;
mod transaction;
mod users;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use doorward_domain::ports::StoreError;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe};
use tokio::sync::Mutex;

pub use backup::{BackupError, back_up};
pub use connect::{migrate, migration_status};
pub use database_url::check_url;
pub use diagnostics::{DatabaseDiagnostics, diagnose};
pub use error::ConnectError;
pub use migrations::MigrationStatus;

use arg::Arg;
use dialect::Dialect;
use error::SqlError;
use pool::ConnectionPool;
use retry::RetryBudget;
use transaction::Transaction;

/// Location and options of the database.
#[derive(Clone)]
pub struct SqlSettings {
    /// `sqlite:PATH`, `postgres://…`, `mysql://…` or `mariadb://…`.
    pub url: String,
    /// Maximum number of connections.
    pub max_connections: u32,
    /// Whether to apply pending migrations; if not, a pending one is an error.
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

    fn timeouts(&self) -> Timeouts {
        Timeouts {
            connect: self.connect_timeout,
            statement: self.statement_timeout,
        }
    }
}

/// Time limits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    connect: Duration,
    statement: Duration,
}

impl Timeouts {
    /// Additional time for a commit, after the operation's own limit.
    const COMMIT: Duration = Duration::from_secs(2);

    /// One operation with all its attempts, without the commit.
    fn operation(self) -> Duration {
        self.statement + Duration::from_secs(2)
    }
}

/// Accounts and sessions in an SQL database. A clone is another handle on the same pool.
#[derive(Clone)]
pub struct SqlStore {
    pool: ConnectionPool,
    dialect: Dialect,
    /// Writers wait here in order, if the database accepts one at a time.
    writer_lock: Option<Arc<Mutex<()>>>,
}

impl SqlStore {
    /// Closes the pool. Later operations fail.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn rows(
        &self,
        operation: &'static str,
        sql: &str,
        args: &[Arg<'_>],
    ) -> Result<Vec<AnyRow>, StoreError> {
        let mut budget = RetryBudget::new(self.pool.timeouts().operation());
        loop {
            let attempt = async { self.pool.get().await?.rows(sql, args).await };
            match budget.attempt(attempt).await {
                Ok(rows) => return Ok(rows),
                Err(error) if budget.should_retry(&error).await => {}
                Err(error) => return Err(error.into_store_error(operation)),
            }
        }
    }

    async fn row(
        &self,
        operation: &'static str,
        sql: &str,
        args: &[Arg<'_>],
    ) -> Result<Option<AnyRow>, StoreError> {
        let mut rows = self.rows(operation, sql, args).await?;
        Ok((!rows.is_empty()).then(|| rows.swap_remove(0)))
    }

    /// Runs one statement in a separate transaction. Returns the number of rows that it matched.
    async fn write(
        &self,
        operation: &'static str,
        sql: &str,
        args: &[Arg<'_>],
    ) -> Result<u64, StoreError> {
        let limit = self.pool.timeouts().operation();
        let written = self.transaction(limit, |mut transaction| async move {
            let result = transaction.execute(sql, args).await;
            (transaction, result)
        });
        let written = written.await;
        written.map_err(|error| error.into_store_error(operation))
    }

    /// Runs `body` in a transaction and commits it if it succeeds. Conflicts and connections that are
    /// lost before the commit are retried within the limit; a commit is sent once.
    async fn transaction<T, F>(
        &self,
        limit: Duration,
        body: impl Fn(Transaction) -> F,
    ) -> Result<T, SqlError>
    where
        F: Future<Output = (Transaction, Result<T, SqlError>)>,
    {
        let mut budget = RetryBudget::new(limit);
        loop {
            let attempt = async {
                match body(self.begin().await?).await {
                    (transaction, Ok(value)) => Ok((transaction, value)),
                    (transaction, Err(error)) => {
                        transaction.roll_back().await;
                        Err(error)
                    }
                }
            };
            let error = match budget.attempt(attempt).await {
                Ok((transaction, value)) => {
                    let deadline = budget.deadline + Timeouts::COMMIT;
                    match transaction.commit(deadline).await {
                        Ok(()) => return Ok(value),
                        Err(error) => error,
                    }
                }
                Err(error) => error,
            };
            if !budget.should_retry(&error).await {
                return Err(error);
            }
        }
    }

    async fn begin(&self) -> Result<Transaction, SqlError> {
        let lock = match &self.writer_lock {
            Some(lock) => Some(lock.clone().lock_owned().await),
            None => None,
        };
        let connection = self.pool.get().await?;
        Transaction::begin(connection.with_writer_lock(lock)).await
    }
}

/// A statement with its parameters. Its text consists of our own literals only; values are always bound.
fn query(dialect: Dialect, sql: &str, args: &[Arg<'_>]) -> Query<'static, Any, AnyArguments> {
    let query = sqlx::query(AssertSqlSafe(dialect.sql(sql)));
    args.iter().fold(query, |query, arg| arg.bind(query))
}

#[cfg(test)]
mod tests;
