//! The hash chain of the audit log: the columns `position` and `hash` of `audit_events`, and the table
//! `audit_checkpoints`. What they mean: `doorward_domain::audit`.

use async_trait::async_trait;
use doorward_domain::audit::{AuditLog, DELETIONS, Unsealed};
use doorward_domain::changes::ApplyError;
use doorward_domain::model::{AuditRecord, Checkpoint, Outcome, SealedEvent};
use doorward_domain::ports::StoreError;
use doorward_domain::values::{AuditEventId, Digest, UserId};
use jiff::Timestamp;
use sqlx::any::AnyRow;

use crate::SqlStore;
use crate::apply::stale_if_none;
use crate::arg::Arg;
use crate::audit_events;
use crate::error::SqlError;
use crate::row::{self, BadRow, Row};
use crate::transaction::Transaction;

const CHECKPOINT: &str = "previous, position, hash, created_at, pruned_at, key_id, signature";

pub(crate) async fn seal(
    transaction: &mut Transaction,
    checkpoint: &Checkpoint,
    events: &[(AuditEventId, Digest)],
) -> Result<(), SqlError> {
    let previous = checkpoint.previous;
    // Without this check, the second of two nodes would fail at the primary key and retry.
    let taken = "SELECT 1 FROM audit_checkpoints WHERE previous = ?";
    if transaction.row(taken, &[previous.into()]).await?.is_some() {
        return Err(SqlError::Refused(ApplyError::Stale));
    }
    let sql = "INSERT INTO audit_checkpoints \
        (previous, position, hash, created_at, pruned_at, key_id, signature) VALUES (?, ?, ?, ?, ?, ?, ?)";
    let args = [
        previous.into(),
        checkpoint.position.into(),
        (&checkpoint.hash).into(),
        checkpoint.created_at.into(),
        checkpoint.pruned_at.into(),
        checkpoint.key_id.as_str().into(),
        checkpoint.signature.as_slice().into(),
    ];
    transaction.execute(sql, &args).await?;
    let sql = "UPDATE audit_events SET position = ?, hash = ? WHERE id = ? AND position IS NULL";
    for (position, (id, hash)) in (previous.saturating_add(1)..).zip(events) {
        let args = [position.into(), hash.into(), (*id).into()];
        stale_if_none(transaction.execute(sql, &args).await?)?;
    }
    Ok(())
}

pub(crate) async fn prune(
    transaction: &mut Transaction,
    checkpoint: &Checkpoint,
) -> Result<(), SqlError> {
    let sql = "UPDATE audit_checkpoints SET pruned_at = ?, key_id = ?, signature = ? \
        WHERE previous = ? AND position = ? AND pruned_at IS NULL";
    let args = [
        checkpoint.pruned_at.into(),
        checkpoint.key_id.as_str().into(),
        checkpoint.signature.as_slice().into(),
        checkpoint.previous.into(),
        checkpoint.position.into(),
    ];
    stale_if_none(transaction.execute(sql, &args).await?)?;
    for sql in [
        "DELETE FROM audit_events WHERE position <= ?",
        "DELETE FROM audit_checkpoints WHERE position < ?",
    ] {
        transaction
            .execute(sql, &[checkpoint.position.into()])
            .await?;
    }
    Ok(())
}

pub(crate) async fn erase(
    transaction: &mut Transaction,
    ids: &[AuditEventId],
) -> Result<(), SqlError> {
    let sql = "UPDATE audit_events SET address = NULL, user_agent = NULL WHERE id = ?";
    for id in ids {
        transaction.execute(sql, &[(*id).into()]).await?;
    }
    Ok(())
}

#[async_trait]
impl AuditLog for SqlStore {
    async fn last_checkpoint(&self) -> Result<Option<Checkpoint>, StoreError> {
        let args = [1_usize.into()];
        let found = checkpoints(self, "1 = 1", "position DESC", &args).await?;
        Ok(found.into_iter().next())
    }

    async fn next_checkpoint(&self, position: i64) -> Result<Option<Checkpoint>, StoreError> {
        let args = [position.into(), 1_usize.into()];
        let found = checkpoints(self, "position > ?", "position", &args).await?;
        Ok(found.into_iter().next())
    }

