//! Leases on the rows of a queue: each row is held by one worker at a time, and none is lost.

use std::collections::HashSet;
use std::sync::Arc;

use doorward_domain::model::{FailedAttempt, Job, JobStatus, MailFilter, MailJob, MailKind};
use doorward_domain::store::ApplyError;
use doorward_domain::store::Store;
use doorward_domain::store::{Claim, Record, Records, Write};
use doorward_domain::values::Locale;

use super::{apply_ok, assert_refused, race};
use crate::fixtures::{self, later};

const FAILED: FailedAttempt<'static> = FailedAttempt {
    number: 1,
    error: "550 Empfänger unbekannt 🌿",
};

fn due(at: i64) -> MailJob {
    MailJob {
        due_at: later(at),
        ..fixtures::mail_job(fixtures::user_id())
    }
}

async fn enqueue(store: &dyn Store, jobs: &[MailJob]) {
    let inserts = jobs.iter().map(Write::insert);
    apply_ok(store, inserts.collect()).await;
}

/// Leases mails that are due at `now`.
async fn claim(store: &dyn Store, now: i64, until: i64, limit: usize) -> Vec<MailJob> {
    let claim = Claim {
        table: MailJob::TABLE,
        kinds: MailJob::kinds(),
        now: later(now),
        lease_until: later(until),
        limit,
    };
    store.claim(claim).await.unwrap()
}

fn ids(jobs: &[MailJob]) -> Vec<String> {
    jobs.iter().map(|job| job.id.to_string()).collect()
}

pub async fn a_lease_changes_the_due_time_and_counts(store: Arc<dyn Store>) {
    for kind in MailKind::queued() {
        let job = MailJob {
            kind,
            user_id: (kind != MailKind::Recovery).then(fixtures::user_id),
            locale: match kind {
                MailKind::SignUp => Locale::En,
                _ => Locale::De,
            },
            attempts: 41,
            ..due(0)
        };
        enqueue(&*store, std::slice::from_ref(&job)).await;
        let expected = MailJob {
            attempts: 42,
            due_at: later(100),
            ..job
        };
        assert_eq!(claim(&*store, 0, 100, 10).await, [expected]);
    }
}

pub async fn only_the_given_kinds_are_leased(store: Arc<dyn Store>) {
    let other = MailJob {
        kind: MailKind::Recovery,
        ..due(0)
    };
    let wanted = due(1);
    enqueue(&*store, &[other, wanted.clone()]).await;
    let claim = Claim {
        table: MailJob::TABLE,
        kinds: vec![wanted.kind.as_str().into()],
        now: later(1),
        lease_until: later(9),
        limit: 1,
    };
    let claimed: Vec<MailJob> = store.claim(claim).await.unwrap();
    assert_eq!(ids(&claimed), ids(&[wanted]));
}

pub async fn the_longest_due_is_leased_first(store: Arc<dyn Store>) {
    let jobs = [due(3), due(1), due(4), due(2), due(5)];
    enqueue(&*store, &jobs).await;
    let first = claim(&*store, 4, 100, 3).await;
    let expected = [jobs[1].clone(), jobs[3].clone(), jobs[0].clone()];
    assert_eq!(ids(&first), ids(&expected));
    let rest = claim(&*store, 4, 100, 3).await;
    assert_eq!(ids(&rest), ids(&jobs[2..3]), "the last is not due yet");
}

pub async fn a_lease_ends(store: Arc<dyn Store>) {
    let job = due(0);
    enqueue(&*store, std::slice::from_ref(&job)).await;
    assert_eq!(claim(&*store, 0, 10, 1).await[0].attempts, 1);
    assert_eq!(claim(&*store, 9, 20, 1).await, []);
    let again = claim(&*store, 10, 20, 1).await;
    assert_eq!((again[0].id, again[0].attempts), (job.id, 2));
}

pub async fn one_of_two_concurrent_ends_of_a_lease_succeeds(store: Arc<dyn Store>) {
    enqueue(&*store, &[due(0)]).await;
    let leased = claim(&*store, 0, 120, 1).await;
    let expire = || vec![Job::expire_lease(leased[0].id, leased[0].due_at, later(1))];
    apply_ok(&*store, expire()).await;
    assert_refused!(store.apply(expire()).await, ApplyError::Stale);
    assert_eq!(ids(&claim(&*store, 1, 200, 10).await), ids(&leased));
}

