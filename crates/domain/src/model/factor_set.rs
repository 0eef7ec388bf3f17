//! The set of a user's second factors: the record that decides whether a sign-in needs one.
//!
//! It is a credential whose id is derived from the user's, so that it is read by its key: a list may be late. It contains
//! the ids of the active authenticators and the digests of the unused recovery codes. Each write has the condition that
//! the set is as it was read, so that of two concurrent uses of a recovery code one fails.
//!
//! A set that has a factor is changed only with a proof that included one (M-02). The set compares the proof with the state
//! that the write replaces, at each attempt: a user may finish their first enrolment between the proof and the write.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Credential, CredentialKind};
use crate::error::Error;
use crate::store::{ReadStore, Records, StoreError, Write};
use crate::values::{CredentialId, FactorCode, FactorKind, Secret, UserId, recovery_code_digest};

/// A user's active second factors.
#[derive(Debug, Clone)]
pub(crate) struct FactorSet {
    user_id: UserId,
    /// In the order in which they were added.
    factors: Vec<(CredentialId, FactorKind)>,
    /// Digests of the unused recovery codes.
    recovery_codes: Vec<String>,
    /// When the recovery codes were created; `None` if that was not stored, or they were imported.
    codes_created_at: Option<Timestamp>,
    first_added: Option<FirstAdded>,
    /// The stored text, as it was read; `None` if there is none.
    stored: Option<Secret<String>>,
    /// `true` if the set had a factor when it was read.
    had_factor: bool,
}

/// What the credential stores, as JSON.
#[derive(Serialize, Deserialize)]
struct Data {
    factors: Vec<Entry>,
    recovery_codes: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    codes_created_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_added: Option<FirstAdded>,
}

/// When the first factor of the set was added, and by which client. An imported set has none.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FirstAdded {
    /// The time: that of the request.
    pub(crate) at: Timestamp,
    /// The key of the device; `None` if it was added in the challenge of a sign-in.
    device: Option<String>,
}

impl FirstAdded {
    pub(crate) fn new(at: Timestamp, device: Option<String>) -> Self {
        Self { at, device }
    }

    /// Returns `true` if the device with this key signed in at least this time before the factor was added, and is not the
    /// device that added it. A device cookie contains whole seconds, so a sign-in in the same second counts as later.
    pub(crate) fn was_known_before(
        &self,
        (device, signed_in_at): (&str, Timestamp),
        at_least: SignedDuration,
    ) -> bool {
        let until = self.at - at_least;
        signed_in_at.as_second() < until.as_second() && self.device.as_deref() != Some(device)
    }
}

#[derive(Serialize, Deserialize)]
struct Entry {
    id: String,
    kind: String,
}

impl FactorSet {
    /// A user's second factors. A set that cannot be read is an error: it never counts as none.
    pub(crate) async fn of_user(store: &dyn ReadStore, user_id: UserId) -> Result<Self, Error> {
        let id = CredentialId::of_factor_set(user_id);
        match store.get::<Credential>(id).await? {
            Some(credential) => Self::read(credential),
            None => Ok(Self::empty(user_id)),
        }
    }

    /// Those of these users who have a second factor. A set that only a newer release can read has one.
    pub(crate) async fn users_with_factors(
        store: &dyn ReadStore,
        users: &BTreeSet<UserId>,
    ) -> Result<BTreeSet<UserId>, StoreError> {
        let ids = users.iter().copied().map(CredentialId::of_factor_set);
        let ids: Vec<CredentialId> = ids.collect();
        let sets: Vec<Credential> = store.get_all(ids).await?;
        let with_factor = sets.into_iter().filter_map(|credential| {
            let user_id = credential.user_id;
            let is_empty = Self::read(credential).is_ok_and(|set| set.is_empty());
            (!is_empty).then_some(user_id)
        });
        Ok(with_factor.collect())
    }

