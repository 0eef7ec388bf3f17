//! Key rotation while all nodes are busy: no session ends on any of them (J-06).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;
use tokio::task::JoinSet;

use crate::accounts::PASSWORD;
use crate::cluster::{Cluster, StoreKind};
use crate::node_client::NodeClient;

/// Signs in repeatedly, and uses each token on every node at once, until `is_over`. Signs out of each session
/// except the first, which fifty newer ones would end.
async fn visit(
    clients: [NodeClient; 3],
    name: String,
    is_over: Arc<AtomicBool>,
    seen: Arc<AtomicUsize>,
) {
    let first = clients[0].token(&name, PASSWORD).await;
    for number in 0.. {
        if is_over.load(Ordering::SeqCst) {
            return;
        }
        let newest = clients[number % 3].token(&name, PASSWORD).await;
        for token in [&first, &newest] {
            for client in clients {
                assert_eq!(client.check(token).await, 200);
                seen.fetch_add(1, Ordering::SeqCst);
            }
        }
        let body = json!({"audience": "service"});
        let client = clients[(number + 1) % 3];
        let made = client.send("POST", "/auth/token", Some(&newest), Some(body));
        made.await.expect(200);
        let signed_out = client.send("DELETE", "/auth", Some(&newest), None);
        signed_out.await.expect(204);
    }
}

async fn kids(client: NodeClient) -> Vec<String> {
    let jwks = client
        .send("GET", "/.well-known/jwks.json", None, None)
        .await;
    let jwks = jwks.expect(200).json();
    let keys = jwks["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

async fn rotation(store: StoreKind) {
    let cluster = Cluster::start(store).await;
    let (is_over, seen) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let mut visitors = JoinSet::new();
    for number in 0..4 {
        let name = format!("visitor-{number}");
        cluster.user(&name).await;
        visitors.spawn(visit(
            cluster.clients(),
            name,
            is_over.clone(),
            seen.clone(),
        ));
    }
    for _ in 0..2 {
        let so_far = seen.load(Ordering::SeqCst);
        let has_gone_on = async || (seen.load(Ordering::SeqCst) > so_far + 60).then_some(());
        crate::eventually("they visit before", has_gone_on).await;
        let rotated = cluster.nodes[1].run(&["keys", "rotate", "--json"]).await;
        assert_eq!(rotated.code, Some(0), "{}", rotated.err);
        let rotated: serde_json::Value = serde_json::from_str(&rotated.out).unwrap();
        let kid = rotated["kid"].as_str().unwrap().to_owned();
        // Services that verify tokens can get the JWKS from any node after this.
        for client in cluster.clients() {
            crate::eventually("the JWKS has it", async || {
                kids(client).await.contains(&kid).then_some(())
            })
            .await;
        }
        let so_far = seen.load(Ordering::SeqCst);
        let has_gone_on = async || (seen.load(Ordering::SeqCst) > so_far + 60).then_some(());
        crate::eventually("they visit after", has_gone_on).await;
    }
    is_over.store(true, Ordering::SeqCst);
    // A visitor with a rejected request has panicked.
    visitors.join_all().await;
    let all = kids(cluster.client(0)).await;
    assert_eq!(all.len(), 3);
    for client in cluster.clients() {
        assert_eq!(kids(client).await, all);
    }
    println!("{} checks, none refused", seen.load(Ordering::SeqCst));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres() {
    rotation(StoreKind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_and_redis() {
    rotation(StoreKind::PostgresRedis).await;
}
