//! The session cookie that pages use.

use doorward_domain::clock::Clock;
use doorward_domain::values::Role;
use serde_json::json;

use crate::support::{OTHER_PASSWORD, PASSWORD, TestApp, TestResponse};

const FORM: &str = "email=ben%40example.com&password=plum+cake+on+sundays";

fn token_of(answer: &TestResponse) -> String {
    answer.cookie("__Host-doorward").unwrap().to_owned()
}

fn device_of(answer: &TestResponse) -> String {
    answer.cookie("__Host-doorward-device").unwrap().to_owned()
}

/// S-09, W-05.
#[tokio::test]
async fn a_page_form_sets_a_cookie_and_redirects_home() {
    let app = TestApp::new().await;
    app.create("ben", Role::User).await;
    let anonymous = app.anonymous();
    let answer = anonymous
        .request("POST", "/auth")
        .on_our_page()
        .form(FORM)
        .send()
        .await
        .expect(303);
    assert_eq!(answer.header("location"), Some("/account"));
    let cookie = answer.header("set-cookie").unwrap();
    assert!(
        cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=86400"),
        "{cookie}"
    );
    assert!(cookie.len() <= 4096 && !cookie.contains("Domain"));
    assert!(answer.body.is_empty());
    let token = token_of(&answer);
    let account = anonymous
        .request("GET", "/account")
        .cookie(&token)
        .html()
        .send()
        .await
        .expect(200);
    assert!(account.text().contains("ben@example.com"));
    let out = anonymous
        .request("POST", "/auth/sign-out")
        .cookie(&token)
        .on_our_page()
        .send()
        .await
        .expect(303);
    assert_eq!(out.header("location"), Some("/sign-in?signed-out"));
    assert_eq!(out.cookie("__Host-doorward"), Some(""));
    assert_eq!(
        out.header("clear-site-data"),
        Some("\"cache\", \"storage\"")
    );
    anonymous
        .request("GET", "/auth")
        .cookie(&token)
        .send()
        .await
        .expect_problem(401, "invalid-token");
    let gone = anonymous.request("GET", "/account").cookie(&token).html();
    let gone = gone.send().await.expect(303);
    assert_eq!(
        gone.header("location"),
        Some("/sign-in?session-ended&return_to=%2Faccount")
    );
}

/// S-09: a cookie expires with its session, and has a lifetime that every browser accepts.
#[tokio::test]
async fn a_cookie_expires_with_its_session() {
    let app = TestApp::new().await;
    app.create("ben", Role::User).await;
    let anonymous = app.anonymous();
    let signed_in = anonymous.sign_in_on_page("ben").await;
    let mut token = token_of(&signed_in);
    let mut left = 30 * 24 * 3600;
    let day = 24 * 3600 - 60;
    while left > day {
        app.advance_seconds(day);
        left -= day;
        let renewed = anonymous
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
        let shown = anonymous
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

/// S-02: a new sign-in ends the session of the cookie that it replaces, regardless of its user. A failed
/// sign-in ends nothing.
#[tokio::test]
async fn a_sign_in_ends_the_session_whose_cookie_it_replaces() {
    let app = TestApp::new().await;
    let (eve, anonymous) = (app.user("eve").await, app.anonymous());
    app.create("ben", Role::User).await;
    let sign_in = async |shown: &str, form: &str| {
        let draft = anonymous
            .request("POST", "/auth")
            .cookie(shown)
            .on_our_page();
        draft.form(form).send().await
    };
    let wrong = "username=ben&password=not+the+password";
    sign_in(eve.token(), wrong).await.expect(401);
    eve.get("/user/me").await.expect(200);
    let first = token_of(&sign_in(eve.token(), FORM).await.expect(303));
    eve.get("/user/me").await.expect(401);
    let second = token_of(&sign_in(&first, FORM).await.expect(303));
    for (token, status) in [(&first, 401), (&second, 200)] {
        let draft = anonymous.request("GET", "/user/me").cookie(token);
        draft.send().await.expect(status);
    }
}

/// S-02, A-08: a password change gives the browser a new token, also right after a renewal. A copy of an older
/// token is invalid, cannot be renewed, and ends nothing. The device is known in the account's new epoch.
#[tokio::test]
async fn a_password_change_by_cookie_invalidates_copied_tokens() {
    let app = TestApp::new().await;
    app.create("ben", Role::User).await;
    let anonymous = app.anonymous();
    let signed_in = anonymous.sign_in_on_page("ben").await;
    let (first, device) = (token_of(&signed_in), device_of(&signed_in));
    let renewal = |token: &str| {
        let renewal = anonymous.request("POST", "/auth/renewal").cookie(token);
        renewal.header("sec-fetch-site", "same-origin").send()
    };
    let old = token_of(&renewal(&first).await.expect(204));
    let change = anonymous
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
            let copy = anonymous
                .request("GET", "/user/me")
                .cookie(copied)
                .send()
                .await;
            copy.expect_problem(401, "invalid-token");
            let copy = renewal(copied).await.expect_problem(401, "invalid-token");
            assert!(copy.cookie("__Host-doorward").is_none());
        }
        let me = anonymous
            .request("GET", "/user/me")
            .cookie(&new)
            .send()
            .await;
        me.expect(200);
    }
    renewal(&new).await.expect(204);
    assert_eq!(app.one_mail().await.kind.template(), "password-changed");
}
