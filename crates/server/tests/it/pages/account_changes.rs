//! The pages of the account area that change the profile, the email address and the password.

use doorward_domain::values::Role;
use serde_json::json;

use super::account::signed_in;
use super::browser::Browser;
use crate::factors::{code, enrol};
use crate::support::{OTHER_PASSWORD, StoreMode, TestApp, path_in};

const SESSION: &str = "__Host-doorward";
const PROOF: &str = "password=plum+cake+on+sundays";

#[tokio::test]
async fn a_user_changes_the_name_and_the_language() {
    let app = TestApp::new().await;
    let mut browser = signed_in(&app, "en").await;
    let ben = app.sign_in("ben").await;
    let profile = json!({"name": "Ben", "data": {"colour": "green"}, "locale": "en-GB"});
    ben.put("/user/me", profile).await.expect(200);
    let page = browser.get("/account/profile").await;
    browser.page(page, 200).shows(&[
        "name=\"name\" type=\"text\" autocomplete=\"name\" value=\"Ben\"",
        "<option value=\"en-GB\" selected>English</option>",
        "<option value=\"de\">Deutsch</option>",
        "<dt>Username</dt><dd><bdi>ben</bdi></dd>",
    ]);
    let long = format!("name={}&locale=de", "x".repeat(201));
    let page = browser.post("/account/profile", &long).await;
    browser.page(page, 422).shows(&[
        "Error:",
        "at most 200 characters",
        "xxx",
        "<option value=\"de\" selected>",
    ]);
    let page = browser.post("/account/profile", "name=Ben&locale=x").await;
    browser
        .page(page, 422)
        .shows(&["Choose a language from the list."]);
    let saved = browser
        .post("/account/profile", "name=Benno&locale=de")
        .await;
    Browser::redirected(saved, "/account/profile?saved");
    let user = ben.get("/user/me").await.expect(200).json();
    assert_eq!(
        (&user["name"], &user["locale"], &user["data"]),
        (&json!("Benno"), &json!("de"), &json!({"colour": "green"}))
    );
    let mut german = Browser::new(&app, "de");
    german.cookies = browser.cookies;
    let page = german.get("/account/profile?saved").await;
    german.page(page, 200).shows(&["Gespeichert."]);
    // A link to the same page claims nothing.
    german.cookies.remove("__Host-doorward-outcome");
    let page = german.get("/account/profile?saved").await;
    assert!(!german.page(page, 200).0.contains("Gespeichert."));
    let saved = german.post("/account/profile", "name=&locale=").await;
    Browser::redirected(saved, "/account/profile?saved");
    let user = ben.get("/user/me").await.expect(200).json();
    assert!(user["name"].is_null() && user["locale"].is_null(), "{user}");
}

#[tokio::test]
async fn a_user_changes_the_address_or_cancels_the_change() {
    for (language, wrong, unchanged, sent, again, cancelled) in [
        (
            "en",
            "Wrong password.",
            "already has this address",
            "sent an email to your new address",
            "sent the email again",
            "The change is cancelled",
        ),
        (
            "de",
            "Das Passwort ist falsch.",
            "hat diese Adresse bereits",
            "eine E‑Mail an Ihre neue Adresse",
            "noch einmal geschickt",
            "Die Änderung ist abgebrochen",
        ),
    ] {
        let app = TestApp::new().await;
        let mut browser = signed_in(&app, language).await;
        let page = browser.get("/account/email").await;
        let page = browser.page(page, 200).shows(&["ben@example.com"]);
        assert!(!page.0.contains("/account/email/cancel"));
        let page = browser
            .post("/account/email", "email=new%40example.org")
            .await;
        browser
            .page(page, 422)
            .shows(&["value=\"new@example.org\"", "<a href=\"#password\">"]);
        let form = "email=new%40example.org&password=wrong";
        let page = browser.post("/account/email", form).await;
        browser
            .page(page, 401)
            .shows(&["value=\"new@example.org\"", "aria-invalid=\"true\""])
            .shows(&[&format!("<a href=\"#password\">{wrong}</a>")]);
        app.advance_seconds(30);
        let form = format!("email=ben%40example.com&{PROOF}");
        let page = browser.post("/account/email", &form).await;
        browser.page(page, 422).shows(&[unchanged]);
        let form = format!("email=new%40example.org&{PROOF}");
        let answer = browser.post("/account/email", &form).await;
        Browser::redirected(answer, "/account/email?sent");
        let page = browser.get("/account/email?sent").await;
        browser
            .page(page, 200)
            .shows(&[sent, "new@example.org", "ben@example.com"]);
        let page = browser.get("/account").await;
        browser
            .page(page, 200)
            .shows(&["href=\"/account/email\"><span>"]);
        app.advance_seconds(3600);
        let answer = browser.post("/account/email/send-again", "").await;
        Browser::redirected(answer, "/account/email?sent-again");
        let page = browser.get("/account/email?sent-again").await;
        browser.page(page, 200).shows(&[again]);
        app.allow_unread_mail();

        let answer = browser.post("/account/email/cancel", "").await;
        Browser::redirected(answer, "/account/email?cancelled");
        let page = browser.get("/account/email?cancelled").await;
        let page = browser.page(page, 200).shows(&[cancelled]);
        assert!(!page.0.contains("new@example.org"));
        // Sent twice, and with nothing pending.
        for path in ["/account/email/cancel", "/account/email/send-again"] {
            Browser::redirected(browser.post(path, "").await, "/account/email");
        }
    }
}

