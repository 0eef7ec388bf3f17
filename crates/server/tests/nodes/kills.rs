//! Nodes are killed and stopped under load, one after the other, and restarted (T-POWER).

use doorward_testkit::repeat::repetitions;

use crate::cluster::{Cluster, StoreKind};
use crate::load::Load;

async fn kill_under_load(store: StoreKind) {
    let mut cluster = Cluster::start(store).await;
    let load = Load::begin(&cluster, "person", 6);
    let ends = repetitions(6);
    for (round, signal) in ["KILL", "TERM"].into_iter().cycle().take(ends).enumerate() {
        load.makes_progress(12).await;
        let node = &mut cluster.nodes[round % 3];
        let status = node.end(signal).await;
        assert_eq!(status.success(), signal == "TERM", "{status}");
        load.makes_progress(6).await;
        node.start().await;
    }
    let count = load.end(&cluster).await;
    println!("{count} sign-ups and as many changes over {ends} ends, none lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres() {
    kill_under_load(StoreKind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_and_redis() {
    kill_under_load(StoreKind::PostgresRedis).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_mariadb() {
    kill_under_load(StoreKind::MariaDb).await;
}

#[cfg(feature = "aws")]
#[tokio::test(flavor = "multi_thread")]
async fn on_dynamodb() {
    kill_under_load(StoreKind::DynamoDb).await;
}
