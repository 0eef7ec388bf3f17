//! The cookie that pages use, and the requests it is not good for.

use doorward_domain::model::Role;
use doorward_domain::ports::Clock;
use serde_json::json;

use crate::support::{Answer, OTHER_PASSWORD, PASSWORD, TestApp, form_token};

const FORM: &str = "email=ben%40example.com&password=plum+cake+on+sundays";

fn token_of(answer: &Answer) -> String {
    answer.cookie("__Host-doorward").unwrap().to_owned()
}

fn device_of(answer: &Answer) -> String {
    answer.cookie("__Host-doorward-device").unwrap().to_owned()
}

/// S-09, W-05.
#[tokio::test]
async fn a_pages_form_gets_a_cookie_and_goes_home() {
    let app = TestApp::new().await;
    app.create("ben", Role::User).await;
    let anon = app.anon();
    let answer = anon
        .request("POST", "/auth")
        .on_our_page()
        .form(FORM)
        .send()
        .await
        .expect(303);
    assert_eq!(answer.header("location"), Some("https://accounts.example/"));
    let cookie = answer.header("set-cookie").unwrap();
    assert!(
        cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=86400"),
        "{cookie}"
    );
    assert!(cookie.len() <= 4096 && !cookie.contains("Domain"));
    assert!(answer.body.is_empty());
    let token = token_of(&answer);
    let home = anon
        .request("GET", "/")
        .cookie(&token)
        .html()
        .send()
        .await
        .expect(200);
    assert!(home.text().contains("ben@example.com"));
    let out = anon
        .request("POST", "/auth/end")
        .cookie(&token)
        .on_our_page()
        .send()
        .await
        .expect(303);
    assert_eq!(out.header("location"), Some("https://accounts.example/"));
    assert!(
        out.header("set-cookie")
            .unwrap()
            .starts_with("__Host-doorward=; ")
    );
    assert_eq!(
        out.header("clear-site-data"),
        Some("\"cache\", \"cookies\", \"storage\"")
    );
    anon.request("GET", "/auth")
        .cookie(&token)
        .send()
        .await
        .expect_problem(401, "invalid-token");
    let gone = anon
        .request("GET", "/")
        .cookie(&token)
        .html()
        .send()
        .await
        .expect(200);
    assert!(!gone.text().contains("ben@example.com"));
}

/// H-10, ASVS 3.5.1: who made the request, as the browser tells it.
#[tokio::test]
async fn a_cookie_is_good_for_requests_of_our_own_pages_alone() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let ours = "https://accounts.example";
    for (site, origin, is_ours) in [
        (Some("same-origin"), None, true),
        (Some("none"), None, true),
        (Some("same-origin"), Some(ours), true),
        (Some("same-origin"), Some("null"), true),
        // One of the two is not so.
        (Some("same-origin"), Some("https://evil.example"), false),
        (Some("same-origin"), Some("http://accounts.example"), false),
        (Some("same-origin"), Some(""), false),
        (Some("same-site"), None, false),
        (Some("cross-site"), None, false),
        (Some("cross-site"), Some(ours), false),
        (Some("Same-Origin"), None, false),
        (Some(""), Some(ours), false),
        (None, Some(ours), true),
        (None, Some("https://ACCOUNTS.example"), true),
        (None, Some("http://accounts.example"), false),
        (None, Some("https://accounts.example.evil.example"), false),
        (None, Some("https://accounts.example:8443"), false),
        (None, Some("https://evil.example"), false),
        (None, Some("null"), false),
        (None, Some(""), false),
        (None, None, false),
    ] {
        let write = |method: &str, path: &str| {
            let mut draft = ben.request(method, path).cookie(ben.token());
            for (name, value) in [("sec-fetch-site", site), ("origin", origin)] {
                if let Some(value) = value {
                    draft = draft.header(name, value);
                }
            }
            draft
        };
        let answer = write("PATCH", "/user/me")
            .json(&json!({"name": "Ben"}))
            .send()
            .await;
        assert_eq!(
            answer.status,
            if is_ours { 200 } else { 403 },
            "{site:?} {origin:?}"
        );
        if !is_ours {
            answer.expect_problem(403, "cross-site-request");
            write("DELETE", "/auth")
                .send()
                .await
                .expect_problem(403, "cross-site-request");
        }
        // Looking is harmless, and a bearer token is shown by nobody but who has it.
        write("GET", "/user/me").send().await.expect(200);
        write("HEAD", "/user/me").send().await.expect(200);
    }
    ben.patch("/user/me", json!({"name": "Ben"}))
        .await
        .expect(200);
    ben.request("PATCH", "/user/me")
        .header("sec-fetch-site", "cross-site")
        .json(&json!({}))
        .send()
        .await
        .expect(200);
}

