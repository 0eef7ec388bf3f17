//! Header fields of responses, and effects of request fields. `support::TestResponse::assert_invariants` checks every
//! response of every test; these tests cover the rest.

use std::collections::BTreeSet;

use doorward_domain::values::Role;
use doorward_web::routes::table;
use serde_json::json;

use crate::support::{JSON, PASSWORD, PUBLIC_URL, TestApp, path_in};

/// H-06, H-11: every route, anonymous and as an admin; `send` checks the header fields.
#[tokio::test]
async fn every_route_has_the_default_headers_and_is_not_cached() {
    let app = TestApp::new().await;
    app.create("root", Role::Admin).await;
    let mut statuses = BTreeSet::new();
    for route in table() {
        let path = route
            .path
            .replace("{user}", "root")
            .replace("{code}", "forbidden")
            .replace(['{', '}'], "");
        for html in [false, true] {
            // Some rows end the session, and all of them take longer than its lifetime.
            let admin = app.sign_in("root").await;
            for client in [app.anonymous(), app.anonymous().with_token(admin.token())] {
                let draft = client.request(route.method.as_str(), &path);
                let draft = if html { draft.html() } else { draft };
                let answer = draft.send().await;
                let is_public = matches!(
                    path.as_str(),
                    "/.well-known/jwks.json" | "/openapi.json" | "/robots.txt" | "/favicon.ico"
                ) && answer.status == 200;
                assert_eq!(
                    answer.header("cache-control") == Some("no-store"),
                    !is_public,
                    "{path}"
                );
                assert!(!answer.headers.contains_key("access-control-allow-origin"));
                statuses.insert(answer.status);
            }
            app.advance_seconds(3600);
        }
    }
    // Successes are among them, and all kinds of errors.
    for status in [200, 204, 303, 401, 404, 415] {
        assert!(statuses.contains(&status), "{statuses:?}");
    }
    app.allow_unread_mail();
}

/// H-09.
#[tokio::test]
async fn other_origins_are_not_allowed() {
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

/// T-HOST: links and locations start with the public URL, regardless of the request's host.
#[tokio::test]
async fn a_request_cannot_change_the_public_url() {
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
        ("referer", "https://evil.example/"),
    ];
    let anonymous = app.anonymous();
    let mut draft = anonymous.request("POST", "https://evil.example/user");
    for (name, value) in forged {
        draft = draft.header(name, value);
    }
    let body = json!({"username": "ben", "email": "ben@example.com", "password": PASSWORD});
    let answer = draft.json(&body).send().await.expect(201);
    assert!(answer.header("location").unwrap().starts_with(PUBLIC_URL));
    let mail = app.one_mail().await;
    assert!(mail.url.starts_with(&format!("{PUBLIC_URL}/confirmation/")));
    let link = path_in(&mail);
    let mut draft = anonymous.request("POST", &link);
    for (name, value) in forged {
        draft = draft.header(name, value);
    }
    assert!(!draft.send().await.expect(200).text().contains("evil"));
}

/// T-HOST, W-05: a page redirects with 303 to a path, regardless of the host in the request. `/auth/check`
/// redirects to the public URL, since a proxy passes its response on to browsers at other hosts.
#[tokio::test]
async fn a_redirect_never_names_the_host_of_a_request() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let anonymous = app.anonymous();
    let form = "username=ben&password=plum+cake+on+sundays";
    for (client, method, path, form, expected) in [
        (
            &anonymous,
            "GET",
            "/.well-known/change-password",
            None,
            "/account/password",
        ),
        (&ben, "GET", "/sign-in?return_to=/x", None, "/x"),
        (
            &anonymous,
            "GET",
            "/auth?return_to=//evil.example",
            None,
            "/sign-in?return_to=//evil.example",
        ),
        (
            &anonymous,
            "GET",
            "/auth/check",
            None,
            "https://accounts.example/sign-in?return_to=%2Fx",
        ),
        (&anonymous, "POST", "/auth", Some(form), "/account"),
        (
            &ben,
            "POST",
            "/auth/sign-out",
            Some(""),
            "/sign-in?signed-out",
        ),
    ] {
        for host in ["127.0.0.1:8000", "evil.example"] {
            let mut draft = client
                .request(method, path)
                .header("host", host)
                .header("x-forwarded-host", host)
                .header("x-forwarded-proto", "http")
                .header("forwarded", "host=evil.example;proto=http")
                .header("x-forwarded-method", "GET")
                .header("x-forwarded-uri", "/x");
            draft = match form {
                Some(form) => draft.on_our_page().form(form),
                None => draft.html(),
            };
            let answer = draft.send().await.expect(303);
            assert_eq!(answer.header("location"), Some(expected), "{path}");
        }
    }
}

/// T-HOST, H-13: two hosts are rejected, in any combination of places.
#[tokio::test]
async fn a_request_has_one_host() {
    let app = TestApp::new().await;
    let anonymous = app.anonymous();
    for (path, hosts) in [
        ("/", &["accounts.example", "accounts.example"][..]),
        ("/", &["accounts.example", "evil.example"]),
        (
            "https://evil.example/",
            &["accounts.example", "evil.example"],
        ),
    ] {
        let mut draft = anonymous.request("GET", path);
        for host in hosts {
            draft = draft.header("host", host);
        }
        draft.send().await.expect_problem(400, "malformed-request");
    }
}

