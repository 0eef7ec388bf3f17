//! One sequence of calls on the store of this run, and in memory: the test double must behave the same.

use std::sync::Arc;

use doorward_domain::memory::MemoryStore;
use serde_json::json;

use crate::support::{OTHER_PASSWORD, PASSWORD, Stores, TestApp, path_in};

/// Every action once.
async fn journey(app: TestApp) {
    let admin = app.admin().await;
    let link = app.unconfirmed("Bén").await;
    let anonymous = app.anonymous();
    let taken = json!({"username": "BÉN", "password": PASSWORD});
    anonymous
        .post("/user", taken)
        .await
        .expect_problem(409, "username-taken");
    for _ in 0..2 {
        anonymous.request("POST", &link).send().await.expect(200);
    }
    let (ben, other) = (app.sign_in("bén").await, app.sign_in("bén").await);
    let data = json!({"é 🦀": [null, 0.5, {"x": "\u{7f}\\\""}]});
    let written = ben
        .put("/user/me", json!({"name": "Bén 🦀", "data": data}))
        .await
        .expect(200);
    let draft = ben.request("PATCH", "/user/me").header("if-match", "\"1\"");
    draft
        .json(&json!({}))
        .send()
        .await
        .expect_problem(412, "precondition-failed");
    assert_eq!(ben.get("/user/me").await.expect(200).json(), written.json());
    assert_eq!(written.json()["data"], data);
    assert_eq!(
        ben.get("/user/me/session").await.json()["items"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let change = json!({"current_password": PASSWORD, "new_password": OTHER_PASSWORD});
    ben.put("/password", change).await.expect(204);
    other
        .get("/auth")
        .await
        .expect_problem(401, "invalid-token");
    let renewed = ben
        .request("POST", "/auth/renewal")
        .send()
        .await
        .expect(200)
        .json();
    let ben = ben.with_token(renewed["token"].as_str().unwrap());
    app.mails().await;
    anonymous
        .post("/recovery", json!({"email": "bén@example.com"}))
        .await
        .expect(422);
    anonymous
        .post("/recovery", json!({"email": "ROOT@example.com"}))
        .await
        .expect(202);
    let recovery = path_in(&app.one_mail().await);
    let body = json!({"new_password": OTHER_PASSWORD});
    anonymous.post(&recovery, body.clone()).await.expect(204);
    anonymous
        .post(&recovery, body)
        .await
        .expect_problem(410, "link-expired");
    app.mails().await;
    admin
        .get("/auth")
        .await
        .expect_problem(401, "invalid-token");
    let body = json!({"username": "root", "password": OTHER_PASSWORD});
    let signed_in = anonymous.post("/auth", body).await.expect(201).json();
    let admin = anonymous.with_token(signed_in["token"].as_str().unwrap());
    for (query, count) in [
        ("q=B%C3%89", 1),
        ("role=admin", 1),
        ("status=pending", 0),
        ("limit=1", 1),
    ] {
        let list = admin
            .get(&format!("/user?{query}"))
            .await
            .expect(200)
            .json();
        assert_eq!(list["items"].as_array().unwrap().len(), count, "{query}");
    }
    admin
        .put("/user/me/role", json!({"role": "user"}))
        .await
        .expect_problem(409, "last-admin");
    let audit = admin
        .get("/audit?event=email-confirmed")
        .await
        .expect(200)
        .json();
    assert_eq!(audit["items"].as_array().unwrap().len(), 1);
    ben.delete("/user/me").await.expect(204);
    ben.get("/auth").await.expect_problem(401, "invalid-token");
    admin
        .get("/user/b%C3%A9n")
        .await
        .expect_problem(404, "not-found");
    app.advance_seconds(4 * 24 * 3600);
    app.doorward
        .housekeeping
        .sweep(&app.ctx(doorward_domain::Actor::Worker))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_journey_on_the_selected_store() {
    journey(TestApp::new().await).await;
}

#[tokio::test]
async fn a_journey_in_memory() {
    let memory = Arc::new(MemoryStore::new());
    journey(TestApp::with(|options| options.stores = Some(Stores::all_in(memory))).await).await;
}
