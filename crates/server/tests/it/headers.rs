//! What an answer wears, and what a request's own headers cannot do. Every answer of every test is
//! looked at (`support::Answer::assert_sound`); here is what that does not see.

use doorward_web::routes::TABLE;
use serde_json::json;

use crate::support::{PASSWORD, PUBLIC_URL, TestApp, path_in};

/// H-06, H-11: every route, as nobody and as an admin; `send` looks at the headers.
#[tokio::test]
async fn every_route_wears_the_headers_and_is_not_kept() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    for route in TABLE {
        let path = route
            .path
            .replace("{user}", "root")
            .replace("{code}", "forbidden")
            .replace(['{', '}'], "");
        for html in [false, true] {
            for client in [app.anon(), app.anon().with_token(admin.token())] {
                let draft = client.request(route.method.as_str(), &path);
                let draft = if html { draft.html() } else { draft };
                let answer = draft.send().await;
                let is_public = matches!(path.as_str(), "/.well-known/jwks.json" | "/openapi.json")
                    && answer.status == 200;
                assert_eq!(
                    answer.header("cache-control") == Some("no-store"),
                    !is_public,
                    "{path}"
                );
                assert!(!answer.headers.contains_key("access-control-allow-origin"));
            }
            app.advance_seconds(3600);
        }
        if path == "/auth/end" || route.method == "DELETE" {
            return;
        }
    }
}

/// H-09.
#[tokio::test]
async fn no_other_origin_is_let_in() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let draft = ben
        .request("GET", "/user/me")
        .header("origin", "https://evil.example");
    let answer = draft.send().await.expect(200);
    assert!(
        answer
            .headers
            .keys()
            .all(|name| !name.as_str().starts_with("access-control"))
    );
    let draft = ben
        .request("OPTIONS", "/user/me")
        .header("origin", "https://evil.example")
        .header("access-control-request-method", "PUT");
    let preflight = draft.send().await.expect_problem(405, "method-not-allowed");
    assert!(
        preflight
            .headers
            .keys()
            .all(|name| !name.as_str().starts_with("access-control"))
    );
}

/// T-HOST: links and locations begin with the public URL, whatever a request calls us.
#[tokio::test]
async fn a_request_cannot_tell_us_where_we_live() {
    let app = TestApp::new().await;
    let forged = [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-port", "666"),
        ("x-forwarded-prefix", "/evil"),
        ("forwarded", "host=evil.example;proto=http"),
        ("x-original-url", "/evil"),
        ("x-rewrite-url", "/evil"),
        ("origin", "https://evil.example"),
        ("referer", "https://evil.example/"),
    ];
    let anon = app.anon();
    let mut draft = anon.request("POST", "https://evil.example/user");
    for (name, value) in forged {
        draft = draft.header(name, value);
    }
    let body = json!({"username": "ben", "email": "ben@example.com", "password": PASSWORD});
    let answer = draft.json(&body).send().await.expect(201);
    assert!(answer.header("location").unwrap().starts_with(PUBLIC_URL));
    let link = path_in(&app.one_mail().await);
    let mut draft = anon.request("POST", &link);
    for (name, value) in forged {
        draft = draft.header(name, value);
    }
    assert!(!draft.send().await.expect(200).text().contains("evil"));
}

/// L-03: what a client calls itself is cleaned and cut before it is kept.
#[tokio::test]
async fn hostile_fields_break_nothing() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let long = vec![b'x'; 8_000];
    for (name, value) in [
        ("user-agent", &b"\xff\xfe\x80"[..]),
        ("user-agent", "<script>🦀</script>\t\u{9b}31m".as_bytes()),
        ("user-agent", &long),
        ("accept", b"\xff"),
        ("accept", &long),
        ("accept", b"text/html;q=NaN, application/json;q=inf"),
        ("accept", b"text/html;q=9e99,,;;=,"),
        ("accept-language", b"\xff, de;q=x"),
        ("accept-language", &long),
        ("cookie", b"\xff"),
        ("cookie", b"=; ;; a; =b; __Host-doorward"),
        ("cookie", &long),
        ("if-match", b"\xff"),
        ("x-request-id", b"forged"),
        ("content-length", b"-1"),
        ("content-encoding", b"gzip"),
        ("expect", b"nonsense"),
        ("range", b"bytes=0-1"),
        ("te", b"trailers"),
    ] {
        for (method, path) in [
            ("GET", "/user/me"),
            ("GET", "/"),
            ("PATCH", "/user/me"),
            ("DELETE", "/user/nobody"),
        ] {
            let draft = ben.request(method, path).header_bytes(name, value);
            let draft = if method == "PATCH" {
                draft.json(&json!({}))
            } else {
                draft
            };
            let answer = draft.send().await;
            assert!(answer.status < 500);
            assert_ne!(answer.header("x-request-id"), Some("forged"));
        }
    }
}

#[tokio::test]
async fn no_two_requests_share_an_id() {
    let app = TestApp::new().await;
    let mut ids = std::collections::BTreeSet::new();
    for _ in 0..20 {
        ids.insert(
            app.anon()
                .get("/healthz")
                .await
                .header("x-request-id")
                .unwrap()
                .to_owned(),
        );
    }
    assert_eq!(ids.len(), 20);
}

/// A request whose address nobody knows is throttled by account alone, never in one shared bucket
/// and an `http` server promises no TLS.
#[tokio::test]
async fn without_tls_none_is_promised() {
    let document = doorward_web::openapi_document("http://localhost:8000");
    assert_eq!(document["servers"][0]["url"], "http://{host}");
}
