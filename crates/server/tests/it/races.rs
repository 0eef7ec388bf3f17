//! Concurrent uses of a mailed link: one succeeds (R-05, T-RACE). The other races are tested in the domain, in the
//! contract of every store, and over three nodes (`nodes/races.rs`).

use std::collections::BTreeMap;
use std::sync::Arc;

use doorward_testkit::repeat::repetitions;
use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::support::{PASSWORD, TestApp, path_in};

/// Number of concurrent uses of a link.
const REDEEMERS: usize = 64;

/// Uses the link from many clients at once, and asserts that one succeeds.
async fn redeemed(app: &TestApp, method: &'static str, link: &str, body: &Value) {
    let start = Arc::new(Barrier::new(REDEEMERS));
    let mut running = JoinSet::new();
    for _ in 0..REDEEMERS {
        let (client, start) = (app.anonymous(), start.clone());
        let (link, body) = (link.to_owned(), body.clone());
        running.spawn(async move {
            start.wait().await;
            let draft = client.request(method, &link);
            match body.is_null() {
                true => draft.send().await,
                false => draft.json(&body).send().await,
            }
        });
    }
    let mut statuses = BTreeMap::new();
    for answer in running.join_all().await {
        *statuses.entry(answer.status).or_insert(0) += 1;
    }
    let expected = BTreeMap::from([(204, 1), (410, REDEEMERS - 1)]);
    assert_eq!(statuses, expected, "{method} {link}");
}

/// R-05, T-RACE: 64 concurrent requests, a hundred times, and every recovery link is used once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_requests_use_a_recovery_link_once() {
    let app = TestApp::with(|options| options.policy.throttle = false).await;
    app.create("ben", doorward_domain::values::Role::User).await;
    for round in 0..repetitions(100) {
        let body = json!({"email": "ben@example.com"});
        app.anonymous().post("/recovery", body).await.expect(202);
        let link = path_in(&app.one_mail().await);
        let body = json!({"new_password": format!("another one, number {round}")});
        redeemed(&app, "POST", &link, &body).await;
        assert_eq!(app.mails().await.len(), 1, "it is mailed once");
    }
}

/// T-RACE: every other single-use link is used once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_requests_use_every_single_use_link_once() {
    let app = TestApp::with(|options| options.policy.throttle = false).await;
    let rounds = repetitions(10);
    for round in 0..rounds {
        let link = app.pending("ben").await;
        redeemed(&app, "DELETE", &link, &Value::Null).await;
        let name = format!("ben{round}");
        let ben = app.user(&name).await;
        let new = format!("thief{round}@example.org");
        let body = json!({"email": new, "password": PASSWORD});
        ben.put("/user/me/email", body).await.expect(202);
        let mails = app.mails().await;
        let of = |purpose: &str| {
            let found = mails.iter().map(path_in);
            let mut found = found.filter(|path| path.starts_with(purpose));
            found.next().unwrap()
        };
        let confirm = of("/confirmation/");
        app.anonymous()
            .request("POST", &confirm)
            .send()
            .await
            .expect(200);
        app.one_mail().await;
        redeemed(&app, "POST", &of("/email-undo/"), &Value::Null).await;
        let mails: Vec<_> = app.mails().await;
        assert_eq!(mails.len(), 2, "{:?}", crate::support::summary(&mails));
    }
    let admin = app.admin().await;
    let undone = admin
        .get("/audit?event=email-change-undone&limit=200")
        .await
        .json();
    assert_eq!(undone["items"].as_array().unwrap().len(), rounds);
}
