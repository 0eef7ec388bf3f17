//! A mailed link: valid for one purpose, one user, one use and a limited time.

use jiff::Timestamp;

use crate::values::{Digest, EmailAddress, UserId};

/// Purpose of a link. A link is valid for no other purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Confirms the address it was mailed to, for a new user or an address change.
    Confirmation,
    /// Sets a new password.
    Recovery,
    /// Undoes an address change; mailed to the previous address.
    EmailUndo,
}

impl Purpose {
    /// All purposes.
    pub const ALL: [Self; 3] = [Self::Confirmation, Self::Recovery, Self::EmailUndo];

    /// Name in the tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirmation => "confirmation",
            Self::Recovery => "recovery",
            Self::EmailUndo => "email-undo",
        }
    }

    /// Finds a purpose by its name. `None` for a purpose of a newer release: this node rejects its links.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|purpose| purpose.as_str() == name)
    }
}

/// A stored link: the digest of its secret, and the state that it is bound to. Each use compares that with the
/// stored user, so that deleting a void link is cleanup only.
///
/// | purpose | is void when |
/// | --- | --- |
/// | confirmation | the user's pending address is gone or was requested again (`requested_at`) |
/// | recovery | the user's session epoch is higher than `epoch`, or a newer link replaced this one |
/// | email undo | it is used, an admin changed the address, or the user is disabled |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Digest of the secret in the mail; unique.
    pub digest: Digest,
    /// The owner.
    pub user_id: UserId,
    /// The purpose.
    pub purpose: Purpose,
    /// The address it was mailed to, and the only one it can confirm.
    pub email: EmailAddress,
    /// The user's session epoch when the link was created.
    pub epoch: i64,
    /// When the pending address, the recovery or the address change that the link is for was requested.
    pub requested_at: Timestamp,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it expires; checked at every use.
    pub expires_at: Timestamp,
    /// When it was used; `None` if it was not.
    pub used_at: Option<Timestamp>,
}
