//! Seals what waits, lets go what has been kept long enough, and erases whose account is gone.
//!
//! The worker of every node does it; what is written holds or fails as one, and the next position of
//! the chain is taken by one node alone, so that a node that is killed, or comes second, leaves
//! nothing half done.

use jiff::{SignedDuration, Timestamp};

use super::checker::{LEAST_KEPT, actor_id};
use super::{AuditSigner, Checkpoint, digest, mail_in};
use crate::changes::{ApplyError, Change, Changes};
use crate::ctx::Actor;
use crate::model::{AuditEvent, AuditRecord, Erasure, Event, Leaf, Outcome, Seal, SealedEvent};
use crate::ports::{Secrets, Store, StoreError};
use crate::values::{AuditEventId, Digest, Token, UserId};

/// How old an event is before it is sealed: by then, whoever was writing it is done. One that comes
/// later still goes into a later seal.
pub const SEALED_AFTER: SignedDuration = SignedDuration::from_secs(5);
/// How long an account is gone before its addresses are erased: by then, all about it is sealed.
const ERASED_AFTER: SignedDuration = SignedDuration::from_mins(5);
/// How many events a seal holds at most.
const EVENTS: usize = 200;
/// How many seals are made, or let go, in one turn.
const SEALS: usize = 50;
/// How many events are erased at a time, and how many accounts looked at.
const PIECE: usize = 200;

