//! Reads of the audit log's chain.

use async_trait::async_trait;
use doorward_domain::audit::{AuditLog, Unsealed};
use doorward_domain::model::{AuditRecord, Checkpoint, SealedEvent};
use doorward_domain::ports::{Store, StoreError};
use doorward_domain::values::{AuditEventId, UserId};
use jiff::Timestamp;

use super::Spy;

macro_rules! asked {
    ($($name:ident($($arg:ident: $of:ty),*) -> $answer:ty;)+) => {
        #[async_trait]
        impl AuditLog for Spy {
            $(async fn $name(&self, $($arg: $of),*) -> Result<$answer, StoreError> {
                self.asked(stringify!($name)).await?;
                self.store.audit_log().$name($($arg),*).await
            })+
        }
    };
}

asked! {
    last_checkpoint() -> Option<Checkpoint>;
    next_checkpoint(position: i64) -> Option<Checkpoint>;
    list_prunable(key_id: &str, before: Timestamp, limit: usize) -> Vec<Checkpoint>;
    list_unsealed(before: AuditEventId, limit: usize) -> Vec<AuditRecord>;
    unsealed() -> Unsealed;
    list_sealed(after: i64, to: i64, limit: usize) -> Vec<SealedEvent>;
    list_deleted(user_ids: &[UserId]) -> Vec<UserId>;
    list_personal(user_id: UserId, after: Option<AuditEventId>, limit: usize) -> Vec<AuditEventId>;
}
