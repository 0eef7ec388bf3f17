//! `PUT /user/{user}/status`: disable and enable.

use doorward_domain::values::Role;
use serde_json::json;

use crate::support::{PASSWORD, TestApp};

#[tokio::test]
async fn a_user_is_disabled_and_enabled() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    app.create("ben", Role::User).await;
    let (anonymous, sign_in) = (
        app.anonymous(),
        json!({"username": "ben", "password": PASSWORD}),
    );
    let off = json!({"status": "disabled"});
    let off = admin.put("/user/ben/status", off).await.expect(200).json();
    assert_eq!(off["status"], "disabled");
    let refused = anonymous.post("/auth", sign_in.clone()).await;
    refused.expect_problem(403, "account-disabled");
    let on = json!({"status": "active"});
    let on = admin.put("/user/ben/status", on).await.expect(200).json();
    assert_eq!(on["status"], "active");
    anonymous.post("/auth", sign_in).await.expect(201);
}

/// L-01.
#[tokio::test]
async fn the_reason_for_disabling_is_in_the_detail_of_the_audit_event() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    app.create("ben", Role::User).await;
    let bored = json!({"status": "disabled", "reason": "bored"});
    let refused = admin.put("/user/ben/status", bored).await;
    refused.assert_field_errors(&[("reason", "invalid")]);
    let left = json!({"status": "disabled", "reason": "left"});
    admin.put("/user/ben/status", left).await.expect(200);
    let events = admin.get("/audit?event=status-changed").await;
    let newest = events.expect(200).json()["items"][0].clone();
    assert_eq!(newest["detail"], "disabled: left");
}

#[tokio::test]
async fn a_status_has_one_of_two_values() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    app.create("ben", Role::User).await;
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
}
