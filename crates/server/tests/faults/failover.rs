//! The primary dies under load and its replica takes over: PostgreSQL's streaming replication.

use std::time::Instant;

use doorward_testkit::servers::{PostgresOptions, Proxy, Replication, own_postgres};

use crate::answers::{Client, PASSWORD, Word};
use crate::load::Load;
use crate::stage::{Database, brisk_setup, heals, setup};

/// One host name, which leads to the replica after its promotion.
#[tokio::test(flavor = "multi_thread")]
async fn a_promoted_replica_has_every_confirmed_write() {
    let primary = own_postgres(PostgresOptions::default()).await;
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
    name.lead_to(replica.address());
    load.does(1);
    println!(
        "the next success came {:?} after the promotion began, {:?} after the crash",
        promoted.elapsed(),
        died.elapsed()
    );
    load.does(60);
    load.go_home().holds(client);
}

/// Like a primary that becomes a replica while the server runs, and then a primary again.
async fn writes_again_when_it_may(database: Database) {
    let server = brisk_setup(&database.url()).start();
    let client = Client::of(&server);
    client.sign_up("early").done();
    database.set_read_only("ON").await;
    let told = client.sign_up("late");
    assert!(matches!(told, Word::Refused), "{told:?}");
    assert!(client.sign_in("early", PASSWORD).is_none());
    let ready = client.send("GET", "/readyz", None, None);
    ready.unwrap().expect(503);
    database.set_read_only("OFF").await;
    println!("ready {:?} after it may write again", heals(client));
    client.sign_up("late").done();
    client.sign_in("early", PASSWORD).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_turns_read_only_is_told_and_heals() {
    writes_again_when_it_may(Database::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mariadb_that_turns_read_only_is_told_and_heals() {
    writes_again_when_it_may(Database::mariadb().await).await;
}
