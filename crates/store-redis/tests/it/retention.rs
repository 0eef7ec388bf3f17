//! Stored data and its expiry.

use std::time::Instant;

use doorward_domain::limits::RateLimits;
use doorward_domain::model::Session;
use doorward_domain::sessions::SeparateSessions;
use doorward_testkit::fixtures;
use doorward_testkit::servers::{RedisOptions, dedicated_redis};

use crate::support::{TEST_TIMEOUT, guess, open, sign_up};

/// S-03: each key expires within a day. Without its expiry, the session's own is checked.
#[tokio::test]
async fn every_key_expires_by_itself() {
    let redis = dedicated_redis(RedisOptions::default()).await;
    let store = open(&redis.url());
    let session = fixtures::session(fixtures::user_id());
    store.insert_session(&session).await.unwrap();
    let (budget, backoff) = (sign_up("key"), guess("key"));
    store.acquire(&budget, fixtures::now()).await.unwrap();
    for hours in 0..200 {
        let later = fixtures::now() + jiff::SignedDuration::from_hours(hours);
        store.acquire(&backoff, later).await.unwrap();
    }
    let keys = redis.command(&["KEYS", "*"]).await;
    assert_eq!(keys.lines().count(), 4, "{keys}");
    let day = 24 * 3600 * 1000;
    for key in keys.lines() {
        assert!(key.starts_with("doorward:"), "{key}");
        let left: i64 = redis.command(&["PTTL", key]).await.parse().unwrap();
        let most = if key.contains("guess") { 31 * day } else { day };
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

/// Also from the user's list.
#[tokio::test]
async fn expired_sessions_are_deleted() {
    let redis = dedicated_redis(RedisOptions::default()).await;
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
    let deadline = Instant::now() + TEST_TIMEOUT;
    while !gone().await {
        assert!(Instant::now() < deadline);
    }
    let listed = store.list_sessions(user, fixtures::now()).await.unwrap();
    assert_eq!(listed, [long]);
    let list = format!("doorward:{{{user}}}:sessions");
    assert_eq!(
        redis.command(&["HLEN", &list]).await,
        "1",
        "it is deleted from the list"
    );
}

#[tokio::test]
async fn a_redis_with_full_memory_rejects_sessions_and_keeps_the_stored_ones() {
    let redis = dedicated_redis(RedisOptions {
        settings: vec!["maxmemory 3mb", "maxmemory-policy noeviction"],
        ..RedisOptions::default()
    })
    .await;
    let store = open(&redis.url());
    let kept = fixtures::session(fixtures::user_id());
    store.insert_session(&kept).await.unwrap();
    SeparateSessions::ping(&store).await.unwrap();
    redis
        .command(&["SET", "ballast", &"x".repeat(100_000)])
        .await;
    redis.command(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let refused = store
        .insert_session(&fixtures::session(fixtures::user_id()))
        .await;
    assert!(refused.is_err());
    assert!(
        SeparateSessions::ping(&store).await.is_err(),
        "ping fails as well"
    );
    let found = store
        .find_session(kept.user_id, &kept.digest, fixtures::now())
        .await;
    assert_eq!(found.unwrap(), Some(kept.clone()));
    assert!(
        store.delete_session(kept.user_id, kept.id).await.unwrap(),
        "ending a session needs no memory"
    );
}

/// two nodes on one Redis share a limit.
#[tokio::test]
async fn two_nodes_share_a_limit() {
    let redis = dedicated_redis(RedisOptions::default()).await;
    let nodes = [open(&redis.url()), open(&redis.url())];
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..200 {
        let node = nodes[number % 2].clone();
        let limit = sign_up("shared");
        tasks.spawn(async move { node.acquire(&limit, fixtures::now()).await.unwrap() });
    }
    let decisions = tasks.join_all().await;
    let allowed = decisions.iter().filter(|decision| decision.is_allowed());
    assert_eq!(allowed.count(), 20);
}
