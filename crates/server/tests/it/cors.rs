//! Scripts of other origins (H-09): none by default, and only the listed ones.

use doorward_web::WebOptions;
use serde_json::json;

use crate::support::{Client, PASSWORD, TestApp, TestResponse};

const APP: &str = "https://app.example";
const LISTED: &str = "https://app.example, https://app.example:8443, http://localhost:5173";
/// Values that resemble a listed origin.
const LOOK_ALIKES: [&str; 22] = [
    "null",
    "*",
    "",
    "http://app.example",
    "https://APP.example",
    "HTTPS://app.example",
    "https://app.example/",
    "https://app.example:443",
    "https://app.example:8444",
    "https://app.example:84430",
    "https://app.example.",
    "https://app.example.evil.example",
    "https://evil-app.example",
    "https://evilapp.example",
    "https://evil.app.example",
    "https://app.examples",
    "https://app.exampl",
    "https://app.example@evil.example",
    "https://app.example https://evil.example",
    "https://app.example, https://evil.example",
    "http://localhost:51730",
    "http://127.0.0.1:5173",
];

async fn app() -> TestApp {
    TestApp::with(|options| {
        options.options = WebOptions {
            cors_origins: LISTED.parse().unwrap(),
            ..WebOptions::default()
        };
    })
    .await
}

async fn preflight(client: &Client, path: &str, origin: &str, method: &str) -> TestResponse {
    client
        .request("OPTIONS", path)
        .header("origin", origin)
        .header("access-control-request-method", method)
        .header(
            "access-control-request-headers",
            "authorization,content-type",
        )
        .send()
        .await
}

/// Asserts that no other origin may read the response or send more.
#[track_caller]
fn assert_closed(answer: &TestResponse) {
    let fields = answer.headers.keys();
    let open: Vec<_> = fields
        .filter(|name| name.as_str().starts_with("access-control-"))
        .collect();
    assert!(open.is_empty(), "{open:?}");
}

/// H-09: a listed origin can read all responses, errors included, and the header fields that a client needs.
#[tokio::test]
async fn a_listed_origin_can_read_every_response() {
    let app = app().await;
    let ben = app.user("ben").await;
    for origin in LISTED.split(", ") {
        for (method, path, status) in [
            ("GET", "/user/me", 200),
            ("GET", "/user/nobody", 403),
            ("GET", "/nothing", 404),
            ("POST", "/user/me", 405),
            ("POST", "/auth", 415),
            ("GET", "/healthz", 200),
        ] {
            let draft = ben.request(method, path).header("origin", origin);
            let answer = draft.send().await.expect(status);
            assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
            assert_eq!(answer.header("vary"), Some("Origin"));
            let shown = answer.header("access-control-expose-headers").unwrap();
            for name in [
                "ETag",
                "Link",
                "Location",
                "RateLimit",
                "Retry-After",
                "X-Request-Id",
            ] {
                assert!(shown.split(", ").any(|field| field == name), "{name}");
            }
            assert_eq!(answer.header("access-control-allow-credentials"), None);
        }
    }
    let body = json!({"username": "zoe", "password": PASSWORD});
    let anonymous = app.anonymous();
    let draft = anonymous.request("POST", "/user").header("origin", APP);
    draft.json(&body).send().await.expect(201);
}

/// H-09: origins are compared exactly.
#[tokio::test]
async fn origins_similar_to_a_listed_one_are_rejected() {
    let app = app().await;
    let ben = app.user("ben").await;
    for origin in LOOK_ALIKES {
        let draft = ben.request("GET", "/user/me").header("origin", origin);
        let answer = draft.send().await.expect(200);
        assert_closed(&answer);
        assert_eq!(answer.header("vary"), Some("Origin"), "{origin}");
        let asked = preflight(&ben, "/user/me", origin, "PATCH").await;
        assert_closed(&asked.expect_problem(405, "method-not-allowed"));
    }
    let twice = ben
        .request("GET", "/user/me")
        .header("origin", APP)
        .header("origin", APP);
    assert_closed(&twice.send().await);
    let none = ben.get("/user/me").await.expect(200);
    assert_closed(&none);
    assert_eq!(none.header("vary"), Some("Origin"));
}

/// H-09, H-03: `OPTIONS` returns the methods of the table, to a listed origin.
#[tokio::test]
async fn a_preflight_is_answered_by_the_route_table() {
    let app = app().await;
    let anonymous = app.anonymous();
    for (path, method, methods) in [
        ("/user/me", "PATCH", "GET, PUT, PATCH, DELETE"),
        ("/auth", "DELETE", "POST, GET, DELETE"),
        ("/password", "PUT", "PUT"),
    ] {
        let answer = preflight(&anonymous, path, APP, method).await.expect(204);
        let field = |name: &str| answer.header(&format!("access-control-{name}"));
        assert_eq!(field("allow-origin"), Some(APP));
        assert_eq!(field("allow-methods"), Some(methods), "{path}");
        assert_eq!(
            field("allow-headers"),
            Some("Authorization, Content-Type, If-Match")
        );
        assert_eq!(field("max-age"), Some("600"));
        assert_eq!(field("allow-credentials"), None);
        assert_eq!(answer.header("vary"), Some("Origin"));
        assert!(answer.body.is_empty());
    }
    // Pages are not open to other origins, and unknown paths are not listed.
    for (path, method) in [
        ("/password", "POST"),
        ("/auth/sign-out", "POST"),
        ("/docs", "GET"),
        ("/user/me", "POST"),
        ("/user/me", "patch"),
        ("/user/me", "TRACE"),
        ("/user/me", ""),
    ] {
        let answer = preflight(&anonymous, path, APP, method).await;
        assert_eq!(answer.status, 405, "{path} {method}");
        assert_eq!(answer.header("access-control-allow-methods"), None);
    }
    preflight(&anonymous, "/nothing", APP, "GET")
        .await
        .expect(404);
    let bare = anonymous
        .request("OPTIONS", "/user/me")
        .header("origin", APP);
    bare.send().await.expect(405);
}

/// H-09, H-10: the cookie works for no other origin, listed or not.
#[tokio::test]
async fn the_cookie_does_not_work_from_other_origins() {
    let app = app().await;
    let ben = app.user("ben").await;
    for site in [Some("cross-site"), Some("same-site"), None] {
        for (method, path) in [
            ("PATCH", "/user/me"),
            ("DELETE", "/auth"),
            ("POST", "/auth/renewal"),
        ] {
            let mut draft = ben
                .request(method, path)
                .cookie(ben.token())
                .header("origin", APP);
            if let Some(site) = site {
                draft = draft.header("sec-fetch-site", site);
            }
            let answer = draft.json(&json!({})).send().await;
            answer.expect_problem(403, "cross-site-request");
        }
        let look = ben
            .request("GET", "/user/me")
            .cookie(ben.token())
            .header("origin", APP);
        // Without this field a browser hides the response from scripts.
        let answer = look.send().await.expect(200);
        assert_eq!(answer.header("access-control-allow-credentials"), None);
    }
    ben.get("/user/me").await.expect(200);
}
