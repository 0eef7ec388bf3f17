//! A session renewed on one node and used on the others, regardless of their clocks.

use std::time::Duration;

use crate::accounts::PASSWORD;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_is_valid_on_every_node() {
    let stores = [
        StoreKind::Postgres,
        StoreKind::PostgresRedis,
        StoreKind::MariaDb,
    ]
    .map(async |store| {
        let cluster = Cluster::start(store).await;
        renewals_are_valid_on_every_node(&cluster).await;
    });
    let [postgres, redis, mariadb] = stores;
    tokio::join!(postgres, redis, mariadb);
}
