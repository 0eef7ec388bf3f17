//! `GET /auth` for a browser, `return_to` after a sign-in, and redirects of a proxy's check.

use doorward_domain::values::Role;
use serde_json::json;

use crate::support::{Client, PASSWORD, PUBLIC_URL, TestApp, TestResponse};

async fn page(client: &Client, path: &str) -> TestResponse {
    client.request("GET", path).html().send().await
}

async fn post(client: &Client, path: &str, form: &str) -> TestResponse {
    let draft = client.request("POST", path).on_our_page().form(form);
    draft.send().await
}

/// Number of forms with `return_to` in a page.
fn carriers(page: &TestResponse, path: &str) -> usize {
    let field = format!("<input type=\"hidden\" name=\"return_to\" value=\"{path}\"");
    page.text().matches(&field).count()
}

#[tokio::test]
async fn a_sign_in_redirects_to_return_to() {
    let app = TestApp::new().await;
    app.create("ben", Role::User).await;
    let anonymous = app.anonymous();
    let sign_in_page = page(&anonymous, "/sign-in?return_to=/reports?a=1&b=%3Ci%3E").await;
    let written = "/reports?a=1&amp;b=%3Ci%3E";
    assert_eq!(carriers(&sign_in_page.expect(200), written), 1);
    let way = "return_to=%2Freports%3Fa%3D1";
    let wrong = post(
        &anonymous,
        "/auth",
        &format!("{way}&username=ben&password=x"),
    )
    .await;
    assert_eq!(carriers(&wrong.expect(401), "/reports?a=1"), 1);
    let weak = post(
        &anonymous,
        "/sign-up",
        &format!("{way}&username=eve&password=x"),
    )
    .await;
    assert_eq!(carriers(&weak.expect(422), "/reports?a=1"), 1);
    let fresh = format!("{way}&username=eve&password=plum+cake+on+sundays");
    let signed_up = post(&anonymous, "/sign-up", &fresh).await.expect(303);
    assert_eq!(signed_up.header("location"), Some("/reports?a=1"));
    let right = format!("{way}&username=ben&password=plum+cake+on+sundays");
    let signed_in = post(&anonymous, "/auth", &right).await.expect(303);
    assert_eq!(signed_in.header("location"), Some("/reports?a=1"));
    // A signed-in user is redirected at once, or sees the account.
    let ben = app.user("jo").await;
    let on = page(&ben, "/sign-in?return_to=%2Freports%3Fa%3D1").await;
    assert_eq!(on.expect(303).header("location"), Some("/reports?a=1"));
    let account = page(&ben, "/sign-in?return_to=//evil.example").await;
    assert_eq!(account.expect(303).header("location"), Some("/account"));
}

/// W-04. Valid and invalid targets are listed next to the rule.
#[tokio::test]
async fn an_invalid_return_to_is_ignored() {
    let app = TestApp::new().await;
    app.create("ben", Role::User).await;
    let anonymous = app.anonymous();
    for evil in [
        "//evil.example",
        "%2F%2Fevil.example",
        "%2F%5Cevil.example",
        "https%3A%2F%2Fevil.example",
        "%2Fx%0D%0ASet-Cookie%3A+a%3Db",
        "javascript%3Aalert%281%29",
        "%2F%00",
        "%00%22%3E%3Cscript%3E",
        "",
    ] {
        let sign_in_page = page(&anonymous, &format!("/sign-in?return_to={evil}")).await;
        let sign_in_page = sign_in_page.expect(200).text();
        assert!(!sign_in_page.contains("return_to"), "{evil} {sign_in_page}");
        let form = format!("username=ben&password=plum+cake+on+sundays&return_to={evil}");
        let signed_in = post(&anonymous, "/auth", &form).await.expect(303);
        assert_eq!(signed_in.header("location"), Some("/account"), "{evil}");
    }
    // It is a field of the page; the API rejects it.
    let body = json!({"username": "ben", "password": PASSWORD, "return_to": "/x"});
    let answer = anonymous.post("/auth", body).await;
    answer.assert_field_errors(&[("return_to", "unknown")]);
}

/// A check that redirects a browser which requested a page, according to the proxy's fields.
#[tokio::test]
async fn the_auth_check_redirects_browsers_and_rejects_programs() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let asked = |client: Client, method: &'static str, uri: &'static [u8], html: bool| async move {
        let draft = client
            .request("GET", "/auth/check")
            .header("x-forwarded-method", method)
            .header_bytes("x-forwarded-uri", uri);
        match html {
            true => draft.html().send().await,
            false => draft.send().await,
        }
    };
    for (uri, sign_in_page) in [
        (
            &b"/a?b=c&d=%26"[..],
            "/sign-in?return_to=%2Fa%3Fb%3Dc%26d%3D%2526",
        ),
        (
            "/straße".as_bytes(),
            "/sign-in?return_to=%2Fstra%25C3%259Fe",
        ),
        (b"//evil.example/", "/sign-in"),
        (b"https://evil.example/", "/sign-in"),
        (b"", "/sign-in"),
    ] {
        let sent = asked(app.anonymous(), "GET", uri, true).await.expect(303);
        let sign_in_page = format!("{PUBLIC_URL}{sign_in_page}");
        assert_eq!(sent.header("location"), Some(sign_in_page.as_str()));
        assert_eq!(sent.header("cache-control"), Some("no-store"));
        // A client with an ended session is treated the same.
        let stale = app.anonymous().with_token("stale");
        asked(stale, "GET", uri, true).await.expect(303);
        let refused = asked(app.anonymous(), "GET", uri, false).await;
        refused.expect_problem(401, "authentication-required");
        for method in ["POST", "HEAD", "get", ""] {
            asked(app.anonymous(), method, uri, true).await.expect(401);
        }
        asked(ben.clone(), "GET", uri, true).await.expect(200);
    }
    asked(app.anonymous(), "GET", b"/\xff", true)
        .await
        .expect(401);
    // No proxy field names the requested page.
    page(&app.anonymous(), "/auth/check").await.expect(401);
}