/// W-03: nobody is signed in to an account of another site's choosing.
#[tokio::test]
async fn forms_that_sign_in_or_up_come_from_our_own_pages() {
    let app = TestApp::new().await;
    app.create("ben", Role::User).await;
    let anon = app.anon();
    let sign_up = "username=eve&password=plum+cake+on+sundays";
    for (path, form) in [
        ("/auth", FORM),
        ("/user", sign_up),
        ("/recovery", "email=ben%40example.com"),
    ] {
        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            ("origin", "https://evil.example"),
            ("x-nothing", ""),
        ] {
            let answer = anon
                .request("POST", path)
                .html()
                .header(name, value)
                .form(form)
                .send()
                .await;
            assert_eq!(
                (answer.status, answer.cookie("__Host-doorward")),
                (403, None),
                "{path} {name}"
            );
        }
    }
    let answer = anon
        .post("/auth", json!({"username": "ben", "password": PASSWORD}))
        .await
        .expect(201);
    assert!(answer.cookie("__Host-doorward").is_none());
}

/// H-10, W-03: what another site's script can send without asking first is not taken either, though it
/// brings no cookie: its visitors would guess and sign up for it, each from an address of their own.
#[tokio::test]
async fn the_visitors_of_another_site_send_nothing_for_it() {
    let app = TestApp::with(|options| {
        options.choices.cors_origins = "https://app.example".parse().unwrap();
    })
    .await;
    app.create("ben", Role::User).await;
    let anon = app.anon();
    let form = "application/x-www-form-urlencoded";
    let json = r#"{"username": "ben", "password": "plum cake on sundays"}"#;
    let (site, origin) = ("sec-fetch-site", "origin");
    for (fields, kind, status) in [
        (&[(site, "cross-site")][..], form, 403),
        (&[(site, "same-site")], form, 403),
        (&[(origin, "https://evil.example")], form, 403),
        (&[(site, "cross-site"), (origin, "null")], form, 403),
        (&[(site, "cross-site")], "text/plain", 403),
        (
            &[(site, "same-origin"), (origin, "https://evil.example")],
            form,
            403,
        ),
        // What a locked frame says in a browser, or to an address, without `Sec-Fetch-Site`.
        (&[(origin, "null")], form, 403),
        (&[(origin, "null")], "text/plain", 403),
        // A script of a page that sends no referrer, of ours or one that was asked for JSON.
        (&[(site, "same-origin"), (origin, "null")], form, 201),
        (&[(origin, "null")], "application/json", 201),
        // By another name than `public_url` has; by an extension.
        (
            &[
                (site, "same-origin"),
                (origin, "http://doorward.internal:8000"),
                ("host", "doorward.internal:8000"),
            ],
            form,
            201,
        ),
        (
            &[
                (site, "same-origin"),
                (origin, "http://doorward.internal:8001"),
                ("host", "doorward.internal:8000"),
            ],
            form,
            403,
        ),
        (
            &[(site, "none"), (origin, "chrome-extension://abcdefgh")],
            form,
            201,
        ),
        // Our own pages, programs, and whoever the operator has let in.
        (&[(site, "same-origin")], form, 201),
        (&[(origin, "https://accounts.example")], form, 201),
        (&[], form, 201),
        (
            &[(site, "cross-site"), (origin, "https://app.example")],
            form,
            201,
        ),
        // For this a browser asks first, and is told no; one that did not ask is no better.
        (&[(site, "cross-site")], "application/json", 403),
    ] {
        let mut draft = anon.request("POST", "/auth");
        for (name, value) in fields {
            draft = draft.header(name, value);
        }
        let body = if kind == form { FORM } else { json };
        let answer = draft.body(kind, body).send().await;
        assert_eq!(answer.status, status, "{fields:?} {kind}");
        if status == 403 {
            answer.expect_problem(403, "cross-site-request");
        }
    }
}

