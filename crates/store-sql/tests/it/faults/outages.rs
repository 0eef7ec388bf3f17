//! A server that is restarted, killed, paused, cut off, or has no connection left.

use std::time::Duration;

use super::{
    connect, connect_patiently, in_time, is_signed_up, is_store_error, sign_up, wait_until_healthy,
};
use doorward_domain::store::Store;
use doorward_store_sql::SqlStore;
use doorward_testkit::servers::{
    DedicatedServer, MariadbOptions, PostgresOptions, Proxy, ProxyMode, dedicated_mariadb,
    dedicated_postgres,
};

#[tokio::test(flavor = "multi_thread")]
async fn postgres_recovers_after_outages() {
    let server = dedicated_postgres(PostgresOptions::default()).await;
    comes_and_goes(&server, &server.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_recovers_after_outages() {
    let server = dedicated_mariadb(MariadbOptions::default()).await;
    comes_and_goes(&server, &server.url()).await;
}

async fn comes_and_goes(server: &DedicatedServer, url: &str) {
    let proxy = Proxy::to(server.address()).await;
    let store = connect(&proxy.url(url)).await;
    restarted(server, &store).await;
    killed(server, &store, &connect_patiently(&proxy.url(url)).await).await;
    paused(server, &store).await;
    silent(&proxy, &store).await;
    cut(&proxy, &store).await;
}

/// Opens four connections.
async fn warm(store: &SqlStore) {
    let (a, b, c, d) = tokio::join!(
        Store::ping(store),
        Store::ping(store),
        Store::ping(store),
        Store::ping(store)
    );
    for ping in [a, b, c, d] {
        ping.unwrap();
    }
}

/// After a restart the first operation succeeds: lost connections are retried.
async fn restarted(server: &DedicatedServer, store: &SqlStore) {
    warm(store).await;
    server.restart().await;
    in_time(Store::ping(store)).await.unwrap();
    warm(store).await;
    server.restart().await;
    let (user, batch) = sign_up();
    in_time(store.apply(batch)).await.unwrap();
    assert!(is_signed_up(store, &user).await);
}

/// Without a server every operation fails at once, and not after the limits of the patient store, a minute.
async fn killed(server: &DedicatedServer, store: &SqlStore, patient: &SqlStore) {
    warm(store).await;
    let (before, batch) = sign_up();
    store.apply(batch).await.unwrap();
    server.kill().await;
    let (user, batch) = sign_up();
    assert!(is_store_error(&in_time(store.apply(batch)).await));
    in_time(Store::ping(store)).await.unwrap_err();
    assert!(is_store_error(&in_time(patient.apply(sign_up().1)).await));
    in_time(Store::ping(patient)).await.unwrap_err();
    server.start().await;
    wait_until_healthy(|| Store::ping(store)).await;
    assert!(
        is_signed_up(store, &before).await,
        "a confirmed write is lost"
    );
    assert!(!is_signed_up(store, &user).await);
}

/// It keeps its connections open and does not respond.
async fn paused(server: &DedicatedServer, store: &SqlStore) {
    warm(store).await;
    server.pause().await;
    let (first, second) = (sign_up(), sign_up());
    let (one, two, ping) = tokio::join!(
        in_time(store.apply(first.1)),
        in_time(store.apply(second.1)),
        in_time(Store::ping(store))
    );
    assert!(is_store_error(&one) && is_store_error(&two));
    ping.unwrap_err();
    server.resume().await;
    wait_until_healthy(|| Store::ping(store)).await;
    for user in [first.0, second.0] {
        assert!(!is_signed_up(store, &user).await);
    }
}

/// The same for the network, with more callers than connections: each fails in time.
async fn silent(proxy: &Proxy, store: &SqlStore) {
    warm(store).await;
    proxy.set(ProxyMode::Stall).await;
    let callers = (0..12).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { in_time(Store::ping(&store)).await })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap().unwrap_err();
    }
    proxy.set(ProxyMode::Forward).await;
    wait_until_healthy(|| Store::ping(store)).await;
    warm(store).await;
}

async fn cut(proxy: &Proxy, store: &SqlStore) {
    warm(store).await;
    proxy.reset_connections();
    in_time(Store::ping(store)).await.unwrap();
    proxy.take_down().await;
    let (user, batch) = sign_up();
    assert!(is_store_error(&in_time(store.apply(batch)).await));
    proxy.set(ProxyMode::Forward).await;
    let (other, batch) = sign_up();
    in_time(store.apply(batch)).await.unwrap();
    assert!(!is_signed_up(store, &user).await);
    assert!(is_signed_up(store, &other).await);
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
        let told = tokio::time::timeout(patience, store.apply(batch)).await;
        let is_there = is_signed_up(&store, &user).await;
        assert!(is_there || told.is_err(), "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_postgres_serves_on_its_open_connections() {
    let options = PostgresOptions {
        settings: vec!["max_connections=8", "superuser_reserved_connections=2"],
        ..PostgresOptions::default()
    };
    let server = dedicated_postgres(options).await;
    let store = connect(&server.url()).await;
    // The idle connection works; the server refuses a second one.
    let full = server.fill().await;
    in_time(Store::ping(&store)).await.unwrap();
    let asked: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let (_, batch) = sign_up();
                in_time(store.apply(batch)).await
            })
        })
        .collect();
    // Each succeeds on the one connection, or fails in time.
    for one in asked {
        let told = one.await.unwrap();
        assert!(told.is_ok() || is_store_error(&told), "{told:?}");
    }
    drop(full);
    wait_until_healthy(|| Store::ping(&store)).await;
    warm(&store).await;
}
