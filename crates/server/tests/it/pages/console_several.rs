//! The page of the console that invites several users.

use doorward_domain::values::Role;
use serde_json::json;

use super::console_access::admin_browser;
use crate::factors::{code, enrol};
use crate::support::{PASSWORD, PUBLIC_URL, TestApp};

const PAGE: &str = "/admin/invitations/new";

/// A form with these lines.
fn form(lines: &[&str]) -> String {
    let people = lines.join("%0D%0A");
    format!("people={people}&role=&locale=&delivery=").replace(' ', "+")
}

/// The links that a page shows.
fn links(page: &str) -> Vec<String> {
    let base = format!("{PUBLIC_URL}/invitation/");
    let links = page.split(&base).skip(1);
    let path = |link: &str| format!("/invitation/{}", link.split_once('<').unwrap().0);
    links.map(path).collect()
}

/// The lines that a page shows again.
fn shown_again(page: &str) -> Option<&str> {
    let (_, rest) = page.split_once("<textarea ")?;
    let (_, rest) = rest.split_once('>')?;
    Some(rest.split_once("</textarea>")?.0)
}

/// The number of users.
async fn count(app: &TestApp) -> usize {
    let root = app.sign_in("root").await;
    let users = root.get("/user?limit=200").await.json();
    users["items"].as_array().unwrap().len()
}

/// Three clicks from the first page at most: the link, the button.
#[tokio::test]
async fn colleagues_without_mail_are_invited_from_the_first_page() {
    for (language, invite, once, button) in [
        (
            "en",
            "Invite several users",
            "They are shown only now.",
            "Invite",
        ),
        (
            "de",
            "Mehrere einladen",
            "Die Links werden nur jetzt gezeigt.",
            "Einladen",
        ),
    ] {
        let app = TestApp::new().await;
        let mut browser = admin_browser(&app, language).await;
        app.create("ben", Role::User).await;
        for from in [
            "/admin",
            "/admin/users",
            "/admin/users/new",
            "/admin/invitations",
        ] {
            let page = browser.get(from).await;
            browser
                .page(page, 200)
                .shows(&[&format!("href=\"{PAGE}\">{invite}</a>")]);
        }
        let page = browser.get(PAGE).await;
        browser.page(page, 200).shows(&[
            invite,
            &format!("<button>{button}</button>"),
            "autofocus></textarea>",
        ]);
        let page = browser
            .post(PAGE, &form(&["ada", "", " cleo  ", "DAN", "dan"]))
            .await;
        let page = browser.page(page, 200).shows(&[
            "role=\"status\"",
            once,
            "<bdi>ada</bdi>",
            "<bdi>cleo</bdi>",
            "<bdi>DAN</bdi>",
        ]);
        assert_eq!(shown_again(&page.0), None, "{}", page.0);
        let links = links(&page.0);
        assert_eq!(links.len(), 3, "{}", page.0);
        for (link, username) in links.iter().zip(["ada", "cleo", "DAN"]) {
            let seen = app.anonymous().get(link).await.expect(200).json();
            assert_eq!(seen["username"], username);
            let body = json!({"password": PASSWORD});
            app.anonymous().post(link, body).await.expect(200);
        }
    }
}

#[tokio::test]
async fn lines_that_fail_are_corrected_without_inviting_the_others_again() {
    for (language, taken, invalid) in [
        (
            "en",
            "This username is taken.",
            "Enter a valid email address,",
        ),
        (
            "de",
            "Dieser Benutzername ist schon vergeben.",
            "Geben Sie eine gültige E‑Mail-Adresse ein,",
        ),
    ] {
        let app = TestApp::new().await;
        let mut browser = admin_browser(&app, language).await;
        let lines = form(&["ada", "root", "ben ben%40example.com", "cleo%40", "<i>"]);
        let lines = lines.replace("role=&locale=", "role=user&locale=de");
        let page = browser.post(PAGE, &lines).await;
        let page = browser.page(page, 200).shows(&[
            "role=\"alert\"",
            "href=\"#people\"",
            taken,
            invalid,
            "ben@example.com",
            "<option value=\"de\" selected",
            "<option value=\"\"",
        ]);
        assert_eq!(
            shown_again(&page.0),
            Some("root\ncleo@\n&lt;i&gt;"),
            "{}",
            page.0
        );
        assert_eq!(links(&page.0).len(), 1, "{}", page.0);
        // The page with the link stays open.
        assert!(page.0.contains("target=\"_blank\""), "{}", page.0);
        // The link of an address is mailed.
        app.one_mail().await;
        assert_eq!(count(&app).await, 3);

        let page = browser
            .post(PAGE, &form(&["rose", "cleo%40example.com"]))
            .await;
        let page = browser.page(page, 200);
        assert_eq!(links(&page.0).len(), 1, "{}", page.0);
        assert_eq!(shown_again(&page.0), None, "{}", page.0);
        app.one_mail().await;
        assert_eq!(count(&app).await, 5);
    }
}

