//! The connection to the database is blocked, swallows everything, or is slow.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use doorward_testkit::servers::{Proxy, ProxyMode};

use crate::client::{Client, Outcome, PASSWORD};
use crate::database::{Database, assert_recovers, setup, short_timeout_setup};
use crate::server::Setup;

/// Median time for responses that need no store, regardless of what hangs: a busy machine delays single ones, but a
/// request that waited for the store would always be slow.
const SOON: Duration = Duration::from_secs(2);

/// Requests that need no store.
const CHEAP: [&str; 3] = ["/healthz", "/docs", "/.well-known/jwks.json"];

fn is_refused(word: &Outcome) -> bool {
    matches!(word, Outcome::Refused | Outcome::Unknown)
}

/// More clients than connections send requests, and all get a response. Requests without a store still work.
/// Returns the outcomes of the sign-ups.
fn responds_to_all(client: Client, token: &str) -> Vec<(String, Outcome)> {
    let is_over = &AtomicBool::new(false);
    // A failed assertion below does not end the loop.
    let deadline = Instant::now() + Duration::from_secs(120);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut took = CHEAP.map(|_| Vec::new());
            while !is_over.load(Ordering::SeqCst) && Instant::now() < deadline {
                for (path, took) in CHEAP.into_iter().zip(&mut took) {
                    let started = Instant::now();
                    let reply = client.send("GET", path, None, None).unwrap();
                    assert_eq!(reply.status, 200, "{path}: {reply:?}");
                    took.push(started.elapsed());
                }
                std::thread::park_timeout(Duration::from_millis(20));
            }
            for (path, took) in CHEAP.into_iter().zip(&mut took) {
                took.sort_unstable();
                let usual = took[took.len() / 2];
                assert!(usual < SOON, "{path} took {took:?}");
            }
        });
        let (mut asked, mut sign_ups) = (Vec::new(), Vec::new());
        for number in 0..8 {
            let name = format!("late-{number}");
            sign_ups.push(scope.spawn(move || (client.sign_up(&name), name)));
            asked.push(scope.spawn(move || client.sign_in("early", PASSWORD).is_none()));
            asked.push(scope.spawn(move || is_refused(&client.sign_out(token))));
        }
        let ready = client.send("GET", "/readyz", None, None).unwrap();
        for asked in asked {
            assert!(asked.join().unwrap(), "something was done without a store");
        }
        let sign_ups = sign_ups.into_iter().map(|asked| asked.join().unwrap());
        let sign_ups = sign_ups.map(|(word, name)| (name, word)).collect();
        is_over.store(true, Ordering::SeqCst);
        assert_eq!(ready.status, 503, "{ready:?}");
        let problem = ready.json();
        assert_eq!(problem["code"], "store-unavailable");
        assert!(problem["detail"].as_str().unwrap().contains("database"));
        sign_ups
    })
}

/// Only a database of its own can be paused.
async fn continues_after(
    database: Option<&Database>,
    proxy: &Proxy,
    client: Client,
    misfortune: &str,
) {
    client.sign_up("early").done();
    let token = client.sign_in("early", PASSWORD).unwrap();
    client.check(&token).done();
    match misfortune {
        "cut off" => proxy.take_down().await,
        "stalled" => proxy.set(ProxyMode::Stall).await,
        _ => database.unwrap().pause().await,
    }
    let reported = responds_to_all(client, &token);
    proxy.set(ProxyMode::Forward).await;
    if misfortune == "paused" {
        database.unwrap().resume().await;
    }
    println!(
        "ready {:?} after it was {misfortune}",
        assert_recovers(client)
    );
    for (name, word) in reported {
        let is_there = client.knows(&name, PASSWORD);
        assert!(is_refused(&word), "{name} signed up without a store");
        assert!(!is_there || matches!(word, Outcome::Unknown), "{name}");
    }
    client.sign_up("after").done();
    let token = client.sign_in("early", PASSWORD).unwrap();
    client.sign_out(&token).done();
}

async fn survives(setup: fn(&str) -> Setup, database: Database, misfortune: &str) {
    let proxy = Proxy::to(database.address()).await;
    let server = setup(&proxy.url(&database.url())).start();
    continues_after(Some(&database), &proxy, Client::of(&server), misfortune).await;
}

/// The same for a database that other tests use too.
pub async fn survives_behind(proxy: &Proxy, url: &str, misfortune: &str) {
    let server = setup(url).start();
    continues_after(None, proxy, Client::of(&server), misfortune).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_postgres_is_reported_and_recovers() {
    survives(setup, Database::postgres().await, "cut off").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_mariadb_is_reported_and_recovers() {
    survives(short_timeout_setup, Database::mariadb().await, "cut off").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_behind_a_black_hole_is_reported_and_recovers() {
    survives(setup, Database::postgres().await, "stalled").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mariadb_behind_a_black_hole_is_reported_and_recovers() {
    survives(short_timeout_setup, Database::mariadb().await, "stalled").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_postgres_is_reported_and_recovers() {
    survives(short_timeout_setup, Database::postgres().await, "paused").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_down_at_the_start_is_reported() {
    let database = Database::postgres().await;
    let proxy = Proxy::to(database.address()).await;
    proxy.set(ProxyMode::Refuse).await;
    let reported = setup(&proxy.url(&database.url())).fails_to_start();
    assert!(
        reported.contains(&proxy.address().to_string()),
        "{reported}"
    );
}

async fn is_only_slow(database: Database) {
    let proxy = Proxy::to(database.address()).await;
    is_only_slow_behind(&proxy, &proxy.url(&database.url())).await;
}

pub async fn is_only_slow_behind(proxy: &Proxy, url: &str) {
    let server = setup(url).start();
    let client = Client::of(&server);
    let delay = Duration::from_millis(40);
    proxy.set(ProxyMode::Slow(delay)).await;
    std::thread::scope(|scope| {
        for number in 0..6 {
            scope.spawn(move || {
                let name = format!("slow-{number}");
                let started = Instant::now();
                client.sign_up(&name).done();
                assert!(started.elapsed() > delay * 2);
                let token = client.sign_in(&name, PASSWORD).unwrap();
                client.check(&token).done();
                client.change_password(&token).done();
                client.sign_out(&token).done();
            });
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_postgres_causes_no_failures() {
    is_only_slow(Database::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_mariadb_causes_no_failures() {
    is_only_slow(Database::mariadb().await).await;
}
