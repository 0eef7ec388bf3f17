//! Rows that cannot be read: they are named, and hide no other (L-01).

use doorward_domain::changes::Change;
use doorward_domain::memory::SeededSecrets;
use doorward_domain::model::{AuditEvent, AuditFilter, Event, User};
use doorward_domain::ports::Store;
use doorward_testkit::fixtures;
use doorward_testkit::sealing::{at, event, sealer, write};

use crate::database::Database;
use crate::tampered::Tampered;

on_each_database! {
    a_spoilt_row_is_named_and_hides_no_other,
    a_spoilt_line_stands_among_the_others,
    a_spoilt_line_shuts_nobody_out,
    a_spoilt_claim_keeps_no_owner_out,
    one_who_cannot_be_erased_keeps_no_other_from_it,
}

/// L-01: a row that cannot be read is named, and what stands behind it is looked at, sealed and read.
async fn a_spoilt_row_is_named_and_hides_no_other(url: &str) {
    let log = Tampered::new(url).await;
    let is_sqlite = log.is_sqlite();
    let far = i64::MAX;
    let mut changes = vec![format!("occurred_at = {far}")];
    if is_sqlite {
        // The others refuse such values.
        changes.extend(
            [
                "user_id = x'00'",
                "actor_id = x'00'",
                "actor = CAST(x'ff' AS TEXT)",
                "detail = CAST(x'ff' AS TEXT)",
            ]
            .map(str::to_owned),
        );
    }
    let (second, eighth) = (log.id(1), log.id(7));
    for change in changes {
        log.keep("audit_events").await;
        for (change, id) in [(change.as_str(), &second), ("detail = 'rot'", &eighth)] {
            log.execute(&format!("UPDATE audit_events SET {change} WHERE id = {id}"))
                .await;
        }
        let found = log.found().await;
        let edited = |event: i64| {
            (
                "event-edited",
                Some(1 + event / 3),
                usize::try_from(event).ok(),
            )
        };
        assert!(found.contains(&edited(1)), "{change}: {found:?}");
        assert!(found.contains(&edited(7)), "{change}: {found:?}");
        log.put_back("audit_events").await;
    }
    if is_sqlite {
        for change in [
            "digest = x'00'",
            "last_id = x'00'",
            "sealed_at = 9223372036854775807",
        ] {
            log.keep("audit_seals").await;
            log.execute(&format!(
                "UPDATE audit_seals SET {change} WHERE position IN (1, 3)"
            ))
            .await;
            let found = log.found().await;
            assert!(found.contains(&("seal-edited", Some(1), None)), "{found:?}");
            assert!(found.contains(&("seal-edited", Some(3), None)), "{found:?}");
            log.put_back("audit_seals").await;
        }
        for id in ["x'00'", "x'0102'"] {
            log.keep("audit_events").await;
            log.execute(&format!(
                "UPDATE audit_events SET id = {id} WHERE id = {second}"
            ))
            .await;
            let found = log.found().await;
            assert!(
                found.contains(&("event-missing", Some(1), Some(1))),
                "{found:?}"
            );
            // Nor does it stand in the way of a seal.
            log.execute("UPDATE audit_events SET seal = NULL WHERE LENGTH(id) < 16")
                .await;
            assert!(log.found().await.contains(&("event-added", None, None)));
            let secrets = SeededSecrets::new(14);
            let turn = sealer(&*log.store, &secrets, at(30)).seal().await.unwrap();
            assert_eq!(turn.events, 0);
            log.put_back("audit_events").await;
        }
    }
    // A list with something behind it is not the list that was sealed.
    log.keep("audit_seals").await;
    let more = match url.split(':').next() {
        Some("sqlite") => "leaves = CAST(leaves || x'00' AS BLOB)",
        Some("postgres") => "leaves = leaves || decode('00', 'hex')",
        _ => "leaves = CONCAT(leaves, x'00')",
    };
    log.execute(&format!("UPDATE audit_seals SET {more} WHERE position = 2"))
        .await;
    let found = log.found().await;
    assert!(
        found.contains(&("leaves-edited", Some(2), None)),
        "{found:?}"
    );
    log.put_back("audit_seals").await;
    assert_eq!(log.found().await, []);
    // What is spoilt before it is sealed keeps nobody from sealing, nor what comes behind it.
    let spoilt = event(20, fixtures::user_id());
    let behind = event(21, fixtures::user_id());
    for event in [&spoilt, &behind] {
        write(&*log.store, event).await;
    }
    let id = log.bytes(spoilt.id.as_bytes());
    log.execute(&format!(
        "UPDATE audit_events SET occurred_at = {far} WHERE id = {id}"
    ))
    .await;
    let secrets = SeededSecrets::new(15);
    let turn = sealer(&*log.store, &secrets, at(30)).seal().await.unwrap();
    assert_eq!(turn.events, 2);
    assert_eq!(log.found().await, [("event-misdated", Some(4), None)]);
}

