//! `GET /inbox.json`: the mails of the local inbox, for the tests of other projects.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use doorward_domain::values::Digest;
use doorward_web::{InboxEntry, InboxSource};
use serde_json::{Value, json};

use tokio::time::Instant;

use crate::support::{Client, TestApp, TestResponse};

/// Mails to these addresses, the last one newest.
struct FakeInbox(Vec<&'static str>);

#[async_trait]
impl InboxSource for FakeInbox {
    fn list(&self) -> Vec<InboxEntry> {
        let mail = |(id, to): (u64, &&str)| InboxEntry {
            id,
            to: (*to).to_owned(),
            subject: "Confirm".to_owned(),
            text: "Open the link".to_owned(),
            html: String::new(),
            url: format!("https://accounts.example/confirmation/{id}"),
            at: "2026-11-21T08:00:00Z".to_owned(),
        };
        let mut mails: Vec<_> = (1..).zip(&self.0).map(mail).collect();
        mails.reverse();
        mails
    }

    fn clear(&self) {}

    /// No mail arrives.
    async fn newer_than(&self, _: u64) -> Option<u64> {
        std::future::pending().await
    }
}

async fn app() -> TestApp {
    let recipients = vec!["ben@example.com", "eve+1@example.com", "ben@example.com"];
    TestApp::with(|options| options.inbox = Some(Arc::new(FakeInbox(recipients)))).await
}

/// A client at that address.
fn at(app: &TestApp, address: &str) -> Client {
    app.at(address.parse().unwrap())
}

fn here(app: &TestApp) -> Client {
    at(app, "127.0.0.1")
}

fn ids(answer: &TestResponse) -> Vec<u64> {
    let body = answer.json();
    let items = body["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["id"].as_u64().unwrap())
        .collect()
}

#[tokio::test]
async fn mails_are_listed_newest_first_and_filtered_by_address_and_time() {
    let app = app().await;
    let anonymous = here(&app);
    for (path, expected) in [
        ("/inbox.json", vec![3, 2, 1]),
        ("/inbox.json?to=BEN@EXAMPLE.COM", vec![3, 1]),
        ("/inbox.json?to=ben%40example.com&after=1", vec![3]),
        ("/inbox.json?to=nobody@example.com", vec![]),
        ("/inbox.json?after=3&wait=0", vec![]),
        // There is one already, so the request does not wait.
        ("/inbox.json?to=eve%2B1@example.com&wait=10", vec![2]),
        // As users type it: in a query a plus means a space, which no address contains.
        ("/inbox.json?to=eve+1@example.com", vec![2]),
    ] {
        let answer = anonymous.get(path).await.expect(200);
        assert_eq!(ids(&answer), expected, "{path}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let body: Value = anonymous
        .get("/inbox.json?after=2")
        .await
        .expect(200)
        .json();
    let expected = json!({"items": [{
        "id": 3, "to": "ben@example.com", "subject": "Confirm", "text": "Open the link",
        "url": "https://accounts.example/confirmation/3", "at": "2026-11-21T08:00:00Z",
    }]});
    assert_eq!(body, expected);
}

#[tokio::test]
async fn invalid_parameters_are_reported_by_field() {
    let app = app().await;
    let anonymous = here(&app);
    for (query, field, code) in [
        ("to=nobody", "to", "invalid"),
        // A variable without a value would return all mails.
        ("to=", "to", "invalid"),
        ("after=-1", "after", "out-of-range"),
        ("after=x", "after", "out-of-range"),
        ("wait=11", "wait", "out-of-range"),
        ("wait=%2B1", "wait", "out-of-range"),
        ("form=ben@example.com", "form", "unknown"),
    ] {
        let answer = anonymous.get(&format!("/inbox.json?{query}")).await;
        let problem = answer.expect_problem(422, "validation-failed").json();
        assert_eq!(problem["errors"][0]["field"], field, "{query}");
        assert_eq!(problem["errors"][0]["code"], code, "{query}");
    }
    let twice = anonymous.get("/inbox.json?wait=1&wait=2").await;
    twice.expect_problem(400, "malformed-request");
}

/// DNS rebinding, a proxy in front, or no inbox.
#[tokio::test]
async fn the_inbox_requires_a_loopback_host_name() {
    let app = app().await;
    for (host, status) in [
        ("localhost:8000", 200),
        ("127.0.0.1", 200),
        ("[::1]:8000", 200),
        ("evil.example", 404),
        ("localhost.evil.example:8000", 404),
        ("", 404),
        ("b\u{fc}ro", 404),
    ] {
        for path in ["/inbox.json", "/inbox.json?wait=nonsense"] {
            let anonymous = here(&app);
            // The test client sends no field if the value is empty.
            let asked = anonymous.request("GET", path).header("host", host);
            let expected = if status == 200 && path.contains('?') {
                422
            } else {
                status
            };
            asked.send().await.expect(expected);
        }
    }
    // In HTTP/2 the URI contains the host.
    let anonymous = here(&app);
    let asked = anonymous.request("GET", "https://evil.example/inbox.json");
    asked.send().await.expect_problem(404, "not-found");
    let without = TestApp::new().await;
    let answer = here(&without).get("/inbox.json").await;
    answer.expect_problem(404, "not-found");
}

/// A proxy may send this machine's name as the host for remote clients, as nginx does by default. A header of a proxy is
/// enough to deny access, since a client can write the address in it.
#[tokio::test]
async fn the_inbox_requires_a_loopback_client() {
    let app = app().await;
    for (peer, field, value, status) in [
        ("127.0.0.1", "accept", "*/*", 200),
        ("::1", "accept", "*/*", 200),
        ("::ffff:127.0.0.1", "accept", "*/*", 200),
        ("192.0.2.7", "accept", "*/*", 404),
        ("192.0.2.7", "x-forwarded-for", "127.0.0.1", 404),
        ("127.0.0.1", "x-forwarded-for", "127.0.0.1", 404),
        ("127.0.0.1", "x-forwarded-for", "::1, 127.0.0.1:4711", 404),
        ("127.0.0.1", "x-forwarded-for", "203.0.113.9", 404),
        (
            "127.0.0.1",
            "x-forwarded-for",
            "203.0.113.9, 127.0.0.1",
            404,
        ),
        ("127.0.0.1", "x-forwarded-for", "unknown", 404),
        ("127.0.0.1", "x-forwarded-for", "", 404),
        ("127.0.0.1", "x-real-ip", "203.0.113.9", 404),
        ("127.0.0.1", "x-real-ip", "127.0.0.1", 404),
        ("127.0.0.1", "cf-connecting-ip", "203.0.113.9", 404),
        ("127.0.0.1", "forwarded", "for=203.0.113.9", 404),
        ("127.0.0.1", "x-forwarded-host", "accounts.example", 404),
        ("127.0.0.1", "x-forwarded-host", "localhost", 404),
        ("127.0.0.1", "x-forwarded-proto", "https", 404),
        ("127.0.0.1", "x-forwarded-port", "", 404),
        ("127.0.0.1", "via", "1.1 Caddy", 404),
    ] {
        for path in ["/inbox.json", "/inbox"] {
            let client = at(&app, peer);
            let asked = client.request("GET", path).header(field, value);
            let answer = asked.send().await;
            assert_eq!(answer.status, status, "{path} {peer} {field}: {value}");
        }
    }
}

/// C-01: in a demo, which may listen off loopback, the key opens the inbox, and the place of the client does not count.
#[tokio::test]
async fn the_inbox_of_a_demo_requires_its_key() {
    const KEY: &str = "AAECAwQFBgcICQoLDA0ODw";
    let app = TestApp::with(|options| {
        options.inbox = Some(Arc::new(FakeInbox(vec!["ben@example.com"])));
        options.options.inbox_key = Some(Digest::of(KEY.as_bytes()));
    })
    .await;
    for peer in ["127.0.0.1", "192.0.2.7"] {
        let client = at(&app, peer);
        let open = format!("/inbox?key={KEY}");
        let opened = client.get(&open).await.expect(303);
        assert_eq!(opened.header("location"), Some("/inbox"));
        let cookie = opened.cookie("__Host-doorward-inbox").unwrap();
        assert_eq!(cookie, KEY);
        for (key, status) in [
            (KEY, 200),
            ("", 404),
            (&KEY[1..], 404),
            ("AAAAAAAAAAAAAAAAAAAAAA", 404),
        ] {
            for path in ["/inbox", "/inbox.json", "/inbox/1"] {
                let cookie = format!("__Host-doorward-inbox={key}");
                let request = client.request("GET", path).header("cookie", &cookie);
                let answer = request
                    .header("x-forwarded-for", "203.0.113.9")
                    .send()
                    .await;
                assert_eq!(answer.status, status, "{peer} {path} {key}");
            }
            let answer = client.get(&format!("/inbox?key={key}")).await;
            assert_eq!(answer.status == 303, key == KEY, "{peer} {key}");
        }
        client.get("/inbox").await.expect(404);
        client.get("/inbox.json").await.expect(404);
    }
    // Without a demo, no key opens the inbox.
    let other = self::app().await;
    let answer = at(&other, "192.0.2.7")
        .get(&format!("/inbox?key={KEY}"))
        .await;
    answer.expect_problem(404, "not-found");
}

#[tokio::test]
async fn waiting_ends_after_the_timeout() {
    let app = app().await;
    tokio::time::pause();
    let started = Instant::now();
    let answer = here(&app).get("/inbox.json?after=3&wait=10").await;
    assert_eq!(ids(&answer.expect(200)), Vec::<u64>::new());
    assert!(started.elapsed() >= Duration::from_secs(10));
}
