//! Outages of Redis: each call is bounded, and the store recovers by itself.

use std::time::{Duration, Instant};

use doorward_domain::limits::{Decision, RateLimits};
use doorward_domain::sessions::SeparateSessions;
use doorward_store_redis::RedisStore;
use doorward_testkit::fixtures;
use doorward_testkit::servers::{DedicatedRedis, Proxy, ProxyMode, RedisOptions, dedicated_redis};

use crate::support::{BOUND, TEST_TIMEOUT, open, sign_up, took, use_it, wait_until_back};

/// Duration of a call that does not wait for Redis, on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Each call fails within the bound. After a timeout, calls fail at once for a second.
async fn assert_down(store: &RedisStore) {
    let mut waited = 0;
    for _ in 0..20 {
        let (answer, took) = took(store.ping()).await;
        assert!(answer.is_err());
        assert!(took < BOUND, "{took:?}");
        waited += u32::from(took > AT_ONCE);
    }
    assert!(waited <= 10, "{waited} of 20 calls waited");
}

#[tokio::test]
async fn a_redis_that_is_down_at_the_start_is_used_once_it_is_up() {
    let redis = dedicated_redis(RedisOptions::default()).await;
    redis.stop().await;
    let store = open(&redis.url());
    store.connect().await.unwrap();
    assert_down(&store).await;
    redis.start().await;
    wait_until_back(&store).await;
    use_it(&store).await;
}

#[tokio::test]
async fn a_killed_redis_is_used_again_after_its_restart() {
    let redis = dedicated_redis(RedisOptions::default()).await;
    let store = open(&redis.url());
    use_it(&store).await;
    for _ in 0..2 {
        redis.kill().await;
        assert_down(&store).await;
        redis.start().await;
        wait_until_back(&store).await;
        use_it(&store).await;
    }
}

#[tokio::test]
async fn a_restart_between_two_calls_fails_no_call() {
    let redis = dedicated_redis(RedisOptions::default()).await;
    let store = open(&redis.url());
    let session = fixtures::session(fixtures::user_id());
    store.insert_session(&session).await.unwrap();
    redis.restart().await;
    let found = store
        .find_session(session.user_id, &session.digest, fixtures::now())
        .await;
    assert_eq!(found.unwrap().as_ref(), Some(&session));
    redis.restart().await;
    let limit = sign_up("key");
    store.acquire(&limit, fixtures::now()).await.unwrap();
}

#[tokio::test]
async fn calls_to_a_paused_redis_are_bounded() {
    let redis = dedicated_redis(RedisOptions::default()).await;
    let store = open(&redis.url());
    use_it(&store).await;
    redis.pause().await;
    assert_down(&store).await;
    let many: Vec<_> = (0..100)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { took(store.ping()).await })
        })
        .collect();
    for call in many {
        let (answer, took) = call.await.unwrap();
        assert!(answer.is_err() && took < BOUND, "{took:?}");
    }
    redis.resume().await;
    wait_until_back(&store).await;
    use_it(&store).await;
}

#[tokio::test]
async fn calls_are_bounded_if_the_network_drops_all_packets() {
    let redis = dedicated_redis(RedisOptions::default()).await;
    let proxy = Proxy::to(redis.address()).await;
    let store = open(&proxy.url(&redis.url()));
    use_it(&store).await;
    proxy.set(ProxyMode::Stall).await;
    assert_down(&store).await;
    proxy.set(ProxyMode::Forward).await;
    wait_until_back(&store).await;
    proxy.reset_connections();
    wait_until_back(&store).await;
    use_it(&store).await;
    proxy.take_down().await;
    assert_down(&store).await;
    proxy.set(ProxyMode::Forward).await;
    wait_until_back(&store).await;
    use_it(&store).await;
}

/// It would be counted twice.
#[tokio::test]
async fn a_call_whose_reply_was_lost_is_not_repeated() {
    let redis = dedicated_redis(RedisOptions::default()).await;
    let proxy = Proxy::to(redis.address()).await;
    let store = open(&proxy.url(&redis.url()));
    use_it(&store).await;
    proxy.set(ProxyMode::DropResponse("EVALSHA", 1)).await;
    let limit = sign_up("once");
    assert!(store.acquire(&limit, fixtures::now()).await.is_err());
    proxy.set(ProxyMode::Forward).await;
    let left = store.acquire(&limit, fixtures::now()).await.unwrap();
    assert_eq!(left, Decision::Allowed { remaining: 18 });
}

/// The primary becomes a replica, and the host name leads to the new primary.
#[tokio::test]
async fn a_failover_behind_one_host_name_is_followed() {
    let (first, second) = (
        dedicated_redis(RedisOptions::default()).await,
        dedicated_redis(RedisOptions::default()).await,
    );
    follow(&second, &first).await;
    let proxy = Proxy::to(first.address()).await;
    let store = open(&proxy.url(&first.url()));
    use_it(&store).await;
    let session = fixtures::session(fixtures::user_id());
    store.insert_session(&session).await.unwrap();
    assert_eq!(first.command(&["WAIT", "1", "20000"]).await, "1");
    second.command(&["REPLICAOF", "NO", "ONE"]).await;
    follow(&first, &second).await;
    proxy.set_target(second.address());
    wait_until_back(&store).await;
    use_it(&store).await;
    let found = store
        .find_session(session.user_id, &session.digest, fixtures::now())
        .await;
    assert_eq!(found.unwrap(), Some(session));
}

async fn follow(replica: &DedicatedRedis, primary: &DedicatedRedis) {
    let port = primary.port().to_string();
    replica.command(&["REPLICAOF", "127.0.0.1", &port]).await;
    let deadline = Instant::now() + TEST_TIMEOUT;
    while !replica
        .command(&["INFO", "replication"])
        .await
        .contains("master_link_status:up")
    {
        assert!(Instant::now() < deadline, "{}", replica.log());
        tokio::task::yield_now().await;
    }
}