#[tokio::test]
async fn a_change_of_the_address_needs_a_code_of_the_second_factor() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let mut browser = Browser::new(&app, "en");
    let form = "username=ben&password=plum+cake+on+sundays";
    browser.post("/sign-in", form).await.expect(303);
    let (enrolment, _) = enrol(&app, &ben, "Phone").await;
    for path in ["/account/email", "/account/password", "/account/delete"] {
        let page = browser.get(path).await;
        let page = browser.page(page, 200);
        let (_, field) = page.0.split_once("<input id=\"code\"").unwrap();
        let field = field.split('>').next().unwrap();
        assert!(field.ends_with(" required"), "{path}: {field}");
    }
    let form = format!("email=new%40example.org&{PROOF}");
    let page = browser.post("/account/email", &form).await;
    let page = browser.page(page, 401);
    let missing = "<a href=\"#code\">Enter a code.</a>";
    let page = page.shows(&[missing, "value=\"new@example.org\"", "id=\"code-fault\""]);
    assert_eq!(page.0.matches("aria-invalid").count(), 1, "{}", page.0);
    app.advance_seconds(30);
    let form = format!("{form}&code={}", code(&app, &enrolment));
    let answer = browser.post("/account/email", &form).await;
    Browser::redirected(answer, "/account/email?sent");
    app.allow_unread_mail();
}

/// A recent sign-in with the factor is enough.
#[tokio::test]
async fn after_a_sign_in_with_a_code_a_form_asks_for_none_until_it_is_too_old() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let (_, codes) = enrol(&app, &ben, "Phone").await;
    let mut browser = Browser::new(&app, "en");
    let form = "username=ben&password=plum+cake+on+sundays";
    browser.post("/sign-in", form).await.expect(303);
    let form = format!("code={}", codes[0]);
    browser.post("/sign-in/factor", &form).await.expect(303);
    let page = browser.get("/account/email").await;
    assert!(!browser.page(page, 200).0.contains("name=\"code\""));
    app.advance_seconds(301);
    let form = format!("email=new%40example.org&{PROOF}");
    let page = browser.post("/account/email", &form).await;
    let missing = "<a href=\"#code\">Enter a code.</a>";
    browser.page(page, 401).shows(&[missing, "name=\"code\""]);
    app.allow_unread_mail();
}

/// The server knows whether the account needs a code.
#[tokio::test]
async fn while_the_factors_cannot_be_read_no_form_requires_a_code() {
    let app = TestApp::new().await;
    let mut browser = signed_in(&app, "en").await;
    app.set_store_mode(StoreMode::CredentialsDown);
    for path in ["/account/email", "/account/password", "/account/delete"] {
        let page = browser.get(path).await;
        let page = browser.page(page, 200);
        let (_, field) = page.0.split_once("<input id=\"code\"").unwrap();
        let field = field.split('>').next().unwrap();
        assert!(!field.contains("required"), "{path}: {field}");
    }
    app.set_store_mode(StoreMode::Fine);
}

/// A user without an address adds one.
#[tokio::test]
async fn the_page_of_the_address_says_what_to_do_without_one() {
    let app = TestApp::new().await;
    let body = json!({"username": "zoe", "password": OTHER_PASSWORD});
    app.anonymous().post("/user", body).await.expect(201);
    let mut browser = Browser::new(&app, "en");
    let form = "username=zoe&password=two+boats+and+a+lamp";
    browser.post("/sign-in", form).await.expect(303);
    let page = browser.get("/account").await;
    browser.page(page, 200).shows(&["Add an email address"]);
    let page = browser.get("/account/email").await;
    browser
        .page(page, 200)
        .shows(&["has no confirmed email address", "Add an address"]);
    let form = "email=zoe%40example.com&password=two+boats+and+a+lamp";
    let answer = browser.post("/account/email", form).await;
    Browser::redirected(answer, "/account/email?sent");
    let link = path_in(&app.one_mail().await);
    let page = browser.get(&link).await;
    let page = browser.page(page, 200);
    let page = page.shows(&["This link adds the address below to an account."]);
    assert!(!page.0.contains("signed out"), "{}", page.0);
    // The session stays.
    let done = browser.post(&link, "").await;
    Browser::redirected(done, "/sign-in?confirmed");
    let next = browser.get("/sign-in?confirmed").await;
    Browser::redirected(next, "/account/email?confirmed");
    let page = browser.get("/account/email?confirmed").await;
    browser
        .page(page, 200)
        .shows(&["zoe@example.com", "Your address is confirmed."]);
    // The used link, with a session or without one.
    let page = browser.get(&link).await;
    let next = "class=\"button\" href=\"/account\">Go to your account";
    let page = browser
        .page(page, 200)
        .shows(&["Email address confirmed", next]);
    assert!(!page.0.contains("/sign-in"), "{}", page.0);
}