/// S-02: no name that a client brings becomes a session's, and the visit of a browser opens nothing.
#[tokio::test]
async fn a_visit_is_not_promoted() {
    let app = TestApp::new().await;
    app.create("ben", Role::User).await;
    let anon = app.anon();
    let page = anon.request("GET", "/").html().send().await.expect(200);
    assert_eq!(page.cookie("__Host-doorward"), None);
    let visit = page.cookie("__Host-doorward-visit").unwrap();
    let token = form_token(&page.text());
    let form = format!("form_token={token}&{FORM}");
    let signed_in = anon
        .request("POST", "/auth")
        .html()
        .header("sec-fetch-site", "same-origin")
        .header("cookie", &format!("__Host-doorward-visit={visit}"))
        .body(crate::support::FORM, form)
        .send()
        .await
        .expect(303);
    let session = token_of(&signed_in);
    assert!(!session.contains(visit) && signed_in.cookie("__Host-doorward-visit").is_none());
    for nothing in [visit, &token] {
        for draft in [
            anon.request("GET", "/auth").cookie(nothing),
            anon.with_token(nothing).request("GET", "/auth"),
        ] {
            draft.send().await.expect_problem(401, "invalid-token");
        }
    }
    // What is known of a visit is not good for who has signed in since: the form comes back.
    let out = anon
        .request("POST", "/auth/end")
        .html()
        .header(
            "cookie",
            &format!("__Host-doorward-visit={visit}; __Host-doorward={session}"),
        )
        .body(crate::support::FORM, format!("form_token={token}"))
        .send()
        .await;
    assert_eq!(out.status, 403);
    anon.request("GET", "/auth")
        .cookie(&session)
        .send()
        .await
        .expect(200);
}

/// S-09: a cookie is gone when its session is, and fits into every browser's jar.
#[tokio::test]
async fn a_cookie_lives_no_longer_than_its_session() {
    let app = TestApp::new().await;
    app.create("ben", Role::User).await;
    let anon = app.anon();
    let signed_in = anon.sign_in_on_page("ben").await;
    let mut token = token_of(&signed_in);
    let mut left = 30 * 24 * 3600;
    let day = 24 * 3600 - 60;
    while left > day {
        app.advance_seconds(day);
        left -= day;
        let renewed = anon
            .request("POST", "/auth/renewal")
            .cookie(&token)
            .header("sec-fetch-site", "same-origin")
            .send()
            .await
            .expect(204);
        let cookies = renewed.cookies();
        let cookie = cookies
            .iter()
            .find(|cookie| cookie.starts_with("__Host-doorward="));
        let max_age: i64 = cookie
            .unwrap()
            .rsplit_once("Max-Age=")
            .unwrap()
            .1
            .parse()
            .unwrap();
        let shown = anon
            .request("GET", "/auth")
            .cookie(&token_of(&renewed))
            .send()
            .await
            .expect(200)
            .json();
        let ends: jiff::Timestamp = shown["session"]["expires_at"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        let life = ends.duration_since(app.clock.now()).as_secs();
        assert!(max_age <= life && max_age >= life - 1, "{max_age} {life}");
        assert!(max_age <= left.min(24 * 3600), "{max_age} {left}");
        token = token_of(&renewed);
    }
}

/// H-10: with the cookie the API reads JSON alone, which no form of another site can send.
#[tokio::test]
async fn with_the_cookie_a_body_is_json() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    for (kind, status) in [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("application/merge-patch+json", 200),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("text/plain", 415),
        ("text/plain; application/json", 415),
        ("", 415),
    ] {
        let answer = ben
            .request("PATCH", "/user/me")
            .cookie(ben.token())
            .header("sec-fetch-site", "same-origin")
            .body(kind, "{}")
            .send()
            .await;
        assert_eq!(answer.status, status, "{kind}");
    }
    for path in ["/auth/renewal", "/auth/token", "/user/me"] {
        let method = if path == "/user/me" { "PUT" } else { "POST" };
        ben.request(method, path)
            .cookie(ben.token())
            .header("sec-fetch-site", "same-origin")
            .form("name=x")
            .send()
            .await
            .expect_problem(415, "unsupported-media-type");
    }
    // A bearer token is shown by nobody but who has it.
    ben.request("PUT", "/user/me")
        .form("name=x")
        .send()
        .await
        .expect(200);
}

