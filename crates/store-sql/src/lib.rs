//! The ports of the domain on SQLite, PostgreSQL and MySQL/MariaDB: one code path, one migration history.
//!
//! | file | is |
//! | --- | --- |
//! | `apply.rs` | the one write verb: one transaction, one arm a change |
//! | `witness.rs` | what became of a commit whose answer was lost |
//! | `users.rs`, `sessions.rs` … | a noun: its SQL, and how its row is read |
//! | `sweeping.rs` | how what has run out goes, a piece at a time |
//! | `dialect.rs`, `dialect/` | the only ones that know which database they speak to |
//! | `servers.rs`, `pool.rs`, `tries.rs` | connections, and how long one waits for what |
//! | `opening.rs`, `examine.rs` | whether a database will do, at a start and for `doorward doctor` |
//! | `rights.rs` | what a role that serves must be allowed to do |
//! | `migrations.rs` | the schema's history, and the lock around it |
//! | `arg.rs`, `row.rs` | what may be bound, and what may be read |
//!
//! The rules of an account are none of its business: it keeps uniqueness, versions and expiry, by
//! constraint or by the condition of the write itself, and never by looking first.
//!
//! To add a change: its arm in `apply.rs`, its function in the noun's file. To add a column: a
//! migration, the noun's column list, its reading. To write a store for another kind of database:
//! a crate beside this one that implements [`Store`] (and [`Sessions`], if sessions shall live
//! there), the two macros of `doorward_testkit::contract` in its tests against a real server, and
//! one arm in the wiring of `crates/server`. What to look out for is what the contract tries:
//! conditions instead of reads, all or nothing, keys compared byte by byte, times to the microsecond.
//!
//! [`Store`]: doorward_domain::ports::Store
//! [`Sessions`]: doorward_domain::ports::Sessions

mod apply;
mod arg;
mod audit_events;
mod audit_rows;
mod audit_seals;
mod backup;
mod credentials;
mod dialect;
mod ended_sessions;
mod error;
mod examine;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod hosts;
mod links;
mod mail_jobs;
mod migrations;
mod opening;
mod pool;
mod rights;
mod row;
mod servers;
mod sessions;
mod signing_keys;
mod sqlite_file;
mod store;
mod sweeping;
mod transaction;
mod tries;
mod users;
mod witness;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use doorward_domain::ports::StoreError;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::timeout_at;

pub use backup::{BackupError, back_up};
pub use error::ConnectError;
pub use examine::{Examined, examine};
pub use migrations::MigrationStatus;
pub use opening::{migrate, migration_status};
pub use servers::check_url;

use arg::Arg;
use audit_events::Unreadable;
use dialect::Dialect;
use error::Fault;
use pool::Pool;
use transaction::Transaction;
use tries::Tries;

/// Where the database is and how to use it.
#[derive(Clone)]
pub struct SqlSettings {
    /// `sqlite:PATH`, `postgres://…`, `mysql://…` or `mariadb://…`, with commas between hosts.
    pub url: String,
    /// How many connections to hold at most.
    pub max_connections: u32,
    /// Whether to bring the schema up to date; where not, a schema that lags behind is an error.
    pub migrate: bool,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// How long one statement may take. An operation has two seconds more in all.
    pub statement_timeout: Duration,
}

impl SqlSettings {
    /// What a configuration that says nothing else means.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            max_connections: 10,
            migrate: true,
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(10),
        }
    }

    /// The file that the database is; none where it is a server, or the URL cannot be read.
    pub fn file(&self) -> Option<PathBuf> {
        let file = Dialect::of_url(&self.url)?.file(&self.url).ok()??;
        Some(file.into_path())
    }

    fn limits(&self) -> Limits {
        Limits {
            connect: self.connect_timeout,
            statement: self.statement_timeout,
        }
    }
}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    connect: Duration,
    statement: Duration,
}

