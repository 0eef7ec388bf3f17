//! A list of changes is applied completely or not at all.

use std::sync::Arc;

use doorward_domain::model::{
    AuditEvent, AuditFilter, Credential, Link, MailJob, Purpose, SigningKey, User, Version,
};
use doorward_domain::store::ApplyError;
use doorward_domain::store::Store;
use doorward_domain::store::{Batch, Records, Write};

use super::{assert_refused, insert, must, race};
use crate::fixtures::{self, later, next_version, now};

type IsExpected = fn(&ApplyError) -> bool;

/// Every kind of change, about a new user and about the stored user `kept`.
fn everything(new: &User, kept: &User) -> Batch {
    let mut batch = [new.insert(), next_version(kept).replace(kept)].concat();
    batch.extend([
        Write::put(&fixtures::credential(new.id)),
        Write::put(&fixtures::credential(kept.id)),
        Write::put(&fixtures::link(new.id, Purpose::Recovery)),
        Write::put(&fixtures::link(kept.id, Purpose::Recovery)),
        Write::insert(&fixtures::mail_job(new.id)),
        Write::insert(&fixtures::signing_key()),
        Write::insert(&fixtures::audit_event(new.id)),
    ]);
    batch
}

pub async fn a_failing_last_change_leaves_nothing(store: Arc<dyn Store>) {
    let kept = fixtures::user();
    let (credential, link) = (
        fixtures::credential(kept.id),
        fixtures::link(kept.id, Purpose::Recovery),
    );
    insert(&*store, &kept).await;
    must(&*store, vec![Write::put(&credential), Write::put(&link)]).await;

    let taken = User {
        username: kept.username.clone(),
        ..fixtures::user()
    };
    let unused = fixtures::link(kept.id, Purpose::Confirmation);
    let is_stale: IsExpected = |error| matches!(error, ApplyError::Stale);
    let failing: [(Batch, IsExpected); 4] = [
        (taken.insert(), |error| {
            matches!(error, ApplyError::Taken(User::USERNAME_KEY))
        }),
        (next_version(&kept).replace(&fixtures::user()), is_stale),
        (vec![unused.mark_used(now())], is_stale),
        (fixtures::user().delete(now()), is_stale),
    ];
    for (last, is_expected) in failing {
        let new = fixtures::user();
        let mut changes = everything(&new, &kept);
        changes.extend(last.clone());
        let error = store.apply(changes).await.unwrap_err();
        assert!(is_expected(&error), "{last:?}: {error:?}");

        assert_eq!(store.get::<User>(new.id).await.unwrap(), None);
        assert!(store.get::<Credential>(new.id).await.unwrap().is_none());
        assert_untouched(&*store, &kept, &credential, &link).await;
    }
    must(&*store, everything(&fixtures::user(), &kept)).await;
}

/// The user and their records are unchanged, and there is nothing else.
async fn assert_untouched(store: &dyn Store, kept: &User, credential: &Credential, link: &Link) {
    assert_eq!(
        store.get::<User>(kept.id).await.unwrap().as_ref(),
        Some(kept)
    );
    let password = store.get::<Credential>(kept.id).await.unwrap().unwrap();
    assert_eq!(
        password.password_hash.expose(),
        credential.password_hash.expose()
    );
    assert_eq!(
        store
            .find_readable::<Link>(Link::DIGEST, &link.digest)
            .await
            .unwrap()
            .as_ref(),
        Some(link)
    );
    assert_eq!(store.count(MailJob::waiting()).await.unwrap(), 0);
    let keys: Vec<SigningKey> = store.list(SigningKey::newest_first()).await.unwrap();
    assert_eq!(keys, []);
    let log = AuditFilter {
        limit: 10,
        ..AuditFilter::default()
    };
    let events: Vec<AuditEvent> = store.list(log.query()).await.unwrap();
    assert_eq!(events, []);
}

pub async fn changes_are_made_in_their_order(store: Arc<dyn Store>) {
    let user = fixtures::user();
    let second = next_version(&user);
    let link = fixtures::link(user.id, Purpose::Recovery);
    let credential = fixtures::credential(user.id);
    let mut changes = [user.insert(), second.replace(&user)].concat();
    changes.extend([
        Write::put(&fixtures::credential(user.id)),
        Write::put(&credential),
        Write::put(&link),
        link.mark_used(later(1)),
    ]);
    must(&*store, changes).await;
    assert_eq!(store.get::<User>(user.id).await.unwrap(), Some(second));
    let stored = store.get::<Credential>(user.id).await.unwrap().unwrap();
    assert_eq!(
        stored.password_hash.expose(),
        credential.password_hash.expose()
    );
    assert_eq!(
        store
            .find_readable::<Link>(Link::DIGEST, &link.digest)
            .await
            .unwrap()
            .unwrap()
            .used_at,
        Some(later(1))
    );

    let replaced_then_used = vec![
        Write::put(&fixtures::link(user.id, Purpose::Recovery)),
        link.mark_used(later(2)),
    ];
    assert_refused!(store.apply(replaced_then_used).await, ApplyError::Stale);
}

pub async fn no_changes_are_no_error(store: Arc<dyn Store>) {
    must(&*store, Vec::new()).await;
}

/// Password and user are written together, and read one after the other: the one that is read last is never older.
pub async fn readers_see_a_whole_change_or_none(store: Arc<dyn Store>) {
    const WRITES: i64 = 30;
    let user = fixtures::user();
    let credential = fixtures::credential(user.id);
    must(&*store, user.insert()).await;
    must(&*store, vec![Write::put(&credential)]).await;
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
                    must(
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

pub async fn the_store_answers(store: Arc<dyn Store>) {
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
