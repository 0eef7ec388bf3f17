//! The stores of a test run: `DOORWARD_TEST_STORE`, read only here.
//!
//! Every test gets its own database, on any server. To add a combination: a variant, its name in
//! [`Combination::ALL`], its arms.

use std::sync::Arc;

use doorward_domain::keys::CounterKeys;
use doorward_domain::limits::{MemoryRateLimits, RateLimits};
use doorward_domain::sessions::SeparateSessions;
use doorward_domain::store::Store;
use doorward_store_dynamo::{DynamoRateLimits, DynamoSettings, DynamoStore};
use doorward_store_redis::{RedisSettings, RedisStore};
use doorward_store_sql::{SqlSettings, SqlStore};
use doorward_testkit::servers;
use jiff::Timestamp;
use tempfile::TempDir;

/// The stores of accounts, sessions and rate limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Combination {
    Sqlite,
    Postgres,
    MariaDb,
    /// Accounts in PostgreSQL, sessions and rate limits in Redis.
    PostgresRedis,
    /// All in DynamoDB.
    DynamoDb,
}

impl Combination {
    const ALL: [(&str, Self); 5] = [
        ("sqlite", Self::Sqlite),
        ("postgres", Self::Postgres),
        ("mariadb", Self::MariaDb),
        ("postgres+redis", Self::PostgresRedis),
        ("dynamodb", Self::DynamoDb),
    ];

    /// The combination of this run; SQLite by default.
    #[expect(
        clippy::disallowed_methods,
        reason = "tests read the name of their store from the environment"
    )]
    pub fn chosen() -> Self {
        let Some(name) = std::env::var_os("DOORWARD_TEST_STORE") else {
            return Self::Sqlite;
        };
        let found = Self::ALL
            .into_iter()
            .find(|(known, _)| name.to_str() == Some(known));
        let known = Self::ALL.map(|(known, _)| known);
        found
            .unwrap_or_else(|| panic!("DOORWARD_TEST_STORE is {name:?}; there are {known:?}"))
            .1
    }

    /// Environment variables with which the binary uses new, empty stores.
    pub fn variables(self) -> Vec<(&'static str, String)> {
        // On a separate thread, since the caller may be asynchronous or not.
        let asking = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            runtime.unwrap().block_on(self.env())
        });
        asking.join().unwrap()
    }

    async fn env(self) -> Vec<(&'static str, String)> {
        match self {
            Self::Sqlite => vec![],
            Self::Postgres => vec![("DATABASE_URL", servers::postgres().await)],
            Self::MariaDb => vec![("DATABASE_URL", servers::mariadb().await)],
            Self::PostgresRedis => {
                let redis = servers::redis().await;
                vec![
                    ("DATABASE_URL", servers::postgres().await),
                    ("REDIS_URL", redis.url),
                    ("DOORWARD_REDIS__PREFIX", redis.prefix),
                ]
            }
            Self::DynamoDb => vec![("DATABASE_URL", servers::dynamodb().await)],
        }
    }
}

/// The stores of one application under test.
pub struct Stores {
    pub store: Arc<dyn Store>,
    pub sessions: Option<Arc<dyn SeparateSessions>>,
    pub rate_limits: Arc<dyn RateLimits>,
}

impl Stores {
    /// New stores without rows. SQLite's file is in the folder.
    pub async fn open(combination: Combination, folder: &TempDir, now: Timestamp) -> Self {
        let url = match combination {
            Combination::Sqlite => {
                format!("sqlite:{}", folder.path().join("doorward.db").display())
            }
            Combination::Postgres | Combination::PostgresRedis => {
                servers::postgres_for_store().await
            }
            Combination::MariaDb => servers::mariadb_for_store().await,
            Combination::DynamoDb => return Self::dynamo(&servers::dynamodb().await).await,
        };
        let stores = Self::all_in(Arc::new(sql(url, now).await));
        if combination != Combination::PostgresRedis {
            return stores;
        }
        let redis = servers::redis().await;
        let settings = RedisSettings {
            url: redis.url.parse().unwrap(),
            prefix: redis.prefix,
        };
        let redis = RedisStore::open(settings, CounterKeys::for_probes()).unwrap();
        let redis = Arc::new(redis);
        Self {
            sessions: Some(redis.clone()),
            rate_limits: redis,
            ..stores
        }
    }

    /// A table, which is created.
    pub async fn dynamo(url: &str) -> Self {
        let settings = DynamoSettings {
            url: url.parse().unwrap(),
            migrate: true,
        };
        let store = Arc::new(DynamoStore::connect(&settings).await.unwrap());
        let limits = DynamoRateLimits::new(&store, CounterKeys::for_probes());
        Self {
            store: store.clone(),
            sessions: Some(store),
            rate_limits: Arc::new(limits),
        }
    }

    /// Accounts and sessions in one store; rate limits in memory.
    pub fn all_in(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            sessions: None,
            rate_limits: Arc::new(MemoryRateLimits::new(10_000)),
        }
    }
}

async fn sql(url: String, now: Timestamp) -> SqlStore {
    let settings = SqlSettings {
        max_connections: 4,
        ..SqlSettings::new(url)
    };
    SqlStore::connect(&settings, now).await.unwrap()
}
