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
}

impl Purpose {
    /// Its name in the tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirmation => "confirmation",
            Self::Recovery => "recovery",
        }
    }

    /// The purpose of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Confirmation, Self::Recovery]
            .into_iter()
            .find(|purpose| purpose.as_str() == name)
    }
}

/// A link as it is kept: the digest of its secret, and all that it is bound to.
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
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is dead; asked at every use, never left to a sweeper.
    pub expires_at: Timestamp,
    /// When it was used.
    pub used_at: Option<Timestamp>,
}
