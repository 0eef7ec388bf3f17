//! Recomputes the chain and reports the first violation.
//!
//! [`Verifier`] does not access a store: it receives the events of a segment and then its checkpoint, from the
//! database ([`verify`]) or from a file. It cannot detect changes made before an event was sealed, changes to the
//! IP address and the user agent, or the removal of an end that was not recorded elsewhere.

use std::collections::BTreeMap;

use super::sealer::EVENTS_PER_SEAL;
use super::{AuditLog, AuditPublicKey, CheckpointId, Unsealed, chain};
use crate::model::{Checkpoint, SealedEvent};
use crate::store::{ReadStore, StoreError};
use crate::values::{AuditEventId, Digest};

/// A violation of the log's integrity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what each means")]
pub enum Violation {
    #[error("event {event} at position {position} was modified: it does not match its hash")]
    EventEdited { position: i64, event: AuditEventId },
    #[error("the event at position {position} is missing or unreadable")]
    EventMissing { position: i64 },
    #[error("event {event} was added: it does not belong at position {position}")]
    EventAdded { position: i64, event: AuditEventId },
    #[error("there is no checkpoint for the event at position {position}: it was removed")]
    CheckpointMissing { position: i64 },
    #[error("the checkpoint at position {position} was modified: its signature does not match")]
    CheckpointForged { position: i64 },
    #[error(
        "the checkpoint at position {position} is signed with the key {key}, which is not trusted. If it is the key of an earlier master key, pass --key"
    )]
    CheckpointUnknownKey { position: i64, key: String },
    #[error(
        "the log does not match the checkpoint at position {position}: events up to there were modified"
    )]
    CheckpointMismatch { position: i64 },
    #[error(
        "the log ends before position {position}, for which a checkpoint was recorded: its end was removed"
    )]
    LogEndMissing { position: i64 },
    #[error("the first line of the file was modified, or is signed with a key that is not trusted")]
    ExportHeaderForged,
}

impl Violation {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::EventEdited { .. } => "event-edited",
            Self::EventMissing { .. } => "event-missing",
            Self::EventAdded { .. } => "event-added",
            Self::CheckpointMissing { .. } => "checkpoint-missing",
            Self::CheckpointForged { .. } => "checkpoint-forged",
            Self::CheckpointUnknownKey { .. } => "checkpoint-unknown-key",
            Self::CheckpointMismatch { .. } => "checkpoint-mismatch",
            Self::LogEndMissing { .. } => "log-end-missing",
            Self::ExportHeaderForged => "export-header-forged",
        }
    }

    /// The position in the chain.
    pub fn position(&self) -> Option<i64> {
        match self {
            Self::EventEdited { position, .. }
            | Self::EventMissing { position }
            | Self::EventAdded { position, .. }
            | Self::CheckpointMissing { position }
            | Self::CheckpointForged { position }
            | Self::CheckpointUnknownKey { position, .. }
            | Self::CheckpointMismatch { position }
            | Self::LogEndMissing { position } => Some(*position),
            Self::ExportHeaderForged => None,
        }
    }

    /// The event.
    pub fn event(&self) -> Option<AuditEventId> {
        match self {
            Self::EventEdited { event, .. } | Self::EventAdded { event, .. } => Some(*event),
            _ => None,
        }
    }
}

/// Result of a verification.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditReport {
    /// The number of verified events.
    pub events: u64,
    /// The number of verified checkpoints.
    pub checkpoints: u64,
    /// The events up to this position were deleted because of their age.
    pub pruned_to: Option<i64>,
    /// The last checkpoint.
    pub last: Option<CheckpointId>,
    /// The number of recorded checkpoints that were found.
    pub checkpoints_found: u64,
    /// The first violation; verification stops there.
    pub violation: Option<Violation>,
}

/// Verifies a log, one segment after the other, in constant memory.
pub struct Verifier {
    keys: Vec<AuditPublicKey>,
    recorded: BTreeMap<i64, String>,
    position: i64,
    hash: Digest,
    /// The position of the last checkpoint.
    checkpoint: i64,
    report: AuditReport,
}

impl Verifier {
    /// A verifier that trusts `keys` and expects the `recorded` checkpoints.
    pub fn new(keys: Vec<AuditPublicKey>, recorded: &[CheckpointId]) -> Self {
        let recorded = recorded.iter().map(|id| (id.position, id.hash.clone()));
        Self {
            keys,
            recorded: recorded.collect(),
            position: 0,
            hash: chain::start(),
            checkpoint: 0,
            report: AuditReport::default(),
        }
    }

    /// Adds the next event.
    pub fn event(&mut self, event: &SealedEvent) -> Result<(), Violation> {
        let (position, id) = (event.position, event.record.id);
        if position <= self.position {
            return Err(Violation::EventAdded {
                position,
                event: id,
            });
        }
        let expected = self.position.saturating_add(1);
        if position != expected {
            return Err(Violation::EventMissing { position: expected });
        }
        self.position = position;
        self.hash = chain::next_hash(&self.hash, &chain::content_digest(&event.record));
        if self.hash != event.hash {
            return Err(Violation::EventEdited {
                position,
                event: id,
            });
        }
        self.report.events += 1;
        self.check_recorded()
    }

