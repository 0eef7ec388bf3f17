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
        if is_pending && (user.pending_email.is_none() || user.email.is_some()) {
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
    let address = user.email.as_ref().or(user.pending_email.as_ref());
    (
        user.id,
        user.username.as_ref().map(Username::key),
        address.map(EmailAddress::key),
    )
}

/// Why a user cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody could ever sign in.
    #[error("there is neither a user name nor an e-mail address")]
    Nameless,
    /// The id of nobody.
    #[error("an id of zeros is nobody's")]
    NobodysId,
    /// Pending, but for nothing.
    #[error("a pending user has an address to confirm, and none that is confirmed")]
    NothingToConfirm,
    /// A counter that cannot rise.
    #[error("`version` and `session_epoch` are at least 1, and not beyond 2^53")]
    Miscounted,
    /// A hash of no scheme we know, or one that costs too much.
    #[error("the password cannot be verified here: {0}")]
    UnreadablePassword(#[from] UnreadableHash),
    /// Somebody else is called so.
    #[error("the user name is another user's")]
    UsernameTaken,
    /// Somebody else has shown that they read that mailbox.
    #[error("the e-mail address is another user's")]
    EmailTaken,
    /// The id is there with other names.
    #[error("a user of this id is there under another name or address, and was left as they are")]
    IdTaken,
    /// An id is never used again: what the audit log says of it would be said of another (R-16, L-05).
    #[error("an account of this id was deleted here, and no id is used again")]
    IdDeleted,
}

impl Refusal {
    /// Stable, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Nameless => "nameless",
            Self::NobodysId => "id-invalid",
            Self::NothingToConfirm => "nothing-to-confirm",
            Self::Miscounted => "miscounted",
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
