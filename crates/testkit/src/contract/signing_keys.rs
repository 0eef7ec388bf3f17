//! Signing keys: the newest signs, and of many nodes that rotate at the same time, one succeeds.

use std::sync::Arc;

use doorward_domain::changes::{ApplyError, Change};
use doorward_domain::model::SigningKey;
use doorward_domain::ports::Store;

use super::{assert_refused, count, must, race};
use crate::fixtures::{self, later, now};

fn rotate(key: &SigningKey, replaces: Option<&SigningKey>) -> Change {
    Change::RotateSigningKey {
        key: key.clone(),
        replaces: replaces.map(|key| key.kid.clone()),
    }
}

pub async fn every_field_comes_back(store: Arc<dyn Store>) {
    assert_eq!(store.list_signing_keys().await.unwrap(), []);
    let key = SigningKey {
        kid: "Key_ä-🦊".to_owned(),
        ..fixtures::signing_key()
    };
    must(&*store, vec![rotate(&key, None)]).await;
    assert_eq!(store.list_signing_keys().await.unwrap(), [key]);
}

/// The newest key is the one that was added last, regardless of its time.
pub async fn a_new_key_retires_the_others(store: Arc<dyn Store>) {
    let made_at = |at: i64| SigningKey {
        created_at: later(at),
        ..fixtures::signing_key()
    };
    let keys = [made_at(30), made_at(20), made_at(20)];
    must(&*store, vec![rotate(&keys[0], None)]).await;
    must(&*store, vec![rotate(&keys[1], Some(&keys[0]))]).await;
    must(&*store, vec![rotate(&keys[2], Some(&keys[1]))]).await;
    let retired = |key: &SigningKey, at: i64| SigningKey {
        retired_at: Some(later(at)),
        ..key.clone()
    };
    let stored = store.list_signing_keys().await.unwrap();
    assert_eq!(
        stored,
        [
            keys[2].clone(),
            retired(&keys[1], 20),
            retired(&keys[0], 20)
        ]
    );
}

pub async fn a_rotation_upon_another_key_is_stale(store: Arc<dyn Store>) {
    let (first, second, third) = (
        fixtures::signing_key(),
        fixtures::signing_key(),
        fixtures::signing_key(),
    );
    assert_refused!(
        store.apply(vec![rotate(&second, Some(&first))]).await,
        ApplyError::Stale
    );
    must(&*store, vec![rotate(&first, None)]).await;
    assert_refused!(
        store.apply(vec![rotate(&second, None)]).await,
        ApplyError::Stale
    );
    must(&*store, vec![rotate(&second, Some(&first))]).await;
    assert_refused!(
        store.apply(vec![rotate(&third, Some(&first))]).await,
        ApplyError::Stale
    );
    assert_eq!(store.list_signing_keys().await.unwrap().len(), 2);
}

pub async fn one_of_sixteen_rotations_wins(store: Arc<dyn Store>) {
    let stale = |error: &ApplyError| matches!(error, ApplyError::Stale);
    for _ in 0..2 {
        let newest = store.list_signing_keys().await.unwrap().into_iter().next();
        let results = race(16, |_| {
            let (store, newest) = (store.clone(), newest.clone());
            async move {
                store
                    .apply(vec![rotate(&fixtures::signing_key(), newest.as_ref())])
                    .await
            }
        });
        assert_eq!(count(results.await, stale), (1, 15));
    }
    let keys = store.list_signing_keys().await.unwrap();
    assert_eq!(
        keys.iter()
            .map(|key| key.retired_at.is_some())
            .collect::<Vec<_>>(),
        [false, true]
    );
}

pub async fn a_deleted_key_is_gone(store: Arc<dyn Store>) {
    let keys = [
        fixtures::signing_key(),
        fixtures::signing_key(),
        fixtures::signing_key(),
    ];
    must(&*store, vec![rotate(&keys[0], None)]).await;
    must(&*store, vec![rotate(&keys[1], Some(&keys[0]))]).await;
    must(&*store, vec![Change::DeleteSigningKey(keys[0].kid.clone())]).await;
    assert_eq!(store.list_signing_keys().await.unwrap(), [keys[1].clone()]);
    must(
        &*store,
        vec![Change::DeleteSigningKey("unknown".to_owned())],
    )
    .await;
    must(&*store, vec![Change::DeleteSigningKey(keys[1].kid.clone())]).await;
    let last = SigningKey {
        created_at: now(),
        ..keys[2].clone()
    };
    must(&*store, vec![rotate(&last, None)]).await;
    assert_eq!(store.list_signing_keys().await.unwrap(), [last]);
}
