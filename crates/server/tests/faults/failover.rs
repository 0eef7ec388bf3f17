//! The primary dies under load and its replica takes over: PostgreSQL's streaming replication.

use std::time::Instant;

use doorward_testkit::servers::{PostgresOptions, Proxy, Replication, dedicated_postgres};

use crate::client::{Client, Outcome, PASSWORD};
use crate::database::{Database, assert_recovers, setup, short_timeout_setup};
use crate::load::Load;

/// One host name, which leads to the replica after its promotion.
#[tokio::test(flavor = "multi_thread")]
async fn a_promoted_replica_has_every_acknowledged_write() {
    let primary = dedicated_postgres(PostgresOptions::default()).await;
    let replica = primary.replica(Replication::Synchronous).await;
    let name = Proxy::to(primary.address()).await;
    let server = setup(&name.url(&primary.url())).start();
    let client = Client::of(&server);
    let mut load = Load::start(client, "person");
    load.does(60);
    let died = Instant::now();
    primary.kill().await;
    load.is_refused(4);
    let promoted = Instant::now();
    replica.promote().await;
    name.set_target(replica.address());
    load.does(1);
    println!(
        "the next success came {:?} after the promotion began, {:?} after the crash",
        promoted.elapsed(),
        died.elapsed()
    );
    load.does(60);
    load.stop().holds(client);
}

/// Like a primary that becomes a replica while the server runs, and then a primary again.
async fn recovers_when_writable(database: Database) {
    let server = short_timeout_setup(&database.url()).start();
    let client = Client::of(&server);
    client.sign_up("early").done();
    database.set_read_only("ON").await;
    let outcome = client.sign_up("late");
    assert!(matches!(outcome, Outcome::Refused), "{outcome:?}");
    assert!(client.sign_in("early", PASSWORD).is_none());
    let ready = client.send("GET", "/readyz", None, None);
    ready.unwrap().expect(503);
    database.set_read_only("OFF").await;
    println!(
        "ready {:?} after it may write again",
        assert_recovers(client)
    );
    client.sign_up("late").done();
    client.sign_in("early", PASSWORD).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_postgres_is_reported_and_recovers() {
    recovers_when_writable(Database::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_mariadb_is_reported_and_recovers() {
    recovers_when_writable(Database::mariadb().await).await;
}
