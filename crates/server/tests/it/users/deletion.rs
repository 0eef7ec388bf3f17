//! `/user/{user}/deletion` and `/deletion-undo`. The rules have their tests in `crates/domain`.

use serde_json::{Value, json};

use crate::factors::{challenge, code, enrol};
use crate::support::{Client, OTHER_PASSWORD, PASSWORD, TestApp, path_in};

/// Two weeks after the start of the clock.
const DELETION: &str = "2026-12-05T08:00:00Z";

fn password() -> Value {
    json!({"username": "ben", "password": PASSWORD})
}

/// Ben has asked for the deletion. Returns his former session and the link in the mail.
async fn leaving(app: &TestApp) -> (Client, String) {
    let ben = app.user("ben").await;
    let asked = ben.request("PUT", "/user/me/deletion").send().await;
    let asked = asked.expect(200);
    assert_eq!(asked.json()["deletion_at"], DELETION);
    let cookie = asked.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-doorward=; "), "{cookie}");
    let mail = app.one_mail().await;
    assert_eq!(mail.kind.template(), "deletion-requested");
    (ben, path_in(&mail))
}

#[tokio::test]
async fn a_sign_in_is_rejected_with_the_time_of_the_deletion() {
    let app = TestApp::new().await;
    let (ben, _) = leaving(&app).await;
    let ended = ben.get("/user/me").await;
    ended.expect_problem(401, "invalid-token");
    let refused = app.anonymous().post("/auth", password()).await;
    let refused = refused.expect_problem(403, "deletion-pending");
    assert_eq!(refused.json()["deletion_at"], DELETION);
    let admin = app.admin().await;
    for path in ["/user/ben", "/user?q=ben"] {
        let seen = admin.get(path).await.expect(200).text();
        assert!(seen.contains(DELETION), "{seen}");
    }
}

#[tokio::test]
async fn the_same_proof_keeps_the_account_and_opens_no_session() {
    let app = TestApp::new().await;
    leaving(&app).await;
    let anonymous = app.anonymous();
    let send =
        async |path: &str, body: Value| anonymous.request("DELETE", path).json(&body).send().await;
    let path = "/user/me/deletion";
    let none = anonymous.delete(path).await;
    none.expect_problem(401, "authentication-required");
    let wrong = json!({"username": "ben", "password": OTHER_PASSWORD});
    let wrong = send(path, wrong).await;
    wrong.expect_problem(401, "invalid-credentials");
    let missing = send(path, json!({"username": "ben"})).await;
    missing.assert_field_errors(&[("password", "missing")]);
    app.user("eve").await;
    let other = send("/user/eve/deletion", password()).await;
    other.expect_problem(403, "forbidden");
    let kept = send("/user/ben/deletion", password()).await.expect(200);
    assert_eq!(app.one_mail().await.kind.template(), "deletion-cancelled");
    assert!(kept.json().get("deletion_at").is_none() && kept.cookies().is_empty());
    let again = send(path, password()).await;
    again.expect_problem(404, "not-found");
    app.sign_in("ben").await;
}

/// M-02: with a second factor, the password alone reveals nothing and keeps nothing.
#[tokio::test]
async fn with_a_factor_the_proof_needs_a_code() {
    let app = TestApp::new().await;
    app.allow_unread_mail();
    let ben = app.user("ben").await;
    let (enrolment, codes) = enrol(&app, &ben, "Phone").await;
    let proof = json!({"password": PASSWORD, "code": code(&app, &enrolment)});
    ben.put("/user/me/deletion", proof).await.expect(200);
    app.advance_seconds(60);
    let anonymous = app.anonymous();
    let challenge = challenge(&anonymous, "ben").await;
    let answer = json!({"challenge": challenge, "kind": "totp", "code": code(&app, &enrolment)});
    let refused = anonymous.post("/auth/factor", answer).await;
    refused.expect_problem(403, "deletion-pending");
    let draft = anonymous.request("DELETE", "/user/me/deletion");
    let refused = draft.json(&password()).send().await;
    refused.expect_problem(401, "reauthentication-required");
    let mut proof = password();
    proof["code"] = codes[0].clone().into();
    let draft = anonymous.request("DELETE", "/user/me/deletion");
    draft.json(&proof).send().await.expect(200);
}

