//! An authenticator app: time-based one-time codes (RFC 6238), computed by `totp-rs`.
//!
//! The secret is sealed with the master key. The number of the time step of the last used code is stored with it, so that
//! neither this code nor an older one works again (M-01).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use totp_rs::{Algorithm, Builder};

use super::list::Factor;
use crate::clock::RandomSource;
use crate::ctx::{Actor, Ctx, KnownDevice};
use crate::error::Error;
use crate::keys::Keyring;
use crate::model::{Credential, CredentialKind, FactorProof, User};
use crate::store::Write;
use crate::values::{CredentialId, FactorCode, Secret, UserId};

/// Length of a new secret in bytes: that of a SHA-1, as RFC 4226 recommends.
pub(super) const SECRET_BYTES: usize = 20;
/// Number of time steps by which the clock of an authenticator may differ.
const DRIFT: u16 = 1;
/// Maximum number of sessions from before the first factor that are remembered for having passed an authenticator. With
/// them, the credential stays below its 1,024 bytes.
const MAX_SESSIONS: usize = 5;
/// Maximum number of expired enrolments that one batch deletes.
pub(super) const MAX_DELETED: usize = 20;
/// Time in which the first code must be entered.
const ENROLMENT: SignedDuration = SignedDuration::from_hours(1);

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

/// An authenticator app of a user.
pub(super) struct Totp {
    pub(super) id: CredentialId,
    user_id: UserId,
    data: Data,
    /// The stored text, as it was read; `None` for a new one.
    stored: Option<Secret<String>>,
}

/// What the credential stores, as JSON.
#[derive(Clone, Serialize, Deserialize)]
struct Data {
    name: String,
    /// Sealed, in base64url.
    secret: String,
    is_active: bool,
    /// `true` if the proof of the enrolment was the password only, since the account had no factor. It cannot be finished
    /// once there is one.
    #[serde(rename = "is_first")]
    proved_by_password: bool,
    created_at: Timestamp,
    /// When its first code was entered; `None` if it is pending or imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    added_at: Option<Timestamp>,
    last_used_at: Option<Timestamp>,
    /// Number of the time step of the last used code.
    last_step: u64,
    /// The sessions that were opened with the password only, and in which a code was accepted later, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    passed_in: Vec<String>,
    /// The session or the challenge in which an enrolment began, until it is finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    begun_in: Option<String>,
    #[serde(flatten)]
    parameters: TotpParameters,
}

impl Totp {
    /// A new authenticator. It is active once a first code is verified, or at once if it is imported.
    pub(super) fn new(
        keyring: &Keyring,
        random: &dyn RandomSource,
        (id, user_id): (CredentialId, UserId),
        (name, secret): (&str, &[u8]),
        created_at: Timestamp,
    ) -> Self {
        let sealed = keyring.seal_secret(&seal_name(id), secret, random);
        Self {
            id,
            user_id,
            data: Data {
                name: name.to_owned(),
                secret: URL_SAFE_NO_PAD.encode(sealed),
                is_active: false,
                proved_by_password: false,
                created_at,
                added_at: None,
                last_used_at: None,
                last_step: 0,
                passed_in: Vec::new(),
                begun_in: None,
                parameters: TotpParameters::default(),
            },
            stored: None,
        }
    }

    /// This authenticator, with the proof of its enrolment.
    pub(super) fn proved_by(mut self, proof: FactorProof) -> Self {
        self.data.proved_by_password = matches!(proof, FactorProof::Password(_));
        self
    }

    /// This authenticator, enrolled in this session or challenge.
    pub(super) fn begun_in(mut self, origin: Option<String>) -> Self {
        self.data.begun_in = origin;
        self
    }

    /// Returns `true` if its enrolment began in this session or challenge.
    pub(super) fn is_begun_in(&self, origin: Option<&str>) -> bool {
        self.data.begun_in.as_deref() == origin
    }

    /// The proof with which its enrolment began.
    pub(super) fn proof(&self) -> FactorProof {
        match self.data.proved_by_password {
            true => FactorProof::Password(self.user_id),
            false => FactorProof::Factor,
        }
    }

    /// This authenticator, active without a first code, with these parameters.
    pub(super) fn imported(mut self, parameters: TotpParameters) -> Self {
        self.data.is_active = true;
        self.data.parameters = parameters;
        self
    }

    /// Reads an authenticator from its credential.
    pub(super) fn read(credential: Credential) -> Result<Self, Error> {
        let data = serde_json::from_str(credential.data.expose())
            .map_err(|_| Error::Internal("an authenticator cannot be read"))?;
        Ok(Self {
            id: credential.id,
            user_id: credential.user_id,
            data,
            stored: Some(credential.data),
        })
    }

    pub(super) fn parameters(&self) -> TotpParameters {
        self.data.parameters
    }

    /// Returns `true` if its first code was verified.
    pub(super) fn is_active(&self) -> bool {
        self.data.is_active
    }

    /// When it was added, or else when its enrolment began.
    pub(super) fn added_at(&self) -> Timestamp {
        self.data.added_at.unwrap_or(self.data.created_at)
    }