/// S-02: a cookie that somebody planted is not adopted.
#[tokio::test]
async fn a_planted_cookie_is_not_adopted() {
    let app = TestApp::new().await;
    let (eve, anon) = (app.user("eve").await, app.anon());
    app.create("ben", Role::User).await;
    let answer = anon
        .request("POST", "/auth")
        .cookie(eve.token())
        .on_our_page()
        .form(FORM)
        .send()
        .await
        .expect(303);
    let token = token_of(&answer);
    assert_ne!(token, eve.token());
    let who = anon
        .request("GET", "/auth")
        .cookie(&token)
        .send()
        .await
        .expect(200)
        .json();
    assert_eq!(who["user"]["username"], "ben");
}

/// S-02: whoever signs in anew leaves no session behind that this browser cannot sign out any more, whosever it
/// was; a sign-in that fails ends nothing.
#[tokio::test]
async fn a_sign_in_ends_the_session_whose_cookie_it_replaces() {
    let app = TestApp::new().await;
    let (eve, anon) = (app.user("eve").await, app.anon());
    app.create("ben", Role::User).await;
    let sign_in = async |shown: &str, form: &str| {
        let draft = anon.request("POST", "/auth").cookie(shown).on_our_page();
        draft.form(form).send().await
    };
    let wrong = "username=ben&password=not+the+password";
    sign_in(eve.token(), wrong).await.expect(401);
    eve.get("/user/me").await.expect(200);
    let first = token_of(&sign_in(eve.token(), FORM).await.expect(303));
    eve.get("/user/me").await.expect(401);
    let second = token_of(&sign_in(&first, FORM).await.expect(303));
    for (token, status) in [(&first, 401), (&second, 200)] {
        let draft = anon.request("GET", "/user/me").cookie(token);
        draft.send().await.expect(status);
    }
}

/// A browser that renews goes on with the new token, in the cookie and out of scripts' reach.
#[tokio::test]
async fn a_renewal_by_cookie_sets_the_cookie() {
    let app = TestApp::new().await;
    app.create("ben", Role::User).await;
    let anon = app.anon();
    let signed_in = anon.sign_in_on_page("ben").await;
    let old = token_of(&signed_in);
    let renewed = anon
        .request("POST", "/auth/renewal")
        .cookie(&old)
        .header("sec-fetch-site", "same-origin")
        .send()
        .await
        .expect(204);
    let new = token_of(&renewed);
    assert_ne!(new, old);
    assert!(renewed.body.is_empty());
    app.advance_seconds(31);
    let me = anon.request("GET", "/user/me").cookie(&new).send().await;
    me.expect(200);
}

/// S-02, A-08: a browser that changes the password goes on under a new token, also right after a renewal. A copy
/// of an older one opens nothing and is renewed into nothing from then on, and ends nothing. The browser is
/// known in the account's new epoch.
#[tokio::test]
async fn a_password_change_by_cookie_leaves_a_copied_token_behind() {
    let app = TestApp::new().await;
    app.create("ben", Role::User).await;
    let anon = app.anon();
    let signed_in = anon.sign_in_on_page("ben").await;
    let (first, device) = (token_of(&signed_in), device_of(&signed_in));
    let renewal = |token: &str| {
        let renewal = anon.request("POST", "/auth/renewal").cookie(token);
        renewal.header("sec-fetch-site", "same-origin").send()
    };
    let old = token_of(&renewal(&first).await.expect(204));
    let change = anon
        .request("PUT", "/password")
        .header(
            "cookie",
            &format!("__Host-doorward={old}; __Host-doorward-device={device}"),
        )
        .header("sec-fetch-site", "same-origin")
        .json(&json!({"current_password": PASSWORD, "new_password": OTHER_PASSWORD}));
    let changed = change.send().await.expect(204);
    let (new, device_after) = (token_of(&changed), device_of(&changed));
    assert_ne!((&new, &device_after), (&old, &device));
    for wait in [0, 31] {
        app.advance_seconds(wait);
        for copied in [&first, &old] {
            let copy = anon.request("GET", "/user/me").cookie(copied).send().await;
            copy.expect_problem(401, "invalid-token");
            let copy = renewal(copied).await.expect_problem(401, "invalid-token");
            assert!(copy.cookie("__Host-doorward").is_none());
        }
        let me = anon.request("GET", "/user/me").cookie(&new).send().await;
        me.expect(200);
    }
    renewal(&new).await.expect(204);
    assert_eq!(app.one_mail().await.template.as_str(), "password-changed");
}
