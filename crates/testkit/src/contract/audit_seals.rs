//! The seals of the audit log: made in order by one node at a time, checked, let go, and holding where
//! somebody is forgotten (L-01, L-03, L-05).

use std::sync::Arc;

use doorward_domain::audit::DELETIONS;
use doorward_domain::audit::sealer::Sealer;
use doorward_domain::audit::walk::AuditVerdict;
use doorward_domain::changes::{ApplyError, Change};
use doorward_domain::memory::SeededSecrets;
use doorward_domain::model::{
    AuditEvent, AuditFilter, Erasure, Event, LetGo, MailJob, Outcome, SealedEvent,
};
use doorward_domain::ports::Store;
use doorward_domain::values::MailJobId;
use jiff::SignedDuration;

use super::{must, race};
use crate::fixtures;
use crate::sealing::{at, event, sealer, signer, verify, write, write_sealed};

/// In seconds.
const DAY: i64 = 86_400;

async fn holds(store: &dyn Store, second: i64) -> AuditVerdict {
    let (verdict, findings) = verify(store, second, &[]).await;
    assert_eq!(findings, [], "{verdict:?}");
    verdict
}

pub async fn what_was_sealed_verifies(store: Arc<dyn Store>) {
    assert_eq!(holds(&*store, 0).await.seals, 0);
    write_sealed(&*store, 8).await;
    let verdict = holds(&*store, 8).await;
    assert_eq!((verdict.seals, verdict.events, verdict.waiting), (2, 6, 2));
    // What waits too long is told, and is no finding: no server runs.
    let verdict = holds(&*store, 1000).await;
    assert_eq!((verdict.overdue.count, verdict.late.count), (2, 0));
    let secrets = SeededSecrets::new(1);
    let turn = sealer(&*store, &secrets, at(1000)).seal().await.unwrap();
    assert_eq!(turn.events, 2);
    let verdict = holds(&*store, 1000).await;
    assert_eq!((verdict.last, verdict.late.count), (turn.newest, 2));
    let nothing = sealer(&*store, &secrets, at(2000)).seal().await.unwrap();
    assert_eq!((nothing.events, nothing.newest), (0, None));
}

pub async fn an_event_that_comes_late_goes_into_a_later_seal(store: Arc<dyn Store>) {
    write_sealed(&*store, 6).await;
    let late = event(1, fixtures::user_id());
    must(&*store, vec![Change::Audit(Box::new(late))]).await;
    let secrets = SeededSecrets::new(2);
    // The youngest waits until whoever writes beside it is done.
    let young = event(20, fixtures::user_id());
    must(&*store, vec![Change::Audit(Box::new(young))]).await;
    let turn = sealer(&*store, &secrets, at(20)).seal().await.unwrap();
    assert_eq!(turn.events, 1);
    let verdict = holds(&*store, 20).await;
    assert_eq!((verdict.seals, verdict.events, verdict.waiting), (3, 7, 1));
}

pub async fn of_many_nodes_that_seal_one_does(store: Arc<dyn Store>) {
    for second in 0..40 {
        let event = event(second, fixtures::user_id());
        must(&*store, vec![Change::Audit(Box::new(event))]).await;
    }
    let sealed = race(8, |number| {
        let store = store.clone();
        async move {
            let secrets = SeededSecrets::new(number.try_into().expect("few"));
            sealer(&*store, &secrets, at(100)).seal().await
        }
    });
    let events: usize = sealed
        .await
        .into_iter()
        .map(|turn| turn.expect("who comes second does nothing").events)
        .sum();
    assert_eq!(events, 40);
    let verdict = holds(&*store, 100).await;
    assert_eq!((verdict.seals, verdict.events), (1, 40));
}

/// Whatever stops a node in the middle, what it wrote is whole or not there.
pub async fn a_seal_that_cannot_hold_all_its_events_holds_none(store: Arc<dyn Store>) {
    write_sealed(&*store, 3).await;
    let mut seal = store.audit_log().last_seal().await.unwrap().unwrap();
    let waiting = event(4, fixtures::user_id());
    must(&*store, vec![Change::Audit(Box::new(waiting.clone()))]).await;
    let mark = |id| SealedEvent {
        id,
        actor_id: None,
        personal_digest: None,
        personal_salt: None,
    };
    let nobodys = event(5, fixtures::user_id()).id;
    let sealed = seal.first_id;
    for (position, other) in [(2, nobodys), (2, sealed), (1, nobodys)] {
        seal.position = position;
        let change = Change::Seal {
            seal: Box::new(seal.clone()),
            events: vec![mark(waiting.id), mark(other)],
        };
        let refused = store.apply(vec![change]).await;
        assert!(matches!(refused, Err(ApplyError::Stale)), "{refused:?}");
        let verdict = holds(&*store, 4).await;
        assert_eq!((verdict.seals, verdict.events, verdict.waiting), (1, 3, 1));
    }
}

