//! The connection is lost during a commit: the server reports that the outcome is unknown.

use std::time::{Duration, Instant};

use doorward_testkit::servers::{Proxy, ProxyMode};

use crate::client::{Client, OTHER_PASSWORD, Outcome, PASSWORD};
use crate::database::{Database, assert_recovers, short_timeout_setup};

/// A commit that is made and whose response is lost; one that never arrives.
const LOSSES: [fn(u32) -> ProxyMode; 2] = [
    |times| ProxyMode::DropResponse("COMMIT", times),
    |times| ProxyMode::DropRequest("COMMIT", times),
];

/// Compares the response to a change with whether it was made.
#[track_caller]
fn agree(what: &str, word: &Outcome, is_made: bool) {
    match word {
        Outcome::Done(_) => assert!(is_made, "{what} was acknowledged and not made"),
        Outcome::Refused => assert!(!is_made, "{what} was refused and made"),
        Outcome::Unknown => {}
    }
}

async fn is_outcome_unknown(database: Database) {
    let proxy = Proxy::to(database.address()).await;
    let server = short_timeout_setup(&proxy.url(&database.url())).start();
    let client = Client::of(&server);
    for (number, loss) in LOSSES.iter().enumerate() {
        let name = format!("person-{number}");
        proxy.set(loss(u32::MAX)).await;
        // The response is a 503 `outcome-unknown`: neither success nor refusal.
        let word = client.sign_up(&name);
        assert!(matches!(word, Outcome::Unknown), "{name}: {word}");
        assert!(proxy.lost() > 0, "nothing was lost");
        proxy.set(ProxyMode::Forward).await;
        assert_recovers(client);
        if !client.knows(&name, PASSWORD) {
            client.sign_up(&name).done();
        }
        change_password(client, &proxy, &name, loss(u32::MAX)).await;
    }
}

async fn change_password(client: Client, proxy: &Proxy, name: &str, loss: ProxyMode) {
    let own = client.sign_in(name, PASSWORD).unwrap();
    let other = client.sign_in(name, PASSWORD).unwrap();
    proxy.set(loss).await;
    let word = client.change_password(&own);
    let lost = proxy.lost();
    println!("{name}'s password: {word}, after {lost} losses");
    proxy.set(ProxyMode::Forward).await;
    assert_recovers(client);
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

/// The commit arrives after the time limit: it must not have been reported as failed.
async fn is_not_reported_as_failed(database: Database) {
    let proxy = Proxy::to(database.address()).await;
    let server = short_timeout_setup(&proxy.url(&database.url())).start();
    let client = Client::of(&server);
    client.sign_up("early").done();
    let token = client.sign_in("early", PASSWORD).unwrap();
    let on_its_way = Duration::from_secs(9);
    proxy.set(ProxyMode::Delay("COMMIT", on_its_way)).await;
    let started = Instant::now();
    let word = client.sign_up("late");
    println!("{word} after {:?}", started.elapsed());
    assert_eq!(proxy.lost(), 1);
    // Other requests are served.
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
async fn a_late_commit_is_not_reported_as_failed_on_postgres() {
    is_not_reported_as_failed(Database::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_commit_is_not_reported_as_failed_on_mariadb() {
    is_not_reported_as_failed(Database::mariadb().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_commit_is_503_outcome_unknown_on_postgres() {
    is_outcome_unknown(Database::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_commit_is_503_outcome_unknown_on_mariadb() {
    is_outcome_unknown(Database::mariadb().await).await;
}
