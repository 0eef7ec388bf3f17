//! With Redis, all nodes share their rate limits: three nodes allow what one would.

use std::net::Ipv4Addr;
use std::time::Instant;

use serde_json::json;
use tokio::task::JoinSet;

use crate::accounts::PASSWORD;
use crate::cluster::{Cluster, StoreKind};

async fn cluster() -> Cluster {
    let throttled =
        |recipe: crate::node::NodeConfig, _| recipe.with("DOORWARD_THROTTLE__ENABLED", "true");
    Cluster::start_with(StoreKind::PostgresRedis, throttled).await
}

/// two hundred concurrent attempts at one password, from two hundred addresses, over three nodes.
#[tokio::test(flavor = "multi_thread")]
async fn all_nodes_share_the_count_of_guesses() {
    let cluster = cluster().await;
    cluster.user("ben").await;
    let began = Instant::now();
    let mut running = JoinSet::new();
    for number in 0..200 {
        let client = cluster.client(number).with_a_new_address();
        running.spawn(async move {
            let body = json!({"username": "ben", "password": format!("a wrong one {number}")});
            client.post("/auth", body).await.status
        });
    }
    let answers = running.join_all().await;
    let took = began.elapsed();
    let count = |wanted| answers.iter().filter(|status| **status == wanted).count();
    let (looked_at, refused) = (count(401), count(429));
    println!("{looked_at} of 200 guesses were checked in {took:?}");
    assert_eq!(looked_at + refused, 200, "{answers:?}");
    // Three at once, and then at most one a second.
    let allowed = 3 + usize::try_from(took.as_secs()).unwrap();
    assert!(
        (3..=allowed).contains(&looked_at),
        "{looked_at} of {allowed}"
    );
    // The count of one node applies on the next one, to the owner as well, who has to wait.
    let body = json!({"username": "BEN", "password": PASSWORD});
    crate::eventually("the owner can sign in", async || {
        let client = cluster.client(1).with_a_new_address();
        let status = client.post("/auth", body.clone()).await.status;
        assert!(matches!(status, 201 | 429), "{status}");
        (status == 201).then_some(())
    })
    .await;
    // A right password clears the count everywhere.
    for number in 0..3 {
        let client = cluster.client(number).with_a_new_address();
        let wrong = json!({"username": "ben", "password": "a wrong one again"});
        assert_eq!(client.post("/auth", wrong).await.status, 401);
    }
}

/// sixty attempts from one address on three nodes at once count by one limit of thirty.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_one_limit_on_all_nodes() {
    let cluster = cluster().await;
    let began = Instant::now();
    let mut running = JoinSet::new();
    for node in 0..3 {
        let client = cluster.client(node).from(Ipv4Addr::new(127, 20, 3, 1));
        running.spawn(async move {
            let mut answers = Vec::new();
            for number in 0..20 {
                let body =
                    json!({"username": format!("nobody-{node}-{number}"), "password": PASSWORD});
                answers.push(client.post("/auth", body).await.status);
            }
            answers
        });
    }
    let answers = running.join_all().await.concat();
    let allowed = answers.iter().filter(|status| **status == 401).count();
    let refused = answers.iter().filter(|status| **status == 429).count();
    assert_eq!(allowed + refused, 60, "{answers:?}");
    // Thirty, and one more every two seconds.
    let most = 31 + usize::try_from(began.elapsed().as_secs() / 2).unwrap();
    assert!((30..=most).contains(&allowed), "{allowed} of {most}");
}
