//! The hash chain of the audit log: sealed by one node at a time, verified, pruned, and valid after
//! personal data is erased (L-01, L-03, L-05). The operations that it is made of are in the contract of every store.

use std::sync::Arc;

use doorward_domain::audit::sealer::Sealer;
use doorward_domain::audit::{AuditLog, AuditReport, CheckpointId, Unsealed, log};
use doorward_domain::memory::{MemoryStore, SeededRandom};
use doorward_domain::model::{AuditEvent, AuditFilter, AuditKind, DeletedUser, MailJob};
use doorward_domain::store::{ApplyError, Batch, Records, Store, Write};
use doorward_domain::values::{JobId, UserId};
use jiff::SignedDuration;

use doorward_testkit::audit_fixtures::{at, event, sealer, signer, verify, write, write_sealed};
use doorward_testkit::contract::race;
use doorward_testkit::fixtures;

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn open() -> Arc<dyn Store> {
    Arc::new(MemoryStore::new())
}

async fn must(store: &dyn Store, batch: Batch) {
    store.apply(batch).await.unwrap();
}

/// The report of a log without violations, and the number of unsealed events.
async fn verified(store: &dyn Store) -> (AuditReport, u64) {
    let (report, unsealed) = verify(store, &[]).await;
    assert_eq!(report.violation, None, "{report:?}");
    (report, unsealed.count)
}

async fn delete_user(store: &dyn Store, id: UserId) {
    let deleted_at = fixtures::now();
    must(store, vec![Write::put(&DeletedUser { id, deleted_at })]).await;
}

async fn all_events(store: &dyn Store) -> Vec<AuditEvent> {
    let all = AuditFilter {
        limit: 50,
        ..AuditFilter::default()
    };
    store.list_readable(all.query()).await.unwrap()
}

#[tokio::test]
async fn sealed_events_verify() {
    let store = open();
    assert_eq!(verified(&*store).await, (AuditReport::default(), 0));
    let events = write_sealed(&*store, 8).await;
    let (report, unsealed) = verified(&*store).await;
    assert_eq!((report.checkpoints, report.events, unsealed), (2, 6, 2));
    let unsealed = AuditLog(&*store).unsealed().await.unwrap();
    let oldest = Some(events[6].id.timestamp());
    assert_eq!(unsealed, Unsealed { count: 2, oldest });
    let sealed = sealer(&*store, 1000).seal().await.unwrap();
    assert_eq!(sealed.events, 2);
    let (report, unsealed) = verified(&*store).await;
    assert_eq!((report.events, unsealed), (8, 0));
    assert_eq!(report.last, sealed.newest);
    let nothing = sealer(&*store, 2000).seal().await.unwrap();
    assert_eq!((nothing.events, nothing.newest), (0, None));
}

#[tokio::test]
async fn a_log_longer_than_one_checkpoint_verifies() {
    let store = open();
    let events = (0..450).map(|number| event(number % 60, fixtures::user_id()));
    let events: Vec<AuditEvent> = events.collect();
    for batch in events.chunks(90) {
        must(&*store, batch.iter().map(Write::insert).collect()).await;
    }
    let sealed = sealer(&*store, 100).seal().await.unwrap();
    assert_eq!(sealed.events, 450);
    let (report, _) = verified(&*store).await;
    assert_eq!((report.checkpoints, report.events), (5, 450));
}

/// A transaction may commit an event after events with higher ids were sealed.
#[tokio::test]
async fn a_late_event_gets_a_later_position() {
    let store = open();
    write_sealed(&*store, 6).await;
    let late = event(1, fixtures::user_id());
    write(&*store, &late).await;
    write(&*store, &event(20, fixtures::user_id())).await;
    let sealed = sealer(&*store, 20).seal().await.unwrap();
    assert_eq!(sealed.events, 1, "the other is too young");
    let (report, unsealed) = verified(&*store).await;
    assert_eq!((report.checkpoints, report.events, unsealed), (3, 7, 1));
    let last = AuditLog(&*store).list_sealed(6, 7, 9).await.unwrap();
    assert_eq!((last[0].position, last[0].record.id), (7, late.id));
}

