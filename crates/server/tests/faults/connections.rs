//! Other clients have taken all connections of the database.

use doorward_testkit::servers::{
    MariadbOptions, PostgresOptions, Proxy, ProxyMode, own_mariadb, own_postgres,
};

use crate::answers::{Client, PASSWORD, Word};
use crate::load::Load;
use crate::server::Setup;
use crate::stage::{Database, brisk_setup, heals, setup};

async fn waits_for_room(setup: fn(&str) -> Setup, database: Database) {
    let proxy = Proxy::to(database.address()).await;
    let server = setup(&proxy.url(&database.url())).start();
    let client = Client::of(&server);
    client.sign_up("early").done();
    // While the server is cut off, others take its connections.
    proxy.cut_off().await;
    let load = database.fill().await;
    proxy.set(ProxyMode::Pass).await;
    let told = client.sign_up("late");
    assert!(matches!(told, Word::Refused), "{told:?}");
    assert!(client.sign_in("early", PASSWORD).is_none());
    let ready = client.send("GET", "/readyz", None, None).unwrap();
    assert_eq!(ready.status, 503, "{ready:?}");
    let lives = client.send("GET", "/healthz", None, None);
    lives.unwrap().expect(200);
    drop(load);
    println!("ready {:?} after there was room", heals(client));
    client.sign_up("late").done();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_postgres_is_told_and_heals() {
    let settings = vec!["max_connections=8"];
    let options = PostgresOptions {
        settings,
        ..PostgresOptions::default()
    };
    waits_for_room(setup, Database::Postgres(own_postgres(options).await)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_mariadb_is_told_and_heals() {
    let settings = vec!["max_connections=10"];
    let options = MariadbOptions {
        settings,
        ..MariadbOptions::default()
    };
    waits_for_room(brisk_setup, Database::Mariadb(own_mariadb(options).await)).await;
}

/// The server needs more connections than it may have: requests may get a 503, but none is half done.
#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_with_fewer_connections_than_the_server_wants_serves_all_the_same() {
    let settings = vec!["max_connections=8"];
    let options = PostgresOptions {
        settings,
        ..PostgresOptions::default()
    };
    let database = own_postgres(options).await;
    let server = setup(&database.url()).start();
    let client = Client::of(&server);
    let mut load = Load::start(client, "person");
    load.does(100);
    load.go_home().holds(client);
}
