//! `/signing-key`: the signing keys and their rotation, for admins.

use serde_json::{Value, json};

use crate::support::{Client, PASSWORD, TestApp};

async fn keys(admin: &Client) -> Vec<Value> {
    let answer = admin.get("/signing-key").await.expect(200);
    answer.json()["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn an_admin_creates_a_new_key_and_sees_what_each_is_used_for() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let first = keys(&admin).await.remove(0);
    let expected = json!({
        "kid": first["kid"], "created_at": "2026-11-21T08:00:00Z", "retired_at": null,
        "signs_sessions": true, "signs_audience_tokens": true, "verifies_until": null,
    });
    assert_eq!(first, expected);
    app.advance_seconds(60);
    let rotate = admin.request("POST", "/signing-key");
    let created = rotate.send().await.expect(201).json();
    let expected = json!({
        "kid": created["kid"], "created_at": "2026-11-21T08:01:00Z", "retired_at": null,
        "signs_sessions": true, "signs_audience_tokens": false, "verifies_until": null,
    });
    assert_eq!(created, expected);
    let replaced = json!({
        "kid": first["kid"], "created_at": "2026-11-21T08:00:00Z",
        "retired_at": "2026-11-21T08:01:00Z", "signs_sessions": false,
        "signs_audience_tokens": true, "verifies_until": "2026-11-22T09:01:00Z",
    });
    assert_eq!(keys(&admin).await, [created.clone(), replaced]);
    // No session ends, and both keys are in the JWKS.
    admin.get("/auth").await.expect(200);
    let jwks = app.anonymous().get("/.well-known/jwks.json").await.json();
    assert_eq!(jwks["keys"][0]["kid"], created["kid"]);
    assert_eq!(jwks["keys"][1]["kid"], first["kid"]);
    let audit = admin.get("/audit?event=key-rotated").await.expect(200);
    let event = &audit.json()["items"][0];
    let me = admin.get("/user/me").await.json();
    let actor = format!("user:{}", me["id"].as_str().unwrap());
    assert_eq!(
        (&event["detail"], &event["actor"]),
        (&created["kid"], &json!(actor))
    );
}

/// a thief of a session cannot do it.
#[tokio::test]
async fn a_new_key_needs_a_recent_password() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    app.advance_seconds(301);
    let refused = admin.request("POST", "/signing-key").send().await;
    refused.expect_problem(401, "reauthentication-required");
    let proof = json!({"password": PASSWORD});
    admin.post("/signing-key", proof).await.expect(201);
    assert_eq!(keys(&admin).await.len(), 2);
}

/// Reading them is no audit event: they are about no user.
#[tokio::test]
async fn only_admins_see_the_keys_and_rotate_them() {
    let app = TestApp::new().await;
    let (admin, ben) = (app.admin().await, app.user("ben").await);
    keys(&admin).await;
    let listed = ben.get("/signing-key").await;
    listed.expect_problem(403, "forbidden");
    let body = json!({"unknown": "field"});
    let rotated = ben.post("/signing-key", body).await;
    rotated.expect_problem(403, "forbidden");
    let audit = admin.get("/audit?limit=3").await.expect(200).json();
    let details = audit["items"].as_array().unwrap().iter();
    let details: Vec<_> = details.map(|event| &event["detail"]).collect();
    assert_eq!(details[..2], ["RotateKeys", "ViewKeys"]);
    assert_eq!(keys(&admin).await.len(), 1);
}
