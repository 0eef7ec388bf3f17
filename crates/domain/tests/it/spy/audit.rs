//! The questions of the audit log.

use async_trait::async_trait;
use doorward_domain::audit::AuditLog;
use doorward_domain::model::{AuditRecord, Erasure, Event, Seal};
use doorward_domain::ports::{Store, StoreError};
use doorward_domain::values::{AuditEventId, UserId};

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
    last_seal() -> Option<Seal>;
    list_seals(after: i64, limit: usize) -> Vec<Seal>;
    list_unsealed(after: Option<AuditEventId>, before: AuditEventId, limit: usize) -> Vec<AuditRecord>;
    list_sealed(position: i64, limit: usize) -> Vec<AuditRecord>;
    list_outside_seals(first: i64, last: i64, limit: usize) -> Vec<AuditRecord>;
    list_personal(user_id: UserId, limit: usize) -> Vec<AuditEventId>;
    list_sealed_about(user_id: UserId, event: Event, after: Option<AuditEventId>, limit: usize) -> Vec<AuditRecord>;
    list_triggers() -> Vec<String>;
    is_told_of_triggers() -> bool;
    list_open_erasures(limit: usize) -> Vec<Erasure>;
    list_deleted(user_ids: &[UserId]) -> Vec<UserId>;
    find_erasure(user_id: UserId) -> Option<Erasure>;
}