    /// Adds the checkpoint after the events of a segment.
    pub fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), Violation> {
        let position = checkpoint.position;
        let has_id = |key: &&AuditPublicKey| key.to_string() == checkpoint.key_id;
        let Some(key) = self.keys.iter().find(has_id) else {
            let key = checkpoint.key_id.clone();
            return Err(Violation::CheckpointUnknownKey { position, key });
        };
        if !key.signed_checkpoint(checkpoint) {
            return Err(Violation::CheckpointForged { position });
        }
        if checkpoint.pruned_at.is_some() {
            (self.position, self.hash) = (position, checkpoint.hash);
            self.check_recorded()?;
            self.report.pruned_to = Some(position);
        }
        if position > self.position {
            let position = self.position + 1;
            return Err(Violation::EventMissing { position });
        }
        if (position, checkpoint.hash) != (self.position, self.hash) {
            return Err(Violation::CheckpointMismatch { position });
        }
        self.checkpoint = position;
        self.report.checkpoints += 1;
        self.report.last = Some(CheckpointId::of(checkpoint));
        Ok(())
    }

    /// Must be called at the end of the log.
    pub fn finish(&self) -> Result<(), Violation> {
        if self.position > self.checkpoint {
            let position = self.checkpoint + 1;
            return Err(Violation::CheckpointMissing { position });
        }
        match self.recorded.last_key_value() {
            Some((position, _)) if *position > self.position => Err(Violation::LogEndMissing {
                position: *position,
            }),
            _ => Ok(()),
        }
    }

    /// Returns the report, with the violation that ended the verification.
    pub fn report(self, outcome: Result<(), Violation>) -> AuditReport {
        AuditReport {
            violation: outcome.err(),
            ..self.report
        }
    }

    fn check_recorded(&mut self) -> Result<(), Violation> {
        let position = self.position;
        match self.recorded.get(&position) {
            None => Ok(()),
            Some(hash) if *hash == hex::encode(self.hash.as_bytes()) => {
                self.report.checkpoints_found += 1;
                Ok(())
            }
            Some(_) => Err(Violation::CheckpointMismatch { position }),
        }
    }
}

/// The events between two checkpoints, and the second of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// The events, by position.
    pub events: Vec<SealedEvent>,
    /// The checkpoint.
    pub checkpoint: Checkpoint,
}

impl Segment {
    /// One more event than a segment has, so that an added one is read too.
    const LIMIT: usize = EVENTS_PER_SEAL + 1;

    /// The sealer writes a checkpoint at least every [`EVENTS_PER_SEAL`] events.
    fn gap_after(&self, position: i64) -> Option<Violation> {
        let events = self.checkpoint.position.saturating_sub(position);
        let is_gap = usize::try_from(events).is_ok_and(|events| events > EVENTS_PER_SEAL);
        (is_gap && self.checkpoint.pruned_at.is_none()).then_some(Violation::CheckpointMissing {
            position: position.saturating_add(1),
        })
    }

    /// Reads the segment after `position`; `None` at the end of the log.
    pub async fn read(store: &dyn ReadStore, position: i64) -> Result<Option<Self>, StoreError> {
        let log = AuditLog(store);
        loop {
            let Some(checkpoint) = log.next_checkpoint(position).await? else {
                return Ok(None);
            };
            // The events up to a pruned checkpoint are deleted after it was marked.
            let events = match checkpoint.pruned_at {
                Some(_) => Vec::new(),
                None => {
                    let events = log.list_sealed(position, checkpoint.position, Self::LIMIT);
                    events.await?
                }
            };
            // If the log was pruned between the two reads, the checkpoint has changed.
            if log.next_checkpoint(position).await?.as_ref() == Some(&checkpoint) {
                return Ok(Some(Self { events, checkpoint }));
            }
        }
    }
}

/// Verifies the log of a store, and counts the events that are not sealed.
pub async fn verify(
    store: &dyn ReadStore,
    keys: Vec<AuditPublicKey>,
    recorded: &[CheckpointId],
) -> Result<(AuditReport, Unsealed), StoreError> {
    let mut verifier = Verifier::new(keys, recorded);
    let outcome = scan(store, &mut verifier).await?;
    let unsealed = AuditLog(store).unsealed().await?;
    Ok((verifier.report(outcome), unsealed))
}

async fn scan(
    store: &dyn ReadStore,
    verifier: &mut Verifier,
) -> Result<Result<(), Violation>, StoreError> {
    let log = AuditLog(store);
    // Positions begin with 1.
    if let Some(event) = log.list_sealed(i64::MIN, 0, 1).await?.first() {
        return Ok(verifier.event(event));
    }
    loop {
        while let Some(segment) = Segment::read(store, verifier.checkpoint).await? {
            if let Some(violation) = segment.gap_after(verifier.checkpoint) {
                return Ok(Err(violation));
            }
            let checked = segment
                .events
                .iter()
                .try_for_each(|event| verifier.event(event))
                .and_then(|()| verifier.checkpoint(&segment.checkpoint));
            if checked.is_err() {
                return Ok(checked);
            }
        }
        let end = verifier.checkpoint;
        let beyond = log.list_sealed(end, i64::MAX, 1).await?;
        // A node may have sealed events between the two reads.
        if beyond.is_empty() || log.next_checkpoint(end).await?.is_none() {
            let position = end.saturating_add(1);
            return Ok(match beyond.is_empty() {
                true => verifier.finish(),
                false => Err(Violation::CheckpointMissing { position }),
            });
        }
    }
}
