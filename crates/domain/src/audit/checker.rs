//! Finds what does not fit: seal after seal, each with its events, in constant memory.
//!
//! It asks nobody and knows no store: whoever walks hands in what there is, from the database or from
//! a file. What it cannot see: what was cut, edited or added before it was sealed (for some seconds; for
//! as long as no worker runs, whoever can stop it), and a tail that was cut where nobody wrote a
//! checkpoint down. What was sealed long after it says it was written is counted.

mod finding;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

pub use finding::{Finding, Flaw};

use super::{AuditPublicKey, Checkpoint, digest, owner_of};
use crate::model::{AuditRecord, Erasure, Leaf, Seal};
use crate::values::{AuditEventId, Digest, UserId};

/// No operator keeps the log for less: what was let go sooner, was not let go by its time.
pub const LEAST_KEPT: SignedDuration = SignedDuration::from_hours(24);
/// An event is sealed by then, wherever a server runs; and clocks are not further apart.
pub(super) const LATE: SignedDuration = SignedDuration::from_mins(10);

/// How many events are worth a word and are no finding, and the first of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// The first.
    pub first: Option<AuditEventId>,
}

impl Tally {
    pub(super) fn add(&mut self, id: AuditEventId) {
        self.count += 1;
        self.first = self.first.or(Some(id));
    }
}

/// Events that no seal holds, one after the other.
pub struct Waiting {
    now: Timestamp,
    /// How many there are.
    pub count: u64,
    /// Those that had to be sealed by now, had a server run.
    pub overdue: Tally,
}

impl Waiting {
    /// An event that is not sealed by then will not be, unless a server runs.
    const UNSEALED_FOR: SignedDuration = SignedDuration::from_mins(5);

    /// What waits at that moment.
    pub fn new(now: Timestamp) -> Self {
        Self {
            now,
            count: 0,
            overdue: Tally::default(),
        }
    }

    /// Looks at the next.
    pub fn look(&mut self, record: &AuditRecord) -> Option<Finding> {
        self.count += 1;
        if record.id < AuditEventId::first_at(self.now - Self::UNSEALED_FOR) {
            self.overdue.add(record.id);
        }
        let flaw = if record.id > AuditEventId::first_at(self.now + LATE) {
            Flaw::EventAhead
        } else if is_misdated(record) {
            Flaw::EventMisdated
        } else {
            return None;
        };
        Some(of_record(flaw, record))
    }
}

/// How much of the log is handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All events of every seal.
    Whole,
    /// A choice of them: an event that is not there says nothing.
    Chosen,
}

/// What has been seen so far.
#[derive(Clone)]
pub struct Checker {
    keys: Vec<AuditPublicKey>,
    extent: Extent,
    checkpoints: Arc<BTreeMap<i64, String>>,
    last: Option<(i64, Digest)>,
    /// From this seal to the last one each follows upon the one before, and none is signed by a key that is
    /// trusted.
    untrusted_from: Option<i64>,
    /// Up to here, events were let go when their time had run out.
    pub let_go_to: Option<i64>,
    /// How many seals there were.
    pub seals: u64,
    /// How many events they held.
    pub events: u64,
    /// How many events had lost their addresses with their accounts.
    pub erased: u64,
    /// How many checkpoints were met.
    pub checkpoints_met: u64,
    /// Events that were sealed long after they say they were written: no server ran, or was upgraded; or
    /// they were added.
    pub late: Tally,
}

impl Checker {
    /// A checker that trusts these keys, and knows of these checkpoints.
    pub fn new(keys: Vec<AuditPublicKey>, extent: Extent, checkpoints: &[Checkpoint]) -> Self {
        let checkpoints = checkpoints.iter();
        Self {
            keys,
            extent,
            checkpoints: Arc::new(
                checkpoints
                    .map(|one| (one.position, one.digest.clone()))
                    .collect(),
            ),
            last: None,
            untrusted_from: None,
            let_go_to: None,
            seals: 0,
            events: 0,
            erased: 0,
            checkpoints_met: 0,
            late: Tally::default(),
        }
    }

