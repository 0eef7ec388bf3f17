//! `/outbox`: queued mails, for admins.

use serde_json::{Value, json};

use crate::support::{Client, MailServer, PASSWORD, PUBLIC_URL, TestApp};

const UNKNOWN: &str = "/outbox/019363a0-0000-7000-8000-000000000000";

async fn items(admin: &Client, query: &str) -> Vec<Value> {
    let answer = admin.get(&format!("/outbox?{query}")).await.expect(200);
    answer.json()["items"].as_array().unwrap().clone()
}

/// The one mail with this status.
async fn one(admin: &Client, status: &str) -> Value {
    let mut mails = items(admin, &format!("status={status}")).await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    mails.remove(0)
}

fn path_of(mail: &Value) -> String {
    format!("/outbox/{}", mail["id"].as_str().unwrap())
}

/// A user signs up, and the mail is queued.
async fn sign_up(app: &TestApp, name: &str) {
    let body = json!({"email": format!("{name}@example.com"), "password": PASSWORD});
    app.anonymous().post("/user", body).await.expect(201);
}

#[tokio::test]
async fn an_admin_sees_why_a_mail_does_not_arrive_and_retries_it() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    sign_up(&app, "ada").await;
    let mail = one(&admin, "waiting").await;
    let users = admin.get("/user?status=pending").await.json();
    let expected = json!({
        "id": mail["id"], "kind": "sign-up", "status": "waiting",
        "user_id": users["items"][0]["id"], "to": "a***@example.com",
        "created_at": "2026-11-21T08:00:00Z", "attempts": 0,
        "next_attempt_at": "2026-11-21T08:00:00Z", "failed_at": null, "last_error": null,
    });
    assert_eq!(mail, expected);

    app.set_mail_server(MailServer::IsBusy);
    assert!(app.mails().await.is_empty());
    let failing = one(&admin, "failing").await;
    assert_eq!(failing["id"], mail["id"]);
    assert_eq!(
        (&failing["attempts"], &failing["failed_at"]),
        (&json!(1), &Value::Null)
    );
    assert_eq!(failing["next_attempt_at"], "2026-11-21T08:00:02Z");
    // The secret of the link is not shown.
    let error = failing["last_error"].as_str().unwrap();
    assert!(error.starts_with("451 cannot deliver "), "{error}");
    assert!(error.ends_with("/confirmation/***"), "{error}");

    app.set_mail_server(MailServer::Accepts);
    assert!(app.mails().await.is_empty(), "it is not due yet");
    let path = path_of(&mail);
    let retry = admin.request("POST", &format!("{path}/retry"));
    let retried = retry.send().await.expect(200).json();
    assert_eq!(retried["next_attempt_at"], "2026-11-21T08:00:00Z");
    assert_eq!(app.one_mail().await.to.as_str(), "ada@example.com");
    admin.get(&path).await.expect_problem(404, "not-found");
}

#[tokio::test]
async fn a_mail_that_failed_permanently_is_retried_or_deleted() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    for name in ["ada", "ben"] {
        sign_up(&app, name).await;
        app.advance_seconds(1);
    }
    app.set_mail_server(MailServer::Rejects);
    app.mails().await;
    let given_up = items(&admin, "status=given-up").await;
    let to: Vec<_> = given_up.iter().map(|mail| &mail["to"]).collect();
    assert_eq!(to, ["b***@example.com", "a***@example.com"]);
    let ada = &given_up[1];
    assert_eq!(ada["failed_at"], "2026-11-21T08:00:02Z");
    assert_eq!(ada["next_attempt_at"], Value::Null);

    admin.delete(&path_of(&given_up[0])).await.expect(204);
    let again = admin.delete(&path_of(&given_up[0])).await;
    again.expect_problem(404, "not-found");
    app.set_mail_server(MailServer::Accepts);
    let retry = admin.request("POST", &format!("{}/retry", path_of(ada)));
    let retried = retry.send().await.expect(200).json();
    assert_eq!(
        (&retried["status"], &retried["failed_at"]),
        (&json!("failing"), &Value::Null)
    );
    assert_eq!(app.one_mail().await.to.as_str(), "ada@example.com");
    assert!(items(&admin, "").await.is_empty());
}

