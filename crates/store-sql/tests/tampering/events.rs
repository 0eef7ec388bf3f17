//! Whoever has the database can change events of the audit log, and is found out: every way there is to
//! edit, cut, add and swap them (L-01, L-03).

use doorward_domain::changes::{ApplyError, Change};
use doorward_domain::memory::SeededSecrets;
use doorward_domain::model::{AuditEvent, AuditFilter, Event};
use doorward_domain::ports::Store;
use doorward_testkit::fixtures;
use doorward_testkit::sealing::{at, event, sealer, write};

use crate::tampered::Tampered;

on_each_database! {
    every_column_of_an_event_is_held,
    a_row_that_is_cut_added_or_moved_is_named,
    rows_of_an_older_release_are_sealed_too,
    an_event_of_the_future_is_named,
    a_line_that_tells_of_no_deletion_erases_nothing,
    a_trigger_on_the_log_is_told,
    what_hides_or_sweeps_lines_is_told,
    nothing_is_done_without_its_line,
}

/// L-01: an edit of any column is found, and in which row.
async fn every_column_of_an_event_is_held(url: &str) {
    let log = Tampered::new(url).await;
    assert_eq!(log.found().await, []);
    let fifth = log.id(4);
    let somebody = log.bytes(&[9; 16]);
    let salt = log.bytes(&[9; 32]);
    let (edited, address) = ("event-edited", "event-address-edited");
    let erased = "event-erased-without-order";
    for (change, word) in [
        ("occurred_at = occurred_at + 1".to_owned(), edited),
        ("event = 'sign-out'".to_owned(), edited),
        ("event = 'a word of a later release'".to_owned(), edited),
        ("outcome = 'failure'".to_owned(), edited),
        ("actor = 'command-line'".to_owned(), edited),
        ("actor_id = NULL".to_owned(), edited),
        (format!("actor_id = {somebody}"), edited),
        ("user_id = NULL".to_owned(), edited),
        (format!("user_id = {somebody}"), edited),
        ("request_id = ''".to_owned(), edited),
        ("detail = NULL".to_owned(), edited),
        ("detail = 'rot'".to_owned(), edited),
        (format!("personal_digest = {salt}"), edited),
        ("address = '192.0.2.8'".to_owned(), address),
        ("address = NULL".to_owned(), address),
        ("user_agent = NULL".to_owned(), address),
        (format!("personal_salt = {salt}"), address),
        ("personal_salt = NULL".to_owned(), address),
        (
            "address = NULL, user_agent = NULL, personal_salt = NULL".to_owned(),
            erased,
        ),
    ] {
        log.keep("audit_events").await;
        log.execute(&format!(
            "UPDATE audit_events SET {change} WHERE id = {fifth}"
        ))
        .await;
        let found = log.found().await;
        assert!(
            found.contains(&(word, Some(2), Some(4))),
            "{change}: {found:?}"
        );
        assert!(
            found.iter().all(|(_, _, event)| *event == Some(4)),
            "{found:?}"
        );
        log.put_back("audit_events").await;
        assert_eq!(log.found().await, [], "{change}");
    }
}

/// L-01: what is cut, added, moved or swapped is named.
async fn a_row_that_is_cut_added_or_moved_is_named(url: &str) {
    let log = Tampered::new(url).await;
    let (second, third, fifth) = (log.id(1), log.id(2), log.id(4));
    let (other, spare) = (log.bytes(&[9; 16]), log.bytes(&[8; 16]));
    let add = format!(
        "INSERT INTO audit_events SELECT {other}, occurred_at, event, outcome, actor, user_id, address, \
         user_agent, request_id, detail, actor_id, seal, personal_digest, personal_salt \
         FROM audit_events WHERE id = {fifth}"
    );
    let rename =
        |from: &str, to: &str| format!("UPDATE audit_events SET id = {to} WHERE id = {from};");
    let swap = [
        rename(&second, &spare),
        rename(&third, &second),
        rename(&spare, &third),
    ];
    let (missing, added) = ("event-missing", "event-added");
    let edited = "event-edited";
    for (change, expected) in [
        (
            format!("DELETE FROM audit_events WHERE id = {fifth}"),
            vec![(missing, Some(2), Some(4))],
        ),
        (add, vec![(added, Some(2), None)]),
        (
            format!("UPDATE audit_events SET seal = 3 WHERE id = {fifth}"),
            vec![(missing, Some(2), Some(4)), (added, Some(3), Some(4))],
        ),
        (
            format!("UPDATE audit_events SET seal = NULL WHERE id = {fifth}"),
            vec![(missing, Some(2), Some(4))],
        ),
        (
            format!("UPDATE audit_events SET seal = 99 WHERE id = {fifth}"),
            vec![(missing, Some(2), Some(4)), (added, Some(99), Some(4))],
        ),
        (
            swap.concat(),
            vec![(edited, Some(1), Some(1)), (edited, Some(1), Some(2))],
        ),
    ] {
        log.keep("audit_events").await;
        log.execute(&change).await;
        assert_eq!(log.found().await, expected, "{change}");
        log.put_back("audit_events").await;
    }
    assert_eq!(log.found().await, []);
}

