//! Imports users from another store or another system, some hundred per transaction.
//!
//! Uniqueness is not checked in advance. If the store rejects a batch, the batch is halved until each user that
//! cannot be imported is alone. A user that exists with the same id was imported before. A batch that takes the
//! store too long is also halved, and [`BatchPacer`] remembers the size that works.
//!
//! The binary parses the file (`import`). `imported_user` checks each user alone, the store checks it
//! against the existing users, and `dry_run` does so for a dry run.

mod dry_run;
mod imported_user;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::access::{ensure_operator, roster};
use crate::ctx::Ctx;
use crate::error::{Error, WriteError};
use crate::events::Event;
use crate::factors::transfer::FactorTransfer;
use crate::model::{Credential, DeletedUser, LastAdmin, User};
use crate::store::{Batch, ReadStore, Records, Store, Write};
use crate::values::{Role, UserId};
use crate::writer::Writer;

pub use dry_run::{DryRun, ImportDryRun};
use imported_user::identity_fields;
pub use imported_user::{ImportRejection, ImportedUser, derive_id};

/// Maximum number of writes for one user: the account with its unique values, its search words, the password, an audit
/// event. Second factors and the last sign-in come on top.
const WRITES_PER_USER: usize = 16;

/// Result of importing one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportOutcome {
    /// Imported.
    Imported,
    /// Exists already, from an earlier or interrupted import.
    AlreadyExists,
    /// Rejected; nothing was written.
    Rejected(ImportRejection),
}

/// Maximum number of users per transaction. A transaction has a time limit, and takes longer over a slow connection.
#[derive(Debug)]
pub struct BatchPacer {
    batch_size: usize,
    /// Number of consecutive successful writes of this size.
    successes: u32,
}

impl BatchPacer {
    /// Number of successful writes before the size grows by a quarter. A failed write uses up the whole time
    /// limit, so failures must stay rare.
    const GROW_AFTER: u32 = 8;

    fn record_success(&mut self, count: usize) {
        if count < self.batch_size {
            return;
        }
        self.successes += 1;
        if self.successes == Self::GROW_AFTER {
            self.successes = 0;
            self.batch_size = self.batch_size.saturating_add(self.batch_size.div_ceil(4));
        }
    }

    /// Records that a write of `count` users took too long: halves the size.
    fn record_failure(&mut self, count: usize) {
        self.batch_size = (count / 2).max(1);
        self.successes = 0;
    }
}

