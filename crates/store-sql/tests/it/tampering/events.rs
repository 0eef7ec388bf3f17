//! Changes to the audit log by someone who can write to the database, and the violation that
//! `audit verify` reports (L-01, L-03).

use doorward_domain::audit::sealer::Sealer;
use doorward_domain::audit::verifier;
use doorward_testkit::audit_fixtures::{event, sealer, signer, verify, write};
use doorward_testkit::fixtures;
use jiff::SignedDuration;

use super::fixture::TamperedLog;

on_each_database! {
    every_hashed_column_is_protected,
    added_and_missing_events_are_found,
    changes_to_checkpoints_are_found,
    a_removed_end_is_found_with_a_recorded_checkpoint,
    a_chain_computed_again_is_found,
    a_modified_checkpoint_is_not_pruned,
    a_modified_last_checkpoint_does_not_stop_sealing,
}

async fn every_hashed_column_is_protected(url: &str) {
    let log = TamperedLog::new(url).await;
    assert_eq!(log.violation().await, None);
    let fifth = log.id(4);
    let other = log.bytes(&[9; 32]);
    log.keep("audit_events").await;
    for change in [
        "occurred_at = occurred_at + 1",
        "event = 'sign-out'",
        "event = 'an event of a later version'",
        "outcome = 'failure'",
        "actor = 'command-line'",
        "user_id = NULL",
        "request_id = ''",
        "detail = NULL",
        &format!("hash = {other}"),
    ] {
        let sql = format!("UPDATE audit_events SET {change} WHERE id = {fifth}");
        log.execute(&sql).await;
        let found = log.violation().await;
        assert_eq!(found, Some(("event-edited", Some(5), Some(4))), "{change}");
        log.restore("audit_events").await;
    }
    // Personal data is outside the hash, so that it can be erased.
    log.execute("UPDATE audit_events SET address = NULL, user_agent = NULL")
        .await;
    assert_eq!(log.violation().await, None);
}

async fn added_and_missing_events_are_found(url: &str) {
    let log = TamperedLog::new(url).await;
    let (second, fifth) = (log.id(1), log.id(4));
    let added = log.bytes(&[9; 16]);
    let add = |position: &str| {
        format!(
            "INSERT INTO audit_events SELECT {added}, occurred_at, event, outcome, actor, actor_id, user_id, \
             address, user_agent, request_id, detail, {position}, hash FROM audit_events WHERE id = {fifth}"
        )
    };
    let set = |position: &str, id: &str| {
        format!("UPDATE audit_events SET position = {position} WHERE id = {id};")
    };
    log.keep("audit_events").await;
    for (change, code, position) in [
        (
            format!("DELETE FROM audit_events WHERE id = {fifth}"),
            "event-missing",
            5,
        ),
        (set("NULL", &fifth), "event-missing", 5),
        (add("position"), "event-added", 5),
        (add("0"), "event-added", 0),
        (add("99"), "checkpoint-missing", 10),
        (set("99", &fifth), "event-missing", 5),
        (
            [set("2", &fifth), set("5", &second)].concat(),
            "event-edited",
            2,
        ),
        (
            "DELETE FROM audit_events WHERE position <= 3".to_owned(),
            "event-missing",
            1,
        ),
        (
            "DELETE FROM audit_events WHERE position > 6".to_owned(),
            "event-missing",
            7,
        ),
        (
            "UPDATE audit_events SET occurred_at = 9223372036854775807 WHERE position = 5"
                .to_owned(),
            "event-missing",
            5,
        ),
    ] {
        log.execute(&change).await;
        let found = log.violation().await.map(|found| (found.0, found.1));
        // Of two events with one position, either may come first.
        let is_expected = found == Some((code, Some(position)))
            || (code == "event-added" && found == Some(("event-edited", Some(position))));
        assert!(is_expected, "{change}: {found:?}");
        log.restore("audit_events").await;
    }
    assert_eq!(log.violation().await, None);
}

