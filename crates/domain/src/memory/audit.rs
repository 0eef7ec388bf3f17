//! The audit log's chain in memory.

use async_trait::async_trait;
use jiff::Timestamp;

use super::{MemoryStore, MemoryTables};
use crate::audit::{AuditLog, DELETIONS, Unsealed, actor_id};
use crate::changes::ApplyError;
use crate::model::{AuditEvent, AuditRecord, Checkpoint, Outcome, SealedEvent};
use crate::ports::StoreError;
use crate::values::{AuditEventId, Digest, UserId};

impl MemoryTables {
    /// The events that are not sealed, by id.
    fn unsealed(&self) -> Vec<&AuditEvent> {
        let events = self.audit_events.iter();
        let mut events: Vec<_> = events
            .filter(|event| !self.audit_chain.contains_key(&event.id))
            .collect();
        events.sort_by_key(|event| event.id);
        events
    }

    pub(super) fn seal_audit(
        &mut self,
        checkpoint: Checkpoint,
        events: &[(AuditEventId, Digest)],
    ) -> Result<(), ApplyError> {
        if self.audit_checkpoints.contains_key(&checkpoint.previous) {
            return Err(ApplyError::Stale);
        }
        for (position, (id, hash)) in (checkpoint.previous + 1..).zip(events) {
            if self.unsealed().iter().all(|event| event.id != *id) {
                return Err(ApplyError::Stale);
            }
            self.audit_chain.insert(*id, (position, *hash));
        }
        self.audit_checkpoints
            .insert(checkpoint.previous, checkpoint);
        Ok(())
    }

    pub(super) fn prune_audit(&mut self, pruned: Checkpoint) -> Result<(), ApplyError> {
        let checkpoint = self.audit_checkpoints.get_mut(&pruned.previous);
        let checkpoint = checkpoint.filter(|one| one.pruned_at.is_none());
        let position = pruned.position;
        *checkpoint.ok_or(ApplyError::Stale)? = pruned;
        self.audit_checkpoints
            .retain(|_, one| one.position >= position);
        let chain = &mut self.audit_chain;
        self.audit_events
            .retain(|event| chain.get(&event.id).is_none_or(|one| one.0 > position));
        chain.retain(|_, one| one.0 > position);
        Ok(())
    }

    pub(super) fn erase_audit(&mut self, ids: &[AuditEventId]) {
        for event in &mut self.audit_events {
            if ids.contains(&event.id) {
                event.address = None;
                event.user_agent = None;
            }
        }
    }
}

fn record(event: &AuditEvent) -> AuditRecord {
    AuditRecord {
        id: event.id,
        at: event.at,
        event: event.event.as_str().to_owned(),
        outcome: event.outcome.as_str().to_owned(),
        actor: event.actor.clone(),
        user_id: event.user_id,
        address: event.address.map(|address| address.to_string()),
        user_agent: event.user_agent.clone(),
        request_id: event.request_id.clone(),
        detail: event.detail.clone(),
    }
}

#[async_trait]
impl AuditLog for MemoryStore {
    async fn last_checkpoint(&self) -> Result<Option<Checkpoint>, StoreError> {
        let tables = self.tables();
        let last = tables.audit_checkpoints.last_key_value();
        Ok(last.map(|(_, checkpoint)| checkpoint.clone()))
    }

    async fn next_checkpoint(&self, position: i64) -> Result<Option<Checkpoint>, StoreError> {
        let tables = self.tables();
        let mut checkpoints = tables.audit_checkpoints.values();
        Ok(checkpoints.find(|one| one.position > position).cloned())
    }

    async fn list_prunable(
        &self,
        key_id: &str,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Checkpoint>, StoreError> {
        let tables = self.tables();
        let old = tables.audit_checkpoints.values().filter(|one| {
            one.key_id == key_id && one.created_at < before && one.pruned_at.is_none()
        });
        Ok(old.take(limit).cloned().collect())
    }

    async fn list_unsealed(
        &self,
        before: AuditEventId,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let tables = self.tables();
        let events = tables.unsealed().into_iter();
        let old = events.filter(|event| event.id < before);
        Ok(old.take(limit).map(record).collect())
    }

    async fn unsealed(&self) -> Result<Unsealed, StoreError> {
        let tables = self.tables();
        let events = tables.unsealed();
        Ok(Unsealed {
            count: u64::try_from(events.len()).unwrap_or(u64::MAX),
            oldest: events.first().map(|event| event.id.moment()),
        })
    }

    async fn list_sealed(
        &self,
        after: i64,
        to: i64,
        limit: usize,
    ) -> Result<Vec<SealedEvent>, StoreError> {
        let tables = self.tables();
        let sealed = |event: &AuditEvent| {
            let (position, hash) = *tables.audit_chain.get(&event.id)?;
            (position > after && position <= to).then(|| SealedEvent {
                position,
                hash,
                record: record(event),
            })
        };
        let mut events: Vec<_> = tables.audit_events.iter().filter_map(sealed).collect();
        events.sort_by_key(|event| event.position);
        events.truncate(limit);
        Ok(events)
    }

    async fn list_deleted(&self, user_ids: &[UserId]) -> Result<Vec<UserId>, StoreError> {
        let tables = self.tables();
        let is_deleted = |id: &&UserId| {
            tables.audit_events.iter().any(|event| {
                event.user_id == Some(**id)
                    && event.outcome == Outcome::Success
                    && DELETIONS.contains(&event.event)
            })
        };
        Ok(user_ids.iter().filter(is_deleted).copied().collect())
    }

    async fn list_personal(
        &self,
        user_id: UserId,
        after: Option<AuditEventId>,
        limit: usize,
    ) -> Result<Vec<AuditEventId>, StoreError> {
        let tables = self.tables();
        let events = tables.audit_events.iter().filter(|event| {
            let owner = actor_id(&event.actor).or(event.user_id);
            let is_personal = event.address.is_some() || event.user_agent.is_some();
            owner == Some(user_id) && is_personal && after.is_none_or(|after| event.id > after)
        });
        let mut ids: Vec<_> = events.map(|event| event.id).collect();
        ids.sort_unstable();
        ids.truncate(limit);
        Ok(ids)
    }
}
