//! Clients that disconnect before the response: their requests are completed all the same.

use std::time::Duration;

use futures_util::FutureExt;
use serde_json::json;

use crate::support::{Client, PASSWORD, TestApp};

/// Begins a request, and disconnects before it is completed.
fn send_and_disconnect(client: &Client, path: &str, password: &str) {
    let draft = client.request("POST", path);
    let draft = draft.json(&json!({"username": "ben", "password": password}));
    let asked = draft.send().now_or_never();
    assert!(asked.is_none(), "the response came at once");
}

/// Outcomes of the audited sign-ins, once there are this many.
async fn outcomes(admin: &Client, count: usize) -> Vec<String> {
    let looked = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            let answer = admin.get("/audit?event=sign-in&user=ben").await.expect(200);
            let items = answer.json()["items"].as_array().unwrap().clone();
            if items.len() >= count {
                let outcome =
                    |item: &serde_json::Value| item["outcome"].as_str().map(str::to_owned);
                return items.iter().filter_map(outcome).collect();
            }
        }
    });
    looked.await.expect("the lines are written")
}

/// L-01, A-05, A-06: a wrong password of a client that disconnects counts and is audited, so it locks no account
/// silently.
#[tokio::test]
async fn a_wrong_password_of_a_client_that_disconnects_is_audited() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    app.user("ben").await;
    let before = outcomes(&admin, 1).await;
    for _ in 0..2 {
        send_and_disconnect(&app.anonymous(), "/auth", "not the password of ben");
    }
    let after = outcomes(&admin, before.len() + 2).await;
    let failures = after.iter().filter(|outcome| *outcome == "failure");
    assert_eq!(failures.count(), 2);
}

/// L-01: no session without an audit event, even if the client disconnects.
#[tokio::test]
async fn a_session_of_a_client_that_disconnects_is_audited() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let ben = app.user("ben").await;
    let before = outcomes(&admin, 1).await;
    send_and_disconnect(&app.anonymous(), "/auth", PASSWORD);
    let after = outcomes(&admin, before.len() + 1).await;
    let successes = after.iter().filter(|outcome| *outcome == "success");
    let sessions = ben.get("/user/me/session").await.expect(200).json();
    let sessions = sessions["items"].as_array().unwrap().len();
    assert_eq!(successes.count(), sessions);
}