    pub(super) fn is_pending(&self, now: Timestamp) -> bool {
        !self.data.is_active && now <= self.data.created_at + ENROLMENT
    }

    pub(super) fn view(&self) -> Factor {
        Factor {
            id: self.id,
            name: self.data.name.clone(),
            is_active: self.data.is_active,
            created_at: self.data.created_at,
            last_used_at: self.data.last_used_at,
        }
    }

    /// Opens the secret.
    pub(super) fn secret(&self, keyring: &Keyring) -> Result<Secret<Vec<u8>>, Error> {
        let unreadable =
            Error::Internal("the secret of an authenticator is sealed with another master key");
        let sealed = URL_SAFE_NO_PAD.decode(&self.data.secret);
        let opened = sealed.ok().and_then(|sealed| {
            let name = seal_name(self.id);
            keyring.open_secret(&name, &sealed).ok()
        });
        opened.ok_or(unreadable)
    }

    /// Returns this authenticator after the use of a code, active; `None` if the code is wrong, or not newer than the
    /// last used one.
    pub(super) fn accept(
        &self,
        keyring: &Keyring,
        code: &FactorCode,
        now: Timestamp,
    ) -> Result<Option<Self>, Error> {
        let parameters = self.data.parameters;
        let totp = Builder::new()
            .with_algorithm(match parameters.algorithm {
                HashName::Sha1 => Algorithm::SHA1,
                HashName::Sha256 => Algorithm::SHA256,
                HashName::Sha512 => Algorithm::SHA512,
            })
            .with_digits(parameters.digits)
            .with_step_duration(parameters.period)
            .with_skew(DRIFT)
            .with_secret(self.secret(keyring)?.expose().clone())
            .build_noncompliant();
        let seconds = u64::try_from(now.as_second()).unwrap_or(0);
        let step = totp.check(code.expose(), seconds);
        Ok(step
            .filter(|step| *step > self.data.last_step)
            .map(|step| Self {
                id: self.id,
                user_id: self.user_id,
                data: Data {
                    is_active: true,
                    added_at: match self.data.is_active {
                        true => self.data.added_at,
                        false => Some(now),
                    },
                    last_used_at: Some(now),
                    last_step: step,
                    begun_in: None,
                    ..self.data.clone()
                },
                stored: self.stored.clone(),
            }))
    }

    /// This authenticator, which remembers the session of the request as one that has passed it. A session that was opened
    /// with a factor is known for that anyway.
    pub(super) fn passed_by(mut self, ctx: &Ctx, user: &User) -> Self {
        let device = ctx.client.known_to(user).next();
        if let (Actor::User { .. }, Some(device)) = (&ctx.actor, device)
            && !device.passed_factor()
        {
            let session = device.sign_in_id();
            self.data.passed_in.retain(|passed| *passed != session);
            self.data.passed_in.insert(0, session);
            self.data.passed_in.truncate(MAX_SESSIONS);
        }
        self
    }

    /// Returns `true` if it was passed in a session of this device.
    pub(super) fn was_passed_by(&self, device: &KnownDevice) -> bool {
        self.data.passed_in.contains(&device.sign_in_id())
    }

    /// Deletes the authenticator. The batch is stale if the stored one has changed since it was read.
    pub(super) fn delete(&self) -> Write {
        let unchanged = self.stored.as_ref().map(Credential::has_data);
        Write::delete_if::<Credential>(self.id, unchanged.unwrap_or_default())
    }

    /// Writes the authenticator. The batch is stale if the stored one has changed since it was read.
    pub(super) fn write(&self, now: Timestamp) -> Write {
        let data = serde_json::to_string(&self.data).expect("texts and numbers are JSON");
        let credential = Credential {
            id: self.id,
            user_id: self.user_id,
            kind: CredentialKind::Totp,
            lookup: None,
            data: Secret::new(data),
            updated_at: now,
        };
        credential.replace(self.stored.as_ref())
    }
}

/// The name that the sealed secret is bound to.
fn seal_name(id: CredentialId) -> String {
    format!("totp/{id}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::MasterKey;
    use crate::memory::SeededRandom;

    /// RFC 6238, appendix B.
    #[test]
    fn the_published_vectors_are_accepted() {
        let master = MasterKey::from_secret(Secret::new(vec![1; 32])).unwrap();
        let (keyring, random) = (Keyring::new(master), SeededRandom::new(1));
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
            let user_id = UserId::generate(now, &random);
            let parameters = TotpParameters::new(algorithm, 8, 30).unwrap();
            let ids = (CredentialId::generate(now, &random), user_id);
            let totp = Totp::new(&keyring, &random, ids, ("Phone", &secret), now);
            let totp = totp.imported(parameters);
            let code = FactorCode::parse(code).unwrap();
            let used = totp.accept(&keyring, &code, now).unwrap().unwrap();
            assert!(used.accept(&keyring, &code, now).unwrap().is_none());
            let text = used.data.last_step.to_string();
            assert_eq!(text, (seconds / 30).to_string());
        }
    }
}
