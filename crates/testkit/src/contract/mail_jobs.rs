//! The outbox: each mail is held by one worker at a time, and none is lost.

use std::collections::HashSet;
use std::sync::Arc;

use doorward_domain::changes::{ApplyError, Change};
use doorward_domain::model::{MailJob, MailKind};
use doorward_domain::ports::{OutboxStats, Store};
use doorward_domain::values::Locale;

use super::{must, race};
use crate::fixtures::{self, later, now};

fn due(at: i64) -> MailJob {
    MailJob {
        due_at: later(at),
        ..fixtures::mail_job(fixtures::user_id())
    }
}

async fn enqueue(store: &dyn Store, jobs: &[MailJob]) {
    must(
        store,
        jobs.iter().cloned().map(Change::EnqueueMail).collect(),
    )
    .await;
}

pub async fn every_field_comes_back(store: Arc<dyn Store>) {
    for kind in MailKind::ALL {
        let job = MailJob {
            kind,
            user_id: (kind != MailKind::Recovery).then(fixtures::user_id),
            locale: if kind == MailKind::SignUp {
                Locale::En
            } else {
                Locale::De
            },
            attempts: 41,
            ..due(0)
        };
        enqueue(&*store, std::slice::from_ref(&job)).await;
        let claimed = store.claim_mail_jobs(now(), later(100), 10).await.unwrap();
        let expected = MailJob {
            attempts: 42,
            due_at: later(100),
            ..job
        };
        assert_eq!(claimed, [expected]);
    }
}

/// the mails of one user and one kind that were written since a time are deleted, also those that a worker
/// is sending. A change that requires a deleted mail is stale.
pub async fn mails_of_one_kind_written_since_a_moment_are_removed(store: Arc<dyn Store>) {
    let (user, other) = (fixtures::user_id(), fixtures::user_id());
    let kind = MailKind::EmailChangeUndo;
    let job = |user_id, kind, at| MailJob {
        user_id: Some(user_id),
        kind,
        created_at: later(at),
        ..due(0)
    };
    let removed = [job(user, kind, 10), job(user, kind, 11)];
    let left = [
        job(user, kind, 9),
        job(user, MailKind::EmailChanged, 10),
        job(other, kind, 10),
    ];
    enqueue(&*store, &removed).await;
    enqueue(&*store, &left).await;
    let check = |job: &MailJob| vec![Change::CheckMail(job.id)];
    for job in removed.iter().chain(&left) {
        must(&*store, check(job)).await;
    }
    let forget = Change::ForgetUserMails {
        user_id: user,
        kind,
        since: later(10),
    };
    must(&*store, vec![forget]).await;
    for job in &removed {
        let refused = store.apply(check(job)).await;
        assert!(matches!(refused, Err(ApplyError::Stale)), "{refused:?}");
    }
    for job in &left {
        must(&*store, check(job)).await;
    }
}

pub async fn the_oldest_is_claimed_first(store: Arc<dyn Store>) {
    let jobs = [due(3), due(1), due(4), due(2), due(5)];
    enqueue(&*store, &jobs).await;
    let claimed = store
        .claim_mail_jobs(later(4), later(100), 3)
        .await
        .unwrap();
    let ids: Vec<_> = claimed.iter().map(|job| job.id).collect();
    assert_eq!(ids, [jobs[1].id, jobs[3].id, jobs[0].id]);
    let rest = store
        .claim_mail_jobs(later(4), later(100), 3)
        .await
        .unwrap();
    assert_eq!(
        rest.iter().map(|job| job.id).collect::<Vec<_>>(),
        [jobs[2].id],
        "the last is not due yet"
    );
}

pub async fn a_lease_ends(store: Arc<dyn Store>) {
    let job = due(0);
    enqueue(&*store, std::slice::from_ref(&job)).await;
    assert_eq!(
        store.claim_mail_jobs(now(), later(10), 1).await.unwrap()[0].attempts,
        1
    );
    assert_eq!(
        store.claim_mail_jobs(later(9), later(20), 1).await.unwrap(),
        []
    );
    let again = store
        .claim_mail_jobs(later(10), later(20), 1)
        .await
        .unwrap();
    assert_eq!(
        (again[0].id, again[0].attempts, again[0].due_at),
        (job.id, 2, later(20))
    );
}

/// A lease ends at once; a mail that is deferred for longer stays deferred.
pub async fn leases_of_a_dead_process_expire(store: Arc<dyn Store>) {
    let jobs = [due(0), due(0), due(500)];
    enqueue(&*store, &jobs).await;
    let claimed = store.claim_mail_jobs(now(), later(120), 1).await.unwrap();
    let expire = Change::ExpireMailLeases {
        now: later(1),
        until: later(121),
    };
    must(&*store, vec![expire]).await;
    let due = store.claim_mail_jobs(later(1), later(200), 10).await;
    let due: HashSet<_> = due.unwrap().iter().map(|job| job.id).collect();
    assert!(due.contains(&claimed[0].id));
    assert_eq!(due, HashSet::from([jobs[0].id, jobs[1].id]));
}

