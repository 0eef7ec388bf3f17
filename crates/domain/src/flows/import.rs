//! Import: users from another store or another system, some hundred at a time, in one write.
//!
//! Nothing is looked up to find out what is taken: the store says so, and the batch is halved until
//! whoever cannot be taken stands alone. A user who is there by the same id was imported before.
//! A write that the store has no time for is halved too, and [`Pace`] remembers what it has time for.
//! What a file looks like is the binary's business (`import`); what can be taken is decided here: of one by
//! themselves in `person`, beside who is there already by the store, and for a dry run in `checking`.

mod checking;
mod person;

use std::collections::{HashMap, HashSet};

use crate::accounts::Accounts;
use crate::changes::{ApplyError, Change, Changes};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::flows::export::ensure_operator;
use crate::model::{Event, Role, User, UserFilter};
use crate::values::UserId;

pub use checking::DryRun;
use person::facts;
pub use person::{ImportedUser, Refusal, derived_id};

/// What became of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportOutcome {
    /// Taken in.
    Imported,
    /// Was there, from an import that broke off or was made before.
    AlreadyThere,
    /// Not taken in; nothing of them was.
    Refused(Refusal),
}

/// How many users the store takes in one write. A write has only so much time, and behind a slow link
/// each user of it costs several round trips.
#[derive(Debug)]
pub struct Pace {
    most: usize,
    /// How many writes of that size went well in a row.
    went_well: u32,
}

impl Pace {
    /// After so many writes that went well, a quarter more is tried: a failure costs as much time as
    /// a write has, and must stay rare.
    const TRUSTED_AFTER: u32 = 8;

    fn went_well(&mut self, count: usize) {
        if count < self.most {
            return;
        }
        self.went_well += 1;
        if self.went_well == Self::TRUSTED_AFTER {
            self.went_well = 0;
            self.most = self.most.saturating_add(self.most.div_ceil(4));
        }
    }

    /// So many were too many.
    fn was_too_fast(&mut self, count: usize) {
        self.most = (count / 2).max(1);
        self.went_well = 0;
    }
}

/// Whatever it is given at a time, until that is too much.
impl Default for Pace {
    fn default() -> Self {
        Self {
            most: usize::MAX,
            went_well: 0,
        }
    }
}

/// What an import works on.
struct Work<'a> {
    ctx: &'a Ctx,
    system: &'a str,
    batch: &'a [ImportedUser],
    outcomes: Vec<Option<ImportOutcome>>,
}

impl Accounts {
    /// Takes users in, from a system of that name. All else fails as a whole: whoever is not known
    /// to be in then can be given again. The pace is kept from one batch to the next.
    pub async fn import(
        &self,
        ctx: &Ctx,
        system: &str,
        pace: &mut Pace,
        batch: &[ImportedUser],
    ) -> Result<Vec<ImportOutcome>, Error> {
        ensure_operator(ctx)?;
        let mut work = Work {
            ctx,
            system,
            batch,
            outcomes: vec![None; batch.len()],
        };
        loop {
            // An id that comes twice waits for what becomes of the first.
            let mut ids = HashSet::new();
            let open: Vec<usize> = (0..batch.len())
                .filter(|at| work.outcomes[*at].is_none() && ids.insert(batch[*at].user.id))
                .collect();
            if open.is_empty() {
                return Ok(work.outcomes.into_iter().flatten().collect());
            }
            let open = self
                .set_aside_known(batch, open, &mut work.outcomes)
                .await?;
            let open = self
                .set_aside_deleted(batch, open, &mut work.outcomes)
                .await?;
            self.import_open(&mut work, pace, open).await?;
        }
    }

    /// Notes those who are there; gives those who are not. Most have a password, and passwords can
    /// be asked for by the hundred.
    async fn set_aside_known(
        &self,
        batch: &[ImportedUser],
        open: Vec<usize>,
        outcomes: &mut [Option<ImportOutcome>],
    ) -> Result<Vec<usize>, Error> {
        let with_password: Vec<UserId> = open
            .iter()
            .filter(|at| batch[**at].credential.is_some())
            .map(|at| batch[*at].user.id)
            .collect();
        let known = self.ports.store.list_credentials(&with_password).await?;
        let known: HashSet<UserId> = known.iter().map(|kept| kept.user_id).collect();
        let may_be_there = |at: &&usize| {
            let one = &batch[**at];
            one.credential.is_none() || known.contains(&one.user.id)
        };
        let asked: Vec<usize> = open.iter().filter(may_be_there).copied().collect();
        self.note_known(batch, &asked, outcomes).await?;
        Ok(still_open(open, outcomes))
    }

    /// Refuses those who were deleted here; gives the others.
    async fn set_aside_deleted(
        &self,
        batch: &[ImportedUser],
        open: Vec<usize>,
        outcomes: &mut [Option<ImportOutcome>],
    ) -> Result<Vec<usize>, Error> {
        if open.is_empty() {
            return Ok(open);
        }
        let ids: Vec<_> = open.iter().map(|at| batch[*at].user.id).collect();
        let deleted = self.ports.store.audit_log().list_deleted(&ids).await?;
        for at in &open {
            if deleted.contains(&batch[*at].user.id) {
                outcomes[*at] = Some(ImportOutcome::Refused(Refusal::IdDeleted));
            }
        }
        Ok(still_open(open, outcomes))
    }

