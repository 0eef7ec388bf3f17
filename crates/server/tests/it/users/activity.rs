//! `GET /user/{user}/activity`: what happened to an account.

use serde_json::{Value, json};

use crate::support::{Client, OTHER_PASSWORD, TestApp, path_in};

/// The event, the actor, and `true` if there is an address, of each entry.
async fn seen(reader: &Client, path: &str) -> Vec<(String, String, bool)> {
    let list = reader.get(path).await.expect(200).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let entry = |item: &Value| {
        let (event, actor) = (text(&item["event"]), text(&item["actor"]));
        (event, actor, item["address"].is_string())
    };
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(entry)
        .collect()
}

fn entry(event: &str, actor: &str, has_address: bool) -> (String, String, bool) {
    (event.to_owned(), actor.to_owned(), has_address)
}

#[tokio::test]
async fn the_activity_has_sign_ins_and_changes_with_the_address_of_the_user_alone() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let ben = app.user("ben").await;
    let wrong = json!({"username": "ben", "password": OTHER_PASSWORD});
    app.anonymous().post("/auth", wrong).await.expect(401);
    let name = json!({"name": "Ben"});
    ben.patch("/user/me", name).await.expect(200);
    admin.get("/user/ben").await.expect(200);
    let role = json!({"role": "admin"});
    admin.put("/user/ben/role", role).await.expect(200);
    let expected = [
        entry("role-changed", "admin", false),
        entry("profile-updated", "user", true),
        entry("sign-in", "user", true),
        entry("sign-up", "operator", false),
    ];
    assert_eq!(seen(&ben, "/user/me/activity").await, expected);
    assert_eq!(seen(&admin, "/user/ben/activity").await, expected);
}

/// A mailed link is opened by anyone who reads the mailbox.
#[tokio::test]
async fn the_client_that_opens_a_confirmation_link_is_unknown() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let link = app.unconfirmed("eve").await;
    let opened = app.anonymous().request("POST", &link).send().await;
    opened.expect(200);
    let address = json!({"email": "eve@example.com"});
    app.anonymous().post("/recovery", address).await.expect(202);
    let link = path_in(&app.one_mail().await);
    let new = json!({"new_password": OTHER_PASSWORD});
    app.anonymous().post(&link, new).await.expect(204);
    let expected = [
        entry("recovered", "user", true),
        entry("recovery-mailed", "server", false),
        entry("email-confirmed", "unknown", false),
        entry("sign-up", "user", true),
    ];
    assert_eq!(seen(&admin, "/user/eve/activity").await, expected);
    app.allow_unread_mail();
}

#[tokio::test]
async fn pages_of_the_activity_have_no_gaps_and_no_duplicates() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    for _ in 0..3 {
        ben.patch("/user/me", json!({})).await.expect(200);
    }
    let mut path = "/user/me/activity?limit=2".to_owned();
    let mut events = Vec::new();
    for page in 0..3 {
        events.extend(seen(&ben, &path).await.into_iter().map(|(event, ..)| event));
        let next = ben.get(&path).await.json()["next"].clone();
        assert_eq!(next.is_null(), page == 2);
        let cursor = next.as_str().unwrap_or_default();
        path = format!("/user/me/activity?limit=2&cursor={cursor}");
    }
    let updated = ["profile-updated"; 3];
    assert_eq!(events, [&updated[..], &["sign-in", "sign-up"]].concat());
    let unknown = ben.get("/user/me/activity?event=sign-in").await;
    unknown.assert_field_errors(&[("event", "unknown")]);
}
