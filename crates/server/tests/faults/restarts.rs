//! The database stops and starts again, under load.

use crate::client::Client;
use crate::database::{Database, assert_recovers, short_timeout_setup};
use crate::load::Load;

/// Every write that was acknowledged before, during and after the restart is stored, and no other.
async fn survives_restarts(database: Database) {
    let server = short_timeout_setup(&database.url()).start();
    let client = Client::of(&server);
    let mut load = Load::start(client, "person");
    load.does(40);
    database.stop().await;
    load.is_refused(8);
    database.start().await;
    println!("ready again {:?} after a restart", assert_recovers(client));
    load.does(40);
    database.kill().await;
    load.is_refused(8);
    database.start().await;
    println!("ready again {:?} after a crash", assert_recovers(client));
    load.does(40);
    // Too short to be noticed.
    database.restart().await;
    load.does(40);
    load.stop().holds(client);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_restart_under_load_loses_nothing() {
    survives_restarts(Database::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mariadb_restart_under_load_loses_nothing() {
    survives_restarts(Database::mariadb().await).await;
}
