//! The queued mails in the console.

use doorward_domain::values::Role;
use serde_json::json;

use super::console_access::admin_browser;
use crate::support::{MailServer, PASSWORD, TestApp};

/// The path of the first mail in the list.
fn first_mail(page: &str) -> String {
    let (_, rest) = page.split_once("href=\"/admin/outbox/").unwrap();
    let (id, _) = rest.split_once('"').unwrap();
    format!("/admin/outbox/{id}")
}

async fn sign_up(app: &TestApp) {
    let body = json!({"email": "ada@example.com", "password": PASSWORD});
    app.anonymous().post("/user", body).await.expect(201);
}

#[tokio::test]
async fn an_admin_sees_why_a_mail_does_not_arrive_and_tries_it_again() {
    for (language, texts) in [
        (
            "en",
            [
                "Confirm the address of a sign-up",
                "waiting",
                "failing",
                "tried once",
                "Its link does not work.",
                "The email is tried again. Reload this page to see the result",
            ],
        ),
        (
            "de",
            [
                "Adresse einer Registrierung bestätigen",
                "wartet",
                "schlägt fehl",
                "einmal versucht",
                "Der Link darin funktioniert nicht.",
                "Die E\u{2011}Mail wird noch einmal versucht. Laden Sie diese Seite neu",
            ],
        ),
    ] {
        let [kind, waiting, failing, once, preview, retried] = texts;
        let app = TestApp::new().await;
        let mut browser = admin_browser(&app, language).await;
        sign_up(&app).await;
        let page = browser.get("/admin/outbox").await;
        browser
            .page(page, 200)
            .shows(&[kind, waiting, "<bdi>a***@example.com</bdi>"]);
        app.set_mail_server(MailServer::IsBusy);
        assert!(app.mails().await.is_empty());
        let page = browser.get("/admin/outbox?status=failing").await;
        let page = browser
            .page(page, 200)
            .shows(&[failing, once, "451 cannot deliver"]);
        let mail = first_mail(&page.0);
        let (_, user) = page.0.split_once("href=\"/admin/users/").unwrap();
        let (user, _) = user.split_once('"').unwrap();
        let page = browser.get(&format!("/admin/users/{user}")).await;
        let link = format!("<a href=\"{mail}\">{kind}</a>");
        browser
            .page(page, 200)
            .shows(&[&link, failing, "451 cannot deliver"]);
        let page = browser.get(&mail).await;
        let page = browser
            .page(page, 200)
            .shows(&[kind, preview, "/confirmation/", once]);
        assert!(!page.0.contains("ada@example.com</bdi>"), "{}", page.0);

        app.set_mail_server(MailServer::Accepts);
        let answer = browser.post(&format!("{mail}/retry"), "").await.expect(303);
        assert_eq!(
            answer.header("location"),
            Some("/admin/outbox?done=retried")
        );
        let page = browser.get("/admin/outbox?done=retried").await;
        browser.page(page, 200).shows(&[retried]);
        assert_eq!(app.one_mail().await.to.as_str(), "ada@example.com");
        browser.get(&mail).await.expect(404);
        let detail = format!("{kind} · <bdi>sign-up ");
        for event in ["mail-viewed", "mail-retried", "mail-sent"] {
            let page = browser.get(&format!("/admin/audit?event={event}")).await;
            browser.page(page, 200).shows(&[&detail]);
        }
    }
}

/// "Ada's mail does not arrive": the page of the user leads to what the mail server accepted.
#[tokio::test]
async fn an_accepted_mail_is_in_the_log_of_its_user() {
    for (language, kind, accepted) in [
        ("en", "Confirm the address of a sign-up", "Email sent"),
        (
            "de",
            "Adresse einer Registrierung bestätigen",
            "E\u{2011}Mail gesendet",
        ),
    ] {
        let app = TestApp::new().await;
        let mut browser = admin_browser(&app, language).await;
        sign_up(&app).await;
        let page = browser.get("/admin/outbox").await;
        let page = browser.page(page, 200);
        let mail = first_mail(&page.0).replace("/admin/outbox/", "");
        let (_, user) = page.0.split_once("href=\"/admin/users/").unwrap();
        let (user, _) = user.split_once('"').unwrap();
        let log = format!("/admin/audit?user={user}&event=mail-sent");
        let before = browser.get(&log).await;
        assert!(!browser.page(before, 200).0.contains(&mail));
        app.one_mail().await;
        let link = format!("href=\"{}\"", log.replace('&', "&amp;"));
        let page = browser.get(&format!("/admin/users/{user}")).await;
        browser.page(page, 200).shows(&[&link]);
        let detail = format!("{kind} · <bdi>sign-up {mail}</bdi>");
        let page = browser.get(&log).await;
        browser.page(page, 200).shows(&[accepted, &detail]);
    }
}

/// A mail to reset a password is requested by address: it has no user.
#[tokio::test]
async fn a_mail_names_its_user_also_if_it_was_requested_by_address() {
    let app = TestApp::new().await;
    let mut browser = admin_browser(&app, "en").await;
    let ben = app.create("ben", Role::User).await;
    let by_address = json!({"email": "ben@example.com"});
    let asked = app.anonymous().post("/recovery", by_address).await;
    asked.expect(202);
    let link = format!(
        "<a href=\"/admin/users/{}\"><bdi>ben</bdi></a> · <bdi>b***@example.com</bdi>",
        ben.id
    );
    let list = browser.get("/admin/outbox").await;
    let list = browser.page(list, 200).shows(&[&link]);
    let page = browser.get(&first_mail(&list.0)).await;
    browser.page(page, 200).shows(&[&link]);
    let page = browser.get(&format!("/admin/users/{}", ben.id)).await;
    let page = browser.page(page, 200).shows(&["Reset the password"]);
    assert!(!page.0.contains(&link), "{}", page.0);
    app.mails().await;
}