    /// Notes those of them who are there.
    async fn note_known(
        &self,
        batch: &[ImportedUser],
        asked: &[usize],
        outcomes: &mut [Option<ImportOutcome>],
    ) -> Result<(), Error> {
        let ids = asked.iter().map(|at| batch[*at].user.id);
        let Some(lowest) = ids.min() else {
            return Ok(());
        };
        // A file is mostly in the order of ids: then one question answers for them all.
        let filter = UserFilter {
            after: lowest.before(),
            limit: asked.len(),
            ..UserFilter::default()
        };
        let kept = self.ports.store.list_users(&filter).await?;
        let is_end = kept.len() < asked.len();
        let seen_up_to = kept.last().map(|kept| kept.id);
        let kept: HashMap<UserId, User> = kept.into_iter().map(|kept| (kept.id, kept)).collect();
        for at in asked {
            let one = &batch[*at];
            let is_answered = is_end || seen_up_to.is_some_and(|last| one.user.id <= last);
            outcomes[*at] = match kept.get(&one.user.id) {
                None if !is_answered => self.judge_known(one).await?,
                kept => kept.map(|kept| judged(one, kept)),
            };
        }
        Ok(())
    }

    /// What it means that a user of that id is there; none where there is none.
    async fn judge_known(&self, one: &ImportedUser) -> Result<Option<ImportOutcome>, Error> {
        let kept = self.ports.store.find_user(one.user.id).await?;
        Ok(kept.map(|kept| judged(one, &kept)))
    }

    /// Writes those who are not there, in as few writes as their faults and the pace allow, in their
    /// order: of two who want one name the first has it.
    async fn import_open(
        &self,
        work: &mut Work<'_>,
        pace: &mut Pace,
        open: Vec<usize>,
    ) -> Result<(), Error> {
        let mut parts = vec![open];
        while let Some(mut part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            if part.len() > pace.most {
                parts.push(part.split_off(pace.most));
            }
            match self.apply(self.import_changes(work, &part)).await {
                Ok(()) => {
                    pace.went_well(part.len());
                    for at in part {
                        work.outcomes[at] = Some(ImportOutcome::Imported);
                    }
                }
                Err(ApplyError::Taken(unique)) if part.len() == 1 => {
                    // Their own name, where somebody else imports the same file beside us.
                    let known = self.judge_known(&work.batch[part[0]]).await?;
                    let refused = ImportOutcome::Refused(unique.into());
                    work.outcomes[part[0]] = Some(known.unwrap_or(refused));
                }
                Err(ApplyError::Taken(_)) => {
                    let second = part.split_off(part.len() / 2);
                    parts.extend([second, part]);
                }
                Err(error @ (ApplyError::Store(_) | ApplyError::OutcomeUnknown(_))) => {
                    parts.push(self.what_is_left(work, pace, part, error).await?);
                }
                Err(other) => return Err(other.into()),
            }
        }
        Ok(())
    }

    /// Who of them is still to be written after a write that failed. Its answer may have been lost;
    /// somebody else may be importing the same file; or there were too many of them for the time that
    /// a write has. What the store cannot do for one alone it cannot do.
    async fn what_is_left(
        &self,
        work: &mut Work<'_>,
        pace: &mut Pace,
        part: Vec<usize>,
        error: ApplyError,
    ) -> Result<Vec<usize>, Error> {
        self.note_known(work.batch, &part, &mut work.outcomes)
            .await?;
        if matches!(error, ApplyError::OutcomeUnknown(_)) {
            count_as_new(&part, &mut work.outcomes);
        }
        let before = part.len();
        let rest = still_open(part, &work.outcomes);
        if rest.len() == before {
            if before == 1 || matches!(error, ApplyError::OutcomeUnknown(_)) {
                return Err(error.into());
            }
            pace.was_too_fast(before);
        }
        Ok(rest)
    }

    /// The users, their passwords, one line in the audit log for them all, and one for each admin.
    fn import_changes(&self, work: &Work<'_>, part: &[usize]) -> Changes {
        let ctx = work.ctx;
        let mut changes = Vec::with_capacity(2 * part.len() + 1);
        for at in part {
            let one = &work.batch[*at];
            changes.push(Change::InsertUser(Box::new(one.user.clone())));
            changes.extend(one.credential.clone().map(Change::PutCredential));
            if one.user.role == Role::Admin {
                let (event, id) = (Event::RoleChanged, Some(one.user.id));
                changes.push(self.audit_detail(ctx, event, id, Role::Admin.as_str()));
            }
        }
        let detail = format!("{} imported from {}", part.len(), work.system);
        changes.push(self.audit_detail(ctx, Event::SignUp, None, &detail));
        changes
    }
}

fn judged(one: &ImportedUser, kept: &User) -> ImportOutcome {
    match facts(kept) == one.facts() {
        true => ImportOutcome::AlreadyThere,
        false => ImportOutcome::Refused(Refusal::IdTaken),
    }
}

fn still_open(open: Vec<usize>, outcomes: &[Option<ImportOutcome>]) -> Vec<usize> {
    let is_open = |at: &usize| outcomes[*at].is_none();
    open.into_iter().filter(is_open).collect()
}

/// Whoever was not there before a write and is after it was written by it.
fn count_as_new(part: &[usize], outcomes: &mut [Option<ImportOutcome>]) {
    for at in part {
        if outcomes[*at] == Some(ImportOutcome::AlreadyThere) {
            outcomes[*at] = Some(ImportOutcome::Imported);
        }
    }
}
