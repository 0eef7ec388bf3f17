//! The seals of the audit log: a row each, and its position in the rows of the events it holds.
//!
//! Of two nodes that make a seal at a time, the primary key lets one win. What the columns mean, and
//! why a cut or an edit shows, stands in `doorward_domain::audit`.

use async_trait::async_trait;
use doorward_domain::audit::log::ERASURES_OUTLIVE;
use doorward_domain::audit::{AuditLog, DELETIONS};
use doorward_domain::changes::ApplyError;
use doorward_domain::model::{
    AuditRecord, Erasure, Event, LetGo, MailJob, Outcome, Seal, SealedEvent,
};
use doorward_domain::ports::StoreError;
use doorward_domain::values::{AuditEventId, MailJobId, UserId};
use jiff::Timestamp;
use sqlx::any::AnyRow;

use crate::SqlStore;
use crate::apply::stale_if_none;
use crate::arg::Arg;
use crate::audit_rows::{self, erasure, to_bytes};
use crate::error::Fault;
use crate::row::{self, Row};
use crate::transaction::Transaction;

pub(crate) async fn insert(
    transaction: &mut Transaction,
    seal: &Seal,
    events: &[SealedEvent],
) -> Result<(), Fault> {
    // Looked for first, since who comes second must not take it for its own lost try.
    let taken = "SELECT 1 FROM audit_seals WHERE position = ?";
    if transaction
        .row(taken, &[seal.position.into()])
        .await?
        .is_some()
    {
        return Err(Fault::Refused(ApplyError::Stale));
    }
    let leaves = seal.leaves.as_deref().map(to_bytes);
    let sql = "INSERT INTO audit_seals (position, previous, digest, events, leaves, first_id, last_id, \
        counted, sealed_at, signature) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let args = [
        seal.position.into(),
        (&seal.previous).into(),
        (&seal.digest).into(),
        (&seal.events).into(),
        leaves.as_deref().into(),
        seal.first_id.into(),
        seal.last_id.into(),
        seal.counted.into(),
        seal.sealed_at.into(),
        seal.signature.as_slice().into(),
    ];
    transaction.execute(sql, &args).await?;
    let sql = "UPDATE audit_events SET seal = ?, actor_id = ?, personal_digest = ?, personal_salt = ? \
        WHERE id = ? AND seal IS NULL";
    for event in events {
        let args = [
            seal.position.into(),
            event.actor_id.into(),
            event.personal_digest.as_ref().into(),
            event.personal_salt.as_ref().into(),
            event.id.into(),
        ];
        stale_if_none(transaction.execute(sql, &args).await?)?;
    }
    Ok(())
}

pub(crate) async fn let_go(
    transaction: &mut Transaction,
    position: i64,
    let_go: &LetGo,
) -> Result<(), Fault> {
    let sql = "UPDATE audit_seals SET let_go_at = ?, let_go_signature = ?, leaves = NULL \
        WHERE position = ? AND let_go_at IS NULL";
    let args = [
        let_go.at.into(),
        let_go.signature.as_slice().into(),
        position.into(),
    ];
    stale_if_none(transaction.execute(sql, &args).await?)?;
    for sql in [
        "DELETE FROM audit_events WHERE seal <= ?",
        "DELETE FROM audit_seals WHERE position < ?",
    ] {
        transaction.execute(sql, &[position.into()]).await?;
    }
    forget_erasures(transaction, position).await
}

/// Those whose events have gone with that seal or before.
async fn forget_erasures(transaction: &mut Transaction, position: i64) -> Result<(), Fault> {
    let sql = "DELETE FROM audit_erasures WHERE done_at IS NOT NULL \
        AND ordered_at < (SELECT sealed_at FROM audit_seals WHERE position = ?) - ? \
        AND NOT EXISTS (SELECT 1 FROM audit_events WHERE audit_events.user_id = audit_erasures.user_id) \
        AND NOT EXISTS (SELECT 1 FROM audit_events WHERE audit_events.actor_id = audit_erasures.user_id)";
    let outlive = i64::try_from(ERASURES_OUTLIVE.as_micros()).unwrap_or(i64::MAX);
    transaction
        .execute(sql, &[position.into(), outlive.into()])
        .await?;
    Ok(())
}

pub(crate) async fn order_erasure(
    transaction: &mut Transaction,
    erasure: &Erasure,
) -> Result<(), Fault> {
    let args = [
        erasure.ordered_at.into(),
        erasure.signature.as_slice().into(),
        erasure.done_at.into(),
        erasure.user_id.into(),
    ];
    let sql =
        "UPDATE audit_erasures SET ordered_at = ?, signature = ?, done_at = ? WHERE user_id = ?";
    if transaction.execute(sql, &args).await? == 0 {
        let sql = "INSERT INTO audit_erasures (ordered_at, signature, done_at, user_id) VALUES (?, ?, ?, ?)";
        transaction.execute(sql, &args).await?;
    }
    Ok(())
}

