//! `kill -9` of the binary under load: acknowledged writes are stored, and none is half done.

use crate::client::Client;
use crate::database::{Database, setup};
use crate::load::Load;

pub fn survives_kills(url: &str) {
    let setup = setup(url);
    let mut journals = Vec::new();
    for round in ["first", "second"] {
        let server = setup.start();
        let mut load = Load::start(Client::of_killable(&server), round);
        load.does(60);
        load.cancel();
        server.kill();
        journals.push(load.stop());
    }
    let server = setup.start();
    for journal in journals {
        journal.holds(Client::of(&server));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_writes_are_on_postgres_after_a_kill() {
    survives_kills(&Database::postgres().await.url());
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_writes_are_on_mariadb_after_a_kill() {
    survives_kills(&Database::mariadb().await.url());
}
