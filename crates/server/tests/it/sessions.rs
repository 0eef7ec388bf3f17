//! `/user/{user}/session`: the devices on which a user is signed in.

use doorward_domain::values::Role;
use serde_json::{Value, json};

use crate::support::{Client, PASSWORD, TestApp};

const PATH: &str = "/user/me/session";

async fn open(client: &Client, path: &str) -> Vec<Value> {
    let list = client.get(path).await.expect(200).json();
    assert_eq!(list["next"], Value::Null);
    list["items"].as_array().unwrap().clone()
}

/// S-07.
#[tokio::test]
async fn a_list_shows_each_device_and_the_current_session() {
    let app = TestApp::new().await;
    app.create("ben", Role::User).await;
    let anonymous = app.anonymous();
    let agent = format!("Möz\u{fffd}/{}", "x".repeat(400));
    let draft = anonymous
        .request("POST", "/auth")
        .header("user-agent", &agent);
    let first = draft
        .json(&json!({"username": "ben", "password": PASSWORD}))
        .send()
        .await
        .expect(201)
        .json();
    app.advance_seconds(60);
    let earlier = anonymous.with_token(first["token"].as_str().unwrap());
    earlier.get("/auth").await.expect(200);
    app.doorward.last_seen.write().await.unwrap();
    let ben = app.sign_in("ben").await;
    let sessions = open(&ben, PATH).await;
    assert_eq!(sessions.len(), 2);
    let kept = &sessions[1];
    assert_eq!(kept["id"], first["session_id"]);
    assert_eq!(
        (&kept["current"], &sessions[0]["current"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(kept["created_at"], "2026-11-21T08:00:00Z");
    assert_eq!(kept["auth_time"], "2026-11-21T08:00:00Z");
    assert_eq!(kept["amr"], json!(["pwd"]));
    assert_eq!(kept["last_seen_at"], "2026-11-21T08:01:00Z");
    assert_eq!(kept["expires_at"], "2026-11-22T08:00:00Z");
    assert_eq!(kept["address"], "10.0.0.1");
    assert_eq!(kept["user_agent"].as_str().unwrap().chars().count(), 256);
    assert_eq!(sessions[0]["user_agent"], Value::Null);
    let keys: Vec<_> = kept
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        keys,
        [
            "address",
            "amr",
            "auth_time",
            "created_at",
            "current",
            "expires_at",
            "id",
            "last_seen_at",
            "user_agent"
        ]
    );
}

/// S-07, L-03: the user agent is stored without characters that are invisible or change the text direction.
#[tokio::test]
async fn invisible_characters_of_a_user_agent_are_not_stored() {
    let app = TestApp::new().await;
    app.create("ben", Role::User).await;
    let anonymous = app.anonymous();
    let hostile = "Fox\u{202e}diputs\u{2066}\u{200b} 1\u{ad}\u{feff}\u{e0041}/ü\u{85}\u{2028}🦊";
    let draft = anonymous
        .request("POST", "/auth")
        .header("user-agent", hostile);
    let signed_in = draft
        .json(&json!({"username": "ben", "password": PASSWORD}))
        .send()
        .await
        .expect(201)
        .json();
    let ben = anonymous.with_token(signed_in["token"].as_str().unwrap());
    let sessions = open(&ben, PATH).await;
    assert_eq!(sessions[0]["user_agent"], "Foxdiputs 1/ü🦊");
}

#[tokio::test]
async fn ending_one_session_does_not_affect_the_others() {
    let app = TestApp::new().await;
    let (ben, other) = (app.user("ben").await, app.sign_in("ben").await);
    let id = other.get("/auth").await.expect(200).json()["session"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    ben.delete(&format!("{PATH}/{id}")).await.expect(204);
    other
        .get("/auth")
        .await
        .expect_problem(401, "invalid-token");
    ben.delete(&format!("{PATH}/{id}"))
        .await
        .expect_problem(404, "not-found");
    for id in [
        "x",
        "me",
        "019363a0-0000-7000-8000-000000000000",
        "%00",
        &id.to_uppercase(),
    ] {
        ben.delete(&format!("{PATH}/{id}"))
            .await
            .expect_problem(404, "not-found");
    }
    assert_eq!(open(&ben, PATH).await.len(), 1);
}

#[tokio::test]
async fn ending_all_sessions_includes_the_current_one() {
    let app = TestApp::new().await;
    let (ben, other) = (app.user("ben").await, app.sign_in("ben").await);
    ben.delete(PATH).await.expect(204);
    for client in [&ben, &other] {
        let refused = client.get("/auth").await;
        refused.expect_problem(401, "invalid-token");
    }
}

/// Sessions are paged like every list.
#[tokio::test]
async fn a_long_list_is_paged() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    for _ in 0..4 {
        app.anonymous()
            .post("/auth", json!({"username": "ben", "password": PASSWORD}))
            .await
            .expect(201);
    }
    let all = open(&ben, PATH).await;
    assert_eq!(all.len(), 5);
    let mut seen = Vec::new();
    let mut path = format!("{PATH}?limit=2");
    for _ in 0..4 {
        let page = ben.get(&path).await.expect(200);
        let link = page.header("link").map(str::to_owned);
        let list = page.json();
        seen.extend(list["items"].as_array().unwrap().clone());
        let Some(next) = list["next"].as_str() else {
            assert!(link.is_none());
            break;
        };
        assert!(link.unwrap().contains(next));
        path = format!("{PATH}?limit=2&cursor={next}");
    }
    assert_eq!(seen, all);
    for query in ["limit=0", "limit=201", "limit=x", "foo=1"] {
        let refused = ben.get(&format!("{PATH}?{query}")).await;
        refused.expect_problem(422, "validation-failed");
    }
    let forged = ben.get(&format!("{PATH}?cursor=!")).await;
    forged.expect_problem(400, "malformed-request");
}
