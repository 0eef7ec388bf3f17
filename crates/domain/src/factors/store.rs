//! Reads the second factors of users.

use std::sync::Arc;

use jiff::Timestamp;

use super::enrolment_list::EnrolmentList;
use super::list::FactorList;
use super::stored::{MAX_DELETED, StoredFactor};
use crate::ctx::{Ctx, KnownDevice};
use crate::error::Error;
use crate::model::{Credential, FactorProof, FactorSet, User};
use crate::store::{Batch, ReadStore, Records, Write};
use crate::values::{CredentialId, UserId};

/// The writes that remove factors of a user.
pub(crate) struct RemovedFactors {
    pub(crate) writes: Batch,
    /// Number of removed factors.
    pub(crate) count: usize,
    /// `true` if the user had factors, and has none left.
    pub(crate) turns_off: bool,
}

/// The second factors in the store.
pub(crate) struct FactorStore {
    pub(crate) store: Arc<dyn ReadStore>,
}

impl FactorStore {
    /// Returns a factor of this user, active or not; `None` if the user has none with this id.
    pub(super) async fn own_factor(
        &self,
        user: &User,
        id: CredentialId,
    ) -> Result<Option<StoredFactor>, Error> {
        let stored: Option<Credential> = self.store.get(id).await?;
        let is_own =
            |stored: &Credential| stored.user_id == user.id && stored.kind.is_second_factor();
        stored.filter(is_own).map(StoredFactor::read).transpose()
    }

    /// The enrolments of a user that are not finished, also expired ones.
    pub(super) async fn unfinished(
        &self,
        user: &User,
        set: &FactorSet,
    ) -> Result<Vec<StoredFactor>, Error> {
        let store = &self.store;
        let all: Vec<Credential> = store.list_readable(Credential::of_user(user.id)).await?;
        let others = all
            .iter()
            .filter(|other| other.kind.is_second_factor() && !set.contains(other.id));
        let ids: Vec<_> = others.map(|other| other.id).collect();
        // The list can be stale, so each is read again by its key.
        let mut factors = self.read_factors(ids).await?;
        factors.retain(|factor| !factor.is_active());
        Ok(factors)
    }

    /// The deletions of the enrolments that have expired, for a batch that changes the factors.
    pub(crate) async fn delete_expired(
        &self,
        user: &User,
        set: &FactorSet,
        now: Timestamp,
    ) -> Result<Batch, Error> {
        let unfinished = self.unfinished(user, set).await?;
        let expired = unfinished.iter().filter(|factor| !factor.is_pending(now));
        Ok(expired
            .take(MAX_DELETED)
            .map(StoredFactor::delete)
            .collect())
    }

    /// The active factors of a user.
    pub(super) async fn active_factors(&self, set: &FactorSet) -> Result<Vec<StoredFactor>, Error> {
        self.read_factors(set.ids()).await
    }

    /// Reads factors by their keys. Those that do not exist are left out.
    async fn read_factors(&self, ids: Vec<CredentialId>) -> Result<Vec<StoredFactor>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let credentials: Vec<Credential> = self.store.get_all(ids).await?;
        credentials.into_iter().map(StoredFactor::read).collect()
    }

    /// Reads the list, and those of its enrolments that can still be finished.
    pub(super) async fn enrolment_list(
        &self,
        user_id: UserId,
        now: Timestamp,
    ) -> Result<EnrolmentList, Error> {
        let id = CredentialId::of_enrolment_list(user_id);
        let stored: Option<Credential> = self.store.get(id).await?;
        let stored = stored.map(|list| list.data);
        let ids = stored.iter().flat_map(|text| text.expose().split(' '));
        let ids: Result<_, ()> = ids.map(str::parse).collect();
        let ids = ids.map_err(|()| Error::Internal("a list of enrolments cannot be read"))?;
        let mut pending = self.read_factors(ids).await?;
        pending.retain(|factor| factor.is_pending(now));
        Ok(EnrolmentList {
            user_id,
            pending,
            stored,
        })
    }

    /// Lists a user's active factors, and the enrolments that can still be finished.
    pub(crate) async fn list_factors(&self, ctx: &Ctx, user: &User) -> Result<FactorList, Error> {
        self.factors_with(user, |factor| factor.is_pending(ctx.now))
            .await
    }

    /// Lists everything that is stored about a user's factors: also the enrolments that have expired.
    pub(crate) async fn stored_factors(&self, user: &User) -> Result<FactorList, Error> {
        self.factors_with(user, |_| true).await
    }

    async fn factors_with(
        &self,
        user: &User,
        is_listed: impl Fn(&StoredFactor) -> bool,
    ) -> Result<FactorList, Error> {
        let set = FactorSet::of_user(&*self.store, user.id).await?;
        let mut factors = self.active_factors(&set).await?;
        let unfinished = self.unfinished(user, &set).await?.into_iter();
        factors.extend(unfinished.filter(is_listed));
        factors.sort_by_key(|factor| factor.id);
        Ok(FactorList {
            recovery_codes: (!set.is_empty()).then(|| set.recovery_codes()),
            codes_created_at: set.codes_created_at(),
            factors: factors.iter().map(StoredFactor::view).collect(),
        })
    }

    /// Returns the known device of the request, if it has once passed the factor.
    pub(crate) async fn device_with_factor<'a>(
        &self,
        ctx: &'a Ctx,
        (user, set): (&User, &FactorSet),
    ) -> Result<Option<&'a KnownDevice>, Error> {
        let mut known = ctx.client.known_to(user);
        if let Some(device) = known.clone().find(|device| device.passed_factor()) {
            return Ok(Some(device));
        }
        if known.clone().next().is_none() {
            return Ok(None);
        }
        let apps = self.active_factors(set).await?;
        Ok(known.find(|device| apps.iter().any(|app| app.was_passed_by(device))))
    }

    /// Returns the writes that remove the factors, the unfinished enrolments and the recovery codes of a user that were added
    /// at or after `since`, or cannot be read. The batch is stale, or a key is taken, if the factors have changed.
    pub(crate) async fn deletions_since(
        &self,
        ctx: &Ctx,
        user: &User,
        since: Timestamp,
    ) -> Result<RemovedFactors, Error> {
        let mut set = FactorSet::of_user(&*self.store, user.id).await?;
        let unfinished = self.unfinished(user, &set).await?;
        let unfinished = unfinished
            .iter()
            .filter(|factor| factor.added_at() >= since);
        let mut writes: Batch = unfinished.map(StoredFactor::delete).collect();
        let stored: Vec<Credential> = self.store.get_all(set.ids()).await?;
        // One that cannot be read is removed as well, since it is not known to be older.
        let is_older = |stored: Credential| {
            let factor = StoredFactor::read(stored).ok();
            factor.filter(|factor| factor.added_at() < since)
        };
        let older: Vec<_> = stored.into_iter().filter_map(is_older).collect();
        let mut removed = set.ids();
        removed.retain(|id| !older.iter().any(|factor| factor.id == *id));
        for id in &removed {
            set.remove(*id);
            writes.push(Write::delete::<Credential>(*id));
        }
        set.remove_codes_since(since);
        // Also if there are no factors: the first one must not be added at the same time.
        writes.push(set.write(FactorProof::NotRequired, ctx.now)?);
        Ok(RemovedFactors {
            count: removed.len(),
            turns_off: !removed.is_empty() && set.is_empty(),
            writes,
        })
    }
}
