//! A sealed audit log, for tests that seal, verify and tamper.

use std::sync::Arc;

use doorward_domain::audit::sealer::Sealer;
use doorward_domain::audit::{AuditReport, AuditSigner, CheckpointId, Unsealed, verifier};
use doorward_domain::keys::MasterKey;
use doorward_domain::memory::SeededRandom;
use doorward_domain::model::{AuditEvent, Outcome};
use doorward_domain::store::{Store, Write};
use doorward_domain::values::{AuditEventId, Secret, UserId};
use jiff::{SignedDuration, Timestamp};

use crate::fixtures;

/// The signer of the master key `seed`.
pub fn signer(seed: u8) -> Arc<AuditSigner> {
    let master = MasterKey::from_secret(Secret::new(vec![seed; 32]));
    Arc::new(AuditSigner::from_master_key(
        &master.expect("32 bytes are enough"),
    ))
}

/// A node with the signer 1, at that second.
pub fn sealer(store: &dyn Store, second: i64) -> Sealer<'_> {
    Sealer {
        store,
        signer: signer(1),
        now: at(second),
    }
}

/// The time this many seconds after [`fixtures::now`].
pub fn at(seconds: i64) -> Timestamp {
    fixtures::now() + SignedDuration::from_secs(seconds)
}

/// An event at that second, by and about the user.
pub fn event(second: i64, user_id: UserId) -> AuditEvent {
    AuditEvent {
        id: AuditEventId::generate(at(second), &SeededRandom::new(fixtures::unique())),
        at: at(second),
        actor: format!("user:{user_id}"),
        outcome: Outcome::Success,
        ..fixtures::audit_event(user_id)
    }
}

/// Writes one event.
pub async fn write(store: &dyn Store, event: &AuditEvent) {
    let written = store.apply(vec![Write::insert(event)]);
    written.await.expect("the event is written");
}

/// Writes events, one a second beginning with second 0, and seals three at a time.
pub async fn write_sealed(store: &dyn Store, count: i64) -> Vec<AuditEvent> {
    let mut all = Vec::new();
    for second in 0..count {
        let event = event(second, fixtures::user_id());
        write(store, &event).await;
        all.push(event);
        if second % 3 == 2 {
            let sealed = sealer(store, second + 7).seal().await;
            assert_eq!(sealed.expect("the events are sealed").events, 3);
        }
    }
    all
}

/// Verifies the log with the key of the signer 1.
pub async fn verify(store: &dyn Store, recorded: &[CheckpointId]) -> (AuditReport, Unsealed) {
    let keys = vec![signer(1).public_key()];
    let verified = verifier::verify(store, keys, recorded).await;
    verified.expect("the log can be read")
}
