//! A sealed audit log, for tests that seal, check and tamper.

use doorward_domain::audit::sealer::Sealer;
use doorward_domain::audit::walk::{AuditVerdict, Walk};
use doorward_domain::audit::{AuditSigner, Checkpoint, Finding};
use doorward_domain::changes::Change;
use doorward_domain::memory::SeededSecrets;
use doorward_domain::model::{AuditEvent, Outcome};
use doorward_domain::ports::Store;
use doorward_domain::tokens::MasterKey;
use doorward_domain::values::{AuditEventId, Secret, UserId};
use jiff::{SignedDuration, Timestamp};

use crate::fixtures;

/// Who signs, in tests.
pub fn signer(seed: u8) -> AuditSigner {
    let master = MasterKey::from_secret(Secret::new(vec![seed; 32]));
    AuditSigner::of(&master.expect("32 bytes are enough"))
}

/// A node of the master key `seed`, at that moment.
pub fn sealer<'a>(store: &'a dyn Store, secrets: &'a SeededSecrets, now: Timestamp) -> Sealer<'a> {
    Sealer {
        store,
        signer: signer(1),
        secrets,
        request_id: "a turn",
        now,
        break_told_at: None,
    }
}

/// So many seconds after the fixtures' now.
pub fn at(seconds: i64) -> Timestamp {
    fixtures::now() + SignedDuration::from_secs(seconds)
}

/// An event at that second, about somebody who did it.
pub fn event(second: i64, user_id: UserId) -> AuditEvent {
    AuditEvent {
        id: AuditEventId::generate(at(second), &SeededSecrets::new(fixtures::unique())),
        at: at(second),
        actor: format!("user:{user_id}"),
        outcome: Outcome::Success,
        ..fixtures::audit_event(user_id)
    }
}

/// Writes events, one a second from the first on, and seals them three at a time.
pub async fn write_sealed(store: &dyn Store, count: i64) -> Vec<AuditEvent> {
    let mut all = Vec::new();
    let secrets = SeededSecrets::new(fixtures::unique());
    for second in 0..count {
        let event = event(second, fixtures::user_id());
        write(store, &event).await;
        all.push(event);
        if second % 3 == 2 {
            let turn = sealer(store, &secrets, at(second + 7)).seal().await;
            assert_eq!(turn.expect("it is sealed").events, 3);
        }
    }
    all
}

/// What a walk says at that second.
pub async fn verify(
    store: &dyn Store,
    second: i64,
    checkpoints: &[Checkpoint],
) -> (AuditVerdict, Vec<Finding>) {
    let mut findings = Vec::new();
    let walk = Walk {
        store,
        now: at(second),
    };
    let keys = [signer(1).public_key()];
    let mut tell = |finding| findings.push(finding);
    let verdict = walk.verify(&keys, checkpoints, &mut tell).await;
    let verdict = verdict.expect("the log can be read");
    (verdict, findings)
}

/// Writes one event.
pub async fn write(store: &dyn Store, event: &AuditEvent) {
    let written = store.apply(vec![Change::Audit(Box::new(event.clone()))]);
    written.await.expect("it is written");
}