/// No maximum until a write takes too long.
impl Default for BatchPacer {
    fn default() -> Self {
        Self {
            batch_size: usize::MAX,
            successes: 0,
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

/// Imports users.
pub struct UserImport {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) factor_transfer: Arc<FactorTransfer>,
    pub(crate) writer: Arc<Writer>,
}

impl UserImport {
    /// Imports a batch of users from the named system and returns one outcome per user, in order. After an error,
    /// some of them may have been imported: pass the batch again. Use the same `pace` for all batches.
    pub async fn import(
        &self,
        ctx: &Ctx,
        system: &str,
        pace: &mut BatchPacer,
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
                .skip_existing(batch, open, &mut import.outcomes)
                .await?;
            let open = self
                .reject_deleted(batch, open, &mut import.outcomes)
                .await?;
            self.insert_remaining(&mut import, pace, open).await?;
        }
    }

    /// Records the outcome of users that exist already, and returns the others. Credentials are queried in bulk
    /// first: a user whose password is not stored is assumed to be new.
    async fn skip_existing(
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
        let known = self.store.get_all::<Credential>(with_password).await?;
        let known: HashSet<UserId> = known.iter().map(|stored| stored.user_id).collect();
        let may_be_there = |at: &&usize| {
            let one = &batch[**at];
            one.credential.is_none() || known.contains(&one.user.id)
        };
        let candidates: Vec<usize> = open.iter().filter(may_be_there).copied().collect();
        self.record_existing(batch, &candidates, outcomes).await?;
        Ok(without_outcome(open, outcomes))
    }

    /// Rejects users whose account was deleted here, and returns the others.
    async fn reject_deleted(
        &self,
        batch: &[ImportedUser],
        open: Vec<usize>,
        outcomes: &mut [Option<ImportOutcome>],
    ) -> Result<Vec<usize>, Error> {
        if open.is_empty() {
            return Ok(open);
        }
        let ids: Vec<_> = open.iter().map(|at| batch[*at].user.id).collect();
        let deleted: Vec<DeletedUser> = self.store.get_all(ids).await?;
        for at in &open {
            if deleted
                .iter()
                .any(|deleted| deleted.id == batch[*at].user.id)
            {
                outcomes[*at] = Some(ImportOutcome::Rejected(ImportRejection::IdDeleted));
            }
        }
        Ok(without_outcome(open, outcomes))
    }

    /// Records the outcome of the candidates that exist already.
    async fn record_existing(
        &self,
        batch: &[ImportedUser],
        candidates: &[usize],
        outcomes: &mut [Option<ImportOutcome>],
    ) -> Result<(), Error> {
        let ids: Vec<UserId> = candidates.iter().map(|at| batch[*at].user.id).collect();
        let stored: Vec<User> = self.store.get_all(ids).await?;
        let stored: HashMap<UserId, &User> = stored.iter().map(|user| (user.id, user)).collect();
        for at in candidates {
            let found = stored.get(&batch[*at].user.id);
            outcomes[*at] = found.map(|user| outcome_for(&batch[*at], user));
        }
        Ok(())
    }

    /// Writes the new users in order, in as few transactions as errors and the pace allow. Of two users with the
    /// same name, the first gets it.
    async fn insert_remaining(
        &self,
        import: &mut ImportBatch<'_>,
        pace: &mut BatchPacer,
        open: Vec<usize>,
    ) -> Result<(), Error> {
        let mut parts = vec![open];
        while let Some(mut part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            let batch_size = pace.batch_size.min(self.fitting(import.batch, &part));
            if part.len() > batch_size {
                parts.push(part.split_off(batch_size));
            }
            match self
                .writer
                .apply(self.import_writes(import, &part).await?)
                .await
            {
                Ok(()) => {
                    pace.record_success(part.len());
                    for at in part {
                        import.outcomes[at] = Some(ImportOutcome::Imported);
                    }
                }
                Err(WriteError::Taken(unique)) if part.len() == 1 => {
                    // The user exists by now if another process imports the same file.
                    let known = outcome_if_known(&*self.store, &import.batch[part[0]]).await?;
                    let refused = ImportOutcome::Rejected(ImportRejection::taken(unique));
                    import.outcomes[part[0]] = Some(known.unwrap_or(refused));
                }
                Err(WriteError::Taken(_)) => {
                    let second = part.split_off(part.len() / 2);
                    parts.extend([second, part]);
                }
                // Another process has changed the roster of admins.
                Err(WriteError::Stale) => parts.push(part),
                Err(WriteError::Failed(error @ (Error::Store(_) | Error::OutcomeUnknown(_)))) => {
                    parts.push(
                        self.remaining_after_failure(import, pace, part, error)
                            .await?,
                    );
                }
                Err(WriteError::Failed(other)) => return Err(other),
            }
        }
        Ok(())
    }

    /// Number of users of this part, from its start, whose writes fit into one transaction. A single user always fits.
    fn fitting(&self, batch: &[ImportedUser], part: &[usize]) -> usize {
        let mut room = self.store.limits().writes;
        let fits = |at: &&usize| {
            let one = &batch[**at];
            let more = one.factors.write_count() + usize::from(one.last_sign_in.is_some());
            let writes = WRITES_PER_USER + more;
            let left = room.checked_sub(writes);
            room = left.unwrap_or(room);
            left.is_some()
        };
        part.iter().take_while(fits).count().max(1)
    }

    /// Returns the users that remain to be written after a failed write. Its response may have been lost, another
    /// process may be importing the same file, or the batch took too long. Fails if no user of the batch exists
    /// and a smaller batch cannot help: it had one user, or its outcome is unknown.
    async fn remaining_after_failure(
        &self,
        import: &mut ImportBatch<'_>,
        pace: &mut BatchPacer,
        part: Vec<usize>,
        error: Error,
    ) -> Result<Vec<usize>, Error> {
        self.record_existing(import.batch, &part, &mut import.outcomes)
            .await?;
        if matches!(error, Error::OutcomeUnknown(_)) {
            mark_imported(&part, &mut import.outcomes);
        }
        let before = part.len();
        let remaining = without_outcome(part, &import.outcomes);
        if remaining.len() == before {
            if before == 1 || matches!(error, Error::OutcomeUnknown(_)) {
                return Err(error);
            }
            pace.record_failure(before);
        }
        Ok(remaining)
    }

    /// Returns the writes for these users: accounts, passwords, last sign-ins, second factors, the roster of admins, an audit
    /// event for each admin and one for all users.
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
            writes.extend(one.credential.as_ref().map(Write::insert));
            writes.extend(one.last_sign_in.as_ref().map(Write::insert));
            writes.extend(
                self.factor_transfer
                    .import_factors(one.user.id, &one.factors, ctx.now),
            );
            if one.user.role == Role::Admin {
                let user_id = one.user.id;
                let admin = Event::AdminImported { user_id };
                self.writer.emit(ctx, admin, &mut writes);
            }
            admins.extend(one.user.is_active_admin().then_some(one.user.id));
        }
        if !admins.is_empty() {
            let change = roster::roster(&*self.store).await?.changed(admins, None);
            writes.extend(change.map_err(|LastAdmin| Error::LastAdmin)?);
        }
        let imported = Event::UsersImported {
            count: part.len(),
            system: import.system,
        };
        self.writer.emit(ctx, imported, &mut writes);
        sort_by_table(&mut writes);
        Ok(writes)
    }
}

