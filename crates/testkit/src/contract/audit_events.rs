//! The audit log.

use std::cmp::Reverse;
use std::sync::Arc;

use doorward_domain::model::{AuditEvent, AuditFilter, Event, Outcome};
use doorward_domain::store::{Records, Store, Write};

use super::must;
use crate::fixtures::{self, later};

async fn write(store: &dyn Store, events: &[AuditEvent]) {
    let changes = events.iter().map(Write::insert);
    must(store, changes.collect()).await;
}

async fn list(store: &dyn Store, filter: &AuditFilter) -> Vec<AuditEvent> {
    store.list_readable(filter.query()).await.unwrap()
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
        assert_eq!(list(&*store, &newest(2)).await, [empty, full]);
    }
}

pub async fn events_come_in_pages_newest_first(store: Arc<dyn Store>) {
    let mut events: Vec<_> = (0..5)
        .map(|_| fixtures::audit_event(fixtures::user_id()))
        .collect();
    write(&*store, &events).await;
    events.reverse();
    let first = list(&*store, &newest(2)).await;
    assert_eq!(first, events[..2]);
    write(&*store, &[fixtures::audit_event(fixtures::user_id())]).await;
    let second = AuditFilter {
        before: Some(first[1].id),
        ..newest(2)
    };
    assert_eq!(list(&*store, &second).await, events[2..4]);
    let third = AuditFilter {
        before: Some(events[3].id),
        ..newest(2)
    };
    assert_eq!(list(&*store, &third).await, events[4..]);
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
    assert_eq!(list(&*store, &of_user).await.len(), 4);
    let of_kind = AuditFilter {
        event: Some(Event::SignOut),
        ..newest(10)
    };
    assert_eq!(list(&*store, &of_kind).await, [events[1].clone()]);
    let all = AuditFilter {
        event: Some(Event::SignIn),
        since: Some(later(3)),
        before: Some(events[3].id),
        ..of_user
    };
    assert_eq!(list(&*store, &all).await, [events[2].clone()]);
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
    let of_user = async |before, limit| -> Vec<AuditEvent> {
        let mut events = Vec::new();
        for query in AuditFilter::of_user(user, before, limit) {
            events.extend(store.list_readable::<AuditEvent>(query).await.unwrap());
        }
        events.sort_by_key(|event| Reverse(event.id));
        events.dedup();
        events.truncate(limit);
        events
    };
    assert_eq!(of_user(None, 10).await, newest);
    let first = of_user(None, 3).await;
    assert_eq!(first, newest[..3]);
    assert_eq!(of_user(Some(first[2].id), 3).await, newest[3..]);
}
