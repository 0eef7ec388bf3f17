//! A mailed link: opens one thing, for one user, once, for a while.

use jiff::Timestamp;

use crate::values::{Digest, EmailAddress, UserId};

/// What a link opens. A link of one purpose is nothing to another's route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Confirms the address it was mailed to: a new user's, or an e-mail change's.
    Confirmation,
    /// Sets a new password.
    Recovery,
    /// Takes an e-mail change back to the address it was mailed to.
    EmailUndo,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 3] = [Self::Confirmation, Self::Recovery, Self::EmailUndo];

    /// Its name in the tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirmation => "confirmation",
            Self::Recovery => "recovery",
            Self::EmailUndo => "email-undo",
        }
    }

    /// The purpose of that name. One that a newer release has written is nobody's: its link opens
    /// nothing here.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|purpose| purpose.as_str() == name)
    }
}

/// A link as it is stored: the digest of its secret, and what it is bound to. Each use compares that with the
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
    /// Whose it is.
    pub user_id: UserId,
    /// What it opens.
    pub purpose: Purpose,
    /// The address it was mailed to, and the only one it can confirm.
    pub email: EmailAddress,
    /// The user's session epoch when the link was made.
    pub epoch: i64,
    /// When the pending address, the recovery or the address change that the link is for was requested.
    pub requested_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is dead; asked at every use, never left to a sweeper.
    pub expires_at: Timestamp,
    /// When it was used.
    pub used_at: Option<Timestamp>,
}
