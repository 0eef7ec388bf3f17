//! The ports of the domain on SQLite, PostgreSQL and MySQL/MariaDB: one code path, one migration history.
//!
//! | file | is |
//! | --- | --- |
//! | `apply.rs` | the one write verb: one transaction, one arm a change |
//! | `users.rs`, `sessions.rs` … | a noun: its SQL, and how its row is read |
//! | `dialect.rs` | the only file that knows which database it speaks to |
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
mod backup;
mod credentials;
mod dialect;
mod ended_sessions;
mod error;
mod links;
mod mail_jobs;
mod migrations;
mod row;
mod sessions;
mod signing_keys;
mod sqlite_file;
mod store;
mod transaction;
mod users;

use std::sync::Arc;

use doorward_domain::ports::StoreError;
use jiff::Timestamp;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AnyPool, AssertSqlSafe, Connection, raw_sql};
use tokio::sync::Mutex;

pub use backup::{BackupError, back_up};
pub use error::ConnectError;
pub use migrations::MigrationStatus;

use arg::Arg;
use dialect::Dialect;
use error::Fault;
use sqlite_file::IfMissing;
use transaction::{Retries, Transaction};

/// Where the database is and how to use it.
#[derive(Clone)]
pub struct SqlSettings {
    /// `sqlite:PATH`, `postgres://…`, `mysql://…` or `mariadb://…`.
    pub url: String,
    /// How many connections to hold at most.
    pub max_connections: u32,
    /// Whether to bring the schema up to date; where not, a schema that lags behind is an error.
    pub migrate: bool,
}

/// Accounts and sessions in an SQL database. A clone is another handle on the same pool.
#[derive(Clone)]
pub struct SqlStore {
    pool: AnyPool,
    dialect: Dialect,
    /// Where writers stand in line, first come first served, if the database takes one at a time.
    turn: Option<Arc<Mutex<()>>>,
}

impl SqlStore {
    /// Connects, makes SQLite's file and the schema where they are missing, and holds the
    /// connections ready. `now` is noted with each migration that is made.
    pub async fn connect(settings: &SqlSettings, now: Timestamp) -> Result<Self, ConnectError> {
        let mut first = First::connect(&settings.url, IfMissing::Create).await?;
        if settings.migrate {
            first.migrate(now).await?;
        }
        let status = first.status().await?;
        first.close().await;
        migrations::check(&status)?;

        let dialect = first_dialect(&settings.url)?;
        let pool = dialect
            .pool_options(settings.max_connections)
            .connect(&dialect.driver_url(&settings.url, IfMissing::Fail)?)
            .await
            .map_err(|error| ConnectError::of(&settings.url, error))?;
        let turn = dialect.has_one_writer().then(Arc::default);
        Ok(Self {
            pool,
            dialect,
            turn,
        })
    }

    /// Waits for what is under way and hangs up. Handles that remain answer with errors.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// A statement with its parameters. Its text is made of our own literals alone; what people
    /// typed is always bound.
    fn query(&self, sql: &str, args: &[Arg<'_>]) -> Query<'static, Any, AnyArguments> {
        query(self.dialect, sql, args)
    }

    async fn rows(
        &self,
        operation: &'static str,
        sql: &str,
        args: &[Arg<'_>],
    ) -> Result<Vec<AnyRow>, StoreError> {
        let rows = self.query(sql, args).fetch_all(&self.pool).await;
        rows.map_err(|error| StoreError::new(operation, error))
    }

    async fn row(
        &self,
        operation: &'static str,
        sql: &str,
        args: &[Arg<'_>],
    ) -> Result<Option<AnyRow>, StoreError> {
        let row = self.query(sql, args).fetch_optional(&self.pool).await;
        row.map_err(|error| StoreError::new(operation, error))
    }

    /// One statement that writes, in a transaction of its own; how many rows it met.
    async fn write(
        &self,
        operation: &'static str,
        sql: &str,
        args: &[Arg<'_>],
    ) -> Result<u64, StoreError> {
        let mut retries = Retries::default();
        loop {
            let result = {
                let _turn = self.turn().await;
                self.query(sql, args)
                    .execute(&self.pool)
                    .await
                    .map_err(Fault::from)
            };
            match result {
                Ok(done) => return Ok(done.rows_affected()),
                Err(fault) if retries.again(&fault).await => {}
                Err(fault) => return Err(fault.into_store_error(operation)),
            }
        }
    }

    async fn begin(&self) -> Result<Transaction, Fault> {
        let turn = self.turn().await;
        let begun = self.pool.begin_with(self.dialect.begin()).await?;
        Ok(Transaction::new(begun, self.dialect, turn))
    }

    async fn turn(&self) -> Option<tokio::sync::OwnedMutexGuard<()>> {
        match &self.turn {
            Some(turn) => Some(turn.clone().lock_owned().await),
            None => None,
        }
    }
}

/// Which migrations the database has, and which it lacks. Makes no file and no table.
pub async fn migration_status(url: &str) -> Result<Vec<MigrationStatus>, ConnectError> {
    let mut first = First::connect(url, IfMissing::Fail).await?;
    let status = first.status().await;
    first.close().await;
    status
}

/// Makes the migrations that the database lacks, alone in line; which those were.
pub async fn migrate(url: &str, now: Timestamp) -> Result<Vec<MigrationStatus>, ConnectError> {
    let mut first = First::connect(url, IfMissing::Create).await?;
    let before = first.status().await?;
    first.migrate(now).await?;
    let after = first.status().await?;
    first.close().await;
    let is_new = |status: &MigrationStatus| status.applied_at.is_some() && !before.contains(status);
    Ok(after.into_iter().filter(is_new).collect())
}

fn query(dialect: Dialect, sql: &str, args: &[Arg<'_>]) -> Query<'static, Any, AnyArguments> {
    let query = sqlx::query(AssertSqlSafe(dialect.sql(sql)));
    args.iter().fold(query, |query, arg| arg.bind(query))
}

fn first_dialect(url: &str) -> Result<Dialect, ConnectError> {
    Dialect::of_url(url).ok_or(ConnectError::Scheme)
}

/// The first connection, made by hand: a pool would not say why it cannot connect.
struct First<'u> {
    url: &'u str,
    dialect: Dialect,
    connection: AnyConnection,
}

impl<'u> First<'u> {
    async fn connect(url: &'u str, if_missing: IfMissing) -> Result<Self, ConnectError> {
        let dialect = first_dialect(url)?;
        let driver_url = dialect.driver_url(url, if_missing)?;
        sqlx::any::install_default_drivers();
        let told = |error| ConnectError::of(url, error);
        let mut connection = AnyConnection::connect(&driver_url).await.map_err(told)?;
        raw_sql(dialect.session())
            .execute(&mut connection)
            .await
            .map_err(told)?;
        if let Some(sql) = dialect.database() {
            raw_sql(sql).execute(&mut connection).await.map_err(told)?;
        }
        Ok(Self {
            url,
            dialect,
            connection,
        })
    }

    async fn status(&mut self) -> Result<Vec<MigrationStatus>, ConnectError> {
        let status = migrations::status(&mut self.connection, self.dialect).await;
        status.map_err(|error| ConnectError::of(self.url, error))
    }

    async fn migrate(&mut self, now: Timestamp) -> Result<(), ConnectError> {
        migrations::run(&mut self.connection, self.dialect, self.url, now).await
    }

    async fn close(self) {
        if let Err(error) = self.connection.close().await {
            tracing::debug!(%error, "the first database connection did not close cleanly");
        }
    }
}

#[cfg(test)]
mod tests;