/// A node of the release before knows no column of a seal.
async fn rows_of_an_older_release_are_sealed_too(url: &str) {
    let log = Tampered::new(url).await;
    let (id, somebody) = (
        log.bytes(event(20, fixtures::user_id()).id.as_bytes()),
        fixtures::user_id(),
    );
    let at_micros = at(20).as_microsecond();
    log.execute(&format!(
        "INSERT INTO audit_events (id, occurred_at, event, outcome, actor, user_id, address, user_agent, request_id, detail) \
         VALUES ({id}, {at_micros}, 'a-word-to-come', 'success', 'user:{somebody}', NULL, '192.0.2.9', NULL, 'r', NULL)"
    ))
    .await;
    let secrets = SeededSecrets::new(8);
    let turn = sealer(&*log.store, &secrets, at(30)).seal().await.unwrap();
    assert_eq!(turn.events, 1);
    assert_eq!(log.found().await, []);
    let sealed = log.store.audit_log().list_sealed(4, 10).await.unwrap();
    assert_eq!(sealed[0].actor_id, Some(somebody));
    // And read, whatever the word is.
    let all = AuditFilter {
        limit: 1,
        ..Default::default()
    };
    let line = log.store.list_audit_events(&all).await.unwrap().remove(0);
    assert_eq!(
        (line.event.as_str(), line.detail.as_deref()),
        ("other", Some("a-word-to-come "))
    );
}

/// L-01: what is put beyond the reach of the sealer stays editable, and is named for as long as it does.
async fn an_event_of_the_future_is_named(url: &str) {
    let log = Tampered::new(url).await;
    let far = log.bytes(&[255, 255, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 1]);
    let columns = "event, outcome, actor, user_id, address, user_agent, request_id, detail";
    let add = |id: &str, at: &str| {
        format!(
            "INSERT INTO audit_events (id, occurred_at, {columns}) SELECT {id}, {at}, {columns} \
             FROM audit_events WHERE id = {}",
            log.id(4)
        )
    };
    log.execute(&add(&far, "occurred_at")).await;
    let secrets = SeededSecrets::new(11);
    let node = sealer(&*log.store, &secrets, at(1000));
    assert_eq!(node.seal_rest().await.unwrap().events, 0);
    assert_eq!(log.found().await, [("event-ahead", None, None)]);
    log.execute(&format!("DELETE FROM audit_events WHERE id = {far}"))
        .await;
    // An id of now, and a time of long ago: before it is sealed, and after.
    let now = log.bytes(event(9, fixtures::user_id()).id.as_bytes());
    log.execute(&add(&now, "occurred_at - 86400000000")).await;
    assert_eq!(log.found().await, [("event-misdated", None, None)]);
    assert_eq!(node.seal_rest().await.unwrap().events, 1);
    assert_eq!(log.found().await, [("event-misdated", Some(4), None)]);
}

/// L-05: whoever adds a line that tells of a deletion has nobody's addresses erased who is there.
async fn a_line_that_tells_of_no_deletion_erases_nothing(url: &str) {
    let log = Tampered::new(url).await;
    let ben = fixtures::user();
    let tells = AuditEvent {
        event: Event::UserDeleted,
        ..event(20, ben.id)
    };
    write(&*log.store, &tells).await;
    let secrets = SeededSecrets::new(12);
    // He was taken out for the moment in which that was sealed.
    sealer(&*log.store, &secrets, at(30)).seal().await.unwrap();
    let back = Change::InsertUser(Box::new(ben.clone()));
    log.store.apply(vec![back]).await.unwrap();
    sealer(&*log.store, &secrets, at(1000))
        .erase()
        .await
        .unwrap();
    let left = log.store.audit_log().list_personal(ben.id, 10).await;
    assert_eq!(left.unwrap().len(), 1);
    assert_eq!(log.found().await, []);
}

