//! `GET /user/{user}`.

use doorward_domain::values::Role;
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
        json!({"id": id, "username": "ben", "email": "ben@example.com", "name": null, "role": "user", "status": "active", "locale": null, "data": {},
            "created_at": "2026-11-21T08:00:00Z", "updated_at": "2026-11-21T08:00:00Z", "last_sign_in_at": "2026-11-21T08:00:00Z"})
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

#[tokio::test]
async fn a_sign_in_changes_the_time_of_the_last_one_but_not_the_etag() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let created = app.create("ben", Role::User).await;
    let before = admin.get("/user/ben").await.expect(200);
    assert_eq!(before.json().get("last_sign_in_at"), None);
    app.sign_in("ben").await;
    app.advance_seconds(3600);
    let ben = app.sign_in("ben").await;
    for answer in [admin.get("/user/ben").await, ben.get("/user/me").await] {
        let answer = answer.expect(200);
        assert_eq!(answer.header("etag"), before.header("etag"));
        assert_eq!(answer.json()["last_sign_in_at"], "2026-11-21T09:00:00Z");
    }
    let list = admin.get("/user?limit=200").await.expect(200).json();
    let items = list["items"].as_array().unwrap();
    let listed = items
        .iter()
        .find(|user| user["id"] == created.id.to_string());
    assert_eq!(listed.unwrap()["last_sign_in_at"], "2026-11-21T09:00:00Z");
    // Responses to changes have it, too.
    let admin = app.sign_in("root").await;
    let name = json!({"name": "Ben"});
    for answer in [
        ben.put("/user/me", name.clone()).await,
        ben.patch("/user/me", name).await,
        admin.put("/user/ben/role", json!({"role": "user"})).await,
        admin
            .put("/user/ben/status", json!({"status": "active"}))
            .await,
    ] {
        let user = answer.expect(200).json();
        assert_eq!(user["last_sign_in_at"], "2026-11-21T09:00:00Z");
    }
}
