//! `/factor-undo`: the mailbox undoes the first second factor. The rules have their tests in `crates/domain`.

use crate::email_undo::press_the_button;
use crate::factors::enrol;
use crate::support::{Client, TestApp, path_in, summary};

/// A thief with Ben's password has added the first factor. Returns the thief's client and the link in Ben's mailbox.
async fn stolen(app: &TestApp) -> (Client, String) {
    let thief = app.user("ben").await;
    enrol(app, &thief, "Thief's").await;
    let notice = app.one_mail().await;
    assert_eq!(notice.kind.template(), "first-factor-added");
    assert_eq!(notice.to.as_str(), "ben@example.com");
    (thief, path_in(&notice))
}

/// M-02, R-07: viewing changes nothing. The POST ends every session, and a mail to the owner gives access. It works once.
#[tokio::test]
async fn the_link_gives_the_account_back_once() {
    let app = TestApp::new().await;
    let (thief, link) = stolen(&app).await;
    assert!(link.starts_with("/factor-undo/"), "{link}");
    let anonymous = app.anonymous();
    for _ in 0..5 {
        let seen = anonymous.get(&link).await.expect(200);
        assert_eq!(seen.header("cache-control"), Some("no-store"));
        assert_eq!(seen.header("referrer-policy"), Some("no-referrer"));
    }
    assert_eq!(anonymous.request("HEAD", &link).send().await.status, 200);
    thief.get("/auth").await.expect(200);
    let done = anonymous.request("POST", &link).send().await.expect(204);
    assert!(done.body.is_empty() && done.header("set-cookie").is_none());
    let ended = thief.get("/auth").await;
    ended.expect_problem(401, "invalid-token");
    let mails = app.mails().await;
    assert_eq!(summary(&mails), [("ben@example.com", "recover")]);
    for method in ["GET", "POST"] {
        let again = app.anonymous().request(method, &link).send().await;
        again.expect_problem(410, "link-expired");
    }
}

/// M-02, R-07: the page has one button, and is in the reader's language.
#[tokio::test]
async fn a_browser_gets_a_page_with_one_button() {
    let app = TestApp::new().await;
    let (_, link) = stolen(&app).await;
    let done = press_the_button(&app, &link).await;
    assert_eq!(done.header("location"), Some("/sign-in?factors-undone"));
    assert_eq!(app.mails().await.len(), 1);
}
