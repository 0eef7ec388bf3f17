//! Tests that need the pool's own connections.

use doorward_domain::ports::Store;
use doorward_testkit::{fixtures, servers};
use sqlx::Row as _;

use super::*;

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
            let row = connection.row(&sql, &[]).await.unwrap().unwrap();
            assert_eq!(row.get::<i64, _>(0), expected, "{pragma}");
        }
        let row = connection.row("PRAGMA journal_mode", &[]).await;
        assert_eq!(row.unwrap().unwrap().get::<String, _>(0), "wal");
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
        let settings = SqlSettings {
            statement_timeout: Duration::from_secs(1),
            ..SqlSettings::new(url)
        };
        let store = SqlStore::connect(&settings, fixtures::now()).await.unwrap();
        let mut connection = store.pool.get().await.unwrap();
        let error = connection.row(endless, &[]).await.err().unwrap();
        assert!(
            matches!(error, SqlError::Sql(sqlx::Error::Database(_))),
            "{error:?}"
        );
        assert!(
            !error.is_connection_lost() && !error.is_transient(),
            "{error:?}"
        );
        connection.row("SELECT 1", &[]).await.unwrap();
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
        let row = connection
            .row("SELECT CAST(pg_backend_pid() AS BIGINT)", &[])
            .await;
        pids.push(row.unwrap().unwrap().get::<i64, _>(0));
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
    let read = "SELECT COUNT(*) AS n FROM marker";
    transaction.row(read, &[]).await.unwrap();
    let write = "UPDATE guards SET counter = 4711 WHERE name = 'ping'";
    assert_eq!(transaction.execute(write, &[]).await.unwrap(), 1);
    drop(transaction);

    let mut connection = store.pool.get().await.unwrap();
    let error = connection.row(read, &[]).await.err().unwrap();
    assert!(
        matches!(error, SqlError::Sql(sqlx::Error::Database(_))),
        "the connection was used again: {error:?}"
    );
    drop(connection);
    let counter = "SELECT counter FROM guards WHERE name = 'ping'";
    let row = store.row("test", counter, &[]).await.unwrap().unwrap();
    assert_ne!(row.get::<i64, _>("counter"), 4711);
    // Its lock is released, too.
    store.write("test", write, &[]).await.unwrap();
    let row = store.row("test", counter, &[]).await.unwrap().unwrap();
    assert_eq!(row.get::<i64, _>("counter"), 4711);
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
    let before = store.row("test", pid, &[]).await.unwrap().unwrap();
    let wrong = "UPDATE guards SET counter = counter / 0";
    store.write("test", wrong, &[]).await.unwrap_err();
    let after = store.row("test", pid, &[]).await.unwrap().unwrap();
    assert_eq!(before.get::<i64, _>("pid"), after.get::<i64, _>("pid"));
    Store::ping(&store).await.unwrap();
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

/// A-10, L-01: each query of the audit log with a limit is served by an index and skips no rows: the log of a year
/// has millions of events.
#[tokio::test]
async fn questions_about_the_audit_log_are_served_by_their_index() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/doorward.db", folder.path().display());
    let settings = SqlSettings::new(url);
    let store = SqlStore::connect(&settings, fixtures::now()).await.unwrap();
    for (condition, index) in [
        (
            "user_id = x'00' AND event = 'sign-in' AND id >= x'00' ORDER BY id DESC",
            "audit_events_user_id_event_id (user_id=? AND event=? AND id>?)",
        ),
        (
            "position IS NULL AND id < x'ff' ORDER BY position, id",
            "audit_events_position_id (position=? AND id<?)",
        ),
        (
            "position > 7 AND position <= 9 ORDER BY position, id",
            "audit_events_position_id (position>? AND position<?)",
        ),
        (
            "actor_id = x'00' AND id < x'ff' ORDER BY id DESC",
            "audit_events_actor_id_id (actor_id=? AND id<?)",
        ),
    ] {
        let sql =
            format!("EXPLAIN QUERY PLAN SELECT * FROM audit_events WHERE {condition} LIMIT 200");
        let plan = store.rows("explain", &sql, &[]).await.unwrap();
        let plan: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
        let [only] = plan.as_slice() else {
            panic!("{condition}: {plan:?}");
        };
        assert!(only.ends_with(index), "{condition}: {only}");
    }
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
        connection.row(sql, &[]).await.unwrap();
    }
    let look = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); \
        c.execute('SELECT COUNT(*) FROM users').fetchone(); c.close()";
    let mut python = std::process::Command::new("python3");
    doorward_testkit::process::succeed(python.args(["-c", look]).arg(&file));
    let journal = folder.path().join("doorward.db-wal");
    assert!(journal.exists(), "the server's write-ahead log was deleted");
}
