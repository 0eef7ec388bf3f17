//! `PUT /password`: change the password with the current one.

use doorward_domain::values::Role;
use serde_json::{Value, json};

use crate::support::{OTHER_PASSWORD, PASSWORD, TestApp, path_in, summary};

const PATH: &str = "/password";

fn change() -> Value {
    json!({"current_password": PASSWORD, "new_password": OTHER_PASSWORD})
}

/// S-06, R-06.
#[tokio::test]
async fn a_change_ends_every_other_session_and_mails_a_notice() {
    let app = TestApp::new().await;
    let (ben, elsewhere) = (app.user("ben").await, app.sign_in("ben").await);
    app.anonymous()
        .post("/recovery", json!({"email": "ben@example.com"}))
        .await
        .expect(202);
    let link = path_in(&app.one_mail().await);
    let answer = ben.put(PATH, change()).await.expect(204);
    assert!(answer.body.is_empty());
    ben.get("/auth").await.expect(200);
    elsewhere
        .get("/auth")
        .await
        .expect_problem(401, "invalid-token");
    assert_eq!(
        summary(&app.mails().await),
        [("ben@example.com", "password-changed")]
    );
    app.anonymous()
        .get(&link)
        .await
        .expect_problem(410, "link-expired");
    let anonymous = app.anonymous();
    anonymous
        .post("/auth", json!({"username": "ben", "password": PASSWORD}))
        .await
        .expect(401);
    anonymous
        .post(
            "/auth",
            json!({"username": "ben", "password": OTHER_PASSWORD}),
        )
        .await
        .expect(201);
}

#[tokio::test]
async fn without_a_session_the_body_selects_the_account() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let anonymous = app.anonymous();
    let mut by_username = change();
    by_username["username"] = json!("Ben");
    anonymous.put(PATH, by_username).await.expect(204);
    ben.get("/auth").await.expect_problem(401, "invalid-token");
    let back = "email=ben%40example.com&current_password=two+boats+and+a+lamp&new_password=plum+cake+on+sundays";
    anonymous
        .request("PUT", PATH)
        .form(back)
        .send()
        .await
        .expect(204);
    assert_eq!(app.mails().await.len(), 2);
    anonymous
        .put(PATH, change())
        .await
        .assert_field_errors(&[("username", "missing")]);
    anonymous
        .put(PATH, json!({"username": null}))
        .await
        .assert_field_errors(&[
            ("current_password", "missing"),
            ("new_password", "missing"),
            ("username", "missing"),
        ]);
    // With a session, the session determines the user.
    let mut both = change();
    both["username"] = json!("ben");
    app.sign_in("ben")
        .await
        .put(PATH, both)
        .await
        .assert_field_errors(&[("username", "unknown")]);
}

/// P-12, A-01.
#[tokio::test]
async fn a_wrong_current_password_changes_and_reveals_nothing() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let wrong = json!({"current_password": OTHER_PASSWORD, "new_password": "a third one for luck"});
    let refused = ben
        .put(PATH, wrong.clone())
        .await
        .expect_problem(401, "invalid-credentials");
    assert_eq!(
        refused.header("www-authenticate"),
        Some("Bearer realm=\"doorward\"")
    );
    let mut bodies = Vec::new();
    for name in ["ben", "nobody"] {
        let mut body = wrong.clone();
        body["username"] = json!(name);
        let answer = app
            .anonymous()
            .put(PATH, body)
            .await
            .expect_problem(401, "invalid-credentials");
        bodies.push((
            answer.json_without(&["request_id"]),
            answer.headers_without(&["x-request-id"]),
        ));
    }
    assert_eq!(bodies[0], bodies[1]);
    ben.get("/auth").await.expect(200);
    assert!(app.mails().await.is_empty());
}

/// P-01, P-05, P-06: the same rules on all paths.
#[tokio::test]
async fn a_new_password_follows_the_rules_of_sign_up() {
    let app = TestApp::new().await;
    app.create("wolfhardt", Role::User).await;
    let ben = app.sign_in("wolfhardt").await;
    for (new, code) in [
        (json!("1234567"), "too-short"),
        (json!("iloveyou"), "common"),
        (json!("wolfhardt"), "too-personal"),
        (json!("x".repeat(257)), "too-long"),
        (json!("plum\0cake"), "invalid"),
        (json!(12_345_678), "wrong-type"),
    ] {
        let body = json!({"current_password": PASSWORD, "new_password": new});
        ben.put(PATH, body)
            .await
            .assert_field_errors(&[("new_password", code)]);
    }
    ben.get("/auth").await.expect(200);
    ben.put(
        PATH,
        json!({"current_password": PASSWORD, "new_password": "🦀".repeat(8)}),
    )
    .await
    .expect(204);
    app.allow_unread_mail();
}
