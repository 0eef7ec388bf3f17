//! What a store owes the sealing and checking of the audit log, beside [`crate::ports::Store`]. What is
//! written goes through [`crate::changes::Change`], as all else does.

use async_trait::async_trait;
use jiff::SignedDuration;

use crate::model::{AuditRecord, Erasure, Event, Seal};
use crate::ports::StoreError;
use crate::values::{AuditEventId, UserId};

/// An erasure goes with the events it speaks of: where a seal is let go that was made so long after it was
/// ordered, all of them are gone; but for those that an index still finds.
pub const ERASURES_OUTLIVE: SignedDuration = SignedDuration::from_hours(24);

/// Questions about seals and what they hold. Lists are short: whoever wants more asks again.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// The newest seal.
    async fn last_seal(&self) -> Result<Option<Seal>, StoreError>;

    /// The seals after that position, in order.
    async fn list_seals(&self, after: i64, limit: usize) -> Result<Vec<Seal>, StoreError>;

    /// Events that no seal holds, by id: after that one, and before that one.
    async fn list_unsealed(
        &self,
        after: Option<AuditEventId>,
        before: AuditEventId,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, StoreError>;

    /// Events that say they belong to that seal, by id.
    async fn list_sealed(
        &self,
        position: i64,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, StoreError>;

    /// Events that say they belong to a seal before `first` or after `last`.
    async fn list_outside_seals(
        &self,
        first: i64,
        last: i64,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, StoreError>;

    /// Sealed events with an address or user agent of that user's in them, as
    /// [`owner_of`](super::owner_of) says whose it is.
    async fn list_personal(
        &self,
        user_id: UserId,
        limit: usize,
    ) -> Result<Vec<AuditEventId>, StoreError>;

    /// Sealed events of that kind about that user, by id, after that one.
    async fn list_sealed_about(
        &self,
        user_id: UserId,
        event: Event,
        after: Option<AuditEventId>,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, StoreError>;

    /// What somebody has put on the log's tables in the database, by name: triggers, rules, a view in a
    /// table's place, row security, what the database does by the clock. We have none there, and by one a line
    /// can be kept out of the log before it is sealed, or from whoever looks for it.
    async fn list_triggers(&self) -> Result<Vec<String>, StoreError>;

    /// Whether the database tells whoever asks of all of them.
    async fn is_told_of_triggers(&self) -> Result<bool, StoreError>;

    /// Erasures that are not done.
    async fn list_open_erasures(&self, limit: usize) -> Result<Vec<Erasure>, StoreError>;

    /// Those of them who were deleted, each once, as far as the log still tells: there is a line of
    /// [`DELETIONS`](super::DELETIONS) about them, or their erasure is ordered, or done.
    async fn list_deleted(&self, user_ids: &[UserId]) -> Result<Vec<UserId>, StoreError>;

    /// The erasure of that user's addresses.
    async fn find_erasure(&self, user_id: UserId) -> Result<Option<Erasure>, StoreError>;
}
