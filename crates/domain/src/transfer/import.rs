//! Imports users from another store or another system, some hundred per transaction.
//!
//! Uniqueness is not checked in advance. If the store rejects a batch, the batch is halved until each user that
//! cannot be imported is alone. A user that exists with the same id was imported before. A batch that takes the
//! store too long is also halved, and [`Pace`] remembers the size that works.
//!
//! The binary parses the file (`import`). `person` checks each user alone, the store checks it against the
//! existing users, and `checking` does so for a dry run.

mod checking;
mod person;

use std::collections::{HashMap, HashSet};

use crate::core::users::ensure_operator;
use crate::ctx::Ctx;
use crate::error::{Error, WriteError};
use crate::model::{Credential, DeletedUser, Event, LastAdmin, Role, User};
use crate::store::{Batch, Records, Write};
use crate::transfer::Transfer;
use crate::values::UserId;

pub use checking::DryRun;
use person::identity_fields;
pub use person::{ImportRejection, ImportedUser, derived_id};

/// Maximum number of writes for one user: the account, its search words, the password, an audit event.
const WRITES_PER_USER: usize = 14;

/// Result of importing one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportOutcome {
    /// Imported.
    Imported,
    /// Exists already, from an earlier or interrupted import.
    AlreadyThere,
    /// Rejected; nothing was written.
    Refused(ImportRejection),
}

/// Maximum number of users per transaction. A transaction has a time limit, and each user costs several round
/// trips.
#[derive(Debug)]
pub struct Pace {
    most: usize,
    /// Number of consecutive successful writes of this size.
    went_well: u32,
}

impl Pace {
    /// Number of successful writes before the size grows by a quarter. A failed write uses up the whole time
    /// limit, so failures must stay rare.
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

    /// Records that a write of `count` users took too long: halves the size.
    fn was_too_fast(&mut self, count: usize) {
        self.most = (count / 2).max(1);
        self.went_well = 0;
    }
}

/// No maximum until a write takes too long.
impl Default for Pace {
    fn default() -> Self {
        Self {
            most: usize::MAX,
            went_well: 0,
        }
    }
}

/// State of one import call.
struct ImportBatch<'a> {
    ctx: &'a Ctx,
    system: &'a str,
    batch: &'a [ImportedUser],
    outcomes: Vec<Option<ImportOutcome>>,
}

impl Transfer {
    /// Imports a batch of users from the named system and returns one outcome per user, in order. After an error,
    /// some of them may have been imported: pass the batch again. Use the same `pace` for all batches.
    pub async fn import(
        &self,
        ctx: &Ctx,
        system: &str,
        pace: &mut Pace,
        batch: &[ImportedUser],
    ) -> Result<Vec<ImportOutcome>, Error> {
        ensure_operator(ctx)?;
        let mut import = ImportBatch {
            ctx,
            system,
            batch,
            outcomes: vec![None; batch.len()],
        };
        loop {
            // The second user with the same id waits for the outcome of the first.
            let mut ids = HashSet::new();
            let open: Vec<usize> = (0..batch.len())
                .filter(|at| import.outcomes[*at].is_none() && ids.insert(batch[*at].user.id))
                .collect();
            if open.is_empty() {
                return Ok(import.outcomes.into_iter().flatten().collect());
            }
            let open = self
                .set_aside_known(batch, open, &mut import.outcomes)
                .await?;
            let open = self
                .set_aside_deleted(batch, open, &mut import.outcomes)
                .await?;
            self.import_open(&mut import, pace, open).await?;
        }
    }

