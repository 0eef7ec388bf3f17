//! `PUT /user/{user}/role`, and the last admin.

use doorward_domain::model::Role;
use serde_json::json;

use crate::support::TestApp;

/// Z-04: it takes effect at the next request.
#[tokio::test]
async fn a_role_change_applies_to_the_next_request() {
    let app = TestApp::new().await;
    let (admin, ben) = (app.admin().await, app.user("ben").await);
    ben.get("/user").await.expect_problem(403, "forbidden");
    let made = admin
        .put("/user/ben/role", json!({"role": "admin"}))
        .await
        .expect(200);
    assert_eq!(
        (&made.json()["role"], made.header("etag")),
        (&json!("admin"), Some("\"2\""))
    );
    ben.get("/user").await.expect(200);
    admin
        .put("/user/ben/role", json!({"role": "user"}))
        .await
        .expect(200);
    ben.get("/user").await.expect_problem(403, "forbidden");
    assert_eq!(
        ben.get("/auth/check").await.header("x-auth-role"),
        Some("user")
    );
}

#[tokio::test]
async fn a_user_cannot_become_an_admin_alone() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    for named in ["me", "ben", "nobody"] {
        ben.put(&format!("/user/{named}/role"), json!({"role": "admin"}))
            .await
            .expect_problem(403, "forbidden");
    }
}

#[tokio::test]
async fn a_role_has_one_of_two_values() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    app.create("ben", Role::User).await;
    let path = "/user/ben/role";
    admin
        .put(path, json!({}))
        .await
        .assert_field_errors(&[("role", "missing")]);
    for wrong in ["Admin", "root", "", "admin "] {
        admin
            .put(path, json!({"role": wrong}))
            .await
            .assert_field_errors(&[("role", "invalid")]);
    }
    admin
        .put(path, json!({"role": ["admin"], "x": 1}))
        .await
        .assert_field_errors(&[("role", "wrong-type"), ("x", "unknown")]);
    admin
        .put("/user/nobody/role", json!({"role": "user"}))
        .await
        .expect_problem(404, "not-found");
    let stale = admin
        .request("PUT", path)
        .header("if-match", "\"9\"")
        .json(&json!({"role": "admin"}))
        .send()
        .await;
    stale.expect_problem(412, "precondition-failed");
    admin
        .request("PUT", path)
        .form("role=admin")
        .send()
        .await
        .expect(200);
}

/// The rule is tested in the domain.
#[tokio::test]
async fn the_last_active_admin_cannot_be_demoted() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let demoted = admin.put("/user/me/role", json!({"role": "user"})).await;
    let disabled = json!({"status": "disabled"});
    let disabled = admin.put("/user/root/status", disabled).await;
    let deleted = admin.delete("/user/me").await;
    for answer in [demoted, disabled, deleted] {
        answer.expect_problem(409, "last-admin");
    }
}
