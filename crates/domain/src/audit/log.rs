//! The store's part of the audit log's integrity, in addition to [`crate::ports::Store`]. Writes go through
//! [`crate::changes::Change`].

use async_trait::async_trait;
use jiff::Timestamp;

use crate::model::{AuditRecord, Checkpoint, SealedEvent};
use crate::ports::StoreError;
use crate::values::{AuditEventId, UserId};

/// The events that are not sealed yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unsealed {
    /// The number of events.
    pub count: u64,
    /// The time of the oldest.
    pub oldest: Option<Timestamp>,
}

/// Reads the chain. Rows that cannot be parsed are skipped.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// The checkpoint with the highest position.
    async fn last_checkpoint(&self) -> Result<Option<Checkpoint>, StoreError>;

    /// The checkpoint with the lowest position after `position`.
    async fn next_checkpoint(&self, position: i64) -> Result<Option<Checkpoint>, StoreError>;

    /// Checkpoints that are signed with the key `key_id`, were created before `before` and are not pruned
    /// yet, oldest first.
    async fn list_prunable(
        &self,
        key_id: &str,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Checkpoint>, StoreError>;

    /// Events without a position and with an id below `before`, by id.
    async fn list_unsealed(
        &self,
        before: AuditEventId,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, StoreError>;

    /// The number and the age of the events without a position.
    async fn unsealed(&self) -> Result<Unsealed, StoreError>;

    /// Events with a position above `after` and up to `to`, by position.
    async fn list_sealed(
        &self,
        after: i64,
        to: i64,
        limit: usize,
    ) -> Result<Vec<SealedEvent>, StoreError>;

    /// The users among `user_ids` about whom the log has a successful event of
    /// [`DELETIONS`](super::DELETIONS), each once.
    async fn list_deleted(&self, user_ids: &[UserId]) -> Result<Vec<UserId>, StoreError>;

    /// The events after `after` that contain personal data of the user: those the user did, and those that were
    /// done to the user by an actor that is not a user. By id.
    async fn list_personal(
        &self,
        user_id: UserId,
        after: Option<AuditEventId>,
        limit: usize,
    ) -> Result<Vec<AuditEventId>, StoreError>;
}
