//! Whoever has the database can change the audit log, and is found out: every way there is to cut, edit,
//! add and swap is tried by SQL behind the store's back, on each database (L-01, L-03).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::sync::Arc;

use doorward_domain::audit::checker::{Checker, Extent};
use doorward_domain::audit::sealer::Sealer;
use doorward_domain::audit::walk::Walk;
use doorward_domain::audit::{Checkpoint, Finding, digest};
use doorward_domain::memory::SeededSecrets;
use doorward_domain::model::AuditEvent;
use doorward_domain::ports::Store;
use doorward_domain::values::AuditEventId;
use doorward_store_sql::{SqlSettings, SqlStore};
use doorward_testkit::sealing::{at, event, sealer, signer, verify, write, write_sealed};
use doorward_testkit::{fixtures, servers};
use sqlx::{AnyConnection, AssertSqlSafe, Connection, raw_sql};

/// A log of three seals with three events each, and who may do as they like with it.
struct Tampered {
    url: String,
    store: Arc<SqlStore>,
    events: Vec<AuditEvent>,
}

impl Tampered {
    async fn new(url: &str) -> Self {
        let settings = SqlSettings::new(url);
        let store = SqlStore::connect(&settings, fixtures::now()).await;
        let store = Arc::new(store.unwrap());
        let events = write_sealed(&*store, 9).await;
        Self {
            url: url.to_owned(),
            store,
            events,
        }
    }

