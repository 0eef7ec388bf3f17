//! A user is returned as it was written, byte for byte, and deleted with all its records.

use std::sync::Arc;

use doorward_domain::model::{
    Credential, Link, PendingEmail, Purpose, RequestedBy, Role, Status, User,
};
use doorward_domain::store::ApplyError;
use doorward_domain::store::Store;
use doorward_domain::store::{Records, Write};
use doorward_domain::values::{Data, Locale, Name, Secret};
use serde_json::json;

use super::{assert_refused, delete, insert, must};
use crate::fixtures::{self, later, without_data};

pub async fn every_field_comes_back(store: Arc<dyn Store>) {
    for status in [Status::Pending, Status::Active, Status::Disabled] {
        for role in [Role::User, Role::Admin] {
            let user = User {
                status,
                role,
                session_epoch: i64::MAX,
                ..fixtures::user()
            };
            insert(&*store, &user).await;
            assert_eq!(store.get::<User>(user.id).await.unwrap(), Some(user));
        }
    }
}

pub async fn empty_fields_come_back_empty(store: Arc<dyn Store>) {
    let user = fixtures::pending_user();
    insert(&*store, &user).await;
    assert_eq!(store.get::<User>(user.id).await.unwrap(), Some(user));
    assert_eq!(store.get::<User>(fixtures::user_id()).await.unwrap(), None);
}

/// The maximum lengths that the domain allows, in the characters that take most bytes.
pub async fn the_longest_values_come_back(store: Arc<dyn Store>) {
    let number = fixtures::unique();
    let local = format!("{number:a>64}");
    let domain = format!("{0}.{0}.{1}.de", "b".repeat(63), "c".repeat(58));
    let longest = fixtures::address(&format!("{local}@{domain}"));
    let data = Data::parse(json!({ "a": "\u{10ffff}".repeat(4094) })).unwrap();
    let user = User {
        username: Some(fixtures::username(&"𐐀".repeat(64))),
        email: Some(longest.clone()),
        pending_email: Some(fixtures::pending_email(longest)),
        name: Some(Name::parse(&"🦊".repeat(200)).unwrap()),
        data,
        ..fixtures::user()
    };
    let credential = Credential {
        password_hash: Secret::new("x".repeat(1024)),
        ..fixtures::credential(user.id)
    };
    insert(&*store, &user).await;
    must(&*store, vec![Write::put(&credential)]).await;
    assert_eq!(
        store.get::<User>(user.id).await.unwrap(),
        Some(user.clone())
    );
    let stored = store.get::<Credential>(user.id).await.unwrap().unwrap();
    assert_eq!(
        stored.password_hash.expose(),
        credential.password_hash.expose()
    );
    let key = user.username.as_ref().unwrap().key();
    let found = store.find::<User>(User::USERNAME_KEY, key).await.unwrap();
    assert_eq!(found, Some(without_data(&user)));
}

pub async fn an_update_replaces_every_field(store: Arc<dyn Store>) {
    let user = fixtures::pending_user();
    insert(&*store, &user).await;
    let other = fixtures::admin();
    let changed = User {
        id: user.id,
        version: user.version.next(),
        locale: Locale::En,
        session_epoch: 8,
        updated_at: later(99),
        ..other
    };
    must(&*store, changed.replace(&user)).await;
    assert_eq!(
        store.get::<User>(user.id).await.unwrap().as_ref(),
        Some(&changed)
    );

    let emptied = User {
        username: None,
        pending_email: None,
        name: None,
        data: Data::default(),
        version: changed.version.next(),
        ..changed.clone()
    };
    must(&*store, emptied.replace(&changed)).await;
    assert_eq!(store.get::<User>(user.id).await.unwrap(), Some(emptied));
}

/// the time and the requester of a pending address are returned.
pub async fn who_requested_an_address_is_returned(store: Arc<dyn Store>) {
    let mut user = fixtures::user();
    insert(&*store, &user).await;
    for requested_by in [RequestedBy::User, RequestedBy::Admin] {
        let pending_email = PendingEmail {
            requested_at: later(5),
            requested_by,
            ..fixtures::pending_email(fixtures::email())
        };
        let changed = User {
            pending_email: Some(pending_email),
            ..fixtures::next_version(&user)
        };
        must(&*store, changed.replace(&user)).await;
        let stored = store.get::<User>(user.id).await.unwrap();
        assert_eq!(stored.as_ref(), Some(&changed));
        user = changed;
    }
}

