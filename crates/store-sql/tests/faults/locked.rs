//! Rows and files that somebody else has locked.

use std::time::Duration;

use doorward_domain::changes::{ApplyError, Change};
use doorward_domain::ports::Store;
use doorward_testkit::fixtures;
use doorward_testkit::servers::{
    MariadbOptions, Mood, OwnServer, PostgresOptions, Proxy, own_mariadb, own_postgres,
};
use sqlx::{AnyConnection, Connection, raw_sql};
use tokio::time::Instant;

use super::{connect, in_time, is_signed_up, is_store_error, sign_up, until_well};

/// Writers wait in line, and for no longer than they may; readers do not.
async fn story(url: &str, begin: &'static str) {
    let store = connect(url).await;
    let admin = fixtures::admin();
    let first = vec![Change::InsertUser(Box::new(admin.clone()))];
    store.apply(first).await.unwrap();
    let mut other = AnyConnection::connect(url).await.unwrap();
    let mut lock = other.begin_with(begin).await.unwrap();
    raw_sql("UPDATE guards SET counter = counter + 1")
        .execute(&mut *lock)
        .await
        .unwrap();
    let writers: Vec<_> = (0..6)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let (_, _, mut changes) = sign_up();
                changes.push(Change::KeepAnAdmin);
                in_time(store.apply(changes)).await
            })
        })
        .collect();
    in_time(store.find_user(admin.id)).await.unwrap();
    for writer in writers {
        let told = writer.await.unwrap();
        assert!(is_store_error(&told), "{told:?}");
    }
    lock.rollback().await.unwrap();
    let (user, _, mut changes) = sign_up();
    changes.push(Change::KeepAnAdmin);
    in_time(store.apply(changes)).await.unwrap();
    assert!(is_signed_up(&store, &user).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_row_of_postgres_is_not_waited_for_without_end() {
    let server = own_postgres(PostgresOptions::default()).await;
    story(&server.url(), "BEGIN").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_row_of_mariadb_is_not_waited_for_without_end() {
    let server = own_mariadb(MariadbOptions::default()).await;
    story(&server.url(), "BEGIN").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_file_of_sqlite_is_not_waited_for_without_end() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/doorward.db", folder.path().display());
    story(&url, "BEGIN IMMEDIATE").await;
}

/// A node that vanished in the middle of a transaction does not keep its locks for ever.
async fn vanished(server: &OwnServer, url: &str) {
    let proxy = Proxy::to(server.address()).await;
    let lost = connect(&proxy.url(url)).await;
    let admin = Change::InsertUser(Box::new(fixtures::admin()));
    lost.apply(vec![admin]).await.unwrap();
    // The lock comes first, and much more after it.
    proxy.set(Mood::Slow(Duration::from_millis(50))).await;
    let event = || fixtures::audit_event(fixtures::user_id());
    let mut changes = vec![Change::KeepAnAdmin];
    changes.extend((0..60).map(|_| Change::Audit(Box::new(event()))));
    let other = connect(url).await;
    let mut probe = AnyConnection::connect(url).await.unwrap();
    let cut_short = tokio::spawn(async move { lost.apply(changes).await });
    let patience = Instant::now() + Duration::from_secs(10);
    while !is_locked(&mut probe).await {
        assert!(Instant::now() < patience, "the lock was never taken");
    }
    proxy.set(Mood::Stall).await;
    until_well(|| other.apply(vec![Change::KeepAnAdmin])).await;
    let told = cut_short.await.unwrap();
    assert!(matches!(told, Err(ApplyError::Store(_))), "{told:?}");
}

/// Whether somebody holds the guards.
async fn is_locked(probe: &mut AnyConnection) -> bool {
    let mut begun = probe.begin().await.unwrap();
    let lock = raw_sql("SELECT name FROM guards FOR UPDATE NOWAIT");
    let is_free = lock.fetch_all(&mut *begun).await.is_ok();
    begun.rollback().await.unwrap();
    !is_free
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_takes_the_locks_of_a_silent_client_away() {
    let server = own_postgres(PostgresOptions::default()).await;
    vanished(&server, &server.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_takes_the_locks_of_a_silent_client_away() {
    let server = own_mariadb(MariadbOptions::default()).await;
    vanished(&server, &server.url()).await;
}
