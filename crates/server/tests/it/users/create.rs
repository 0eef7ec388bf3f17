//! `POST /user`: sign up.

use serde_json::json;

use crate::support::{PASSWORD, TestApp, summary};

#[tokio::test]
async fn a_sign_up_with_an_address_is_pending_and_a_confirmation_goes_out() {
    let app = TestApp::new().await;
    let body = json!({"username": "Ben", "email": "Ben@Example.com", "password": PASSWORD, "name": "Ben B", "data": {"a": 1}});
    let answer = app.anon().post("/user", body).await.expect(201);
    let user = answer.json();
    let id = user["id"].as_str().unwrap();
    assert_eq!(answer.header("location"), Some(format!("https://accounts.example/user/{id}").as_str()));
    assert_eq!(answer.header("etag"), Some("\"1\""));
    assert_eq!(
        user,
        json!({"id": id, "username": "Ben", "email": null, "pending_email": "Ben@example.com", "name": "Ben B", "role": "user", "status": "pending",
            "data": {"a": 1}, "created_at": "2026-11-21T08:00:00Z", "updated_at": "2026-11-21T08:00:00Z"})
    );
    assert_eq!(summary(&app.mails().await), [("Ben@example.com", "confirm")]);
}