/// H-06: no cache stores a response with a token, however old, nor an error; and of files only those with a
/// content hash in their name.
#[tokio::test]
async fn responses_with_a_token_are_not_cached() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let sign_in = json!({"username": "ben", "password": PASSWORD});
    for (path, body) in [
        ("/auth", sign_in),
        ("/auth/token", json!({"audience": "https://api.example"})),
        ("/auth/renewal", json!({})),
    ] {
        let answer = ben.post(path, body).await;
        assert!(
            answer.status < 300 && answer.json()["token"].is_string(),
            "{path}"
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(answer.header("pragma"), Some("no-cache"), "{path}");
    }
    let page = app
        .anonymous()
        .request("GET", "/sign-in")
        .html()
        .send()
        .await
        .text();
    let files: Vec<_> = page
        .split('"')
        .filter(|text| text.starts_with("/assets/"))
        .collect();
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        let kept = app.anonymous().get(file).await.expect(200);
        assert_eq!(
            kept.header("cache-control"),
            Some("public, max-age=31536000, immutable")
        );
        let (stem, rest) = file.split_once('-').unwrap();
        let (hash, extension) = rest.split_once('.').unwrap();
        assert_eq!(hash.len(), 12, "{file}");
        for other in [
            format!("{stem}.{extension}"),
            format!("{stem}-AAAAAAAAAAAA.{extension}"),
        ] {
            let none = app
                .anonymous()
                .get(&other)
                .await
                .expect_problem(404, "not-found");
            assert_eq!(none.header("cache-control"), Some("no-store"), "{other}");
        }
    }
}

/// H-11, W-06: every kind of error and request; `send` checks the header fields of each.
#[tokio::test]
async fn every_kind_of_response_has_the_default_headers() {
    let app = TestApp::new().await;
    let anonymous = app.anonymous();
    let large = "x".repeat(70_000);
    for html in [false, true] {
        for (method, path, kind, body, status) in [
            ("GET", "/nothing", JSON, "", 404),
            ("GET", "/%ff", JSON, "", 404),
            ("DELETE", "/healthz", JSON, "", 405),
            ("OPTIONS", "/user/me", JSON, "", 405),
            ("OPTIONS", "*", JSON, "", 404),
            ("TRACE", "/", JSON, "", 405),
            ("BREW", "/", JSON, "", 405),
            ("POST", "/auth", JSON, large.as_str(), 413),
            ("POST", "/auth", JSON, "[", 400),
            ("POST", "/auth", JSON, "{}", 422),
            ("GET", "/user/me", JSON, "", 401),
            ("POST", "/auth", "text/plain", "x", 415),
            ("GET", "/openapi.json", JSON, "", 200),
            ("GET", "/docs", JSON, "", 200),
            ("GET", "/problems/forbidden", JSON, "", 200),
        ] {
            let mut draft = anonymous
                .request(method, path)
                .header("sec-fetch-site", "same-origin");
            if html {
                draft = draft.html();
            }
            if method == "POST" {
                draft = draft.body(kind, body.to_owned());
            }
            let answer = draft.send().await;
            assert_eq!(answer.status, status, "{method} {path}");
        }
        for path in ["/", "/healthz", "/nothing", "/docs"] {
            let draft = anonymous.request("HEAD", path);
            let draft = if html { draft.html() } else { draft };
            let head = draft.send().await;
            assert!(head.body.is_empty());
            let policy = head.header("content-security-policy").unwrap();
            assert!(policy.starts_with("default-src 'none'"), "{policy}");
            assert!(head.header("permissions-policy").is_some());
            assert!(head.header("server").is_none());
        }
    }
}

/// W-01: the exact policies of `docs/SECURITY-MODEL.md`.
#[tokio::test]
async fn pages_and_api_responses_have_their_content_security_policies() {
    let app = TestApp::with(|options| {
        options.options.return_origins = "https://app.example".parse().unwrap();
    })
    .await;
    let usual = TestApp::new().await;
    for (app, places) in [
        (&usual, "https://accounts.example"),
        (&app, "https://accounts.example https://app.example"),
    ] {
        let anonymous = app.anonymous();
        let page = anonymous.request("GET", "/sign-in").html().send().await;
        let policy = format!(
            "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self' {places}; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
        );
        assert_eq!(
            page.header("content-security-policy"),
            Some(policy.as_str())
        );
        let answer = app.anonymous().get("/").await;
        assert_eq!(
            answer.header("content-security-policy"),
            Some("default-src 'none'; frame-ancestors 'none'")
        );
    }
}

/// L-03: a client's user agent is cleaned and truncated before it is stored.
#[tokio::test]
async fn hostile_header_fields_cause_no_error() {
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
    let mut ids = BTreeSet::new();
    for _ in 0..20 {
        ids.insert(
            app.anonymous()
                .get("/healthz")
                .await
                .header("x-request-id")
                .unwrap()
                .to_owned(),
        );
    }
    assert_eq!(ids.len(), 20);
}

/// The document of an `http` server does not promise TLS.
#[tokio::test]
async fn the_openapi_document_of_an_http_server_has_an_http_url() {
    let document = doorward_web::openapi_document("http://localhost:8000");
    assert_eq!(document["servers"][0]["url"], "http://{host}");
}
