//! `/sign-up` and `/sign-up/sent`.

use doorward_domain::SignUpPolicy;

use super::browser::Browser;
use crate::support::TestApp;

const FORM: &str = "email=ben%40example.com&name=Ben&password=plum+cake+on+sundays";

/// No URL contains the address: it is in a cookie of the browser that signed up.
#[tokio::test]
async fn the_page_after_a_sign_up_names_the_address() {
    let app = TestApp::new().await;
    let mut browser = Browser::new(&app, "en");
    let page = browser.get("/sign-up").await;
    let page = browser.page(page, 200);
    let page = page.shows(&["name=\"email\"", "href=\"/sign-up?with=username\""]);
    assert!(!page.0.contains("name=\"username\""));
    Browser::redirected(browser.post("/sign-up", FORM).await, "/sign-up/sent");
    app.one_mail().await;
    let page = browser.get("/sign-up/sent").await;
    let named = "<bdi class=\"address\">ben@example.com</bdi>";
    browser.page(page, 200).shows(&["Check your email", named]);
    let mut other = Browser::new(&app, "en");
    let page = other.get("/sign-up/sent").await;
    let page = other.page(page, 200).shows(&["type=\"email\""]);
    assert!(!page.0.contains("ben@example.com"));
}

#[tokio::test]
async fn the_mail_is_sent_again_to_the_same_address() {
    let app = TestApp::new().await;
    let mut browser = Browser::new(&app, "en");
    browser.post("/sign-up", FORM).await.expect(303);
    app.one_mail().await;
    let again = "email=ben%40example.com";
    for _ in 0..2 {
        let sent = browser.post("/sign-up/sent", again).await;
        Browser::redirected(sent, "/sign-up/sent?again");
        assert_eq!(app.one_mail().await.to.as_str(), "ben@example.com");
    }
    let page = browser.get("/sign-up/sent?again").await;
    let words = ["sent the email again", "role=\"status\"", "ben@example.com"];
    browser.page(page, 200).shows(&words);
    // The page stays when there is no further mail.
    let sent = browser.post("/sign-up/sent", again).await;
    let page = browser.page(sent, 429);
    page.shows(&["Too many attempts. Try again in", "ben@example.com"]);
}

/// A username needs no confirmation, also if there is an address beside it.
#[tokio::test]
async fn a_sign_up_with_a_username_signs_in() {
    let app = TestApp::new().await;
    let mut browser = Browser::new(&app, "en");
    let page = browser
        .get("/sign-up?with=username&return_to=/reports")
        .await;
    browser.page(page, 200).shows(&[
        "name=\"username\"",
        "name=\"return_to\" value=\"/reports\"",
        "href=\"/sign-up?return_to=%2Freports\"",
    ]);
    for (fields, page) in [
        ("username=ben&email=&name=", "/account"),
        ("username=zoe&email=zoe%40example.com", "/account"),
        ("username=eve&return_to=/reports", "/reports"),
    ] {
        let form = format!("{fields}&password=plum+cake+on+sundays");
        Browser::redirected(browser.post("/sign-up", &form).await, page);
        let cookies: Vec<&String> = browser.cookies.keys().collect();
        assert_eq!(cookies, ["__Host-doorward", "__Host-doorward-device"]);
        let name = &fields["username=".len()..][..3];
        let page = browser.get("/account").await;
        browser
            .page(page, 200)
            .shows(&[&format!("Hello, <bdi>{name}</bdi>")]);
    }
    app.one_mail().await;
}

#[tokio::test]
async fn an_empty_sign_up_asks_for_the_field_that_its_form_has() {
    let app = TestApp::new().await;
    for (form, field, words) in [
        ("email=&password=", "email", "Enter your email."),
        (
            "username=&email=&password=",
            "username",
            "Enter a username.",
        ),
    ] {
        let mut browser = Browser::new(&app, "en");
        let page = browser.post("/sign-up", form).await;
        let page = browser.page(page, 422);
        let link = format!("<a href=\"#{field}\">{words}</a>");
        let page = page.shows(&[&link, "<a href=\"#password\">Enter a password.</a>"]);
        assert_eq!(page.0.matches("aria-invalid").count(), 2, "{}", page.0);
    }
}

#[tokio::test]
async fn a_closed_sign_up_has_a_page_without_a_form_and_no_link() {
    for (policy, title, text) in [
        (SignUpPolicy::Closed, "Sign-up is closed", "Ask the people"),
        (
            SignUpPolicy::Invitation,
            "You need an invitation",
            "open the link in it",
        ),
    ] {
        let app = TestApp::with(|options| options.policy.sign_up = policy).await;
        let mut browser = Browser::new(&app, "en");
        let page = browser.get("/sign-in").await;
        assert!(!browser.page(page, 200).0.contains("/sign-up"));
        let page = browser.get("/sign-up").await;
        let page = browser
            .page(page, 200)
            .shows(&[title, text, "href=\"/sign-in\""]);
        assert!(!page.0.contains("action=\"/sign-up\""));
        let page = browser.post("/sign-up", FORM).await;
        browser.page(page, 403).shows(&[title]);
    }
}

#[tokio::test]
async fn the_form_names_the_allowed_domains_and_keeps_the_input() {
    let app = TestApp::with(|options| {
        options.policy.email_domains = ".example.org".parse().unwrap();
    })
    .await;
    let mut browser = Browser::new(&app, "en");
    for path in ["/sign-up", "/sign-up?with=username"] {
        let page = browser.get(path).await;
        let page = browser
            .page(page, 200)
            .shows(&["Use an address at example.org (and its subdomains)."]);
        assert!(!page.0.contains("Email (optional)"));
        // Both forms ask for an address.
        assert!(!page.0.contains(" instead</a>"), "{}", page.0);
        page.shows(&[match path {
            "/sign-up" => "=username\">Also choose a username</a>",
            _ => "\"/sign-up\">Sign up without a username</a>",
        }]);
    }
    let page = browser.post("/sign-up", FORM).await;
    browser.page(page, 422).shows(&[
        "Email addresses at this domain can",
        "value=\"ben@example.com\"",
    ]);
}
