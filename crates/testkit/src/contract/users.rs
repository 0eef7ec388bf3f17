//! A user is returned as it was written, byte for byte, and deleted with all its records.

use std::sync::Arc;

use doorward_domain::changes::{ApplyError, Change};
use doorward_domain::model::{
    Credential, Link, PendingEmail, Purpose, RequestedBy, Role, Status, User,
};
use doorward_domain::ports::Store;
use doorward_domain::store::{Records, Write};
use doorward_domain::values::{Data, Locale, Name, Secret};
use serde_json::json;

use super::{assert_refused, insert, must, update};
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
            assert_eq!(store.find_user(user.id).await.unwrap(), Some(user));
        }
    }
}

pub async fn empty_fields_come_back_empty(store: Arc<dyn Store>) {
    let user = fixtures::pending_user();
    insert(&*store, &user).await;
    assert_eq!(store.find_user(user.id).await.unwrap(), Some(user));
    assert_eq!(store.find_user(fixtures::user_id()).await.unwrap(), None);
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
    must(&*store, vec![Write::put(&credential).into()]).await;
    assert_eq!(store.find_user(user.id).await.unwrap(), Some(user.clone()));
    let stored = store.get::<Credential>(user.id).await.unwrap().unwrap();
    assert_eq!(
        stored.password_hash.expose(),
        credential.password_hash.expose()
    );
    let key = user.username.as_ref().unwrap().key();
    let found = store.find_user_by_username(key).await.unwrap();
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
    must(&*store, vec![update(&changed, &user)]).await;
    assert_eq!(
        store.find_user(user.id).await.unwrap().as_ref(),
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
    must(&*store, vec![update(&emptied, &changed)]).await;
    assert_eq!(store.find_user(user.id).await.unwrap(), Some(emptied));
}

/// a lockout is written separately: no other write changes it, and it changes nothing else.
pub async fn a_stop_of_guesses_stays_whatever_else_is_written(store: Arc<dyn Store>) {
    let user = fixtures::user();
    insert(&*store, &user).await;
    let other = fixtures::user();
    insert(&*store, &other).await;
    let stop = |user_id, epoch| Change::SetLockout { user_id, epoch };
    must(&*store, vec![stop(user.id, Some(7))]).await;
    let stopped = User {
        locked_out_epoch: Some(7),
        ..user.clone()
    };
    assert_eq!(
        store.find_user(user.id).await.unwrap(),
        Some(stopped.clone())
    );
    // A write of a user that was read before contains everything but the lockout.
    let changed = User {
        session_epoch: 8,
        version: user.version.next(),
        ..user.clone()
    };
    must(&*store, vec![update(&changed, &user)]).await;
    let stored = store.find_user(user.id).await.unwrap();
    assert_eq!(stored.map(|stored| stored.locked_out_epoch), Some(Some(7)));
    must(&*store, vec![stop(user.id, None)]).await;
    assert_eq!(store.find_user(user.id).await.unwrap(), Some(changed));
    // A lockout of an unknown user changes no other user.
    must(&*store, vec![stop(fixtures::user_id(), Some(1))]).await;
    assert_eq!(store.find_user(other.id).await.unwrap(), Some(other));
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
        must(&*store, vec![update(&changed, &user)]).await;
        let stored = store.find_user(user.id).await.unwrap();
        assert_eq!(stored.as_ref(), Some(&changed));
        user = changed;
    }
}

/// a user found by a name has no `data`, and a write of that user does not change the stored `data`.
pub async fn a_write_of_whom_a_name_has_found_keeps_the_data(store: Arc<dyn Store>) {
    let user = fixtures::user();
    insert(&*store, &user).await;
    let key = user.email.as_ref().unwrap().key();
    let found = store.find_user_by_email(key).await.unwrap().unwrap();
    assert_eq!(found.data.read(), None);
    let changed = User {
        role: Role::Admin,
        ..fixtures::next_version(&found)
    };
    must(&*store, vec![update(&changed, &found)]).await;
    let stored = store.find_user(user.id).await.unwrap().unwrap();
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
            .find_user_by_username(username)
            .await
            .unwrap()
            .as_ref(),
        Some(&without_data(&user))
    );
    assert_eq!(
        store.find_user_by_email(email).await.unwrap().as_ref(),
        Some(&without_data(&user))
    );
    assert_eq!(
        store.find_user_by_email(pending).await.unwrap(),
        None,
        "not confirmed"
    );
    assert_eq!(
        store.find_user_by_username(email).await.unwrap(),
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
        let found = store.find_user_by_username(name).await.unwrap().unwrap();
        assert_eq!(found.username.unwrap().as_str(), name);
    }
    for wrong in [
        format!("A{number}"),
        format!("a{number} "),
        format!(" a{number}"),
        format!("%{number}"),
    ] {
        assert_eq!(
            store.find_user_by_username(&wrong).await.unwrap(),
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
        let mut changes = vec![Change::InsertUser(Box::new(user.clone()))];
        changes.push(Write::put(&fixtures::credential(user.id)).into());
        changes.push(Write::put(&link).into());
        changes.push(Write::insert(&fixtures::mail_job(user.id)).into());
        changes.push(Change::Audit(Box::new(fixtures::audit_event(user.id))));
        must(&*store, changes).await;
    }
    must(&*store, vec![Change::DeleteUser(gone.id)]).await;
    assert_eq!(store.find_user(gone.id).await.unwrap(), None);
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

    let again = store.apply(vec![Change::DeleteUser(gone.id)]).await;
    assert_refused!(again, ApplyError::Stale);
}

pub async fn an_id_that_is_there_is_nobody_elses_to_have(store: Arc<dyn Store>) {
    let stored = fixtures::user();
    insert(&*store, &stored).await;
    let intruder = User {
        id: stored.id,
        ..fixtures::user()
    };
    let refused = store
        .apply(vec![Change::InsertUser(Box::new(intruder))])
        .await;
    assert_refused!(refused, ApplyError::Store(_));
    assert_eq!(store.find_user(stored.id).await.unwrap(), Some(stored));
}
