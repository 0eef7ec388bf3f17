//! A second factor as it is stored: what all kinds have in common. `kinds` has what differs.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::kinds::Method;
use super::list::Factor;
use crate::ctx::{Actor, Ctx, KnownDevice};
use crate::error::Error;
use crate::keys::MasterKey;
use crate::model::{Credential, FactorProof, User};
use crate::store::Write;
use crate::values::{CredentialId, FactorCode, FactorKind, Secret, UserId};

/// Maximum number of sessions from before the first factor that are remembered for having passed a factor. With them, the
/// credential stays below its 1,024 bytes.
const MAX_SESSIONS: usize = 5;
/// Maximum number of expired enrolments that one batch deletes.
pub(super) const MAX_DELETED: usize = 20;
/// Time in which the first code must be entered.
const ENROLMENT: SignedDuration = SignedDuration::from_hours(1);

/// A second factor of a user.
pub(super) struct StoredFactor {
    pub(super) id: CredentialId,
    user_id: UserId,
    data: Data,
    method: Method,
    /// The stored text, as it was read; `None` for a new one.
    stored: Option<Secret<String>>,
}

/// What the credential of every kind stores, as JSON.
#[derive(Clone, Serialize, Deserialize)]
struct Data {
    name: String,
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
    /// The sessions that were opened with the password only, and in which a code was accepted later, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    passed_in: Vec<String>,
    /// The session or the challenge in which an enrolment began, until it is finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    begun_in: Option<String>,
}

/// The stored text: the fields of every kind, and those of its own.
#[derive(Serialize)]
struct StoredData<'a> {
    #[serde(flatten)]
    data: &'a Data,
    #[serde(flatten)]
    method: &'a Method,
}

impl StoredFactor {
    /// A new factor. It is active once a first code is verified, or at once if it is imported.
    pub(super) fn new(
        (id, user_id): (CredentialId, UserId),
        name: &str,
        method: Method,
        created_at: Timestamp,
    ) -> Self {
        Self {
            id,
            user_id,
            data: Data {
                name: name.to_owned(),
                is_active: false,
                proved_by_password: false,
                created_at,
                added_at: None,
                last_used_at: None,
                passed_in: Vec::new(),
                begun_in: None,
            },
            method,
            stored: None,
        }
    }

    /// This factor, with the proof of its enrolment.
    pub(super) fn proved_by(mut self, proof: FactorProof) -> Self {
        self.data.proved_by_password = matches!(proof, FactorProof::Password(_));
        self
    }

    /// This factor, enrolled in this session or challenge.
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

    /// This factor, active without a first code.
    pub(super) fn imported(mut self) -> Self {
        self.data.is_active = true;
        self
    }

    /// Reads a factor from its credential.
    pub(super) fn read(credential: Credential) -> Result<Self, Error> {
        let text = credential.data.expose();
        let data = serde_json::from_str(text).ok();
        let read = data.zip(Method::read(credential.kind, text));
        let (data, method) = read.ok_or(Error::Internal("a second factor cannot be read"))?;
        Ok(Self {
            id: credential.id,
            user_id: credential.user_id,
            data,
            method,
            stored: Some(credential.data),
        })
    }

    pub(super) fn kind(&self) -> FactorKind {
        self.method.kind()
    }

    pub(super) fn method(&self) -> &Method {
        &self.method
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
            kind: self.kind(),
            name: self.data.name.clone(),
            is_active: self.data.is_active,
            created_at: self.data.created_at,
            last_used_at: self.data.last_used_at,
        }
    }

    /// Returns this factor after the use of a code, active; `None` if the code is wrong, or was used.
    pub(super) fn accept(
        &self,
        master_key: &MasterKey,
        code: &FactorCode,
        now: Timestamp,
    ) -> Result<Option<Self>, Error> {
        let accepted = self.method.accept(master_key, self.id, code, now)?;
        Ok(accepted.map(|method| Self {
            id: self.id,
            user_id: self.user_id,
            data: Data {
                is_active: true,
                added_at: match self.data.is_active {
                    true => self.data.added_at,
                    false => Some(now),
                },
                last_used_at: Some(now),
                begun_in: None,
                ..self.data.clone()
            },
            method,
            stored: self.stored.clone(),
        }))
    }

    /// This factor, which remembers the session of the request as one that has passed it. A session that was opened with a
    /// factor is known for that anyway.
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

    /// Deletes the factor. The batch is stale if the stored one has changed since it was read.
    pub(super) fn delete(&self) -> Write {
        let unchanged = self.stored.as_ref().map(Credential::has_data);
        Write::delete_if::<Credential>(self.id, unchanged.unwrap_or_default())
    }

    /// Writes the factor. The batch is stale if the stored one has changed since it was read.
    pub(super) fn write(&self, now: Timestamp) -> Write {
        let (data, method) = (&self.data, &self.method);
        let data = serde_json::to_string(&StoredData { data, method });
        let credential = Credential {
            id: self.id,
            user_id: self.user_id,
            kind: method.credential_kind(),
            lookup: None,
            data: Secret::new(data.expect("texts and numbers are JSON")),
            updated_at: now,
        };
        credential.replace(self.stored.as_ref())
    }
}
