//! A database of each kind, its store, and direct access with SQL.

use std::sync::Arc;

use doorward_domain::model::AuditEvent;
use doorward_domain::store::{Query, Records};
use doorward_store_sql::{SqlSettings, SqlStore};
use doorward_testkit::fixtures;
use sqlx::{AnyConnection, AssertSqlSafe, Connection, raw_sql};

/// A new database, and the store on it.
pub struct Database {
    pub url: String,
    pub store: Arc<SqlStore>,
}

impl Database {
    pub async fn new(url: &str) -> Self {
        let settings = SqlSettings::new(url);
        let store = SqlStore::connect(&settings, fixtures::now()).await;
        Self {
            url: url.to_owned(),
            store: Arc::new(store.unwrap()),
        }
    }

    /// Runs SQL directly. Returns the number of affected rows.
    pub async fn execute(&self, sql: &str) -> u64 {
        sqlx::any::install_default_drivers();
        let mut connection = AnyConnection::connect(&self.url).await.unwrap();
        let sql = AssertSqlSafe(sql.to_owned());
        let done = raw_sql(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        done.rows_affected()
    }

    /// The audit events of a query.
    pub async fn events(&self, query: Query) -> Vec<AuditEvent> {
        self.store.list_readable(query).await.unwrap()
    }

    /// A literal of bytes in this database's syntax.
    pub fn bytes(&self, bytes: &[u8]) -> String {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        match self.url.starts_with("postgres") {
            true => format!("decode('{digits}', 'hex')"),
            false => format!("x'{digits}'"),
        }
    }

    pub fn is_sqlite(&self) -> bool {
        self.url.starts_with("sqlite")
    }
}

/// Runs each case on a new database of each kind.
macro_rules! on_each_database {
    ($($case:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $case() {
                let folder = tempfile::tempdir().unwrap();
                super::$case(&format!("sqlite:{}/doorward.db", folder.path().display())).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $case() {
                super::$case(&doorward_testkit::servers::postgres_for_store().await).await;
            })+
        }
        mod mariadb {
            $(#[tokio::test]
            async fn $case() {
                super::$case(&doorward_testkit::servers::mariadb_for_store().await).await;
            })+
        }
    };
}
