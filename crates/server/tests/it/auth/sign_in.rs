//! `POST`, `GET` and `DELETE /auth`: sign-in, session, sign-out.

use doorward_domain::values::Role;
use serde_json::json;

use crate::support::{OTHER_PASSWORD, PASSWORD, TestApp};

#[tokio::test]
async fn a_sign_in_returns_a_token_of_its_session() {
    let app = TestApp::new().await;
    app.create("ben", Role::User).await;
    let anonymous = app.anonymous();
    for body in [
        json!({"username": "BEN", "password": PASSWORD}),
        json!({"email": "Ben@EXAMPLE.com", "password": PASSWORD}),
        json!({"email": "ben@example.com", "username": null, "password": PASSWORD}),
    ] {
        let signed_in = anonymous.post("/auth", body).await.expect(201).json();
        let token = signed_in["token"].as_str().unwrap();
        assert_eq!(
            (&signed_in["token_type"], &signed_in["expires_in"]),
            (&json!("Bearer"), &json!(86_400))
        );
        assert_eq!(signed_in["expires_at"], "2026-11-22T08:00:00Z");
        let ben = anonymous.with_token(token);
        let session = ben.get("/auth").await.expect(200).json();
        assert_eq!(session["session"]["id"], signed_in["session_id"]);
        assert_eq!(session["session"]["current"], true);
        assert_eq!(session["user"], signed_in["user"]);
        assert_eq!(ben.get("/").await.expect(200).json()["username"], "ben");
        ben.delete("/auth").await.expect(204);
        ben.delete("/auth")
            .await
            .expect_problem(401, "invalid-token");
        ben.get("/auth").await.expect_problem(401, "invalid-token");
        ben.get("/").await.expect(200).assert_greeting();
    }
    let form = anonymous
        .request("POST", "/auth")
        .form("username=ben&password=plum+cake+on+sundays&email=")
        .send()
        .await;
    form.expect(201);
}

#[tokio::test]
async fn a_sign_in_reports_all_field_errors_at_once() {
    let app = TestApp::new().await;
    let anonymous = app.anonymous();
    let missing = [("password", "missing"), ("username", "missing")];
    for body in [
        json!({}),
        json!({"username": null}),
        json!({"username": null, "email": null, "password": null}),
    ] {
        anonymous
            .post("/auth", body)
            .await
            .assert_field_errors(&missing);
    }
    anonymous
        .request("POST", "/auth")
        .form("username=&email=&password=")
        .send()
        .await
        .assert_field_errors(&missing);
    let both = json!({"username": "ben", "email": "ben@example.com", "password": PASSWORD});
    anonymous
        .post("/auth", both)
        .await
        .assert_field_errors(&[("email", "ambiguous")]);
    let wrong = json!({"username": {"$ne": ""}, "password": 7, "otp": "1"});
    anonymous.post("/auth", wrong).await.assert_field_errors(&[
        ("otp", "unknown"),
        ("password", "wrong-type"),
        ("username", "wrong-type"),
    ]);
    let odd = json!({"username": "a b", "email": "nope", "password": "x".repeat(5000)});
    anonymous.post("/auth", odd).await.assert_field_errors(&[
        ("email", "invalid"),
        ("password", "too-long"),
        ("username", "invalid"),
    ]);
}

/// T-EQUAL. Status, body and headers are the same, except date, request id and the client's own limit.
#[tokio::test]
async fn a_wrong_password_gets_the_same_bytes_for_six_kinds_of_accounts() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    for name in ["sound", "disabled", "deleted"] {
        app.create(name, Role::User).await;
    }
    app.pending("unconfirmed").await;
    admin
        .put("/user/disabled/status", json!({"status": "disabled"}))
        .await
        .expect(200);
    admin.delete("/user/deleted").await.expect(204);
    let mut answers = Vec::new();
    for name in [
        "sound",
        "disabled",
        "deleted",
        "unconfirmed",
        "unknown",
        "root",
    ] {
        let by_username = json!({"username": name, "password": OTHER_PASSWORD});
        let by_email = json!({"email": format!("{name}@example.com"), "password": OTHER_PASSWORD});
        for body in [by_username, by_email] {
            let answer = app
                .anonymous()
                .post("/auth", body)
                .await
                .expect_problem(401, "invalid-credentials");
            let headers = answer.headers_without(&["date", "x-request-id"]);
            answers.push((
                answer.json_without(&["request_id"]),
                headers,
                answer.body.len(),
            ));
        }
    }
    assert_eq!(answers.len(), 12);
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[tokio::test]
async fn enumeration_protection_can_be_disabled() {
    let app = TestApp::with(|options| options.policy.enumeration_protection = false).await;
    app.create("ben", Role::User).await;
    for (who, status, code) in [
        (json!({"username": "ben"}), 401, "wrong-password"),
        (json!({"email": "ben@example.com"}), 401, "wrong-password"),
        (json!({"username": "nobody"}), 404, "unknown-account"),
        (
            json!({"email": "nobody@example.com"}),
            404,
            "unknown-account",
        ),
    ] {
        let mut body = who;
        body["password"] = json!(OTHER_PASSWORD);
        app.anonymous()
            .post("/auth", body)
            .await
            .expect_problem(status, code);
    }
    let sign_up = json!({"email": "BEN@example.com", "password": PASSWORD});
    let refused = app.anonymous().post("/user", sign_up).await;
    refused.expect_problem(409, "email-taken");
}
