//! The audit log's seals in memory.

use async_trait::async_trait;

use super::{MemoryStore, Tables};
use crate::audit::log::ERASURES_OUTLIVE;
use crate::audit::{AuditLog, DELETIONS, owner_of};
use crate::changes::ApplyError;
use crate::model::{AuditEvent, AuditRecord, Erasure, Event, LetGo, Outcome, Seal, SealedEvent};
use crate::ports::StoreError;
use crate::values::{AuditEventId, UserId};

impl Tables {
    fn record(&self, event: &AuditEvent) -> AuditRecord {
        let mark = self.audit_marks.get(&event.id);
        let sealed = mark.map(|(_, sealed)| sealed);
        AuditRecord {
            id: event.id,
            at: event.at,
            event: event.event.as_str().to_owned(),
            outcome: event.outcome.as_str().to_owned(),
            actor: event.actor.clone(),
            actor_id: crate::audit::checker::actor_id(&event.actor),
            user_id: event.user_id,
            address: event.address.map(|address| address.to_string()),
            user_agent: event.user_agent.clone(),
            request_id: event.request_id.clone(),
            detail: event.detail.clone(),
            seal: mark.map(|(position, _)| *position),
            personal_digest: sealed.and_then(|sealed| sealed.personal_digest),
            personal_salt: sealed.and_then(|sealed| sealed.personal_salt),
        }
    }

    fn records(&self, wanted: impl Fn(&AuditRecord) -> bool, limit: usize) -> Vec<AuditRecord> {
        let records = self.audit_events.iter().map(|event| self.record(event));
        let mut records: Vec<_> = records.filter(wanted).collect();
        records.sort_by_key(|record| record.id);
        records.truncate(limit);
        records
    }

    pub(super) fn seal(&mut self, seal: Seal, events: Vec<SealedEvent>) -> Result<(), ApplyError> {
        if self.audit_seals.contains_key(&seal.position) {
            return Err(ApplyError::Stale);
        }
        for event in events {
            let is_there = self.audit_events.iter().any(|kept| kept.id == event.id);
            let id = event.id;
            let known = self.audit_marks.insert(id, (seal.position, event));
            if !is_there || known.is_some() {
                return Err(ApplyError::Stale);
            }
        }
        self.audit_seals.insert(seal.position, seal);
        Ok(())
    }

    pub(super) fn let_seal_go(&mut self, position: i64, let_go: LetGo) -> Result<(), ApplyError> {
        let seal = self.audit_seals.get_mut(&position);
        let seal = seal.filter(|seal| seal.let_go.is_none());
        let seal = seal.ok_or(ApplyError::Stale)?;
        seal.let_go = Some(let_go);
        seal.leaves = None;
        let marks = &self.audit_marks;
        self.audit_events.retain(|event| {
            marks
                .get(&event.id)
                .is_none_or(|(seal, _)| *seal != position)
        });
        self.audit_marks.retain(|_, (seal, _)| *seal != position);
        self.audit_seals.retain(|other, _| *other >= position);
        self.forget_erasures(position);
        Ok(())
    }

    /// Those whose events have gone with that seal or before.
    fn forget_erasures(&mut self, position: i64) {
        let Some(seal) = self.audit_seals.get(&position) else {
            return;
        };
        let before = seal.sealed_at - ERASURES_OUTLIVE;
        let events = &self.audit_events;
        let is_named = |id: UserId| {
            let names = |event: &AuditEvent| {
                event.user_id == Some(id) || event.actor == format!("user:{id}")
            };
            events.iter().any(names)
        };
        self.audit_erasures.retain(|id, erasure| {
            erasure.done_at.is_none() || erasure.ordered_at >= before || is_named(*id)
        });
    }

    pub(super) fn erase_personal(&mut self, ids: &[AuditEventId]) {
        for id in ids {
            let Some((_, mark)) = self.audit_marks.get_mut(id) else {
                continue;
            };
            mark.personal_salt = None;
            for event in self.audit_events.iter_mut().filter(|event| event.id == *id) {
                event.address = None;
                event.user_agent = None;
            }
        }
    }
}

#[async_trait]
impl AuditLog for MemoryStore {
    async fn last_seal(&self) -> Result<Option<Seal>, StoreError> {
        let tables = self.tables();
        Ok(tables
            .audit_seals
            .last_key_value()
            .map(|(_, seal)| seal.clone()))
    }

    async fn list_seals(&self, after: i64, limit: usize) -> Result<Vec<Seal>, StoreError> {
        let tables = self.tables();
        let after = (std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded);
        let seals = tables.audit_seals.range(after);
        Ok(seals.take(limit).map(|(_, seal)| seal.clone()).collect())
    }

    async fn list_unsealed(
        &self,
        after: Option<AuditEventId>,
        before: AuditEventId,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let wanted = |record: &AuditRecord| {
            record.seal.is_none()
                && record.id < before
                && after.is_none_or(|after| record.id > after)
        };
        Ok(self.tables().records(wanted, limit))
    }

    async fn list_sealed(
        &self,
        position: i64,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let wanted = |record: &AuditRecord| record.seal == Some(position);
        Ok(self.tables().records(wanted, limit))
    }

    async fn list_outside_seals(
        &self,
        first: i64,
        last: i64,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let wanted =
            |record: &AuditRecord| record.seal.is_some_and(|seal| seal < first || seal > last);
        Ok(self.tables().records(wanted, limit))
    }

    async fn list_personal(
        &self,
        user_id: UserId,
        limit: usize,
    ) -> Result<Vec<AuditEventId>, StoreError> {
        let wanted = |record: &AuditRecord| {
            record.personal_salt.is_some() && owner_of(record) == Some(user_id)
        };
        let records = self.tables().records(wanted, limit);
        Ok(records.iter().map(|record| record.id).collect())
    }

    async fn list_sealed_about(
        &self,
        user_id: UserId,
        event: Event,
        after: Option<AuditEventId>,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let wanted = |record: &AuditRecord| {
            record.seal.is_some()
                && record.user_id == Some(user_id)
                && record.event == event.as_str()
                && after.is_none_or(|after| record.id > after)
        };
        Ok(self.tables().records(wanted, limit))
    }

    async fn list_triggers(&self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    async fn is_told_of_triggers(&self) -> Result<bool, StoreError> {
        Ok(true)
    }

    async fn list_open_erasures(&self, limit: usize) -> Result<Vec<Erasure>, StoreError> {
        let tables = self.tables();
        let open = tables.audit_erasures.values();
        let open = open.filter(|erasure| erasure.done_at.is_none());
        Ok(open.take(limit).cloned().collect())
    }

    async fn list_deleted(&self, user_ids: &[UserId]) -> Result<Vec<UserId>, StoreError> {
        let tables = self.tables();
        let tells = |line: &AuditEvent, id: UserId| {
            line.user_id == Some(id)
                && line.outcome == Outcome::Success
                && DELETIONS.contains(&line.event)
        };
        let tells = |id: UserId| tables.audit_events.iter().any(|line| tells(line, id));
        let is_deleted = |id: &&UserId| tables.audit_erasures.contains_key(id) || tells(**id);
        Ok(user_ids.iter().filter(is_deleted).copied().collect())
    }

    async fn find_erasure(&self, user_id: UserId) -> Result<Option<Erasure>, StoreError> {
        Ok(self.tables().audit_erasures.get(&user_id).cloned())
    }
}
