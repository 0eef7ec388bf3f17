//! The first start of several nodes at once, and nodes with different keys.

use crate::cluster::{ADMIN_PASSWORD, Cluster, StoreKind};
use crate::node::{Node, NodeConfig};

/// One of them migrates, and one of them creates the admin and prints the password.
async fn several_start_on_an_empty_database(store: StoreKind) {
    let own_password = |mut recipe: NodeConfig, _| {
        recipe.variables.remove("ADMIN_PASSWORD");
        recipe
    };
    let cluster = Cluster::start_with(store, own_password).await;
    let passwords: Vec<_> = cluster
        .nodes
        .iter()
        .filter_map(|node| {
            let out = node.out();
            let line = out.lines().find(|line| line.contains("Admin "))?.to_owned();
            Some(line.split('`').nth(3).unwrap().to_owned())
        })
        .collect();
    assert_eq!(passwords.len(), 1, "one node prints the password");
    for client in cluster.clients() {
        let token = client.token("admin", &passwords[0]).await;
        let users = client.get("/user", &token).await.expect(200).json();
        assert_eq!(users["items"].as_array().unwrap().len(), 1);
    }
    let keys = cluster.nodes[0].run(&["keys", "list", "--json"]).await;
    let keys: serde_json::Value = serde_json::from_str(&keys.out).unwrap();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_nodes_start_concurrently_on_an_empty_postgres() {
    several_start_on_an_empty_database(StoreKind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_nodes_start_concurrently_on_an_empty_mariadb() {
    several_start_on_an_empty_database(StoreKind::MariaDb).await;
}

/// A node with another master key could neither sign nor, after a rotation, verify.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_another_master_key_does_not_start() {
    let cluster = Cluster::start(StoreKind::Postgres).await;
    let url = cluster.nodes[0].variable("DATABASE_URL").to_owned();
    let recipe = NodeConfig::new()
        .with("DOORWARD_PUBLIC_URL", crate::cluster::PUBLIC_URL)
        .with("DATABASE_URL", &url);
    let others = [
        recipe
            .clone()
            .with("JWT_SECRET_KEY", "zQ7-pLm3_nBv82KkYt5rWxJf0cGh6DsA"),
        // Without one: a new key would open nothing.
        recipe,
    ];
    for recipe in others {
        let mut node = Node::new(recipe);
        node.launch();
        assert!(!node.wait().await.success());
        let log = node.log();
        assert!(
            log.contains("another master key") && log.contains("JWT_SECRET_KEY"),
            "{log}"
        );
    }
    // The attempt changed nothing.
    for client in cluster.clients() {
        client.sign_in("admin", ADMIN_PASSWORD).await;
    }
}

/// Two nodes with different keys on an empty database: the slower one does not start.
#[tokio::test(flavor = "multi_thread")]
async fn only_one_of_two_nodes_with_different_master_keys_starts() {
    let mut recipe = StoreKind::Postgres.recipe().await;
    recipe.variables.remove("JWT_SECRET_KEY");
    let (mut one, mut other) = (Node::new(recipe.clone()), Node::new(recipe));
    one.launch();
    other.launch();
    crate::eventually("one of them refuses", async || {
        let refuses = |node: &Node| node.log().contains("another master key");
        (refuses(&one) || refuses(&other)).then_some(())
    })
    .await;
    let (loser, mut winner) = if one.log().contains("another master key") {
        (one, other)
    } else {
        (other, one)
    };
    winner.ready().await;
    winner.client.sign_in("admin", ADMIN_PASSWORD).await;
    assert!(!winner.log().contains("another master key"));
    drop(loser);
}
