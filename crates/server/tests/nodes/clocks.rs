//! The clock of one node is two minutes fast and that of another is two minutes slow: the only effect is in the log.

use std::path::PathBuf;

use serde_json::json;

use crate::accounts::{OTHER_PASSWORD, PASSWORD};
use crate::cluster::{Cluster, StoreKind};
use crate::mail::each_mail_arrives_once;
use crate::node::NodeConfig;
use crate::renewal::renewals_are_valid_on_every_node;

/// Offset of each clock, in libfaketime's format. The first node is right.
const SKEW: [&str; 3] = ["+0", "+120s", "-120s"];

fn with_another_time(recipe: NodeConfig, number: usize) -> NodeConfig {
    let library = libfaketime();
    recipe
        .with("LD_PRELOAD", library.to_str().unwrap())
        .with("FAKETIME", SKEW[number])
        // Only the time of day: clocks do not differ in the length of a second.
        .with("FAKETIME_DONT_FAKE_MONOTONIC", "1")
}

fn libfaketime() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").unwrap().flatten();
    let mut found = folders
        .map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"))
        .filter(|path| path.is_file());
    found
        .next()
        .expect("faketime is not installed here; `cargo xtask test` installs it")
}

fn seconds(time: &str) -> i64 {
    time.parse::<jiff::Timestamp>().unwrap().as_second()
}

async fn two_minutes_apart(store: StoreKind) {
    let cluster = Cluster::start_with(store, with_another_time).await;
    let [right, fast, slow] = cluster.clients();
    for (node, direction) in cluster
        .nodes
        .iter()
        .zip([None, Some("ahead of"), Some("behind")])
    {
        let log = node.log();
        let warnings: Vec<_> = log
            .lines()
            .filter(|line| line.contains("clock skew:"))
            .collect();
        match direction {
            Some(direction) => {
                assert_eq!(warnings.len(), 1, "{log}");
                // It includes half of a slow first connection.
                let is_logged = (115..=125).any(|seconds| {
                    warnings[0].contains(&format!("is {seconds} s {direction} the"))
                });
                assert!(is_logged, "{log}");
            }
            None => assert!(warnings.is_empty(), "{log}"),
        }
    }
    journey(&cluster).await;
    // For the fast node, the leases of the others expired long ago.
    each_mail_arrives_once(&cluster, "leased", 60).await;
    // Audit events are in the order in which they happened.
    let admin = cluster.admin().await;
    for (number, client) in [fast, right, slow, fast, slow].into_iter().enumerate() {
        let body = json!({"username": format!("next-{number}"), "password": PASSWORD});
        client.post("/user", body).await.expect(201);
    }
    let audit = right
        .get("/audit?event=sign-up&limit=5", &admin)
        .await
        .expect(200)
        .json();
    let times: Vec<_> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| {
            let at = event["at"].as_str().or(event["created_at"].as_str());
            seconds(at.unwrap_or_else(|| panic!("{event}")))
        })
        .collect();
    assert!(
        times.is_sorted_by(|later, earlier| later + 1 >= *earlier),
        "{times:?}"
    );
    renewals_are_valid_on_every_node(&cluster).await;
}

/// Links are valid, sessions end on time, and lists contain the right time.
async fn journey(cluster: &Cluster) {
    let [right, fast, slow] = cluster.clients();
    let body = json!({"username": "ben", "email": "ben@example.com", "password": PASSWORD});
    fast.post("/user", body).await.expect(201);
    let link = cluster.link_to("ben@example.com", "/confirmation/").await;
    slow.send("POST", &link, None, None).await.expect(200);
    let mut ends = Vec::new();
    for client in [right, fast, slow] {
        let signed_in = client.sign_in("ben", PASSWORD).await;
        assert_eq!(signed_in.json()["expires_in"], 86_400);
        ends.push(seconds(&signed_in.text("expires_at")));
        let token = signed_in.text("token");
        for client in [slow, right, fast] {
            assert_eq!(client.check(&token).await, 200);
        }
        right
            .send("DELETE", "/auth", Some(&token), None)
            .await
            .expect(204);
        crate::pass(std::time::Duration::from_secs(1)).await;
        for client in [slow, right, fast] {
            assert_eq!(client.check(&token).await, 401);
        }
    }
    assert!(
        ends[2] - ends[0] < 60,
        "a session is as long everywhere: {ends:?}"
    );
    for (round, (asked, used)) in [(fast, slow), (slow, fast)].into_iter().enumerate() {
        let body = json!({"email": "ben@example.com"});
        asked.post("/recovery", body).await.expect(202);
        let links = crate::eventually("the mail arrives", async || {
            let links = cluster.links_to("ben@example.com", "/recovery/");
            (links.len() == round + 1).then_some(links)
        })
        .await;
        let body = json!({"new_password": OTHER_PASSWORD});
        let mut statuses = Vec::new();
        for link in links {
            statuses.push(used.post(&link, body.clone()).await.status);
        }
        statuses.sort_unstable();
        assert_eq!(
            statuses,
            [204, 410][..=round],
            "the fresh one, and no other"
        );
    }
}

/// With throttling: the delay after a wrong password is the same on every node.
#[tokio::test(flavor = "multi_thread")]
async fn delays_are_the_same_on_every_node_with_redis() {
    let throttled = |recipe: NodeConfig, number| {
        with_another_time(recipe, number).with("DOORWARD_THROTTLE__ENABLED", "true")
    };
    let cluster = Cluster::start_with(StoreKind::PostgresRedis, throttled).await;
    for (number, name) in ["ann", "ben", "cid"].into_iter().enumerate() {
        cluster.user(name).await;
        let wrong = json!({"username": name, "password": "a wrong one"});
        for guess in 0..3 {
            let client = cluster.client(number + guess).with_a_new_address();
            assert_eq!(client.post("/auth", wrong.clone()).await.status, 401);
        }
        // The delay of a second applies on each node, and ends on each long before two minutes.
        let began = std::time::Instant::now();
        let mut answers = Vec::new();
        for client in cluster.clients() {
            let answer = client
                .with_a_new_address()
                .post("/auth", wrong.clone())
                .await;
            answers.push(answer.status);
        }
        let looked_at = answers.iter().filter(|status| **status == 401).count();
        let allowed = 1 + usize::try_from(began.elapsed().as_secs()).unwrap();
        assert!(looked_at <= allowed, "{answers:?}");
        let right = json!({"username": name, "password": PASSWORD});
        crate::eventually("the pause ends", async || {
            let client = cluster.client(number + 1).with_a_new_address();
            (client.post("/auth", right.clone()).await.status == 201).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_two_minutes_apart_cause_no_errors() {
    two_minutes_apart(StoreKind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_two_minutes_apart_cause_no_errors_with_redis() {
    two_minutes_apart(StoreKind::PostgresRedis).await;
}
