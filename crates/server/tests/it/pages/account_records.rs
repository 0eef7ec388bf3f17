//! The pages of the account area that show what is recorded: the activity and the stored data.

use doorward_domain::model::AuditKind;
use serde_json::json;

use super::account::signed_in;
use super::browser::Browser;
use crate::support::TestApp;

#[tokio::test]
async fn the_activity_is_in_words_and_leads_to_a_new_password() {
    for (language, signed_in_text, changed) in [
        ("en", ">Signed in</h3>", ">Profile changed</h3>"),
        ("de", ">Angemeldet</h3>", ">Profil geändert</h3>"),
    ] {
        let app = TestApp::new().await;
        let mut browser = signed_in(&app, language).await;
        let ben = app.sign_in("ben").await;
        ben.put("/user/me", json!({"name": "Ben"}))
            .await
            .expect(200);
        let page = browser.get("/account/activity").await;
        let page = browser.page(page, 200).shows(&[
            signed_in_text,
            changed,
            "class=\"button\" href=\"/account/password\"",
            "href=\"/account/devices/sign-out-others\"",
        ]);
        assert!(!page.0.contains("cursor="));
        // What someone else did says so.
        let root = app.admin().await;
        let status = json!({"status": "active"});
        root.put("/user/ben/role", json!({"role": "admin"}))
            .await
            .expect(200);
        root.put("/user/ben/status", status).await.expect(200);
        let by_admin = if language == "de" {
            "von einem Admin"
        } else {
            "by an admin"
        };
        let mut other = signed_in_again(&app, language).await;
        let page = other.get("/account/activity").await;
        other.page(page, 200).shows(&[by_admin]);
    }
}

async fn signed_in_again(app: &TestApp, language: &'static str) -> Browser {
    let mut browser = Browser::new(app, language);
    let form = "username=ben&password=plum+cake+on+sundays";
    browser.post("/sign-in", form).await.expect(303);
    browser
}

#[tokio::test]
async fn older_activity_is_on_the_next_page() {
    let app = TestApp::new().await;
    let mut browser = signed_in(&app, "en").await;
    for name in 0..30 {
        let form = format!("name=Ben+{name}&locale=");
        browser.post("/account/profile", &form).await.expect(303);
        app.advance_seconds(1);
    }
    let page = browser.get("/account/activity").await;
    let page = browser.page(page, 200);
    assert_eq!(page.0.matches("<h3 ").count(), 25);
    let (_, rest) = page
        .0
        .split_once("href=\"/account/activity?cursor=")
        .unwrap();
    let cursor = rest.split('"').next().unwrap();
    let page = browser
        .get(&format!("/account/activity?cursor={cursor}"))
        .await;
    let page = browser.page(page, 200).shows(&[">Newest</a>"]);
    let count = page.0.matches("<h3 ").count();
    assert!((5..25).contains(&count), "{count}");
    assert!(!page.0.contains("href=\"/account/activity?cursor="));
    browser.get("/account/activity?cursor=x").await.expect(400);
}

#[tokio::test]
async fn each_entry_that_someone_else_can_have_caused_leads_to_a_new_password() {
    let app = TestApp::new().await;
    let mut browser = signed_in(&app, "en").await;
    let form = "name=Ben&locale=";
    browser.post("/account/profile", form).await.expect(303);
    let page = browser.get("/account/activity").await;
    let page = browser.page(page, 200);
    let entry = |words: &str| {
        let (_, rest) = page.0.split_once(&format!(">{words}</h3>")).unwrap();
        rest.split("</li>").next().unwrap().to_owned()
    };
    let link = "<a href=\"/account/password?not-me\"";
    assert!(entry("Signed in").contains(link), "{}", page.0);
    assert!(!entry("Profile changed").contains(link), "{}", page.0);
    let page = browser.get("/account/password?not-me").await;
    let page = browser.page(page, 200);
    page.shows(&["that also signs out your other devices", " autofocus"]);
}

/// Anyone can ask for it: it must not look like something that the server does by itself.
#[tokio::test]
async fn the_mail_of_a_recovery_is_said_to_be_asked_for() {
    for (language, words, not) in [
        (
            "en",
            ">Someone asked to reset the password;",
            "automatically",
        ),
        (
            "de",
            ">Jemand wollte das Passwort zurücksetzen;",
            "automatisch",
        ),
    ] {
        let app = TestApp::new().await;
        let mut browser = signed_in(&app, language).await;
        let address = json!({"email": "ben@example.com"});
        app.anonymous().post("/recovery", address).await.expect(202);
        app.one_mail().await;
        let page = browser.get("/account/activity").await;
        let page = browser.page(page, 200).shows(&[words]);
        assert!(!page.0.contains(not), "{}", page.0);
    }
}

#[tokio::test]
async fn each_kind_of_activity_has_words_of_its_own() {
    let english = include_str!("../../../../messages/locales/en.ftl");
    let (_, rest) = english.split_once("\nactivity = {").unwrap();
    let (variants, _) = rest.split_once("\n}").unwrap();
    for kind in AuditKind::ACTIVITY {
        assert!(
            variants.contains(&format!("[{}]", kind.as_str())),
            "{kind:?}"
        );
    }
}

#[tokio::test]
async fn the_stored_data_can_be_seen_and_downloaded() {
    let app = TestApp::new().await;
    let mut browser = signed_in(&app, "en").await;
    let page = browser.get("/account/data").await;
    browser.page(page, 200).shows(&[
        "No application has stored anything",
        "for 400 days",
        "at most 30 days",
        "since you last entered a code",
        "for 24 hours after",
        "for another 14 days",
    ]);
    // The page has the categories of the export.
    let page = browser.get("/account/data").await;
    let page = browser.page(page, 200);
    let (_, list) = page.0.split_once("id=\"stored\"").unwrap();
    let (list, _) = list.split_once("</dl>").unwrap();
    let export = browser.get("/user/me/export").await.expect(200).json();
    let categories = export["retention"].as_array().unwrap().len();
    assert_eq!(list.matches("<dt>").count(), categories);
    assert!(export.to_string().contains("400 days; after"), "{export}");
    let user = "until the account is deleted, 14 days after";
    assert!(export.to_string().contains(user), "{export}");
    let ben = app.sign_in("ben").await;
    let profile = json!({"data": {"colour": "<b>ultramarine</b>"}});
    ben.put("/user/me", profile).await.expect(200);
    let page = browser.get("/account/data").await;
    browser.page(page, 200).shows(&[
        "&quot;colour&quot;: &quot;&lt;b&gt;ultramarine",
        "href=\"/user/me/export\" download",
    ]);
    let file = browser.get("/user/me/export").await.expect(200);
    let name = file.header("content-disposition").unwrap();
    assert_eq!(name, "attachment; filename=\"doorward-2026-11-21.json\"");
    assert_eq!(file.json()["user"]["data"]["colour"], "<b>ultramarine</b>");
    for path in ["/account/activity", "/account/data"] {
        let mut other = Browser::new(&app, "en");
        let expected = format!("/sign-in?return_to={}", path.replace('/', "%2F"));
        Browser::redirected(other.get(path).await, &expected);
    }
}
