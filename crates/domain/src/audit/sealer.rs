//! Seals what waits, lets go what has been kept long enough, and erases whose account is gone.
//!
//! The worker of every node does it; what is written holds or fails as one, and the next position of
//! the chain is taken by one node alone, so that a node that is killed, or comes second, leaves
//! nothing half done. How addresses are erased stands in `erasing`.

mod erasing;

use jiff::{SignedDuration, Timestamp};

use super::checker::{LEAST_KEPT, actor_id};
use super::{AuditSigner, Checkpoint, DELETIONS, digest};
use crate::changes::{ApplyError, Change, Changes};
use crate::ctx::Actor;
use crate::model::{AuditEvent, AuditRecord, Event, Leaf, Outcome, Seal, SealedEvent};
use crate::ports::{Secrets, Store, StoreError};
use crate::values::{AuditEventId, Digest, Token};

/// How old an event is before it is sealed: by then, whoever was writing it is done. One that comes
/// later still goes into a later seal.
pub const SEALED_AFTER: SignedDuration = SignedDuration::from_secs(5);
/// How many events a seal holds at most.
const EVENTS: usize = 200;
/// How many seals are made, or let go, in one turn.
const SEALS: usize = 50;
/// How long a node writes no second line about seals of another key: two nodes whose master keys differ meet
/// each other's every few seconds, and each line wants its seal.
const BREAKS_APART: SignedDuration = SignedDuration::from_hours(1);

/// What a turn has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SealedTurn {
    /// How many events were sealed.
    pub events: usize,
    /// The newest seal this node made.
    pub newest: Option<Checkpoint>,
    /// The seal that the chain went on from though it is not what a node of this key sealed.
    pub broken: Option<i64>,
    /// How a line of the log says so.
    pub break_told: BreakTold,
}

/// What the log says of a seal that is not as a node of this key made it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BreakTold {
    /// There was none.
    #[default]
    Nothing,
    /// A line says so.
    ByALine,
    /// This node has written such a line within the hour: it is to be counted among those left out.
    LeftOut,
}

/// What is wrong with the last seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Break {
    Edited,
    OfAnotherKey,
}

impl Break {
    fn as_str(self) -> &'static str {
        match self {
            Self::Edited => "was edited",
            Self::OfAnotherKey => "is signed by another key",
        }
    }
}

/// Looks after the log of one store.
pub struct Sealer<'a> {
    /// Where the log is.
    pub store: &'a dyn Store,
    /// Who signs.
    pub signer: AuditSigner,
    /// For salts.
    pub secrets: &'a dyn Secrets,
    /// In which turn of the worker.
    pub request_id: &'a str,
    /// The time.
    pub now: Timestamp,
    /// When this node last wrote a line about a seal of another key.
    pub break_told_at: Option<Timestamp>,
}