pub async fn a_mail_is_retried_failed_and_done(store: Arc<dyn Store>) {
    let jobs = [due(0), due(0), due(0)];
    enqueue(&*store, &jobs).await;
    assert_eq!(
        store
            .claim_mail_jobs(now(), later(10), 10)
            .await
            .unwrap()
            .len(),
        3
    );
    let changes = vec![
        Change::MailDone(jobs[0].id),
        Change::MailRetry {
            id: jobs[1].id,
            due_at: later(50),
        },
        Change::MailFailed {
            id: jobs[2].id,
            at: later(5),
        },
    ];
    must(&*store, changes.clone()).await;
    assert_eq!(
        store
            .claim_mail_jobs(later(49), later(60), 10)
            .await
            .unwrap(),
        []
    );
    let claimed = store
        .claim_mail_jobs(later(50), later(60), 10)
        .await
        .unwrap();
    assert_eq!(
        (claimed.len(), claimed[0].id, claimed[0].attempts),
        (1, jobs[1].id, 2)
    );
    must(&*store, vec![Change::MailDone(jobs[1].id)]).await;
    must(&*store, changes).await;
    let outbox = store.outbox().await.unwrap();
    assert_eq!((outbox.waiting, outbox.due_at), (0, None));
}

pub async fn no_mail_is_held_by_two_workers(store: Arc<dyn Store>) {
    let jobs: Vec<_> = (0..40).map(due).collect();
    enqueue(&*store, &jobs).await;
    let claims = race(6, |_| {
        let store = store.clone();
        async move {
            let mut claimed = Vec::new();
            for _ in 0..20 {
                claimed.extend(
                    store
                        .claim_mail_jobs(later(100), later(10_000), 5)
                        .await
                        .unwrap(),
                );
            }
            claimed
        }
    });
    let claimed: Vec<_> = claims.await.into_iter().flatten().collect();
    assert!(claimed.iter().all(|job| job.attempts == 1));
    assert_eq!(claimed.len(), 40);
    assert_eq!(
        claimed
            .iter()
            .map(|job| job.id)
            .collect::<HashSet<_>>()
            .len(),
        40
    );
}

pub async fn the_outbox_says_what_waits_and_since_when(store: Arc<dyn Store>) {
    assert_eq!(store.outbox().await.unwrap(), OutboxStats::default());
    let written = |at, job: MailJob| MailJob {
        created_at: later(at),
        ..job
    };
    let jobs = [written(3, due(7)), written(2, due(5)), written(4, due(6))];
    enqueue(&*store, &jobs).await;
    let outbox = |waiting, oldest: i64, due: i64, failed| OutboxStats {
        waiting,
        oldest_at: Some(later(oldest)),
        due_at: Some(later(due)),
        failed,
    };
    assert_eq!(store.outbox().await.unwrap(), outbox(3, 2, 5, 0));
    let failed = Change::MailFailed {
        id: jobs[1].id,
        at: now(),
    };
    must(&*store, vec![failed]).await;
    assert_eq!(store.outbox().await.unwrap(), outbox(2, 3, 6, 1));
    let claimed = store.claim_mail_jobs(later(6), later(50), 10).await;
    assert_eq!(claimed.unwrap().len(), 1);
    assert_eq!(
        store.outbox().await.unwrap(),
        outbox(2, 3, 7, 1),
        "one that is held waits too"
    );
    let gone = jobs.iter().map(|job| Change::MailDone(job.id)).collect();
    must(&*store, gone).await;
    assert_eq!(store.outbox().await.unwrap(), OutboxStats::default());
}

pub async fn the_sweep_deletes_failed_mails(store: Arc<dyn Store>) {
    let jobs = [due(0), due(0), due(0)];
    enqueue(&*store, &jobs).await;
    let failed = |job: &MailJob, at| Change::MailFailed {
        id: job.id,
        at: later(at),
    };
    must(&*store, vec![failed(&jobs[0], 9), failed(&jobs[1], 10)]).await;
    store.sweep(later(10)).await.unwrap();
    let outbox = store.outbox().await.unwrap();
    assert_eq!(outbox.due_at, Some(now()), "one that waits stays");
    assert_eq!((outbox.waiting, outbox.failed), (1, 1));
    let claimed = store.claim_mail_jobs(later(1), later(2), 10).await.unwrap();
    assert_eq!(
        claimed.iter().map(|job| job.id).collect::<Vec<_>>(),
        [jobs[2].id]
    );
}

/// L-05: a mail without a user is identified by its address, in any spelling.
pub async fn mails_to_an_address_alone_are_listed_and_forgotten(store: Arc<dyn Store>) {
    let user = fixtures::user_id();
    let address = fixtures::email();
    let to = |job: MailJob, user_id| MailJob {
        user_id,
        email: address.clone(),
        ..job
    };
    let theirs = to(due(0), Some(user));
    let unnamed = to(due(0), None);
    let anothers = to(due(0), Some(fixtures::user_id()));
    let elsewhere = MailJob {
        user_id: None,
        ..due(0)
    };
    let jobs = [theirs.clone(), unnamed.clone(), anothers, elsewhere];
    enqueue(&*store, &jobs).await;
    let key = Some(address.key());
    let listed = store.list_mail_jobs(user, key).await.unwrap();
    assert_eq!(listed, [theirs.clone(), unnamed]);
    let listed = store.list_mail_jobs(user, None).await.unwrap();
    assert_eq!(listed, std::slice::from_ref(&theirs));
    must(&*store, vec![Change::ForgetMails(address.clone())]).await;
    let listed = store.list_mail_jobs(user, key).await.unwrap();
    assert_eq!(listed, [theirs]);
    assert_eq!(store.outbox().await.unwrap().waiting, 3);
}
