//! An authenticator app: time-based one-time codes (RFC 6238), computed by `totp-rs`.
//!
//! The secret is sealed with the master key. The number of the time step of the last used code is stored with it, so that
//! neither this code nor an older one works again (M-01).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use totp_rs::{Algorithm, Builder};
use zeroize::Zeroizing;

use crate::clock::RandomSource;
use crate::error::Error;
use crate::keys::MasterKey;
use crate::values::{CredentialId, FactorCode, Secret};

/// Length of a new secret in bytes: that of a SHA-1, as RFC 4226 recommends.
const SECRET_BYTES: usize = 20;
/// Number of time steps by which the clock of an authenticator may differ.
const DRIFT: u16 = 1;

/// How an authenticator computes its codes. Doorward enrols the default, which all apps support; others are imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TotpParameters {
    /// The hash: `SHA1`, `SHA256` or `SHA512`.
    algorithm: HashName,
    /// Number of digits: 6 or 8.
    pub digits: u8,
    /// Length of a time step in seconds.
    pub period: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum HashName {
    Sha1,
    Sha256,
    Sha512,
}

impl TotpParameters {
    /// Parameters of an imported authenticator; `None` if they are not supported.
    pub fn new(algorithm: &str, digits: u8, period: u64) -> Option<Self> {
        let algorithm = match algorithm {
            "SHA1" => HashName::Sha1,
            "SHA256" => HashName::Sha256,
            "SHA512" => HashName::Sha512,
            _ => return None,
        };
        let is_supported = matches!(digits, 6 | 8) && (10..=120).contains(&period);
        is_supported.then_some(Self {
            algorithm,
            digits,
            period,
        })
    }

    /// Name of the hash, as in an `otpauth` URI.
    pub fn algorithm(&self) -> &'static str {
        match self.algorithm {
            HashName::Sha1 => "SHA1",
            HashName::Sha256 => "SHA256",
            HashName::Sha512 => "SHA512",
        }
    }
}

/// SHA-1, six digits, thirty seconds.
impl Default for TotpParameters {
    fn default() -> Self {
        Self {
            algorithm: HashName::Sha1,
            digits: 6,
            period: 30,
        }
    }
}

/// What an authenticator app stores.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Totp {
    /// Sealed, in base64url.
    secret: String,
    /// Number of the time step of the last used code.
    last_step: u64,
    #[serde(flatten)]
    parameters: TotpParameters,
}

impl Totp {
    /// Seals the secret of a new authenticator, for the credential with this id.
    pub(super) fn new(
        master_key: &MasterKey,
        random: &dyn RandomSource,
        id: CredentialId,
        secret: &[u8],
        parameters: TotpParameters,
    ) -> Self {
        let sealed = master_key.seal(&seal_name(id), secret, random);
        Self {
            secret: URL_SAFE_NO_PAD.encode(sealed),
            last_step: 0,
            parameters,
        }
    }

    pub(super) fn parameters(&self) -> TotpParameters {
        self.parameters
    }

    /// Opens the secret.
    pub(super) fn secret(
        &self,
        master_key: &MasterKey,
        id: CredentialId,
    ) -> Result<Secret<Vec<u8>>, Error> {
        let unreadable =
            Error::Internal("the secret of an authenticator is sealed with another master key");
        let sealed = URL_SAFE_NO_PAD.decode(&self.secret);
        let opened = sealed
            .ok()
            .and_then(|sealed| master_key.open(&seal_name(id), &sealed).ok());
        opened.ok_or(unreadable)
    }

    /// Returns what is stored after the use of a code; `None` if the code is wrong, or not newer than the last used one.
    pub(super) fn accept(
        &self,
        master_key: &MasterKey,
        id: CredentialId,
        code: &FactorCode,
        now: Timestamp,
    ) -> Result<Option<Self>, Error> {
        let totp = Builder::new()
            .with_algorithm(match self.parameters.algorithm {
                HashName::Sha1 => Algorithm::SHA1,
                HashName::Sha256 => Algorithm::SHA256,
                HashName::Sha512 => Algorithm::SHA512,
            })
            .with_digits(self.parameters.digits)
            .with_step_duration(self.parameters.period)
            .with_skew(DRIFT)
            .with_secret(self.secret(master_key, id)?.expose().clone())
            .build_noncompliant();
        let seconds = u64::try_from(now.as_second()).unwrap_or(0);
        let step = totp.check(code.expose(), seconds);
        let step = step.filter(|step| *step > self.last_step);
        Ok(step.map(|last_step| Self {
            last_step,
            ..self.clone()
        }))
    }
}

/// The secret of a new authenticator app.
pub(super) struct NewSecret(Zeroizing<[u8; SECRET_BYTES]>);

impl NewSecret {
    pub(super) fn generate(random: &dyn RandomSource) -> Self {
        let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
        random.fill(bytes.as_mut_slice());
        Self(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// Returns it in base 32, to type in, and as an `otpauth` URI, for a QR code. The app shows the names of the account and
    /// of the issuer.
    pub(super) fn for_app(
        &self,
        account: &str,
        issuer: &str,
    ) -> Result<(Secret<String>, Secret<String>), Error> {
        let app = Builder::new()
            .with_secret(self.0.to_vec())
            .with_account_name(label(account))
            .with_issuer(Some(label(issuer)))
            .build();
        let app = app.map_err(|_| Error::Internal("an authenticator cannot be created"))?;
        let uri = app.to_url();
        let uri = uri.map_err(|_| Error::Internal("an authenticator has no URI"))?;
        Ok((Secret::new(app.secret().to_base32()), Secret::new(uri)))
    }
}

/// A text as a part of an `otpauth` label, which is divided by a colon.
fn label(text: &str) -> String {
    text.replace(':', " ")
}

/// The name that the sealed secret is bound to.
fn seal_name(id: CredentialId) -> String {
    format!("totp/{id}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::SeededRandom;

    /// RFC 6238, appendix B.
    #[test]
    fn the_published_vectors_are_accepted() {
        let master = MasterKey::from_secret(Secret::new(vec![1; 32])).unwrap();
        let random = SeededRandom::new(1);
        for (algorithm, length, seconds, code) in [
            ("SHA1", 20, 59, "94287082"),
            ("SHA256", 32, 59, "46119246"),
            ("SHA512", 64, 59, "90693936"),
            ("SHA1", 20, 1_111_111_109, "07081804"),
            ("SHA256", 32, 1_234_567_890, "91819424"),
            ("SHA512", 64, 20_000_000_000, "47863826"),
        ] {
            let secret: Vec<u8> = b"1234567890".iter().copied().cycle().take(length).collect();
            let now = Timestamp::from_second(seconds).unwrap();
            let parameters = TotpParameters::new(algorithm, 8, 30).unwrap();
            let id = CredentialId::generate(now, &random);
            let totp = Totp::new(&master, &random, id, &secret, parameters);
            let code = FactorCode::parse(code).unwrap();
            let used = totp.accept(&master, id, &code, now).unwrap().unwrap();
            assert!(used.accept(&master, id, &code, now).unwrap().is_none());
            let text = used.last_step.to_string();
            assert_eq!(text, (seconds / 30).to_string());
        }
    }
}
