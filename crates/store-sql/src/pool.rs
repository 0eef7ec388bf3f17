//! The connection pool: deadpool with a manager for sqlx's connections.
//!
//! sqlx's own pool pings the server before and after each use, the latter without a time limit, which doubles the
//! cost of a read. This manager trusts a connection that was used recently; a lost one is noticed by the statement
//! that fails, and the operation is retried on another connection.
//!
//! Only a connection without an open transaction or an unread response returns to the pool. Any other
//! is closed, also when the future that used it is dropped: the database then rolls back.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{
    self, BuildError, Metrics, Object, PoolConfig, PoolError, QueueMode, RecycleError,
    RecycleResult, Timeouts as PoolTimeouts,
};
use sqlx::any::{AnyQueryResult, AnyRow};
use sqlx::{AnyConnection, AssertSqlSafe, Connection, SqlSafeStr, raw_sql};
use tokio::sync::OwnedMutexGuard;
use tokio::time::timeout;

use crate::arg::{Arg, bind};
use crate::connect::connect;
use crate::database_url::DatabaseUrl;
use crate::dialect::{self, Dialect};
use crate::error::{ConnectError, SqlError};
use crate::sqlite_file::MissingFile;
use crate::timeouts::Timeouts;

/// An older connection is replaced, so that a changed DNS name is followed.
const MAX_LIFETIME: Duration = Duration::from_secs(30 * 60);
/// A connection that was not used for this long is pinged before its next use.
const PING_AFTER: Duration = Duration::from_secs(10);
/// The time limit of a ping, a rollback and a close.
const HEALTH_CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// A clone is another handle on the same connections.
#[derive(Clone)]
pub(crate) struct ConnectionPool(managed::Pool<Manager>);

impl ConnectionPool {
    /// Opens no connection yet.
    pub(crate) fn new(
        url: DatabaseUrl,
        timeouts: Timeouts,
        max_connections: u32,
    ) -> Result<Self, BuildError> {
        let manager = Manager {
            url,
            timeouts,
            generation: AtomicU64::new(0),
        };
        let config = PoolConfig {
            max_size: max_connections as usize,
            timeouts: PoolTimeouts {
                wait: Some(timeouts.connect),
                create: Some(timeouts.connect),
                recycle: Some(HEALTH_CHECK_TIMEOUT),
            },
            queue_mode: QueueMode::Lifo,
        };
        let pool = managed::Pool::builder(manager).config(config);
        Ok(Self(pool.runtime(Runtime::Tokio1).build()?))
    }

    pub(crate) fn timeouts(&self) -> Timeouts {
        self.0.manager().timeouts
    }

    pub(crate) async fn get(&self) -> Result<PooledConnection, SqlError> {
        let object = self.0.get().await.map_err(|error| match error {
            PoolError::Backend(error) => SqlError::Connect(error),
            error => SqlError::Pool(error),
        })?;
        Ok(PooledConnection {
            dialect: self.0.manager().url.dialect,
            object: Some(object),
            in_flight: false,
            in_transaction: false,
            writer_lock: None,
        })
    }

    /// Closes the idle connections, and those in use when they are returned.
    pub(crate) async fn close(&self) {
        let idle = self.0.retain(|_, _| false).removed;
        self.0.close();
        for managed in idle {
            let closed = managed.connection.close();
            timeout(HEALTH_CHECK_TIMEOUT, closed).await.ok();
        }
    }
}

struct Manager {
    url: DatabaseUrl,
    timeouts: Timeouts,
    /// Increased when a connection is lost: connections of older generations are not used again.
    generation: AtomicU64,
}

struct ManagedConnection {
    connection: AnyConnection,
    generation: u64,
}

impl Manager {
    /// The server restarted, closed the connection or became read-only, so its other connections are probably
    /// unusable too. The next one resolves the host's name again.
    fn drop_all(&self, generation: u64, cause: &dyn std::fmt::Display) {
        let (current, next) = (generation, generation + 1);
        let raised =
            self.generation
                .compare_exchange(current, next, Ordering::Relaxed, Ordering::Relaxed);
        if raised.is_ok() {
            tracing::warn!(
                database.host = self.url.display,
                %cause,
                "dropped all pooled database connections"
            );
        }
    }
}

impl managed::Manager for Manager {
    type Type = ManagedConnection;
    type Error = ConnectError;

    async fn create(&self) -> Result<ManagedConnection, ConnectError> {
        let generation = self.generation.load(Ordering::Relaxed);
        let connection = connect(&self.url, MissingFile::Fail, self.timeouts).await?;
        Ok(ManagedConnection {
            connection,
            generation,
        })
    }