pub async fn whole_seals_are_let_go_from_the_start(store: Arc<dyn Store>) {
    write_sealed(&*store, 9).await;
    let secrets = SeededSecrets::new(3);
    let kept = SignedDuration::from_secs(DAY);
    // The last of the first six events is a second too young.
    let node = sealer(&*store, &secrets, at(DAY + 4));
    assert_eq!(node.let_go(kept).await.unwrap(), 1);
    let verdict = holds(&*store, DAY + 4).await;
    assert_eq!(
        (verdict.seals, verdict.events, verdict.let_go_to),
        (3, 6, Some(1))
    );
    // No operator keeps it for less than a day, whatever is asked.
    let shorter = SignedDuration::from_secs(1);
    assert_eq!(node.let_go(shorter).await.unwrap(), 0);
    let node = sealer(&*store, &secrets, at(DAY + 8));
    assert_eq!(node.let_go(kept).await.unwrap(), 1);
    assert_eq!(node.let_go(kept).await.unwrap(), 0);
    let verdict = holds(&*store, DAY + 8).await;
    assert_eq!(
        (verdict.seals, verdict.events, verdict.let_go_to),
        (2, 3, Some(2))
    );
    let all = AuditFilter {
        limit: 20,
        ..AuditFilter::default()
    };
    assert_eq!(store.list_audit_events(&all).await.unwrap().len(), 3);
    // Another node that comes second, or again after it was killed, does nothing.
    let seal = store.audit_log().last_seal().await.unwrap().unwrap();
    let again = Change::LetSealGo {
        position: 2,
        let_go: LetGo {
            at: at(DAY + 8),
            signature: seal.signature,
        },
    };
    let refused = store.apply(vec![again]).await;
    assert!(matches!(refused, Err(ApplyError::Stale)), "{refused:?}");
    holds(&*store, DAY + 8).await;
}

pub async fn whoever_is_deleted_is_forgotten_and_the_chain_holds(store: Arc<dyn Store>) {
    let (ben, ada) = (fixtures::user(), fixtures::user());
    must(&*store, vec![Change::InsertUser(Box::new(ada.clone()))]).await;
    let by_admin = AuditEvent {
        actor: format!("user:{}", ada.id),
        ..event(2, ben.id)
    };
    let tried = AuditEvent {
        actor: "anonymous".to_owned(),
        ..event(3, ben.id)
    };
    let deleted = AuditEvent {
        event: Event::UserDeleted,
        ..event(4, ben.id)
    };
    let lines = [event(1, ben.id), by_admin, tried, deleted, event(5, ada.id)];
    for line in &lines {
        must(&*store, vec![Change::Audit(Box::new(line.clone()))]).await;
    }
    let secrets = SeededSecrets::new(4);
    sealer(&*store, &secrets, at(30)).seal().await.unwrap();
    // Not before all about them is sealed.
    assert_eq!(sealer(&*store, &secrets, at(60)).erase().await.unwrap(), 0);
    assert_eq!(sealer(&*store, &secrets, at(400)).erase().await.unwrap(), 1);
    assert_eq!(sealer(&*store, &secrets, at(400)).erase().await.unwrap(), 0);
    let all = AuditFilter {
        limit: 20,
        ..AuditFilter::default()
    };
    let kept = store.list_audit_events(&all).await.unwrap();
    // Newest first: only what the admin did is said to come from where it came from.
    let has_address: Vec<_> = kept.iter().map(|line| line.address.is_some()).collect();
    assert_eq!(has_address, [true, false, false, true, false]);
    let has_agent: Vec<_> = kept.iter().map(|line| line.user_agent.is_some()).collect();
    assert_eq!(has_agent, has_address);
    assert!(kept[1..].iter().all(|line| line.user_id == Some(ben.id)));
    let verdict = holds(&*store, 400).await;
    assert_eq!((verdict.events, verdict.erased), (5, 3));
    // L-05: for somebody who is there again, it is not as it should be.
    must(&*store, vec![Change::InsertUser(Box::new(ben))]).await;
    let (_, findings) = verify(&*store, 400, &[]).await;
    assert_eq!(findings[0].word(), "event-erased-without-order");
}

