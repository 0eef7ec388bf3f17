//! A session renewed on one node and used on the others, regardless of their clocks.

use std::time::Duration;

use serde_json::json;

use crate::accounts::{OTHER_PASSWORD, PASSWORD};
use crate::cluster::{Cluster, StoreKind};
use crate::node_client::NodeClient;

/// `Policy::renewal_grace`, and a margin.
const GRACE_IS_OVER: Duration = Duration::from_millis(31_500);

async fn renew(client: NodeClient, token: &str) -> String {
    let reply = client
        .send("POST", "/auth/renewal", Some(token), None)
        .await;
    reply.expect(200).text("token")
}

/// Renews on each node in turn, uses both tokens everywhere, and sends the old ones after the grace period.
pub async fn renewals_are_valid_on_every_node(cluster: &Cluster) {
    let mut pairs = Vec::new();
    for number in 0..3 {
        let name = format!("renewer-{number}");
        cluster.user(&name).await;
        let old = cluster.client(number).token(&name, PASSWORD).await;
        let renewing = cluster.client(number + 1);
        let new = renew(renewing, &old).await;
        for client in cluster.clients() {
            assert_eq!(client.check(&old).await, 200, "within its grace");
            assert_eq!(client.check(&new).await, 200);
        }
        // A retry after a lost response is the same renewal, on any node.
        let again = renew(cluster.client(number + 2), &old).await;
        for client in cluster.clients() {
            assert_eq!(client.check(&again).await, 200);
            assert_eq!(client.check(&new).await, 200);
        }
        pairs.push((old, new));
    }
    crate::pass(GRACE_IS_OVER).await;
    for (number, (old, new)) in pairs.iter().enumerate() {
        // If the old token is not used, the session continues, on every node.
        for client in cluster.clients() {
            assert_eq!(client.check(new).await, 200, "a session died early");
        }
        // If it is, the session ends, on every node.
        assert_eq!(cluster.client(number).check(old).await, 401);
        crate::pass(Duration::from_secs(1)).await;
        for client in cluster.clients() {
            assert_eq!(
                client.check(new).await,
                401,
                "what was shown again ends it all"
            );
        }
    }
}

/// S-06: changes the password on one node, and renews the kept session on another that has it cached, in either order.
async fn kept_sessions_survive_their_renewal(cluster: &Cluster) {
    for renews_first in [false, true] {
        let name = format!("keeper-{renews_first}");
        cluster.user(&name).await;
        let [a, b, c] = cluster.clients();
        let (kept, ended) = (
            a.token(&name, PASSWORD).await,
            a.token(&name, PASSWORD).await,
        );
        for token in [&kept, &ended] {
            assert_eq!(b.check(token).await, 200, "the node caches it");
        }
        let body = json!({"current_password": PASSWORD, "new_password": OTHER_PASSWORD});
        let change = async || {
            let changed = a.send("PUT", "/password", Some(&kept), Some(body.clone()));
            changed.await.expect(204);
        };
        let renewed = match renews_first {
            true => {
                let renewed = renew(b, &kept).await;
                change().await;
                renewed
            }
            false => {
                change().await;
                renew(b, &kept).await
            }
        };
        // The other node may renew this one as well until it looks the session up again.
        let dead = b.send("POST", "/auth/renewal", Some(&ended), None).await;
        crate::pass(Duration::from_secs(1)).await;
        for client in [a, b, c] {
            assert_eq!(client.check(&renewed).await, 200, "{renews_first}");
            assert_eq!(client.check(&ended).await, 401, "{renews_first}");
            if dead.status == 200 {
                assert_eq!(client.check(&dead.text("token")).await, 401);
            }
        }
    }
}

/// Runs both checks at the same time, each on a cluster of its own.
async fn check_renewals(store: StoreKind) {
    let (renewals, kept) = tokio::join!(Cluster::start(store), Cluster::start(store));
    tokio::join!(
        renewals_are_valid_on_every_node(&renewals),
        kept_sessions_survive_their_renewal(&kept)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres() {
    check_renewals(StoreKind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_and_redis() {
    check_renewals(StoreKind::PostgresRedis).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_mariadb() {
    check_renewals(StoreKind::MariaDb).await;
}
