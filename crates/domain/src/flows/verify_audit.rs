//! Check the audit log against its seals, and read it whole, for an auditor.
//!
//! From the command line alone: a walk takes as long as the log is. It holds one seal at a time.

use jiff::SignedDuration;

use crate::accounts::Accounts;
use crate::audit::checker::{Checker, Extent, Fault, Finding};
use crate::audit::{AuditPublicKey, Checkpoint, owner_of};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::flows::export::ensure_operator;
use crate::model::{AuditRecord, Erasure, Event, Seal};
use crate::values::AuditEventId;

/// An event that is not sealed by then will never be, unless a server runs.
const UNSEALED_FOR: SignedDuration = SignedDuration::from_mins(5);
/// How many events too many are told of a seal; and of those that belong to none.
const TOO_MANY: usize = 100;
const PIECE: usize = 200;

/// A seal with all that says it belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedBatch {
    /// The seal.
    pub seal: Seal,
    /// Its events, and whatever else says so.
    pub records: Vec<AuditRecord>,
    /// Why some of them have lost their addresses.
    pub erasures: Vec<Erasure>,
}

/// What the walk came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditVerdict {
    /// How many seals there are.
    pub seals: u64,
    /// How many sealed events.
    pub events: u64,
    /// How many of them have lost their addresses with their accounts.
    pub erased: u64,
    /// How many wait for their seal.
    pub waiting: u64,
    /// Events of this seal and all before were let go.
    pub let_go_to: Option<i64>,
    /// The end of the chain.
    pub last: Option<Checkpoint>,
    /// How many of the checkpoints that were handed in are there.
    pub checkpoints_met: u64,
    /// How much is wrong.
    pub findings: u64,
}

impl Accounts {
    /// The public half of the key that seals are signed with.
    pub fn audit_public_key(&self) -> AuditPublicKey {
        self.keyring.audit_signer().public_key()
    }

    /// Writes down that the audit log is being exported, before any of it is given out.
    pub async fn note_audit_export(&self, ctx: &Ctx, detail: &str) -> Result<(), Error> {
        ensure_operator(ctx)?;
        let audit = self.audit_detail(ctx, Event::AuditExported, None, detail);
        Ok(self.apply(vec![audit]).await?)
    }

    /// The next seal after that position, with its events.
    pub async fn read_seal(&self, ctx: &Ctx, after: i64) -> Result<Option<SealedBatch>, Error> {
        ensure_operator(ctx)?;
        let log = self.ports.store.audit_log();
        let Some(seal) = log.list_seals(after, 1).await?.pop() else {
            return Ok(None);
        };
        let counted = usize::try_from(seal.counted).unwrap_or(0).min(100 * PIECE);
        let records = log.list_sealed(seal.position, counted + TOO_MANY).await?;
        let mut erasures: Vec<Erasure> = Vec::new();
        for record in records.iter().filter(|record| is_erased(record)) {
            let Some(owner) = owner_of(record) else {
                continue;
            };
            if erasures.iter().all(|known| known.user_id != owner) {
                erasures.extend(log.find_erasure(owner).await?);
            }
        }
        Ok(Some(SealedBatch {
            seal,
            records,
            erasures,
        }))
    }

    /// Events that wait for their seal, after that one.
    pub async fn read_unsealed(
        &self,
        ctx: &Ctx,
        after: Option<AuditEventId>,
    ) -> Result<Vec<AuditRecord>, Error> {
        ensure_operator(ctx)?;
        let end = AuditEventId::from_bytes([255; 16]);
        let log = self.ports.store.audit_log();
        Ok(log.list_unsealed(after, end, PIECE).await?)
    }

    /// Walks the log from its start to its end, and tells `found` what is wrong as it goes.
    pub async fn verify_audit(
        &self,
        ctx: &Ctx,
        keys: &[AuditPublicKey],
        checkpoints: &[Checkpoint],
        found: &mut (dyn FnMut(Finding) + Send),
    ) -> Result<AuditVerdict, Error> {
        let mut findings = 0;
        let mut tell = |finding| {
            findings += 1;
            found(finding);
        };
        let mut keys = keys.to_vec();
        keys.push(self.audit_public_key());
        let mut checker = Checker::new(keys, Extent::Whole, checkpoints);
        let (mut first, mut last) = (1, 0);
        loop {
            while let Some(batch) = self.read_seal(ctx, last).await? {
                let mut checked = checker.clone();
                let mut wrong = checked.check(&batch.seal, &batch.records, &batch.erasures);
                if !wrong.is_empty() {
                    // It may have been erased, or let go, between two questions.
                    let again = self.read_seal(ctx, last).await?;
                    match again.filter(|again| *again != batch) {
                        Some(again) => {
                            checked = checker.clone();
                            wrong = checked.check(&again.seal, &again.records, &again.erasures);
                            last = again.seal.position;
                        }
                        None => last = batch.seal.position,
                    }
                } else {
                    last = batch.seal.position;
                }
                if checked.seals == 1 {
                    first = last;
                }
                checker = checked;
                wrong.into_iter().for_each(&mut tell);
            }
            let log = self.ports.store.audit_log();
            let outside = log.list_outside_seals(first, last, TOO_MANY).await?;
            if !outside.is_empty() && !log.list_seals(last, 1).await?.is_empty() {
                // A seal was made meanwhile.
                continue;
            }
            outside
                .iter()
                .map(|one| Finding::of_event(Fault::EventAdded, one.seal, one.id))
                .for_each(&mut tell);
            break;
        }
        let waiting = self.check_unsealed(ctx, &mut tell).await?;
        checker.finish().into_iter().for_each(&mut tell);
        Ok(AuditVerdict {
            seals: checker.seals,
            events: checker.events,
            erased: checker.erased,
            waiting,
            let_go_to: checker.let_go_to,
            last: checker.last(),
            checkpoints_met: checker.checkpoints_met,
            findings,
        })
    }

    async fn check_unsealed(
        &self,
        ctx: &Ctx,
        tell: &mut (dyn FnMut(Finding) + Send),
    ) -> Result<u64, Error> {
        let overdue = AuditEventId::first_at(ctx.now - UNSEALED_FOR);
        let (mut waiting, mut after) = (0, None);
        loop {
            let records = self.read_unsealed(ctx, after).await?;
            let Some(last) = records.last() else {
                return Ok(waiting);
            };
            after = Some(last.id);
            for record in &records {
                waiting += 1;
                if record.id < overdue {
                    tell(Finding::of_event(Fault::Unsealed, None, record.id));
                }
            }
        }
    }
}

fn is_erased(record: &AuditRecord) -> bool {
    record.personal_digest.is_some() && record.personal_salt.is_none()
}
