//! Helpers: opens a store and uses each operation.

use std::error::Error as _;
use std::time::{Duration, Instant};

use doorward_domain::keys::CounterKeys;
use doorward_domain::limits::{KeyedLimit, RateLimits};
use doorward_domain::model::Session;
use doorward_domain::sessions::{LastSeen, SeparateSessions, SessionUpdate};
use doorward_domain::store::StoreError;
use doorward_domain::values::Rate;
use doorward_store_redis::{RedisFault, RedisSettings, RedisStore};
use doorward_testkit::fixtures;

/// A call takes two seconds at most. The failure that this guards against is a call without a limit, which a paused
/// server or a silent network would block for ever.
pub const BOUND: Duration = Duration::from_secs(20);

pub const TEST_TIMEOUT: Duration = Duration::from_secs(30);

/// The documented rights of the user (`the_docs_list_the_rights`).
pub const RIGHTS: &str = "~doorward:* +ping +select +hgetall +hget +hset +hmget +hdel +exists +del +get \
    +set +pttl +pexpire +eval +evalsha +cluster|slots";

pub fn open(url: &str) -> RedisStore {
    let settings = RedisSettings {
        url: url.parse().unwrap(),
        prefix: RedisSettings::PREFIX.to_owned(),
    };
    RedisStore::open(settings, CounterKeys::for_probes()).unwrap()
}

/// Calls each operation once.
pub async fn use_it(store: &RedisStore) {
    let session = fixtures::session(fixtures::user_id());
    store.insert_session(&session).await.unwrap();
    let (user_id, now) = (session.user_id, fixtures::now());
    let changed = Session {
        epoch: 9,
        generation: session.generation + 1,
        ..session.clone()
    };
    let renewal = SessionUpdate::Renewal {
        expected: session.generation,
    };
    let epoch = SessionUpdate::Epoch {
        expected: session.epoch,
    };
    for update in [renewal, epoch] {
        assert!(store.update_session(&changed, update).await.unwrap());
    }
    let seen = LastSeen {
        user_id,
        id: session.id,
        at: now,
    };
    store.touch_sessions(&[seen]).await.unwrap();
    let kept = store.find_session(user_id, &session.digest, now).await;
    assert_eq!(kept.unwrap().unwrap().epoch, 9);
    assert_eq!(store.list_sessions(user_id, now).await.unwrap().len(), 1);
    assert!(store.delete_session(user_id, session.id).await.unwrap());
    for limit in [sign_up("key"), guess("key")] {
        for _ in 0..2 {
            store.acquire(&limit, now).await.unwrap();
        }
        store.release(&limit, now).await.unwrap();
        store.clear(&limit).await.unwrap();
    }
    store.ping().await.unwrap();
}

/// Twenty an hour.
pub fn sign_up(key: &str) -> KeyedLimit {
    KeyedLimit::budget("sign-up", Rate::new(20, 3600), key.to_owned())
}

pub fn guess(key: &str) -> KeyedLimit {
    KeyedLimit::backoff(Some(100), key.to_owned())
}

pub fn cause(error: &StoreError) -> &RedisFault {
    error.source().unwrap().downcast_ref().unwrap()
}

/// Waits until calls succeed.
pub async fn wait_until_back(store: &RedisStore) {
    let deadline = Instant::now() + TEST_TIMEOUT;
    while let Err(error) = store.ping().await {
        assert!(Instant::now() < deadline, "{error}: {}", cause(&error));
        tokio::task::yield_now().await;
    }
}

pub async fn took<T>(future: impl Future<Output = T>) -> (T, Duration) {
    let start = Instant::now();
    let done = future.await;
    (done, start.elapsed())
}