async fn changes_to_checkpoints_are_found(url: &str) {
    let log = TamperedLog::new(url).await;
    let (hash, signature) = (log.bytes(&[9; 32]), log.bytes(&[9; 64]));
    log.keep("audit_checkpoints").await;
    for (change, code) in [
        ("position = 5".to_owned(), "checkpoint-forged"),
        (format!("hash = {hash}"), "checkpoint-forged"),
        (
            "created_at = created_at + 1".to_owned(),
            "checkpoint-forged",
        ),
        ("pruned_at = created_at".to_owned(), "checkpoint-forged"),
        (format!("signature = {signature}"), "checkpoint-forged"),
        ("key_id = 'another'".to_owned(), "checkpoint-unknown-key"),
    ] {
        let sql = format!("UPDATE audit_checkpoints SET {change} WHERE previous = 3");
        log.execute(&sql).await;
        let found = log.violation().await.unwrap();
        assert_eq!(found.0, code, "{change}: {found:?}");
        log.restore("audit_checkpoints").await;
    }
    for change in [
        "DELETE FROM audit_checkpoints WHERE position = 9",
        "DELETE FROM audit_checkpoints",
    ] {
        log.execute(change).await;
        let found = log.violation().await.unwrap();
        assert_eq!(found.0, "checkpoint-missing", "{change}: {found:?}");
        log.restore("audit_checkpoints").await;
    }
    assert_eq!(log.violation().await, None);
}

async fn a_removed_end_is_found_with_a_recorded_checkpoint(url: &str) {
    let log = TamperedLog::new(url).await;
    let (report, _) = verify(&*log.store, &[]).await;
    let recorded = [report.last.unwrap()];
    let (report, _) = verify(&*log.store, &recorded).await;
    assert_eq!((report.checkpoints_found, report.violation), (1, None));
    log.execute(
        "DELETE FROM audit_checkpoints WHERE position = 9; DELETE FROM audit_events WHERE position > 6;",
    )
    .await;
    assert_eq!(log.violation().await, None, "without a recorded checkpoint");
    let code = async || {
        let (report, _) = verify(&*log.store, &recorded).await;
        let violation = report.violation.unwrap();
        (violation.code(), violation.position())
    };
    assert_eq!(code().await, ("log-end-missing", Some(9)));
    // The worker continues from there.
    for second in 20..23 {
        write(&*log.store, &event(second, fixtures::user_id())).await;
    }
    sealer(&*log.store, 30).seal().await.unwrap();
    assert_eq!(log.violation().await, None);
    assert_eq!(code().await, ("checkpoint-mismatch", Some(9)));
}

/// All hashes can be computed again, but not signed.
async fn a_chain_computed_again_is_found(url: &str) {
    let log = TamperedLog::new(url).await;
    log.execute(
        "DELETE FROM audit_checkpoints; \
         UPDATE audit_events SET position = NULL, hash = NULL, detail = 'forged';",
    )
    .await;
    let forger = Sealer {
        signer: signer(2),
        ..sealer(&*log.store, 100)
    };
    assert_eq!(forger.seal().await.unwrap().events, 9);
    let expected = ("checkpoint-unknown-key", Some(9), None);
    assert_eq!(log.violation().await, Some(expected));
    // With the forger's key the log verifies.
    let keys = vec![signer(2).public_key()];
    let (report, _) = verifier::verify(&*log.store, keys, &[]).await.unwrap();
    assert_eq!(report.violation, None);
    // The forger puts the trusted key's id into the checkpoints.
    let key = signer(1).public_key();
    log.execute(&format!("UPDATE audit_checkpoints SET key_id = '{key}'"))
        .await;
    let expected = ("checkpoint-forged", Some(9), None);
    assert_eq!(log.violation().await, Some(expected));
}

/// The server does not sign that events were pruned because someone changed their checkpoint's time.
async fn a_modified_checkpoint_is_not_pruned(url: &str) {
    let log = TamperedLog::new(url).await;
    log.keep("audit_checkpoints").await;
    log.execute("UPDATE audit_checkpoints SET created_at = 0 WHERE position = 6")
        .await;
    let day = SignedDuration::from_hours(24);
    assert!(!sealer(&*log.store, 20).prune(day).await.unwrap());
    log.restore("audit_checkpoints").await;
    assert_eq!(log.violation().await, None);
}

async fn a_modified_last_checkpoint_does_not_stop_sealing(url: &str) {
    let log = TamperedLog::new(url).await;
    log.keep("audit_checkpoints").await;
    log.execute(&format!(
        "UPDATE audit_checkpoints SET position = {} WHERE position = 9",
        i64::MAX
    ))
    .await;
    write(&*log.store, &event(20, fixtures::user_id())).await;
    assert_eq!(sealer(&*log.store, 30).seal().await.unwrap().events, 0);
    log.restore("audit_checkpoints").await;
    log.execute("UPDATE audit_checkpoints SET created_at = 0 WHERE position = 9")
        .await;
    let sealed = sealer(&*log.store, 30).seal().await.unwrap();
    assert_eq!((sealed.events, sealed.broken_seal), (1, Some(9)));
    let found = log.violation().await.unwrap();
    assert_eq!((found.0, found.1), ("checkpoint-forged", Some(9)));
}
