//! `GET /node`: the nodes that run, or ran within the last hour.

use doorward_domain::model::Node;
use serde_json::{Value, json};

use crate::support::{Client, TestApp};

/// A node with this name and version reports.
pub async fn report(app: &TestApp, name: &str, version: &str) -> Node {
    let now = app.doorward.now();
    let node = Node {
        name: name.to_owned(),
        version: version.to_owned(),
        started_at: now,
        seen_at: now,
    };
    app.doorward.nodes.report(&node).await.unwrap();
    node
}

async fn nodes(admin: &Client) -> Vec<Value> {
    let answer = admin.get("/node").await.expect(200);
    answer.json()["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn an_admin_sees_which_nodes_run_in_which_version() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    assert!(nodes(&admin).await.is_empty());
    report(&app, "two", "0.1.0").await;
    app.advance_seconds(60);
    let one = report(&app, "one", "0.2.0").await;
    app.advance_seconds(60);
    app.doorward.nodes.report(&one).await.unwrap();
    let expected = [
        json!({
            "name": "one", "version": "0.2.0",
            "started_at": "2026-11-21T08:01:00Z", "last_seen_at": "2026-11-21T08:02:00Z",
        }),
        json!({
            "name": "two", "version": "0.1.0",
            "started_at": "2026-11-21T08:00:00Z", "last_seen_at": "2026-11-21T08:00:00Z",
        }),
    ];
    assert_eq!(nodes(&admin).await, expected);
    app.doorward.nodes.remove(&one).await.unwrap();
    assert_eq!(nodes(&admin).await, expected[1..]);
}

/// Reading them is no audit event: they are about no user.
#[tokio::test]
async fn only_admins_see_the_nodes() {
    let app = TestApp::new().await;
    let (admin, ben) = (app.admin().await, app.user("ben").await);
    nodes(&admin).await;
    let refused = ben.get("/node").await;
    refused.expect_problem(403, "forbidden");
    let audit = admin.get("/audit?limit=2").await.expect(200).json();
    assert_eq!(audit["items"][0]["detail"], "ViewNodes");
    assert_eq!(audit["items"][1]["event"], "sign-in");
}