    /// The set of a user without factors.
    pub(crate) fn empty(user_id: UserId) -> Self {
        Self {
            user_id,
            factors: Vec::new(),
            recovery_codes: Vec::new(),
            codes_created_at: None,
            first_added: None,
            stored: None,
            had_factor: false,
        }
    }

    /// Returns `true` if this is the set of this user.
    pub(crate) fn is_of(&self, user_id: UserId) -> bool {
        self.user_id == user_id
    }

    /// Returns `true` if it had a factor when it was read.
    pub(crate) fn had_factor(&self) -> bool {
        self.had_factor
    }

    /// Returns `true` if the user has no second factor.
    pub(crate) fn is_empty(&self) -> bool {
        self.factors.is_empty()
    }

    /// The active factors, in the order in which they were added.
    pub(crate) fn factors(&self) -> &[(CredentialId, FactorKind)] {
        &self.factors
    }

    /// The ids of the active factors, in the order in which they were added.
    pub(crate) fn ids(&self) -> Vec<CredentialId> {
        self.factors.iter().map(|(id, _)| *id).collect()
    }

    /// The factor that was added first.
    pub(crate) fn oldest(&self) -> Option<CredentialId> {
        self.factors.first().map(|(id, _)| *id)
    }

    pub(crate) fn contains(&self, id: CredentialId) -> bool {
        self.factors.iter().any(|(stored, _)| *stored == id)
    }

    pub(crate) fn add(&mut self, id: CredentialId, kind: FactorKind) {
        self.factors.push((id, kind));
    }

    /// When the first factor was added; `None` if there is none, or it was imported.
    pub(crate) fn first_added(&self) -> Option<&FirstAdded> {
        self.first_added.as_ref()
    }

    pub(crate) fn set_first_added(&mut self, first: FirstAdded) {
        self.first_added = Some(first);
    }

    /// Removes a factor. Without the last one, the recovery codes are void.
    pub(crate) fn remove(&mut self, id: CredentialId) {
        self.factors.retain(|(stored, _)| *stored != id);
        if self.is_empty() {
            self.recovery_codes.clear();
            self.codes_created_at = None;
            self.first_added = None;
        }
    }

    /// The kinds of codes that a sign-in accepts, each once.
    pub(crate) fn kinds(&self) -> Vec<FactorKind> {
        let is_accepted = |kind: &FactorKind| match kind {
            FactorKind::RecoveryCode => !self.recovery_codes.is_empty(),
            _ => self.factors.iter().any(|(_, stored)| stored == kind),
        };
        FactorKind::ALL
            .iter()
            .copied()
            .filter(is_accepted)
            .collect()
    }

    /// Number of unused recovery codes.
    pub(crate) fn recovery_codes(&self) -> usize {
        self.recovery_codes.len()
    }

    /// When the recovery codes were created; `None` if there are none.
    pub(crate) fn codes_created_at(&self) -> Option<Timestamp> {
        self.codes_created_at
    }

    /// The digests of the unused recovery codes.
    pub(crate) fn recovery_digests(&self) -> &[String] {
        &self.recovery_codes
    }

    /// Replaces the recovery codes by those with these digests.
    pub(crate) fn set_recovery_digests(&mut self, digests: Vec<String>) {
        self.recovery_codes = digests;
    }

    /// Voids the recovery codes if they were created since then.
    pub(crate) fn remove_codes_since(&mut self, since: Timestamp) {
        if self.codes_created_at.is_some_and(|at| at >= since) {
            self.recovery_codes.clear();
            self.codes_created_at = None;
        }
    }

    /// Replaces the recovery codes.
    pub(crate) fn set_recovery_codes(&mut self, codes: &[Secret<String>], now: Timestamp) {
        let digests = codes.iter().map(|code| recovery_code_digest(code.expose()));
        self.recovery_codes = digests.collect();
        self.codes_created_at = Some(now);
    }

    /// Removes a recovery code. Returns `false` if it is not one of the unused codes.
    pub(crate) fn use_recovery_code(&mut self, code: &FactorCode) -> bool {
        let digest = recovery_code_digest(code.expose());
        let previous_count = self.recovery_codes();
        self.recovery_codes.retain(|stored| *stored != digest);
        self.recovery_codes() < previous_count
    }

