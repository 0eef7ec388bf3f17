//! `GET /user/{user}`.

use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn a_user_sees_themselves_by_each_identifier() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let me = ben.get("/user/me").await.expect(200);
    let user = me.json();
    let id = user["id"].as_str().unwrap();
    assert_eq!(me.header("etag"), Some("\"1\""));
    assert_eq!(
        user,
        json!({"id": id, "username": "ben", "email": "ben@example.com", "name": null, "role": "user", "status": "active", "data": {},
            "created_at": "2026-11-21T08:00:00Z", "updated_at": "2026-11-21T08:00:00Z"})
    );
    for named in ["ben", "BEN", id] {
        assert_eq!(
            ben.get(&format!("/user/{named}")).await.expect(200).json(),
            user,
            "{named}"
        );
    }
    for named in [
        "ME",
        "ben@example.com",
        &id.to_uppercase(),
        "me%2f",
        "b%65n%00",
    ] {
        ben.get(&format!("/user/{named}"))
            .await
            .expect_problem(403, "forbidden");
    }
    let encoded = ben.get("/user/%62en").await.expect(200);
    assert_eq!(encoded.json(), user);
}