    async fn recycle(
        &self,
        managed: &mut ManagedConnection,
        metrics: &Metrics,
    ) -> RecycleResult<ConnectError> {
        let is_current = managed.generation == self.generation.load(Ordering::Relaxed);
        if !is_current || metrics.age() > MAX_LIFETIME {
            return Err(RecycleError::message("expired"));
        }
        if metrics.last_used() < PING_AFTER || self.url.dialect == Dialect::Sqlite {
            return Ok(());
        }
        // Its own limit, below the pool's: a server that does not respond fails all connections at once.
        let limit = HEALTH_CHECK_TIMEOUT / 2;
        match timeout(limit, managed.connection.ping()).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => self.drop_all(managed.generation, &error),
            Err(elapsed) => self.drop_all(managed.generation, &elapsed),
        }
        Err(RecycleError::message("ping failed"))
    }
}

/// A connection in use. Dropping it returns it to the pool if it is clean, and closes it otherwise.
pub(crate) struct PooledConnection {
    pub(crate) dialect: Dialect,
    /// `Some` until it is dropped.
    object: Option<Object<Manager>>,
    /// A statement was sent and its response not read to the end, or the connection is lost.
    in_flight: bool,
    in_transaction: bool,
    /// Held until the connection is returned or closed.
    writer_lock: Option<OwnedMutexGuard<()>>,
}

impl PooledConnection {
    pub(crate) fn with_writer_lock(mut self, lock: Option<OwnedMutexGuard<()>>) -> Self {
        self.writer_lock = lock;
        self
    }

    pub(crate) async fn rows(
        &mut self,
        sql: impl SqlSafeStr,
        args: &[Arg<'_>],
    ) -> Result<Vec<AnyRow>, SqlError> {
        let query = bind(sql, args);
        let result = query.fetch_all(self.start()?).await;
        self.finish(result)
    }

    pub(crate) async fn execute(
        &mut self,
        sql: impl SqlSafeStr,
        args: &[Arg<'_>],
    ) -> Result<AnyQueryResult, SqlError> {
        let query = bind(sql, args);
        let result = query.execute(self.start()?).await;
        self.finish(result)
    }

    /// Runs a script that changes settings of the session and restores them. If it fails in between,
    /// the connection does not return to the pool.
    pub(crate) async fn session_script(&mut self, sql: String) -> Result<(), SqlError> {
        let result = self.script(sql).await;
        self.in_flight |= result.is_err();
        result
    }

    /// Runs a script without parameters.
    pub(crate) async fn script(&mut self, sql: String) -> Result<(), SqlError> {
        let result = raw_sql(AssertSqlSafe(sql)).execute(self.start()?).await;
        self.finish(result.map(|_| ()))
    }

    pub(crate) async fn begin(&mut self) -> Result<(), SqlError> {
        self.in_transaction = true;
        self.script(self.dialect.begin().to_owned()).await
    }

    pub(crate) async fn commit(&mut self) -> Result<(), SqlError> {
        self.script(self.dialect.commit().to_owned()).await?;
        self.in_transaction = false;
        Ok(())
    }

    /// If this fails, the connection is closed when it is dropped.
    pub(crate) async fn roll_back(&mut self) {
        if self.in_flight {
            return;
        }
        let rolled_back = self.script("ROLLBACK".to_owned());
        // SQLite has sometimes rolled back by itself, and reports that there is no transaction.
        if let Ok(Ok(()) | Err(SqlError::Sql(sqlx::Error::Database(_)))) =
            timeout(HEALTH_CHECK_TIMEOUT, rolled_back).await
        {
            self.in_transaction = false;
        }
    }

    fn start(&mut self) -> Result<&mut AnyConnection, SqlError> {
        self.in_flight = true;
        let object = self.object.as_mut();
        object
            .map(|object| &mut object.connection)
            .ok_or(SqlError::Sql(sqlx::Error::WorkerCrashed))
    }

    fn finish<T>(&mut self, result: Result<T, sqlx::Error>) -> Result<T, SqlError> {
        match (&result, &self.object) {
            (Err(error), Some(object)) if dialect::is_connection_lost(error) => {
                if let Some(pool) = Object::pool(object) {
                    pool.manager().drop_all(object.generation, error);
                }
            }
            _ => self.in_flight = false,
        }
        Ok(result?)
    }
}

impl Drop for PooledConnection {
    fn drop(&mut self) {
        if let Some(object) = self.object.take()
            && (self.in_flight || self.in_transaction)
        {
            // Taken out of the pool, it is closed here.
            drop(Object::take(object));
        }
    }
}
