//! Nodes are killed and stopped under load, one after the other, and restarted (T-POWER).

use doorward_testkit::repeat::repetitions;

use crate::cluster::{Cluster, Ground};
use crate::load::Load;

async fn killing(ground: Ground) {
    let mut cluster = Cluster::start(ground).await;
    let load = Load::begin(&cluster, "person", 6);
    let ends = repetitions(6);
    for (round, signal) in ["KILL", "TERM"].into_iter().cycle().take(ends).enumerate() {
        load.goes_on(12).await;
        let node = &mut cluster.nodes[round % 3];
        let status = node.end(signal).await;
        assert_eq!(status.success(), signal == "TERM", "{status}");
        load.goes_on(6).await;
        node.start().await;
    }
    let count = load.end(&cluster).await;
    println!("{count} sign-ups and as many changes over {ends} ends, none lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres() {
    killing(Ground::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_and_redis() {
    killing(Ground::PostgresRedis).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_mariadb() {
    killing(Ground::MariaDb).await;
}
