//! Rows that cannot be read: they are reported, and hide no others (L-01).

use doorward_domain::audit::AuditLog;
use doorward_domain::model::{AuditEvent, AuditFilter, AuditKind, User};
use doorward_domain::store::{Records, Store};
use doorward_testkit::audit_fixtures::{event, sealer, write};
use doorward_testkit::fixtures;

use super::database::Database;
use super::fixture::TamperedLog;

on_each_database! {
    an_unreadable_event_does_not_stop_sealing,
    an_unreadable_row_is_listed_with_the_others,
    an_unreadable_event_does_not_prevent_a_sign_in,
    an_unreadable_pending_user_does_not_prevent_a_sign_in,
}

/// L-01: an unreadable event is reported, and does not prevent sealing the others.
async fn an_unreadable_event_does_not_stop_sealing(url: &str) {
    let log = TamperedLog::new(url).await;
    let (spoilt, readable) = (
        event(20, fixtures::user_id()),
        event(21, fixtures::user_id()),
    );
    for event in [&spoilt, &readable] {
        write(&*log.store, event).await;
    }
    let id = log.bytes(spoilt.id.as_bytes());
    log.execute(&format!(
        "UPDATE audit_events SET occurred_at = {} WHERE id = {id}",
        i64::MAX
    ))
    .await;
    let sealed = sealer(&*log.store, 30).seal().await.unwrap();
    assert_eq!(sealed.events, 1);
    assert_eq!(log.violation().await, None);
    let unsealed = AuditLog(&*log.store).unsealed().await.unwrap();
    assert_eq!(unsealed.count, 1);
}

/// L-01: in a list an unreadable event has its position and id and is marked as unreadable, and the others are
/// unchanged; also in the list of its user, in one page or in several.
async fn an_unreadable_row_is_listed_with_the_others(url: &str) {
    let log = TamperedLog::new(url).await;
    let mut changes = vec![
        format!("occurred_at = {}", i64::MAX),
        "outcome = 'partial'".to_owned(),
        "address = 'nowhere'".to_owned(),
    ];
    if log.is_sqlite() {
        changes.push("detail = CAST(x'ff' AS TEXT)".to_owned());
        changes.push("user_agent = CAST(x'ff' AS TEXT)".to_owned());
    }
    let all = AuditFilter {
        limit: 20,
        ..AuditFilter::default()
    };
    let before = log.events(all.query()).await;
    let spoilt = &log.events[4];
    log.keep("audit_events").await;
    for change in changes {
        let id = log.id(4);
        log.execute(&format!("UPDATE audit_events SET {change} WHERE id = {id}"))
            .await;
        let lines = log.events(all.query()).await;
        let of_user = AuditFilter::of_user(spoilt.user_id.unwrap(), None, 9);
        for (line, before) in lines.iter().zip(&before) {
            assert_eq!(line.id, before.id, "{change}");
            assert_eq!(line == before, line.id != spoilt.id, "{change}: {line:?}");
        }
        let line = lines.iter().find(|line| line.id == spoilt.id).unwrap();
        assert_eq!(line.event, AuditKind::Unreadable);
        assert_eq!((line.address, &line.user_agent), (None, &None));
        assert!(
            line.detail.as_ref().unwrap().starts_with("column "),
            "{line:?}"
        );
        let apart = line.at.duration_since(spoilt.at).abs();
        assert!(apart < jiff::SignedDuration::from_secs(1), "{line:?}");
        for query in of_user {
            assert_eq!(log.events(query).await, std::slice::from_ref(line));
        }
        let behind = AuditFilter {
            before: Some(spoilt.id),
            ..all.clone()
        };
        let rest = log.events(behind.query()).await;
        assert_eq!(rest, before[5..]);
        log.restore("audit_events").await;
    }
    if log.is_sqlite() {
        // Without an id it has no position. All others are listed.
        let id = log.id(4);
        log.execute(&format!(
            "UPDATE audit_events SET id = x'00' WHERE id = {id}"
        ))
        .await;
        let lines = log.events(all.query()).await;
        assert_eq!(lines.len(), 8);
    }
}

/// L-01: the query at sign-in, for one user and kind, does not fail because of an event with an unknown outcome.
async fn an_unreadable_event_does_not_prevent_a_sign_in(url: &str) {
    let database = Database::new(url).await;
    let user_id = fixtures::user_id();
    let lines: Vec<AuditEvent> = (0..3).map(|second| event(second, user_id)).collect();
    for line in &lines {
        write(&*database.store, line).await;
    }
    let id = database.bytes(lines[1].id.as_bytes());
    database
        .execute(&format!(
            "UPDATE audit_events SET outcome = 'partial' WHERE id = {id}"
        ))
        .await;
    let filter = AuditFilter {
        user_id: Some(user_id),
        event: Some(AuditKind::SignIn),
        limit: 9,
        ..AuditFilter::default()
    };
    let found = database.events(filter.query()).await;
    let readable: Vec<_> = found
        .into_iter()
        .filter(|line| line.event != AuditKind::Unreadable)
        .collect();
    assert_eq!(readable, [lines[2].clone(), lines[0].clone()]);
}

/// every sign-in by address reads its pending users. A sign-up with an unknown locale hides only itself.
async fn an_unreadable_pending_user_does_not_prevent_a_sign_in(url: &str) {
    let database = Database::new(url).await;
    let first = fixtures::pending_user();
    let second = User {
        pending_email: first.pending_email.clone(),
        ..fixtures::pending_user()
    };
    for user in [&first, &second] {
        database.store.apply(user.insert()).await.unwrap();
    }
    let id = database.bytes(second.id.as_bytes());
    database
        .execute(&format!("UPDATE users SET locale = 'tlh' WHERE id = {id}"))
        .await;
    let key = first.pending_address().unwrap().key();
    let claims = User::with_pending_email(key).limit(8);
    let claims: Vec<User> = database.store.list_readable(claims).await.unwrap();
    let claims: Vec<_> = claims.iter().map(|claim| claim.id).collect();
    assert_eq!(claims, [first.id]);
}