impl Limits {
    /// One operation of a port, however often it is tried.
    fn operation(self) -> Duration {
        self.statement + Duration::from_secs(2)
    }

    /// With less of an operation's time left nothing is committed: finding out what became of a
    /// commit takes time, too.
    fn least_for_commit(self) -> Duration {
        self.operation() / 4
    }
}

/// Accounts and sessions in an SQL database. A clone is another handle on the same pool.
#[derive(Clone)]
pub struct SqlStore {
    pool: Pool,
    dialect: Dialect,
    /// Where writers stand in line, first come first served, if the database takes one at a time.
    turn: Option<Arc<Mutex<()>>>,
    /// The lines of the audit log that this node has said to be unreadable.
    unreadable: Arc<Unreadable>,
}

/// What one statement wrote.
struct Written {
    rows: u64,
    /// An earlier try was not answered, and may have done it.
    in_doubt: bool,
}

impl SqlStore {
    /// Waits for what is under way and hangs up. Handles that remain answer with errors.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// The patience of one operation.
    fn tries(&self) -> Tries {
        Tries::new(self.pool.servers().limits)
    }

    /// Reads; a connection that was lost is not the end of it.
    async fn rows(
        &self,
        operation: &'static str,
        sql: &str,
        args: &[Arg<'_>],
    ) -> Result<Vec<AnyRow>, StoreError> {
        let mut tries = self.tries();
        loop {
            let result = match self.pool.acquire(tries.until).await {
                Ok(mut held) => held.rows(sql, args, tries.until).await,
                Err(fault) => Err(fault),
            };
            match result {
                Ok(rows) => return Ok(rows),
                Err(fault) if tries.again(&fault).await => {}
                Err(fault) => return Err(fault.into_store_error(operation)),
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

    /// One statement that writes, in a transaction of its own.
    async fn write(
        &self,
        operation: &'static str,
        sql: &str,
        args: &[Arg<'_>],
    ) -> Result<Written, StoreError> {
        let mut tries = self.tries();
        let mut in_doubt = false;
        loop {
            let fault = match self.write_once(sql, args, &tries).await {
                Ok(rows) => return Ok(Written { rows, in_doubt }),
                Err(fault) => fault,
            };
            if in_doubt && fault.which_unique().as_deref() == Some("primary") {
                return Ok(Written { rows: 1, in_doubt });
            }
            in_doubt |= fault.is_in_doubt();
            if !tries.again(&fault).await {
                return Err(fault.into_store_error(operation));
            }
        }
    }

    async fn write_once(&self, sql: &str, args: &[Arg<'_>], tries: &Tries) -> Result<u64, Fault> {
        let turn = self.turn(tries).await?;
        let mut held = self.pool.acquire(tries.until).await?.in_turn(turn);
        let done = held.execute(sql, args, tries.until).await?;
        Ok(done.rows_affected())
    }

    async fn begin(&self, tries: &Tries) -> Result<Transaction, Fault> {
        let turn = self.turn(tries).await?;
        let held = self.pool.acquire(tries.until).await?.in_turn(turn);
        Transaction::begin(held, tries.until).await
    }

    async fn turn(&self, tries: &Tries) -> Result<Option<OwnedMutexGuard<()>>, Fault> {
        let Some(turn) = &self.turn else {
            return Ok(None);
        };
        let turn = timeout_at(tries.until, turn.clone().lock_owned()).await;
        Ok(Some(turn.map_err(|_| ConnectError::Turn)?))
    }
}

/// A statement with its parameters. Its text is made of our own literals alone; what people typed
/// is always bound.
fn query(dialect: Dialect, sql: &str, args: &[Arg<'_>]) -> Query<'static, Any, AnyArguments> {
    let query = sqlx::query(AssertSqlSafe(dialect.sql(sql)));
    args.iter().fold(query, |query, arg| arg.bind(query))
}

#[cfg(test)]
mod tests;