/// What a turn has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SealedTurn {
    /// How many events were sealed.
    pub events: usize,
    /// The newest seal this node made.
    pub newest: Option<Checkpoint>,
    /// The seal that the chain went on from though it is not what a node of this key sealed; a line of the
    /// log says so.
    pub broken: Option<i64>,
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
            changes.extend(broken.as_ref().map(|line| Change::Audit(line.clone())));
            match self.store.apply(changes).await {
                Ok(()) => {}
                // Another node is at it.
                Err(ApplyError::Stale) => break,
                Err(other) => return Err(other),
            }
            if broken.is_some() {
                turn.broken = Some(position - 1);
            }
            turn.events += records.len();
            turn.newest = Some(checkpoint);
            if records.len() < EVENTS {
                break;
            }
        }
        Ok(turn)
    }

    /// The line about a last seal that is not as a node of this key made it. The chain goes on from it all
    /// the same: events without a seal would be worse off. But not in silence: the line is written with the
    /// next seal or not at all, so it is sealed itself, and stays when the edit is taken back.
    fn what_broke(&self, last: &Seal) -> Option<Box<AuditEvent>> {
        let key = self.signer.public_key();
        let is_whole = last.let_go.is_some() || is_as_sealed(last);
        let what = if !is_whole || digest::of_seal(last) != last.digest {
            "was edited"
        } else if !key.signed_seal(&last.digest, &last.signature) {
            "is signed by another key"
        } else {
            return None;
        };
        tracing::error!(
            audit.seal = last.position,
            "the last seal of the audit log {what}; the chain goes on from it. Was the master key changed? If not, somebody has written to the database: run `doorward audit verify`"
        );
        Some(Box::new(AuditEvent {
            id: AuditEventId::generate(self.now, self.secrets),
            at: self.now,
            event: Event::SealBroken,
            outcome: Outcome::Failure,
            actor: Actor::Worker.audit_name(),
            user_id: None,
            address: None,
            user_agent: None,
            request_id: self.request_id.to_owned(),
            detail: Some(format!("seal {} {what}", last.position)),
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

    /// Erases addresses and user agents of those whose accounts are gone, a piece at a time. Answers
    /// how many accounts are done.
    pub async fn erase(&self) -> Result<usize, ApplyError> {
        let log = self.store.audit_log();
        let oldest = log
            .list_unsealed(None, AuditEventId::first_at(self.now), 1)
            .await?;
        // What waits for its seal may be about them.
        let before = oldest.first().map_or(self.now, |record| record.at) - ERASED_AFTER;
        let open = log.list_open_erasures(PIECE).await?;
        let mut done = 0;
        for erasure in open.iter().filter(|open| open.ordered_at < before) {
            self.erase_one(erasure).await?;
            done += 1;
        }
        Ok(done)
    }

    async fn erase_one(&self, erasure: &Erasure) -> Result<(), ApplyError> {
        let user_id = erasure.user_id;
        // Whoever writes a line by hand has us order what is not so.
        if self.store.find_user(user_id).await?.is_some() {
            tracing::error!(
                user = %user_id,
                "the audit log tells of a deletion of somebody who is there: nothing of theirs is erased"
            );
            return Ok(());
        }
        self.erase_asked(erasure).await?;
        self.erase_lines(user_id).await
    }

    /// Erases from where nobody known asked for mails that went to them (L-05).
    async fn erase_asked(&self, erasure: &Erasure) -> Result<(), ApplyError> {
        let (event, mut after) = (Event::RecoveryRequested, None);
        loop {
            let log = self.store.audit_log();
            let about = log.list_sealed_about(erasure.user_id, event, after, PIECE);
            let about = about.await?;
            let Some(last) = about.last() else {
                return Ok(());
            };
            after = Some(last.id);
            for record in &about {
                let Some(mail) = mail_in(record) else {
                    continue;
                };
                if self.is_held(record).await? {
                    let order = self.signer.erasure(mail, erasure.ordered_at);
                    self.store.apply(vec![Change::OrderErasure(order)]).await?;
                    self.erase_lines(mail).await?;
                }
            }
        }
    }

    /// Whether a line is as it was sealed: who puts one there by hand does not have us rub out, and sign it,
    /// from where another's mail was asked for.
    async fn is_held(&self, record: &AuditRecord) -> Result<bool, StoreError> {
        let Some(position) = record.seal else {
            return Ok(false);
        };
        let leaf = Leaf {
            id: record.id,
            digest: digest::of_event(record),
        };
        let seal = self.seal_after(position.saturating_sub(1)).await?;
        let holds = |seal: &Seal| {
            let leaves = seal.leaves.as_ref();
            seal.position == position
                && is_as_sealed(seal)
                && leaves.is_some_and(|all| all.contains(&leaf))
        };
        match seal.filter(holds) {
            Some(seal) => self.is_pinned(seal).await,
            None => Ok(false),
        }
    }

    /// Whether our key has signed the seal, or one to which the chain leads from it: one from before a change
    /// of the master key is as it was then.
    async fn is_pinned(&self, mut seal: Seal) -> Result<bool, StoreError> {
        let key = self.signer.public_key();
        let is_ours = |seal: &Seal| key.signed_seal(&seal.digest, &seal.signature);
        while !is_ours(&seal) {
            // Many at a time: a year of another key's may lie between.
            let piece = self.store.audit_log().list_seals(seal.position, PIECE);
            let piece = piece.await?;
            if piece.is_empty() {
                return Ok(false);
            }
            for next in piece {
                if next.previous != seal.digest || digest::of_seal(&next) != next.digest {
                    return Ok(false);
                }
                seal = next;
                if is_ours(&seal) {
                    return Ok(true);
                }
            }
        }
        Ok(true)
    }

    async fn seal_after(&self, position: i64) -> Result<Option<Seal>, StoreError> {
        Ok(self.store.audit_log().list_seals(position, 1).await?.pop())
    }

    async fn erase_lines(&self, user_id: UserId) -> Result<(), ApplyError> {
        loop {
            let log = self.store.audit_log();
            let ids = log.list_personal(user_id, PIECE).await?;
            if ids.is_empty() {
                break;
            }
            self.store.apply(vec![Change::ErasePersonal(ids)]).await?;
        }
        let done = Change::ErasureDone {
            user_id,
            at: self.now,
        };
        self.store.apply(vec![done]).await
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
    let deletions = [
        Event::UserDeleted,
        Event::SignUpExpired,
        Event::SignUpDisowned,
        Event::SignUpSuperseded,
    ];
    record.outcome == Outcome::Success.as_str()
        && deletions.iter().any(|event| event.as_str() == record.event)
}
