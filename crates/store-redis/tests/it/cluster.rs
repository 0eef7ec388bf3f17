//! A Cluster, where one Redis will not do.

use std::time::Instant;

use doorward_domain::model::Session;
use doorward_domain::ports::Sessions;
use doorward_testkit::fixtures;
use doorward_testkit::servers::{own_redis_cluster, redis_cluster};

use crate::support::{BOUND, PATIENCE, RIGHTS, open, took, use_it};

/// A user's keys are in one slot, and a node that is gone takes its users' sessions along, no others.
#[tokio::test]
async fn a_cluster_loses_and_finds_its_nodes() {
    let cluster = own_redis_cluster().await;
    for node in &cluster.nodes {
        let whole = ["CONFIG", "SET", "cluster-require-full-coverage", "no"];
        node.command(&whole).await;
    }
    let store = open(&cluster.url());
    let sessions: Vec<_> = (0..30)
        .map(|_| fixtures::session(fixtures::user_id()))
        .collect();
    for session in &sessions {
        store.insert_session(session).await.unwrap();
    }
    let find = async |session: &Session| {
        store
            .find_session(session.user_id, &session.digest, fixtures::now())
            .await
    };
    cluster.nodes[2].kill().await;
    let (mut found, mut failed) = (0, 0);
    for session in &sessions {
        let (answer, took) = took(find(session)).await;
        assert!(took < BOUND, "{took:?}");
        match answer {
            Ok(kept) => {
                assert_eq!(kept.as_ref(), Some(session));
                found += 1;
            }
            Err(_) => failed += 1,
        }
    }
    assert!(found > 0 && failed > 0, "{found} found, {failed} failed");
    cluster.nodes[2].start().await;
    let deadline = Instant::now() + PATIENCE;
    for session in &sessions {
        while find(session).await.is_err() {
            assert!(Instant::now() < deadline, "it does not mend itself");
        }
    }
    use_it(&store).await;
}

#[tokio::test]
async fn a_user_with_those_rights_can_do_all_of_it_on_a_cluster() {
    let cluster = own_redis_cluster().await;
    for node in &cluster.nodes {
        let mut words = vec!["ACL", "SETUSER", "doorward", "on", ">secret"];
        words.extend(RIGHTS.split_whitespace());
        node.command(&words).await;
        node.command(&["ACL", "SETUSER", "default", "off"]).await;
    }
    let url = cluster
        .url()
        .replace("redis://", "redis://doorward:secret@");
    let store = open(&url);
    for _ in 0..10 {
        use_it(&store).await;
    }
}

#[tokio::test]
async fn a_cluster_has_no_numbered_databases() {
    let place = redis_cluster().await;
    let fault = open(&format!("{}/1", place.url)).greet().await;
    assert!(fault.unwrap_err().to_string().contains("numbered database"));
}