/// a thief could hide the notices about what they do.
#[tokio::test]
async fn deleting_a_mail_asks_for_the_password_if_the_sign_in_is_not_recent() {
    for (language, ask, deleted) in [
        ("en", "Delete this email?", "The email is deleted."),
        (
            "de",
            "Diese E\u{2011}Mail löschen?",
            "Die E\u{2011}Mail ist gelöscht.",
        ),
    ] {
        let app = TestApp::new().await;
        let mut browser = admin_browser(&app, language).await;
        sign_up(&app).await;
        let page = browser.get("/admin/outbox").await;
        let deletion = format!("{}/delete", first_mail(&browser.page(page, 200).0));
        app.advance_seconds(301);
        let page = browser.get(&deletion).await;
        browser.page(page, 200).shows(&[ask, "id=\"password\""]);
        let refused = browser.post(&deletion, "password=wrong").await;
        browser.page(refused, 401).shows(&["id=\"password-fault\""]);
        let form = format!("password={}", PASSWORD.replace(' ', "+"));
        browser.post(&deletion, &form).await.expect(303);
        let page = browser.get("/admin/outbox?done=deleted").await;
        let page = browser.page(page, 200).shows(&[deleted]);
        assert!(!page.0.contains("a***@example.com"), "{}", page.0);
        assert!(app.mails().await.is_empty());
        browser.post(&deletion, &form).await.expect(404);
    }
}

#[tokio::test]
async fn an_admin_sends_a_test_mail_to_the_own_address() {
    let app = TestApp::new().await;
    let mut browser = admin_browser(&app, "en").await;
    let answer = browser.post("/admin/outbox/test", "").await.expect(303);
    assert_eq!(answer.header("location"), Some("/admin/outbox?done=tested"));
    let page = browser.get("/admin/outbox?done=tested").await;
    browser
        .page(page, 200)
        .shows(&["The test email will be sent.", "Test email"]);
    assert_eq!(app.one_mail().await.to.as_str(), "root@example.com");
    // Without the cookie of the form, a link says nothing.
    browser.cookies.remove("__Host-doorward-outcome");
    let page = browser.get("/admin/outbox?done=tested").await;
    let page = browser.page(page, 200);
    assert!(!page.0.contains("will be sent"), "{}", page.0);
}

#[tokio::test]
async fn a_mail_that_failed_permanently_says_so() {
    let app = TestApp::new().await;
    let mut browser = admin_browser(&app, "en").await;
    let page = browser.get("/admin/outbox").await;
    let none = "No email is waiting to be sent, and none has failed.";
    browser.page(page, 200).shows(&[none]);
    sign_up(&app).await;
    app.set_mail_server(MailServer::Rejects);
    app.mails().await;
    let page = browser.get("/admin/outbox?status=given-up").await;
    browser
        .page(page, 200)
        .shows(&["<span class=\"badge bad\">failed permanently</span>"]);
    let page = browser.get("/admin/outbox?status=waiting").await;
    browser.page(page, 200).shows(&["There is no such email."]);
    browser.get("/admin/outbox?status=lost").await.expect(422);
}

#[tokio::test]
async fn a_mail_that_is_being_sent_says_so_and_is_not_tried_again() {
    for (language, being_sent, retry) in [
        ("en", "being sent", "<button>Try again now</button>"),
        (
            "de",
            "wird gesendet",
            "<button>Jetzt noch einmal versuchen</button>",
        ),
    ] {
        let app = TestApp::new().await;
        let mut browser = admin_browser(&app, language).await;
        sign_up(&app).await;
        let page = browser.get("/admin/outbox").await;
        let mail = first_mail(&browser.page(page, 200).0);
        app.lease_mails().await;
        let badge = format!("<span class=\"badge\">{being_sent}</span>");
        for path in ["/admin/outbox", &mail] {
            let page = browser.get(path).await;
            let page = browser.page(page, 200).shows(&[&badge]);
            assert!(!page.0.contains(retry), "{}", page.0);
        }
        // The lease ends.
        app.advance_seconds(120);
        let page = browser.get(&mail).await;
        let page = browser.page(page, 200).shows(&[retry]);
        assert!(!page.0.contains(&badge), "{}", page.0);
        app.mails().await;
    }
}

#[tokio::test]
async fn a_mail_that_would_not_be_sent_now_has_no_preview() {
    for (language, words) in [
        ("en", "It would not be sent now"),
        ("de", "Sie würde jetzt nicht gesendet"),
    ] {
        let app = TestApp::new().await;
        let mut browser = admin_browser(&app, language).await;
        let nobody = json!({"email": "nobody@example.com"});
        app.anonymous().post("/recovery", nobody).await.expect(202);
        let page = browser.get("/admin/outbox").await;
        let mail = first_mail(&browser.page(page, 200).0);
        let page = browser.get(&mail).await;
        let page = browser.page(page, 200).shows(&[words]);
        assert!(!page.0.contains("<pre>"), "{}", page.0);
        app.mails().await;
    }
}
