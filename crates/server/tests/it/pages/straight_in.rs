//! Signed in right after a sign-up on the pages.

use doorward_domain::FactorsRequired;
use doorward_domain::values::Role;
use serde_json::json;

use super::browser::Browser;
use crate::support::{PASSWORD, StoreMode, TestApp, path_in};

const SESSION: &str = "__Host-doorward";
const CONFIRMED: &str = "/sign-in?confirmed";
const SIGN_UP: &str = "__Host-doorward-sign-up";
const FORM: &str = "email=ben%40example.com&name=Ben&password=plum+cake+on+sundays";

/// A browser that has signed up, and the path of the mailed link.
async fn signed_up(app: &TestApp, form: &str) -> (Browser, String) {
    let mut browser = Browser::new(app, "en");
    let sent = browser.post("/sign-up", form).await;
    Browser::redirected(sent, "/sign-up/sent");
    (browser, path_in(&app.one_mail().await))
}

/// S-09: the cookie has the attributes of the session's. It is gone once it was used.
#[tokio::test]
async fn the_browser_that_signed_up_is_signed_in_when_the_address_is_confirmed() {
    for (field, page) in [("", "/account"), ("&return_to=/reports", "/reports")] {
        let app = TestApp::new().await;
        let mut browser = Browser::new(&app, "en");
        let sent = browser.post("/sign-up", &format!("{FORM}{field}")).await;
        let cookies = sent.cookies();
        let cookie = cookies.iter().find(|cookie| cookie.starts_with(SIGN_UP));
        let (_, attributes) = cookie.unwrap().split_once(';').unwrap();
        let expected = " Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=3600";
        assert_eq!(attributes, expected);
        let link = path_in(&app.one_mail().await);
        let shown = browser.get(&link).await;
        browser
            .page(shown, 200)
            .shows(&["Did you create this account?"]);
        Browser::redirected(browser.post(&link, "").await, page);
        let left: Vec<&String> = browser.cookies.keys().collect();
        assert_eq!(left, [SESSION, "__Host-doorward-device"]);
        let account = browser.get("/account").await;
        browser.page(account, 200).shows(&["Hello, <bdi>Ben</bdi>"]);
        // The link is used up.
        browser.cookies.clear();
        let again = browser.post(&link, "").await;
        Browser::redirected(again, CONFIRMED);
        assert!(!browser.cookies.contains_key(SESSION));
    }
}

#[tokio::test]
async fn another_browser_gets_a_sign_in_page_that_is_filled_in() {
    let app = TestApp::new().await;
    let (mut first, link) = signed_up(&app, FORM).await;
    let mut other = Browser::new(&app, "en");
    let confirmed = other.post(&link, "").await;
    Browser::redirected(confirmed, CONFIRMED);
    let page = other.get(CONFIRMED).await;
    let page = other
        .page(page, 200)
        .shows(&["Your email address is confirmed."]);
    let (_, field) = page.0.split_once("<input id=\"username\"").unwrap();
    let (field, rest) = field.split_once('>').unwrap();
    assert!(field.contains("value=\"ben@example.com\""), "{field}");
    let (_, password) = rest.split_once("<input id=\"password\"").unwrap();
    let (password, _) = password.split_once('>').unwrap();
    assert!(password.ends_with(" autofocus") && !field.contains("autofocus"));
    // The cookie of the browser that signed up is void.
    let again = first.post(&link, "").await;
    Browser::redirected(again, CONFIRMED);
    assert!(!first.cookies.contains_key(SESSION));
}

///
#[tokio::test]
async fn the_cookie_does_not_reveal_that_an_address_is_in_use() {
    let app = TestApp::new().await;
    app.create("ben", Role::User).await;
    let mut set = Vec::new();
    for form in [
        FORM,
        "email=zoe%40example.com&password=plum+cake+on+sundays",
    ] {
        let mut browser = Browser::new(&app, "en");
        let sent = browser.post("/sign-up", form).await.expect(303);
        let shapes = sent.cookies().into_iter().map(|cookie| {
            let (name, rest) = cookie.split_once('=').unwrap();
            let (value, attributes) = rest.split_once(';').unwrap();
            (name.to_owned(), value.len(), attributes.to_owned())
        });
        set.push(shapes.collect::<Vec<_>>());
    }
    assert_eq!(set[0], set[1]);
    assert_eq!(set[0].len(), 2, "the address and the sign-up");
    app.allow_unread_mail();
}

#[tokio::test]
async fn a_new_sign_up_or_a_sign_in_replaces_the_cookie() {
    let app = TestApp::new().await;
    app.create("zoe", Role::User).await;
    let (mut browser, first) = signed_up(&app, FORM).await;
    Browser::redirected(browser.post("/sign-up", FORM).await, "/sign-up/sent");
    app.one_mail().await;
    let confirmed = browser.post(&first, "").await;
    Browser::redirected(confirmed, CONFIRMED);

    let form = "email=eve%40example.com&password=plum+cake+on+sundays";
    let (mut browser, link) = signed_up(&app, form).await;
    let as_zoe = "username=zoe&password=plum+cake+on+sundays";
    browser.post("/sign-in", as_zoe).await.expect(303);
    assert!(!browser.cookies.contains_key(SIGN_UP));
    let session = browser.cookies[SESSION].clone();
    let confirmed = browser.post(&link, "").await;
    Browser::redirected(confirmed, CONFIRMED);
    assert_eq!(browser.cookies[SESSION], session);
    // The session is that of another account.
    let page = browser.get(CONFIRMED).await;
    browser.page(page, 200).shows(&[
        "Your email address is confirmed.",
        "value=\"eve@example.com\"",
    ]);
    Browser::redirected(browser.get("/sign-in").await, "/account");
}

