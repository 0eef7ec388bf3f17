//! `GET /user/{user}/export`: all data about a user, for that user (L-05).

use serde_json::{Value, json};

use crate::factors::enrol;
use crate::support::{PASSWORD, TestApp, path_in};

fn words(list: &Value, field: &str) -> Vec<String> {
    let items = list.as_array().unwrap().iter();
    items
        .map(|item| item[field].as_str().unwrap().to_owned())
        .collect()
}

/// L-05: all data, and no secret.
#[tokio::test]
async fn an_export_contains_all_personal_data() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let data = json!({"phone": "030 123456"});
    ben.put("/user/me", json!({"name": "Ben", "data": data}))
        .await
        .expect(200);
    app.anonymous()
        .post("/recovery", json!({"email": "ben@example.com"}))
        .await
        .expect(202);
    let link = path_in(&app.one_mail().await);
    let change = json!({"email": "new@example.org", "password": PASSWORD});
    ben.put("/user/me/email", change).await.expect(202);
    app.advance_seconds(1);

    let answer = ben.get("/user/me/export").await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let name = answer.header("content-disposition").unwrap();
    let held = answer.json();
    assert_eq!(name, "attachment; filename=\"doorward-2026-11-21.json\"");
    assert!(answer.text().lines().count() > 40, "a user can read it");
    assert_eq!(held["user"], ben.get("/user/me").await.json());
    assert_eq!(held["user"]["pending_email"], "new@example.org");
    assert_eq!(held["password"]["scheme"], "argon2id");
    assert_eq!(held["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(words(&held["links"], "purpose"), ["recovery"]);
    let mut kinds = words(&held["mails"], "kind");
    kinds.sort_unstable();
    assert_eq!(kinds, ["email-change-undo"], "A-01: the new address");
    let events = words(&held["audit"], "event");
    assert_eq!(events[0], "user-exported");
    assert!(events.contains(&"sign-in".to_owned()), "{events:?}");
    assert!(held["retention"].as_array().unwrap().len() >= 6);
    let secret = link.rsplit('/').next().unwrap();
    for secret in [secret, ben.token(), "$argon2", "digest\":"] {
        assert!(!answer.text().contains(secret), "{secret}");
    }
    app.allow_unread_mail();
}

/// L-05: second factors by name and times; neither a secret nor a recovery code.
#[tokio::test]
async fn an_export_contains_the_second_factors_without_their_secrets() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let (enrolment, codes) = enrol(&app, &ben, "Phone").await;
    let answer = ben.get("/user/me/export").await.expect(200);
    let listed = ben.get("/user/me/factor").await.expect(200).json();
    assert_eq!(answer.json()["factors"], listed["items"]);
    assert_eq!(answer.json()["factors"][0]["name"], "Phone");
    for secret in [enrolment["secret"].as_str().unwrap(), &codes[0]] {
        assert!(!answer.text().contains(secret), "{secret}");
    }
}

/// L-05: the current session is marked, as in the list of sessions. In an admin's export of another user none is
/// marked.
#[tokio::test]
async fn an_export_marks_the_current_session() {
    let app = TestApp::new().await;
    let (admin, ben) = (app.admin().await, app.user("ben").await);
    app.advance_seconds(1);
    let other = app.sign_in("ben").await;
    for client in [&ben, &other] {
        let held = client.get("/user/me/export").await.expect(200).json();
        let listed = client.get("/user/me/session").await.expect(200).json();
        assert_eq!(held["sessions"], listed["items"]);
        let current = |one: &&Value| one["current"] == true;
        assert_eq!(
            held["sessions"]
                .as_array()
                .unwrap()
                .iter()
                .filter(current)
                .count(),
            1
        );
    }
    let held = admin.get("/user/ben/export").await.expect(200).json();
    let all = held["sessions"].as_array().unwrap();
    assert!(
        all.len() == 2 && all.iter().all(|one| one["current"] == false),
        "{all:?}"
    );
}
