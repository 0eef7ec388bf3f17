//! `kill -9` of the binary under load: acknowledged writes are stored, and none is half done.

use crate::answers::Client;
use crate::load::Load;
use crate::stage::{Database, setup};

async fn survives_kills(database: Database) {
    let setup = setup(&database.url());
    let mut journals = Vec::new();
    for round in ["first", "second"] {
        let server = setup.start();
        let mut load = Load::start(Client::of_mortal(&server), round);
        load.does(60);
        load.call_off();
        server.kill();
        journals.push(load.go_home());
    }
    let server = setup.start();
    for journal in journals {
        journal.holds(Client::of(&server));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_is_on_postgres_after_a_kill() {
    survives_kills(Database::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_is_on_mariadb_after_a_kill() {
    survives_kills(Database::mariadb().await).await;
}
