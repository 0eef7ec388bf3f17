//! Whoever has the database can change seals of the audit log, and is found out: every way there is to cut,
//! edit, move and forge them (L-01, L-03).

use doorward_domain::audit::checker::{Checker, Extent};
use doorward_domain::audit::sealer::Sealer;
use doorward_domain::audit::walk::Walk;
use doorward_domain::audit::{Checkpoint, Finding, digest};
use doorward_domain::memory::SeededSecrets;
use doorward_domain::ports::Store;
use doorward_domain::values::AuditEventId;
use doorward_testkit::fixtures;
use doorward_testkit::sealing::{at, event, sealer, signer, verify, write};

use crate::tampered::Tampered;

on_each_database! {
    every_column_of_a_seal_is_held,
    a_seal_that_is_cut_shows,
    an_edited_seal_is_not_let_go,
    nothing_follows_a_seal_without_a_next_position,
    a_cut_at_the_end_shows_against_a_checkpoint,
    a_log_made_anew_with_another_key_shows,
    seals_that_have_no_place_are_named,
    an_earlier_key_is_told_from_a_forger,
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
    checker.check(&batch.seal, &batch.records, &[]);
    assert_eq!(checker.finish().len(), 1);
}

/// L-01: where the master key was changed, what an earlier one has sealed is told from what a forger has:
/// a key that is trusted has signed what follows, and from then on it cannot change.
async fn an_earlier_key_is_told_from_a_forger(url: &str) {
    let log = Tampered::new(url).await;
    let secrets = SeededSecrets::new(16);
    write(&*log.store, &event(20, fixtures::user_id())).await;
    let later = Sealer {
        signer: signer(2),
        ..sealer(&*log.store, &secrets, at(30))
    };
    assert_eq!(later.seal().await.unwrap().broken, Some(3));
    let findings = async || {
        let mut findings = Vec::new();
        let walk = Walk {
            store: &*log.store,
            now: at(40),
        };
        let mut tell =
            |finding: Finding| findings.push((finding.word(), finding.position, finding.to));
        walk.verify(&[signer(2).public_key()], &[], &mut tell)
            .await
            .unwrap();
        findings
    };
    let earlier = [("seal-of-another-key", Some(1), Some(3))];
    assert_eq!(findings().await, earlier);
    // Signed anew by whoever it was, they are the same; made anew, they are not what was gone on from.
    log.execute("UPDATE audit_seals SET signature = previous WHERE position < 3")
        .await;
    assert_eq!(findings().await, earlier);
    log.keep("audit_seals").await;
    let seals = log.store.audit_log().list_seals(2, 1).await;
    let mut forged = seals.unwrap().remove(0);
    forged.counted = 4;
    let digest = log.bytes(digest::of_seal(&forged).as_bytes());
    log.execute(&format!(
        "UPDATE audit_seals SET counted = 4, digest = {digest} WHERE position = 3"
    ))
    .await;
    let expected = [
        ("seal-forged", Some(1), Some(3)),
        ("chain-broken", Some(4), None),
    ];
    assert_eq!(findings().await, expected);
    log.put_back("audit_seals").await;
    log.execute("DELETE FROM audit_seals WHERE position = 4")
        .await;
    let found = findings().await;
    assert!(
        found.contains(&("seal-forged", Some(1), Some(3))),
        "{found:?}"
    );
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
