//! The audit log, and its integrity: a hash chain with signed checkpoints
//! (`docs/decisions/0027-audit-hash-chain.md`).
//!
//! Requests write events without a position. A worker task seals them a few seconds later ([`sealer`]):
//! each event gets the next position and a hash over the previous hash and its own content ([`chain`]).
//! Each run ends with a checkpoint that a key outside the database signs ([`signer`]). [`verifier`]
//! recomputes the chain, from the store or from an exported file. [`log`] reads and writes the store.
//! `subscriber` writes the events, under the limits of `limits`, which counts those beyond them. [`Audit`] (`list`)
//! lists and downloads events, [`AuditChain`] (`integrity`) seals, prunes, verifies and exports them.
//!
//! The IP address and the user agent are outside the hash, so they can be erased when an account is
//! deleted.

pub mod chain;
mod integrity;
pub(crate) mod limits;
mod list;
pub mod log;
pub mod sealer;
pub mod signer;
pub(crate) mod subscriber;
pub mod verifier;

pub use integrity::AuditChain;
pub use list::{Audit, AuditStatus};
pub use log::{AuditLog, Unsealed};
pub use signer::{AuditPublicKey, AuditSigner, ExportHeader};
pub use verifier::{AuditReport, Segment, Verifier, Violation};

use crate::model::Checkpoint;

/// A checkpoint by its position and its hash. Recorded outside the database, it shows whether the end of
/// the log was removed. As text: `POSITION:HASH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointId {
    /// The position of the last event that the checkpoint covers.
    pub position: i64,
    /// The hash of that event, as 64 lower-case hexadecimal digits.
    pub hash: String,
}

impl CheckpointId {
    /// The id of a checkpoint.
    pub fn of(checkpoint: &Checkpoint) -> Self {
        Self {
            position: checkpoint.position,
            hash: hex::encode(checkpoint.hash.as_bytes()),
        }
    }

    /// Parses `POSITION:HASH`.
    pub fn parse(text: &str) -> Option<Self> {
        let (position, hash) = text.split_once(':')?;
        let is_hash = hash.len() == 64
            && hash
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let position = position.parse().ok().filter(|position| *position > 0)?;
        is_hash.then(|| Self {
            position,
            hash: hash.to_owned(),
        })
    }
}

impl std::fmt::Display for CheckpointId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.position, self.hash)
    }
}
