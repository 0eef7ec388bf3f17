//! Reauthentication: for changes of role, status and other users' addresses, and for deletion.

use doorward_domain::values::Role;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::support::{Client, OTHER_PASSWORD, PASSWORD, TestApp, TestResponse};

/// Method, path and body of the requests that need it.
fn acts() -> [(&'static str, &'static str, Value); 8] {
    [
        ("PUT", "/user/ben/role", json!({"role": "admin"})),
        ("PUT", "/user/ben/status", json!({"status": "disabled"})),
        (
            "PUT",
            "/user/ben/email",
            json!({"email": "new@example.org"}),
        ),
        (
            "POST",
            "/invitation",
            json!({"email": "new@example.org", "role": "admin"}),
        ),
        ("POST", "/signing-key", Value::Null),
        ("PUT", "/user/ben/deletion", Value::Null),
        ("DELETE", "/user/ben", Value::Null),
        ("DELETE", "/user/me", Value::Null),
    ]
}

async fn send(client: &Client, (method, path, body): &(&str, &str, Value)) -> TestResponse {
    let draft = client.request(method, path);
    match body.is_null() {
        true => draft.send().await,
        false => draft.json(body).send().await,
    }
}

fn showing(
    act: &(&'static str, &'static str, Value),
    shown: &str,
) -> (&'static str, &'static str, Value) {
    let (method, path, mut body) = act.clone();
    body["password"] = shown.into();
    (method, path, body)
}

async fn people() -> (TestApp, Client) {
    let app = TestApp::new().await;
    app.allow_unread_mail();
    let admin = app.admin().await;
    app.create("other", Role::Admin).await;
    app.create("ben", Role::User).await;
    (app, admin)
}

/// a proof counts for the request of a client that has no cookie. Its token stays the same.
#[tokio::test]
async fn a_proof_with_a_bearer_token_counts_for_its_request() {
    let (app, admin) = people().await;
    app.advance_seconds(301);
    let [role, status, ..] = acts();
    let before = admin.get("/auth").await.expect(200).json();
    let proved = send(&admin, &showing(&role, PASSWORD)).await.expect(200);
    assert_eq!(proved.header("set-cookie"), None);
    let refused = send(&admin, &status).await;
    refused.expect_problem(401, "reauthentication-required");
    let after = admin.get("/auth").await.expect(200).json();
    assert_eq!(
        after["session"]["auth_time"],
        before["session"]["auth_time"]
    );
}

/// A-13, Z-05: five minutes after sign-in a stable code requires the password. With it the same request succeeds;
/// a wrong one is a failed sign-in. A renewal is not a reauthentication.
#[tokio::test]
async fn sensitive_actions_require_the_password_again() {
    for act in acts() {
        let (app, admin) = people().await;
        app.advance_seconds(300);
        app.advance(SignedDuration::from_micros(1));
        let refused = send(&admin, &act)
            .await
            .expect_problem(401, "reauthentication-required");
        assert!(
            refused.json()["detail"]
                .as_str()
                .unwrap()
                .contains("`password`")
        );
        let renewed = admin.post("/auth/renewal", Value::Null).await;
        let token = renewed.expect(200).json()["token"]
            .as_str()
            .unwrap()
            .to_owned();
        let admin = admin.with_token(&token);
        send(&admin, &act)
            .await
            .expect_problem(401, "reauthentication-required");
        send(&admin, &showing(&act, OTHER_PASSWORD))
            .await
            .expect_problem(401, "invalid-credentials");
        let done = send(&admin, &showing(&act, PASSWORD)).await;
        assert!(done.status < 300, "{act:?}: {}", done.text());
    }
}

/// The body of a deletion may be JSON, a form, or empty. Unknown fields are rejected.
#[tokio::test]
async fn the_body_of_a_deletion_is_optional() {
    let (app, admin) = people().await;
    app.advance_seconds(600);
    let refused = admin
        .request("DELETE", "/user/ben")
        .json(&json!({"role": "x"}));
    refused
        .send()
        .await
        .assert_field_errors(&[("role", "unknown")]);
    let refused = admin
        .request("DELETE", "/user/ben")
        .json(&json!({"password": 7}));
    refused
        .send()
        .await
        .assert_field_errors(&[("password", "wrong-type")]);
    let refused = admin
        .request("DELETE", "/user/ben")
        .body("text/plain", "x".to_owned());
    refused
        .send()
        .await
        .expect_problem(415, "unsupported-media-type");
    let body = "password=plum+cake+on+sundays";
    admin
        .request("DELETE", "/user/ben")
        .form(body)
        .send()
        .await
        .expect(204);
}
