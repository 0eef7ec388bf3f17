//! Dry run: determines the outcomes of an import without a write.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use super::{ImportOutcome, ImportRejection, ImportedUser, outcome_if_known};
use crate::access::ensure_operator;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::model::{DeletedUser, User};
use crate::store::{ReadStore, Records};
use crate::values::EmailAddress;

/// Determines the outcomes of an import.
pub struct ImportDryRun {
    pub(crate) store: Arc<dyn ReadStore>,
}

impl ImportDryRun {
    /// Returns the outcomes that an import of this batch would have now. Nothing is written. `seen` holds the
    /// users of the previous batches that would be imported.
    pub async fn check_import(
        &self,
        ctx: &Ctx,
        seen: &mut DryRun,
        batch: &[ImportedUser],
    ) -> Result<Vec<ImportOutcome>, Error> {
        ensure_operator(ctx)?;
        let mut outcomes = Vec::with_capacity(batch.len());
        for one in batch {
            let outcome = match outcome_if_known(&*self.store, one).await? {
                Some(outcome) => outcome,
                None => match self.find_conflict(one).await? {
                    Some(rejection) => ImportOutcome::Rejected(rejection),
                    None => seen.check(one),
                },
            };
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }

    async fn find_conflict(&self, one: &ImportedUser) -> Result<Option<ImportRejection>, Error> {
        let store = &self.store;
        let id = one.user.id;
        if store.get::<DeletedUser>(id).await?.is_some() {
            return Ok(Some(ImportRejection::IdDeleted));
        }
        if let Some(username) = &one.user.username {
            let owner: Option<User> = store.find(User::USERNAME_KEY, username.key()).await?;
            if owner.is_some() {
                return Ok(Some(ImportRejection::UsernameTaken));
            }
        }
        if let Some(email) = &one.user.email {
            let owner: Option<User> = store.find(User::EMAIL_KEY, email.key()).await?;
            if owner.is_some() {
                return Ok(Some(ImportRejection::EmailTaken));
            }
        }
        Ok(None)
    }
}

/// The ids and names that a dry run has seen, as 64-bit hashes to save memory.
#[derive(Debug, Default)]
pub struct DryRun {
    fingerprints: HashSet<u64>,
    state: RandomState,
}

impl DryRun {
    fn check(&mut self, one: &ImportedUser) -> ImportOutcome {
        let (id, username, _) = one.identity_fields();
        let email = one.user.email.as_ref().map(EmailAddress::key);
        let whole = self.fingerprint("facts", one.identity_fields());
        if !self.add("id", id) {
            return match self.fingerprints.contains(&whole) {
                true => ImportOutcome::AlreadyExists,
                false => ImportOutcome::Rejected(ImportRejection::IdTaken),
            };
        }
        if username.is_some_and(|key| !self.add("username", key)) {
            return ImportOutcome::Rejected(ImportRejection::UsernameTaken);
        }
        if email.is_some_and(|key| !self.add("email", key)) {
            return ImportOutcome::Rejected(ImportRejection::EmailTaken);
        }
        self.fingerprints.insert(whole);
        ImportOutcome::Imported
    }

    /// Adds a value. Returns `true` if it is new.
    fn add(&mut self, kind: &str, value: impl Hash) -> bool {
        let fingerprint = self.fingerprint(kind, value);
        self.fingerprints.insert(fingerprint)
    }

    fn fingerprint(&self, kind: &str, value: impl Hash) -> u64 {
        self.state.hash_one((kind, value))
    }
}
