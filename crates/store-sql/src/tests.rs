//! Tests that need the pool's own connections.

use std::time::Duration;

use doorward_domain::store::{Store, Write};
use doorward_testkit::{fixtures, servers};
use sqlx::{AssertSqlSafe, Row as _};

use crate::error::SqlError;
use crate::*;

/// C-07: the settings of SQLite are in effect.
#[tokio::test]
async fn every_connection_of_the_pool_has_the_settings() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/doorward.db", folder.path().display());
    let settings = SqlSettings {
        max_connections: 4,
        ..SqlSettings::new(url)
    };
    let store = SqlStore::connect(&settings, fixtures::now()).await.unwrap();
    let mut connections = Vec::new();
    for _ in 0..4 {
        connections.push(store.pool.get().await.unwrap());
    }
    for connection in &mut connections {
        for (pragma, expected) in [
            ("synchronous", 2),
            ("foreign_keys", 1),
            ("busy_timeout", 5_000),
        ] {
            let sql = format!("PRAGMA {pragma}");
            let rows = connection.rows(AssertSqlSafe(sql), &[]).await.unwrap();
            assert_eq!(rows[0].get::<i64, _>(0), expected, "{pragma}");
        }
        let rows = connection.rows("PRAGMA journal_mode", &[]).await;
        assert_eq!(rows.unwrap()[0].get::<String, _>(0), "wal");
    }
}

/// The server cancels a slow statement before the operation's own deadline.
#[tokio::test]
async fn a_slow_statement_is_cancelled_by_the_server() {
    for (url, endless) in [
        (
            servers::postgres().await,
            "SELECT CAST(pg_sleep(60) AS TEXT)",
        ),
        // An interrupted SLEEP would return a row.
        (
            servers::mariadb().await,
            "SELECT COUNT(*) FROM seq_1_to_1000000 a, seq_1_to_1000000 b",
        ),
    ] {
        let settings = SqlSettings::new(url);
        // With the short limit, a busy machine would interrupt the migrations.
        SqlStore::connect(&settings, fixtures::now()).await.unwrap();
        let settings = SqlSettings {
            statement_timeout: Duration::from_secs(1),
            ..settings
        };
        let store = SqlStore::connect(&settings, fixtures::now()).await.unwrap();
        let mut connection = store.pool.get().await.unwrap();
        let error = connection.rows(endless, &[]).await.err().unwrap();
        assert!(
            matches!(error, SqlError::Sql(sqlx::Error::Database(_))),
            "{error:?}"
        );
        assert!(
            !error.is_connection_lost() && !error.is_transient(),
            "{error:?}"
        );
        connection.rows("SELECT 1", &[]).await.unwrap();
    }
}

/// Reads on a busy pool cost no extra round trip.
#[tokio::test]
async fn an_idle_connection_is_used_again_at_once() {
    let settings = SqlSettings::new(servers::postgres().await);
    let store = SqlStore::connect(&settings, fixtures::now()).await.unwrap();
    let mut pids = Vec::new();
    for _ in 0..20 {
        let mut connection = store.pool.get().await.unwrap();
        let rows = connection
            .rows("SELECT CAST(pg_backend_pid() AS BIGINT)", &[])
            .await;
        pids.push(rows.unwrap()[0].get::<i64, _>(0));
    }
    pids.dedup();
    assert_eq!(
        pids.len(),
        1,
        "each returns to the pool before the next use"
    );
}

/// A transaction that is dropped before its commit leaves nothing behind, and its connection is closed.
async fn a_dropped_transaction_is_rolled_back(url: String) {
    let settings = SqlSettings {
        max_connections: 1,
        ..SqlSettings::new(url)
    };
    let store = SqlStore::connect(&settings, fixtures::now()).await.unwrap();
    // A temporary table belongs to its connection.
    let mut connection = store.pool.get().await.unwrap();
    let marker = "CREATE TEMPORARY TABLE marker (id INTEGER)";
    connection.script(marker.to_owned()).await.unwrap();
    drop(connection);

    let mut transaction = store.begin().await.unwrap();
    let write = "UPDATE pings SET counter = 4711 WHERE id = 1";
    assert_eq!(transaction.execute(write, &[]).await.unwrap(), 1);
    let mark = "INSERT INTO marker (id) VALUES (1)";
    assert_eq!(transaction.execute(mark, &[]).await.unwrap(), 1);
    drop(transaction);

    let mut connection = store.pool.get().await.unwrap();
    let read = "SELECT COUNT(*) AS n FROM marker";
    let error = connection.rows(read, &[]).await.err().unwrap();
    assert!(
        matches!(error, SqlError::Sql(sqlx::Error::Database(_))),
        "the connection was used again: {error:?}"
    );
    drop(connection);
    let counter = async || {
        let counter = "SELECT counter FROM pings WHERE id = 1";
        let rows = store.rows("test", counter, &[]).await.unwrap();
        rows[0].get::<i64, _>("counter")
    };
    assert_ne!(counter().await, 4711);
    // Its lock is released, too.
    store.write("test", write, &[]).await.unwrap();
    assert_eq!(counter().await, 4711);
}

