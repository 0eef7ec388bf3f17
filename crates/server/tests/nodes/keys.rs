//! Key rotation while all nodes are busy: no session ends on any of them (J-06).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;
use tokio::task::JoinSet;

use crate::cluster::{Cluster, Ground};
use crate::door::Door;
use crate::people::PASSWORD;

/// Signs in repeatedly, and uses each token on every node at once, until `is_over`. Signs out of each session
/// except the first, which fifty newer ones would end.
async fn visit(doors: [Door; 3], name: String, is_over: Arc<AtomicBool>, seen: Arc<AtomicUsize>) {
    let first = doors[0].token(&name, PASSWORD).await;
    for number in 0.. {
        if is_over.load(Ordering::SeqCst) {
            return;
        }
        let newest = doors[number % 3].token(&name, PASSWORD).await;
        for token in [&first, &newest] {
            for door in doors {
                assert_eq!(door.check(token).await, 200);
                seen.fetch_add(1, Ordering::SeqCst);
            }
        }
        let body = json!({"audience": "service"});
        let door = doors[(number + 1) % 3];
        let made = door.send("POST", "/auth/token", Some(&newest), Some(body));
        made.await.expect(200);
        let signed_out = door.send("DELETE", "/auth", Some(&newest), None);
        signed_out.await.expect(204);
    }
}

async fn kids(door: Door) -> Vec<String> {
    let jwks = door.send("GET", "/.well-known/jwks.json", None, None).await;
    let jwks = jwks.expect(200).json();
    let keys = jwks["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

async fn rotation(ground: Ground) {
    let cluster = Cluster::start(ground).await;
    let (is_over, seen) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let mut visitors = JoinSet::new();
    for number in 0..4 {
        let name = format!("visitor-{number}");
        cluster.user(&name).await;
        visitors.spawn(visit(cluster.doors(), name, is_over.clone(), seen.clone()));
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
        for door in cluster.doors() {
            crate::eventually("the JWKS has it", async || {
                kids(door).await.contains(&kid).then_some(())
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
    let all = kids(cluster.door(0)).await;
    assert_eq!(all.len(), 3);
    for door in cluster.doors() {
        assert_eq!(kids(door).await, all);
    }
    println!("{} checks, none refused", seen.load(Ordering::SeqCst));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres() {
    rotation(Ground::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_and_redis() {
    rotation(Ground::PostgresRedis).await;
}