#[tokio::test]
async fn of_many_nodes_that_seal_one_succeeds() {
    let store = open();
    for second in 0..40 {
        write(&*store, &event(second, fixtures::user_id())).await;
    }
    let sealed = race(8, |_| {
        let store = store.clone();
        async move { sealer(&*store, 100).seal().await }
    });
    let sealed = sealed.await.into_iter();
    let events: usize = sealed.map(|sealed| sealed.unwrap().events).sum();
    assert_eq!(events, 40);
    let (report, _) = verified(&*store).await;
    assert_eq!((report.checkpoints, report.events), (1, 40));
}

#[tokio::test]
async fn sealing_is_all_or_nothing() {
    let store = open();
    write_sealed(&*store, 3).await;
    let last = AuditLog(&*store).last_checkpoint().await.unwrap().unwrap();
    let waiting = event(4, fixtures::user_id());
    write(&*store, &waiting).await;
    let sealed = AuditLog(&*store).list_sealed(0, 1, 1).await.unwrap();
    let unknown = event(5, fixtures::user_id()).id;
    for (previous, other) in [(3, unknown), (3, sealed[0].record.id), (0, waiting.id)] {
        let mut checkpoint = last.clone();
        (checkpoint.previous, checkpoint.position) = (previous, previous + 2);
        let events = vec![(waiting.id, last.hash), (other, last.hash)];
        let refused = store.apply(log::seal(&checkpoint, &events)).await;
        let is_expected = matches!(
            refused,
            Err(ApplyError::Stale | ApplyError::Taken("previous"))
        );
        assert!(is_expected, "{refused:?}");
        let (report, unsealed) = verified(&*store).await;
        assert_eq!((report.checkpoints, report.events, unsealed), (1, 3, 1));
    }
}

#[tokio::test]
async fn pruning_deletes_a_prefix() {
    let store = open();
    write_sealed(&*store, 9).await;
    let first = AuditLog(&*store).next_checkpoint(0).await.unwrap().unwrap();
    let recorded = CheckpointId::of(&first);
    // The checkpoints are of the seconds 9, 12 and 15.
    let day = DAY.as_secs();
    for (second, pruned, events, pruned_to) in [
        (day + 9, false, 9, None),
        (day + 13, true, 3, Some(6)),
        (day + 14, false, 3, Some(6)),
    ] {
        let node = sealer(&*store, second);
        assert_eq!(node.prune(DAY).await.unwrap(), pruned, "{second}");
        let (report, _) = verified(&*store).await;
        assert_eq!((report.events, report.pruned_to), (events, pruned_to));
    }
    assert_eq!(all_events(&*store).await.len(), 3);
    // A checkpoint that was recorded before does not fail.
    let (report, _) = verify(&*store, &[recorded]).await;
    assert_eq!((report.violation, report.checkpoints_found), (None, 0));
    // A second node that prunes to the same checkpoint does nothing.
    let pruned = AuditLog(&*store).next_checkpoint(0).await.unwrap().unwrap();
    let refused = store.apply(vec![log::prune(&pruned)]).await;
    assert!(matches!(refused, Err(ApplyError::Stale)), "{refused:?}");
    // The chain continues after everything was pruned.
    assert!(sealer(&*store, 2 * day).prune(DAY).await.unwrap());
    write(&*store, &event(2 * day, fixtures::user_id())).await;
    sealer(&*store, 2 * day + 9).seal().await.unwrap();
    let (report, _) = verified(&*store).await;
    assert_eq!((report.events, report.pruned_to), (1, Some(9)));
}

