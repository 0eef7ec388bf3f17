//! `POST /auth/renewal`: a new token for the session.

use serde_json::json;

use crate::support::{Client, TestApp};

const PATH: &str = "/auth/renewal";

async fn renew(client: &Client) -> Client {
    let renewed = client.request("POST", PATH).send().await.expect(200).json();
    client.with_token(renewed["token"].as_str().unwrap())
}

/// J-08.
#[tokio::test]
async fn the_old_token_dies_after_its_grace_and_shown_later_ends_the_session() {
    let app = TestApp::new().await;
    let (old, elsewhere) = (app.user("ben").await, app.sign_in("ben").await);
    app.advance_seconds(3600);
    let answer = old.request("POST", PATH).send().await.expect(200).json();
    assert_eq!(
        (&answer["expires_in"], &answer["expires_at"]),
        (&json!(86_400), &json!("2026-11-22T09:00:00Z"))
    );
    let new = old.with_token(answer["token"].as_str().unwrap());
    assert_ne!(old.token, new.token);
    app.advance_seconds(30);
    old.get("/auth").await.expect(200);
    new.get("/auth").await.expect(200);
    app.advance_seconds(1);
    old.get("/auth").await.expect_problem(401, "invalid-token");
    new.get("/auth").await.expect_problem(401, "invalid-token");
    elsewhere.get("/auth").await.expect(200);
}

#[tokio::test]
async fn an_answer_that_was_lost_can_be_asked_for_again_within_the_grace() {
    let app = TestApp::new().await;
    let old = app.user("ben").await;
    let first = renew(&old).await;
    app.advance_seconds(10);
    let second = renew(&old).await;
    for client in [&first, &second] {
        client.get("/auth").await.expect(200);
    }
}

/// S-04: thirty days from sign-in, to the second.
#[tokio::test]
async fn a_session_is_prolonged_up_to_thirty_days() {
    let app = TestApp::new().await;
    let mut client = app.user("ben").await;
    for _ in 0..59 {
        app.advance_seconds(12 * 3600);
        client = renew(&client).await;
    }
    let session = client.get("/auth").await.expect(200).json();
    assert_eq!(session["session"]["expires_at"], "2026-12-21T08:00:00Z");
    app.advance_seconds(12 * 3600 - 1);
    client.get("/auth").await.expect(200);
    app.advance_seconds(1);
    client
        .request("POST", PATH)
        .send()
        .await
        .expect_problem(401, "invalid-token");
}

#[tokio::test]
async fn a_session_that_has_ended_is_not_renewed() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    ben.delete("/auth").await.expect(204);
    ben.request("POST", PATH)
        .send()
        .await
        .expect_problem(401, "invalid-token");
    app.anon()
        .request("POST", PATH)
        .send()
        .await
        .expect_problem(401, "authentication-required");
}

#[tokio::test]
async fn a_renewal_keeps_the_sessions_name() {
    let app = TestApp::new().await;
    let old = app.user("ben").await;
    let before = old.get("/auth").await.json();
    let after = renew(&old).await.get("/auth").await.expect(200).json();
    assert_eq!(before["session"]["id"], after["session"]["id"]);
    assert_eq!(
        before["session"]["created_at"],
        after["session"]["created_at"]
    );
}
