//! Reads and writes of the sealed audit log.

use jiff::Timestamp;

use crate::model::{AuditRecord, Checkpoint, SealedEvent};
use crate::store::{Batch, Condition, ReadStore, Records, Row, StoreError, Value, Write};
use crate::values::{AuditEventId, Digest, UserId};

/// The events that are not sealed yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unsealed {
    /// The number of events.
    pub count: u64,
    /// The time of the oldest.
    pub oldest: Option<Timestamp>,
}

/// The log of a store. Rows that cannot be read are skipped.
#[derive(Clone, Copy)]
pub struct AuditLog<'a>(pub &'a dyn ReadStore);

impl AuditLog<'_> {
    /// The checkpoint with the highest position.
    pub async fn last_checkpoint(&self) -> Result<Option<Checkpoint>, StoreError> {
        let last = Checkpoint::by_position().descending();
        Ok(self.0.list_readable(last.limit(1)).await?.pop())
    }

    /// The checkpoint with the lowest position after `position`.
    pub async fn next_checkpoint(&self, position: i64) -> Result<Option<Checkpoint>, StoreError> {
        let next = Checkpoint::after(position);
        Ok(self.0.list_readable(next.limit(1)).await?.pop())
    }

    /// Events without a position and with an id below `before`, by id.
    pub async fn list_unsealed(
        &self,
        before: AuditEventId,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let Some(last) = before.before() else {
            return Ok(Vec::new());
        };
        let unsealed = AuditRecord::unsealed().at_most(last);
        self.0.list_readable(unsealed.limit(limit)).await
    }

    /// The number and the age of the events without a position.
    pub async fn unsealed(&self) -> Result<Unsealed, StoreError> {
        let unsealed = AuditRecord::unsealed();
        let oldest = unsealed.clone().limit(1);
        let oldest: Vec<AuditRecord> = self.0.list_readable(oldest).await?;
        Ok(Unsealed {
            count: self.0.count_rows(unsealed).await?,
            oldest: oldest.first().map(|record| record.id.timestamp()),
        })
    }

    /// Events with a position above `after` and up to `to`, by position.
    pub async fn list_sealed(
        &self,
        after: i64,
        to: i64,
        limit: usize,
    ) -> Result<Vec<SealedEvent>, StoreError> {
        let sealed = AuditRecord::sealed(after, to);
        self.0.list_readable(sealed.limit(limit)).await
    }

    /// The events after `after` that can contain personal data of the user: those the user did, and those that were
    /// done to the user by an actor that is not a user. By id, readable or not.
    pub async fn list_personal_events(
        &self,
        user_id: UserId,
        after: Option<AuditEventId>,
        limit: usize,
    ) -> Result<Vec<PersonalEvent>, StoreError> {
        let mut events: Vec<PersonalEvent> = Vec::new();
        for query in AuditRecord::personal(user_id) {
            let query = query.limit(limit);
            let query = match after {
                Some(after) => query.above(after),
                None => query,
            };
            let rows = self.0.list_rows(query).await?;
            events.extend(rows.iter().filter_map(PersonalEvent::read));
        }
        events.sort_unstable_by_key(|event| event.id);
        events.truncate(limit);
        Ok(events)
    }

    /// The position of the last pruned checkpoint among the first ones, if there is one.
    pub async fn last_pruned(&self, limit: usize) -> Result<Option<i64>, StoreError> {
        let first = Checkpoint::by_position().limit(limit);
        let first: Vec<Checkpoint> = self.0.list_readable(first).await?;
        let pruned = first
            .iter()
            .rfind(|checkpoint| checkpoint.pruned_at.is_some());
        Ok(pruned.map(|checkpoint| checkpoint.position))
    }
}

/// An event about or by a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PersonalEvent {
    /// The id.
    pub id: AuditEventId,
    /// `true` if it has an IP address or a user agent.
    pub has_client: bool,
}

impl PersonalEvent {
    fn read(row: &Row) -> Option<Self> {
        let Value::Bytes(id) = row.key() else {
            return None;
        };
        let has = |column| *row.get(column) != Value::Null;
        Some(Self {
            id: AuditEventId::from_bytes(id.as_slice().try_into().ok()?),
            has_client: has("address") || has("user_agent"),
        })
    }
}

/// Gives the events the positions after `checkpoint.previous`, in this order, and these hashes, and inserts the
/// checkpoint. Fails with `Stale` or `Taken` if another node has sealed from the same position, or one of the events.
pub fn seal(checkpoint: &Checkpoint, events: &[(AuditEventId, Digest)]) -> Batch {
    let positions = checkpoint.previous.saturating_add(1)..;
    let seal = |(position, (id, hash)): (i64, &(AuditEventId, Digest))| {
        let set = [("position", position.into()), ("hash", hash.into())];
        Write::update::<AuditRecord, 2>(*id, set, vec![Condition::is_null("position")])
    };
    let events = positions.zip(events).map(seal);
    [Write::insert(checkpoint)]
        .into_iter()
        .chain(events)
        .collect()
}

/// Marks a checkpoint as pruned. Fails with `Stale` if it does not exist or is already pruned. Then the events and
/// the checkpoints up to it are not part of the log.
pub fn prune(pruned: &Checkpoint) -> Write {
    let set = [
        ("pruned_at", pruned.pruned_at.into()),
        ("key_id", pruned.key_id.as_str().into()),
        ("signature", pruned.signature.as_slice().into()),
    ];
    let when = vec![
        Condition::is("position", pruned.position),
        Condition::is_null("pruned_at"),
    ];
    Write::update::<Checkpoint, 3>(pruned.previous, set, when)
}

/// Erases the IP address and the user agent of an event. Fails with `Stale` if it was pruned.
pub fn erase(id: AuditEventId) -> Write {
    let set = [("address", Value::Null), ("user_agent", Value::Null)];
    Write::update::<AuditRecord, 2>(id, set, Vec::new())
}
