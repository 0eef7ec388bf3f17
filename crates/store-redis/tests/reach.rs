//! The way to Redis: who may come in, how it is encrypted, and what happens when Redis goes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::error::Error as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use doorward_domain::memory::SteppedClock;
use doorward_domain::model::Session;
use doorward_domain::ports::{Sessions, StoreError, Throttle};
use doorward_domain::throttle::{SIGN_IN, SIGN_UP};
use doorward_store_redis::{Fault, RedisSettings, RedisStore};
use doorward_testkit::fixtures;
use doorward_testkit::servers::{
    Authority, Mood, OwnRedis, Proxy, RedisOptions, own_redis, own_redis_cluster,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What a call may take, and a little for a slow machine.
const BOUND: Duration = Duration::from_secs(3);
/// What a call may take that asks nobody.
const AT_ONCE: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(30);

/// All that the page says a user needs (`the_page_lists_the_rights`).
const RIGHTS: &str = "~doorward:* +ping +select +hgetall +hget +hset +hmget +hdel +exists +del +get \
    +set +pttl +pexpire +time +eval +evalsha +cluster|slots";

fn open(url: &str) -> RedisStore {
    let settings = RedisSettings {
        url: url.parse().unwrap(),
        prefix: RedisSettings::PREFIX.to_owned(),
    };
    let clock = Arc::new(SteppedClock::new(fixtures::now()));
    RedisStore::open(settings, clock).unwrap()
}

/// Uses all there is to use, once.
async fn use_it(store: &RedisStore) {
    let session = fixtures::session(fixtures::user_id());
    store.insert_session(&session).await.unwrap();
    let (user_id, now) = (session.user_id, fixtures::now());
    let renewed = Session {
        generation: session.generation + 1,
        ..session.clone()
    };
    assert!(
        store
            .renew_session(&renewed, session.generation)
            .await
            .unwrap()
    );
    store
        .set_session_epoch(user_id, session.id, 9)
        .await
        .unwrap();
    let seen = doorward_domain::ports::Seen {
        user_id,
        id: session.id,
        at: now,
    };
    store.touch_sessions(&[seen]).await.unwrap();
    let kept = store.find_session(user_id, &session.digest, now).await;
    assert_eq!(kept.unwrap().unwrap().epoch, 9);
    assert_eq!(store.list_sessions(user_id, now).await.unwrap().len(), 1);
    assert!(store.delete_session(user_id, session.id).await.unwrap());
    store.take(&SIGN_IN, "key", now).await.unwrap();
    for _ in 0..2 {
        store.reserve_guess("key", now).await.unwrap();
    }
    store.release_guess("key", now).await.unwrap();
    store.clear_guesses("key").await.unwrap();
    store.ping().await.unwrap();
}

fn cause(error: &StoreError) -> &Fault {
    error.source().unwrap().downcast_ref().unwrap()
}

/// Asks until it answers, as requests that keep coming do.
async fn wait_until_back(store: &RedisStore) {
    let deadline = Instant::now() + PATIENCE;
    while let Err(error) = store.ping().await {
        assert!(Instant::now() < deadline, "{error}: {}", cause(&error));
        tokio::task::yield_now().await;
    }
}

async fn took<T>(future: impl Future<Output = T>) -> (T, Duration) {
    let start = Instant::now();
    let done = future.await;
    (done, start.elapsed())
}

/// Each fails within the bound; once it is known, at once, but for the one in a second that looks.
async fn assert_away(store: &RedisStore) {
    let mut waited = 0;
    for _ in 0..20 {
        let (answer, took) = took(store.ping()).await;
        assert!(answer.is_err());
        assert!(took < BOUND, "{took:?}");
        waited += u32::from(took > AT_ONCE);
    }
    assert!(waited <= 4, "{waited} of 20 calls waited");
}

#[test]
fn the_page_lists_the_rights() {
    let page = include_str!("../../../docs/decisions/0013-redis.md");
    let line = format!("ACL SETUSER doorward on >PASSWORD {RIGHTS}\n");
    assert!(page.contains(&line), "the page does not have: {line}");
}

#[tokio::test]
async fn a_user_with_the_rights_that_are_documented_can_do_all_of_it() {
    let redis = own_redis(RedisOptions {
        user: Some(("doorward", "s3cret:%40/", RIGHTS)),
        ..RedisOptions::default()
    })
    .await;
    let url = redis.url().replace("s3cret:%40/", "s3cret%3A%2540%2F");
    let store = open(&url);
    store.greet().await.unwrap();
    use_it(&store).await;
}

#[tokio::test]
async fn a_wrong_password_is_said_and_not_shown() {
    let redis = own_redis(RedisOptions {
        user: Some(("doorward", "right", RIGHTS)),
        ..RedisOptions::default()
    })
    .await;
    for (login, says) in [
        (
            "doorward:hunter2@",
            "does not take this user name and password",
        ),
        (":hunter2@", "does not take this user name and password"),
        ("", "wants a password"),
    ] {
        let url = format!("redis://{login}{}", redis.address());
        let error = open(&url).ping().await.unwrap_err();
        let told = format!("{} {error:?}", cause(&error));
        assert!(told.contains(says), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[tokio::test]
async fn tls_goes_by_the_authority_that_is_named_and_no_other() {
    let authority = Authority::new();
    let redis = own_redis(RedisOptions {
        certificate: Some(authority.certificate("127.0.0.1")),
        user: Some(("doorward", "secret", RIGHTS)),
        ..RedisOptions::default()
    })
    .await;
    let trusting = |authority: &Authority| {
        let path = authority.path();
        format!("{}?ca={}", redis.url(), path.display())
    };
    use_it(&open(&trusting(&authority))).await;
    let refused = async |url: &str| open(url).ping().await.unwrap_err();
    let stranger = Authority::new();
    let error = refused(&trusting(&stranger)).await;
    assert!(
        cause(&error).to_string().contains("certificate"),
        "{}",
        cause(&error)
    );
    let error = refused(&redis.url()).await;
    assert!(
        cause(&error).to_string().contains("certificate"),
        "{}",
        cause(&error)
    );
    let elsewhere = trusting(&authority).replace("127.0.0.1", "localhost");
    let error = refused(&elsewhere).await;
    assert!(
        cause(&error).to_string().contains("certificate"),
        "{}",
        cause(&error)
    );
    // Without TLS, a server that speaks it alone gives nothing away.
    refused(&redis.url().replace("rediss", "redis")).await;
}

#[tokio::test]
async fn a_file_of_certificates_that_is_not_there_is_said_at_the_start() {
    let settings = RedisSettings {
        url: "rediss://localhost?ca=/nowhere/ca.pem".parse().unwrap(),
        prefix: RedisSettings::PREFIX.to_owned(),
    };
    let clock = Arc::new(SteppedClock::new(fixtures::now()));
    let fault = RedisStore::open(settings, clock).err().unwrap().to_string();
    assert!(fault.contains("/nowhere/ca.pem"), "{fault}");
}

/// A server that knows no `HELLO` is older than 6.
#[tokio::test]
async fn a_redis_that_is_too_old_is_refused() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = [0; 256];
        while stream.read(&mut asked).await.unwrap() > 0 {
            let answer = b"-ERR unknown command `HELLO`, with args beginning with: \r\n";
            stream.write_all(answer).await.unwrap();
        }
    });
    let fault = open(&format!("redis://{address}")).greet().await;
    let fault = fault.unwrap_err().to_string();
    assert!(fault.contains("needs Redis 6"), "{fault}");
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
    assert_eq!(found.unwrap(), Some(session));
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

/// Asked twice, it would be counted twice, or be told that it failed where it did not.
#[tokio::test]
async fn what_would_not_bear_it_is_not_asked_twice() {
    let redis = own_redis(RedisOptions::default()).await;
    let proxy = Proxy::to(redis.address()).await;
    let store = open(&proxy.url(&redis.url()));
    use_it(&store).await;
    let session = fixtures::session(fixtures::user_id());
    store.insert_session(&session).await.unwrap();
    proxy.set(Mood::LoseAnswer("EVALSHA", 1)).await;
    let renewed = Session {
        generation: session.generation + 1,
        ..session.clone()
    };
    let answer = store.renew_session(&renewed, session.generation).await;
    assert!(answer.is_err(), "not known, and not said to have failed");
    proxy.set(Mood::LoseAnswer("EVALSHA", 1)).await;
    assert!(store.take(&SIGN_UP, "once", fixtures::now()).await.is_err());
    proxy.set(Mood::Pass).await;
    let left = store.take(&SIGN_UP, "once", fixtures::now()).await.unwrap();
    let remaining = SIGN_UP.burst - 2;
    assert_eq!(
        left,
        doorward_domain::ports::Allowance::Allowed { remaining }
    );
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
    redis
        .command(&["SET", "ballast", &"x".repeat(100_000)])
        .await;
    redis.command(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let refused = store
        .insert_session(&fixtures::session(fixtures::user_id()))
        .await;
    assert!(refused.is_err());
    let found = store
        .find_session(kept.user_id, &kept.digest, fixtures::now())
        .await;
    assert_eq!(found.unwrap(), Some(kept.clone()));
    assert!(
        store.delete_session(kept.user_id, kept.id).await.unwrap(),
        "ending one needs no room"
    );
}

/// S-03: each has its own expiry, and no more than a day of it; without it, the deadline holds.
#[tokio::test]
async fn every_key_expires_by_itself() {
    let redis = own_redis(RedisOptions::default()).await;
    let store = open(&redis.url());
    let session = fixtures::session(fixtures::user_id());
    store.insert_session(&session).await.unwrap();
    store.take(&SIGN_UP, "key", fixtures::now()).await.unwrap();
    for _ in 0..200 {
        let later = fixtures::now() + jiff::SignedDuration::from_hours(1);
        store.reserve_guess("key", later).await.unwrap();
    }
    let keys = redis.command(&["KEYS", "*"]).await;
    assert_eq!(keys.lines().count(), 4, "{keys}");
    let day = 24 * 3600 * 1000;
    for key in keys.lines() {
        assert!(key.starts_with("doorward:"), "{key}");
        let left: i64 = redis.command(&["PTTL", key]).await.parse().unwrap();
        let most = if key.contains("guess") { 30 * day } else { day };
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

/// Two nodes on one Redis have one budget between them.
#[tokio::test]
async fn two_nodes_share_a_budget() {
    let redis = own_redis(RedisOptions::default()).await;
    let nodes = [open(&redis.url()), open(&redis.url())];
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..200 {
        let node = nodes[number % 2].clone();
        tasks.spawn(async move { node.take(&SIGN_IN, "shared", fixtures::now()).await });
    }
    let allowed = tasks.join_all().await.into_iter().filter(|answer| {
        matches!(
            answer,
            Ok(doorward_domain::ports::Allowance::Allowed { .. })
        )
    });
    let burst = usize::try_from(SIGN_IN.burst).unwrap();
    // One of them may have come back while the test ran.
    assert!((burst..=burst + 2).contains(&allowed.count()));
}

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
    let place = doorward_testkit::servers::redis_cluster().await;
    let fault = open(&format!("{}/1", place.url)).greet().await;
    assert!(fault.unwrap_err().to_string().contains("numbered database"));
}
