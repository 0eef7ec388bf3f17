//! Seals events, prunes old ones, and erases personal data of deleted accounts.
//!
//! Every node runs this. A checkpoint's `previous` position is unique: of two nodes that seal at the same time one
//! succeeds. A node that is killed leaves no event half sealed; what remains of pruned events is deleted by the next
//! run.

use std::sync::Arc;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::{AuditLog, AuditSigner, CheckpointId, chain, log};
use crate::model::{
    AuditEvent, AuditFilter, AuditKind, AuditRecord, Checkpoint, DeletedUser, MailJob, TABLES,
    actor_id,
};
use crate::store::{ApplyError, Query, Record, Records, Store, StoreError, Write};
use crate::values::{AuditEventId, UserId};

/// The minimum age of an event that is sealed. Younger events may still be in an open transaction. An
/// event that is committed later gets a later position.
pub const SETTLING_TIME: SignedDuration = SignedDuration::from_secs(5);
/// The maximum number of events per checkpoint, which every store accepts in one batch.
pub const EVENTS_PER_SEAL: usize = 90;
/// The maximum number of checkpoints per run.
const CHECKPOINTS: usize = 100;
/// The maximum number of events that are read to be erased or deleted.
const AT_ONCE: usize = 90;

/// The result of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sealed {
    /// The number of events that were sealed.
    pub events: usize,
    /// The newest checkpoint of this run.
    pub newest: Option<CheckpointId>,
    /// The position of the checkpoint that sealing continued from although this key did not sign it.
    pub broken_seal: Option<i64>,
}

/// Maintains the log of one store.
pub struct Sealer<'a> {
    /// The store.
    pub store: &'a dyn Store,
    /// The signer.
    pub signer: Arc<AuditSigner>,
    /// The time.
    pub now: Timestamp,
}