    /// Records the outcome of users that exist already, and returns the others. Credentials are queried in bulk
    /// first: a user whose password is not stored is assumed to be new.
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
        let known = self
            .core
            .ports
            .store
            .get_all::<Credential>(with_password)
            .await?;
        let known: HashSet<UserId> = known.iter().map(|stored| stored.user_id).collect();
        let may_be_there = |at: &&usize| {
            let one = &batch[**at];
            one.credential.is_none() || known.contains(&one.user.id)
        };
        let candidates: Vec<usize> = open.iter().filter(may_be_there).copied().collect();
        self.note_known(batch, &candidates, outcomes).await?;
        Ok(still_open(open, outcomes))
    }

    /// Rejects users whose account was deleted here, and returns the others.
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
        let deleted: Vec<DeletedUser> = self.core.ports.store.get_all(ids).await?;
        for at in &open {
            if deleted
                .iter()
                .any(|deleted| deleted.id == batch[*at].user.id)
            {
                outcomes[*at] = Some(ImportOutcome::Refused(ImportRejection::IdDeleted));
            }
        }
        Ok(still_open(open, outcomes))
    }

    /// Records the outcome of the candidates that exist already.
    async fn note_known(
        &self,
        batch: &[ImportedUser],
        candidates: &[usize],
        outcomes: &mut [Option<ImportOutcome>],
    ) -> Result<(), Error> {
        let ids: Vec<UserId> = candidates.iter().map(|at| batch[*at].user.id).collect();
        let stored: Vec<User> = self.core.ports.store.get_all(ids).await?;
        let stored: HashMap<UserId, &User> = stored.iter().map(|user| (user.id, user)).collect();
        for at in candidates {
            let found = stored.get(&batch[*at].user.id);
            outcomes[*at] = found.map(|user| outcome_for(&batch[*at], user));
        }
        Ok(())
    }

    /// Returns the outcome if a user with this id exists, else `None`.
    pub(super) async fn outcome_if_known(
        &self,
        one: &ImportedUser,
    ) -> Result<Option<ImportOutcome>, Error> {
        let stored: Option<User> = self.core.ports.store.get(one.user.id).await?;
        Ok(stored.map(|user| outcome_for(one, &user)))
    }

    /// Writes the new users in order, in as few transactions as errors and the pace allow. Of two users with the
    /// same name, the first gets it.
    async fn import_open(
        &self,
        import: &mut ImportBatch<'_>,
        pace: &mut Pace,
        open: Vec<usize>,
    ) -> Result<(), Error> {
        let mut parts = vec![open];
        while let Some(mut part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            let most = pace
                .most
                .min(self.core.ports.store.limits().writes / WRITES_PER_USER);
            if part.len() > most {
                parts.push(part.split_off(most));
            }
            match self
                .core
                .apply(self.import_writes(import, &part).await?)
                .await
            {
                Ok(()) => {
                    pace.went_well(part.len());
                    for at in part {
                        import.outcomes[at] = Some(ImportOutcome::Imported);
                    }
                }
                Err(WriteError::Taken(unique)) if part.len() == 1 => {
                    // The user exists by now if another process imports the same file.
                    let known = self.outcome_if_known(&import.batch[part[0]]).await?;
                    let refused = ImportOutcome::Refused(ImportRejection::taken(unique));
                    import.outcomes[part[0]] = Some(known.unwrap_or(refused));
                }
                Err(WriteError::Taken(_)) => {
                    let second = part.split_off(part.len() / 2);
                    parts.extend([second, part]);
                }
                // Another process has changed the roster of admins.
                Err(WriteError::Stale) => parts.push(part),
                Err(WriteError::Failed(error @ (Error::Store(_) | Error::OutcomeUnknown(_)))) => {
                    parts.push(self.what_is_left(import, pace, part, error).await?);
                }
                Err(WriteError::Failed(other)) => return Err(other),
            }
        }
        Ok(())
    }

    /// Returns the users that remain to be written after a failed write. Its response may have been lost, another
    /// process may be importing the same file, or the batch took too long. Fails if no user of the batch exists
    /// and a smaller batch cannot help: it had one user, or its outcome is unknown.
    async fn what_is_left(
        &self,
        import: &mut ImportBatch<'_>,
        pace: &mut Pace,
        part: Vec<usize>,
        error: Error,
    ) -> Result<Vec<usize>, Error> {
        self.note_known(import.batch, &part, &mut import.outcomes)
            .await?;
        if matches!(error, Error::OutcomeUnknown(_)) {
            count_as_new(&part, &mut import.outcomes);
        }
        let before = part.len();
        let remaining = still_open(part, &import.outcomes);
        if remaining.len() == before {
            if before == 1 || matches!(error, Error::OutcomeUnknown(_)) {
                return Err(error);
            }
            pace.was_too_fast(before);
        }
        Ok(remaining)
    }

    /// Returns the writes for these users: accounts, passwords, one audit event for all of them and one for each
    /// admin.
    async fn import_writes(
        &self,
        import: &ImportBatch<'_>,
        part: &[usize],
    ) -> Result<Batch, Error> {
        let ctx = import.ctx;
        let mut writes = Batch::with_capacity(WRITES_PER_USER * part.len());
        let mut admins = Vec::new();
        for at in part {
            let one = &import.batch[*at];
            writes.extend(one.user.insert());
            writes.extend(one.credential.as_ref().map(Write::put));
            if one.user.role == Role::Admin {
                let (event, id) = (Event::RoleChanged, Some(one.user.id));
                writes.push(self.core.audit_detail(ctx, event, id, Role::Admin.as_str()));
            }
            admins.extend(one.user.is_active_admin().then_some(one.user.id));
        }
        if !admins.is_empty() {
            let change = self.core.roster().await?.changed(admins, None);
            writes.extend(change.map_err(|LastAdmin| Error::LastAdmin)?);
        }
        let detail = format!("{} imported from {}", part.len(), import.system);
        writes.push(self.core.audit_detail(ctx, Event::SignUp, None, &detail));
        Ok(writes)
    }
}

fn outcome_for(one: &ImportedUser, stored: &User) -> ImportOutcome {
    match identity_fields(stored) == one.identity_fields() {
        true => ImportOutcome::AlreadyThere,
        false => ImportOutcome::Refused(ImportRejection::IdTaken),
    }
}

fn still_open(open: Vec<usize>, outcomes: &[Option<ImportOutcome>]) -> Vec<usize> {
    let is_open = |at: &usize| outcomes[*at].is_none();
    open.into_iter().filter(is_open).collect()
}

/// Changes `AlreadyThere` to `Imported`: these users did not exist before the write, so it created them.
fn count_as_new(part: &[usize], outcomes: &mut [Option<ImportOutcome>]) {
    for at in part {
        if outcomes[*at] == Some(ImportOutcome::AlreadyThere) {
            outcomes[*at] = Some(ImportOutcome::Imported);
        }
    }
}
