//! Invitations in the console.

use doorward_domain::invitation::NewInvitation;
use doorward_domain::values::{EmailAddress, Role};
use doorward_domain::{Actor, SignUpPolicy};
use serde_json::json;

use super::console_access::admin_browser;
use crate::factors::{code, enrol};
use crate::support::{PASSWORD, PUBLIC_URL, TestApp, path_in};

/// The link that a page shows.
fn shown_link(page: &str) -> String {
    let (_, link) = page
        .split_once(&format!("{PUBLIC_URL}/invitation/"))
        .unwrap();
    let (token, _) = link.split_once('<').unwrap();
    format!("/invitation/{token}")
}

/// The operator invites `NAME@example.com`, by mail.
async fn invite(app: &TestApp, name: &str) {
    let address = format!("{name}@example.com");
    let wanted = NewInvitation {
        username: None,
        email: Some(EmailAddress::parse(&address).unwrap()),
        name: None,
        role: Role::User,
        locale: None,
        delivery: None,
    };
    let ctx = app.ctx(Actor::CommandLine);
    let invited = app.doorward.invitations.invite(&ctx, wanted);
    invited.await.unwrap();
}

#[tokio::test]
async fn an_admin_invites_by_mail_sends_it_again_and_revokes_it() {
    for (language, texts) in [
        (
            "en",
            [
                "Invite a user",
                "The invitation will be sent.",
                "Waiting to be accepted",
                "Send the invitation again?",
                "Revoke this invitation?",
                "The invitation is revoked.",
            ],
        ),
        (
            "de",
            [
                "Jemanden einladen",
                "Die Einladung wird gesendet.",
                "Noch nicht angenommen",
                "Die Einladung noch einmal senden?",
                "Diese Einladung zurückziehen?",
                "Die Einladung ist zurückgezogen.",
            ],
        ),
    ] {
        let [invite, sent, waiting, again, revoke, revoked] = texts;
        let app = TestApp::with(|options| options.policy.sign_up = SignUpPolicy::Invitation).await;
        let mut browser = admin_browser(&app, language).await;
        let page = browser.get("/admin/users/new").await;
        browser
            .page(page, 200)
            .shows(&[invite, "action=\"/admin/users/new\""]);
        let form = "email=ben%40example.com&username=&name=Ben&role=&locale=de&delivery=";
        let answer = browser.post("/admin/users/new", form).await.expect(303);
        assert_eq!(
            answer.header("location"),
            Some("/admin/invitations?done=invitation-sent")
        );
        let first = path_in(&app.one_mail().await);
        let page = browser.get("/admin/invitations?done=invitation-sent").await;
        browser
            .page(page, 200)
            .shows(&[sent, waiting, "<bdi>Ben</bdi>", "ben@example.com"]);

        let admin = app.sign_in("root").await;
        let listed = admin.get("/invitation").await.expect(200).json();
        let id = listed["items"][0]["id"].as_str().unwrap().to_owned();
        let user = format!("/admin/users/{id}");
        let page = browser.get(&user).await;
        browser.page(page, 200).shows(&[
            &format!("href=\"{user}/invitation\""),
            &format!("href=\"{user}/revoke-invitation\""),
        ]);
        let resending = format!("{user}/invitation");
        let page = browser.get(&resending).await;
        browser.page(page, 200).shows(&[again, "ben@example.com"]);
        app.advance_seconds(600);
        let answer = browser.post(&resending, "").await.expect(303);
        assert_eq!(
            answer.header("location"),
            Some(&*format!("{user}?invitation-sent"))
        );
        let page = browser.get(&format!("{user}?invitation-sent")).await;
        browser.page(page, 200).shows(&[sent]);
        let second = path_in(&app.one_mail().await);
        app.anonymous()
            .get(&first)
            .await
            .expect_problem(410, "link-expired");
        app.anonymous().get(&second).await.expect(200);

        let revoking = format!("{user}/revoke-invitation");
        let page = browser.get(&revoking).await;
        browser.page(page, 200).shows(&[revoke]);
        let answer = browser.post(&revoking, "").await.expect(303);
        assert_eq!(
            answer.header("location"),
            Some("/admin/invitations?done=invitation-revoked")
        );
        let page = browser
            .get("/admin/invitations?done=invitation-revoked")
            .await;
        let page = browser.page(page, 200).shows(&[revoked]);
        assert!(!page.0.contains("<bdi>Ben</bdi>"), "{}", page.0);
        app.anonymous()
            .get(&second)
            .await
            .expect_problem(410, "link-expired");
        admin.get(&format!("/user/{id}")).await.expect(404);
    }
}

#[tokio::test]
async fn a_link_that_is_not_mailed_is_shown_once() {
    for (language, once) in [
        ("en", "It is shown only now."),
        ("de", "Er wird nur jetzt gezeigt."),
    ] {
        let app = TestApp::new().await;
        let mut browser = admin_browser(&app, language).await;
        let form = "email=&username=ben&name=&role=&locale=&delivery=link";
        let page = browser.post("/admin/users/new", form).await;
        let page = browser.page(page, 200).shows(&[once, "<bdi>ben</bdi>"]);
        let first = shown_link(&page.0);
        for path in ["/admin/invitations", "/admin/users/ben", "/admin/audit"] {
            let page = browser.get(path).await;
            assert!(
                !browser.page(page, 200).0.contains("/invitation/"),
                "{path}"
            );
        }
        // Sent again, the form invites no one else.
        let page = browser.post("/admin/users/new", form).await;
        browser.page(page, 409).shows(&[
            "id=\"username-fault\"",
            "value=\"ben\"",
            "<option value=\"link\" selected>",
        ]);

        let page = browser.post("/admin/users/ben/invitation", "").await;
        let second = shown_link(&browser.page(page, 200).0);
        app.anonymous()
            .get(&first)
            .await
            .expect_problem(410, "link-expired");
        let body = json!({"password": PASSWORD});
        app.anonymous().post(&second, body).await.expect(200);
        let page = browser.get("/admin/invitations?status=accepted").await;
        browser.page(page, 200).shows(&["<bdi>ben</bdi>"]);
        // Accepted, it can neither be sent again nor be revoked.
        for page in ["invitation", "revoke-invitation"] {
            let page = format!("/admin/users/ben/{page}");
            browser.get(&page).await.expect(303);
            browser.post(&page, "").await.expect(404);
        }
    }
}

