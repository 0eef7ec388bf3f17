//! What Redis keeps, and for how long.

use std::sync::Arc;
use std::time::Instant;

use doorward_domain::model::Session;
use doorward_domain::ports::{Allowance, Charge, Sessions, Throttle};
use doorward_domain::throttle::{Door, FallbackThrottle, Limits, MemoryThrottle};
use doorward_testkit::fixtures;
use doorward_testkit::servers::{RedisOptions, own_redis};

use crate::support::{PATIENCE, guess, open, sign_up, use_it};

/// S-03: each has its own expiry, and no more than a day of it; without it, the deadline holds.
#[tokio::test]
async fn every_key_expires_by_itself() {
    let redis = own_redis(RedisOptions::default()).await;
    let store = open(&redis.url());
    let session = fixtures::session(fixtures::user_id());
    store.insert_session(&session).await.unwrap();
    let charges = [sign_up("key"), guess("key")];
    store.take(&charges, fixtures::now()).await.unwrap();
    let stopping = Arc::new(Limits::default().stopping());
    let stopped = [Charge::guess(&stopping, "stopped".to_owned())];
    for hours in 0..200 {
        let later = fixtures::now() + jiff::SignedDuration::from_hours(hours);
        store.take(&charges[1..], later).await.unwrap();
        store.take(&stopped, later).await.unwrap();
    }
    let keys = redis.command(&["KEYS", "*"]).await;
    assert_eq!(keys.lines().count(), 5, "{keys}");
    let day = 24 * 3600 * 1000;
    for key in keys.lines() {
        assert!(key.starts_with("doorward:"), "{key}");
        let left: i64 = redis.command(&["PTTL", key]).await.parse().unwrap();
        let most = if key.contains("guess") { 90 * day } else { day };
        assert!((1..=most).contains(&left), "{key} has {left} ms");
    }
    let key = keys.lines().find(|key| key.contains(":session:")).unwrap();
    assert_eq!(redis.command(&["PERSIST", key]).await, "1");
    let find = async |now| {
        store
            .find_session(session.user_id, &session.digest, now)
            .await
    };
    assert!(find(fixtures::now()).await.unwrap().is_some());
    assert!(find(session.expires_at).await.unwrap().is_none());
    let listed = store
        .list_sessions(session.user_id, session.expires_at)
        .await;
    assert_eq!(listed.unwrap(), []);
}

/// What ran out is gone by itself, from the list too.
#[tokio::test]
async fn the_server_lets_go_of_what_ran_out() {
    let redis = own_redis(RedisOptions::default()).await;
    let store = open(&redis.url());
    let user = fixtures::user_id();
    let (short, long) = (
        Session {
            expires_at: fixtures::later(1000),
            ..fixtures::session(user)
        },
        fixtures::session(user),
    );
    store.insert_session(&short).await.unwrap();
    store.insert_session(&long).await.unwrap();
    let gone = async || {
        let keys = redis.command(&["KEYS", "*:session:*"]).await;
        keys.lines().count() == 1
    };
    let deadline = Instant::now() + PATIENCE;
    while !gone().await {
        assert!(Instant::now() < deadline);
    }
    let listed = store.list_sessions(user, fixtures::now()).await.unwrap();
    assert_eq!(listed, [long]);
    let list = format!("doorward:{{{user}}}:sessions");
    assert_eq!(
        redis.command(&["HLEN", &list]).await,
        "1",
        "it is off the list"
    );
}

#[tokio::test]
async fn a_wiped_redis_has_no_sessions_and_goes_on() {
    let redis = own_redis(RedisOptions::default()).await;
    let store = open(&redis.url());
    let session = fixtures::session(fixtures::user_id());
    store.insert_session(&session).await.unwrap();
    redis.command(&["FLUSHALL"]).await;
    redis.command(&["SCRIPT", "FLUSH"]).await;
    let now = fixtures::now();
    let found = store
        .find_session(session.user_id, &session.digest, now)
        .await;
    assert_eq!(found.unwrap(), None);
    use_it(&store).await;
}