    /// Writes the set. An empty one deletes the stored set; if there is none, it is written, so that a factor that is added
    /// concurrently takes the key. So a stored set can be empty, for which [`Self::had_factor`] exists. The batch is stale,
    /// or the key is taken, if the stored set has changed since it was read. Fails with
    /// [`Error::ReauthenticationRequired`] if the proof does not cover the set that was read.
    pub(crate) fn write(&self, proof: FactorProof, now: Timestamp) -> Result<Write, Error> {
        proof.ensure_covers(self)?;
        let id = CredentialId::of_factor_set(self.user_id);
        Ok(match &self.stored {
            Some(old) if self.is_empty() => {
                Write::delete_if::<Credential>(id, Credential::has_data(old))
            }
            stored => self.credential(now).replace(stored.as_ref()),
        })
    }

    /// Writes the set of a user who has none. The key is taken if there is one.
    pub(crate) fn insert(&self, now: Timestamp) -> Write {
        Write::insert(&self.credential(now))
    }

    fn credential(&self, now: Timestamp) -> Credential {
        Credential {
            id: CredentialId::of_factor_set(self.user_id),
            user_id: self.user_id,
            kind: CredentialKind::FactorSet,
            lookup: None,
            data: Secret::new(self.to_text()),
            updated_at: now,
        }
    }

    /// Makes a batch stale if the stored set has changed since it was read; `None` if there was none, which no condition
    /// expresses.
    pub(crate) fn unchanged(&self) -> Option<Write> {
        let id = CredentialId::of_factor_set(self.user_id);
        let stored = self.stored.as_ref();
        stored.map(|old| Write::check::<Credential>(id, Credential::has_data(old)))
    }

    fn to_text(&self) -> String {
        let entry = |(id, kind): &(CredentialId, FactorKind)| Entry {
            id: id.to_string(),
            kind: kind.as_str().to_owned(),
        };
        let data = Data {
            factors: self.factors.iter().map(entry).collect(),
            recovery_codes: self.recovery_codes.clone(),
            codes_created_at: self.codes_created_at,
            first_added: self.first_added.clone(),
        };
        serde_json::to_string(&data).expect("texts are JSON")
    }

    /// Reads the set from its credential.
    pub(crate) fn read(credential: Credential) -> Result<Self, Error> {
        let data: Option<Data> = serde_json::from_str(credential.data.expose()).ok();
        let (factors, data) = data
            .and_then(|data| {
                let entry = |entry: &Entry| {
                    Some((entry.id.parse().ok()?, FactorKind::from_name(&entry.kind)?))
                };
                let factors: Option<Vec<_>> = data.factors.iter().map(entry).collect();
                Some((factors?, data))
            })
            .ok_or(Error::Internal("a set of second factors cannot be read"))?;
        Ok(Self {
            user_id: credential.user_id,
            had_factor: !factors.is_empty(),
            factors,
            recovery_codes: data.recovery_codes,
            codes_created_at: data.codes_created_at,
            first_added: data.first_added,
            stored: Some(credential.data),
        })
    }
}

/// What an actor has proved before it changes a set of second factors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FactorProof {
    /// This user proved the password, and had no second factor then.
    Password(UserId),
    /// The user proved a second factor.
    Factor,
    /// The operator, or the owner of the mailbox by an undo link: they need no proof of the user.
    NotRequired,
}

impl FactorProof {
    /// Fails with [`Error::ReauthenticationRequired`] if the set has a factor and its user proved the password only. The
    /// proof of an admin is about the admin's own factors.
    pub(crate) fn ensure_covers(self, set: &FactorSet) -> Result<(), Error> {
        match self {
            Self::Password(user_id) if set.is_of(user_id) && set.had_factor() => {
                Err(Error::ReauthenticationRequired)
            }
            _ => Ok(()),
        }
    }
}
