//! The signing keys in the console.

use super::console_access::admin_browser;
use crate::support::{PASSWORD, TestApp};

#[tokio::test]
async fn an_admin_creates_a_new_key_and_sees_the_age_and_the_use_of_each() {
    for (language, texts) in [
        (
            "en",
            [
                "Create a new signing key?",
                "The new key signs sessions now.",
                "signs sessions",
                "signs tokens",
                "verifies only",
                "less than a day old",
                "a day old",
                "replaced; verifies until",
            ],
        ),
        (
            "de",
            [
                "Einen neuen Signaturschlüssel erzeugen?",
                "Der neue Schlüssel signiert jetzt Sitzungen.",
                "signiert Sitzungen",
                "signiert Token",
                "prüft nur",
                "weniger als einen Tag alt",
                "einen Tag alt",
                "ersetzt; prüft bis",
            ],
        ),
    ] {
        let [ask, done, sessions, tokens, verifies, new, day, until] = texts;
        let app = TestApp::new().await;
        let old = app.doorward.keys.list().await.unwrap().remove(0).kid;
        app.advance_seconds(24 * 3600);
        let mut browser = admin_browser(&app, language).await;
        let good = |text: &str| format!("<span class=\"badge good\">{text}</span>");
        let page = browser.get("/admin/keys").await;
        browser.page(page, 200).shows(&[
            &format!("<code>{old}</code> {} {}", good(sessions), good(tokens)),
            day,
            "href=\"/admin/keys/rotate\"",
            "<code>doorward keys revoke</code>",
        ]);
        let page = browser.get("/admin/keys/rotate").await;
        let page = browser.page(page, 200).shows(&[ask]);
        assert!(!page.0.contains("id=\"password\""), "{}", page.0);
        let answer = browser.post("/admin/keys/rotate", "").await.expect(303);
        let list = "/admin/keys?done=rotated";
        assert_eq!(answer.header("location"), Some(list));
        let new_kid = app.doorward.keys.list().await.unwrap().remove(0).kid;
        let page = browser.get(list).await;
        browser.page(page, 200).shows(&[
            done,
            &format!("<code>{new_kid}</code> {}", good(sessions)),
            &format!("<code>{old}</code> {}", good(tokens)),
            new,
            until,
        ]);
        app.advance_seconds(600);
        let page = browser.get("/admin/keys").await;
        browser.page(page, 200).shows(&[
            &format!("<code>{new_kid}</code> {} {}", good(sessions), good(tokens)),
            &format!("<code>{old}</code> <span class=\"badge\">{verifies}</span>"),
        ]);
    }
}

/// a thief of a session cannot do it.
#[tokio::test]
async fn a_new_key_asks_for_the_password_if_the_sign_in_is_not_recent() {
    let app = TestApp::new().await;
    let mut browser = admin_browser(&app, "en").await;
    app.advance_seconds(301);
    let page = browser.get("/admin/keys/rotate").await;
    browser.page(page, 200).shows(&["id=\"password\""]);
    let refused = browser.post("/admin/keys/rotate", "password=wrong").await;
    browser.page(refused, 401).shows(&["id=\"password-fault\""]);
    assert_eq!(app.doorward.keys.list().await.unwrap().len(), 1);
    let form = format!("password={}", PASSWORD.replace(' ', "+"));
    browser.post("/admin/keys/rotate", &form).await.expect(303);
    assert_eq!(app.doorward.keys.list().await.unwrap().len(), 2);
}
