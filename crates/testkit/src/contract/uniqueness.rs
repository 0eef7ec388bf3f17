//! Usernames and confirmed addresses belong to one user, also under concurrent writes.

use std::sync::Arc;

use doorward_domain::model::User;
use doorward_domain::store::ApplyError;
use doorward_domain::store::{Records, Store};

use super::{assert_refused, count, insert, must, race};
use crate::fixtures::{self, next_version};

pub async fn a_username_is_unique(store: Arc<dyn Store>) {
    let first = fixtures::user();
    insert(&*store, &first).await;
    let same_key = first.username.as_ref().unwrap().as_str().to_uppercase();
    let second = User {
        username: Some(fixtures::username(&same_key)),
        ..fixtures::user()
    };
    let result = store.apply(second.insert()).await;
    assert_refused!(result, ApplyError::Taken(User::USERNAME_KEY));

    let other = fixtures::user();
    insert(&*store, &other).await;
    let renamed = User {
        username: second.username,
        ..next_version(&other)
    };
    assert_refused!(
        store.apply(renamed.replace(&other)).await,
        ApplyError::Taken(User::USERNAME_KEY)
    );
    assert_eq!(store.get::<User>(other.id).await.unwrap(), Some(other));
}

pub async fn a_confirmed_address_is_unique(store: Arc<dyn Store>) {
    let number = fixtures::unique();
    // Contains the name of an index, to mislead a search for one in the text of an error.
    let tricky = format!("users_username_key'+{number}@example.com");
    let first = User {
        email: Some(fixtures::address(&tricky)),
        ..fixtures::user()
    };
    insert(&*store, &first).await;
    let second = User {
        email: Some(fixtures::address(&tricky.to_uppercase())),
        ..fixtures::user()
    };
    let result = store.apply(second.insert()).await;
    assert_refused!(result, ApplyError::Taken(User::EMAIL_KEY));

    let other = fixtures::user();
    insert(&*store, &other).await;
    let moved = User {
        email: second.email,
        ..next_version(&other)
    };
    assert_refused!(
        store.apply(moved.replace(&other)).await,
        ApplyError::Taken(User::EMAIL_KEY)
    );
}

pub async fn an_address_to_be_confirmed_is_not_unique(store: Arc<dyn Store>) {
    let owner = fixtures::user();
    insert(&*store, &owner).await;
    for _ in 0..3 {
        let claimant = User {
            pending_email: owner.email.clone().map(fixtures::pending_email),
            ..fixtures::pending_user()
        };
        insert(&*store, &claimant).await;
    }
}

pub async fn what_is_not_there_is_not_unique(store: Arc<dyn Store>) {
    for _ in 0..3 {
        insert(&*store, &fixtures::pending_user()).await;
    }
}

pub async fn one_of_fifty_gets_the_username(store: Arc<dyn Store>) {
    let name = fixtures::user().username;
    let results = race(50, |_| {
        let (store, username) = (store.clone(), name.clone());
        async move {
            let user = User {
                username,
                ..fixtures::user()
            };
            store.apply(user.insert()).await
        }
    });
    let taken = |error: &ApplyError| matches!(error, ApplyError::Taken(User::USERNAME_KEY));
    assert_eq!(count(results.await, taken), (1, 49));
}

pub async fn one_of_fifty_confirms_the_address(store: Arc<dyn Store>) {
    let address = fixtures::email();
    let mut users = Vec::new();
    for _ in 0..50 {
        let user = User {
            pending_email: Some(fixtures::pending_email(address.clone())),
            ..fixtures::pending_user()
        };
        insert(&*store, &user).await;
        users.push(user);
    }
    let results = race(50, |number| {
        let (store, user) = (store.clone(), users[number].clone());
        async move {
            let confirmed = User {
                email: user.pending_address().cloned(),
                pending_email: None,
                ..next_version(&user)
            };
            store.apply(confirmed.replace(&user)).await
        }
    });
    let taken = |error: &ApplyError| matches!(error, ApplyError::Taken(User::EMAIL_KEY));
    assert_eq!(count(results.await, taken), (1, 49));
    let owner = store
        .find::<User>(User::EMAIL_KEY, address.key())
        .await
        .unwrap()
        .unwrap();
    assert!(users.iter().any(|user| user.id == owner.id));
}

pub async fn a_deleted_name_is_free_again(store: Arc<dyn Store>) {
    let first = fixtures::user();
    insert(&*store, &first).await;
    let second = User {
        username: first.username.clone(),
        email: first.email.clone(),
        ..fixtures::user()
    };
    must(
        &*store,
        [first.delete(fixtures::now()), second.insert()].concat(),
    )
    .await;
    let key = second.username.as_ref().unwrap().key();
    assert_eq!(
        store
            .find::<User>(User::USERNAME_KEY, key)
            .await
            .unwrap()
            .map(|user| user.id),
        Some(second.id)
    );
}
