//! The one write operation: a list of changes in one transaction.
//!
//! Most changes are generic operations on records (`records.rs`). The others have an arm in [`apply_one`] and a function in
//! the file of their type, which makes one change with a statement whose condition decides, and returns
//! [`ApplyError::Stale`] if it matched no row. Changes that must not run concurrently take a lock first ([`locks_for`]): an update of a
//! row of the table `guards` is a lock until the end of the transaction on every database.

use doorward_domain::changes::{ApplyError, Change};
use doorward_domain::model::TABLES;
use doorward_domain::values::UserId;

use crate::error::SqlError;
use crate::transaction::Transaction;
use crate::{SqlStore, audit_chain, audit_events, records, users};

pub(crate) async fn apply(store: &SqlStore, changes: &[Change]) -> Result<(), ApplyError> {
    let limit = store.pool.timeouts().operation();
    let applied = store.transaction(limit, |mut transaction| async move {
        let result = apply_all(&mut transaction, changes).await;
        (transaction, result)
    });
    let applied = applied.await;
    applied.map_err(|error| error.into_apply_error("apply changes"))
}

async fn apply_all(transaction: &mut Transaction, changes: &[Change]) -> Result<(), SqlError> {
    for lock in locks_for(changes) {
        let sql = "UPDATE guards SET counter = counter + 1 WHERE name = ?";
        transaction.execute(sql, &[lock.into()]).await?;
    }
    for change in changes {
        apply_one(transaction, change).await?;
    }
    Ok(())
}

/// The locks that these changes take first, always in this order.
fn locks_for(changes: &[Change]) -> Vec<&'static str> {
    let has = |wanted: fn(&Change) -> bool| changes.iter().any(wanted);
    let admins = has(|change| matches!(change, Change::CheckAdminRemains)).then_some("admins");
    admins.into_iter().collect()
}

async fn apply_one(transaction: &mut Transaction, change: &Change) -> Result<(), SqlError> {
    match change {
        Change::Write(write) => records::write(transaction, write).await,
        Change::InsertUser(user) => users::insert(transaction, user).await,
        Change::UpdateUser { user, expected } => users::update(transaction, user, *expected).await,
        Change::CheckActor {
            user_id,
            role,
            session_epoch,
        } => users::check_actor(transaction, *user_id, *role, *session_epoch).await,
        Change::SetLockout { user_id, epoch } => {
            users::set_lockout(transaction, *user_id, *epoch).await
        }
        Change::DeleteUser(id) => {
            users::delete(transaction, *id).await?;
            delete_user_data(transaction, *id).await
        }
        Change::CheckAdminRemains => users::check_admin_remains(transaction).await,
        Change::Audit(event) => audit_events::insert(transaction, event).await,
        Change::SealAudit { checkpoint, events } => {
            audit_chain::seal(transaction, checkpoint, events).await
        }
        Change::PruneAudit(checkpoint) => audit_chain::prune(transaction, checkpoint).await,
        Change::EraseAudit(ids) => audit_chain::erase(transaction, ids).await,
    }
}

/// Deletes everything that belongs to a deleted user, in the order of [`TABLES`]: a worker that creates a link holds the
/// row of its job, which is deleted first. Sessions too: if they are stored elsewhere, the
/// table is empty.
async fn delete_user_data(transaction: &mut Transaction, id: UserId) -> Result<(), SqlError> {
    let owned = TABLES.iter().filter(|table| table.has_owner());
    for table in owned.map(|table| table.name).chain(["sessions"]) {
        let sql = format!("DELETE FROM {table} WHERE user_id = ?");
        transaction.execute(&sql, &[id.into()]).await?;
    }
    Ok(())
}

/// Fails with [`ApplyError::Stale`] if the change matched no row.
pub(crate) fn stale_if_none(matched: u64) -> Result<(), SqlError> {
    match matched {
        0 => Err(SqlError::Refused(ApplyError::Stale)),
        _ => Ok(()),
    }
}