/// Z-05: a thief could hide the notices about what they do.
#[tokio::test]
async fn a_mail_is_deleted_with_a_recent_password() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    sign_up(&app, "ada").await;
    let path = path_of(&one(&admin, "waiting").await);
    app.advance_seconds(301);
    let refused = admin.delete(&path).await;
    refused.expect_problem(401, "reauthentication-required");
    let proof = json!({"password": PASSWORD});
    let deleted = admin.request("DELETE", &path).json(&proof).send().await;
    deleted.expect(204);
    assert!(app.mails().await.is_empty());
}

#[tokio::test]
async fn mails_are_listed_in_pages_newest_first() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    for name in ["ada", "ben", "cid"] {
        sign_up(&app, name).await;
        app.advance_seconds(1);
    }
    for query in ["limit=2", "status=waiting&limit=2"] {
        let first = admin
            .get(&format!("/outbox?{query}"))
            .await
            .expect(200)
            .json();
        let cursor = first["next"].as_str().unwrap();
        let rest = items(&admin, &format!("{query}&cursor={cursor}")).await;
        let all = first["items"].as_array().unwrap().iter().chain(&rest);
        let to: Vec<_> = all.map(|mail| &mail["to"]).collect();
        let expected = ["c***@example.com", "b***@example.com", "a***@example.com"];
        assert_eq!(to, expected, "{query}");
    }
    admin
        .get("/outbox?status=lost&limit=0&user=me")
        .await
        .assert_field_errors(&[
            ("limit", "out-of-range"),
            ("status", "invalid"),
            ("user", "unknown"),
        ]);
    app.mails().await;
}

/// The secret is created when a mail is sent.
#[tokio::test]
async fn a_preview_has_a_link_that_does_not_work() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let body = json!({"email": "root@example.com"});
    app.anonymous().post("/recovery", body).await.expect(202);
    let mail = one(&admin, "waiting").await;
    assert_eq!(
        (&mail["kind"], &mail["user_id"]),
        (&json!("recovery"), &Value::Null)
    );
    let viewed = admin.get(&path_of(&mail)).await.expect(200).json();
    assert_eq!(viewed["mail"], mail);
    assert_eq!(viewed["preview"]["subject"], "recovery");
    let text = viewed["preview"]["text"].as_str().unwrap();
    let link = text.strip_prefix(PUBLIC_URL).unwrap();
    assert_eq!(link, "/recovery/preview");
    let answer = app.anonymous().get(link).await;
    answer.expect_problem(404, "not-found");
    app.mails().await;
}

#[tokio::test]
async fn a_test_mail_is_queued_for_the_admin() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let answer = admin
        .request("POST", "/outbox/test")
        .send()
        .await
        .expect(202);
    let location = answer.header("location").unwrap();
    let path = location.strip_prefix(PUBLIC_URL).unwrap();
    let viewed = admin.get(path).await.expect(200).json();
    assert_eq!(viewed["mail"]["kind"], "test");
    let mail = app.one_mail().await;
    assert_eq!(
        (mail.kind.as_str(), mail.to.as_str()),
        ("test", "root@example.com")
    );
    admin.get(path).await.expect_problem(404, "not-found");
}

#[tokio::test]
async fn only_admins_see_and_change_the_outbox() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    for (method, path) in [
        ("GET", "/outbox?status=lost"),
        ("GET", UNKNOWN),
        ("GET", "/outbox/x"),
        ("DELETE", UNKNOWN),
        ("POST", format!("{UNKNOWN}/retry").as_str()),
        ("POST", "/outbox/test"),
    ] {
        let answer = ben.request(method, path).send().await;
        answer.expect_problem(403, "forbidden");
    }
    let admin = app.admin().await;
    for path in [UNKNOWN, "/outbox/x"] {
        admin.get(path).await.expect_problem(404, "not-found");
    }
}
