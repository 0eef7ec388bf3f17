//! Seal the audit log, let go what has been kept long enough, and erase whose account is gone.
//!
//! The worker of every node does it; what is written holds or fails as one, and the next position of
//! the chain is taken by one node alone, so that a node that is killed, or comes second, leaves
//! nothing half done. Why it is done so: [`crate::audit`].

use jiff::SignedDuration;

use crate::accounts::Accounts;
use crate::audit::checker::actor_id;
use crate::audit::{AuditSigner, Checkpoint, digest};
use crate::changes::{ApplyError, Change, Changes};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::model::{AuditRecord, Erasure, Event, Leaf, Outcome, Seal, SealedEvent};
use crate::values::{AuditEventId, Digest, Token};

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
}

impl Accounts {
    /// Seals what waits.
    pub async fn seal_audit(&self, ctx: &Ctx) -> Result<SealedTurn, Error> {
        let signer = self.keyring.audit_signer();
        let mut turn = SealedTurn::default();
        for _ in 0..SEALS {
            let log = self.ports.store.audit_log();
            let last = log.last_seal().await?;
            let before = AuditEventId::first_at(ctx.now - SEALED_AFTER);
            let records = log.list_unsealed(None, before, EVENTS).await?;
            if records.is_empty() {
                break;
            }
            let (seal, events) = self.sealed(ctx, &signer, last, &records);
            let checkpoint = Checkpoint::of(&seal);
            let seal = Box::new(seal);
            let mut changes: Changes = vec![Change::Seal { seal, events }];
            changes.extend(self.erasures(&signer, &records).await?);
            match self.apply(changes).await {
                Ok(()) => {}
                // Another node is at it.
                Err(ApplyError::Stale) => break,
                Err(other) => return Err(other.into()),
            }
            turn.events += records.len();
            turn.newest = Some(checkpoint);
            if records.len() < EVENTS {
                break;
            }
        }
        Ok(turn)
    }

    /// The next seal, over these events.
    fn sealed(
        &self,
        ctx: &Ctx,
        signer: &AuditSigner,
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
            position: last.as_ref().map_or(1, |last| last.position + 1),
            previous: last.as_ref().map_or_else(digest::none, |last| last.digest),
            digest: digest::none(),
            events: digest::of_leaves(&leaves),
            first_id: id_of(leaves.first()),
            last_id: id_of(leaves.last()),
            counted: i64::try_from(leaves.len()).expect("a seal holds few events"),
            leaves: Some(leaves),
            sealed_at: ctx.now,
            signature: Vec::new(),
            let_go: None,
        };
        seal.digest = digest::of_seal(&seal);
        seal.signature = signer.sign_seal(&seal.digest);
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
        let salt = || Token::generate(&*self.ports.secrets).digest();
        let salt: Option<Digest> = is_personal.then(salt);
        AuditRecord {
            actor_id: actor_id(&record.actor),
            personal_digest: salt.map(|salt| digest::of_personal(&salt, address, user_agent)),
            personal_salt: salt,
            ..record.clone()
        }
    }

    /// Orders the erasure of everybody who, as these events say, is deleted, and is so.
    async fn erasures(
        &self,
        signer: &AuditSigner,
        records: &[AuditRecord],
    ) -> Result<Changes, Error> {
        let mut changes = Vec::new();
        for record in records.iter().filter(|record| tells_of_deletion(record)) {
            let Some(user_id) = record.user_id else {
                continue;
            };
            if self.ports.store.find_user(user_id).await?.is_none() {
                let erasure = signer.erasure(user_id, record.at);
                changes.push(Change::OrderErasure(erasure));
            }
        }
        Ok(changes)
    }

    /// Lets go the seals whose events are all older than the log is kept, from the start on. Answers
    /// how many went.
    pub async fn let_audit_go(&self, ctx: &Ctx) -> Result<usize, Error> {
        let Some(kept_for) = self.policy.audit_lifetime else {
            return Ok(0);
        };
        let signer = self.keyring.audit_signer();
        let before = AuditEventId::first_at(ctx.now - kept_for);
        for gone in 0..SEALS {
            let log = self.ports.store.audit_log();
            let first = log.list_seals(0, 2).await?;
            let next = first.into_iter().find(|seal| seal.let_go.is_none());
            let Some(seal) = next.filter(|seal| seal.last_id < before) else {
                return Ok(gone);
            };
            let let_go = signer.let_go(&seal, ctx.now);
            let position = seal.position;
            match self.apply(vec![Change::LetSealGo { position, let_go }]).await {
                Ok(()) => {}
                Err(ApplyError::Stale) => return Ok(gone),
                Err(other) => return Err(other.into()),
            }
        }
        Ok(SEALS)
    }

    /// Erases addresses and user agents of those whose accounts are gone, a piece at a time. Answers
    /// how many accounts are done.
    pub async fn erase_from_audit(&self, ctx: &Ctx) -> Result<usize, Error> {
        let log = self.ports.store.audit_log();
        let oldest = log
            .list_unsealed(None, AuditEventId::first_at(ctx.now), 1)
            .await?;
        // What waits for its seal may be about them.
        let before = oldest.first().map_or(ctx.now, |record| record.at) - ERASED_AFTER;
        let open = log.list_open_erasures(PIECE).await?;
        let mut done = 0;
        for erasure in open.iter().filter(|open| open.ordered_at < before) {
            self.erase(ctx, erasure).await?;
            done += 1;
        }
        Ok(done)
    }

    async fn erase(&self, ctx: &Ctx, erasure: &Erasure) -> Result<(), Error> {
        let user_id = erasure.user_id;
        loop {
            let log = self.ports.store.audit_log();
            let ids = log.list_personal(user_id, PIECE).await?;
            if ids.is_empty() {
                break;
            }
            self.apply(vec![Change::ErasePersonal(ids)]).await?;
        }
        let done = Change::ErasureDone {
            user_id,
            at: ctx.now,
        };
        Ok(self.apply(vec![done]).await?)
    }
}

fn tells_of_deletion(record: &AuditRecord) -> bool {
    let deletions = [
        Event::UserDeleted,
        Event::SignUpExpired,
        Event::SignUpDisowned,
    ];
    record.outcome == Outcome::Success.as_str()
        && deletions.iter().any(|event| event.as_str() == record.event)
}
