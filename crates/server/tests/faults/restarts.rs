//! The database stops and starts again, under load.

use crate::answers::Client;
use crate::load::Load;
use crate::stage::{Database, brisk_setup, heals};

/// Every write that was acknowledged before, during and after the restart is stored, and no other.
async fn survives_restarts(database: Database) {
    let server = brisk_setup(&database.url()).start();
    let client = Client::of(&server);
    let mut load = Load::start(client, "person");
    load.does(40);
    database.stop().await;
    load.is_refused(8);
    database.start().await;
    println!("ready again {:?} after a restart", heals(client));
    load.does(40);
    database.kill().await;
    load.is_refused(8);
    database.start().await;
    println!("ready again {:?} after a crash", heals(client));
    load.does(40);
    // Too short to be noticed.
    database.restart().await;
    load.does(40);
    load.go_home().holds(client);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_restarts_under_load_loses_nothing() {
    survives_restarts(Database::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mariadb_that_restarts_under_load_loses_nothing() {
    survives_restarts(Database::mariadb().await).await;
}
