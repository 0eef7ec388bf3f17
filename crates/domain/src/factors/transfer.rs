//! The second factors in an export of users, and their import.
//!
//! The export contains the secrets of authenticators as they are, so that another server with another master key can
//! import them. Recovery codes are exported as digests.

use std::sync::Arc;

use std::collections::HashMap;
use std::ops::RangeInclusive;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;

use super::kinds::Method;
use super::list::MAX_FACTORS;
use super::store::FactorStore;
use super::stored::StoredFactor;
use super::totp::Totp;
use super::{TotpParameters, recovery_codes};
use crate::clock::RandomSource;
use crate::error::Error;
use crate::keys::MasterKey;
use crate::model::{Credential, FactorSet};
use crate::store::{Batch, ReadStore, Records};
use crate::values::{CredentialId, FactorName, RECOVERY_DIGEST_BYTES, Secret, UserId};

/// Length of an imported secret in bytes. Authenticator apps of the past have ten.
const SECRET_BYTES: RangeInclusive<usize> = 10..=128;

/// The second factors of a user. Not `Clone`: it is dropped once it is written.
#[derive(Debug, Default)]
pub struct ExportedFactors {
    /// The authenticators.
    pub totp: Vec<ExportedTotp>,
    /// Digests of the unused recovery codes.
    pub recovery_codes: Vec<String>,
    /// Names of the authenticators that an export skipped, because their secrets are sealed with another master key.
    pub skipped: Vec<FactorName>,
}

/// An authenticator with its secret.
#[derive(Debug)]
pub struct ExportedTotp {
    /// The id. `None` in a file of another system: the authenticator gets a new one.
    pub id: Option<CredentialId>,
    /// The name.
    pub name: FactorName,
    /// The secret.
    pub secret: TotpSecret,
    /// How it computes codes.
    pub parameters: TotpParameters,
    /// When its enrolment began.
    pub created_at: Timestamp,
}

/// The secret of an authenticator: 10 to 128 bytes.
#[derive(Debug)]
pub struct TotpSecret(Secret<Vec<u8>>);

impl TotpSecret {
    /// Returns `None` if the length is not supported.
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        let is_supported = SECRET_BYTES.contains(&bytes.len());
        is_supported.then(|| Self(Secret::new(bytes)))
    }

    /// Parses base 32, with or without padding. Returns `None` if the text is not base 32, or of no supported length.
    pub fn from_base32(text: &str) -> Option<Self> {
        let secret = totp_rs::Secret::try_from_base32(text.trim_end_matches('=')).ok()?;
        Self::new(secret.as_bytes().to_vec())
    }

    /// The secret in base 32.
    pub fn to_base32(&self) -> Secret<String> {
        let bytes = self.0.expose().clone();
        Secret::new(totp_rs::Secret::from(bytes).to_base32())
    }
}

impl ExportedFactors {
    /// Returns `true` if there is no factor.
    pub fn is_empty(&self) -> bool {
        self.totp.is_empty() && self.recovery_codes.is_empty()
    }

    /// Returns `true` if a user can have these factors.
    pub(crate) fn is_valid(&self) -> bool {
        let is_digest = |code: &String| {
            let bytes = URL_SAFE_NO_PAD.decode(code);
            bytes.is_ok_and(|bytes| bytes.len() == RECOVERY_DIGEST_BYTES)
        };
        self.totp.len() <= MAX_FACTORS
            && self.recovery_codes.len() <= recovery_codes::COUNT
            && self.recovery_codes.iter().all(is_digest)
            && (!self.totp.is_empty() || self.recovery_codes.is_empty())
    }

    /// Number of writes of an import.
    pub(crate) fn write_count(&self) -> usize {
        match self.is_empty() {
            true => 0,
            false => self.totp.len() + 1,
        }
    }
}

/// Exports and imports second factors.
pub(crate) struct FactorTransfer {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) factor_store: Arc<FactorStore>,
    pub(crate) master_key: Arc<MasterKey>,
    pub(crate) random: Arc<dyn RandomSource>,
}

impl FactorTransfer {
    /// Returns the second factors of these users; users without are left out.
    pub(crate) async fn export_factors(
        &self,
        users: &[UserId],
    ) -> Result<HashMap<UserId, ExportedFactors>, Error> {
        let store = &self.store;
        let ids = users.iter().map(|id| CredentialId::of_factor_set(*id));
        let sets: Vec<Credential> = store.get_all(ids.collect::<Vec<_>>()).await?;
        let mut exported = HashMap::new();
        for set in sets {
            let user_id = set.user_id;
            let set = FactorSet::read(set)?;
            if set.is_empty() {
                continue;
            }
            let mut factors = ExportedFactors {
                totp: Vec::new(),
                recovery_codes: set.recovery_digests().to_vec(),
                skipped: Vec::new(),
            };
            let mut stored = self.factor_store.active_factors(&set).await?;
            let ids = set.ids();
            stored.sort_by_key(|factor| ids.iter().position(|id| *id == factor.id));
            for factor in stored {
                let view = factor.view();
                let name = FactorName::parse(&view.name).unwrap_or_default();
                let Method::Totp(totp) = factor.method();
                match totp.secret(&self.master_key, factor.id) {
                    Ok(secret) => factors.totp.push(ExportedTotp {
                        id: Some(factor.id),
                        name,
                        secret: TotpSecret(secret),
                        parameters: totp.parameters(),
                        created_at: view.created_at,
                    }),
                    // No code of it works on this server either.
                    Err(_) => factors.skipped.push(name),
                }
            }
            if factors.totp.is_empty() {
                // An import accepts recovery codes only beside an authenticator.
                factors.recovery_codes.clear();
            }
            exported.insert(user_id, factors);
        }
        Ok(exported)
    }

    /// The writes that import the second factors of a new user.
    pub(crate) fn import_factors(
        &self,
        user_id: UserId,
        factors: &ExportedFactors,
        now: Timestamp,
    ) -> Batch {
        let mut batch = Batch::new();
        if factors.is_empty() {
            return batch;
        }
        let mut set = FactorSet::empty(user_id);
        for one in &factors.totp {
            let random = &*self.random;
            let generate = || CredentialId::generate(one.created_at, random);
            let id = one.id.unwrap_or_else(generate);
            let secret = one.secret.0.expose();
            let totp = Totp::new(&self.master_key, random, id, secret, one.parameters);
            let (name, method) = (one.name.as_str(), Method::Totp(totp));
            let factor = StoredFactor::new((id, user_id), name, method, one.created_at).imported();
            set.add(id, factor.kind());
            batch.push(factor.write(now));
        }
        set.set_recovery_digests(factors.recovery_codes.clone());
        batch.push(set.insert(now));
        batch
    }
}