#[tokio::test]
async fn a_form_that_invites_no_one_has_the_status_of_its_first_error() {
    let app = TestApp::new().await;
    let mut browser = admin_browser(&app, "en").await;
    let many: Vec<String> = (0..21).map(|number| format!("user{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let by =
        |way: &str, lines: &[&str]| form(lines).replace("delivery=", &format!("delivery={way}"));
    for (form, status, text) in [
        (form(&[]), 422, "Enter at least one user."),
        (form(&[" ", ""]), 422, "Enter at least one user."),
        (form(&many), 422, "Enter at most 20 users."),
        (form(&["root", "_"]), 409, "This username is taken."),
        (form(&["ada lovelace"]), 422, "A username starts with"),
        (
            form(&["root%40example.com"]),
            409,
            "An account with this email address already exists.<",
        ),
        (by("mail", &["ada"]), 422, "Enter an email address."),
        (
            by("link", &["ada%40example.com"]),
            422,
            "Write a username before the address",
        ),
        (by("owl", &["ada"]), 422, "Choose an entry from the list."),
        (form(&["ada"]) + "&name=Ada", 422, "role=\"alert\""),
    ] {
        let page = browser.post(PAGE, &form).await;
        let page = browser.page(page, status).shows(&[text, "role=\"alert\""]);
        assert!(shown_again(&page.0).is_some(), "{}", page.0);
        assert!(links(&page.0).is_empty(), "{}", page.0);
        assert!(!page.0.contains("_blank"), "{}", page.0);
    }
    assert_eq!(count(&app).await, 1);
    let page = browser.post(PAGE, &form(&many[..20])).await;
    assert_eq!(links(&browser.page(page, 200).0).len(), 20);
}

/// A-13, M-01.
#[tokio::test]
async fn inviting_several_admins_asks_once_for_the_password_and_the_code() {
    let app = TestApp::new().await;
    let mut browser = admin_browser(&app, "en").await;
    let root = app.sign_in("root").await;
    let (enrolment, _) = enrol(&app, &root, "Phone").await;
    let form = form(&["eve", "root", "zoe"]).replace("role=", "role=admin");
    let asked = browser.post(PAGE, &form).await;
    let asked = browser.page(asked, 401).shows(&[
        "id=\"code\"",
        "id=\"password\"",
        "<option value=\"admin\" selected>",
    ]);
    assert_eq!(shown_again(&asked.0), Some("eve\r\nroot\r\nzoe"));
    let wrong = format!("{form}&password=wrong&code=000000");
    let refused = browser.post(PAGE, &wrong).await;
    browser.page(refused, 401).shows(&["id=\"password-fault\""]);
    let found = app.doorward.operator.find_by_name("eve").await;
    assert!(found.is_err(), "{found:?}");
    let code = code(&app, &enrolment);
    let right = format!("{form}&password={}&code={code}", PASSWORD.replace(' ', "+"));
    let page = browser.post(PAGE, &right).await;
    let page = browser.page(page, 200);
    assert_eq!(links(&page.0).len(), 2, "{}", page.0);
    // The proof counts for the line that is corrected.
    assert_eq!(shown_again(&page.0), Some("root"));
    assert!(!page.0.contains("id=\"password\""), "{}", page.0);
    let again = form.replace("eve%0D%0Aroot%0D%0Azoe", "rose");
    let page = browser.post(PAGE, &again).await;
    assert_eq!(links(&browser.page(page, 200).0).len(), 1);
}

/// What was created is shown, also if the rest is not.
#[tokio::test]
async fn a_line_over_a_limit_leaves_the_others() {
    let app = TestApp::new().await;
    let mut browser = admin_browser(&app, "en").await;
    // Three mails an hour from one network to one mailbox.
    for name in ["a", "b", "c"] {
        let lines = form(&[&format!("{name} ben%40example.org")]);
        let page = browser.post(PAGE, &lines).await;
        browser.page(page, 200);
    }
    let page = browser
        .post(PAGE, &form(&["ada", "d ben%40example.org"]))
        .await;
    let page = browser
        .page(page, 200)
        .shows(&["Too many attempts. Try again in"]);
    assert_eq!(links(&page.0).len(), 1, "{}", page.0);
    assert_eq!(shown_again(&page.0), Some("d ben@example.org"));
    app.mails().await;
}
