//! `PUT /user/{user}/status`: disable and enable.

use doorward_domain::model::Role;
use serde_json::json;

use crate::support::{OTHER_PASSWORD, PASSWORD, TestApp, path_in};

/// S-06, R-06.
#[tokio::test]
async fn disabling_ends_sessions_and_links_and_enabling_restores_none() {
    let app = TestApp::new().await;
    let (admin, ben) = (app.admin().await, app.user("ben").await);
    app.anonymous()
        .post("/recovery", json!({"email": "ben@example.com"}))
        .await
        .expect(202);
    let link = path_in(&app.one_mail().await);
    let off = admin
        .put("/user/ben/status", json!({"status": "disabled"}))
        .await
        .expect(200)
        .json();
    assert_eq!(off["status"], "disabled");
    ben.get("/user/me")
        .await
        .expect_problem(401, "invalid-token");
    let body = json!({"new_password": OTHER_PASSWORD});
    app.anonymous()
        .post(&link, body)
        .await
        .expect_problem(410, "link-expired");
    let anonymous = app.anonymous();
    let shown = json!({"username": "ben", "password": PASSWORD});
    anonymous
        .post("/auth", shown.clone())
        .await
        .expect_problem(403, "account-disabled");
    let on = admin
        .put("/user/ben/status", json!({"status": "active"}))
        .await
        .expect(200)
        .json();
    assert_eq!(on["status"], "active");
    ben.get("/user/me")
        .await
        .expect_problem(401, "invalid-token");
    anonymous.post("/auth", shown).await.expect(201);
}

/// an admin confirms no address of another user.
#[tokio::test]
async fn enabling_does_not_confirm_an_address() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let link = app.pending("ben").await;
    let listed = admin.get("/user?status=pending").await.json();
    let id = listed["items"][0]["id"].as_str().unwrap();
    let path = format!("/user/{id}/status");
    admin
        .put(&path, json!({"status": "active"}))
        .await
        .assert_field_errors(&[("status", "unconfirmed")]);
    admin
        .put(&path, json!({"status": "disabled"}))
        .await
        .expect(200);
    app.anonymous()
        .request("POST", &link)
        .send()
        .await
        .expect_problem(410, "link-expired");
    let on = admin
        .put(&path, json!({"status": "active"}))
        .await
        .expect(200)
        .json();
    assert_eq!(on["status"], "pending");
}

#[tokio::test]
async fn a_status_has_one_of_two_values_and_only_an_admin_sets_it() {
    let app = TestApp::new().await;
    let (admin, ben) = (app.admin().await, app.user("ben").await);
    app.create("eve", Role::User).await;
    for named in ["me", "eve", "nobody"] {
        ben.put(
            &format!("/user/{named}/status"),
            json!({"status": "disabled"}),
        )
        .await
        .expect_problem(403, "forbidden");
    }
    for wrong in ["pending", "Active", ""] {
        admin
            .put("/user/ben/status", json!({"status": wrong}))
            .await
            .assert_field_errors(&[("status", "invalid")]);
    }
    admin
        .put("/user/ben/status", json!({"status": 0, "role": "x"}))
        .await
        .assert_field_errors(&[("role", "unknown"), ("status", "wrong-type")]);
    admin
        .put("/user/ben/status", json!({}))
        .await
        .assert_field_errors(&[("status", "missing")]);
    admin
        .put("/user/nobody/status", json!({"status": "active"}))
        .await
        .expect_problem(404, "not-found");
    let draft = admin
        .request("PUT", "/user/ben/status")
        .header("if-match", "W/\"1\"");
    draft
        .json(&json!({"status": "disabled"}))
        .send()
        .await
        .expect_problem(412, "precondition-failed");
    ben.get("/user/me").await.expect(200);
}
