//! The store: its connections, and the port, method by method. The operations are in `records.rs`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use doorward_domain::store::{
    ApplyError, Batch, Claim, Limits, Query, ReadStore, Row, Store, StoreError, Table, Value,
};
use jiff::Timestamp;
use sqlx::any::AnyRow;
use sqlx::{Row as _, SqlSafeStr};
use tokio::sync::Mutex;

use crate::arg::Arg;
use crate::connect::SetupConnection;
use crate::database_url::DatabaseUrl;
use crate::dialect::Dialect;
use crate::error::{ConnectError, SqlError};
use crate::pool::ConnectionPool;
use crate::retry::RetryBudget;
use crate::settings::SqlSettings;
use crate::sqlite_file::MissingFile;
use crate::timeouts::Timeouts;
use crate::transaction::Transaction;
use crate::{migrations, records, sweep};

/// The time limit of a ping, below those of other operations.
const PING_TIMEOUT: Duration = Duration::from_millis(2500);
/// Maximum number of writes in a batch, so that it ends within its time limit.
const WRITES: usize = 10_000;

/// Accounts and sessions in an SQL database. A clone is another handle on the same pool.
#[derive(Clone)]
pub struct SqlStore {
    pub(crate) pool: ConnectionPool,
    pub(crate) dialect: Dialect,
    /// Writers wait here in order, if the database accepts one at a time.
    writer_lock: Option<Arc<Mutex<()>>>,
}

impl SqlStore {
    /// Connects, creates SQLite's file and the schema where they are missing, and logs settings of the
    /// database that risk data. `now` is recorded with each migration that is applied.
    pub async fn connect(settings: &SqlSettings, now: Timestamp) -> Result<Self, ConnectError> {
        let mut setup = SetupConnection::open(settings, MissingFile::Create).await?;
        setup.check().await?;
        if settings.migrate {
            setup.migrate(now).await?;
        }
        let status = setup.status().await?;
        migrations::check(&status)?;
        setup.check_privileges().await?;
        setup.log_weaknesses().await;
        setup.close().await;

        let url = DatabaseUrl::parse(&settings.url)?;
        let dialect = url.dialect;
        let pool = ConnectionPool::new(url, settings.timeouts(), settings.max_connections);
        Ok(Self {
            pool: pool.map_err(ConnectError::Pool)?,
            dialect,
            writer_lock: dialect.has_one_writer().then(Default::default),
        })
    }

    /// Closes the pool. Later operations fail.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    pub(crate) async fn rows(
        &self,
        operation: &'static str,
        sql: impl SqlSafeStr,
        args: &[Arg<'_>],
    ) -> Result<Vec<AnyRow>, StoreError> {
        let sql = sql.into_sql_str();
        let mut budget = RetryBudget::new(self.pool.timeouts().operation());
        loop {
            let attempt = async { self.pool.get().await?.rows(sql.clone(), args).await };
            match budget.attempt(attempt).await {
                Ok(rows) => return Ok(rows),
                Err(error) if budget.should_retry(&error).await => {}
                Err(error) => return Err(error.into_store_error(operation)),
            }
        }
    }