#[tokio::test]
async fn a_dropped_transaction_is_rolled_back_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/doorward.db", folder.path().display());
    a_dropped_transaction_is_rolled_back(url).await;
}

#[tokio::test]
async fn a_dropped_transaction_is_rolled_back_on_postgres() {
    a_dropped_transaction_is_rolled_back(servers::postgres().await).await;
}

#[tokio::test]
async fn a_dropped_transaction_is_rolled_back_on_mariadb() {
    a_dropped_transaction_is_rolled_back(servers::mariadb().await).await;
}

/// A failed statement is rolled back, and the connection is used again.
#[tokio::test]
async fn a_failed_transaction_returns_its_connection() {
    let settings = SqlSettings {
        max_connections: 1,
        ..SqlSettings::new(servers::postgres().await)
    };
    let store = SqlStore::connect(&settings, fixtures::now()).await.unwrap();
    let pid = "SELECT CAST(pg_backend_pid() AS BIGINT) AS pid";
    let before = store.rows("test", pid, &[]).await.unwrap();
    let wrong = "UPDATE pings SET counter = counter / 0";
    store.write("test", wrong, &[]).await.unwrap_err();
    let after = store.rows("test", pid, &[]).await.unwrap();
    assert_eq!(
        before[0].get::<i64, _>("pid"),
        after[0].get::<i64, _>("pid")
    );
    Store::ping(&store).await.unwrap();
}

/// Each statement is a round trip, or a switch to another thread and back.
#[tokio::test]
async fn consecutive_inserts_into_a_table_share_statements() {
    let settings = SqlSettings {
        max_connections: 1,
        ..SqlSettings::new(servers::mariadb().await)
    };
    let store = SqlStore::connect(&settings, fixtures::now()).await.unwrap();
    let executed = async || {
        let count = "SHOW SESSION STATUS LIKE 'Com_stmt_execute'";
        let rows = store.rows("test", count, &[]).await.unwrap();
        rows[0].get::<String, _>(1).parse::<u32>().unwrap()
    };
    let mut users: Vec<_> = (0..200).map(|_| Write::insert(&fixtures::user())).collect();
    let keys = (0..7).map(|_| Write::insert(&fixtures::signing_key()));
    users.extend(keys);
    let before = executed().await;
    store.apply(users).await.unwrap();
    // 64, 64, 64 and 8 users; 4, 2 and 1 keys; the statement that counts.
    assert_eq!(executed().await - before, 4 + 3 + 1);
}

/// A Galera node without its cluster responds, and cannot be used.
#[tokio::test]
async fn a_galera_node_without_its_cluster_counts_as_lost() {
    let settings = SqlSettings::new(servers::mariadb().await);
    let store = SqlStore::connect(&settings, fixtures::now()).await.unwrap();
    let mut connection = store.pool.get().await.unwrap();
    let not_primary = "SIGNAL SQLSTATE '08S01' SET MYSQL_ERRNO = 1047, \
        MESSAGE_TEXT = 'WSREP has not yet prepared node for application use'";
    let error = connection.execute(not_primary, &[]).await.err().unwrap();
    assert!(error.is_connection_lost(), "{error:?}");
}

/// T-POWER: another process that opens and closes the database does not delete the write-ahead log. POSIX
/// locks belong to the process, so this takes a second one.
#[tokio::test]
async fn another_process_does_not_delete_the_write_ahead_log() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("doorward.db");
    let settings = SqlSettings {
        max_connections: 4,
        ..SqlSettings::new(format!("sqlite:{}", file.display()))
    };
    let store = SqlStore::connect(&settings, fixtures::now()).await.unwrap();
    let mut connections = Vec::new();
    for _ in 0..4 {
        connections.push(store.pool.get().await.unwrap());
    }
    for connection in &mut connections {
        let sql = "SELECT COUNT(*) FROM users";
        connection.rows(sql, &[]).await.unwrap();
    }
    let look = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); \
        c.execute('SELECT COUNT(*) FROM users').fetchone(); c.close()";
    let mut python = std::process::Command::new("python3");
    doorward_testkit::process::succeed(python.args(["-c", look]).arg(&file));
    let journal = folder.path().join("doorward.db-wal");
    assert!(journal.exists(), "the server's write-ahead log was deleted");
}