/// L-05: an order that is made anew while the one before it is carried out is still to be done.
pub async fn an_order_made_anew_stays_open(store: Arc<dyn Store>) {
    let user_id = fixtures::user_id();
    let order = |second| {
        Change::OrderErasure(Erasure {
            user_id,
            ordered_at: at(second),
            signature: vec![7; 64],
            done_at: None,
        })
    };
    let done = |second| Change::ErasureDone {
        user_id,
        ordered_at: at(second),
        at: at(9),
    };
    must(&*store, vec![order(1)]).await;
    must(&*store, vec![order(2), done(1)]).await;
    let open = store.audit_log().list_open_erasures(2).await.unwrap();
    assert_eq!(open.len(), 1);
    must(&*store, vec![done(2)]).await;
    let open = store.audit_log().list_open_erasures(2).await.unwrap();
    assert_eq!(open, []);
}

/// L-05: nobody known asked for the recovery mails, and what they were of is joined to their owner by the
/// mail: from where it was asked goes with the account, and with no other. By a line that was put there by
/// hand nothing goes.
pub async fn a_deletion_reaches_who_asked_for_its_mails(store: Arc<dyn Store>) {
    let (ben, ada) = (fixtures::user_id(), fixtures::user_id());
    let mut lines = Vec::new();
    let mut asked = Vec::new();
    for (second, whose) in [(1, ben), (2, ada), (3, ben)] {
        let mail = MailJobId::generate(at(second), &SeededSecrets::new(fixtures::unique()));
        let about = |event, user_id| AuditEvent {
            event,
            user_id,
            actor: "anonymous".to_owned(),
            detail: Some(MailJob::audit_detail_of(mail)),
            ..self::event(second, whose)
        };
        let asking = about(Event::RecoveryRequested, None);
        let told = AuditEvent {
            address: None,
            user_agent: None,
            ..about(Event::RecoveryMailed, Some(whose))
        };
        asked.push(asking.id);
        lines.extend([asking, told]);
    }
    lines.push(AuditEvent {
        event: Event::UserDeleted,
        ..event(4, ben)
    });
    for line in &lines {
        must(&*store, vec![Change::Audit(Box::new(line.clone()))]).await;
    }
    let secrets = SeededSecrets::new(21);
    sealer(&*store, &secrets, at(30)).seal().await.unwrap();
    // Of ada's mail somebody says that it was for ben; the line is there for that moment alone.
    let of_ada = lines[3].detail.clone();
    let by_hand = AuditEvent {
        detail: of_ada,
        event: Event::RecoveryMailed,
        ..event(500, ben)
    };
    must(&*store, vec![Change::Audit(Box::new(by_hand))]).await;
    sealer(&*store, &secrets, at(400)).erase().await.unwrap();
    let all = AuditFilter {
        event: Some(Event::RecoveryRequested),
        limit: 20,
        ..AuditFilter::default()
    };
    let kept = store.list_audit_events(&all).await.unwrap();
    let from: Vec<_> = kept
        .iter()
        .map(|line| (line.id, line.address.is_some(), line.user_agent.is_some()))
        .collect();
    let expected = [(asked[2], false), (asked[1], true), (asked[0], false)];
    assert_eq!(
        from,
        expected.map(|(id, is_there)| (id, is_there, is_there))
    );
    let verdict = holds(&*store, 400).await;
    assert_eq!(verdict.erased, 3);
    assert_eq!(sealer(&*store, &secrets, at(400)).erase().await.unwrap(), 0);
}

/// L-05: the same after a change of the master key, since the chain holds what was sealed before.
pub async fn a_deletion_reaches_them_over_a_change_of_the_key(store: Arc<dyn Store>) {
    let ben = fixtures::user_id();
    let mail = MailJobId::generate(at(1), &SeededSecrets::new(fixtures::unique()));
    let about = |event, user_id| AuditEvent {
        event,
        user_id,
        actor: "anonymous".to_owned(),
        detail: Some(MailJob::audit_detail_of(mail)),
        ..self::event(1, ben)
    };
    let asking = about(Event::RecoveryRequested, None);
    let told = about(Event::RecoveryMailed, Some(ben));
    let deleted = AuditEvent {
        event: Event::UserDeleted,
        ..event(40, ben)
    };
    let secrets = SeededSecrets::new(24);
    let later = |second| Sealer {
        signer: signer(2),
        ..sealer(&*store, &secrets, at(second))
    };
    for line in [asking.clone(), told] {
        must(&*store, vec![Change::Audit(Box::new(line))]).await;
    }
    sealer(&*store, &secrets, at(30)).seal().await.unwrap();
    must(&*store, vec![Change::Audit(Box::new(deleted))]).await;
    for second in [50, 60] {
        later(second).seal().await.unwrap();
    }
    later(1000).erase().await.unwrap();
    let asked = AuditFilter {
        event: Some(Event::RecoveryRequested),
        limit: 9,
        ..AuditFilter::default()
    };
    let kept = store.list_audit_events(&asked).await.unwrap();
    assert_eq!((kept[0].id, kept[0].address), (asking.id, None));
}

