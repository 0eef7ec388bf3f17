//! A primary that dies or becomes read-only, and its replica.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use doorward_domain::store::Store;
use doorward_testkit::servers::{
    DedicatedPostgres, MariadbOptions, PostgresOptions, Proxy, Replication, dedicated_mariadb,
    dedicated_postgres,
};

use super::{connect, in_time, is_signed_up, is_store_error, sign_up, wait_until_healthy};

/// One host name that leads to the new primary after the failover.
#[tokio::test(flavor = "multi_thread")]
async fn writes_continue_at_the_promoted_replica() {
    let primary = dedicated_postgres(PostgresOptions::default()).await;
    let replica = primary.replica(Replication::Synchronous).await;
    let name = Proxy::to(primary.address()).await;
    let store = connect(&name.url(&primary.url())).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let (store, is_over) = (store.clone(), is_over.clone());
        async move {
            let mut confirmed = Vec::new();
            // Number of writes after it is over.
            let mut left = 20;
            while left > 0 {
                let was_over = is_over.load(Ordering::SeqCst);
                let (user, batch) = sign_up();
                let result = in_time(store.apply(batch)).await;
                left -= u32::from(was_over && result.is_ok());
                if result.is_ok() {
                    confirmed.push(user);
                }
            }
            confirmed
        }
    });
    wait_until_healthy(|| Store::ping(&store)).await;
    primary.kill().await;
    in_time(Store::ping(&store)).await.unwrap_err();
    replica.promote().await;
    name.set_target(replica.address());
    wait_until_healthy(|| Store::ping(&store)).await;
    is_over.store(true, Ordering::SeqCst);
    for user in writer.await.unwrap() {
        assert!(
            is_signed_up(&store, &user).await,
            "a confirmed write is lost"
        );
    }
}

/// Makes the server read-only. A later session shows that all others are, too.
async fn step_down(server: &DedicatedPostgres) {
    server
        .query("ALTER SYSTEM SET default_transaction_read_only = on; SELECT pg_reload_conf();")
        .await;
    let is_told = || async {
        let told = server.query("SHOW default_transaction_read_only").await;
        (told.trim() == "on").then_some(()).ok_or(told)
    };
    wait_until_healthy(is_told).await;
}

/// The old primary still responds, and is read-only.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_name_that_leads_elsewhere_is_followed() {
    let primary = dedicated_postgres(PostgresOptions::default()).await;
    let replica = primary.replica(Replication::Asynchronous).await;
    let name = Proxy::to(primary.address()).await;
    let store = connect(&name.url(&primary.url())).await;
    replica.promote().await;
    name.set_target(replica.address());
    // Open connections still lead to the old primary.
    step_down(&primary).await;
    wait_until_healthy(|| Store::ping(&store)).await;
    let (user, batch) = sign_up();
    in_time(store.apply(batch)).await.unwrap();
    assert!(is_signed_up(&store, &user).await);
    let count = "SELECT COUNT(*) FROM users";
    assert_eq!(replica.query(count).await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_postgres_is_reported() {
    let server = dedicated_postgres(PostgresOptions::default()).await;
    let store = connect(&server.url()).await;
    let read_only = |on: &str| {
        format!("ALTER SYSTEM SET default_transaction_read_only = {on}; SELECT pg_reload_conf();")
    };
    let (user, batch) = sign_up();
    store.apply(batch).await.unwrap();
    server.query(&read_only("on")).await;
    only_reads(&store).await;
    assert!(is_signed_up(&store, &user).await);
    let back = "SET default_transaction_read_only = off;
        ALTER SYSTEM RESET default_transaction_read_only; SELECT pg_reload_conf();";
    server.query(back).await;
    wait_until_healthy(|| Store::ping(&store)).await;
    let (_, batch) = sign_up();
    in_time(store.apply(batch)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_mariadb_is_reported() {
    let server = dedicated_mariadb(MariadbOptions::default()).await;
    let store = connect(&server.url()).await;
    server.query("SET GLOBAL read_only = 1").await;
    only_reads(&store).await;
    server.query("SET GLOBAL read_only = 0").await;
    wait_until_healthy(|| Store::ping(&store)).await;
    let (user, batch) = sign_up();
    in_time(store.apply(batch)).await.unwrap();
    assert!(is_signed_up(&store, &user).await);
}

async fn only_reads(store: &doorward_store_sql::SqlStore) {
    let told = until_refused(store).await;
    assert!(told.contains("read-only"), "{told}");
    let (_, batch) = sign_up();
    let refused = in_time(store.apply(batch)).await;
    assert!(is_store_error(&refused), "{refused:?}");
}

/// A server takes a moment to reload its configuration.
async fn until_refused(store: &doorward_store_sql::SqlStore) -> String {
    let refused = async || match in_time(Store::ping(store)).await {
        Ok(()) => Err("it takes writes"),
        Err(error) => Ok(error.cause.to_string()),
    };
    wait_until_healthy(refused).await
}