/// L-01: in a list a spoilt line stands where it stood, by its id and as unreadable, and the others are as
/// they were; in the list of its user as well, in one page or in several.
async fn a_spoilt_line_stands_among_the_others(url: &str) {
    let log = Tampered::new(url).await;
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
    let before = log.store.list_audit_events(&all).await.unwrap();
    let spoilt = &log.events[4];
    for change in changes {
        log.keep("audit_events").await;
        let id = log.id(4);
        log.execute(&format!("UPDATE audit_events SET {change} WHERE id = {id}"))
            .await;
        let lines = log.store.list_audit_events(&all).await.unwrap();
        let of_user = log
            .store
            .list_audit_events_of(spoilt.user_id.unwrap(), None, 9);
        for (line, before) in lines.iter().zip(&before) {
            assert_eq!(line.id, before.id, "{change}");
            assert_eq!(line == before, line.id != spoilt.id, "{change}: {line:?}");
        }
        let line = lines.iter().find(|line| line.id == spoilt.id).unwrap();
        assert_eq!(line.event, Event::Unreadable);
        assert_eq!((line.address, &line.user_agent), (None, &None));
        assert!(
            line.detail.as_ref().unwrap().starts_with("column "),
            "{line:?}"
        );
        let apart = line.at.duration_since(spoilt.at).abs();
        assert!(apart < jiff::SignedDuration::from_secs(1), "{line:?}");
        assert_eq!(of_user.await.unwrap(), std::slice::from_ref(line));
        let behind = AuditFilter {
            before: Some(spoilt.id),
            ..all.clone()
        };
        let rest = log.store.list_audit_events(&behind).await.unwrap();
        assert_eq!(rest, before[5..]);
        log.put_back("audit_events").await;
    }
    if log.is_sqlite() {
        // Without an id it has no place: those that have one are all there.
        let id = log.id(4);
        log.execute(&format!(
            "UPDATE audit_events SET id = x'00' WHERE id = {id}"
        ))
        .await;
        let lines = log.store.list_audit_events(&all).await.unwrap();
        assert_eq!(lines.len(), 8);
    }
}

/// L-01: what is asked at a sign-in, of one user and kind, does not fail for a line that an outcome of
/// tomorrow stands in.
async fn a_spoilt_line_shuts_nobody_out(url: &str) {
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
        event: Some(Event::SignIn),
        limit: 9,
        ..AuditFilter::default()
    };
    let found = database.store.list_audit_events(&filter).await.unwrap();
    let readable: Vec<_> = found
        .into_iter()
        .filter(|line| line.event != Event::Unreadable)
        .collect();
    assert_eq!(readable, [lines[2].clone(), lines[0].clone()]);
}

/// who claims an address is asked at every sign-in by it; a sign-up in a language of tomorrow hides
/// itself alone.
async fn a_spoilt_claim_keeps_no_owner_out(url: &str) {
    let database = Database::new(url).await;
    let first = fixtures::pending_user();
    let second = User {
        pending_email: first.pending_email.clone(),
        ..fixtures::pending_user()
    };
    for user in [&first, &second] {
        let insert = Change::InsertUser(Box::new(user.clone()));
        database.store.apply(vec![insert]).await.unwrap();
    }
    let id = database.bytes(second.id.as_bytes());
    database
        .execute(&format!("UPDATE users SET locale = 'tlh' WHERE id = {id}"))
        .await;
    let key = first.pending_address().unwrap().key();
    let claims = database.store.list_users_by_pending_email(key, 8).await;
    let claims: Vec<_> = claims.unwrap().iter().map(|claim| claim.id).collect();
    assert_eq!(claims, [first.id]);
}

/// L-05: the first of three who are deleted is there all the same, and cannot be read; the second is there;
/// the third is erased, and the second asked about no more.
async fn one_who_cannot_be_erased_keeps_no_other_from_it(url: &str) {
    let database = Database::new(url).await;
    let store = &*database.store;
    let [spoilt, there, gone] = [0; 3].map(|_| fixtures::user());
    for (second, user) in (1..).zip([&spoilt, &there, &gone]) {
        let deleted = AuditEvent {
            event: Event::UserDeleted,
            ..event(second, user.id)
        };
        write(store, &deleted).await;
    }
    let secrets = SeededSecrets::new(26);
    sealer(store, &secrets, at(30)).seal().await.unwrap();
    for user in [&spoilt, &there] {
        let insert = Change::InsertUser(Box::new(user.clone()));
        store.apply(vec![insert]).await.unwrap();
    }
    let id = database.bytes(spoilt.id.as_bytes());
    let spoil = format!("UPDATE users SET locale = 'tlh' WHERE id = {id}");
    database.execute(&spoil).await;
    let node = sealer(store, &secrets, at(1000));
    assert!(node.erase().await.is_err());
    let left = async |user: &User| store.audit_log().list_personal(user.id, 9).await.unwrap();
    assert_eq!(left(&gone).await, []);
    assert_eq!(left(&there).await.len(), 1);
    let open = store.audit_log().list_open_erasures(9).await.unwrap();
    let open: Vec<_> = open.iter().map(|order| order.user_id).collect();
    assert_eq!(open, [spoilt.id]);
    let mend = format!("UPDATE users SET locale = 'en' WHERE id = {id}");
    database.execute(&mend).await;
    assert_eq!(node.erase().await.unwrap(), 0, "they are there");
}