#[tokio::test]
async fn an_admin_requests_and_cancels_for_others_and_a_user_does_not() {
    let app = TestApp::new().await;
    app.allow_unread_mail();
    let (admin, ben) = (app.admin().await, app.user("ben").await);
    app.user("eve").await;
    for method in ["PUT", "DELETE"] {
        let refused = ben.request(method, "/user/eve/deletion").send().await;
        refused.expect_problem(403, "forbidden");
    }
    let asked = admin.request("PUT", "/user/ben/deletion").send().await;
    let asked = asked.expect(200);
    assert!(asked.cookies().is_empty());
    let etag = asked.header("etag").unwrap();
    let stale = admin.request("DELETE", "/user/ben/deletion");
    let stale = stale.header("if-match", "\"1\"").send().await;
    stale.expect_problem(412, "precondition-failed");
    let kept = admin.request("DELETE", "/user/ben/deletion");
    let kept = kept.header("if-match", etag).send().await.expect(200);
    assert!(kept.json().get("deletion_at").is_none());
    let last = admin.request("PUT", "/user/me/deletion").send().await;
    last.expect_problem(409, "last-admin");
}

/// viewing changes nothing.
#[tokio::test]
async fn the_mailed_link_keeps_the_account_once() {
    let app = TestApp::new().await;
    let (_, link) = leaving(&app).await;
    assert!(link.starts_with("/deletion-undo/"), "{link}");
    let anonymous = app.anonymous();
    for _ in 0..3 {
        let seen = anonymous.get(&link).await.expect(200);
        assert_eq!(seen.header("cache-control"), Some("no-store"));
    }
    let done = anonymous.request("POST", &link).send().await.expect(204);
    assert!(done.body.is_empty() && done.cookies().is_empty());
    assert_eq!(app.one_mail().await.kind.template(), "deletion-cancelled");
    app.sign_in("ben").await;
    for method in ["GET", "POST"] {
        let again = anonymous.request(method, &link).send().await;
        again.expect_problem(410, "link-expired");
    }
}

#[tokio::test]
async fn a_reason_is_one_of_the_list() {
    let app = TestApp::new().await;
    app.allow_unread_mail();
    let ben = app.user("ben").await;
    let unknown = ben
        .put("/user/me/deletion", json!({"reason": "I moved"}))
        .await;
    unknown.assert_field_errors(&[("reason", "invalid")]);
    ben.put("/user/me/deletion", json!({"reason": "privacy"}))
        .await
        .expect(200);
}

#[tokio::test]
async fn without_a_grace_period_the_account_is_deleted_at_once() {
    let app = TestApp::with(|options| {
        options.policy.deletion_grace = jiff::SignedDuration::ZERO;
    })
    .await;
    let ben = app.user("ben").await;
    let done = ben.request("PUT", "/user/me/deletion").send().await;
    assert!(done.expect(204).header("set-cookie").is_some());
    let gone = app.anonymous().post("/auth", password()).await;
    gone.expect_problem(401, "invalid-credentials");
}

/// The user, the words of the name and 40 mails are one batch, which fits into the 100 items of a transaction of `DynamoDB`. The
/// last mail is deleted after it.
#[tokio::test]
async fn a_user_with_a_long_name_and_many_mails_is_deleted_with_all_of_them() {
    let app = TestApp::with(|options| options.policy.throttle = false).await;
    let ben = app.user("ben").await;
    let words: Vec<String> = (0..20).map(|number| format!("w{number}")).collect();
    let name = json!({"name": words.join(" ")});
    let renamed = ben.request("PATCH", "/user/me").json(&name).send().await;
    renamed.expect(200);
    for _ in 0..41 {
        let asked = json!({"email": "ben@example.com"});
        app.anonymous().post("/recovery", asked).await.expect(202);
    }
    assert_eq!(app.mails_waiting(), 41);
    ben.delete("/user/me").await.expect(204);
    assert_eq!(app.mails_waiting(), 0);
}
