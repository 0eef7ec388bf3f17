//! The audit log as it is hashed and exported: events with their texts unparsed, and checkpoints.

use jiff::Timestamp;

use crate::values::{AuditEventId, Digest, UserId};

/// An audit event with its texts as stored, so that events of a newer version can be hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// The id; sorts by time.
    pub id: AuditEventId,
    /// When it happened.
    pub at: Timestamp,
    /// The name of the [`Event`](super::Event).
    pub event: String,
    /// `success` or `failure`.
    pub outcome: String,
    /// The actor, as in [`AuditEvent`](super::AuditEvent).
    pub actor: String,
    /// The affected user.
    pub user_id: Option<UserId>,
    /// The client's IP address; not hashed.
    pub address: Option<String>,
    /// The client's user agent; not hashed.
    pub user_agent: Option<String>,
    /// The id of the request.
    pub request_id: String,
    /// Additional information.
    pub detail: Option<String>,
}

/// An audit event in the hash chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedEvent {
    /// The position in the chain; the first is 1.
    pub position: i64,
    /// The hash over the previous hash and the event.
    pub hash: Digest,
    /// The event.
    pub record: AuditRecord,
}

/// A signed statement of the chain's hash at a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The position of the checkpoint before, or 0. Unique, so that of several nodes that seal at the same
    /// time only one succeeds.
    pub previous: i64,
    /// The position of the last event it covers.
    pub position: i64,
    /// The hash of that event.
    pub hash: Digest,
    /// When it was created.
    pub created_at: Timestamp,
    /// When the events up to this position were deleted because of their age.
    pub pruned_at: Option<Timestamp>,
    /// The public key that verifies the signature.
    pub key_id: String,
    /// Ed25519 signature of the position, the hash and both times.
    pub signature: Vec<u8>,
}
