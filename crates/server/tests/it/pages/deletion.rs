//! The page that deletes the account, and those that keep it.

use super::account::signed_in;
use super::browser::Browser;
use crate::factors::{code, enrol};
use crate::support::{TestApp, path_in};

const PROOF: &str = "password=plum+cake+on+sundays";
const KEEP: &str = "username=ben&password=plum+cake+on+sundays";

#[tokio::test]
async fn a_user_deletes_the_account_and_keeps_it_with_the_password() {
    for (language, goes, wrong, reason, date, sent, pending, again, kept) in [
        (
            "en",
            "in 14 days",
            "Wrong password.",
            "Choose a reason from the list.",
            "5 December 2026, 08:00 UTC",
            "also sent a link to",
            "Your account will be deleted",
            "Enter a password.",
            "Your account is not deleted.",
        ),
        (
            "de",
            "in 14 Tagen",
            "Das Passwort ist falsch.",
            "Wählen Sie einen Grund aus der Liste.",
            "5. Dezember 2026 um 08:00 UTC",
            "auch einen Link an",
            "Ihr Konto wird gelöscht",
            "Geben Sie ein Passwort ein.",
            "Ihr Konto wird nicht gelöscht.",
        ),
    ] {
        let app = TestApp::new().await;
        let mut browser = signed_in(&app, language).await;
        let page = browser.get("/account/delete").await;
        let page = browser.page(page, 200).shows(&[goes, "class=\"danger\""]);
        assert!(!page.0.contains("name=\"code\""), "{}", page.0);
        let page = browser.post("/account/delete", "").await;
        browser.page(page, 422).shows(&[again]);
        let page = browser
            .post("/account/delete", "password=x&reason=privacy")
            .await;
        let kept_choice = "value=\"privacy\" selected";
        let wrong = format!("<a href=\"#password\">{wrong}</a>");
        browser.page(page, 401).shows(&[&wrong, kept_choice]);
        let page = browser
            .post("/account/delete", &format!("{PROOF}&reason=other-one"))
            .await;
        let link = format!("<p><a href=\"#reason\">{reason}</a></p>");
        let fault = format!("id=\"reason-fault\">{reason}</p>");
        browser.page(page, 422).shows(&[&link, &fault]);
        let done = browser
            .post("/account/delete", &format!("{PROOF}&reason=privacy"))
            .await;
        let next = "/sign-in?to-be-deleted=1796457600";
        Browser::redirected(done, next);
        assert!(!browser.cookies.contains_key("__Host-doorward"));
        let page = browser.get(next).await;
        let page = browser.page(page, 200).shows(&[date, "role=\"status\""]);
        page.shows(&[sent, "<bdi class=\"address\">ben@example.com</bdi>"]);
        let page = browser.post("/sign-in", KEEP).await;
        let page = browser
            .page(page, 403)
            .shows(&[pending, date, "value=\"ben\""]);
        assert!(!page.0.contains("name=\"code\""), "{}", page.0);
        let at = "name=\"deletion_at\" value=\"1796457600\"";
        page.shows(&[at]);
        let page = browser.post("/sign-in/keep-account", "username=ben").await;
        browser.page(page, 422).shows(&[again, "value=\"ben\""]);
        let form = "username=ben&password=x&deletion_at=1796457600";
        let page = browser.post("/sign-in/keep-account", form).await;
        browser.page(page, 401).shows(&[date, at]);
        app.advance_seconds(30);
        // Loaded again, as after another language was chosen.
        Browser::redirected(browser.get("/sign-in/keep-account").await, "/sign-in");
        let form = format!("{KEEP}&return_to=%2Faccount%2Fdata");
        let next = "/sign-in?kept&return_to=%2Faccount%2Fdata";
        for _ in 0..2 {
            let done = browser.post("/sign-in/keep-account", &form).await;
            Browser::redirected(done, next);
        }
        let page = browser.get(next).await;
        browser
            .page(page, 200)
            .shows(&[kept, "name=\"return_to\" value=\"/account/data\""]);
        let done = browser.post("/sign-in", KEEP).await;
        Browser::redirected(done, "/account");
        app.allow_unread_mail();
    }
}

#[tokio::test]
async fn without_an_address_the_page_after_a_deletion_names_no_mail() {
    let app = TestApp::new().await;
    let mut browser = Browser::new(&app, "en");
    let form = "username=zoe&password=plum+cake+on+sundays";
    browser.post("/sign-up", form).await.expect(303);
    browser.post("/recover", "email=eve%40example.com").await;
    let done = browser.post("/account/delete", PROOF).await;
    let next = done.expect(303).header("location").unwrap().to_owned();
    let page = browser.get(&next).await;
    let page = browser.page(page, 200).shows(&["will be deleted on"]);
    assert!(!page.0.contains("sent a link") && !page.0.contains("eve@"));
    app.allow_unread_mail();
}

#[tokio::test]
async fn with_a_factor_the_pages_ask_for_a_code() {
    let app = TestApp::new().await;
    app.allow_unread_mail();
    let mut browser = signed_in(&app, "en").await;
    let ben = app.sign_in("ben").await;
    let (enrolment, codes) = enrol(&app, &ben, "Phone").await;
    app.advance_seconds(60);
    let page = browser.get("/account/delete").await;
    browser.page(page, 200).shows(&["name=\"code\""]);
    let page = browser.post("/account/delete", PROOF).await;
    browser
        .page(page, 401)
        .shows(&["<a href=\"#code\">Enter a code.</a>"]);
    let form = format!("{PROOF}&code={}", codes[0]);
    let done = browser.post("/account/delete", &form).await;
    Browser::redirected(done, "/sign-in?to-be-deleted=1796457690");
    Browser::redirected(browser.post("/sign-in", KEEP).await, "/sign-in/factor");
    let form = format!("code={}", code(&app, &enrolment));
    let page = browser.post("/sign-in/factor", &form).await;
    browser
        .page(page, 403)
        .shows(&["keep-account", "name=\"code\""]);
    let form = format!("{KEEP}&code={}", codes[1]);
    let done = browser.post("/sign-in/keep-account", &form).await;
    Browser::redirected(done, "/sign-in?kept");
}

#[tokio::test]
async fn the_mailed_link_opens_a_page_with_one_button() {
    let app = TestApp::new().await;
    let mut browser = signed_in(&app, "en").await;
    browser.post("/account/delete", PROOF).await.expect(303);
    let link = path_in(&app.one_mail().await);
    let page = browser.get(&link).await;
    let page = browser.page(page, 200);
    page.shows(&["Keep your account?", "5 December 2026", "ben@example.com"]);
    let page = browser.post(&link, "").await;
    Browser::redirected(page, "/sign-in?kept");
    assert_eq!(app.one_mail().await.kind.template(), "deletion-cancelled");
    let page = browser.get(&link).await;
    browser.page(page, 410);
}

#[tokio::test]
async fn without_a_grace_period_the_page_says_so_and_deletes() {
    let app = TestApp::with(|options| {
        options.policy.deletion_grace = jiff::SignedDuration::ZERO;
    })
    .await;
    let mut browser = signed_in(&app, "en").await;
    let page = browser.get("/account/delete").await;
    browser.page(page, 200).shows(&["deleted at once"]);
    let done = browser.post("/account/delete", PROOF).await;
    Browser::redirected(done, "/sign-in?deleted");
    let page = browser.get("/sign-in?deleted").await;
    browser.page(page, 200).shows(&["Your account is deleted."]);
}