    /// Runs one statement in a separate transaction. Returns the number of rows that it matched.
    pub(crate) async fn write(
        &self,
        operation: &'static str,
        sql: impl SqlSafeStr,
        args: &[Arg<'_>],
    ) -> Result<u64, StoreError> {
        let sql = &sql.into_sql_str();
        let limit = self.pool.timeouts().operation();
        let written = self.transaction(limit, |mut transaction| async move {
            let result = transaction.execute(sql.clone(), args).await;
            (transaction, result)
        });
        let written = written.await;
        written.map_err(|error| error.into_store_error(operation))
    }

    /// Runs `body` in a transaction and commits it if it succeeds. Conflicts and connections that are
    /// lost before the commit are retried within the limit; a commit is sent once.
    pub(crate) async fn transaction<T, F>(
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

    pub(crate) async fn begin(&self) -> Result<Transaction, SqlError> {
        let lock = match &self.writer_lock {
            Some(lock) => Some(lock.clone().lock_owned().await),
            None => None,
        };
        let connection = self.pool.get().await?;
        Transaction::begin(connection.with_writer_lock(lock)).await
    }
}

#[async_trait]
impl ReadStore for SqlStore {
    async fn get_rows(
        &self,
        table: &'static Table,
        keys: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        records::get_many(self, table, &keys).await
    }

    async fn find_row(
        &self,
        table: &'static Table,
        column: &'static str,
        value: Value,
    ) -> Result<Option<Row>, StoreError> {
        records::find(self, table, column, &value).await
    }

    async fn list_rows(&self, query: Query) -> Result<Vec<Row>, StoreError> {
        records::list(self, &query).await
    }

    async fn count_rows(&self, query: Query) -> Result<u64, StoreError> {
        records::count(self, &query).await
    }
}

#[async_trait]
impl Store for SqlStore {
    async fn apply(&self, batch: Batch) -> Result<(), ApplyError> {
        if batch.is_empty() {
            return Ok(());
        }
        if batch.len() > WRITES {
            return Err(ApplyError::TooLarge);
        }
        let (limit, batch) = (self.pool.timeouts().operation(), batch.as_slice());
        let applied = self.transaction(limit, |mut transaction| async move {
            let result = records::write_all(&mut transaction, batch).await;
            (transaction, result)
        });
        let applied = applied.await;
        applied.map_err(|error| error.into_apply_error("apply"))
    }

    fn limits(&self) -> Limits {
        Limits { writes: WRITES }
    }

    async fn claim_rows(&self, claim: Claim) -> Result<Vec<Row>, StoreError> {
        records::claim(self, &claim).await
    }

    async fn sweep(&self, table: &'static Table, before: Timestamp) -> Result<(), StoreError> {
        sweep::run(self, table, before).await?;
        match self.dialect.purge_script(self.pool.timeouts()) {
            Some(script) => run_script(self, script).await,
            None => Ok(()),
        }
    }

    async fn purge(&self, tables: &[&'static Table], owner: Value) -> Result<(), StoreError> {
        let (limit, owner) = (self.pool.timeouts().operation(), &owner);
        let purged = self.transaction(limit, |mut transaction| async move {
            let result = records::delete_owned(&mut transaction, tables, owner).await;
            (transaction, result)
        });
        let purged = purged.await;
        purged.map_err(|error| error.into_store_error("purge"))
    }

    async fn server_time(&self) -> Result<Option<Timestamp>, StoreError> {
        const OPERATION: &str = "server time";
        let Some(sql) = self.dialect.server_time() else {
            return Ok(None);
        };
        let rows = self.rows(OPERATION, sql, &[]).await?;
        let micros = rows.first().map(|row| row.try_get::<i64, _>("now"));
        let micros = micros.transpose();
        let micros = micros.map_err(|error| StoreError::new(OPERATION, error))?;
        let time = micros.map(Timestamp::from_microsecond).transpose();
        time.map_err(|error| StoreError::new(OPERATION, error))
    }

    /// Makes a small write, since only that shows that the database accepts one: a full disk, a lock or a missing table
    /// affects writes only.
    async fn ping(&self) -> Result<(), StoreError> {
        let pinged = self.transaction(PING_TIMEOUT, |mut transaction| async move {
            let result = write_nothing(&mut transaction).await;
            (transaction, result)
        });
        let pinged = pinged.await;
        pinged.map_err(|error| error.into_store_error("ping"))
    }
}

async fn run_script(store: &SqlStore, script: String) -> Result<(), StoreError> {
    let budget = RetryBudget::new(store.pool.timeouts().operation());
    let attempt = async {
        let mut connection = store.pool.get().await?;
        connection.session_script(script).await
    };
    let result = budget.attempt(attempt).await;
    result.map_err(|error| error.into_store_error("purge deleted data"))
}

async fn write_nothing(transaction: &mut Transaction) -> Result<(), SqlError> {
    let pings = "UPDATE pings SET counter = counter + 1 WHERE id = 1";
    transaction.execute(pings, &[]).await.map(drop)
}
