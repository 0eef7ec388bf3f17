//! Somebody else holds a lock for longer than anybody waits: a backup, a change of the schema.

use std::time::{Duration, Instant};

use crate::answers::{Client, PASSWORD, Word};
use crate::stage::{Database, brisk_setup};

/// Longer than all the tries of one request.
const HELD: Duration = Duration::from_secs(8);

async fn gives_up_and_goes_on(database: Database) {
    let server = brisk_setup(&database.url()).start();
    let client = Client::of(&server);
    client.sign_up("early").done();
    let token = client.sign_in("early", PASSWORD).unwrap();
    let started = Instant::now();
    let held = database.hold_users(HELD);
    let asked = tokio::task::spawn_blocking(move || {
        let mut told = Vec::new();
        while started.elapsed() < HELD {
            let name = format!("late-{}", told.len());
            told.push((client.sign_up(&name), name));
        }
        told
    });
    let (told, ()) = tokio::join!(asked, held);
    let told = told.unwrap();
    let is_refused = |(word, _): &(Word, String)| !matches!(word, Word::Done(_));
    assert!(told.iter().any(is_refused), "nobody noticed the lock");
    client.check(&token).done();
    client.sign_up("after").done();
    for (word, name) in &told {
        let is_there = client.knows(name, PASSWORD);
        match word {
            Word::Done(_) => assert!(is_there, "{name} was acknowledged and is gone"),
            Word::Refused => assert!(!is_there, "{name} was refused and is there"),
            Word::OutcomeUnknown => {}
        }
        println!("{name}: {word}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_on_postgres_is_not_waited_for_for_ever() {
    gives_up_and_goes_on(Database::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_on_mariadb_is_not_waited_for_for_ever() {
    gives_up_and_goes_on(Database::mariadb().await).await;
}
