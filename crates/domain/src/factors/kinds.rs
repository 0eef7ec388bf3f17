//! The kinds of second factors: what each stores, and how it verifies a code. The one place that matches over them.

use jiff::Timestamp;
use serde::Serialize;

pub(super) use super::totp::NewSecret;
use super::totp::{Totp, TotpParameters};
use crate::clock::RandomSource;
use crate::error::Error;
use crate::keys::MasterKey;
use crate::model::CredentialKind;
use crate::values::{CredentialId, FactorCode, FactorKind};

/// What a factor of one kind stores.
#[derive(Clone, Serialize)]
#[serde(untagged)]
pub(super) enum Method {
    /// An authenticator app.
    Totp(Totp),
}

impl Method {
    /// A new authenticator app with this secret.
    pub(super) fn new_app(
        master_key: &MasterKey,
        random: &dyn RandomSource,
        id: CredentialId,
        secret: &[u8],
    ) -> Self {
        let parameters = TotpParameters::default();
        Self::Totp(Totp::new(master_key, random, id, secret, parameters))
    }

    /// Reads it from the data of a credential; `None` if the credential is no second factor, or cannot be read.
    pub(super) fn read(kind: CredentialKind, data: &str) -> Option<Self> {
        match kind {
            CredentialKind::Totp => serde_json::from_str(data).ok().map(Self::Totp),
            CredentialKind::Password
            | CredentialKind::FactorSet
            | CredentialKind::EnrolmentList => None,
        }
    }

    pub(super) fn kind(&self) -> FactorKind {
        match self {
            Self::Totp(_) => FactorKind::Totp,
        }
    }

    pub(super) fn credential_kind(&self) -> CredentialKind {
        match self {
            Self::Totp(_) => CredentialKind::Totp,
        }
    }

    /// Returns what is stored after the use of this code; `None` if the code is wrong, or was used.
    pub(super) fn accept(
        &self,
        master_key: &MasterKey,
        id: CredentialId,
        code: &FactorCode,
        now: Timestamp,
    ) -> Result<Option<Self>, Error> {
        match self {
            Self::Totp(totp) => Ok(totp.accept(master_key, id, code, now)?.map(Self::Totp)),
        }
    }
}
