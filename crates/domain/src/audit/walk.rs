//! A walk through the log: seal after seal with what belongs to it, and what the checker says of it.
//! It takes as long as the log is, and holds one seal at a time.

use jiff::Timestamp;

use super::checker::{Checker, Extent, Finding, Flaw, LATE, Tally, Waiting};
use super::{AuditPublicKey, Checkpoint, owner_of};
use crate::model::{AuditRecord, Erasure, Seal, UserFilter};
use crate::ports::{Store, StoreError};
use crate::values::AuditEventId;

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
    /// Those of them that had to have one by now, had a server run.
    pub overdue: Tally,
    /// Events that were sealed long after they say they were written.
    pub late: Tally,
    /// Events of this seal and all before were let go.
    pub let_go_to: Option<i64>,
    /// The end of the chain.
    pub last: Option<Checkpoint>,
    /// How many of the checkpoints that were handed in are there.
    pub checkpoints_met: u64,
    /// Whether the database tells of all that keeps lines out of the log; a file has nothing of the kind.
    pub is_told_of_triggers: bool,
    /// How much is wrong.
    pub findings: u64,
}

/// Who walks.
pub struct Walk<'a> {
    /// Where the log is.
    pub store: &'a dyn Store,
    /// The time.
    pub now: Timestamp,
}

impl Walk<'_> {
    /// The next seal after that position, with its events.
    pub async fn read_seal(&self, after: i64) -> Result<Option<SealedBatch>, StoreError> {
        let log = self.store.audit_log();
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
                // Whoever is still there, or there again, was not to be forgotten.
                if self.store.find_user(owner).await?.is_none() {
                    erasures.extend(log.find_erasure(owner).await?);
                }
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
        after: Option<AuditEventId>,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let log = self.store.audit_log();
        log.list_unsealed(after, last_id(), PIECE).await
    }

    /// Walks the log from its start to its end, and tells `found` what is wrong as it goes.
    pub async fn verify(
        &self,
        keys: &[AuditPublicKey],
        checkpoints: &[Checkpoint],
        found: &mut (dyn FnMut(Finding) + Send),
    ) -> Result<AuditVerdict, StoreError> {
        let mut findings = 0;
        let mut tell = |finding| {
            findings += 1;
            found(finding);
        };
        let mut checker = Checker::new(keys.to_vec(), Extent::Whole, checkpoints);
        // Before the first there is none, and whoever is there was put there.
        let misplaced = self
            .store
            .audit_log()
            .list_seals(i64::MIN, TOO_MANY)
            .await?;
        let misplaced = misplaced.iter().filter(|seal| seal.position < 1);
        misplaced
            .map(|seal| Finding::of_seal(Flaw::SealOutOfOrder, seal.position))
            .for_each(&mut tell);
        let triggers = self.store.audit_log().list_triggers().await?;
        triggers
            .iter()
            .map(|_| Finding::of_log(Flaw::TriggerSet))
            .for_each(&mut tell);
        let (mut first, mut last) = (1, 0);
        loop {
            while let Some((checked, wrong)) = self.step(&checker).await? {
                checker = checked;
                last = checker.position();
                if checker.seals == 1 {
                    first = last;
                }
                wrong.into_iter().for_each(&mut tell);
            }
            let log = self.store.audit_log();
            let outside = log.list_outside_seals(first, last, TOO_MANY).await?;
            if !outside.is_empty() && !log.list_seals(last, 1).await?.is_empty() {
                // A seal was made meanwhile.
                continue;
            }
            let added = |one: &AuditRecord| Finding::of_event(Flaw::EventAdded, one.seal, one.id);
            outside.iter().map(added).for_each(&mut tell);
            break;
        }
        let waiting = self.check_unsealed(&mut tell).await?;
        if checker.let_go_to.is_none() && self.is_emptied().await? {
            tell(Finding::of_log(Flaw::Emptied));
        }
        checker.finish().into_iter().for_each(&mut tell);
        Ok(AuditVerdict {
            seals: checker.seals,
            events: checker.events,
            erased: checker.erased,
            waiting: waiting.count,
            overdue: waiting.overdue,
            late: checker.late,
            let_go_to: checker.let_go_to,
            last: checker.last(),
            checkpoints_met: checker.checkpoints_met,
            is_told_of_triggers: self.store.audit_log().is_told_of_triggers().await?,
            findings,
        })
    }

    /// The next seal, looked at; none where there is none.
    async fn step(&self, checker: &Checker) -> Result<Option<(Checker, Vec<Finding>)>, StoreError> {
        let check = |batch: &SealedBatch| {
            let mut checked = checker.clone();
            let wrong = checked.check(&batch.seal, &batch.records, &batch.erasures);
            (checked, wrong)
        };
        let after = checker.position();
        let Some(batch) = self.read_seal(after).await? else {
            return Ok(None);
        };
        let (checked, wrong) = check(&batch);
        if wrong.is_empty() {
            return Ok(Some((checked, wrong)));
        }
        // It may have been erased, or let go, between two questions.
        let again = self.read_seal(after).await?;
        Ok(Some(again.map_or((checked, wrong), |again| check(&again))))
    }

    /// Whether there is something whose line is older than the first that is there. The log of a store that
    /// has let nothing go begins with the line about its first key.
    async fn is_emptied(&self) -> Result<bool, StoreError> {
        let log = self.store.audit_log();
        let first_seal = log.list_seals(0, 1).await?;
        let unsealed = log.list_unsealed(None, last_id(), 1).await?;
        let of_seal = first_seal.first().map(|seal| seal.first_id);
        let of_line = unsealed.first().map(|record| record.id);
        let keys = self.store.list_signing_keys().await?;
        let Some(first) = of_seal.into_iter().chain(of_line).min() else {
            let anybody = UserFilter {
                limit: 1,
                ..UserFilter::default()
            };
            return Ok(!keys.is_empty() || !self.store.list_users(&anybody).await?.is_empty());
        };
        let before = first.moment().checked_sub(LATE).unwrap_or(Timestamp::MIN);
        Ok(keys.iter().any(|key| key.created_at < before))
    }

    async fn check_unsealed(
        &self,
        tell: &mut (dyn FnMut(Finding) + Send),
    ) -> Result<Waiting, StoreError> {
        let (mut waiting, mut after) = (Waiting::new(self.now), None);
        loop {
            let records = self.read_unsealed(after).await?;
            let Some(last) = records.last() else {
                return Ok(waiting);
            };
            after = Some(last.id);
            for record in &records {
                waiting.look(record).into_iter().for_each(&mut *tell);
            }
        }
    }
}

/// No id comes after it.
fn last_id() -> AuditEventId {
    AuditEventId::from_bytes([255; 16])
}

fn is_erased(record: &AuditRecord) -> bool {
    record.personal_digest.is_some() && record.personal_salt.is_none()
}
