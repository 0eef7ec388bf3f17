//! What only this crate can see: the settings of the pool's own connections.

use doorward_testkit::{fixtures, servers};
use sqlx::Row as _;

use super::*;

/// C-07: what SQLite is told is read back.
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

/// The server ends what takes too long, before this side stops listening.
#[tokio::test]
async fn every_statement_has_an_end_at_the_server() {
    for (url, endless) in [
        (
            servers::postgres().await,
            "SELECT CAST(pg_sleep(60) AS TEXT)",
        ),
        // A sleep that was cut short would be an answer.
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
        let until = store.tries().until;
        let mut held = store.pool.acquire(until).await.unwrap();
        let fault = held.row(endless, &[], until).await.err().unwrap();
        assert!(
            matches!(fault, Fault::Sql(sqlx::Error::Database(_))),
            "{fault:?}"
        );
        assert!(!fault.is_lost() && !fault.is_passing(), "{fault:?}");
        held.row("SELECT 1", &[], until).await.unwrap();
    }
}

/// What makes the hot path short: nothing is asked but the question.
#[tokio::test]
async fn a_connection_at_rest_is_used_again_at_once() {
    let settings = SqlSettings::new(servers::postgres().await);
    let store = SqlStore::connect(&settings, fixtures::now()).await.unwrap();
    let until = store.tries().until;
    let mut pids = Vec::new();
    for _ in 0..20 {
        let mut held = store.pool.acquire(until).await.unwrap();
        let row = held
            .row("SELECT CAST(pg_backend_pid() AS BIGINT)", &[], until)
            .await;
        pids.push(row.unwrap().unwrap().get::<i64, _>(0));
    }
    pids.dedup();
    assert_eq!(pids.len(), 1, "each goes back before it is asked for again");
}

/// Where a caller gives up, the next writer does not begin before its transaction is over.
#[tokio::test]
async fn a_turn_ends_with_the_transaction_that_was_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/doorward.db", folder.path().display());
    let settings = SqlSettings::new(url);
    let store = SqlStore::connect(&settings, fixtures::now()).await.unwrap();
    let tries = store.tries();
    let mut given_up = store.begin(&tries).await.unwrap();
    let sql = "UPDATE guards SET counter = counter + 1";
    given_up.execute(sql, &[]).await.unwrap();
    drop(given_up);
    // Nothing else has run yet on this one thread.
    let turn = store.turn.clone().unwrap();
    assert!(turn.try_lock().is_err(), "it is rolled back later");
    let next = store.begin(&tries).await.unwrap();
    next.undo().await;
}

/// A node of Galera that lost its cluster answers, and is of no use.
#[tokio::test]
async fn a_node_without_its_cluster_is_left() {
    let settings = SqlSettings::new(servers::mariadb().await);
    let store = SqlStore::connect(&settings, fixtures::now()).await.unwrap();
    let until = store.tries().until;
    let mut held = store.pool.acquire(until).await.unwrap();
    let not_primary = "SIGNAL SQLSTATE '08S01' SET MYSQL_ERRNO = 1047, \
        MESSAGE_TEXT = 'WSREP has not yet prepared node for application use'";
    let fault = held.execute(not_primary, &[], until).await.err().unwrap();
    assert!(fault.is_lost(), "{fault:?}");
}

/// A-10, L-01: each question about the log that has a limit is answered by an index, and steps over
/// nothing to get there: the log of a year has millions of lines.
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
            "seal IS NULL AND id > x'00' AND id < x'ff' ORDER BY seal, id",
            "audit_events_seal_id (seal=? AND id>? AND id<?)",
        ),
        (
            "seal IS NULL AND actor = 'x' AND id < x'ff' ORDER BY seal DESC, id DESC",
            "audit_events_seal_id (seal=? AND id<?)",
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

/// T-POWER: whoever looks into the file beside the server takes nothing away. POSIX locks belong to the
/// process, so a second one has to look.
#[tokio::test]
async fn another_process_that_looks_into_the_file_does_not_end_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("doorward.db");
    let settings = SqlSettings {
        max_connections: 4,
        ..SqlSettings::new(format!("sqlite:{}", file.display()))
    };
    let store = SqlStore::connect(&settings, fixtures::now()).await.unwrap();
    let until = store.tries().until;
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(store.pool.acquire(until).await.unwrap());
    }
    for connection in &mut held {
        let sql = "SELECT COUNT(*) FROM users";
        connection.row(sql, &[], until).await.unwrap();
    }
    let look = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); \
        c.execute('SELECT COUNT(*) FROM users').fetchone(); c.close()";
    let mut python = std::process::Command::new("python3");
    doorward_testkit::process::succeed(python.args(["-c", look]).arg(&file));
    let journal = folder.path().join("doorward.db-wal");
    assert!(
        journal.exists(),
        "the server's journal was removed under it"
    );
}