/// L-01: by a trigger whoever was there once keeps lines out of the log before they are sealed, for as long
/// as it stands: it is told, on whichever table of ours and however that is spelt, and so is each other thing
/// of its kind. One on somebody else's table is nobody's business.
async fn a_trigger_on_the_log_is_told(url: &str) {
    let log = Tampered::new(url).await;
    let (set, elsewhere, drop) = match url.split(':').next() {
        Some("sqlite") => (
            "CREATE TRIGGER quiet AFTER INSERT ON Audit_Events WHEN NEW.event = 'role-changed' \
             BEGIN DELETE FROM audit_events WHERE id = NEW.id; END",
            "CREATE TABLE theirs (id INTEGER); \
             CREATE TRIGGER other AFTER INSERT ON theirs BEGIN DELETE FROM theirs; END",
            "DROP TRIGGER quiet",
        ),
        Some("postgres") => (
            "CREATE RULE quiet AS ON INSERT TO audit_events WHERE NEW.event = 'role-changed' DO INSTEAD NOTHING",
            "CREATE TABLE theirs (id INTEGER); CREATE RULE other AS ON INSERT TO theirs DO ALSO NOTHING",
            "DROP RULE quiet ON audit_events; \
             CREATE FUNCTION quiet() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; \
             CREATE TRIGGER quiet BEFORE INSERT ON sessions FOR EACH ROW EXECUTE FUNCTION quiet()",
        ),
        _ => (
            "CREATE TRIGGER quiet AFTER INSERT ON sessions FOR EACH ROW DELETE FROM audit_events WHERE event = 'role-changed'",
            "CREATE TABLE theirs (id INTEGER)",
            "DROP TRIGGER quiet",
        ),
    };
    log.execute(elsewhere).await;
    assert_eq!(log.found().await, []);
    log.execute(set).await;
    assert_eq!(log.found().await, [("trigger-set", None, None)]);
    assert_eq!(planted(&log).await, ["quiet"]);
    log.execute(drop).await;
    let left = log.found().await;
    match url.starts_with("postgres") {
        true => assert_eq!(left, [("trigger-set", None, None)]),
        false => assert_eq!(left, []),
    }
}

/// L-01: what hides lines, or does away with them by the clock, is told like a trigger.
async fn what_hides_or_sweeps_lines_is_told(url: &str) {
    let log = Tampered::new(url).await;
    let (set, named, drop): (_, &[&str], _) = match url.split(':').next() {
        // Knows neither, but this.
        Some("sqlite") => (
            "PRAGMA writable_schema = ON; \
             UPDATE sqlite_schema SET sql = replace(sql, 'PRIMARY KEY (id)', 'PRIMARY KEY (id) ON CONFLICT REPLACE') \
             WHERE name = 'audit_events'",
            &["conflict rule of audit_events"],
            "PRAGMA writable_schema = ON; \
             UPDATE sqlite_schema SET sql = replace(sql, ' ON CONFLICT REPLACE', '') WHERE name = 'audit_events'",
        ),
        Some("postgres") => (
            "CREATE POLICY quiet ON audit_events FOR SELECT USING (event <> 'role-changed'); \
             ALTER TABLE audit_events ENABLE ROW LEVEL SECURITY",
            &["quiet", "row security of audit_events"],
            "DROP POLICY quiet ON audit_events; ALTER TABLE audit_events DISABLE ROW LEVEL SECURITY",
        ),
        _ => (
            "CREATE EVENT quiet ON SCHEDULE EVERY 1 SECOND DO DELETE FROM audit_events WHERE event = 'role-changed'",
            &["quiet"],
            "DROP EVENT quiet",
        ),
    };
    log.execute(set).await;
    assert_eq!(planted(&log).await, named);
    let found = log.found().await;
    assert_eq!(found, vec![("trigger-set", None, None); named.len()]);
    log.execute(drop).await;
    assert_eq!(log.found().await, []);
}

/// L-01: what keeps a line out keeps out what it is about as well, where the database tells of it.
async fn nothing_is_done_without_its_line(url: &str) {
    let log = Tampered::new(url).await;
    let set = match url.split(':').next() {
        Some("sqlite") => {
            "CREATE TRIGGER quiet BEFORE INSERT ON audit_events WHEN NEW.event = 'role-changed' \
             BEGIN SELECT RAISE(IGNORE); END"
        }
        Some("postgres") => {
            "CREATE RULE quiet AS ON INSERT TO audit_events WHERE NEW.event = 'role-changed' DO INSTEAD NOTHING"
        }
        // Knows no such thing.
        _ => return,
    };
    log.execute(set).await;
    let ben = fixtures::user();
    let line = AuditEvent {
        event: Event::RoleChanged,
        ..event(20, ben.id)
    };
    let insert = Change::InsertUser(Box::new(ben.clone()));
    let changes = vec![insert, Change::Audit(Box::new(line.clone()))];
    let refused = log.store.apply(changes.clone()).await.unwrap_err();
    let ApplyError::Store(error) = refused else {
        panic!("{refused:?}");
    };
    assert!(
        error.cause.to_string().contains("doorward doctor"),
        "{error:?}"
    );
    assert_eq!(log.store.find_user(ben.id).await.unwrap(), None);
    // Another line goes in, and so does this one where nothing stands in its way.
    let other = AuditEvent {
        event: Event::SignIn,
        ..line
    };
    let insert = Change::InsertUser(Box::new(ben));
    let changes = vec![insert, Change::Audit(Box::new(other))];
    log.store.apply(changes).await.unwrap();
}

async fn planted(log: &Tampered) -> Vec<String> {
    let mut planted = log.store.audit_log().list_triggers().await.unwrap();
    planted.sort();
    planted
}
