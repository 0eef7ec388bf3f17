//! The inbox, the API reference, and the files that pages load.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use doorward_web::{InboxEntry, InboxSource};

use super::Page;
use super::escaping::HOSTILE;
use crate::support::TestApp;

struct FakeInbox(Mutex<Vec<InboxEntry>>);

#[async_trait]
impl InboxSource for FakeInbox {
    fn list(&self) -> Vec<InboxEntry> {
        self.0.lock().unwrap().clone()
    }

    fn clear(&self) {
        self.0.lock().unwrap().clear();
    }

    async fn newer_than(&self, _: u64) -> Option<u64> {
        None
    }
}

fn mail(id: u64) -> InboxEntry {
    InboxEntry {
        id,
        to: "ben@example.com".to_owned(),
        subject: HOSTILE[0].to_owned(),
        text: HOSTILE[1].to_owned(),
        html: format!("<!doctype html>\n<html><head></head><b>{}</b>", HOSTILE[0]),
        url: "https://accounts.example/confirmation/x".to_owned(),
        at: "2026-11-21T08:00:00Z".to_owned(),
    }
}

/// An application with an inbox that has two mails.
async fn with_inbox() -> TestApp {
    let inbox = Arc::new(FakeInbox(Mutex::new(vec![mail(2), mail(1)])));
    TestApp::with(|options| options.inbox = Some(inbox)).await
}

#[tokio::test]
async fn a_mail_of_the_inbox_is_shown_as_html_and_as_text() {
    let app = with_inbox().await;
    let anonymous = app.at(Ipv4Addr::LOCALHOST.into());
    Page::get(&anonymous, "/inbox/2?text", "en").await.shows(&[
        "ben@example.com",
        "&lt;img src=x",
        "href=\"/inbox/2\"",
        "href=\"https://accounts.example/confirmation/x\"",
    ]);
    let page = anonymous.request("GET", "/inbox/2").html().send().await;
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.ends_with("; frame-src 'self'"), "{policy}");
    let html = page.expect(200).text();
    assert!(
        html.contains("<iframe class=\"mail\" src=\"/inbox/2/html\""),
        "{html}"
    );
    assert!(
        html.contains("sandbox=\"allow-same-origin allow-top-navigation"),
        "{html}"
    );
    let frame = anonymous
        .request("GET", "/inbox/2/html")
        .html()
        .send()
        .await;
    let policy = frame.header("content-security-policy").unwrap();
    assert!(
        policy.contains("sandbox") && !policy.contains("allow-scripts"),
        "{policy}"
    );
    let html = frame.expect(200).text();
    assert!(
        html.contains("<head><base target=\"_top\"></head>"),
        "{html}"
    );
    for path in ["/inbox/3", "/inbox/x", "/inbox/3/html"] {
        anonymous.get(path).await.expect_problem(404, "not-found");
    }
    // Other clients see no mail.
    for path in ["/inbox", "/inbox/2", "/inbox/2/html"] {
        app.anonymous()
            .get(path)
            .await
            .expect_problem(404, "not-found");
    }
}

#[tokio::test]
async fn the_inbox_can_be_cleared_and_is_then_empty() {
    let app = with_inbox().await;
    let anonymous = app.at(Ipv4Addr::LOCALHOST.into());
    let page = Page::get(&anonymous, "/inbox", "en").await;
    let places: Vec<_> = ["/inbox/2", "/inbox/1"]
        .map(|path| page.0.find(&format!("href=\"{path}\"")).unwrap())
        .into();
    assert!(places.is_sorted(), "{}", page.0);
    app.anonymous()
        .request("POST", "/inbox/clear")
        .on_our_page()
        .form("")
        .send()
        .await
        .expect(404);
    let clear = anonymous.request("POST", "/inbox/clear");
    let cleared = clear.on_our_page().form("").send().await;
    assert_eq!(cleared.expect(303).header("location"), Some("/inbox"));
    Page::get(&anonymous, "/inbox", "en")
        .await
        .shows(&["No mail yet.", "href=\"/sign-up\""]);
}

#[tokio::test]
async fn the_inbox_and_the_documents_have_pages() {
    let app = with_inbox().await;
    let anonymous = app.at(Ipv4Addr::LOCALHOST.into());
    Page::get(&anonymous, "/inbox", "en").await.shows(&[
        "ben@example.com",
        "&lt;script&gt;",
        "href=\"https:",
    ]);
    // DNS rebinding: a page of another site whose name resolves to this address.
    for (host, status) in [
        ("localhost:8000", 200),
        ("127.0.0.1", 200),
        ("[::1]:8000", 200),
        ("evil.example", 404),
        ("localhost.evil.example:8000", 404),
    ] {
        let asked = anonymous
            .request("GET", "/inbox")
            .html()
            .header("host", host);
        asked.send().await.expect(status);
    }
    Page::get(&app.anonymous(), "/sign-in", "en")
        .await
        .shows(&["href=\"/inbox\""]);
    for path in ["/docs", "/problems", "/problems/forbidden"] {
        Page::get(&app.anonymous(), path, "en").await;
    }
    for (path, expected) in [("/docs/", "/docs"), ("/problems//", "/problems")] {
        let moved = app.anonymous().request("GET", path).html().send().await;
        assert_eq!(moved.expect(308).header("location"), Some(expected));
    }
    for (method, path) in [
        ("POST", "/docs/"),
        ("GET", "/nothing/"),
        ("GET", "//evil.example/"),
    ] {
        app.anonymous()
            .request(method, path)
            .send()
            .await
            .expect_problem(404, "not-found");
    }
}

#[tokio::test]
async fn search_engines_and_browsers_find_their_files_by_name() {
    let app = TestApp::new().await;
    let robots = app.anonymous().get("/robots.txt").await.expect(200);
    assert_eq!(robots.text(), "User-agent: *\nDisallow: /\n");
    let icon = app.anonymous().get("/favicon.ico").await.expect(200);
    assert_eq!(icon.header("content-type"), Some("image/x-icon"));
    // One image of 32 by 32 pixels, which is a PNG.
    assert_eq!(icon.body[..8], [0, 0, 1, 0, 1, 0, 32, 32]);
    assert_eq!(icon.body[22..26], *b"\x89PNG");
}

#[tokio::test]
async fn programs_get_json_and_browsers_get_pages() {
    let app = TestApp::new().await;
    for (accept, is_page) in [
        ("*/*", false),
        ("application/json, text/html;q=0.5", false),
        ("text/html", true),
        ("text/html;q=0, */*", false),
        ("TEXT/HTML", true),
    ] {
        let client = app.anonymous();
        let answer = client.request("GET", "/").header("accept", accept);
        let answer = answer.send().await;
        let expected = if is_page { 303 } else { 200 };
        assert_eq!(answer.status, expected, "{accept}");
    }
}