pub(crate) async fn erase_personal(
    transaction: &mut Transaction,
    ids: &[AuditEventId],
) -> Result<(), Fault> {
    let sql = "UPDATE audit_events SET address = NULL, user_agent = NULL, personal_salt = NULL \
        WHERE id = ? AND seal IS NOT NULL";
    for id in ids {
        transaction.execute(sql, &[(*id).into()]).await?;
    }
    Ok(())
}

pub(crate) async fn erasure_done(
    transaction: &mut Transaction,
    user_id: UserId,
    ordered_at: Timestamp,
    at: Timestamp,
) -> Result<(), Fault> {
    let sql = "UPDATE audit_erasures SET done_at = ? WHERE user_id = ? AND ordered_at = ?";
    let args = [at.into(), user_id.into(), ordered_at.into()];
    transaction.execute(sql, &args).await?;
    Ok(())
}

#[async_trait]
impl AuditLog for SqlStore {
    async fn last_seal(&self) -> Result<Option<Seal>, StoreError> {
        const OPERATION: &str = "find the last seal";
        let columns = audit_rows::SEAL;
        let sql = format!(
            "SELECT {columns} FROM audit_seals AS kept ORDER BY kept.position DESC LIMIT 1"
        );
        let row = self.row(OPERATION, &sql, &[]).await?;
        Ok(row.as_ref().map(audit_rows::seal))
    }

    async fn list_seals(&self, after: i64, limit: usize) -> Result<Vec<Seal>, StoreError> {
        const OPERATION: &str = "list seals";
        let columns = audit_rows::SEAL;
        let sql = format!(
            "SELECT {columns} FROM audit_seals AS kept WHERE position > ? ORDER BY kept.position LIMIT ?"
        );
        let rows = self
            .rows(OPERATION, &sql, &[after.into(), limit.into()])
            .await?;
        Ok(rows.iter().map(audit_rows::seal).collect())
    }

    async fn list_unsealed(
        &self,
        after: Option<AuditEventId>,
        before: AuditEventId,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let after = after.unwrap_or(AuditEventId::from_bytes([0; 16]));
        // In the order of the index, though `seal` is the same in all: by `id` alone PostgreSQL walks the
        // primary key, and steps over all that is sealed before each piece.
        // What has no id as ours are cannot be sealed, and shows outside the seals.
        let condition =
            "seal IS NULL AND id > ? AND id < ? AND LENGTH(id) = 16 ORDER BY kept.seal, kept.id";
        let args = [after.into(), before.into(), limit.into()];
        records(self, condition, &args).await
    }

    async fn list_sealed(
        &self,
        position: i64,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let args = [position.into(), limit.into()];
        records(self, "seal = ? ORDER BY kept.id", &args).await
    }

    async fn list_outside_seals(
        &self,
        first: i64,
        last: i64,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let mut found = Vec::new();
        let first_id = AuditEventId::from_bytes([0; 16]);
        for (condition, bound) in [
            ("seal < ?", first.into()),
            ("seal > ?", last.into()),
            // Nothing that ever seals an event reaches one with such an id.
            (
                "seal IS NULL AND NOT (LENGTH(id) = 16 AND id >= ?)",
                first_id.into(),
            ),
        ] {
            let condition = format!("{condition} ORDER BY kept.seal, kept.id");
            found.extend(records(self, &condition, &[bound, limit.into()]).await?);
        }
        found.truncate(limit);
        Ok(found)
    }

    async fn list_personal(
        &self,
        user_id: UserId,
        limit: usize,
    ) -> Result<Vec<AuditEventId>, StoreError> {
        const OPERATION: &str = "list what to erase";
        let mut ids = Vec::new();
        // By the primary key: who asked for a mail did so in the moment that the mail's id is made of.
        let asked = "id >= ? AND id < ? AND event = ? AND detail = ? AND actor_id IS NULL AND user_id IS NULL";
        let mail = MailJobId::from_bytes(*user_id.as_bytes());
        let (first, last) = AuditEventId::around(&mail);
        let detail = MailJob::audit_detail_of(mail);
        let of_mail = vec![
            first.into(),
            last.into(),
            Event::RecoveryRequested.as_str().into(),
            detail.as_str().into(),
        ];
        for (condition, mut args) in [
            ("actor_id = ?", vec![Arg::from(user_id)]),
            ("user_id = ? AND actor_id IS NULL", vec![user_id.into()]),
            (asked, of_mail),
        ] {
            let sql = format!(
                "SELECT id FROM audit_events WHERE {condition} AND seal IS NOT NULL \
                 AND personal_salt IS NOT NULL ORDER BY id LIMIT ?"
            );
            args.push(limit.into());
            let rows = self.rows(OPERATION, &sql, &args).await?;
            let of_row = |row: &AnyRow| {
                let row = Row::new(row, "audit_events", "id");
                Ok(AuditEventId::from_bytes(row.array("id")?))
            };
            ids.extend(row::readable(&rows, of_row));
        }
        ids.truncate(limit);
        Ok(ids)
    }

