//! Plain HTTP requests to a server with an `https` public URL (H-12).

use serde_json::json;

use crate::support::{Client, RequestBuilder, TestApp};

const TRUSTED: &str = "10.0.0.0/8, 127.0.0.0/8, 192.0.2.0/24, 198.18.0.0/15";

async fn behind_a_proxy() -> TestApp {
    TestApp::with(|options| options.trusted_proxies = TRUSTED.parse().unwrap()).await
}

fn by_http<'c>(client: &'c Client, method: &str, path: &str) -> RequestBuilder<'c> {
    client
        .request(method, path)
        .header("x-forwarded-for", "203.0.113.7")
        .header("x-forwarded-proto", "http")
}

/// H-12: API requests are rejected and not redirected; a browser's `GET` is redirected to the public URL.
#[tokio::test]
async fn plain_http_is_rejected_for_programs_and_redirected_for_browsers() {
    let app = behind_a_proxy().await;
    let ben = app.user("ben").await;
    let anonymous = app.anonymous();
    for (method, path) in [
        ("GET", "/user/me"),
        ("PATCH", "/user/me"),
        ("DELETE", "/auth"),
        ("GET", "/"),
        ("POST", "/auth"),
    ] {
        let answer = by_http(&ben, method, path)
            .json(&json!({"name": "x"}))
            .send()
            .await;
        let refused = answer.expect_problem(403, "https-required");
        assert_eq!(
            (refused.header("location"), refused.header("set-cookie")),
            (None, None)
        );
    }
    ben.get("/auth").await.expect(200);
    for (path, place) in [
        ("/", "https://accounts.example/"),
        (
            "/auth?return_to=/x&y=z",
            "https://accounts.example/auth?return_to=/x&y=z",
        ),
        (
            "//evil.example/x",
            "https://accounts.example//evil.example/x",
        ),
        ("/nothing", "https://accounts.example/nothing"),
    ] {
        let sent = by_http(&anonymous, "GET", path)
            .html()
            .send()
            .await
            .expect(303);
        assert_eq!(sent.header("location"), Some(place));
        assert_eq!(sent.header("set-cookie"), None);
    }
    // A form has been sent in plain text already; it must not be sent again.
    let form = by_http(&anonymous, "POST", "/auth")
        .on_our_page()
        .form("username=ben");
    assert_eq!(form.send().await.status, 403);
}

/// H-12: only a trusted proxy's fields count, and probes are answered.
#[tokio::test]
async fn only_fields_of_a_trusted_proxy_count() {
    let app = behind_a_proxy().await;
    app.create("ben", doorward_domain::values::Role::User).await;
    let anonymous = app.anonymous();
    for fields in [
        &[("x-forwarded-proto", "https")][..],
        &[("forwarded", "for=203.0.113.7;proto=https")],
        &[("x-forwarded-proto", "https, http")],
        &[("x-forwarded-port", "80"), ("x-forwarded-ssl", "off")],
        &[],
    ] {
        let mut draft = anonymous
            .request("GET", "/")
            .header("x-forwarded-for", "203.0.113.7");
        for (name, value) in fields {
            draft = draft.header(name, value);
        }
        draft.send().await.expect(200);
    }
    for path in ["/healthz", "/readyz"] {
        by_http(&anonymous, "GET", path).send().await.expect(200);
    }
    // For `/auth/check` the field describes the request to the other site.
    by_http(&anonymous, "GET", "/auth/check")
        .send()
        .await
        .expect(401);
    by_http(&anonymous, "GET", "/")
        .header("forwarded", "proto=https")
        .send()
        .await
        .expect(403);
    // Without a trusted proxy any client can write these fields.
    let alone = TestApp::new().await;
    by_http(&alone.anonymous(), "GET", "/")
        .send()
        .await
        .expect(200);
}