#[tokio::test]
async fn a_changed_address_signs_out_all_devices_and_each_page_says_so() {
    for (language, before, replaces, asks, done) in [
        (
            "en",
            "you are signed out on all devices",
            "This link replaces the current address",
            "You are then signed out on all devices.",
            "Your new address is confirmed. You are signed out on all devices",
        ),
        (
            "de",
            "Sie werden auf allen Geräten abgemeldet",
            "Dieser Link ersetzt die aktuelle Adresse",
            "Danach sind Sie auf allen Geräten abgemeldet.",
            "Ihre neue Adresse ist bestätigt. Sie sind auf allen Geräten abgemeldet",
        ),
    ] {
        let app = TestApp::new().await;
        let mut browser = signed_in(&app, language).await;
        let page = browser.get("/account/email").await;
        browser.page(page, 200).shows(&[before]);
        let form = format!("email=new%40example.org&{PROOF}");
        browser.post("/account/email", &form).await.expect(303);
        let mails = app.mails().await;
        let mut mails = mails.iter();
        let link = path_in(
            mails
                .find(|mail| mail.to.as_str() == "new@example.org")
                .unwrap(),
        );
        let page = browser.get(&link).await;
        browser
            .page(page, 200)
            .shows(&[replaces, asks, "new@example.org"]);
        let answer = browser.post(&link, "").await;
        Browser::redirected(answer, "/sign-in?email-changed");
        let page = browser.get("/sign-in?email-changed").await;
        browser
            .page(page, 200)
            .shows(&[done, "value=\"new@example.org\""]);
        app.allow_unread_mail();
    }
}

#[tokio::test]
async fn a_user_changes_the_password_and_stays_signed_in_here_only() {
    for (language, wrong, short, changed) in [
        (
            "en",
            "Wrong password.",
            "too short",
            "Your password is changed.",
        ),
        (
            "de",
            "Das Passwort ist falsch.",
            "zu kurz",
            "Ihr Passwort wurde geändert.",
        ),
    ] {
        let app = TestApp::new().await;
        let mut browser = signed_in(&app, language).await;
        let other = app.sign_in("ben").await;
        let page = browser.get("/account/password").await;
        browser
            .page(page, 200)
            .shows(&["value=\"ben\" readonly hidden"]);
        let form = "current_password=wrong&new_password=two+boats+and+a+lamp";
        let page = browser.post("/account/password", form).await;
        let page = browser.page(page, 401);
        let page = page.shows(&[&format!("<a href=\"#current_password\">{wrong}</a>")]);
        let (_, field) = page.0.split_once("<input id=\"current_password\"").unwrap();
        let field = field.split('>').next().unwrap();
        assert!(field.contains("aria-invalid=\"true\"") && !field.contains("value="));
        app.advance_seconds(30);
        let form = "current_password=plum+cake+on+sundays&new_password=short";
        let page = browser.post("/account/password", form).await;
        let page = browser
            .page(page, 422)
            .shows(&[short, "<a href=\"#new_password\">"]);
        assert!(!page.0.contains("plum cake") && !page.0.contains("value=\"short"));
        let before = browser.cookies[SESSION].clone();
        let form = "current_password=plum+cake+on+sundays&new_password=two+boats+and+a+lamp";
        let answer = browser.post("/account/password", form).await;
        Browser::redirected(answer, "/account/password?changed");
        assert_ne!(browser.cookies[SESSION], before);
        let page = browser.get("/account/password?changed").await;
        browser.page(page, 200).shows(&[changed]);
        other.get("/auth").await.expect(401);
        app.allow_unread_mail();
    }
}

#[tokio::test]
async fn the_former_path_of_the_password_page_redirects_browsers() {
    let app = TestApp::new().await;
    app.create("ben", Role::User).await;
    let mut browser = Browser::new(&app, "en");
    Browser::redirected(browser.get("/password").await, "/account/password");
    app.anonymous().get("/password").await.expect(404);
}
