//! Rows, tables and files that another process has locked.

use std::time::Duration;

use doorward_domain::model::User;
use doorward_domain::store::{ApplyError, Records, Store, Write};
use doorward_testkit::fixtures;
use doorward_testkit::servers::{
    DedicatedPostgres, DedicatedServer, MariadbOptions, PostgresOptions, Proxy, ProxyMode,
    dedicated_mariadb, dedicated_postgres,
};
use sqlx::{AnyConnection, Connection, raw_sql};
use tokio::time::Instant;

use super::{
    LOCK_ROSTER, assert_ping_fails, check_roster, connect, connect_patiently, in_time,
    insert_roster, is_signed_up, is_store_error, sign_up, wait_until_healthy,
};

/// Writers wait for the lock within their time limit; readers do not wait.
async fn run_case(url: &str, begin: &'static str) {
    let store = connect(url).await;
    insert_roster(&store).await;
    let (first, batch) = sign_up();
    store.apply(batch).await.unwrap();
    let mut other = AnyConnection::connect(url).await.unwrap();
    let mut lock = other.begin_with(begin).await.unwrap();
    raw_sql(LOCK_ROSTER).execute(&mut *lock).await.unwrap();
    let writer = |_| {
        let store = store.clone();
        tokio::spawn(async move {
            let (_, mut batch) = sign_up();
            batch.push(check_roster());
            in_time(store.apply(batch)).await
        })
    };
    // The fourth connection is left to the reader.
    let mut writers: Vec<_> = (0..3).map(writer).collect();
    assert!(in_time(is_signed_up(&store, &first)).await);
    writers.extend((0..3).map(writer));
    for writer in writers {
        let told = writer.await.unwrap();
        assert!(is_store_error(&told), "{told:?}");
    }
    lock.rollback().await.unwrap();
    let (user, mut batch) = sign_up();
    batch.push(check_roster());
    in_time(store.apply(batch)).await.unwrap();
    assert!(is_signed_up(&store, &user).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_row_of_postgres_fails_writes_in_time() {
    let server = dedicated_postgres(PostgresOptions::default()).await;
    run_case(&server.url(), "BEGIN").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_row_of_mariadb_fails_writes_in_time() {
    let server = dedicated_mariadb(MariadbOptions::default()).await;
    run_case(&server.url(), "BEGIN").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_file_of_sqlite_fails_writes_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/doorward.db", folder.path().display());
    run_case(&url, "BEGIN IMMEDIATE").await;
}

/// The server releases the locks of a node that vanished during a transaction.
async fn vanished(server: &DedicatedServer, url: &str) {
    let proxy = Proxy::to(server.address()).await;
    let lost = connect(&proxy.url(url)).await;
    insert_roster(&lost).await;
    // The lock is taken first, and much is written after it.
    proxy.set(ProxyMode::Slow(Duration::from_millis(50))).await;
    let event = || fixtures::audit_event(fixtures::user_id());
    let mut batch = vec![check_roster()];
    batch.extend((0..60).map(|_| Write::insert(&event())));
    let other = connect(url).await;
    let mut probe = AnyConnection::connect(url).await.unwrap();
    let cut_short = tokio::spawn(async move { lost.apply(batch).await });
    let patience = Instant::now() + Duration::from_secs(30);
    while !is_locked(&mut probe).await {
        assert!(Instant::now() < patience, "the lock was never taken");
    }
    proxy.set(ProxyMode::Stall).await;
    wait_until_healthy(|| other.apply(vec![check_roster()])).await;
    let told = cut_short.await.unwrap();
    assert!(matches!(told, Err(ApplyError::Store(_))), "{told:?}");
}

/// Returns `true` if another transaction holds the locks.
async fn is_locked(probe: &mut AnyConnection) -> bool {
    let mut begun = probe.begin().await.unwrap();
    let lock = raw_sql("SELECT version FROM rosters FOR UPDATE NOWAIT");
    let is_free = lock.fetch_all(&mut *begun).await.is_ok();
    begun.rollback().await.unwrap();
    !is_free
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_releases_the_locks_of_a_silent_client() {
    let server = dedicated_postgres(PostgresOptions::default()).await;
    vanished(&server, &server.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_releases_the_locks_of_a_silent_client() {
    let server = dedicated_mariadb(MariadbOptions::default()).await;
    vanished(&server, &server.url()).await;
}

/// An operation that waits for a lock until its deadline closes its own connection only.
#[tokio::test(flavor = "multi_thread")]
async fn a_wait_for_a_lock_costs_one_connection() {
    let server = dedicated_postgres(PostgresOptions::default()).await;
    let store = connect(&server.url()).await;
    insert_roster(&store).await;
    let mut other = AnyConnection::connect(&server.url()).await.unwrap();
    let mut lock = other.begin().await.unwrap();
    raw_sql(LOCK_ROSTER).execute(&mut *lock).await.unwrap();
    let waits: Vec<_> = (0..2)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { in_time(store.apply(vec![check_roster()])).await })
        })
        .collect();
    // Other operations use the other two connections.
    let patience = Instant::now() + Duration::from_secs(30);
    let mut before = Vec::new();
    while before.len() < 5 {
        assert!(Instant::now() < patience, "{before:?}");
        let look = || store.get::<User>(fixtures::user_id());
        let _ = tokio::join!(look(), look(), look(), look());
        before = backends(&server).await;
    }
    for wait in waits {
        let told = wait.await.unwrap();
        assert!(is_store_error(&told), "{told:?}");
    }
    in_time(store.get::<User>(fixtures::user_id()))
        .await
        .unwrap();
    let after = backends(&server).await;
    let kept = before.iter().filter(|pid| after.contains(pid)).count();
    // The holder of the lock, and the two that did not wait.
    assert!(kept >= 3, "{before:?} became {after:?}");
    lock.rollback().await.unwrap();
}

/// The process ids of all other connections.
async fn backends(server: &DedicatedPostgres) -> Vec<String> {
    let sql = "SELECT pid FROM pg_stat_activity \
        WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY pid";
    let pids = server.query(sql).await;
    pids.split_whitespace().map(str::to_owned).collect()
}

/// A ping fails while another process has locked its table.
async fn a_table_is_locked(url: &str, lock: &'static str, end: &'static str) {
    let store = connect_patiently(url).await;
    let mut other = AnyConnection::connect(url).await.unwrap();
    raw_sql(lock).execute(&mut other).await.unwrap();
    assert_ping_fails(&store).await;
    raw_sql(end).execute(&mut other).await.unwrap();
    wait_until_healthy(|| Store::ping(&store)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_table_fails_the_ping() {
    let postgres = dedicated_postgres(PostgresOptions::default()).await;
    let lock = "BEGIN; LOCK TABLE pings IN ACCESS EXCLUSIVE MODE";
    a_table_is_locked(&postgres.url(), lock, "ROLLBACK").await;
    let mariadb = dedicated_mariadb(MariadbOptions::default()).await;
    let lock = "LOCK TABLES pings WRITE";
    a_table_is_locked(&mariadb.url(), lock, "UNLOCK TABLES").await;
}

/// Another process holds a lock on the file.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_another_process_locks_fails_the_ping() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/doorward.db", folder.path().display());
    let store = connect_patiently(&url).await;
    let mut other = AnyConnection::connect(&url).await.unwrap();
    let lock = raw_sql("BEGIN IMMEDIATE").execute(&mut other);
    lock.await.unwrap();
    assert_ping_fails(&store).await;
    let unlock = raw_sql("ROLLBACK").execute(&mut other);
    unlock.await.unwrap();
    wait_until_healthy(|| Store::ping(&store)).await;
}