    async fn list_prunable(
        &self,
        key_id: &str,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Checkpoint>, StoreError> {
        let condition = "key_id = ? AND created_at < ? AND pruned_at IS NULL";
        let args = [key_id.into(), before.into(), limit.into()];
        checkpoints(self, condition, "created_at, position", &args).await
    }

    async fn list_unsealed(
        &self,
        before: AuditEventId,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        // `position` is NULL in all of them, but by `id` alone PostgreSQL walks the primary key and skips
        // every sealed event.
        let condition = "position IS NULL AND id < ? AND LENGTH(id) = 16 \
            ORDER BY audit_events.position, audit_events.id";
        let rows = events(self, condition, &[before.into(), limit.into()]).await?;
        Ok(row::readable(&rows, record))
    }

    async fn unsealed(&self) -> Result<Unsealed, StoreError> {
        const OPERATION: &str = "count unsealed audit events";
        let sql = "SELECT COUNT(*) AS total FROM audit_events WHERE position IS NULL";
        let counted = self.row(OPERATION, sql, &[]).await?;
        let count = row::one(OPERATION, counted.as_ref(), |row| {
            Row::new(row, "audit_events", "id").int("total")
        })?;
        let last = AuditEventId::from_bytes([255; 16]);
        let oldest = self.list_unsealed(last, 1).await?;
        Ok(Unsealed {
            count: count.and_then(|count| count.try_into().ok()).unwrap_or(0),
            oldest: oldest.first().map(|record| record.id.moment()),
        })
    }

    async fn list_sealed(
        &self,
        after: i64,
        to: i64,
        limit: usize,
    ) -> Result<Vec<SealedEvent>, StoreError> {
        let condition = "position > ? AND position <= ? \
            ORDER BY audit_events.position, audit_events.id";
        let args = [after.into(), to.into(), limit.into()];
        let rows = events(self, condition, &args).await?;
        Ok(row::readable(&rows, |row| {
            let columns = Row::new(row, "audit_events", "id");
            Ok(SealedEvent {
                position: columns.int("position")?,
                hash: Digest::from_bytes(columns.array("hash")?),
                record: record(row)?,
            })
        }))
    }

    async fn list_deleted(&self, user_ids: &[UserId]) -> Result<Vec<UserId>, StoreError> {
        const OPERATION: &str = "list deleted users";
        if user_ids.is_empty() {
            return Ok(Vec::new());
        }
        let places = vec!["?"; user_ids.len()].join(", ");
        let sql = format!(
            "SELECT DISTINCT user_id FROM audit_events \
             WHERE user_id IN ({places}) AND event IN (?, ?, ?, ?) AND outcome = ?"
        );
        let ids = user_ids.iter().map(|id| Arg::from(*id));
        let deletions = DELETIONS.map(|event| event.as_str().into());
        let success = Outcome::Success.as_str().into();
        let args: Vec<_> = ids.chain(deletions).chain([success]).collect();
        let rows = self.rows(OPERATION, &sql, &args).await?;
        row::all(OPERATION, &rows, |row| {
            let row = Row::new(row, "audit_events", "user_id");
            Ok(UserId::from_bytes(row.array("user_id")?))
        })
    }

    async fn list_personal(
        &self,
        user_id: UserId,
        after: Option<AuditEventId>,
        limit: usize,
    ) -> Result<Vec<AuditEventId>, StoreError> {
        const OPERATION: &str = "list personal data in audit events";
        let after = after.unwrap_or(AuditEventId::from_bytes([0; 16]));
        let mut ids = Vec::new();
        for owner in ["actor_id = ?", "user_id = ? AND actor_id IS NULL"] {
            let sql = format!(
                "SELECT id FROM audit_events WHERE {owner} AND id > ? AND LENGTH(id) = 16 \
                 AND (address IS NOT NULL OR user_agent IS NOT NULL) ORDER BY id LIMIT ?"
            );
            let args = [user_id.into(), after.into(), limit.into()];
            let rows = self.rows(OPERATION, &sql, &args).await?;
            ids.extend(row::all(OPERATION, &rows, |row| {
                let row = Row::new(row, "audit_events", "id");
                Ok(AuditEventId::from_bytes(row.array("id")?))
            })?);
        }
        ids.sort_unstable();
        ids.truncate(limit);
        Ok(ids)
    }
}

async fn checkpoints(
    store: &SqlStore,
    condition: &str,
    order: &str,
    args: &[Arg<'_>],
) -> Result<Vec<Checkpoint>, StoreError> {
    const OPERATION: &str = "read audit checkpoints";
    let sql = format!(
        "SELECT {CHECKPOINT} FROM audit_checkpoints WHERE {condition} ORDER BY {order} LIMIT ?"
    );
    let rows = store.rows(OPERATION, &sql, args).await?;
    Ok(row::readable(&rows, |row| {
        let row = Row::new(row, "audit_checkpoints", "hash");
        Ok(Checkpoint {
            previous: row.int("previous")?,
            position: row.int("position")?,
            hash: Digest::from_bytes(row.array("hash")?),
            created_at: row.time("created_at")?,
            pruned_at: row.opt_time("pruned_at")?,
            key_id: row.text("key_id")?,
            signature: row.bytes("signature")?,
        })
    }))
}

async fn events(
    store: &SqlStore,
    condition: &str,
    args: &[Arg<'_>],
) -> Result<Vec<AnyRow>, StoreError> {
    let columns = audit_events::columns(store.dialect);
    let sql =
        format!("SELECT {columns}, position, hash FROM audit_events WHERE {condition} LIMIT ?");
    store.rows("read the audit chain", &sql, args).await
}

fn record(row: &AnyRow) -> Result<AuditRecord, BadRow> {
    let row = Row::new(row, "audit_events", "id");
    Ok(AuditRecord {
        id: AuditEventId::from_bytes(row.array("id")?),
        at: row.time("occurred_at")?,
        event: row.text("event")?,
        outcome: row.text("outcome")?,
        actor: row.text("actor")?,
        user_id: row.opt_array("user_id")?.map(UserId::from_bytes),
        address: row.opt_text("address")?,
        user_agent: row.opt_text("user_agent")?,
        request_id: row.text("request_id")?,
        detail: row.opt_text("detail")?,
    })
}