#[tokio::test]
async fn a_redis_whose_memory_is_full_refuses_and_keeps_what_it_has() {
    let redis = own_redis(RedisOptions {
        settings: vec!["maxmemory 3mb", "maxmemory-policy noeviction"],
        ..RedisOptions::default()
    })
    .await;
    let store = open(&redis.url());
    let kept = fixtures::session(fixtures::user_id());
    store.insert_session(&kept).await.unwrap();
    Sessions::ping(&store).await.unwrap();
    redis
        .command(&["SET", "ballast", &"x".repeat(100_000)])
        .await;
    redis.command(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let refused = store
        .insert_session(&fixtures::session(fixtures::user_id()))
        .await;
    assert!(refused.is_err());
    assert!(Sessions::ping(&store).await.is_err(), "nor is it well");
    let found = store
        .find_session(kept.user_id, &kept.digest, fixtures::now())
        .await;
    assert_eq!(found.unwrap(), Some(kept.clone()));
    assert!(
        store.delete_session(kept.user_id, kept.id).await.unwrap(),
        "ending one needs no room"
    );
}

/// A full Redis refuses to count and answers what needs no room: what this node counted meanwhile is
/// given back on this node, and Redis keeps what it knew.
#[tokio::test]
async fn a_guess_at_a_full_redis_is_counted_and_given_back_by_the_node_alone() {
    let redis = own_redis(RedisOptions {
        settings: vec!["maxmemory-policy noeviction"],
        ..RedisOptions::default()
    })
    .await;
    let store = open(&redis.url());
    let node = FallbackThrottle::new(Arc::new(store), MemoryThrottle::new(100));
    let ben = [guess("ben")];
    let guess = async || {
        let answers = node.take(&ben, fixtures::now()).await.unwrap();
        matches!(answers[0], Allowance::Allowed { .. })
    };
    for _ in 0..2 {
        assert!(guess().await);
    }
    let key = redis.command(&["KEYS", "*guess*"]).await;
    let counted = async || redis.command(&["HGET", &key, "count"]).await;
    assert_eq!(counted().await, "2");
    redis.command(&["CONFIG", "SET", "maxmemory", "1"]).await;
    assert!(guess().await);
    redis.command(&["CONFIG", "SET", "maxmemory", "0"]).await;
    node.give_back(&ben, fixtures::now()).await.unwrap();
    assert_eq!(counted().await, "2", "it was never raised for that one");
    assert!(guess().await);
    node.give_back(&ben, fixtures::now()).await.unwrap();
    assert_eq!(counted().await, "2", "raised, and lowered again");
}

/// two nodes on one Redis have one budget between them.
#[tokio::test]
async fn two_nodes_share_a_budget() {
    let redis = own_redis(RedisOptions::default()).await;
    let nodes = [open(&redis.url()), open(&redis.url())];
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..200 {
        let node = nodes[number % 2].clone();
        let charges = [sign_up("shared")];
        tasks.spawn(async move { node.take(&charges, fixtures::now()).await.unwrap()[0] });
    }
    let allowed = tasks
        .join_all()
        .await
        .into_iter()
        .filter(|answer| matches!(answer, Allowance::Allowed { .. }));
    assert_eq!(allowed.count(), 20);
}

/// what a flood from everywhere leaves is bounded by the ceiling, and gone by itself.
#[tokio::test]
async fn a_flood_from_everywhere_leaves_what_the_ceiling_lets_through() {
    let redis = own_redis(RedisOptions::default()).await;
    let store = open(&redis.url());
    let [address, _, everybody] = Limits::default().budgets(Door::Link);
    let everybody = Charge::budget(everybody, String::new());
    for number in 0..5_000 {
        let charges = [
            Charge::budget(address, format!("10.0.0.{number}")),
            everybody.clone(),
        ];
        store.take(&charges, fixtures::now()).await.unwrap();
    }
    let keys: u32 = redis.command(&["DBSIZE"]).await.parse().unwrap();
    // Some have come back while the test ran.
    assert!((601..1_500).contains(&keys), "{keys}");
    let ttl = redis.command(&["EVAL", "for _, key in ipairs(redis.call('KEYS', '*')) do if redis.call('PTTL', key) < 0 then return key end end return 'none'", "0"]).await;
    assert_eq!(ttl, "none");
}
