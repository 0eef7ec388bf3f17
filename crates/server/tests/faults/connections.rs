//! Other clients have taken all connections of the database.

use doorward_testkit::servers::{
    MariadbOptions, PostgresOptions, Proxy, ProxyMode, dedicated_mariadb, dedicated_postgres,
};

use crate::client::{Client, Outcome, PASSWORD};
use crate::database::{Database, assert_recovers, setup, short_timeout_setup};
use crate::load::Load;
use crate::server::Setup;

async fn waits_for_a_connection(setup: fn(&str) -> Setup, database: Database) {
    let proxy = Proxy::to(database.address()).await;
    let server = setup(&proxy.url(&database.url())).start();
    let client = Client::of(&server);
    client.sign_up("early").done();
    // While the server is cut off, others take its connections.
    proxy.take_down().await;
    let load = database.fill().await;
    proxy.set(ProxyMode::Forward).await;
    let outcome = client.sign_up("late");
    assert!(matches!(outcome, Outcome::Refused), "{outcome:?}");
    assert!(client.sign_in("early", PASSWORD).is_none());
    let ready = client.send("GET", "/readyz", None, None).unwrap();
    assert_eq!(ready.status, 503, "{ready:?}");
    let lives = client.send("GET", "/healthz", None, None);
    lives.unwrap().expect(200);
    drop(load);
    println!("ready {:?} after there was room", assert_recovers(client));
    client.sign_up("late").done();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_without_connections_is_reported_and_recovers() {
    let settings = vec!["max_connections=8"];
    let options = PostgresOptions {
        settings,
        ..PostgresOptions::default()
    };
    waits_for_a_connection(setup, Database::Postgres(dedicated_postgres(options).await)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mariadb_without_connections_is_reported_and_recovers() {
    let settings = vec!["max_connections=10"];
    let options = MariadbOptions {
        settings,
        ..MariadbOptions::default()
    };
    waits_for_a_connection(
        short_timeout_setup,
        Database::Mariadb(dedicated_mariadb(options).await),
    )
    .await;
}

/// The server needs more connections than it may have: requests may get a 503, but none is half done.
#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_with_fewer_connections_than_configured_works() {
    let settings = vec!["max_connections=8"];
    let options = PostgresOptions {
        settings,
        ..PostgresOptions::default()
    };
    let database = dedicated_postgres(options).await;
    let server = setup(&database.url()).start();
    let client = Client::of(&server);
    let mut load = Load::start(client, "person");
    load.does(100);
    load.stop().holds(client);
}
