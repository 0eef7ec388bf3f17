//! Sessions that were ended, for a session store that may restore them.

use doorward_domain::ports::StoreError;
use doorward_domain::values::{SessionId, UserId};
use jiff::Timestamp;

use crate::SqlStore;
use crate::error::SqlError;
use crate::sweep::Sweep;
use crate::transaction::Transaction;

/// Records it once. If two processes insert at the same time, one fails and is retried.
pub(crate) async fn put(
    transaction: &mut Transaction,
    user_id: UserId,
    id: SessionId,
    until: Timestamp,
) -> Result<(), SqlError> {
    let known = "SELECT 1 FROM ended_sessions WHERE id = ?";
    if transaction.row(known, &[id.into()]).await?.is_none() {
        let sql = "INSERT INTO ended_sessions (id, user_id, ends_at) VALUES (?, ?, ?)";
        transaction
            .execute(sql, &[id.into(), user_id.into(), until.into()])
            .await?;
    }
    Ok(())
}

pub(crate) async fn is_ended(store: &SqlStore, id: SessionId) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM ended_sessions WHERE id = ?";
    let row = store.row("find ended session", sql, &[id.into()]).await?;
    Ok(row.is_some())
}

pub(crate) async fn sweep(store: &SqlStore, before: Timestamp) -> Result<(), StoreError> {
    let sweep = Sweep {
        operation: "sweep ended sessions",
        table: "ended_sessions",
        key: "id",
        condition: "ends_at < ?",
    };
    sweep.run(store, before).await
}