    /// The position of the last seal that was looked at; 0 before the first.
    pub fn position(&self) -> i64 {
        self.last.map_or(0, |(position, _)| position)
    }

    /// The last seal that was looked at.
    pub fn last(&self) -> Option<Checkpoint> {
        self.last.map(|(position, digest)| Checkpoint {
            position,
            digest: digest::hex(&digest),
        })
    }

    /// Looks at the next seal and what says it belongs to it; `erasures` are those of the owners of
    /// events that have lost their addresses.
    pub fn check(
        &mut self,
        seal: &Seal,
        records: &[AuditRecord],
        erasures: &[Erasure],
    ) -> Vec<Finding> {
        let mut findings = Vec::new();
        let found = digest::of_seal(seal);
        let is_signed = self.check_signature(seal, &found, &mut findings);
        let is_let_go = self.check_place(seal, &mut findings);
        if found != seal.digest {
            findings.push(Finding::of_seal(Flaw::SealEdited, seal.position));
        } else if !is_signed {
            self.untrusted_from = self.untrusted_from.or(Some(seal.position));
        }
        self.check_checkpoint(seal.position, &found, &mut findings);
        self.seals += 1;
        self.last = Some((seal.position, found));
        if is_let_go {
            self.let_go_to = Some(seal.position);
            let added = records.iter().map(|one| of_record(Flaw::EventAdded, one));
            findings.extend(added);
        } else {
            self.check_events(seal, records, erasures, &mut findings);
        }
        findings
    }

    /// What is left to say once no seal comes any more.
    pub fn finish(&self) -> Vec<Finding> {
        let end = self.last.map_or(0, |(position, _)| position);
        let beyond = self.checkpoints.keys().filter(|position| **position > end);
        let beyond = beyond.map(|position| Finding::of_seal(Flaw::TailCut, *position));
        let untrusted = self.untrusted(Flaw::SealForged);
        untrusted.into_iter().chain(beyond).collect()
    }

    /// Whether a key that is trusted has signed the seal; tells of those before that no such key has signed,
    /// once it is known whether one vouches for what they are.
    fn check_signature(
        &mut self,
        seal: &Seal,
        found: &Digest,
        findings: &mut Vec<Finding>,
    ) -> bool {
        let is_edited = *found != seal.digest;
        let is_signed = !is_edited && self.trusts(|key| key.signed_seal(found, &seal.signature));
        let is_next = self.last.is_none_or(|(before, digest)| {
            seal.position == before.saturating_add(1) && seal.previous == digest
        });
        if is_signed || is_edited || !is_next {
            let flaw = match is_signed && is_next {
                true => Flaw::SealOfAnotherKey,
                false => Flaw::SealForged,
            };
            findings.extend(self.untrusted(flaw));
            self.untrusted_from = None;
        }
        is_signed
    }

    fn untrusted(&self, flaw: Flaw) -> Option<Finding> {
        Some(Finding {
            to: Some(self.position()),
            ..Finding::of_seal(flaw, self.untrusted_from?)
        })
    }

    /// Whether the seal's events were let go, by whoever may.
    fn check_place(&self, seal: &Seal, findings: &mut Vec<Finding>) -> bool {
        let is_let_go = match &seal.let_go {
            None => false,
            Some(let_go) => {
                let is_due = let_go
                    .at
                    .checked_sub(LEAST_KEPT)
                    .is_ok_and(|at| seal.last_id < AuditEventId::first_at(at));
                let may = is_due && self.trusts(|key| key.signed_letting_go(seal, let_go));
                if !may {
                    findings.push(Finding::of_seal(Flaw::LetGoForged, seal.position));
                }
                may
            }
        };
        let (before, digest) = self.last.unwrap_or((0, digest::none()));
        // After the last there is, nothing has a place.
        let next = before.saturating_add(1);
        if seal.position < next || seal.position == before {
            findings.push(Finding::of_seal(Flaw::SealOutOfOrder, seal.position));
        } else if seal.position > next && !is_let_go {
            findings.push(Finding {
                to: Some(seal.position - 1),
                ..Finding::of_seal(Flaw::SealsMissing, next)
            });
        } else if seal.position == next && seal.previous != digest {
            findings.push(Finding::of_seal(Flaw::ChainBroken, seal.position));
        }
        is_let_go
    }

