//! The page of an invitation.

use doorward_domain::invitation::NewInvitation;
use doorward_domain::values::{EmailAddress, Role};
use doorward_domain::{Actor, FactorsRequired};
use serde_json::json;

use super::browser::Browser;
use crate::support::{StoreMode, TestApp, path_in};

/// The link that an admin has mailed to Ben, whose name the admin does not know.
async fn invited(app: &TestApp) -> String {
    let admin = app.admin().await;
    let body = json!({"email": "ben@example.com"});
    admin.post("/invitation", body).await.expect(201);
    path_in(&app.one_mail().await)
}

#[tokio::test]
async fn the_form_sets_the_password_and_signs_in() {
    for (language, title, button) in [
        ("en", "You&#39;re invited", "Accept the invitation"),
        ("de", "Sie sind eingeladen", "Einladung annehmen"),
    ] {
        let app = TestApp::new().await;
        let link = invited(&app).await;
        let mut browser = Browser::new(&app, language);
        //
        for _ in 0..2 {
            let page = browser.get(&link).await;
            browser.page(page, 200).shows(&[
                title,
                button,
                "ben@example.com",
                "autocomplete=\"new-password\"",
                "name=\"name\"",
            ]);
        }
        let form = "name=Ben&password=short";
        let page = browser.post(&link, form).await;
        browser
            .page(page, 422)
            .shows(&["value=\"Ben\"", "<a href=\"#password\">"]);
        let form = "name=Ben&password=plum+cake+on+sundays";
        Browser::redirected(browser.post(&link, form).await, "/account");
        let page = browser.get("/account").await;
        browser.page(page, 200).shows(&["<bdi>Ben</bdi>"]);
        // The link is used up, and the problem says what to do.
        let page = browser.get(&link).await;
        let asks = if language == "en" {
            "invited you"
        } else {
            "eingeladen hat"
        };
        browser.page(page, 410).shows(&["link-expired", asks]);
    }
}

#[tokio::test]
async fn the_name_in_the_invitation_is_shown() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let body = json!({"username": "ben", "name": "Ben <b>"});
    let invited = admin.post("/invitation", body).await.expect(201).json();
    let url = invited["url"].as_str().unwrap();
    let link = &url[url.find("/invitation/").unwrap()..];
    let mut browser = Browser::new(&app, "en");
    let page = browser.get(link).await;
    let page = browser
        .page(page, 200)
        .shows(&["<bdi>Ben &lt;b&gt;</bdi>", "<bdi>ben</bdi>"]);
    assert!(!page.0.contains("name=\"name\""));
    let form = "password=plum+cake+on+sundays";
    Browser::redirected(browser.post(link, form).await, "/account");
}

#[tokio::test]
async fn a_required_factor_is_added_first() {
    let app = TestApp::with(|options| {
        options.policy.factors_required = FactorsRequired::Everyone;
    })
    .await;
    let wanted = NewInvitation {
        username: None,
        email: Some(EmailAddress::parse("ben@example.com").unwrap()),
        name: None,
        role: Role::User,
        locale: None,
        delivery: None,
    };
    let ctx = app.ctx(Actor::CommandLine);
    app.doorward.invitations.invite(&ctx, wanted).await.unwrap();
    let link = path_in(&app.one_mail().await);
    let mut browser = Browser::new(&app, "en");
    let accepted = browser.post(&link, "password=plum+cake+on+sundays").await;
    Browser::redirected(accepted, "/sign-in/enrol");
    assert!(!browser.cookies.contains_key("__Host-doorward"));
}

/// What was done is not reported as an error: the account can be used.
#[tokio::test]
async fn a_sign_in_that_fails_after_the_acceptance_leads_to_the_sign_in_page() {
    let app = TestApp::new().await;
    let link = invited(&app).await;
    let mut browser = Browser::new(&app, "en");
    app.set_store_mode(StoreMode::SessionsDown);
    let accepted = browser.post(&link, "password=plum+cake+on+sundays").await;
    Browser::redirected(accepted, "/sign-in?signed-up");
    app.set_store_mode(StoreMode::Fine);
    let page = browser.get("/sign-in?signed-up").await;
    browser.page(page, 200).shows(&["Your account is ready."]);
}
