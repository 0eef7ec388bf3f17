//! `/recovery`: a new password with a mailed link.

use serde_json::json;

use crate::support::{OTHER_PASSWORD, PASSWORD, TestApp, path_in, summary};

async fn recovery_link(app: &TestApp, email: &str) -> String {
    app.anonymous()
        .post("/recovery", json!({"email": email}))
        .await
        .expect(202);
    path_in(&app.one_mail().await)
}

///
#[tokio::test]
async fn a_link_sets_the_password_once_and_creates_no_session() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let link = recovery_link(&app, "BEN@example.com").await;
    let anonymous = app.anonymous();
    for _ in 0..3 {
        let seen = anonymous.get(&link).await.expect(200).json();
        assert_eq!(
            seen,
            json!({"message": "POST `new_password` to this URL to set it."})
        );
    }
    ben.get("/auth").await.expect(200);
    let answer = anonymous
        .post(&link, json!({"new_password": OTHER_PASSWORD}))
        .await
        .expect(204);
    assert!(answer.body.is_empty() && answer.header("set-cookie").is_none());
    ben.get("/auth").await.expect_problem(401, "invalid-token");
    assert_eq!(
        summary(&app.mails().await),
        [("ben@example.com", "password-changed")]
    );
    anonymous
        .get(&link)
        .await
        .expect_problem(410, "link-expired");
    anonymous
        .post(&link, json!({"new_password": "a third one for luck"}))
        .await
        .expect_problem(410, "link-expired");
    let anonymous = app.anonymous();
    anonymous
        .post("/auth", json!({"username": "ben", "password": PASSWORD}))
        .await
        .expect(401);
    anonymous
        .post(
            "/auth",
            json!({"username": "ben", "password": OTHER_PASSWORD}),
        )
        .await
        .expect(201);
}

/// The response reveals nothing about the address.
#[tokio::test]
async fn a_request_gets_the_same_response_for_every_address() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    app.pending("pending").await;
    for name in ["active", "disabled"] {
        app.user(name).await;
    }
    admin
        .put("/user/disabled/status", json!({"status": "disabled"}))
        .await
        .expect(200);
    let mut answers = Vec::new();
    for name in ["active", "disabled", "pending", "nobody"] {
        let email = format!("{name}@example.com");
        let answer = app
            .anonymous()
            .post("/recovery", json!({"email": email}))
            .await
            .expect(202);
        answers.push((
            answer.body.clone(),
            answer.headers_without(&["x-request-id"]),
        ));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    assert_eq!(
        summary(&app.mails().await),
        [("active@example.com", "recover")]
    );
}

/// P-01, R-08.
#[tokio::test]
async fn a_rejected_password_is_reported_by_field() {
    let app = TestApp::new().await;
    app.user("ben").await;
    let link = recovery_link(&app, "ben@example.com").await;
    let anonymous = app.anonymous();
    anonymous
        .post(&link, json!({}))
        .await
        .assert_field_errors(&[("new_password", "missing")]);
    for (new, code) in [
        (json!("1234567"), "too-short"),
        (json!("iloveyou"), "common"),
        (json!("ben@example.com"), "too-personal"),
        (json!([]), "wrong-type"),
    ] {
        anonymous
            .post(&link, json!({"new_password": new}))
            .await
            .assert_field_errors(&[("new_password", code)]);
    }
    let more = json!({"new_password": OTHER_PASSWORD, "email": "eve@example.com", "role": "admin"});
    anonymous
        .post(&link, more)
        .await
        .assert_field_errors(&[("email", "unknown"), ("role", "unknown")]);
}
