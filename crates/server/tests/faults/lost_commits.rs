//! The connection is lost in the very moment of a commit: nobody knows whether it was made, and
//! the server finds out, or says that it does not know.

use std::time::{Duration, Instant};

use doorward_testkit::servers::{Mood, Proxy};

use crate::answers::{Client, OTHER_PASSWORD, PASSWORD, Word};
use crate::stage::{Database, brisk_setup, heals};

/// A commit that is sent, made and not answered; one that never arrives.
const LOSSES: [fn(u32) -> Mood; 2] = [
    |times| Mood::LoseAnswer("COMMIT", times),
    |times| Mood::LoseRequest("COMMIT", times),
];

/// What was told of a change, and whether it was made.
#[track_caller]
fn agree(what: &str, word: &Word, is_made: bool) {
    match word {
        Word::Done(_) => assert!(is_made, "{what} was acknowledged and not made"),
        Word::Refused => assert!(!is_made, "{what} was refused and made"),
        Word::OutcomeUnknown => {}
    }
}

async fn settles(database: Database) {
    let proxy = Proxy::to(database.address()).await;
    let server = brisk_setup(&proxy.url(&database.url())).start();
    let client = Client::of(&server);
    let mut settled = 0;
    for (number, loss) in LOSSES.iter().enumerate() {
        for times in [1, 1, 1, u32::MAX] {
            let name = format!("person-{number}-{settled}-{times}");
            proxy.set(loss(times)).await;
            // Neither "taken" for the server's own second try, nor anything else than these.
            let word = client.sign_up(&name);
            let lost = proxy.lost();
            println!("{name}: {word}, after {lost} losses");
            proxy.set(Mood::Pass).await;
            heals(client);
            assert!(lost > 0, "nothing was lost");
            agree(&name, &word, client.knows(&name, PASSWORD));
            settled += u32::from(matches!(word, Word::Done(_)));
            if !client.knows(&name, PASSWORD) {
                client.sign_up(&name).done();
            }
            change_password(client, &proxy, &name, loss(times)).await;
        }
    }
    // Where the store is there to be asked, it is asked.
    assert!(settled >= 6, "{settled} of 8");
}

async fn change_password(client: Client, proxy: &Proxy, name: &str, loss: Mood) {
    let own = client.sign_in(name, PASSWORD).unwrap();
    let other = client.sign_in(name, PASSWORD).unwrap();
    proxy.set(loss).await;
    let word = client.change_password(&own);
    let lost = proxy.lost();
    println!("{name}'s password: {word}, after {lost} losses");
    proxy.set(Mood::Pass).await;
    heals(client);
    let (has_old, has_new) = (
        client.knows(name, PASSWORD),
        client.knows(name, OTHER_PASSWORD),
    );
    assert_ne!(has_old, has_new, "{name} has one password");
    agree(&format!("{name}'s password"), &word, has_new);
    assert_eq!(
        client.is_open(&other),
        has_old,
        "the other session of {name}"
    );
    if has_old {
        assert!(client.is_open(&own), "the own session of {name}");
    }
}

/// The commit is on its way for longer than anybody waits, and arrives: nobody may have said no.
async fn is_not_denied(database: Database) {
    let proxy = Proxy::to(database.address()).await;
    let server = brisk_setup(&proxy.url(&database.url())).start();
    let client = Client::of(&server);
    client.sign_up("early").done();
    let token = client.sign_in("early", PASSWORD).unwrap();
    let on_its_way = Duration::from_secs(9);
    proxy.set(Mood::Late("COMMIT", on_its_way)).await;
    let started = Instant::now();
    let word = client.sign_up("late");
    println!("{word} after {:?}", started.elapsed());
    assert_eq!(proxy.lost(), 1);
    // Everybody else goes on.
    client.check(&token).done();
    client.sign_up("other").done();
    while started.elapsed() < on_its_way + Duration::from_secs(1) {
        std::thread::park_timeout(Duration::from_millis(100));
    }
    agree("late", &word, client.knows("late", PASSWORD));
    if !client.knows("late", PASSWORD) {
        client.sign_up("late").done();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_arrives_late_is_not_denied_on_postgres() {
    is_not_denied(Database::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_arrives_late_is_not_denied_on_mariadb() {
    is_not_denied(Database::mariadb().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_without_an_answer_is_looked_for_on_postgres() {
    settles(Database::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_without_an_answer_is_looked_for_on_mariadb() {
    settles(Database::mariadb().await).await;
}