impl Sealer<'_> {
    /// Seals what waits.
    pub async fn seal(&self) -> Result<SealedTurn, ApplyError> {
        self.seal_before(self.now - SEALED_AFTER).await
    }

    /// Seals what is there, however young: nobody may be there to do it later. What others are still
    /// writing goes into a later seal.
    pub async fn seal_rest(&self) -> Result<SealedTurn, ApplyError> {
        self.seal_before(self.now + SignedDuration::from_secs(1))
            .await
    }

    async fn seal_before(&self, moment: Timestamp) -> Result<SealedTurn, ApplyError> {
        let mut turn = SealedTurn::default();
        for _ in 0..SEALS {
            let log = self.store.audit_log();
            let before = AuditEventId::first_at(moment);
            let records = log.list_unsealed(None, before, EVENTS).await?;
            if records.is_empty() {
                break;
            }
            let last = log.last_seal().await?;
            let broken = last.as_ref().and_then(|last| self.what_broke(last));
            let line = broken.filter(|broken| self.is_worth_a_line(*broken));
            let position = last.as_ref().map_or(0, |last| last.position).checked_add(1);
            let Some(position) = position else {
                tracing::error!(
                    "no seal of the audit log can follow the last one: it was edited. `doorward audit verify` tells more"
                );
                break;
            };
            let (seal, events) = self.sealed(position, last, &records);
            let checkpoint = Checkpoint::of(&seal);
            let seal = Box::new(seal);
            let mut changes: Changes = vec![Change::Seal { seal, events }];
            changes.extend(self.erasures(&records).await?);
            changes.extend(line.map(|broken| self.line_of(position - 1, broken)));
            match self.store.apply(changes).await {
                Ok(()) => {}
                // Another node is at it.
                Err(ApplyError::Stale) => break,
                Err(other) => return Err(other),
            }
            if broken.is_some() {
                turn.broken = Some(position - 1);
                turn.break_told = match line {
                    Some(_) => BreakTold::ByALine,
                    None => BreakTold::LeftOut,
                };
            }
            turn.events += records.len();
            turn.newest = Some(checkpoint);
            if records.len() < EVENTS {
                break;
            }
        }
        Ok(turn)
    }

    /// What is wrong with the last seal, where it is not as a node of this key made it.
    fn what_broke(&self, last: &Seal) -> Option<Break> {
        let key = self.signer.public_key();
        let is_whole = last.let_go.is_some() || is_as_sealed(last);
        let broken = if !is_whole || digest::of_seal(last) != last.digest {
            Break::Edited
        } else if !key.signed_seal(&last.digest, &last.signature) {
            Break::OfAnotherKey
        } else {
            return None;
        };
        tracing::error!(
            audit.seal = last.position,
            "the last seal of the audit log {}; the chain goes on from it. Was the master key changed, or do nodes have different ones? If not, somebody has written to the database: run `doorward audit verify`",
            broken.as_str()
        );
        Some(broken)
    }

    fn is_worth_a_line(&self, broken: Break) -> bool {
        let is_recent = |told_at| self.now.duration_since(told_at) < BREAKS_APART;
        broken == Break::Edited || !self.break_told_at.is_some_and(is_recent)
    }

    /// The line about it. The chain goes on from such a seal all the same: events without a seal would be worse
    /// off. But not in silence: the line is written with the next seal or not at all, so it is sealed itself,
    /// and stays when the edit is taken back.
    fn line_of(&self, position: i64, broken: Break) -> Change {
        Change::Audit(Box::new(AuditEvent {
            id: AuditEventId::generate(self.now, self.secrets),
            at: self.now,
            event: Event::SealBroken,
            outcome: Outcome::Failure,
            actor: Actor::Worker.audit_name(),
            user_id: None,
            address: None,
            user_agent: None,
            request_id: self.request_id.to_owned(),
            detail: Some(format!("seal {position} {}", broken.as_str())),
        }))
    }

    /// The next seal, over these events.
    fn sealed(
        &self,
        position: i64,
        last: Option<Seal>,
        records: &[AuditRecord],
    ) -> (Seal, Vec<SealedEvent>) {
        let records: Vec<_> = records.iter().map(|record| self.salted(record)).collect();
        let leaf = |record: &AuditRecord| Leaf {
            id: record.id,
            digest: digest::of_event(record),
        };
        let leaves: Vec<_> = records.iter().map(leaf).collect();
        let id_of = |leaf: Option<&Leaf>| leaf.map(|leaf| leaf.id).expect("a seal holds an event");
        let mut seal = Seal {
            position,
            previous: last.as_ref().map_or_else(digest::none, |last| last.digest),
            digest: digest::none(),
            events: digest::of_leaves(&leaves),
            first_id: id_of(leaves.first()),
            last_id: id_of(leaves.last()),
            counted: i64::try_from(leaves.len()).expect("a seal holds few events"),
            leaves: Some(leaves),
            sealed_at: self.now,
            signature: Vec::new(),
            let_go: None,
        };
        seal.digest = digest::of_seal(&seal);
        seal.signature = self.signer.sign_seal(&seal.digest);
        let mark = |record: &AuditRecord| SealedEvent {
            id: record.id,
            actor_id: record.actor_id,
            personal_digest: record.personal_digest,
            personal_salt: record.personal_salt,
        };
        (seal, records.iter().map(mark).collect())
    }

    fn salted(&self, record: &AuditRecord) -> AuditRecord {
        let (address, user_agent) = (record.address.as_deref(), record.user_agent.as_deref());
        let is_personal = address.is_some() || user_agent.is_some();
        let salt = || Token::generate(self.secrets).digest();
        let salt: Option<Digest> = is_personal.then(salt);
        AuditRecord {
            actor_id: actor_id(&record.actor),
            personal_digest: salt.map(|salt| digest::of_personal(&salt, address, user_agent)),
            personal_salt: salt,
            ..record.clone()
        }
    }

    /// Orders the erasure of everybody who, as these events say, is deleted, and is so.
    async fn erasures(&self, records: &[AuditRecord]) -> Result<Changes, StoreError> {
        let mut changes = Vec::new();
        for record in records.iter().filter(|record| tells_of_deletion(record)) {
            let Some(user_id) = record.user_id else {
                continue;
            };
            if self.store.find_user(user_id).await?.is_none() {
                let erasure = self.signer.erasure(user_id, record.at);
                changes.push(Change::OrderErasure(erasure));
            }
        }
        Ok(changes)
    }

    /// Lets go the seals whose events are all older than the log is kept, from the start on. Answers
    /// how many went.
    pub async fn let_go(&self, kept_for: SignedDuration) -> Result<usize, ApplyError> {
        let before = AuditEventId::first_at(self.now - kept_for.max(LEAST_KEPT));
        for gone in 0..SEALS {
            let log = self.store.audit_log();
            let first = log.list_seals(0, 2).await?;
            let next = first.into_iter().find(|seal| seal.let_go.is_none());
            let Some(seal) = next.filter(|seal| seal.last_id < before) else {
                return Ok(gone);
            };
            if !is_as_sealed(&seal) {
                tracing::error!(
                    audit.seal = seal.position,
                    "a seal of the audit log was edited, so nothing is let go: `doorward audit verify` tells more"
                );
                return Ok(gone);
            }
            let let_go = self.signer.let_go(&seal, self.now);
            let position = seal.position;
            match self
                .store
                .apply(vec![Change::LetSealGo { position, let_go }])
                .await
            {
                Ok(()) => {}
                Err(ApplyError::Stale) => return Ok(gone),
                Err(other) => return Err(other),
            }
        }
        Ok(SEALS)
    }
}

/// Whether a seal says what its digest says it does. Letting go signs that digest, so whoever edits a seal
/// to have it let go before its time cannot put it back. Who signed it is not asked: seals from before a
/// change of the master key have their time too, and one that nobody trusts shows when the log is verified.
fn is_as_sealed(seal: &Seal) -> bool {
    let leaves = seal.leaves.as_deref().map(digest::of_leaves);
    digest::of_seal(seal) == seal.digest && leaves == Some(seal.events)
}

fn tells_of_deletion(record: &AuditRecord) -> bool {
    record.outcome == Outcome::Success.as_str()
        && DELETIONS.iter().any(|event| event.as_str() == record.event)
}