/// Puts the writes to one table next to each other, in their order, because a store inserts consecutive rows of a table
/// together. The tables are in the order of their first writes: a taken name is found before other rows are written. No
/// write of an import depends on one to another table.
fn sort_by_table(writes: &mut Batch) {
    let mut tables = Vec::new();
    writes.sort_by_cached_key(|write| {
        let table = write.table().name;
        let known = tables.iter().position(|known| *known == table);
        known.unwrap_or_else(|| {
            tables.push(table);
            tables.len() - 1
        })
    });
}

fn outcome_for(one: &ImportedUser, stored: &User) -> ImportOutcome {
    match identity_fields(stored) == one.identity_fields() {
        true => ImportOutcome::AlreadyExists,
        false => ImportOutcome::Rejected(ImportRejection::IdTaken),
    }
}

fn without_outcome(open: Vec<usize>, outcomes: &[Option<ImportOutcome>]) -> Vec<usize> {
    let is_open = |at: &usize| outcomes[*at].is_none();
    open.into_iter().filter(is_open).collect()
}

/// Changes `AlreadyExists` to `Imported`: these users did not exist before the write, so it created them.
fn mark_imported(part: &[usize], outcomes: &mut [Option<ImportOutcome>]) {
    for at in part {
        if outcomes[*at] == Some(ImportOutcome::AlreadyExists) {
            outcomes[*at] = Some(ImportOutcome::Imported);
        }
    }
}

/// Returns the outcome if a user with this id exists, else `None`.
async fn outcome_if_known(
    store: &dyn ReadStore,
    one: &ImportedUser,
) -> Result<Option<ImportOutcome>, Error> {
    let stored: Option<User> = store.get(one.user.id).await?;
    Ok(stored.map(|user| outcome_for(one, &user)))
}