///
#[tokio::test]
async fn a_cancelled_sign_up_signs_no_one_in() {
    let app = TestApp::new().await;
    let (mut browser, link) = signed_up(&app, FORM).await;
    let mut owner = Browser::new(&app, "en");
    // A mail was sent to the same address from this browser.
    owner.cookies.clone_from(&browser.cookies);
    let cancelled = owner.post(&format!("{link}/cancel"), "").await;
    Browser::redirected(cancelled, "/sign-in?cancelled");
    let page = owner.get("/sign-in?cancelled").await;
    let page = owner.page(page, 200).shows(&["removed your email address"]);
    assert!(!page.0.contains("value=\"ben@example.com\""));
    let refused = browser.post(&link, "").await;
    browser.page(refused, 410);
    assert!(!browser.cookies.contains_key(SESSION));
}

#[tokio::test]
async fn a_required_password_is_entered_before_the_sign_in() {
    let app = TestApp::with(|options| options.policy.confirmation_requires_password = true).await;
    let (mut browser, link) = signed_up(&app, FORM).await;
    let missing = browser.post(&link, "").await;
    browser.page(missing, 422).shows(&["Enter a password."]);
    let wrong = browser.post(&link, "password=two+boats").await;
    browser.page(wrong, 401).shows(&[
        "<a href=\"#password\">Wrong password.</a>",
        "value=\"ben@example.com\" readonly hidden",
    ]);
    app.advance_seconds(30);
    assert!(!browser.cookies.contains_key(SESSION));
    let entered = browser.post(&link, "password=plum+cake+on+sundays").await;
    Browser::redirected(entered, "/account");
}

#[tokio::test]
async fn a_required_factor_is_added_first() {
    let app = TestApp::with(|options| {
        options.policy.factors_required = FactorsRequired::Everyone;
    })
    .await;
    let (mut with_address, link) = signed_up(&app, &format!("{FORM}&return_to=/a")).await;
    let mut with_username = Browser::new(&app, "en");
    let form = "username=zoe&password=plum+cake+on+sundays&return_to=/a";
    for (browser, path, form) in [
        (&mut with_address, link.as_str(), ""),
        (&mut with_username, "/sign-up", form),
    ] {
        let sent = browser.post(path, form).await;
        Browser::redirected(sent, "/sign-in/enrol?return_to=%2Fa");
        assert!(!browser.cookies.contains_key(SESSION));
        let page = browser.get("/sign-in/enrol?return_to=%2Fa").await;
        browser.page(page, 200);
    }
}

/// What was done is not reported as an error: the account can be used.
#[tokio::test]
async fn a_sign_in_that_fails_after_the_sign_up_leads_to_the_sign_in_page() {
    let app = TestApp::new().await;
    let (mut with_address, link) = signed_up(&app, FORM).await;
    let mut with_username = Browser::new(&app, "en");
    app.set_store_mode(StoreMode::SessionsDown);
    let confirmed = with_address.post(&link, "").await;
    Browser::redirected(confirmed, CONFIRMED);
    let form = "username=zoe&password=plum+cake+on+sundays&return_to=/a";
    let created = with_username.post("/sign-up", form).await;
    let page = "/sign-in?signed-up&return_to=%2Fa";
    Browser::redirected(created, page);
    app.set_store_mode(StoreMode::Fine);
    let page = with_username.get(page).await;
    with_username
        .page(page, 200)
        .shows(&["Your account is ready."]);
    for (browser, name) in [
        (&mut with_address, "ben%40example.com"),
        (&mut with_username, "zoe"),
    ] {
        let form = format!("username={name}&password=plum+cake+on+sundays");
        Browser::redirected(browser.post("/sign-in", &form).await, "/account");
    }
}

/// The API signs no one in: its clients have the password, or ask for it.
#[tokio::test]
async fn the_api_neither_sets_nor_reads_the_cookie() {
    let app = TestApp::new().await;
    let (anonymous, body) = (
        app.anonymous(),
        json!({"email": "zoe@example.com", "password": PASSWORD}),
    );
    let created = anonymous.post("/user", body).await.expect(201);
    assert!(created.cookies().is_empty());
    app.one_mail().await;
    let (browser, link) = signed_up(&app, FORM).await;
    let cookie = format!("{SIGN_UP}={}", browser.cookies[SIGN_UP]);
    let draft = anonymous.request("POST", &link).header("cookie", &cookie);
    let draft = draft.header("sec-fetch-site", "same-origin");
    let confirmed = draft.send().await.expect(200);
    assert_eq!(confirmed.json()["status"], "active");
    assert!(confirmed.cookies().is_empty());
}
