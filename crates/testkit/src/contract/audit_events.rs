//! The audit log.

use std::sync::Arc;

use doorward_domain::changes::Change;
use doorward_domain::model::{AuditEvent, AuditFilter, Event, Outcome};
use doorward_domain::ports::Store;

use super::must;
use crate::fixtures::{self, later};

async fn write(store: &dyn Store, events: &[AuditEvent]) {
    let changes = events
        .iter()
        .map(|event| Change::Audit(Box::new(event.clone())));
    must(store, changes.collect()).await;
}

fn newest(limit: usize) -> AuditFilter {
    AuditFilter {
        limit,
        ..AuditFilter::default()
    }
}

pub async fn every_field_comes_back(store: Arc<dyn Store>) {
    for event in Event::ALL {
        let full = AuditEvent {
            event: *event,
            ..fixtures::audit_event(fixtures::user_id())
        };
        let empty = AuditEvent {
            outcome: Outcome::Success,
            user_id: None,
            address: None,
            user_agent: None,
            detail: None,
            ..fixtures::audit_event(fixtures::user_id())
        };
        write(&*store, &[full.clone(), empty.clone()]).await;
        assert_eq!(
            store.list_audit_events(&newest(2)).await.unwrap(),
            [empty, full]
        );
    }
}

pub async fn events_come_in_pages_newest_first(store: Arc<dyn Store>) {
    let mut events: Vec<_> = (0..5)
        .map(|_| fixtures::audit_event(fixtures::user_id()))
        .collect();
    write(&*store, &events).await;
    events.reverse();
    let first = store.list_audit_events(&newest(2)).await.unwrap();
    assert_eq!(first, events[..2]);
    write(&*store, &[fixtures::audit_event(fixtures::user_id())]).await;
    let second = AuditFilter {
        before: Some(first[1].id),
        ..newest(2)
    };
    assert_eq!(
        store.list_audit_events(&second).await.unwrap(),
        events[2..4]
    );
    let third = AuditFilter {
        before: Some(events[3].id),
        ..newest(2)
    };
    assert_eq!(store.list_audit_events(&third).await.unwrap(), events[4..]);
}

pub async fn filters_go_together(store: Arc<dyn Store>) {
    let user = fixtures::user_id();
    let at = |at: i64, event| AuditEvent {
        at: later(at),
        event,
        ..fixtures::audit_event(user)
    };
    let events = [
        at(1, Event::SignIn),
        at(2, Event::SignOut),
        at(3, Event::SignIn),
        at(4, Event::SignIn),
        fixtures::audit_event(fixtures::user_id()),
    ];
    write(&*store, &events).await;
    let of_user = AuditFilter {
        user_id: Some(user),
        ..newest(10)
    };
    assert_eq!(store.list_audit_events(&of_user).await.unwrap().len(), 4);
    let of_kind = AuditFilter {
        event: Some(Event::SignOut),
        ..newest(10)
    };
    assert_eq!(
        store.list_audit_events(&of_kind).await.unwrap(),
        [events[1].clone()]
    );
    let all = AuditFilter {
        event: Some(Event::SignIn),
        since: Some(later(3)),
        before: Some(events[3].id),
        ..of_user
    };
    assert_eq!(
        store.list_audit_events(&all).await.unwrap(),
        [events[2].clone()]
    );
}

/// L-05: for an export.
pub async fn what_is_about_somebody_or_by_them_comes_in_pages(store: Arc<dyn Store>) {
    let (user, other) = (fixtures::user_id(), fixtures::user_id());
    let about = fixtures::audit_event(user);
    let by_another = AuditEvent {
        actor: format!("user:{other}"),
        ..fixtures::audit_event(user)
    };
    let done = AuditEvent {
        user_id: None,
        ..fixtures::audit_event(user)
    };
    let to_another = AuditEvent {
        user_id: Some(other),
        ..fixtures::audit_event(user)
    };
    let foreign = fixtures::audit_event(other);
    let all = [about, by_another, done, to_another];
    write(&*store, &all).await;
    write(&*store, &[foreign]).await;
    let newest: Vec<_> = all.iter().rev().cloned().collect();
    let listed = store.list_audit_events_of(user, None, 10).await.unwrap();
    assert_eq!(listed, newest);
    let first = store.list_audit_events_of(user, None, 3).await.unwrap();
    assert_eq!(first, newest[..3]);
    let rest = store.list_audit_events_of(user, Some(first[2].id), 3).await;
    assert_eq!(rest.unwrap(), newest[3..]);
}