    fn check_checkpoint(&mut self, position: i64, found: &Digest, findings: &mut Vec<Finding>) {
        let Some(expected) = self.checkpoints.get(&position) else {
            return;
        };
        if *expected == digest::hex(found) {
            self.checkpoints_met += 1;
        } else {
            findings.push(Finding::of_seal(Flaw::CheckpointDiffers, position));
        }
    }

    fn check_events(
        &mut self,
        seal: &Seal,
        records: &[AuditRecord],
        erasures: &[Erasure],
        findings: &mut Vec<Finding>,
    ) {
        let Some(leaves) = &seal.leaves else {
            // A choice of events brings the chain along, and the lists of those seals it chose from.
            if self.extent == Extent::Whole || !records.is_empty() {
                findings.push(Finding::of_seal(Flaw::LeavesEdited, seal.position));
            }
            return;
        };
        if digest::of_leaves(leaves) != seal.events {
            findings.push(Finding::of_seal(Flaw::LeavesEdited, seal.position));
        }
        let mut expected: BTreeMap<AuditEventId, Digest> = leaves
            .iter()
            .map(|Leaf { id, digest }| (*id, *digest))
            .collect();
        for record in records {
            let Some(leaf) = expected.remove(&record.id) else {
                findings.push(of_record(Flaw::EventAdded, record));
                continue;
            };
            self.events += 1;
            if digest::of_event(record) != leaf || record.actor_id != actor_id(&record.actor) {
                findings.push(of_record(Flaw::EventEdited, record));
            }
            if is_misdated(record) {
                findings.push(of_record(Flaw::EventMisdated, record));
            } else if record.at.as_millisecond()
                < seal.sealed_at.as_millisecond().saturating_sub(millis(LATE))
            {
                self.late.add(record.id);
            }
            findings.extend(self.check_personal(record, erasures));
        }
        if self.extent == Extent::Whole {
            let missing = expected
                .keys()
                .map(|id| Finding::of_event(Flaw::EventMissing, Some(seal.position), *id));
            findings.extend(missing);
        }
    }

    fn check_personal(&mut self, record: &AuditRecord, erasures: &[Erasure]) -> Option<Finding> {
        let (address, user_agent) = (record.address.as_deref(), record.user_agent.as_deref());
        let is_empty = address.is_none() && user_agent.is_none();
        let flaw = match (&record.personal_digest, &record.personal_salt) {
            (None, None) if is_empty => return None,
            (Some(kept), Some(salt)) if digest::of_personal(salt, address, user_agent) == *kept => {
                return None;
            }
            (Some(_), None) if is_empty => {
                let ordered = |erasure: &&Erasure| Some(erasure.user_id) == owner_of(record);
                let order = erasures.iter().find(ordered);
                if order.is_some_and(|order| self.trusts(|key| key.signed_erasure(order))) {
                    self.erased += 1;
                    return None;
                }
                Flaw::ErasedWithoutOrder
            }
            _ => Flaw::PersonalEdited,
        };
        Some(of_record(flaw, record))
    }

    fn trusts(&self, signed: impl Fn(&AuditPublicKey) -> bool) -> bool {
        self.keys.iter().any(signed)
    }
}

fn of_record(flaw: Flaw, record: &AuditRecord) -> Finding {
    Finding::of_event(flaw, record.seal, record.id)
}

/// Lists are by id, and ids are made of the moment.
fn is_misdated(record: &AuditRecord) -> bool {
    let mut bytes = [0; 8];
    bytes[2..].copy_from_slice(&record.id.as_bytes()[..6]);
    let of_id = i64::from_be_bytes(bytes);
    of_id.abs_diff(record.at.as_millisecond()) > millis(LATE).unsigned_abs()
}

fn millis(duration: SignedDuration) -> i64 {
    duration.as_secs().saturating_mul(1000)
}

/// The user that an event's actor names.
pub fn actor_id(actor: &str) -> Option<UserId> {
    actor.strip_prefix("user:")?.parse().ok()
}

#[cfg(test)]
mod tests;
