//! A primary that dies or steps down, with its replica beside it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use doorward_domain::ports::Store;
use doorward_testkit::servers::{
    MariadbOptions, OwnPostgres, PostgresOptions, Proxy, Replication, own_mariadb, own_postgres,
};

use super::{connect, in_time, is_signed_up, is_store_error, sign_up, until_well};

/// One URL for both.
fn both(primary: &OwnPostgres, replica: &OwnPostgres) -> String {
    format!(
        "postgres://doorward@{},{}/doorward",
        primary.address(),
        replica.address()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_go_on_at_the_replica_once_it_is_the_primary() {
    let primary = own_postgres(PostgresOptions::default()).await;
    let replica = primary.replica(Replication::Synchronous).await;
    let store = connect(&both(&primary, &replica)).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let (store, is_over) = (store.clone(), is_over.clone());
        async move {
            let mut answered = Vec::new();
            // How many are still to come once it is over.
            let mut left = 20;
            while left > 0 {
                let was_over = is_over.load(Ordering::SeqCst);
                let (user, _, changes) = sign_up();
                let told = in_time(store.apply(changes)).await;
                left -= u32::from(was_over && told.is_ok());
                if told.is_ok() {
                    answered.push(user);
                }
            }
            answered
        }
    });
    until_well(|| Store::ping(&store)).await;
    primary.kill().await;
    // Meanwhile nothing may be taken from the replica, which may not know everything.
    in_time(Store::ping(&store)).await.unwrap_err();
    replica.promote().await;
    until_well(|| Store::ping(&store)).await;
    is_over.store(true, Ordering::SeqCst);
    for user in writer.await.unwrap() {
        assert!(
            is_signed_up(&store, &user).await,
            "an answered write is gone"
        );
    }
}

/// The order of the hosts does not matter, and neither does one that is away.
#[tokio::test(flavor = "multi_thread")]
async fn the_host_that_takes_writes_is_found() {
    let primary = own_postgres(PostgresOptions::default()).await;
    let replica = primary.replica(Replication::Asynchronous).await;
    let store = connect(&both(&replica, &primary)).await;
    let (user, _, changes) = sign_up();
    store.apply(changes).await.unwrap();
    assert!(is_signed_up(&store, &user).await);
    replica.kill().await;
    in_time(Store::ping(&store)).await.unwrap();
    let store = connect(&both(&replica, &primary)).await;
    assert!(is_signed_up(&store, &user).await);
}

/// The server takes no writes from now on. A session that begins afterwards shows that all others
/// were told.
async fn step_down(server: &OwnPostgres) {
    server
        .query("ALTER SYSTEM SET default_transaction_read_only = on; SELECT pg_reload_conf();")
        .await;
    let is_told = || async {
        let told = server.query("SHOW default_transaction_read_only").await;
        (told.trim() == "on").then_some(()).ok_or(told)
    };
    until_well(is_told).await;
}

/// It is still there and still answers: it must not be asked any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_stepped_down_is_left() {
    let primary = own_postgres(PostgresOptions::default()).await;
    let replica = primary.replica(Replication::Asynchronous).await;
    let store = connect(&both(&primary, &replica)).await;
    let (user, _, changes) = sign_up();
    store.apply(changes).await.unwrap();
    replica.promote().await;
    step_down(&primary).await;
    let (other, _, changes) = sign_up();
    in_time(store.apply(changes)).await.unwrap();
    assert!(is_signed_up(&store, &other).await);
    assert!(is_signed_up(&store, &user).await);
    let count = "SELECT COUNT(*) FROM users";
    assert_eq!(primary.query(count).await, "1");
    assert_eq!(replica.query(count).await, "2");
}

/// One name, which leads to the new primary after the failover: so it is where a provider does it.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_leads_elsewhere_by_now_is_followed() {
    let primary = own_postgres(PostgresOptions::default()).await;
    let replica = primary.replica(Replication::Asynchronous).await;
    let name = Proxy::to(primary.address()).await;
    let store = connect(&name.url(&primary.url())).await;
    replica.promote().await;
    name.lead_to(replica.address());
    // Connections that are open still lead to the old one, which takes no writes any more.
    step_down(&primary).await;
    until_well(|| Store::ping(&store)).await;
    let (user, _, changes) = sign_up();
    in_time(store.apply(changes)).await.unwrap();
    assert!(is_signed_up(&store, &user).await);
    let count = "SELECT COUNT(*) FROM users";
    assert_eq!(replica.query(count).await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_postgres_that_only_reads_is_said_to() {
    let server = own_postgres(PostgresOptions::default()).await;
    let store = connect(&server.url()).await;
    let read_only = |on: &str| {
        format!("ALTER SYSTEM SET default_transaction_read_only = {on}; SELECT pg_reload_conf();")
    };
    let (user, _, changes) = sign_up();
    store.apply(changes).await.unwrap();
    server.query(&read_only("on")).await;
    only_reads(&store).await;
    assert!(is_signed_up(&store, &user).await);
    let back = "SET default_transaction_read_only = off;
        ALTER SYSTEM RESET default_transaction_read_only; SELECT pg_reload_conf();";
    server.query(back).await;
    until_well(|| Store::ping(&store)).await;
    let (_, _, changes) = sign_up();
    in_time(store.apply(changes)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_mariadb_that_only_reads_is_said_to() {
    let server = own_mariadb(MariadbOptions::default()).await;
    let store = connect(&server.url()).await;
    server.query("SET GLOBAL read_only = 1").await;
    only_reads(&store).await;
    server.query("SET GLOBAL read_only = 0").await;
    until_well(|| Store::ping(&store)).await;
    let (user, _, changes) = sign_up();
    in_time(store.apply(changes)).await.unwrap();
    assert!(is_signed_up(&store, &user).await);
}

async fn only_reads(store: &doorward_store_sql::SqlStore) {
    let told = until_refused(store).await;
    assert!(told.contains("takes no writes"), "{told}");
    let (_, _, changes) = sign_up();
    let refused = in_time(store.apply(changes)).await;
    assert!(is_store_error(&refused), "{refused:?}");
}

/// A server takes a moment to read its configuration again.
async fn until_refused(store: &doorward_store_sql::SqlStore) -> String {
    let refused = async || match in_time(Store::ping(store)).await {
        Ok(()) => Err("it takes writes"),
        Err(error) => Ok(error.cause.to_string()),
    };
    until_well(refused).await
}