impl Sealer<'_> {
    /// Seals the events that are older than [`SETTLING_TIME`].
    pub async fn seal(&self) -> Result<Sealed, ApplyError> {
        self.seal_before(self.now - SETTLING_TIME).await
    }

    /// Seals all events, at shutdown.
    pub async fn seal_all(&self) -> Result<Sealed, ApplyError> {
        self.seal_before(self.now + SignedDuration::from_secs(1))
            .await
    }

    async fn seal_before(&self, moment: Timestamp) -> Result<Sealed, ApplyError> {
        let mut sealed = Sealed::default();
        let log = AuditLog(self.store);
        for _ in 0..CHECKPOINTS {
            let before = AuditEventId::first_at(moment);
            let records = log.list_unsealed(before, EVENTS_PER_SEAL).await?;
            if records.is_empty() {
                break;
            }
            for user_id in self.deleted_users(&records).await? {
                // The process that deleted the user may have been killed before it purged the rows.
                self.store.purge(TABLES, user_id.into()).await?;
                self.erase(user_id).await?;
            }
            let last = log.last_checkpoint().await?;
            let key = self.signer.public_key();
            let broken = last.as_ref().filter(|last| !key.signed_checkpoint(last));
            let (previous, mut hash) = last
                .as_ref()
                .map_or((0, chain::start()), |last| (last.position, last.hash));
            let count = i64::try_from(records.len()).unwrap_or(i64::MAX);
            let Some(position) = previous.checked_add(count) else {
                tracing::error!(
                    "cannot seal the audit log: the last checkpoint was modified. Run `doorward audit verify`"
                );
                break;
            };
            let mut events = Vec::with_capacity(records.len());
            for record in &records {
                hash = chain::next_hash(&hash, &chain::content_digest(record));
                events.push((record.id, hash));
            }
            let checkpoint = self.signer.checkpoint(previous, position, hash, self.now);
            let newest = CheckpointId::of(&checkpoint);
            match self.store.apply(log::seal(&checkpoint, &events)).await {
                Ok(()) => {}
                // Another node was faster.
                Err(ApplyError::Stale | ApplyError::Taken(_)) => break,
                Err(other) => return Err(other),
            }
            if let Some(last) = broken {
                tracing::error!(
                    audit.position = last.position,
                    "the last audit checkpoint was modified or signed with another key; sealing continues. Likely causes: a changed master key, nodes with different master keys, or tampering. Run `doorward audit verify`"
                );
                sealed.broken_seal = Some(last.position);
            }
            sealed.events += records.len();
            sealed.newest = Some(newest);
            if records.len() < EVENTS_PER_SEAL {
                break;
            }
        }
        Ok(sealed)
    }

    /// Deletes the events up to the newest checkpoint that is older than `retention`. Returns `true` if there was one.
    pub async fn prune(&self, retention: SignedDuration) -> Result<bool, ApplyError> {
        let log = AuditLog(self.store);
        let key = self.signer.public_key();
        let before = self.now - retention;
        // A process that was killed may have left events of the last run.
        if let Some(position) = log.last_pruned(CHECKPOINTS).await? {
            self.delete_up_to(position).await?;
        }
        let mut newest = None;
        // The oldest first: each turn prunes to the newest of those that were read.
        loop {
            let prunable = Checkpoint::prunable(&key.to_string(), before).limit(CHECKPOINTS);
            let mut old: Vec<Checkpoint> = self.store.list_readable(prunable).await?;
            // Signing a modified checkpoint would delete events that an attacker selected.
            let count = old.len();
            old.retain(|checkpoint| key.signed_checkpoint(checkpoint));
            if old.len() < count {
                tracing::error!(
                    "audit log not pruned up to a checkpoint that was modified. Run `doorward audit verify`"
                );
            }
            let Some(checkpoint) = old.pop() else {
                return Ok(newest.is_some());
            };
            let pruned = self.signer.pruned(checkpoint, self.now);
            match self.store.apply(vec![log::prune(&pruned)]).await {
                Ok(()) => {}
                Err(ApplyError::Stale) => return Ok(newest.is_some()),
                Err(other) => return Err(other),
            }
            self.delete_up_to(pruned.position).await?;
            newest = Some(pruned.position);
        }
    }

    /// Deletes the checkpoints before this pruned one, and then the events up to it.
    async fn delete_up_to(&self, position: i64) -> Result<(), ApplyError> {
        let checkpoints = Checkpoint::before(position);
        self.delete_all::<Checkpoint>(checkpoints).await?;
        let events = AuditRecord::sealed(i64::MIN, position);
        self.delete_all::<AuditRecord>(events).await
    }

    /// Deletes the rows of a query, readable or not.
    async fn delete_all<R: Record>(&self, query: Query) -> Result<(), ApplyError> {
        loop {
            let rows = self.store.list_rows(query.clone().limit(AT_ONCE)).await?;
            if rows.is_empty() {
                return Ok(());
            }
            let delete = rows.iter().map(|row| Write::delete::<R>(row.key().clone()));
            self.store.apply(delete.collect()).await?;
        }
    }

    /// The users in these events whose account is deleted. Each event is sealed once, so an event that is
    /// written after the deletion is found here, too.
    async fn deleted_users(&self, records: &[AuditRecord]) -> Result<Vec<UserId>, StoreError> {
        let ids = records
            .iter()
            .flat_map(|record| [record.user_id, actor_id(&record.actor)]);
        let ids: Vec<_> = ids.flatten().collect::<BTreeSet<_>>().into_iter().collect();
        let deleted: Vec<DeletedUser> = self.store.get_all(ids).await?;
        Ok(deleted.iter().map(|user| user.id).collect())
    }

    /// Erases the IP addresses and user agents of a deleted account (L-05).
    async fn erase(&self, user_id: UserId) -> Result<(), ApplyError> {
        let log = AuditLog(self.store);
        let mut after = None;
        loop {
            let events = log.list_personal_events(user_id, after, AT_ONCE).await?;
            let Some(last) = events.last() else {
                break;
            };
            after = Some(last.id);
            for event in events.iter().filter(|event| event.has_client) {
                self.erase_event(event.id).await?;
            }
        }
        self.erase_recovery_requests(user_id).await
    }

    async fn erase_event(&self, id: AuditEventId) -> Result<(), ApplyError> {
        match self.store.apply(vec![log::erase(id)]).await {
            // Another node has pruned it.
            Ok(()) | Err(ApplyError::Stale) => Ok(()),
            Err(other) => Err(other),
        }
    }

    /// A recovery request that no admin made names no user, but the same mail as the `recovery-mailed` event of the user.
    async fn erase_recovery_requests(&self, user_id: UserId) -> Result<(), ApplyError> {
        let mut of_user = AuditFilter {
            user_id: Some(user_id),
            event: Some(AuditKind::RecoveryMailed),
            limit: AT_ONCE,
            ..AuditFilter::default()
        };
        loop {
            let mailed: Vec<AuditEvent> = self.store.list_readable(of_user.query()).await?;
            let Some(last) = mailed.last() else {
                return Ok(());
            };
            of_user.before = Some(last.id);
            for detail in mailed.iter().filter_map(|event| event.detail.as_deref()) {
                let Some(mail) = MailJob::from_audit_detail(detail) else {
                    continue;
                };
                let (from, to) = AuditEventId::range_around(&mail);
                let requests = AuditFilter {
                    event: Some(AuditKind::RecoveryRequested),
                    since: Some(from.timestamp()),
                    until: Some(to.timestamp()),
                    limit: AT_ONCE,
                    ..AuditFilter::default()
                };
                let requests: Vec<AuditEvent> = self.store.list_readable(requests.query()).await?;
                let is_same = |event: &&AuditEvent| event.detail.as_deref() == Some(detail);
                for request in requests.iter().filter(is_same) {
                    self.erase_event(request.id).await?;
                }
            }
        }
    }
}
