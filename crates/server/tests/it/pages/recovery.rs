//! `/recover`, and the page after it.

use super::account::signed_in;
use super::browser::Browser;
use crate::support::{TestApp, path_in};

/// the page does not reveal whether the address is known.
#[tokio::test]
async fn the_page_after_a_request_names_the_address_and_is_the_same_for_an_unknown_one() {
    let app = TestApp::new().await;
    app.user("ben").await;
    let mut pages = Vec::new();
    for name in ["ben", "eve"] {
        let mut browser = Browser::new(&app, "en");
        let form = format!("email={name}%40example.com");
        let asked = browser.post("/recover", &form).await;
        Browser::redirected(asked, "/recover/sent");
        let page = browser.get("/recover/sent").await;
        let page = browser.page(page, 200).shows(&["Check your email"]);
        assert!(page.0.contains(&format!("{name}@example.com")));
        pages.push(page.0.replace(name, "x"));
    }
    app.one_mail().await;
    assert_eq!(pages[0], pages[1]);
    let mut other = Browser::new(&app, "en");
    let page = other.get("/recover/sent").await;
    other.page(page, 200).shows(&["that address"]);
}

#[tokio::test]
async fn a_mail_that_is_requested_again_is_reported() {
    for (language, again) in [
        ("en", "sent the email again"),
        ("de", "noch einmal geschickt"),
    ] {
        let app = TestApp::new().await;
        app.user("ben").await;
        let mut browser = Browser::new(&app, language);
        let asked = browser.post("/recover", "email=ben%40example.com").await;
        Browser::redirected(asked, "/recover/sent");
        let page = browser.get("/recover/sent").await;
        let page = browser.page(page, 200).shows(&["name=\"again\""]);
        assert!(!page.0.contains(again), "{}", page.0);
        let asked = browser
            .post("/recover", "email=ben%40example.com&again=yes")
            .await;
        Browser::redirected(asked, "/recover/sent?again");
        let page = browser.get("/recover/sent?again").await;
        browser.page(page, 200).shows(&["role=\"status\"", again]);
        app.allow_unread_mail();
    }
}

#[tokio::test]
async fn the_form_has_the_address_of_a_user_who_is_signed_in() {
    let app = TestApp::new().await;
    let mut browser = signed_in(&app, "en").await;
    let page = browser.get("/recover").await;
    browser
        .page(page, 200)
        .shows(&["value=\"ben@example.com\""]);
}

/// The page that follows can be loaded again, and is filled in.
#[tokio::test]
async fn a_new_password_leads_to_the_sign_in_page() {
    let app = TestApp::new().await;
    app.user("ben").await;
    let mut browser = Browser::new(&app, "en");
    let asked = browser.post("/recover", "email=ben%40example.com").await;
    Browser::redirected(asked, "/recover/sent");
    let link = path_in(&app.one_mail().await);
    let page = browser.post(&link, "new_password=short").await;
    browser.page(page, 422).shows(&["too short"]);
    let form = "new_password=two+boats+and+a+lamp";
    let done = browser.post(&link, form).await;
    Browser::redirected(done, "/sign-in?recovered");
    for _ in 0..2 {
        let page = browser.get("/sign-in?recovered").await;
        browser
            .page(page, 200)
            .shows(&["Your password is changed.", "value=\"ben@example.com\""]);
    }
    app.allow_unread_mail();
}
