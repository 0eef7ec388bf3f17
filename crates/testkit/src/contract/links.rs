//! A link is used once, within its lifetime.

use std::sync::Arc;

use doorward_domain::changes::{ApplyError, Change};
use doorward_domain::model::{Link, Purpose};
use doorward_domain::ports::Store;
use jiff::Timestamp;

use super::{assert_refused, count, insert, must, race, update};
use crate::fixtures::{self, later, now};

async fn put(store: &dyn Store, link: &Link) {
    must(store, vec![Change::PutLink(link.clone())]).await;
}

pub async fn every_field_comes_back(store: Arc<dyn Store>) {
    for (purpose, used_at) in [
        (Purpose::Confirmation, None),
        (Purpose::Recovery, Some(later(5))),
    ] {
        let link = Link {
            used_at,
            ..fixtures::link(fixtures::user_id(), purpose)
        };
        put(&*store, &link).await;
        assert_eq!(store.find_link(&link.digest).await.unwrap(), Some(link));
    }
    assert_eq!(store.find_link(&fixtures::digest()).await.unwrap(), None);
}

/// R-05, T-RACE.
pub async fn one_of_sixty_four_uses_the_link(store: Arc<dyn Store>) {
    let link = fixtures::link(fixtures::user_id(), Purpose::Recovery);
    put(&*store, &link).await;
    let results = race(64, |_| {
        let (store, digest) = (store.clone(), link.digest);
        async move {
            store
                .apply(vec![Change::UseLink {
                    digest,
                    at: later(1),
                }])
                .await
        }
    });
    let stale = |error: &ApplyError| matches!(error, ApplyError::Stale);
    assert_eq!(count(results.await, stale), (1, 63));
    let used = store.find_link(&link.digest).await.unwrap().unwrap();
    assert_eq!(used.used_at, Some(later(1)));
}

///
pub async fn a_link_dies_at_its_moment(store: Arc<dyn Store>) {
    for (at, lives) in [(9, true), (10, false), (11, false)] {
        let link = Link {
            expires_at: later(10),
            ..fixtures::link(fixtures::user_id(), Purpose::Confirmation)
        };
        put(&*store, &link).await;
        let digest = link.digest;
        let result = store
            .apply(vec![Change::UseLink {
                digest,
                at: later(at),
            }])
            .await;
        assert_eq!(result.is_ok(), lives, "{at}");
    }
    let digest = fixtures::digest();
    assert_refused!(
        store
            .apply(vec![Change::UseLink { digest, at: now() }])
            .await,
        ApplyError::Stale
    );
}

pub async fn links_requested_since_a_moment_are_revoked(store: Arc<dyn Store>) {
    let (user, other) = (fixtures::user_id(), fixtures::user_id());
    let link = |user_id, purpose, at| Link {
        requested_at: later(at),
        ..fixtures::link(user_id, purpose)
    };
    let links = [
        link(user, Purpose::EmailUndo, 9),
        link(user, Purpose::EmailUndo, 10),
        link(user, Purpose::EmailUndo, 11),
        link(user, Purpose::Recovery, 11),
        link(other, Purpose::EmailUndo, 11),
    ];
    for link in &links {
        put(&*store, link).await;
    }
    for (since, stays) in [
        (later(10), [true, false, false, true, true]),
        (Timestamp::MIN, [false, false, false, true, true]),
    ] {
        let revoke = Change::RevokeLinks {
            user_id: user,
            purpose: Purpose::EmailUndo,
            since,
        };
        must(&*store, vec![revoke]).await;
        for (link, stays) in links.iter().zip(stays) {
            let stored = store.find_link(&link.digest).await.unwrap();
            assert_eq!(stored.is_some(), stays, "{link:?}");
        }
    }
}

pub async fn the_sweep_takes_what_expired(store: Arc<dyn Store>) {
    let ending = |at: i64| Link {
        expires_at: later(at),
        ..fixtures::link(fixtures::user_id(), Purpose::Recovery)
    };
    let links = [ending(9), ending(10), ending(11)];
    for link in &links {
        put(&*store, link).await;
    }
    store.sweep(later(10)).await.unwrap();
    for (link, stays) in links.iter().zip([false, true, true]) {
        assert_eq!(
            store.find_link(&link.digest).await.unwrap().is_some(),
            stays
        );
    }
}

/// L-05: for an export.
pub async fn a_users_links_are_listed(store: Arc<dyn Store>) {
    let (user, other) = (fixtures::user_id(), fixtures::user_id());
    let made = |at: i64| Link {
        created_at: later(at),
        used_at: (at == 2).then(|| later(3)),
        ..fixtures::link(user, Purpose::Recovery)
    };
    let links = [made(1), made(2), fixtures::link(other, Purpose::Recovery)];
    for link in &links {
        put(&*store, link).await;
    }
    let listed = store.list_links(user).await.unwrap();
    assert_eq!(listed, [links[1].clone(), links[0].clone()]);
    assert_eq!(store.list_links(fixtures::user_id()).await.unwrap(), []);
}

/// T-RACE: one list revokes the links of a user and cancels the mail, while the other stores the link
/// of that mail. In any order, no link is left.
pub async fn whoever_voids_links_leaves_none_in_the_making(store: Arc<dyn Store>) {
    for round in 0..20 {
        let user = fixtures::user();
        insert(&*store, &user).await;
        let job = fixtures::mail_job(user.id);
        must(&*store, vec![Change::EnqueueMail(job.clone())]).await;
        let lists = [
            vec![
                update(&fixtures::next_version(&user), &user),
                Change::ForgetUserMails {
                    user_id: user.id,
                    kind: job.kind,
                    since: job.created_at,
                },
                Change::RevokeLinks {
                    user_id: user.id,
                    purpose: Purpose::EmailUndo,
                    since: Timestamp::MIN,
                },
            ],
            vec![
                Change::CheckMail(job.id),
                Change::PutLink(fixtures::link(user.id, Purpose::EmailUndo)),
            ],
        ];
        let results = race(2, |number| {
            let (store, changes) = (store.clone(), lists[number].clone());
            async move { (number, store.apply(changes).await) }
        });
        for (number, result) in results.await {
            let is_expected = match &result {
                Ok(()) => true,
                Err(ApplyError::Stale) => number == 1,
                Err(_) => false,
            };
            assert!(is_expected, "round {round}: {number}: {result:?}");
        }
        let left = store.list_links(user.id).await.unwrap();
        assert!(left.is_empty(), "round {round}: {left:?}");
    }
}
