//! The primary dies under load and its replica takes over: PostgreSQL's streaming replication.

use std::time::Instant;

use doorward_testkit::servers::{OwnPostgres, PostgresOptions, Replication, own_postgres};

use crate::answers::{Client, PASSWORD, Word};
use crate::crowd::Crowd;
use crate::stage::{Database, brisk_setup, heals, setup};

/// Both hosts, as an operator writes them.
fn url_of(first: &OwnPostgres, second: &OwnPostgres) -> String {
    let both = format!("{},{}", first.address(), second.address());
    let url = first.url();
    url.replacen(&first.address().to_string(), &both, 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_takes_over_has_all_that_was_acknowledged() {
    let primary = own_postgres(PostgresOptions::default()).await;
    let replica = primary.replica(Replication::Synchronous).await;
    let server = setup(&url_of(&primary, &replica)).start();
    let client = Client::of(&server);
    let mut crowd = Crowd::start(client, "person");
    crowd.does(60);
    let died = Instant::now();
    primary.kill().await;
    crowd.is_refused(4);
    let promoted = Instant::now();
    replica.promote().await;
    let took = promoted.elapsed();
    crowd.does(1);
    println!(
        "promoting took {took:?}; the next success came {:?} after that began, {:?} after the death",
        promoted.elapsed(),
        died.elapsed()
    );
    crowd.does(60);
    // It comes back and knows nothing: nobody goes back to it while the new one answers.
    primary.start().await;
    crowd.does(40);
    crowd.go_home().holds(client);
}

/// Neither the order of the hosts matters, nor that the first one does not answer at the start.
#[tokio::test(flavor = "multi_thread")]
async fn the_host_that_takes_writes_is_found_wherever_it_stands() {
    let primary = own_postgres(PostgresOptions::default()).await;
    let replica = primary.replica(Replication::Synchronous).await;
    let setup = brisk_setup(&url_of(&replica, &primary));
    let server = setup.start();
    let client = Client::of(&server);
    let mut crowd = Crowd::start(client, "person");
    crowd.does(30);
    primary.kill().await;
    crowd.is_refused(4);
    replica.promote().await;
    crowd.does(30);
    crowd.go_home().holds(client);
    drop(server);
    let primary_first = url_of(&primary, &replica);
    let server = setup.with("DATABASE_URL", &primary_first).start();
    Client::of(&server).sign_up("one-more").done();
}

/// As a primary that was made a replica under the server's feet, and back.
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
