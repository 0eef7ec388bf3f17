//! What happens when Redis goes, and comes back.

use std::time::{Duration, Instant};

use doorward_domain::model::Session;
use doorward_domain::ports::{Allowance, Sessions, Throttle};
use doorward_store_redis::RedisStore;
use doorward_testkit::fixtures;
use doorward_testkit::servers::{Mood, OwnRedis, Proxy, RedisOptions, own_redis};

use crate::support::{
    BOUND, PATIENCE, RIGHTS, cause, open, sign_up, took, use_it, wait_until_back,
};

/// What a call may take that asks nobody, on a busy machine: one that asks waits for a second and a half.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Each fails within the bound; once it is known, at once, but for the one in a second that looks.
async fn assert_away(store: &RedisStore) {
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
async fn a_redis_that_is_not_there_stops_no_start_and_is_found_when_it_comes() {
    let redis = own_redis(RedisOptions::default()).await;
    redis.stop().await;
    let store = open(&redis.url());
    store.greet().await.unwrap();
    assert_away(&store).await;
    redis.start().await;
    wait_until_back(&store).await;
    use_it(&store).await;
}

#[tokio::test]
async fn a_killed_redis_is_missed_at_once_and_used_again_when_it_is_back() {
    let redis = own_redis(RedisOptions::default()).await;
    let store = open(&redis.url());
    use_it(&store).await;
    for _ in 0..2 {
        redis.kill().await;
        assert_away(&store).await;
        redis.start().await;
        wait_until_back(&store).await;
        use_it(&store).await;
    }
}

/// Nobody notices a restart between two requests.
#[tokio::test]
async fn a_restart_between_two_calls_fails_neither() {
    let redis = own_redis(RedisOptions::default()).await;
    let store = open(&redis.url());
    let session = fixtures::session(fixtures::user_id());
    store.insert_session(&session).await.unwrap();
    redis.restart().await;
    let found = store
        .find_session(session.user_id, &session.digest, fixtures::now())
        .await;
    assert_eq!(found.unwrap().as_ref(), Some(&session));
    // Nor is it noticed by what cannot be sent twice.
    redis.restart().await;
    store
        .take(&[sign_up("key")], fixtures::now())
        .await
        .unwrap();
    redis.restart().await;
    let renewed = Session {
        generation: session.generation + 1,
        ..session.clone()
    };
    let is_renewed = store.renew_session(&renewed, session.generation).await;
    assert!(is_renewed.unwrap());
}

#[tokio::test]
async fn a_stopped_redis_makes_nobody_wait_long() {
    let redis = own_redis(RedisOptions::default()).await;
    let store = open(&redis.url());
    use_it(&store).await;
    redis.pause().await;
    assert_away(&store).await;
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
async fn a_black_hole_makes_nobody_wait_long() {
    let redis = own_redis(RedisOptions::default()).await;
    let proxy = Proxy::to(redis.address()).await;
    let store = open(&proxy.url(&redis.url()));
    use_it(&store).await;
    proxy.set(Mood::Stall).await;
    assert_away(&store).await;
    proxy.set(Mood::Pass).await;
    wait_until_back(&store).await;
    proxy.cut();
    use_it(&store).await;
    proxy.cut_off().await;
    assert_away(&store).await;
    proxy.set(Mood::Pass).await;
    wait_until_back(&store).await;
    use_it(&store).await;
}

/// Connecting takes several round trips and an answer takes one: over a slow way both are had, and
/// whoever comes while it is being made does not wait for long.
#[tokio::test]
async fn a_slow_way_to_redis_is_a_way() {
    let redis = own_redis(RedisOptions {
        user: Some(("doorward", "secret", RIGHTS)),
        ..RedisOptions::default()
    })
    .await;
    let proxy = Proxy::to(redis.address()).await;
    proxy.set(Mood::Slow(Duration::from_millis(400))).await;
    let store = open(&proxy.url(&redis.url()));
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (answer, took) = took(store.ping()).await;
        assert!(took < BOUND, "{took:?}");
        match answer {
            Ok(()) => break,
            Err(error) => assert!(Instant::now() < deadline, "{}", cause(&error)),
        }
        tokio::task::yield_now().await;
    }
}

/// What was asked for was done, and the answer is lost: asking once more does no harm.
#[tokio::test]
async fn a_lost_answer_is_asked_for_again_where_that_does_no_harm() {
    let redis = own_redis(RedisOptions::default()).await;
    let proxy = Proxy::to(redis.address()).await;
    let store = open(&proxy.url(&redis.url()));
    use_it(&store).await;
    let session = fixtures::session(fixtures::user_id());
    proxy.set(Mood::LoseAnswer("EVALSHA", 1)).await;
    store.insert_session(&session).await.unwrap();
    assert_eq!(proxy.lost(), 1);
    proxy.set(Mood::LoseAnswer("HGETALL", 1)).await;
    let found = store
        .find_session(session.user_id, &session.digest, fixtures::now())
        .await;
    assert_eq!(found.unwrap().as_ref(), Some(&session));
    assert_eq!(proxy.lost(), 1);
}

/// Whoever renewed it is told so, though the first answer was lost.
#[tokio::test]
async fn a_renewal_whose_answer_was_lost_is_known_to_have_been_made() {
    let redis = own_redis(RedisOptions::default()).await;
    let proxy = Proxy::to(redis.address()).await;
    let store = open(&proxy.url(&redis.url()));
    use_it(&store).await;
    let session = fixtures::session(fixtures::user_id());
    store.insert_session(&session).await.unwrap();
    let renewed = Session {
        generation: session.generation + 1,
        renewed_at: fixtures::later(50),
        ..session.clone()
    };
    for mood in [
        Mood::LoseAnswer("EVALSHA", 1),
        Mood::LoseRequest("EVALSHA", 1),
    ] {
        let session = fixtures::session(session.user_id);
        let renewed = Session {
            generation: session.generation + 1,
            renewed_at: fixtures::later(50),
            ..session.clone()
        };
        store.insert_session(&session).await.unwrap();
        proxy.set(mood).await;
        assert!(
            store
                .renew_session(&renewed, session.generation)
                .await
                .unwrap()
        );
        assert_eq!(proxy.lost(), 1);
    }
    // Somebody else was faster: asked again or not, it is theirs.
    let faster = open(&redis.url());
    assert!(
        faster
            .renew_session(&renewed, session.generation)
            .await
            .unwrap()
    );
    proxy.set(Mood::LoseAnswer("EVALSHA", 1)).await;
    let slower = Session {
        renewed_at: fixtures::later(51),
        ..renewed.clone()
    };
    assert!(
        !store
            .renew_session(&slower, session.generation)
            .await
            .unwrap()
    );
    assert_eq!(proxy.lost(), 1);
    let kept = store
        .find_session(session.user_id, &session.digest, fixtures::now())
        .await;
    assert_eq!(kept.unwrap(), Some(renewed));
}

/// Asked twice, it would be counted twice.
#[tokio::test]
async fn what_would_not_bear_it_is_not_asked_twice() {
    let redis = own_redis(RedisOptions::default()).await;
    let proxy = Proxy::to(redis.address()).await;
    let store = open(&proxy.url(&redis.url()));
    use_it(&store).await;
    proxy.set(Mood::LoseAnswer("EVALSHA", 1)).await;
    let charges = [sign_up("once")];
    assert!(store.take(&charges, fixtures::now()).await.is_err());
    proxy.set(Mood::Pass).await;
    let left = store.take(&charges, fixtures::now()).await.unwrap();
    assert_eq!(left, [Allowance::Allowed { remaining: 18 }]);
}

/// The primary becomes a replica, and the replica the primary: both were named.
#[tokio::test]
async fn the_new_primary_is_found_when_two_change_places() {
    let (first, second) = (
        own_redis(RedisOptions::default()).await,
        own_redis(RedisOptions::default()).await,
    );
    follow(&second, &first).await;
    let url = format!("redis://{},{}", second.address(), first.address());
    let store = open(&url);
    use_it(&store).await;
    let session = fixtures::session(fixtures::user_id());
    store.insert_session(&session).await.unwrap();
    assert_eq!(first.command(&["WAIT", "1", "20000"]).await, "1");
    second.command(&["REPLICAOF", "NO", "ONE"]).await;
    follow(&first, &second).await;
    wait_until_back(&store).await;
    use_it(&store).await;
    let found = store
        .find_session(session.user_id, &session.digest, fixtures::now())
        .await;
    assert_eq!(found.unwrap(), Some(session));
    let alone = open(&first.url()).ping().await.unwrap_err();
    assert!(
        cause(&alone).to_string().contains("replica"),
        "{}",
        cause(&alone)
    );
}

async fn follow(replica: &OwnRedis, primary: &OwnRedis) {
    let port = primary.port().to_string();
    replica.command(&["REPLICAOF", "127.0.0.1", &port]).await;
    let deadline = Instant::now() + PATIENCE;
    while !replica
        .command(&["INFO", "replication"])
        .await
        .contains("master_link_status:up")
    {
        assert!(Instant::now() < deadline, "{}", replica.log());
        tokio::task::yield_now().await;
    }
}
