//! When an action of the console asks for the password or a code, and for how long a proof counts.

use doorward_domain::values::Role;

use super::browser::Browser;
use super::console_access::admin_browser;
use super::console_acts::id_of;
use crate::factors::{code, enrol};
use crate::support::{StoreMode, TestApp};

/// the pages ask for the proof when the API would reject the request without one.
#[tokio::test]
async fn an_action_asks_for_the_password_if_the_sign_in_is_not_recent() {
    for (language, ask, wrong) in [
        ("en", "Enter your password to continue.", "Wrong password."),
        (
            "de",
            "Geben Sie Ihr Passwort ein",
            "Das Passwort ist falsch.",
        ),
    ] {
        let app = TestApp::new().await;
        let mut browser = admin_browser(&app, language).await;
        let id = id_of(&app.user("ben").await).await;
        let page = format!("/admin/users/{id}/status");
        let field = "type=\"password\"";
        let asked = browser.get(&page).await;
        assert!(!browser.page(asked, 200).0.contains(field));
        app.advance_seconds(301);
        // The page was open for too long: it asks without an error.
        let asked = browser.post(&page, "status=disabled").await;
        let asked = browser.page(asked, 401).shows(&[field, ask]);
        assert!(!asked.0.contains("role=\"alert\""), "{}", asked.0);
        let asked = browser.get(&page).await;
        browser.page(asked, 200).shows(&[field, ask]);
        let form = "status=disabled&password=not+this+one";
        let asked = browser.post(&page, form).await;
        browser.page(asked, 401).shows(&[
            wrong,
            "role=\"alert\"",
            "name=\"status\" value=\"disabled\"",
        ]);
        let form = "status=disabled&password=plum+cake+on+sundays";
        let done = browser.post(&page, form).await;
        Browser::redirected(done, &format!("/admin/users/{id}?disabled"));
    }
}

/// A-13, S-02: a proof counts for the next actions of the browser, for five minutes, and a copied cookie is worth nothing after it.
#[tokio::test]
async fn a_proof_counts_for_the_next_actions_and_replaces_the_cookie() {
    let app = TestApp::new().await;
    let mut browser = admin_browser(&app, "en").await;
    let id = id_of(&app.user("ben").await).await;
    let (status, role) = (
        format!("/admin/users/{id}/status"),
        format!("/admin/users/{id}/role"),
    );
    let mut thief = Browser::new(&app, "en");
    thief.cookies = browser.cookies.clone();
    app.advance_seconds(3600 - 1);
    thief.get("/admin").await.expect(200);
    let form = "status=disabled&password=plum+cake+on+sundays";
    browser.post(&status, form).await.expect(303);
    thief.get("/admin").await.expect(303);
    let field = "type=\"password\"";
    app.advance_seconds(300);
    let asked = browser.get(&role).await;
    assert!(!browser.page(asked, 200).0.contains(field));
    browser.post(&role, "role=admin").await.expect(303);
    app.advance_seconds(1);
    let asked = browser.get(&role).await;
    browser.page(asked, 200).shows(&[field]);
    browser.post(&role, "role=user").await.expect(401);
}

/// after a sign-in with a code, the password alone does not make that recent for longer.
#[tokio::test]
async fn the_password_alone_is_not_recorded_after_a_sign_in_with_a_code() {
    let app = TestApp::new().await;
    let root = app.admin().await;
    let (_, codes) = enrol(&app, &root, "Phone").await;
    app.create("ben", Role::User).await;
    let mut browser = Browser::new(&app, "en");
    let form = "username=root&password=plum+cake+on+sundays";
    browser.post("/sign-in", form).await.expect(303);
    let form = format!("code={}", codes[0]);
    browser.post("/sign-in/factor", &form).await.expect(303);
    app.advance_seconds(240);
    let form = "status=disabled&password=plum+cake+on+sundays";
    let done = browser.post("/admin/users/ben/status", form).await;
    assert_eq!(done.expect(303).cookie("__Host-doorward"), None);
    app.advance_seconds(61);
    let refused = browser.post("/admin/users/ben/status", "status=active");
    refused.await.expect(401);
}

/// The response that shows why an action failed has the new cookie too.
#[tokio::test]
async fn a_proof_counts_although_its_action_failed() {
    let app = TestApp::new().await;
    let mut browser = admin_browser(&app, "en").await;
    app.advance_seconds(301);
    let form = "role=user&password=plum+cake+on+sundays";
    let refused = browser.post("/admin/users/root/role", form).await;
    let refused = browser.page(refused, 409);
    assert!(!refused.0.contains("type=\"password\""), "{}", refused.0);
    browser.get("/admin").await.expect(200);
}

/// With a second factor, the proof needs a code.
#[tokio::test]
async fn an_action_asks_for_a_code_if_the_sign_in_had_none() {
    let app = TestApp::new().await;
    let mut browser = admin_browser(&app, "en").await;
    let root = app.sign_in("root").await;
    app.create("ben", Role::User).await;
    let (enrolment, _) = enrol(&app, &root, "Phone").await;
    let page = "/admin/users/ben/role";
    let asked = browser.get(page).await;
    browser
        .page(asked, 200)
        .shows(&["id=\"code\"", "Enter your password and a code"]);
    let form = "role=admin&password=plum+cake+on+sundays";
    let asked = browser.post(page, form).await;
    browser.page(asked, 401).shows(&["Enter a code."]);
    let form = format!("{form}&code={}", code(&app, &enrolment));
    let done = browser.post(page, &form).await;
    Browser::redirected(done, "/admin/users/ben?role-changed");
}

/// also if the address is in use, so that the form with another one needs no proof.
#[tokio::test]
async fn the_proof_of_a_change_of_address_counts_for_the_next_actions() {
    let app = TestApp::new().await;
    let mut browser = admin_browser(&app, "en").await;
    app.create("ben", Role::User).await;
    app.create("cleo", Role::User).await;
    app.advance_seconds(301);
    let page = "/admin/users/ben/email";
    let taken = "email=cleo%40example.com&password=plum+cake+on+sundays";
    let refused = browser.post(page, taken).await;
    let refused = browser.page(refused, 409);
    assert!(!refused.0.contains("type=\"password\""), "{}", refused.0);
    let form = "email=new%40example.org";
    browser.post(page, form).await.expect(303);
    let role = browser.post("/admin/users/ben/role", "role=admin");
    role.await.expect(303);
    app.allow_unread_mail();
}

/// An action whose proof cannot be recorded is not refused. The next one asks again.
#[tokio::test]
async fn a_proof_that_cannot_be_recorded_counts_for_its_action() {
    let app = TestApp::new().await;
    let mut browser = admin_browser(&app, "en").await;
    app.create("ben", Role::User).await;
    app.advance_seconds(301);
    browser.get("/admin").await.expect(200);
    app.set_store_mode(StoreMode::SessionsReadOnly);
    let form = "role=admin&password=plum+cake+on+sundays";
    let done = browser.post("/admin/users/ben/role", form).await;
    assert_eq!(done.expect(303).cookie("__Host-doorward"), None);
    app.set_store_mode(StoreMode::Fine);
    let refused = browser.post("/admin/users/ben/role", "role=user");
    refused.await.expect(401);
}
