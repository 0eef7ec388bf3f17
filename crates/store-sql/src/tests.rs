//! What only this crate can see: the settings of the pool's own connections.

use doorward_testkit::fixtures;
use sqlx::Row as _;

use super::*;

#[tokio::test]
async fn every_connection_of_the_pool_has_the_settings() {
    let folder = tempfile::tempdir().unwrap();
    let settings = SqlSettings {
        url: format!("sqlite:{}/doorward.db", folder.path().display()),
        max_connections: 4,
        migrate: true,
    };
    let store = SqlStore::connect(&settings, fixtures::now()).await.unwrap();
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(store.pool.acquire().await.unwrap());
    }
    for connection in &mut held {
        for (pragma, expected) in [
            ("synchronous", 2),
            ("foreign_keys", 1),
            ("busy_timeout", 10_000),
        ] {
            let sql = AssertSqlSafe(format!("PRAGMA {pragma}"));
            let row = sqlx::query(sql).fetch_one(&mut **connection).await.unwrap();
            assert_eq!(row.get::<i64, _>(0), expected, "{pragma}");
        }
        let row = sqlx::query("PRAGMA journal_mode")
            .fetch_one(&mut **connection)
            .await
            .unwrap();
        assert_eq!(row.get::<String, _>(0), "wal");
    }
}
