//! The inbox, the API reference, and the files that pages load.

use std::net::Ipv4Addr;
use std::sync::Arc;

use async_trait::async_trait;
use doorward_web::{InboxEntry, InboxSource};

use super::Page;
use super::escaping::HOSTILE;
use crate::support::TestApp;

struct FakeInbox(Vec<InboxEntry>);

#[async_trait]
impl InboxSource for FakeInbox {
    fn list(&self) -> Vec<InboxEntry> {
        self.0.clone()
    }

    async fn newer_than(&self, _: u64) -> Option<u64> {
        None
    }
}

#[tokio::test]
async fn the_inbox_and_the_documents_have_pages() {
    let mail = |id: u64| InboxEntry {
        id,
        to: "ben@example.com".to_owned(),
        subject: HOSTILE[0].to_owned(),
        text: HOSTILE[1].to_owned(),
        url: "https://accounts.example/confirmation/x".to_owned(),
        at: "2026-11-21T08:00:00Z".to_owned(),
    };
    let inbox = Arc::new(FakeInbox(vec![mail(2), mail(1)]));
    let app = TestApp::with(|options| options.inbox = Some(inbox)).await;
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
