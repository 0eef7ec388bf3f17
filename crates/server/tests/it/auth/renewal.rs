//! `POST /auth/renewal`: a new token for the session.

use serde_json::json;

use crate::support::TestApp;

const PATH: &str = "/auth/renewal";

/// J-08.
#[tokio::test]
async fn a_renewal_returns_a_new_token_of_the_same_session() {
    let app = TestApp::new().await;
    let old = app.user("ben").await;
    let before = old.get("/auth").await.expect(200).json();
    app.advance_seconds(3600);
    let answer = old.request("POST", PATH).send().await.expect(200).json();
    assert_eq!(
        (&answer["expires_in"], &answer["expires_at"]),
        (&json!(86_400), &json!("2026-11-22T09:00:00Z"))
    );
    let new = old.with_token(answer["token"].as_str().unwrap());
    assert_ne!(old.token, new.token);
    let after = new.get("/auth").await.expect(200).json();
    for field in ["id", "created_at"] {
        assert_eq!(before["session"][field], after["session"][field]);
    }
    new.delete("/auth").await.expect(204);
    new.request("POST", PATH)
        .send()
        .await
        .expect_problem(401, "invalid-token");
}