    async fn execute(&self, sql: &str) {
        sqlx::any::install_default_drivers();
        let mut connection = AnyConnection::connect(&self.url).await.unwrap();
        let sql = AssertSqlSafe(sql.to_owned());
        raw_sql(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    /// Notes a table as it is, to be put back.
    async fn keep(&self, table: &str) {
        self.execute(&format!("CREATE TABLE kept AS SELECT * FROM {table}"))
            .await;
    }

    async fn put_back(&self, table: &str) {
        self.execute(&format!(
            "DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept; DROP TABLE kept;"
        ))
        .await;
    }

    /// Bytes, as this database reads them.
    fn bytes(&self, bytes: &[u8]) -> String {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        match self.url.starts_with("postgres") {
            true => format!("decode('{digits}', 'hex')"),
            false => format!("x'{digits}'"),
        }
    }

    fn id(&self, number: usize) -> String {
        self.bytes(self.events[number].id.as_bytes())
    }

    async fn findings(&self) -> Vec<Finding> {
        verify(&*self.store, 10, &[]).await.1
    }

    /// What is found, in words, and in which seals and events.
    async fn found(&self) -> Vec<(&'static str, Option<i64>, Option<usize>)> {
        let number = |finding: &Finding| {
            let id = finding.event?;
            self.events.iter().position(|event| event.id == id)
        };
        let findings = self.findings().await;
        let line = |finding: &Finding| (finding.word(), finding.position, number(finding));
        findings.iter().map(line).collect()
    }
}

/// How to open a database that is nobody else's, three times.
macro_rules! on_each_database {
    ($($case:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $case() {
                let folder = tempfile::tempdir().unwrap();
                super::$case(&format!("sqlite:{}/doorward.db", folder.path().display())).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $case() {
                super::$case(&super::servers::postgres().await).await;
            })+
        }
        mod mariadb {
            $(#[tokio::test]
            async fn $case() {
                super::$case(&super::servers::mariadb().await).await;
            })+
        }
    };
}

on_each_database! {
    every_column_of_an_event_is_held,
    a_row_that_is_cut_added_or_moved_is_named,
    every_column_of_a_seal_is_held,
    a_seal_that_is_cut_shows,
    an_edited_seal_is_not_let_go,
    nothing_follows_a_seal_without_a_next_position,
    a_cut_at_the_end_shows_against_a_checkpoint,
    a_log_made_anew_with_another_key_shows,
    rows_of_an_older_release_are_sealed_too,
    an_event_of_the_future_is_named,
    a_line_that_tells_of_no_deletion_erases_nothing,
    seals_that_have_no_place_are_named,
    a_spoilt_row_is_named_and_hides_no_other,
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

/// L-01: so is an edit of a seal, whatever column it is.
async fn every_column_of_a_seal_is_held(url: &str) {
    let log = Tampered::new(url).await;
    let (digest, id, bytes) = (
        log.bytes(&[9; 32]),
        log.bytes(&[9; 16]),
        log.bytes(&[9; 64]),
    );
    for change in [
        format!("previous = {digest}"),
        format!("digest = {digest}"),
        format!("events = {digest}"),
        format!("first_id = {id}"),
        format!("last_id = {id}"),
        "counted = 4".to_owned(),
        "sealed_at = sealed_at + 1".to_owned(),
        format!("signature = {bytes}"),
        "leaves = NULL".to_owned(),
        format!("leaves = {bytes}"),
        format!("let_go_at = sealed_at, let_go_signature = {bytes}"),
        "let_go_at = sealed_at, let_go_signature = signature".to_owned(),
    ] {
        log.keep("audit_seals").await;
        log.execute(&format!(
            "UPDATE audit_seals SET {change} WHERE position = 2"
        ))
        .await;
        let found = log.found().await;
        assert_eq!(
            found.first().and_then(|one| one.1),
            Some(2),
            "{change}: {found:?}"
        );
        log.put_back("audit_seals").await;
    }
    // Two that have changed places.
    log.keep("audit_seals").await;
    log.execute(
        "UPDATE audit_seals SET position = 99 WHERE position = 1; \
         UPDATE audit_seals SET position = 1 WHERE position = 2; \
         UPDATE audit_seals SET position = 2 WHERE position = 99;",
    )
    .await;
    assert!(!log.found().await.is_empty());
    log.put_back("audit_seals").await;
    assert_eq!(log.found().await, []);
}

/// A whole seal, with its events or without; from the start, in the middle; and let go by nobody.
async fn a_seal_that_is_cut_shows(url: &str) {
    let log = Tampered::new(url).await;
    for (change, word, position) in [
        (
            "DELETE FROM audit_seals WHERE position = 2; DELETE FROM audit_events WHERE seal = 2;",
            "seal-missing",
            2,
        ),
        (
            "DELETE FROM audit_seals WHERE position = 1; DELETE FROM audit_events WHERE seal = 1;",
            "seal-missing",
            1,
        ),
        (
            "DELETE FROM audit_events WHERE seal = 2;",
            "event-missing",
            2,
        ),
        (
            "DELETE FROM audit_seals WHERE position = 2;",
            "seal-missing",
            2,
        ),
        ("DELETE FROM audit_seals;", "event-added", 1),
    ] {
        log.execute("CREATE TABLE kept_seals AS SELECT * FROM audit_seals")
            .await;
        log.keep("audit_events").await;
        log.execute(change).await;
        let found = log.found().await;
        assert_eq!(
            found.first().map(|one| (one.0, one.1)),
            Some((word, Some(position))),
            "{change}"
        );
        log.put_back("audit_events").await;
        log.execute("DELETE FROM audit_seals; INSERT INTO audit_seals SELECT * FROM kept_seals; DROP TABLE kept_seals;").await;
    }
    assert_eq!(log.found().await, []);
    // What was let go lawfully is no cut; what is cut after it, is.
    let secrets = SeededSecrets::new(5);
    let node = sealer(&*log.store, &secrets, at(86_405));
    let kept = jiff::SignedDuration::from_hours(24);
    assert_eq!(node.let_go(kept).await.unwrap(), 1);
    assert_eq!(log.found().await, []);
    log.execute(
        "DELETE FROM audit_seals WHERE position = 2; DELETE FROM audit_events WHERE seal = 2;",
    )
    .await;
    assert_eq!(log.found().await[0].0, "seal-missing");
}

/// L-01: whoever edits a seal so that its time seems to have run out, and puts it back later, does not get
/// the server to cut the log for them, and to sign that.
async fn an_edited_seal_is_not_let_go(url: &str) {
    let log = Tampered::new(url).await;
    let long_ago = log.bytes(&[0; 16]);
    let secrets = SeededSecrets::new(9);
    let kept = jiff::SignedDuration::from_hours(24);
    for position in [1, 3] {
        log.keep("audit_seals").await;
        log.execute(&format!(
            "UPDATE audit_seals SET last_id = {long_ago} WHERE position = {position}"
        ))
        .await;
        let node = sealer(&*log.store, &secrets, at(20));
        assert_eq!(node.let_go(kept).await.unwrap(), 0);
        log.put_back("audit_seals").await;
        assert_eq!(log.found().await, []);
    }
    // Nor is one whose list of events was exchanged.
    log.keep("audit_seals").await;
    log.execute("UPDATE audit_seals SET leaves = NULL WHERE position = 1")
        .await;
    let node = sealer(&*log.store, &secrets, at(2 * 86_400));
    assert_eq!(node.let_go(kept).await.unwrap(), 0);
    log.put_back("audit_seals").await;
    // With a digest to match it is let go, and shows ever after: what was signed is what it said then.
    log.keep("audit_seals").await;
    let mut forged = log
        .store
        .audit_log()
        .list_seals(0, 1)
        .await
        .unwrap()
        .remove(0);
    forged.last_id = AuditEventId::from_bytes([0; 16]);
    let digest = log.bytes(digest::of_seal(&forged).as_bytes());
    log.execute(&format!(
        "UPDATE audit_seals SET last_id = {long_ago}, digest = {digest} WHERE position = 1"
    ))
    .await;
    let node = sealer(&*log.store, &secrets, at(20));
    assert_eq!(node.let_go(kept).await.unwrap(), 1);
    assert_eq!(log.found().await[0].0, "seal-forged");
    log.execute(
        "UPDATE audit_seals SET last_id = (SELECT last_id FROM kept WHERE position = 1), \
         digest = (SELECT digest FROM kept WHERE position = 1) WHERE position = 1",
    )
    .await;
    assert_eq!(log.found().await[0].0, "let-go-forged");
}

/// L-01: a last seal that was edited so that nothing can follow stops nobody for good, and breaks nothing.
async fn nothing_follows_a_seal_without_a_next_position(url: &str) {
    let log = Tampered::new(url).await;
    log.keep("audit_seals").await;
    log.execute(&format!(
        "UPDATE audit_seals SET position = {} WHERE position = 3",
        i64::MAX
    ))
    .await;
    write(&*log.store, &event(20, fixtures::user_id())).await;
    let secrets = SeededSecrets::new(10);
    let turn = sealer(&*log.store, &secrets, at(30)).seal().await.unwrap();
    assert_eq!(turn.events, 0);
    log.put_back("audit_seals").await;
    let turn = sealer(&*log.store, &secrets, at(30)).seal().await.unwrap();
    assert_eq!(turn.events, 1);
    assert_eq!(log.found().await, []);
}

/// Without a checkpoint that was kept elsewhere nobody can tell; with one, everybody.
async fn a_cut_at_the_end_shows_against_a_checkpoint(url: &str) {
    let log = Tampered::new(url).await;
    let (verdict, _) = verify(&*log.store, 10, &[]).await;
    let checkpoint = verdict.last.unwrap();
    let kept = [checkpoint.clone()];
    let (verdict, findings) = verify(&*log.store, 10, &kept).await;
    assert_eq!((verdict.checkpoints_met, findings.len()), (1, 0));
    log.execute(
        "DELETE FROM audit_seals WHERE position = 3; DELETE FROM audit_events WHERE seal = 3;",
    )
    .await;
    assert_eq!(log.found().await, []);
    let (_, findings) = verify(&*log.store, 10, &kept).await;
    assert_eq!(
        (findings[0].word(), findings[0].position),
        ("tail-cut", Some(3))
    );
    // The worker goes on from there, and makes another third seal.
    write(&*log.store, &event(20, fixtures::user_id())).await;
    let secrets = SeededSecrets::new(6);
    sealer(&*log.store, &secrets, at(30)).seal().await.unwrap();
    let (_, findings) = verify(&*log.store, 30, &kept).await;
    assert_eq!(
        (findings[0].word(), findings[0].position),
        ("checkpoint-differs", Some(3))
    );
    let other = Checkpoint {
        digest: "0".repeat(64),
        ..checkpoint
    };
    let (_, findings) = verify(&*log.store, 30, &[other]).await;
    assert_eq!(findings[0].word(), "checkpoint-differs");
}

/// Whoever has the database can make all digests anew, and cannot sign them.
async fn a_log_made_anew_with_another_key_shows(url: &str) {
    let log = Tampered::new(url).await;
    log.execute("DELETE FROM audit_seals; UPDATE audit_events SET seal = NULL, detail = 'forged';")
        .await;
    let secrets = SeededSecrets::new(7);
    let forger = Sealer {
        signer: signer(2),
        ..sealer(&*log.store, &secrets, at(100))
    };
    assert_eq!(forger.seal().await.unwrap().events, 9);
    let found = log.found().await;
    assert_eq!(found, [("seal-forged", Some(1), None)]);
    // By the forger's own key all is well: which key is trusted is what matters.
    let mut findings = Vec::new();
    let walk = Walk {
        store: &*log.store,
        now: at(100),
    };
    let mut tell = |finding| findings.push(finding);
    walk.verify(&[signer(2).public_key()], &[], &mut tell)
        .await
        .unwrap();
    assert_eq!(findings, []);
    let batch = walk.read_seal(0).await.unwrap().unwrap();
    let mut checker = Checker::new(Vec::new(), Extent::Whole, &[]);
    assert_eq!(checker.check(&batch.seal, &batch.records, &[]).len(), 1);
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
    let all = doorward_domain::model::AuditFilter {
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
        event: doorward_domain::model::Event::UserDeleted,
        ..event(20, ben.id)
    };
    write(&*log.store, &tells).await;
    let secrets = SeededSecrets::new(12);
    // He was taken out for the moment in which that was sealed.
    sealer(&*log.store, &secrets, at(30)).seal().await.unwrap();
    let back = doorward_domain::changes::Change::InsertUser(Box::new(ben.clone()));
    log.store.apply(vec![back]).await.unwrap();
    sealer(&*log.store, &secrets, at(1000))
        .erase()
        .await
        .unwrap();
    let left = log.store.audit_log().list_personal(ben.id, 10).await;
    assert_eq!(left.unwrap().len(), 1);
    assert_eq!(log.found().await, []);
}

/// L-01: a seal row that belongs nowhere is named, and so is a letting-go that nobody signed.
async fn seals_that_have_no_place_are_named(url: &str) {
    let log = Tampered::new(url).await;
    let copy = |position: &str| {
        format!(
            "INSERT INTO audit_seals SELECT {position}, previous, digest, events, leaves, first_id, last_id, \
             counted, sealed_at, signature, let_go_at, let_go_signature FROM audit_seals WHERE position = 2"
        )
    };
    for change in [
        copy("0"),
        copy("-5"),
        "UPDATE audit_seals SET let_go_at = sealed_at WHERE position = 2".to_owned(),
        "UPDATE audit_seals SET let_go_signature = signature WHERE position = 2".to_owned(),
    ] {
        log.keep("audit_seals").await;
        log.execute(&change).await;
        assert!(!log.found().await.is_empty(), "{change}");
        log.put_back("audit_seals").await;
    }
    assert_eq!(log.found().await, []);
    // One that was let go by nobody does not hold up those whose time has run out.
    log.execute("UPDATE audit_seals SET let_go_at = sealed_at WHERE position = 1")
        .await;
    let secrets = SeededSecrets::new(13);
    let node = sealer(&*log.store, &secrets, at(3 * 86_400));
    let kept = jiff::SignedDuration::from_hours(24);
    assert_eq!(node.let_go(kept).await.unwrap(), 2);
    assert_eq!(log.found().await, []);
}

/// L-01: a row that cannot be read is named, and what stands behind it is looked at, sealed and read.
async fn a_spoilt_row_is_named_and_hides_no_other(url: &str) {
    let log = Tampered::new(url).await;
    let is_sqlite = url.starts_with("sqlite");
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
