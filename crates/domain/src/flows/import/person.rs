//! Somebody who is to be taken in: what must hold between the parts, whoever else is there, and why not.

use jiff::Timestamp;

use crate::changes::Unique;
use crate::model::{Credential, Status, User};
use crate::passwords::{self, UnreadableHash};
use crate::values::{Digest, EmailAddress, Secret, UserId, Username};

/// Counters of a user stay below this, so that they can rise for good.
const MAX_COUNT: i64 = 1 << 53;

/// A user who can be taken, as far as one can tell without the store.
#[derive(Debug)]
pub struct ImportedUser {
    pub(super) user: User,
    pub(super) credential: Option<Credential>,
}

impl ImportedUser {
    /// Checks what must hold between the parts. The password is a hash, and when it was set.
    pub fn new(user: User, password: Option<(Secret<String>, Timestamp)>) -> Result<Self, Refusal> {
        // Nobody's password is asked for under this id (`flows::sign_in`).
        if user.id.as_bytes() == &[0; 16] {
            return Err(Refusal::NobodysId);
        }
        if user.username.is_none() && user.email.is_none() && user.pending_email.is_none() {
            return Err(Refusal::Nameless);
        }
        let is_pending = user.status == Status::Pending;
        if is_pending && (user.pending_email.is_none() || user.has_identifier()) {
            return Err(Refusal::NothingToConfirm);
        }
        let counts = [user.version.0, user.session_epoch];
        if counts.iter().any(|count| !(1..MAX_COUNT).contains(count)) {
            return Err(Refusal::Miscounted);
        }
        if let Some((hash, _)) = &password {
            passwords::check_readable(hash.expose())?;
        }
        let credential = password.map(|(password_hash, updated_at)| Credential {
            user_id: user.id,
            password_hash,
            updated_at,
        });
        Ok(Self { user, credential })
    }

    /// Who.
    pub fn user(&self) -> &User {
        &self.user
    }

    /// What tells whether a kept user of the same id is this one.
    pub(super) fn facts(&self) -> Facts<'_> {
        facts(&self.user)
    }
}

pub(super) type Facts<'a> = (UserId, Option<&'a str>, Option<&'a str>);

/// Who somebody is: a name or role may change after the import, and does not make another of them.
pub(super) fn facts(user: &User) -> Facts<'_> {
    let address = user.email.as_ref().or(user.pending_address());
    (
        user.id,
        user.username.as_ref().map(Username::key),
        address.map(EmailAddress::key),
    )
}

/// Why a user is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody could sign in.
    #[error("the user has neither a username nor an email address")]
    Nameless,
    /// The nil UUID.
    #[error("the id is the nil UUID")]
    NobodysId,
    /// A pending user without a pending address, or with another name to sign in with.
    #[error(
        "a pending user must have a pending address, and neither a username nor a confirmed address"
    )]
    NothingToConfirm,
    /// A counter that could not be increased.
    #[error("`version` and `session_epoch` must be from 1 to 2^53")]
    Miscounted,
    /// A hash of an unknown scheme, or one that is too expensive.
    #[error("the password hash cannot be verified: {0}")]
    UnreadablePassword(#[from] UnreadableHash),
    /// Another user has the username.
    #[error("the username belongs to another user")]
    UsernameTaken,
    /// Another user has confirmed the address.
    #[error("the email address belongs to another user")]
    EmailTaken,
    /// A user with this id exists with another username or address.
    #[error("a user with this id exists with another username or address, and was not changed")]
    IdTaken,
    /// Ids are not reused, since the audit log mentions them (R-16, L-05).
    #[error("an account with this id was deleted, and ids are not reused")]
    IdDeleted,
}

impl Refusal {
    /// Stable code, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Nameless => "no-identifier",
            Self::NobodysId => "id-invalid",
            Self::NothingToConfirm => "no-pending-email",
            Self::Miscounted => "counter-out-of-range",
            Self::UnreadablePassword(_) => "password-unreadable",
            Self::UsernameTaken => "username-taken",
            Self::EmailTaken => "email-taken",
            Self::IdTaken => "id-taken",
            Self::IdDeleted => "id-deleted",
        }
    }
}

impl From<Unique> for Refusal {
    fn from(taken: Unique) -> Self {
        match taken {
            Unique::Username => Self::UsernameTaken,
            Unique::Email => Self::EmailTaken,
        }
    }
}

/// The id of somebody whose old id is no UUID: always the same for the same person, so that a file
/// can be imported again, and sorted by when they signed up, like any other.
pub fn derived_id(system: &str, foreign_id: &str, created_at: Timestamp) -> UserId {
    let named = format!("doorward import\0{system}\0{foreign_id}");
    UserId::derived(created_at, &Digest::of(named.as_bytes()))
}
