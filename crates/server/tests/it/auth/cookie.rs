//! The cookie that pages use, and the requests it is not good for.

use doorward_domain::model::Role;
use serde_json::json;

use crate::support::{Answer, PASSWORD, TestApp};

const FORM: &str = "email=ben%40example.com&password=plum+cake+on+sundays";

fn token_of(answer: &Answer) -> String {
    let cookie = answer.header("set-cookie").unwrap();
    let value = cookie.strip_prefix("__Host-doorward=").unwrap();
    value.split(';').next().unwrap().to_owned()
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
    assert_eq!(out.header("location"), Some("/"));
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
                (answer.status, answer.header("set-cookie")),
                (403, None),
                "{path} {name}"
            );
        }
    }
    let answer = anon
        .post("/auth", json!({"username": "ben", "password": PASSWORD}))
        .await
        .expect(201);
    assert!(answer.header("set-cookie").is_none());
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

/// A browser that renews goes on with the new token, in the cookie and out of scripts' reach.
#[tokio::test]
async fn a_renewal_by_cookie_sets_the_cookie() {
    let app = TestApp::new().await;
    app.create("ben", Role::User).await;
    let anon = app.anon();
    let signed_in = anon
        .request("POST", "/auth")
        .on_our_page()
        .form(FORM)
        .send()
        .await
        .expect(303);
    let old = token_of(&signed_in);
    let renewed = anon
        .request("POST", "/auth/renewal")
        .cookie(&old)
        .on_our_page()
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
