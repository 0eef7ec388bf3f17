//! `PUT /user/{user}/role`, and the last admin.

use doorward_domain::values::Role;
use serde_json::json;

use crate::support::TestApp;

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
    let made = admin.request("PUT", path).form("role=admin");
    let made = made.send().await.expect(200);
    assert_eq!(
        (&made.json()["role"], made.header("etag")),
        (&json!("admin"), Some("\"2\""))
    );
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