#[tokio::test]
async fn a_deleted_accounts_personal_data_is_erased() {
    let store = open();
    let (ben, ada) = (fixtures::user(), fixtures::user());
    must(&*store, ada.insert()).await;
    let by_admin = AuditEvent {
        actor: format!("user:{}", ada.id),
        ..event(2, ben.id)
    };
    let by_stranger = AuditEvent {
        actor: "anonymous".to_owned(),
        ..event(3, ben.id)
    };
    for event in [event(1, ben.id), by_admin, by_stranger, event(4, ada.id)] {
        write(&*store, &event).await;
    }
    sealer(&*store, 30).seal().await.unwrap();
    assert!(
        all_events(&*store)
            .await
            .iter()
            .all(|one| one.address.is_some())
    );
    let deleted = AuditEvent {
        event: AuditKind::UserDeleted,
        ..event(40, ben.id)
    };
    write(&*store, &deleted).await;
    delete_user(&*store, ben.id).await;
    sealer(&*store, 50).seal().await.unwrap();
    // An event about a request that was in flight during the deletion.
    write(&*store, &event(55, ben.id)).await;
    sealer(&*store, 70).seal().await.unwrap();
    // Newest first. Events of the admin keep the admin's address.
    let events = all_events(&*store).await;
    let has_address: Vec<_> = events.iter().map(|one| one.address.is_some()).collect();
    assert_eq!(has_address, [false, false, true, false, true, false]);
    let has_agent: Vec<_> = events.iter().map(|one| one.user_agent.is_some()).collect();
    assert_eq!(has_agent, has_address);
    assert_eq!(verified(&*store).await.0.events, 6);
}

/// `confirmation-cancelled` may be about an account that stays.
#[tokio::test]
async fn an_existing_accounts_personal_data_stays() {
    let store = open();
    let ben = fixtures::user();
    must(&*store, ben.insert()).await;
    let cancelled = AuditEvent {
        event: AuditKind::ConfirmationCancelled,
        ..event(1, ben.id)
    };
    write(&*store, &cancelled).await;
    sealer(&*store, 30).seal().await.unwrap();
    assert!(all_events(&*store).await[0].address.is_some());
}

/// L-05: a recovery request names no user. The mail connects it with its user.
#[tokio::test]
async fn a_deleted_accounts_recovery_requests_are_erased() {
    let store = open();
    let (ben, ada) = (fixtures::user_id(), fixtures::user_id());
    let mut requests = Vec::new();
    for (second, user_id) in [(1, ben), (2, ada), (3, ben)] {
        let mail = JobId::generate(at(second), &SeededRandom::new(fixtures::unique()));
        let about = |second, event, user_id| AuditEvent {
            event,
            user_id,
            actor: "anonymous".to_owned(),
            detail: Some(MailJob::audit_detail_of(mail)),
            ..self::event(second, ben)
        };
        let request = about(second, AuditKind::RecoveryRequested, None);
        write(&*store, &request).await;
        write(
            &*store,
            &about(second + 60, AuditKind::RecoveryMailed, Some(user_id)),
        )
        .await;
        requests.push(request.id);
    }
    let deleted = AuditEvent {
        event: AuditKind::UserDeleted,
        ..event(100, ben)
    };
    write(&*store, &deleted).await;
    delete_user(&*store, ben).await;
    sealer(&*store, 120).seal().await.unwrap();
    let of_kind = AuditFilter {
        event: Some(AuditKind::RecoveryRequested),
        limit: 20,
        ..AuditFilter::default()
    };
    let events: Vec<AuditEvent> = store.list_readable(of_kind.query()).await.unwrap();
    let found: Vec<_> = events
        .iter()
        .map(|one| (one.id, one.address.is_some(), one.user_agent.is_some()))
        .collect();
    let expected = [
        (requests[2], false),
        (requests[1], true),
        (requests[0], false),
    ];
    assert_eq!(
        found,
        expected.map(|(id, is_there)| (id, is_there, is_there))
    );
    verified(&*store).await;
}

/// After a change of the master key the chain continues, and the change is reported once.
#[tokio::test]
async fn sealing_continues_with_another_key() {
    let store = open();
    write_sealed(&*store, 3).await;
    for (second, broken) in [(10, Some(3)), (20, None)] {
        write(&*store, &event(second, fixtures::user_id())).await;
        let other = Sealer {
            signer: signer(2),
            ..sealer(&*store, second + 10)
        };
        let sealed = other.seal().await.unwrap();
        assert_eq!((sealed.events, sealed.broken_seal), (1, broken));
    }
    let (report, _) = verify(&*store, &[]).await;
    let violation = report.violation.unwrap();
    assert_eq!(violation.code(), "checkpoint-unknown-key");
    assert_eq!(violation.position(), Some(4));
}