/// a user found by a name has no `data`, and a write of that user does not change the stored `data`.
pub async fn a_write_of_whom_a_name_has_found_keeps_the_data(store: Arc<dyn Store>) {
    let user = fixtures::user();
    insert(&*store, &user).await;
    let key = user.email.as_ref().unwrap().key();
    let found = store
        .find::<User>(User::EMAIL_KEY, key)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.data.read(), None);
    let changed = User {
        role: Role::Admin,
        ..fixtures::next_version(&found)
    };
    must(&*store, changed.replace(&found)).await;
    let stored = store.get::<User>(user.id).await.unwrap().unwrap();
    assert_eq!((stored.role, stored.data), (Role::Admin, user.data));
}

pub async fn a_user_is_found_by_each_name(store: Arc<dyn Store>) {
    let user = fixtures::user();
    insert(&*store, &user).await;
    let (username, email, pending) = (&user.username, &user.email, user.pending_address());
    let username = username.as_ref().unwrap().key();
    let email = email.as_ref().unwrap().key();
    let pending = pending.unwrap().key();
    assert_eq!(
        store
            .find::<User>(User::USERNAME_KEY, username)
            .await
            .unwrap()
            .as_ref(),
        Some(&without_data(&user))
    );
    assert_eq!(
        store
            .find::<User>(User::EMAIL_KEY, email)
            .await
            .unwrap()
            .as_ref(),
        Some(&without_data(&user))
    );
    assert_eq!(
        store.find::<User>(User::EMAIL_KEY, pending).await.unwrap(),
        None,
        "not confirmed"
    );
    assert_eq!(
        store.find::<User>(User::USERNAME_KEY, email).await.unwrap(),
        None,
        "another name space"
    );
}

/// C-06: keys are equal only byte by byte, also if the collation folds, trims or equates characters.
pub async fn keys_compare_byte_by_byte(store: Arc<dyn Store>) {
    let number = fixtures::unique();
    let names = [
        format!("ss{number}"),
        format!("ß{number}"),
        format!("a{number}"),
        format!("ä{number}"),
    ];
    for name in &names {
        let user = User {
            username: Some(fixtures::username(name)),
            ..fixtures::user()
        };
        insert(&*store, &user).await;
    }
    for name in &names {
        let found = store
            .find::<User>(User::USERNAME_KEY, name.as_str())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(found.username.unwrap().as_str(), name);
    }
    for wrong in [
        format!("A{number}"),
        format!("a{number} "),
        format!(" a{number}"),
        format!("%{number}"),
    ] {
        assert_eq!(
            store
                .find::<User>(User::USERNAME_KEY, wrong.as_str())
                .await
                .unwrap(),
            None,
            "{wrong:?}"
        );
    }
}

pub async fn deletion_takes_all_that_belongs_to_the_user(store: Arc<dyn Store>) {
    let (gone, stays) = (fixtures::user(), fixtures::user());
    let mut links = Vec::new();
    for user in [&gone, &stays] {
        let link = fixtures::link(user.id, Purpose::Recovery);
        links.push(link.digest);
        let mut changes = user.insert();
        changes.push(Write::put(&fixtures::credential(user.id)));
        changes.push(Write::put(&link));
        changes.push(Write::insert(&fixtures::mail_job(user.id)));
        changes.push(Write::insert(&fixtures::audit_event(user.id)));
        must(&*store, changes).await;
    }
    delete(&*store, &gone).await;
    assert_eq!(store.get::<User>(gone.id).await.unwrap(), None);
    assert!(store.get::<Credential>(gone.id).await.unwrap().is_none());
    assert_eq!(
        store
            .find_readable::<Link>(Link::DIGEST, &links[0])
            .await
            .unwrap(),
        None
    );
    let mails = super::queues::claim(&*store, 1, 2, 10).await;
    assert_eq!(
        mails.iter().map(|mail| mail.user_id).collect::<Vec<_>>(),
        [Some(stays.id)]
    );
    assert!(store.get::<Credential>(stays.id).await.unwrap().is_some());
    assert!(
        store
            .find_readable::<Link>(Link::DIGEST, &links[1])
            .await
            .unwrap()
            .is_some()
    );

    let again = store.apply(gone.delete(fixtures::now())).await;
    assert_refused!(again, ApplyError::Stale);
}

pub async fn an_id_that_is_there_is_nobody_elses_to_have(store: Arc<dyn Store>) {
    let stored = fixtures::user();
    insert(&*store, &stored).await;
    let intruder = User {
        id: stored.id,
        ..fixtures::user()
    };
    let refused = store.apply(intruder.insert()).await;
    assert_refused!(refused, ApplyError::Taken("id"));
    assert_eq!(store.get::<User>(stored.id).await.unwrap(), Some(stored));
}
