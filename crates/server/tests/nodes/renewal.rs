//! A session renewed on one node and used on the others, regardless of their clocks.

use std::time::Duration;

use crate::cluster::{Cluster, Ground};
use crate::door::Door;
use crate::people::PASSWORD;

/// `Policy::renewal_grace`, and a margin.
const GRACE_IS_OVER: Duration = Duration::from_millis(31_500);

async fn renew(door: Door, token: &str) -> String {
    let reply = door.send("POST", "/auth/renewal", Some(token), None).await;
    reply.expect(200).text("token")
}

/// Renews on each node in turn, uses both tokens everywhere, and sends the old ones after the grace period.
pub async fn renewals_hold_everywhere(cluster: &Cluster) {
    let mut pairs = Vec::new();
    for number in 0..3 {
        let name = format!("renewer-{number}");
        cluster.user(&name).await;
        let old = cluster.door(number).token(&name, PASSWORD).await;
        let renewing = cluster.door(number + 1);
        let new = renew(renewing, &old).await;
        for door in cluster.doors() {
            assert_eq!(door.check(&old).await, 200, "within its grace");
            assert_eq!(door.check(&new).await, 200);
        }
        // A retry after a lost response is the same renewal, on any node.
        let again = renew(cluster.door(number + 2), &old).await;
        for door in cluster.doors() {
            assert_eq!(door.check(&again).await, 200);
            assert_eq!(door.check(&new).await, 200);
        }
        pairs.push((old, new));
    }
    crate::pass(GRACE_IS_OVER).await;
    for (number, (old, new)) in pairs.iter().enumerate() {
        // If the old token is not used, the session continues, on every node.
        for door in cluster.doors() {
            assert_eq!(door.check(new).await, 200, "a session died early");
        }
        // If it is, the session ends, on every node.
        assert_eq!(cluster.door(number).check(old).await, 401);
        crate::pass(Duration::from_secs(1)).await;
        for door in cluster.doors() {
            assert_eq!(
                door.check(new).await,
                401,
                "what was shown again ends it all"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_on_every_node() {
    let grounds = [Ground::Postgres, Ground::PostgresRedis, Ground::MariaDb].map(async |ground| {
        let cluster = Cluster::start(ground).await;
        renewals_hold_everywhere(&cluster).await;
    });
    let [postgres, redis, mariadb] = grounds;
    tokio::join!(postgres, redis, mariadb);
}
