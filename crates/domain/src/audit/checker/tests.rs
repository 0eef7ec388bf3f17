//! What needs a signature that no store would give away.

use super::*;
use crate::audit::AuditSigner;
use crate::tokens::MasterKey;
use crate::values::Secret;

fn signer() -> AuditSigner {
    AuditSigner::of(&MasterKey::from_secret(Secret::new(vec![1; 32])).unwrap())
}

fn seal(position: i64, last: Timestamp) -> Seal {
    let mut seal = Seal {
        position,
        previous: digest::none(),
        digest: digest::none(),
        events: digest::of_leaves(&[]),
        leaves: None,
        first_id: AuditEventId::first_at(last),
        last_id: AuditEventId::first_at(last),
        counted: 0,
        sealed_at: last,
        signature: Vec::new(),
        let_go: None,
    };
    seal.digest = digest::of_seal(&seal);
    seal.signature = signer().sign_seal(&seal.digest);
    seal
}

fn found(seals: &[Seal]) -> Vec<&'static str> {
    let mut checker = Checker::new(vec![signer().public_key()], Extent::Whole, &[]);
    let check = |seal| checker.check(seal, &[], &[]);
    let findings: Vec<_> = seals.iter().flat_map(check).collect();
    findings.iter().map(Finding::word).collect()
}

/// L-01: whoever gets the server to sign a letting-go before its time is found out.
#[test]
fn what_was_let_go_too_early_is_found() {
    let last = Timestamp::from_second(1_700_000_000).unwrap();
    for (hours, expected) in [
        (0, vec!["let-go-forged", "leaves-edited"]),
        (23, vec!["let-go-forged", "leaves-edited"]),
        (25, vec![]),
    ] {
        let mut seal = seal(1, last);
        seal.let_go = Some(signer().let_go(&seal, last + SignedDuration::from_hours(hours)));
        assert_eq!(found(&[seal]), expected, "{hours}");
    }
}

/// L-01: a seal at the end of all numbers is named, and so is one behind it.
#[test]
fn nothing_follows_the_last_position_there_is() {
    let last = seal(i64::MAX, Timestamp::UNIX_EPOCH);
    let found = found(&[last.clone(), last]);
    assert!(found.contains(&"seal-missing"), "{found:?}");
    assert!(found.contains(&"seal-out-of-order"), "{found:?}");
}
