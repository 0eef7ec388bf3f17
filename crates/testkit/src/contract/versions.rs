//! A write that is based on an old version fails; of many concurrent ones, one succeeds.

use std::sync::Arc;

use doorward_domain::model::{TABLES, User, Version};
use doorward_domain::store::{ApplyError, Records, Row, Store, Value, Write};

use super::records::row_of;
use super::{apply_ok, assert_refused, count, get_row, insert, race};
use crate::fixtures::{self, later, next_version};

/// A column that is not written keeps its value (A-02: a user that was found by a name has no `data`).
pub async fn a_replacement_sets_the_columns_that_it_has(store: Arc<dyn Store>) {
    for table in TABLES.iter().copied() {
        let Some(version) = table.version.map(|name| table.position(name)) else {
            continue;
        };
        let first = row_of(table, 1);
        let mut second = row_of(table, 2);
        second.values[0] = first.key().clone();
        apply_ok(&*store, vec![Write::Insert(first.clone())]).await;
        let replace = |row: &Row, read: &Row| match read.values[version] {
            Value::Int(expected) => Write::Replace {
                row: row.clone(),
                expected,
            },
            _ => panic!("{table} has no version"),
        };
        apply_ok(&*store, vec![replace(&second, &first)]).await;
        let stored = get_row(&*store, table, second.key().clone()).await;
        assert!(stored.as_ref() == Some(&second), "{table}");
        if let Some(large) = table.large.map(|name| table.position(name)) {
            let mut third = row_of(table, 0);
            third.values[0] = first.key().clone();
            third.values[large] = Value::Unset;
            apply_ok(&*store, vec![replace(&third, &second)]).await;
            third.values[large] = second.values[large].clone();
            let stored = get_row(&*store, table, third.key().clone()).await;
            assert!(stored == Some(third), "{table}");
        }
    }
}

pub async fn an_update_of_another_version_is_stale(store: Arc<dyn Store>) {
    let user = fixtures::user();
    let changed = next_version(&user);
    assert_refused!(store.apply(changed.replace(&user)).await, ApplyError::Stale);

    insert(&*store, &user).await;
    apply_ok(&*store, changed.replace(&user)).await;
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
    apply_ok(&*store, next_version(&user).replace(&user)).await;
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
pub async fn crossing_batches_do_not_deadlock(store: Arc<dyn Store>) {
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
