//! A write that is based on an old version fails; of many concurrent ones, one succeeds.

use std::sync::Arc;

use doorward_domain::model::{User, Version};
use doorward_domain::store::ApplyError;
use doorward_domain::store::{Records, Store};

use super::{assert_refused, count, insert, must, race};
use crate::fixtures::{self, later, next_version};

pub async fn an_update_of_another_version_is_stale(store: Arc<dyn Store>) {
    let user = fixtures::user();
    let changed = next_version(&user);
    assert_refused!(store.apply(changed.replace(&user)).await, ApplyError::Stale);

    insert(&*store, &user).await;
    must(&*store, changed.replace(&user)).await;
    for version in [Version(0), user.version, Version(3)] {
        let read = User {
            version,
            ..user.clone()
        };
        assert_refused!(
            store.apply(next_version(&read).replace(&read)).await,
            ApplyError::Stale
        );
    }
    assert_eq!(store.get::<User>(user.id).await.unwrap(), Some(changed));
}

/// A write that is based on an old version is stale, even if its name is taken as well.
pub async fn a_stale_update_is_stale_before_it_is_taken(store: Arc<dyn Store>) {
    let (owner, user) = (fixtures::user(), fixtures::user());
    insert(&*store, &owner).await;
    insert(&*store, &user).await;
    must(&*store, next_version(&user).replace(&user)).await;
    let late = User {
        username: owner.username,
        ..next_version(&user)
    };
    assert_refused!(store.apply(late.replace(&user)).await, ApplyError::Stale);
}

pub async fn one_of_fifty_updates_wins(store: Arc<dyn Store>) {
    let user = fixtures::user();
    insert(&*store, &user).await;
    let results = race(50, |number| {
        let (store, user) = (store.clone(), user.clone());
        async move {
            let changed = User {
                updated_at: later(i64::try_from(number).unwrap()),
                ..next_version(&user)
            };
            store.apply(changed.replace(&user)).await
        }
    });
    let stale = |error: &ApplyError| matches!(error, ApplyError::Stale);
    assert_eq!(count(results.await, stale), (1, 49));
    assert_eq!(
        store.get::<User>(user.id).await.unwrap().unwrap().version,
        user.version.next()
    );
}

/// Two lists that write the same two users in opposite order: one is applied, the other is stale, and neither
/// hangs or fails because of the other.
pub async fn two_that_cross_end_well(store: Arc<dyn Store>) {
    for round in 0..10 {
        let users = [fixtures::user(), fixtures::user()];
        for user in &users {
            insert(&*store, user).await;
        }
        let results = race(2, |number| {
            let (store, users) = (store.clone(), users.clone());
            async move {
                let (first, second) = (&users[number], &users[1 - number]);
                let batch = [first, second].map(|user| next_version(user).replace(user));
                store.apply(batch.concat()).await
            }
        });
        let stale = |error: &ApplyError| matches!(error, ApplyError::Stale);
        assert_eq!(count(results.await, stale), (1, 1), "round {round}");
    }
}