pub async fn a_job_is_retried_failed_and_done(store: Arc<dyn Store>) {
    let jobs = [due(0), due(0), due(0)];
    enqueue(&*store, &jobs).await;
    assert_eq!(claim(&*store, 0, 10, 10).await.len(), 3);
    let writes = [
        Write::delete::<MailJob>(jobs[0].id),
        Job::retry_at(jobs[1].id, later(50), FAILED),
        Job::fail(jobs[2].id, later(5), FAILED),
    ];
    apply_ok(&*store, writes.into()).await;
    assert_eq!(claim(&*store, 49, 60, 10).await, []);
    let claimed = claim(&*store, 50, 60, 10).await;
    assert_eq!(ids(&claimed), ids(&jobs[1..2]));
    assert_eq!(claimed[0].attempts, 2);
    let failed: Vec<MailJob> = store.list(Job::failed()).await.unwrap();
    assert_eq!(ids(&failed), ids(&jobs[2..3]));
    for job in [&claimed[0], &failed[0]] {
        let error = job.last_error.as_deref();
        assert_eq!((job.failed_attempts, error), (1, Some(FAILED.error)));
    }
    assert_eq!(store.count_rows(Job::waiting()).await.unwrap(), 1);
    for (swept_at, expected) in [(5, 1), (6, 0)] {
        store.sweep(MailJob::TABLE, later(swept_at)).await.unwrap();
        assert_eq!(store.count_rows(Job::failed()).await.unwrap(), expected);
    }
    assert_eq!(store.count_rows(Job::waiting()).await.unwrap(), 1);
}

pub async fn mails_are_listed_by_their_status(store: Arc<dyn Store>) {
    let jobs = [due(0), due(0), due(0), due(0)];
    enqueue(&*store, &jobs).await;
    let listed = async |status, before, limit| {
        let filter = MailFilter {
            status,
            before,
            limit,
        };
        let mails: Vec<MailJob> = store.list(filter.query()).await.unwrap();
        ids(&mails)
    };
    let newest_first = |numbers: &[usize]| {
        let jobs: Vec<_> = numbers.iter().map(|number| jobs[*number].clone()).collect();
        ids(&jobs)
    };
    let changes = [
        Job::retry_at(jobs[1].id, later(50), FAILED),
        Job::retry_at(jobs[2].id, later(50), FAILED),
        Job::fail(jobs[3].id, later(5), FAILED),
    ];
    apply_ok(&*store, changes.into()).await;
    for (status, numbers) in [
        (None, &[3, 2, 1, 0][..]),
        (Some(JobStatus::Waiting), &[0][..]),
        (Some(JobStatus::Failing), &[2, 1][..]),
        (Some(JobStatus::GivenUp), &[3][..]),
    ] {
        let expected = newest_first(numbers);
        assert_eq!(listed(status, None, 9).await, expected, "{status:?}");
        let (first, rest) = expected.split_at(1);
        assert_eq!(listed(status, None, 1).await, first, "{status:?}");
        let before = Some(jobs[numbers[0]].id);
        assert_eq!(listed(status, before, 9).await, rest, "{status:?}");
    }
    // One more attempt, and the admin who read it before that is late.
    let failed: Vec<MailJob> = store.list(Job::failed()).await.unwrap();
    apply_ok(&*store, vec![failed[0].retry(later(60))]).await;
    assert_refused!(
        store.apply(vec![failed[0].retry(later(60))]).await,
        ApplyError::Stale
    );
    let failing = listed(Some(JobStatus::Failing), None, 9).await;
    assert_eq!(failing, newest_first(&[3, 2, 1]));
    apply_ok(&*store, vec![failed[0].delete()]).await;
    assert_refused!(
        store.apply(vec![failed[0].delete()]).await,
        ApplyError::Stale
    );
}

pub async fn no_job_is_held_by_two_workers(store: Arc<dyn Store>) {
    let jobs: Vec<_> = (0..40).map(due).collect();
    enqueue(&*store, &jobs).await;
    let claims = race(6, |_| {
        let store = store.clone();
        async move {
            let mut claimed = Vec::new();
            for _ in 0..20 {
                claimed.extend(claim(&*store, 100, 10_000, 5).await);
            }
            claimed
        }
    });
    let claimed: Vec<_> = claims.await.into_iter().flatten().collect();
    assert!(claimed.iter().all(|job| job.attempts == 1));
    let distinct: HashSet<_> = claimed.iter().map(|job| job.id).collect();
    assert_eq!((claimed.len(), distinct.len()), (40, 40));
}
