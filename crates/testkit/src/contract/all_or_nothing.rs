//! A batch is applied completely or not at all, in its order.

use std::sync::Arc;

use doorward_domain::model::{Credential, SigningKey, User, Version};
use doorward_domain::store::{ApplyError, Batch, Condition, Records, Store, Write};

use super::records::{hash_of, keys};
use super::{apply_ok, assert_refused, race};
use crate::fixtures::{self, later};

/// Every operation of a batch sees those before it, and none remains if a later one fails.
pub async fn a_batch_is_applied_in_order_or_not_at_all(store: Arc<dyn Store>) {
    let (first, second) = (fixtures::signing_key(), fixtures::signing_key());
    let retire = |key: &SigningKey| {
        let set = [("retired_at", later(9).into())];
        let when = vec![Condition::is_null("retired_at")];
        Write::update::<SigningKey, 1>(key.kid.as_str(), set, when)
    };
    let batch = |failing: Option<Write>| -> Batch {
        let mut batch = vec![
            Write::insert(&first),
            retire(&first),
            Write::insert(&second),
        ];
        batch.extend(failing);
        batch
    };
    let failing = [
        retire(&first),
        Write::insert(&second),
        Write::check::<Credential>(fixtures::user_id(), Vec::new()),
    ];
    for last in failing {
        store.apply(batch(Some(last))).await.unwrap_err();
        assert_eq!(keys(&*store).await, []);
    }
    apply_ok(&*store, batch(None)).await;
    let retired = SigningKey {
        retired_at: Some(later(9)),
        ..first
    };
    assert_eq!(keys(&*store).await, [second, retired]);
}

pub async fn an_empty_batch_succeeds(store: Arc<dyn Store>) {
    apply_ok(&*store, Vec::new()).await;
}

pub async fn a_batch_beyond_the_limits_is_refused(store: Arc<dyn Store>) {
    let most = store.limits().writes;
    let credential = fixtures::credential(fixtures::user_id());
    let batch = |count| std::iter::repeat_n(Write::put(&credential), count).collect();
    assert_refused!(store.apply(batch(most + 1)).await, ApplyError::TooLarge);
    assert_eq!(hash_of(&*store, credential.user_id).await, None);
    apply_ok(&*store, batch(most.min(500))).await;
}

/// Password and user are written together, and read one after the other: the one that is read last is never older.
pub async fn readers_see_a_whole_change_or_none(store: Arc<dyn Store>) {
    const WRITES: i64 = 30;
    let user = fixtures::user();
    let credential = fixtures::credential(user.id);
    apply_ok(&*store, user.insert()).await;
    apply_ok(&*store, vec![Write::put(&credential)]).await;
    let at = |number: i64| User {
        updated_at: later(number),
        version: Version(number + 1),
        ..user.clone()
    };
    let written: Vec<_> = (0..=WRITES).map(at).collect();
    let tasks = race(2, |task| {
        let (store, written, credential) = (store.clone(), written.clone(), credential.clone());
        async move {
            for pair in written.windows(2) {
                let (read, user) = (&pair[0], &pair[1]);
                if task == 0 {
                    let password = Credential {
                        updated_at: user.updated_at,
                        ..credential.clone()
                    };
                    apply_ok(
                        &*store,
                        [user.replace(read), vec![Write::put(&password)]].concat(),
                    )
                    .await;
                    continue;
                }
                let password = store.get::<Credential>(user.id).await.unwrap().unwrap();
                let user = store.get::<User>(user.id).await.unwrap().unwrap();
                assert!(user.updated_at.max(later(1)) >= password.updated_at);
            }
        }
    });
    tasks.await;
    assert_eq!(
        store.get::<User>(user.id).await.unwrap().as_ref(),
        written.last()
    );
}

pub async fn a_ping_succeeds(store: Arc<dyn Store>) {
    store.ping().await.unwrap();
}

/// For stores that have a clock.
pub async fn the_store_s_clock_does_not_go_back(store: Arc<dyn Store>) {
    let mut before = None;
    for _ in 0..5 {
        let time = store.server_time().await.unwrap();
        assert!(time >= before, "{before:?}, then {time:?}");
        assert!(before.is_none() || time.is_some());
        before = time;
    }
}