/// L-05: an erasure is kept as long as a line that it speaks of, and no longer.
pub async fn an_erasure_goes_with_its_lines(store: Arc<dyn Store>) {
    let ben = fixtures::user_id();
    let deleted = |second| AuditEvent {
        event: Event::UserDeleted,
        ..event(second, ben)
    };
    let secrets = SeededSecrets::new(22);
    let kept = SignedDuration::from_secs(10 * DAY);
    for line in [event(1, ben), deleted(2)] {
        must(&*store, vec![Change::Audit(Box::new(line))]).await;
    }
    sealer(&*store, &secrets, at(30)).seal().await.unwrap();
    sealer(&*store, &secrets, at(1000)).erase().await.unwrap();
    let find = async || store.audit_log().find_erasure(ben).await.unwrap();
    // Two further seals: one of an hour later, one of days later.
    for second in [3600, 3 * DAY] {
        let line = event(second, fixtures::user_id());
        must(&*store, vec![Change::Audit(Box::new(line))]).await;
        let node = sealer(&*store, &secrets, at(second + 30));
        node.seal().await.unwrap();
        assert!(find().await.unwrap().done_at.is_some());
    }
    for (day, gone, is_kept) in [(9, 0, true), (11, 2, true), (14, 1, false)] {
        let node = sealer(&*store, &secrets, at(day * DAY));
        assert_eq!(node.let_go(kept).await.unwrap(), gone, "day {day}");
        assert_eq!(find().await.is_some(), is_kept, "day {day}");
        holds(&*store, day * DAY).await;
    }
}

/// R-16, L-05: who was deleted is known from the line about it on, whichever of the words it has; who was
/// not, is not.
pub async fn a_deletion_is_told_before_its_seal_and_after(store: Arc<dyn Store>) {
    let mut gone = Vec::new();
    for (second, deletion) in (1..).zip(DELETIONS) {
        let line = AuditEvent {
            event: deletion,
            ..event(second, fixtures::user_id())
        };
        gone.extend(line.user_id);
        write(&*store, &line).await;
    }
    let refused = AuditEvent {
        event: Event::UserDeleted,
        outcome: Outcome::Failure,
        ..event(9, fixtures::user_id())
    };
    let changed = event(10, fixtures::user_id());
    let mut asked = gone.clone();
    for line in [refused, changed] {
        write(&*store, &line).await;
        asked.extend(line.user_id);
    }
    gone.sort_unstable();
    let told = async || {
        let mut told = store.audit_log().list_deleted(&asked).await.unwrap();
        told.sort_unstable();
        told
    };
    assert_eq!(told().await, gone);
    let secrets = SeededSecrets::new(25);
    sealer(&*store, &secrets, at(30)).seal().await.unwrap();
    assert_eq!(told().await, gone);
    let nobody = store.audit_log().list_deleted(&[]).await.unwrap();
    assert_eq!(nobody, []);
}

/// L-01: the chain goes on from a last seal that is none of ours, and not in silence: a line says which it
/// was, is sealed itself, and is written once.
pub async fn a_break_is_written_down(store: Arc<dyn Store>) {
    write_sealed(&*store, 3).await;
    let secrets = SeededSecrets::new(23);
    let other = Sealer {
        signer: signer(2),
        ..sealer(&*store, &secrets, at(20))
    };
    let write = async |second| {
        let line = event(second, fixtures::user_id());
        must(&*store, vec![Change::Audit(Box::new(line))]).await;
    };
    write(10).await;
    let turn = other.seal().await.unwrap();
    assert_eq!((turn.events, turn.broken), (1, Some(1)));
    for second in [30, 40, 50] {
        write(second).await;
        let node = Sealer {
            signer: signer(2),
            ..sealer(&*store, &secrets, at(second + 10))
        };
        assert_eq!(node.seal().await.unwrap().broken, None);
    }
    let broken = AuditFilter {
        event: Some(Event::SealBroken),
        limit: 20,
        ..AuditFilter::default()
    };
    let told = store.list_audit_events(&broken).await.unwrap();
    let [line] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!(
        (line.actor.as_str(), line.outcome),
        ("worker", Outcome::Failure)
    );
    let detail = line.detail.as_deref();
    assert_eq!(detail, Some("seal 1 is signed by another key"));
    let seal = store.audit_log().last_seal().await.unwrap().unwrap();
    let sealed = store.audit_log().list_sealed(3, 9).await.unwrap();
    assert!(seal.position > 3 && sealed.iter().any(|one| one.id == line.id));
}