/// A-13, M-01.
#[tokio::test]
async fn inviting_an_admin_asks_for_the_password_and_the_code() {
    let app = TestApp::new().await;
    let mut browser = admin_browser(&app, "en").await;
    let root = app.sign_in("root").await;
    let (enrolment, _) = enrol(&app, &root, "Phone").await;
    let form = "email=&username=eve&name=&role=admin&locale=&delivery=link";
    let asked = browser.post("/admin/users/new", form).await;
    browser.page(asked, 401).shows(&[
        "id=\"code\"",
        "id=\"password\"",
        "<option value=\"admin\" selected>",
        "value=\"eve\"",
    ]);
    let wrong = format!("{form}&password=wrong&code=000000");
    let refused = browser.post("/admin/users/new", &wrong).await;
    browser.page(refused, 401).shows(&["id=\"password-fault\""]);
    let code = code(&app, &enrolment);
    let right = format!("{form}&password={}&code={code}", PASSWORD.replace(' ', "+"));
    let page = browser.post("/admin/users/new", &right).await;
    shown_link(&browser.page(page, 200).0);
    let user = app.doorward.operator.find_by_name("eve").await.unwrap();
    assert!(user.is_invited());
}

#[tokio::test]
async fn what_is_missing_is_shown_at_its_field() {
    let app = TestApp::new().await;
    let mut browser = admin_browser(&app, "en").await;
    for (form, fault) in [
        ("email=no+address", "id=\"email-fault\""),
        (
            "email=ben%40example.com&delivery=link",
            "id=\"username-fault\"",
        ),
        ("name=Ben", "class=\"fault\""),
        ("username=ben&role=king", "href=\"#role\""),
    ] {
        let page = browser.post("/admin/users/new", form).await;
        browser.page(page, 422).shows(&[fault]);
    }
}

#[tokio::test]
async fn an_invitation_that_has_expired_is_listed_and_can_be_sent_again() {
    for (language, expired) in [("en", "Expired"), ("de", "Abgelaufen")] {
        let app = TestApp::new().await;
        invite(&app, "ben").await;
        app.one_mail().await;
        app.advance_seconds(8 * 24 * 3600);
        let mut browser = admin_browser(&app, language).await;
        let page = browser.get("/admin/invitations").await;
        let page = browser.page(page, 200);
        assert!(!page.0.contains("ben@example.com"), "{}", page.0);
        let page = browser.get("/admin/invitations?status=expired").await;
        let page = browser.page(page, 200).shows(&[
            &format!("<h2 id=\"list\">{expired}</h2>"),
            "ben@example.com",
            "<time datetime=\"2026-11-28T08:00:00Z\"",
        ]);
        let (before, _) = page.0.split_once("/invitation\"").unwrap();
        let (_, user) = before.rsplit_once('"').unwrap();
        let again = format!("{user}/invitation");
        browser.post(&again, "").await.expect(303);
        app.one_mail().await;
        let page = browser.get("/admin/invitations").await;
        browser.page(page, 200).shows(&["ben@example.com"]);
    }
}

#[tokio::test]
async fn white_space_around_the_filter_of_invitations_and_of_mails_is_ignored() {
    let app = TestApp::new().await;
    invite(&app, "ben").await;
    let mut browser = admin_browser(&app, "en").await;
    for (list, heading) in [
        ("invitations?status=+pending%20", "Waiting to be accepted"),
        ("outbox?status=%09waiting+", "Waiting"),
    ] {
        let page = browser.get(&format!("/admin/{list}")).await;
        browser
            .page(page, 200)
            .shows(&[&format!("<h2 id=\"list\">{heading}</h2>"), "<h3>"]);
    }
    app.one_mail().await;
}

/// The invitations, and their mails.
#[tokio::test]
async fn a_long_list_leads_to_older_entries_and_back_to_the_newest() {
    let app = TestApp::new().await;
    for number in 0..51 {
        invite(&app, &format!("ben{number}")).await;
    }
    let mut browser = admin_browser(&app, "en").await;
    for (list, sizes) in [
        ("/admin/invitations?status=pending", &[25, 25, 1][..]),
        ("/admin/outbox?status=waiting", &[50, 1]),
    ] {
        let newest = format!("href=\"{list}\">Newest</a>");
        let mut path = list.to_owned();
        for (number, size) in sizes.iter().enumerate() {
            let page = browser.get(&path).await;
            let page = browser.page(page, 200).0;
            assert_eq!(page.matches("<h3>").count(), *size, "{path}");
            assert_eq!(page.contains(&newest), number > 0, "{path}");
            let older = page.split_once("\">Older</a>");
            assert_eq!(older.is_some(), number + 1 < sizes.len(), "{path}");
            if let Some((before, _)) = older {
                let (_, link) = before.rsplit_once('"').unwrap();
                path = link.replace("&amp;", "&");
            }
        }
    }
    app.mails().await;
}
