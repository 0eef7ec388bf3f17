//! An operation that is cancelled: its future is dropped, as when a client disconnects.

use std::time::Duration;

use doorward_domain::store::Store;
use doorward_testkit::servers::{
    MariadbOptions, PostgresOptions, Proxy, ProxyMode, dedicated_mariadb, dedicated_postgres,
};
use sqlx::{AnyConnection, Connection, raw_sql};
use tokio::time::timeout;

use super::{LOCK_ROSTER, check_roster, connect, in_time, insert_roster, is_signed_up, sign_up};

/// Cancels a write in the middle of its transaction, while it waits for a lock.
async fn run_case(url: &str, begin: &'static str) {
    let store = connect(url).await;
    insert_roster(&store).await;
    let mut other = AnyConnection::connect(url).await.unwrap();
    let mut lock = other.begin_with(begin).await.unwrap();
    raw_sql(LOCK_ROSTER).execute(&mut *lock).await.unwrap();
    let mut cancelled = Vec::new();
    // More than there are connections: none of them stays occupied.
    for _ in 0..6 {
        let (user, mut batch) = sign_up();
        batch.push(check_roster());
        let limit = Duration::from_millis(200);
        timeout(limit, store.apply(batch)).await.unwrap_err();
        cancelled.push(user);
    }
    lock.rollback().await.unwrap();
    let (user, mut batch) = sign_up();
    batch.push(check_roster());
    in_time(store.apply(batch)).await.unwrap();
    assert!(is_signed_up(&store, &user).await);
    for user in cancelled {
        assert!(!is_signed_up(&store, &user).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_write_leaves_nothing_behind_on_postgres() {
    let server = dedicated_postgres(PostgresOptions::default()).await;
    run_case(&server.url(), "BEGIN").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_write_leaves_nothing_behind_on_mariadb() {
    let server = dedicated_mariadb(MariadbOptions::default()).await;
    run_case(&server.url(), "BEGIN").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_write_leaves_nothing_behind_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/doorward.db", folder.path().display());
    run_case(&url, "BEGIN IMMEDIATE").await;
}

/// A cancelled operation leaves no connection with an unread response in the pool.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_operation_leaves_no_unread_response() {
    let server = dedicated_postgres(PostgresOptions::default()).await;
    let proxy = Proxy::to(server.address()).await;
    let store = connect(&proxy.url(&server.url())).await;
    proxy.set(ProxyMode::Slow(Duration::from_millis(20))).await;
    for number in 0..30 {
        let (user, batch) = sign_up();
        let patience = Duration::from_millis(7 * number);
        let told = timeout(patience, store.apply(batch)).await;
        let is_there = is_signed_up(&store, &user).await;
        assert!(is_there || told.is_err(), "{told:?}");
    }
}