/// The check runs with every request to another site.
#[tokio::test]
async fn the_auth_check_changes_nothing_and_is_not_cached() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let before = ben.get("/auth").await.expect(200).json();
    for _ in 0..3 {
        let answer = ben.get("/auth/check").await.expect(200);
        assert_eq!(answer.header("set-cookie"), None);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(answer.body.is_empty());
    }
    assert_eq!(ben.get("/auth").await.expect(200).json(), before);
}

/// W-04: redirects to an origin that the operator listed, and to none that looks like it.
#[tokio::test]
async fn a_return_to_a_listed_origin_is_followed() {
    let app = TestApp::with(|options| {
        options.options.return_origins = "https://app.example".parse().unwrap();
    })
    .await;
    app.create("ben", Role::User).await;
    let anonymous = app.anonymous();
    let there = "https://app.example/reports?a=1";
    let encoded = "https%3A%2F%2Fapp.example%2Freports%3Fa%3D1";
    let sign_in_page = page(&anonymous, &format!("/sign-in?return_to={encoded}")).await;
    assert_eq!(carriers(&sign_in_page.expect(200), there), 1);
    let form = format!("username=ben&password=plum+cake+on+sundays&return_to={encoded}");
    let signed_in = post(&anonymous, "/auth", &form).await.expect(303);
    assert_eq!(signed_in.header("location"), Some(there));
    let jo = app.user("jo").await;
    let on = page(&jo, &format!("/sign-in?return_to={encoded}")).await;
    assert_eq!(on.expect(303).header("location"), Some(there));
    for evil in [
        "https%3A%2F%2Fapp.example.evil.example%2F",
        "https%3A%2F%2Fapp.example%40evil.example%2F",
        "https%3A%2F%2Fapp.example%5C%40evil.example%2F",
        "https%3A%2F%2Fapp.example%3A8443%2F",
        "http%3A%2F%2Fapp.example%2F",
        "%2F%2Fapp.example%2F",
        "https%3A%2F%2Fapp.example%2F%2Fevil.example",
    ] {
        let form = format!("username=ben&password=plum+cake+on+sundays&return_to={evil}");
        let signed_in = post(&anonymous, "/auth", &form).await.expect(303);
        assert_eq!(signed_in.header("location"), Some("/account"), "{evil}");
    }
}

/// A sign-up with `return_to` continues there once the address is confirmed, in the same browser. The mail does
/// not contain it, and other browsers are not redirected.
#[tokio::test]
async fn a_sign_up_redirects_to_return_to_after_confirmation() {
    let app = TestApp::new().await;
    let anonymous = app.anonymous();
    let form = "email=ben%40example.com&password=plum+cake+on+sundays&return_to=%2Freports%3Fa%3D1";
    let signed_up = post(&anonymous, "/sign-up", form).await.expect(303);
    let cookies = signed_up.cookies();
    let waits = cookies
        .iter()
        .find(|cookie| cookie.starts_with("__Host-doorward-return-to="))
        .unwrap();
    assert!(waits.ends_with("; Max-Age=86400"), "{waits}");
    let mail = app.one_mail().await;
    assert!(!mail.url.contains("reports"));
    let link = crate::support::path_in(&mail);
    let on = "/sign-in?confirmed&return_to=%2Freports%3Fa%3D1";
    let press = |cookie: String| {
        let draft = anonymous.request("POST", &link).header("cookie", &cookie);
        draft.on_our_page().send()
    };
    for elsewhere in [
        "",
        "__Host-doorward-return-to=%2F%2Fevil.example",
        "__Host-doorward-return-to=https%3A%2F%2Fevil.example",
        "__Host-doorward-return-to=%2Fa; __Host-doorward-return-to=%2Fb",
        "doorward-return-to=%2Freports%3Fa%3D1",
    ] {
        let confirmed = press(elsewhere.to_owned()).await.expect(303);
        assert_eq!(confirmed.header("location"), Some("/sign-in?confirmed"));
    }
    let way = waits.split(';').next().unwrap().to_owned();
    let confirmed = press(way).await.expect(303);
    assert_eq!(confirmed.header("location"), Some(on));
    assert_eq!(confirmed.cookie("__Host-doorward-return-to"), Some(""));
    // No cookie is set without `return_to`, or if no mail is needed.
    for form in [
        "email=eve%40example.com&password=plum+cake+on+sundays",
        "username=zoe&password=plum+cake+on+sundays&return_to=%2Fx",
        "email=jo%40example.com&password=plum+cake+on+sundays&return_to=%2F%2Fevil.example",
    ] {
        let signed_up = post(&anonymous, "/sign-up", form).await.expect(303);
        assert_eq!(
            signed_up.cookie("__Host-doorward-return-to"),
            None,
            "{form}"
        );
    }
    app.allow_unread_mail();
}
