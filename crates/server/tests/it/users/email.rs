//! `PUT /user/{user}/email` and `DELETE /user/{user}/email/pending`: change the address, cancel a change.

use serde_json::json;

use crate::support::{OTHER_PASSWORD, PASSWORD, TestApp, path_in};

const PATH: &str = "/user/me/email";

#[tokio::test]
async fn a_change_of_the_address_is_pending_until_its_link_is_used() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let body = json!({"email": "new@example.org", "password": PASSWORD});
    let answer = ben.put(PATH, body).await.expect(202);
    assert!(answer.body.is_empty());
    let user = ben.get("/user/me").await.expect(200).json();
    assert_eq!(
        (&user["email"], &user["pending_email"]),
        (&json!("ben@example.com"), &json!("new@example.org"))
    );
    let mails = app.mails().await;
    let to_new = mails
        .iter()
        .find(|mail| mail.to.as_str() == "new@example.org");
    let link = path_in(to_new.unwrap());
    let anonymous = app.anonymous();
    anonymous.request("GET", &link).send().await.expect(200);
    let confirmed = anonymous.request("POST", &link).send().await.expect(200);
    let confirmed = confirmed.json();
    assert_eq!(
        (&confirmed["email"], confirmed.get("pending_email")),
        (&json!("new@example.org"), None)
    );
    // the old mailbox is notified of the change, with an undo link.
    let notice = app.one_mail().await;
    let seen = (notice.to.as_str(), notice.kind.template());
    assert_eq!(seen, ("ben@example.com", "email-changed"));
}

///
#[tokio::test]
async fn a_change_of_the_own_address_reports_each_field() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    for missing in [
        json!({"email": "new@example.org"}),
        json!({"email": "new@example.org", "password": null}),
    ] {
        ben.put(PATH, missing)
            .await
            .assert_field_errors(&[("password", "missing")]);
    }
    let wrong = json!({"email": "new@example.org", "password": OTHER_PASSWORD});
    let refused = ben
        .put("/user/ben/email", wrong)
        .await
        .expect_problem(401, "invalid-credentials");
    assert_eq!(
        refused.header("www-authenticate"),
        Some("Bearer realm=\"doorward\"")
    );
    let body = json!({"email": "nope", "password": 7, "role": "admin"});
    ben.put(PATH, body).await.assert_field_errors(&[
        ("email", "invalid"),
        ("password", "wrong-type"),
        ("role", "unknown"),
    ]);
    ben.put(PATH, json!({}))
        .await
        .assert_field_errors(&[("email", "missing")]);
    let same = json!({"email": "BEN@example.com", "password": PASSWORD});
    ben.put(PATH, same)
        .await
        .assert_field_errors(&[("email", "unchanged")]);
}

#[tokio::test]
async fn a_pending_change_is_cancelled_once_and_its_link_is_invalid() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let body = json!({"email": "new@example.org", "password": PASSWORD});
    ben.put(PATH, body).await.expect(202);
    let mails = app.mails().await;
    let to_new = mails
        .iter()
        .find(|mail| mail.to.as_str() == "new@example.org");
    let stale = ben
        .request("DELETE", "/user/me/email/pending")
        .header("if-match", "\"1\"")
        .send()
        .await;
    stale.expect_problem(412, "precondition-failed");
    let answer = ben.delete("/user/me/email/pending").await.expect(204);
    assert!(answer.body.is_empty());
    let user = ben.get("/user/me").await.expect(200).json();
    assert_eq!(
        (&user["email"], user.get("pending_email")),
        (&json!("ben@example.com"), None)
    );
    let link = path_in(to_new.unwrap());
    let used = app.anonymous().request("POST", &link).send().await;
    used.expect_problem(410, "link-expired");
    ben.delete("/user/me/email/pending")
        .await
        .expect_problem(404, "not-found");
}
