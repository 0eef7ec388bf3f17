//! A Redis Cluster.

use std::time::Instant;

use doorward_domain::model::Session;
use doorward_domain::sessions::SeparateSessions;
use doorward_testkit::fixtures;
use doorward_testkit::servers::{dedicated_redis_cluster, redis_cluster};

use crate::support::{BOUND, RIGHTS, TEST_TIMEOUT, cause, open, took, use_it, wait_until_back};

/// A user's keys are in one slot. A node that is down makes its users' sessions unavailable, and no others.
#[tokio::test]
async fn a_node_that_is_down_affects_its_users_only() {
    let cluster = dedicated_redis_cluster().await;
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
    let deadline = Instant::now() + TEST_TIMEOUT;
    for session in &sessions {
        while find(session).await.is_err() {
            assert!(Instant::now() < deadline, "it does not recover");
        }
    }
    use_it(&store).await;
}

#[tokio::test]
async fn the_documented_rights_are_sufficient_on_a_cluster() {
    let cluster = dedicated_redis_cluster().await;
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

/// While a slot moves from one node to another, and after that.
#[tokio::test]
async fn keys_that_move_are_followed() {
    let cluster = dedicated_redis_cluster().await;
    let store = open(&cluster.url());
    let session = fixtures::session(fixtures::user_id());
    store.insert_session(&session).await.unwrap();
    let find = async || {
        let now = fixtures::now();
        let found = store.find_session(session.user_id, &session.digest, now);
        assert_eq!(found.await.unwrap().as_ref(), Some(&session));
    };
    find().await;
    let key = format!("doorward:{{{}}}:sessions", session.user_id);
    let slot = cluster.nodes[0]
        .command(&["CLUSTER", "KEYSLOT", &key])
        .await;
    let owner = slot.parse::<usize>().unwrap() / 5461;
    let (from, to) = (
        &cluster.nodes[owner.min(2)],
        &cluster.nodes[(owner.min(2) + 1) % 3],
    );
    let from_id = from.command(&["CLUSTER", "MYID"]).await;
    let to_id = to.command(&["CLUSTER", "MYID"]).await;
    to.command(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id])
        .await;
    from.command(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id])
        .await;
    let keys = from
        .command(&["CLUSTER", "GETKEYSINSLOT", &slot, "9"])
        .await;
    assert_eq!(keys.lines().count(), 2, "{keys}");
    let port = to.port().to_string();
    let mut migrate = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
    migrate.extend(keys.lines());
    assert_eq!(from.command(&migrate).await, "OK");
    find().await;
    for node in [to, from] {
        node.command(&["CLUSTER", "SETSLOT", &slot, "NODE", &to_id])
            .await;
    }
    find().await;
    let now = fixtures::now();
    let listed = store.list_sessions(session.user_id, now).await;
    assert_eq!(listed.unwrap(), std::slice::from_ref(&session));
    assert!(
        store
            .delete_session(session.user_id, session.id)
            .await
            .unwrap()
    );
    use_it(&store).await;
}

#[tokio::test]
async fn a_replica_replaces_its_primary() {
    let cluster = dedicated_redis_cluster().await;
    let primary = &cluster.nodes[1];
    let replica = cluster.replica_of(primary).await;
    let store = open(&cluster.url());
    let sessions: Vec<_> = (0..20)
        .map(|_| fixtures::session(fixtures::user_id()))
        .collect();
    for session in &sessions {
        store.insert_session(session).await.unwrap();
    }
    // The primary stores at least one of them.
    assert_ne!(primary.command(&["DBSIZE"]).await, "0");
    let deadline = Instant::now() + TEST_TIMEOUT;
    while replica.command(&["DBSIZE"]).await != primary.command(&["DBSIZE"]).await {
        assert!(Instant::now() < deadline, "the replica lags");
    }
    primary.kill().await;
    let deadline = Instant::now() + TEST_TIMEOUT;
    for session in &sessions {
        let find = || store.find_session(session.user_id, &session.digest, fixtures::now());
        loop {
            let (answer, took) = took(find()).await;
            assert!(took < BOUND, "{took:?}");
            if let Ok(found) = answer {
                assert_eq!(found.as_ref(), Some(session));
                break;
            }
            assert!(Instant::now() < deadline, "it does not recover");
        }
    }
    use_it(&store).await;
}

#[tokio::test]
async fn a_cluster_that_was_down_as_a_whole_is_used_again() {
    let cluster = dedicated_redis_cluster().await;
    let store = open(&cluster.url());
    use_it(&store).await;
    for node in &cluster.nodes {
        node.kill().await;
    }
    for _ in 0..5 {
        let (result, took) = took(store.ping()).await;
        assert!(result.is_err() && took < BOUND, "{took:?}");
    }
    for node in &cluster.nodes {
        node.start().await;
    }
    wait_until_back(&store).await;
}

#[tokio::test]
async fn a_cluster_has_no_numbered_databases() {
    let place = redis_cluster().await;
    let error = open(&format!("{}/1", place.url)).ping().await.unwrap_err();
    let text = cause(&error).to_string();
    assert!(text.contains("database"), "{text}");
}
