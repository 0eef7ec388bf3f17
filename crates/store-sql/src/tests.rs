//! What only this crate can see: the settings of the pool's own connections.

use doorward_testkit::fixtures;
use sqlx::Row as _;

use super::*;

#[tokio::test]
async fn every_connection_of_the_pool_has_the_settings() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/doorward.db", folder.path().display());
    let settings = SqlSettings {
        max_connections: 4,
        ..SqlSettings::new(url)
    };
    let store = SqlStore::connect(&settings, fixtures::now()).await.unwrap();
    let until = store.tries().until;
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(store.pool.acquire(until).await.unwrap());
    }
    for connection in &mut held {
        for (pragma, expected) in [
            ("synchronous", 2),
            ("foreign_keys", 1),
            ("busy_timeout", 5_000),
        ] {
            let sql = format!("PRAGMA {pragma}");
            let row = connection.row(&sql, &[], until).await.unwrap().unwrap();
            assert_eq!(row.get::<i64, _>(0), expected, "{pragma}");
        }
        let row = connection.row("PRAGMA journal_mode", &[], until).await;
        assert_eq!(row.unwrap().unwrap().get::<String, _>(0), "wal");
    }
}