    async fn list_sealed_about(
        &self,
        user_id: UserId,
        event: Event,
        after: Option<AuditEventId>,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let after = after.unwrap_or(AuditEventId::from_bytes([0; 16]));
        let condition =
            "user_id = ? AND event = ? AND id > ? AND seal IS NOT NULL ORDER BY kept.id";
        let args = [
            user_id.into(),
            event.as_str().into(),
            after.into(),
            limit.into(),
        ];
        records(self, condition, &args).await
    }

    async fn list_triggers(&self) -> Result<Vec<String>, StoreError> {
        const OPERATION: &str = "list triggers";
        let rows = self.rows(OPERATION, &self.dialect.triggers(), &[]).await?;
        row::all(OPERATION, &rows, |row| {
            Row::new(row, "the database's catalogue", "name").text("name")
        })
    }

    async fn is_told_of_triggers(&self) -> Result<bool, StoreError> {
        const OPERATION: &str = "ask for the right to see triggers";
        let Some(question) = self.dialect.may_see_triggers() else {
            return Ok(true);
        };
        let row = self.row(OPERATION, question, &[]).await?;
        let may = row::one(OPERATION, row.as_ref(), |row| {
            Row::new(row, "the database's catalogue", "may").int("may")
        })?;
        Ok(may.is_some_and(|may| may != 0))
    }

    async fn list_open_erasures(&self, limit: usize) -> Result<Vec<Erasure>, StoreError> {
        const OPERATION: &str = "list open erasures";
        let sql = "SELECT user_id, ordered_at, signature, done_at FROM audit_erasures \
            WHERE done_at IS NULL ORDER BY ordered_at LIMIT ?";
        let rows = self.rows(OPERATION, sql, &[limit.into()]).await?;
        Ok(row::readable(&rows, erasure))
    }

    async fn list_deleted(&self, user_ids: &[UserId]) -> Result<Vec<UserId>, StoreError> {
        const OPERATION: &str = "list who was deleted";
        if user_ids.is_empty() {
            return Ok(Vec::new());
        }
        let places = vec!["?"; user_ids.len()].join(", ");
        // A line about it is there at once, the order to erase with its seal, and may outlive the line.
        let sql = format!(
            "SELECT user_id FROM audit_erasures WHERE user_id IN ({places}) \
             UNION SELECT user_id FROM audit_events \
             WHERE user_id IN ({places}) AND event IN (?, ?, ?, ?) AND outcome = ?"
        );
        let ids = || user_ids.iter().map(|id| Arg::from(*id));
        let words = DELETIONS.map(|event| event.as_str().into());
        let success = Outcome::Success.as_str().into();
        let args: Vec<_> = ids().chain(ids()).chain(words).chain([success]).collect();
        let rows = self.rows(OPERATION, &sql, &args).await?;
        row::all(OPERATION, &rows, |row| {
            let row = Row::new(row, "audit_erasures", "user_id");
            Ok(UserId::from_bytes(row.array("user_id")?))
        })
    }

    async fn find_erasure(&self, user_id: UserId) -> Result<Option<Erasure>, StoreError> {
        const OPERATION: &str = "find erasure";
        let sql =
            "SELECT user_id, ordered_at, signature, done_at FROM audit_erasures WHERE user_id = ?";
        let row = self.row(OPERATION, sql, &[user_id.into()]).await?;
        row::one(OPERATION, row.as_ref(), erasure)
    }
}

async fn records(
    store: &SqlStore,
    condition: &str,
    args: &[Arg<'_>],
) -> Result<Vec<AuditRecord>, StoreError> {
    const OPERATION: &str = "list what is sealed";
    let columns = audit_rows::of_record(store.dialect);
    let sql = format!("SELECT {columns} FROM audit_events AS kept WHERE {condition} LIMIT ?");
    let rows = store.rows(OPERATION, &sql, args).await?;
    Ok(rows.iter().map(audit_rows::record).collect())
}
