//! Seals events, prunes old ones, and erases personal data of deleted accounts.
//!
//! Every node runs this. Each write is one transaction, and a checkpoint's `previous` position is unique:
//! of two nodes that seal at the same time one succeeds, and a node that is killed leaves nothing half
//! done.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::{AuditSigner, CheckpointId, actor_id, chain};
use crate::changes::{ApplyError, Change};
use crate::model::{AuditFilter, AuditRecord, Event, MailJob};
use crate::ports::{Store, StoreError};
use crate::values::{AuditEventId, UserId};

/// The minimum age of an event that is sealed. Younger events may still be in an open transaction. An
/// event that is committed later gets a later position.
pub const SETTLING_TIME: SignedDuration = SignedDuration::from_secs(5);
/// The maximum number of events per checkpoint.
pub const EVENTS: usize = 200;
/// The maximum number of checkpoints per run.
const CHECKPOINTS: usize = 50;
/// The maximum number of events erased per transaction.
const ERASED: usize = 500;

/// The result of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sealed {
    /// The number of events that were sealed.
    pub events: usize,
    /// The newest checkpoint of this run.
    pub newest: Option<CheckpointId>,
    /// The position of the checkpoint that sealing continued from although this key did not sign it.
    pub broken: Option<i64>,
}

/// Maintains the log of one store.
pub struct Sealer<'a> {
    /// The store.
    pub store: &'a dyn Store,
    /// The signer.
    pub signer: AuditSigner,
    /// The time.
    pub now: Timestamp,
}

impl Sealer<'_> {
    /// Seals the events that are older than [`SETTLING_TIME`].
    pub async fn seal(&self) -> Result<Sealed, ApplyError> {
        self.seal_before(self.now - SETTLING_TIME).await
    }

    /// Seals all events, at shutdown.
    pub async fn seal_rest(&self) -> Result<Sealed, ApplyError> {
        self.seal_before(self.now + SignedDuration::from_secs(1))
            .await
    }

    async fn seal_before(&self, moment: Timestamp) -> Result<Sealed, ApplyError> {
        let mut sealed = Sealed::default();
        let log = self.store.audit_log();
        for _ in 0..CHECKPOINTS {
            let before = AuditEventId::first_at(moment);
            let records = log.list_unsealed(before, EVENTS).await?;
            if records.is_empty() {
                break;
            }
            for user_id in self.deleted_users(&records).await? {
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
            let seal = Change::SealAudit { checkpoint, events };
            match self.store.apply(vec![seal]).await {
                Ok(()) => {}
                // Another node was faster.
                Err(ApplyError::Stale) => break,
                Err(other) => return Err(other),
            }
            if let Some(last) = broken {
                tracing::error!(
                    audit.position = last.position,
                    "the last audit checkpoint was modified or signed with another key; sealing continues. Likely causes: a changed master key, nodes with different master keys, or tampering. Run `doorward audit verify`"
                );
                sealed.broken = Some(last.position);
            }
            sealed.events += records.len();
            sealed.newest = Some(newest);
            if records.len() < EVENTS {
                break;
            }
        }
        Ok(sealed)
    }

    /// Deletes the events up to the newest checkpoint that is older than `retention`. Returns the number
    /// of transactions.
    pub async fn prune(&self, retention: SignedDuration) -> Result<usize, ApplyError> {
        let log = self.store.audit_log();
        let key = self.signer.public_key();
        for done in 0..CHECKPOINTS {
            let before = self.now - retention;
            let mut old = log
                .list_prunable(&key.to_string(), before, CHECKPOINTS)
                .await?;
            // Signing a modified checkpoint would delete events that an attacker selected.
            let count = old.len();
            old.retain(|checkpoint| key.signed_checkpoint(checkpoint));
            if old.len() < count {
                tracing::error!(
                    "audit log not pruned up to a checkpoint that was modified. Run `doorward audit verify`"
                );
            }
            let Some(newest) = old.pop() else {
                return Ok(done);
            };
            let prune = Change::PruneAudit(self.signer.pruned(newest, self.now));
            match self.store.apply(vec![prune]).await {
                Ok(()) => {}
                Err(ApplyError::Stale) => return Ok(done),
                Err(other) => return Err(other),
            }
        }
        Ok(CHECKPOINTS)
    }

    /// The users in these events whose account is deleted. Each event is sealed once, so an event that is
    /// written after the deletion is found here, too.
    async fn deleted_users(&self, records: &[AuditRecord]) -> Result<Vec<UserId>, StoreError> {
        let ids = records
            .iter()
            .flat_map(|record| [record.user_id, actor_id(&record.actor)]);
        let ids: Vec<_> = ids.flatten().collect::<BTreeSet<_>>().into_iter().collect();
        let mut deleted = Vec::new();
        for id in self.store.audit_log().list_deleted(&ids).await? {
            if self.store.find_user(id).await?.is_none() {
                deleted.push(id);
            }
        }
        Ok(deleted)
    }

    /// Erases the IP addresses and user agents of a deleted account (L-05).
    async fn erase(&self, user_id: UserId) -> Result<(), ApplyError> {
        let mut after = None;
        loop {
            let log = self.store.audit_log();
            let ids = log.list_personal(user_id, after, ERASED).await?;
            let Some(last) = ids.last() else {
                break;
            };
            after = Some(*last);
            self.store.apply(vec![Change::EraseAudit(ids)]).await?;
        }
        self.erase_recovery_requests(user_id).await
    }

    /// A recovery request names no user, but the same mail as the `recovery-mailed` event of the user.
    async fn erase_recovery_requests(&self, user_id: UserId) -> Result<(), ApplyError> {
        let mut of_user = AuditFilter {
            user_id: Some(user_id),
            event: Some(Event::RecoveryMailed),
            limit: ERASED,
            ..AuditFilter::default()
        };
        loop {
            let mailed = self.store.list_audit_events(&of_user).await?;
            let Some(last) = mailed.last() else {
                return Ok(());
            };
            of_user.before = Some(last.id);
            for detail in mailed.iter().filter_map(|event| event.detail.as_deref()) {
                let Some(mail) = MailJob::in_audit_detail(detail) else {
                    continue;
                };
                let (from, to) = AuditEventId::around(&mail);
                let requests = AuditFilter {
                    event: Some(Event::RecoveryRequested),
                    since: Some(from.moment()),
                    until: Some(to.moment()),
                    limit: ERASED,
                    ..AuditFilter::default()
                };
                let mut requests = self.store.list_audit_events(&requests).await?;
                requests.retain(|event| event.detail.as_deref() == Some(detail));
                let ids: Vec<_> = requests.iter().map(|event| event.id).collect();
                if !ids.is_empty() {
                    self.store.apply(vec![Change::EraseAudit(ids)]).await?;
                }
            }
        }
    }
}
