//! The database of any kind. The scheme of its URL decides the kind.
//!
//! This and `database/` are the only files of the crate that name the crates of databases. Another kind needs its arms in the
//! functions here.

#[cfg(feature = "aws")]
mod dynamo;
#[cfg(not(feature = "aws"))]
#[path = "database/no_dynamo.rs"]
mod dynamo;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use doorward_domain::clock::Clock;
use doorward_domain::keys::CounterKeys;
use doorward_domain::limits::RateLimits;
use doorward_domain::memory::MemoryStore;
use doorward_domain::sessions::SeparateSessions;
use doorward_domain::store::Store;
use doorward_store_sql::{SqlSettings, SqlStore};

use crate::config::Config;
use crate::system::SystemClock;

pub use doorward_domain::diagnostics::{DatabaseDiagnostics, MigrationStatus};

/// An open database.
pub struct Database {
    store: Arc<dyn Store>,
    /// The store, if it has connections to close.
    sql: Option<Arc<SqlStore>>,
    /// Sessions and rate limits, if the database has a place of its own for them.
    counters: Option<dynamo::Counters>,
}

impl Database {
    /// Opens the database. Applies pending migrations unless `database.migrate` is off.
    pub async fn open(config: &Config, clock: &dyn Clock) -> anyhow::Result<Self> {
        match is_dynamo(config) {
            true => Self::connect_dynamo(config, config.database_migrate).await,
            false => Self::connect(&sql_settings(config), clock).await,
        }
    }

    /// Opens the database with one connection. Creates and migrates nothing: `None` if it is a file that does not exist.
    pub async fn open_existing(config: &Config) -> anyhow::Result<Option<Self>> {
        if is_dynamo(config) {
            return Self::connect_dynamo(config, false).await.map(Some);
        }
        if Self::is_missing(config) {
            return Ok(None);
        }
        let settings = SqlSettings {
            migrate: false,
            max_connections: 1,
            ..sql_settings(config)
        };
        Self::connect(&settings, &SystemClock::default())
            .await
            .map(Some)
    }

    async fn connect(settings: &SqlSettings, clock: &dyn Clock) -> anyhow::Result<Self> {
        let sql = SqlStore::connect(settings, clock.now())
            .await
            .context("the database cannot be opened")?;
        let sql = Arc::new(sql);
        Ok(Self {
            store: sql.clone(),
            sql: Some(sql),
            counters: None,
        })
    }

    async fn connect_dynamo(config: &Config, migrate: bool) -> anyhow::Result<Self> {
        let (store, counters) = dynamo::open(&config.database_url(), migrate)
            .await
            .context("the database cannot be opened")?;
        Ok(Self {
            store,
            sql: None,
            counters: Some(counters),
        })
    }

    /// A database in memory.
    pub fn in_memory() -> Self {
        Self {
            store: Arc::new(MemoryStore::new()),
            sql: None,
            counters: None,
        }
    }

    /// The records.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Sessions and rate limits, if the database stores them apart from the records.
    pub fn sessions_and_limits(
        &self,
        keys: CounterKeys,
    ) -> Option<(Arc<dyn SeparateSessions>, Arc<dyn RateLimits>)> {
        let counters = self.counters.as_ref()?;
        Some(counters.open(keys))
    }

    /// Waits for operations in progress and closes the connections.
    pub async fn close(&self) {
        if let Some(sql) = &self.sql {
            sql.close().await;
        }
    }

    /// Applies the pending migrations, and returns them.
    pub async fn migrate(config: &Config) -> anyhow::Result<Vec<MigrationStatus>> {
        if is_dynamo(config) {
            return dynamo::migrate(&config.database_url()).await;
        }
        let now = SystemClock::default().now();
        Ok(doorward_store_sql::migrate(&sql_settings(config), now).await?)
    }

    /// Returns all migrations. Creates nothing.
    pub async fn status(config: &Config) -> anyhow::Result<Vec<MigrationStatus>> {
        if is_dynamo(config) {
            return dynamo::status(&config.database_url()).await;
        }
        Ok(doorward_store_sql::migration_status(&sql_settings(config)).await?)
    }

    /// Copies the embedded database into a new file that only its owner can read. `before` runs after the file was created
    /// and before the copy, so that the copy contains its writes. Fails if the database is a server.
    pub async fn back_up(
        config: &Config,
        target: &Path,
        before: impl AsyncFnOnce(),
    ) -> anyhow::Result<()> {
        if is_dynamo(config) {
            bail!("DynamoDB has backups of its own: point-in-time recovery, and on-demand backups");
        }
        Ok(doorward_store_sql::back_up(&config.database_url(), target, before).await?)
    }

    /// Checks the database. Changes nothing.
    pub async fn diagnose(config: &Config, clock: &dyn Clock) -> DatabaseDiagnostics {
        if is_dynamo(config) {
            return dynamo::diagnose(&config.database_url(), config.database_migrate).await;
        }
        doorward_store_sql::diagnose(&sql_settings(config), clock).await
    }

    /// The file of the embedded database; `None` if the database is a server or the URL is malformed.
    pub fn file(config: &Config) -> Option<PathBuf> {
        sql_settings(config).file()
    }

    /// Returns `true` if the database is a file that does not exist.
    pub fn is_missing(config: &Config) -> bool {
        Self::file(config).is_some_and(|file| !file.is_file())
    }

    /// Checks the form of a URL. The error does not repeat the URL, which contains a password.
    pub fn check_url(url: &str) -> Result<(), String> {
        match is_dynamo_url(url) {
            true => dynamo::check_url(url),
            false => doorward_store_sql::check_url(url).map_err(|error| error.to_string()),
        }
    }
}

fn is_dynamo(config: &Config) -> bool {
    is_dynamo_url(&config.database_url())
}

fn is_dynamo_url(url: &str) -> bool {
    url.trim_start().starts_with("dynamodb:")
}

fn sql_settings(config: &Config) -> SqlSettings {
    SqlSettings {
        max_connections: config.database_connections,
        migrate: config.database_migrate,
        connect_timeout: Duration::from_secs(config.database_connect_seconds),
        statement_timeout: Duration::from_secs(config.database_statement_seconds),
        ..SqlSettings::new(config.database_url())
    }
}
