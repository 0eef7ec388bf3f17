//! The accounts that an identifier matches, and the identifier of an account.

use crate::error::Error;
use crate::model::User;
use crate::values::{Identifier, UserId};

/// The users that an identifier matches.
#[derive(Debug, Default)]
pub(crate) struct AccountLookup {
    /// The user with this username or confirmed address.
    pub(crate) owner: Option<User>,
    /// The newest user with this pending address.
    pub(crate) pending: Option<User>,
    /// `true` for an address, which can have a pending user. A wrong password then costs two hashes with or
    /// without one, so that the time does not reveal a pending sign-up.
    pub(crate) by_email: bool,
}

impl AccountLookup {
    /// The id of the owner, or else of the user with the pending address.
    pub(crate) fn user_id(&self) -> Option<UserId> {
        self.owner
            .as_ref()
            .or(self.pending.as_ref())
            .map(|user| user.id)
    }

    /// A user who is already known, by a session or a link.
    pub(crate) fn from_user(user: User) -> Self {
        Self {
            owner: Some(user),
            ..Self::default()
        }
    }
}

/// Returns the identifier to verify a signed-in user's password with: the username if there is one, else the
/// address.
pub(crate) fn own_identifier(user: &User) -> Result<Identifier, Error> {
    let by_username = user.username.clone().map(Identifier::Username);
    let by_email = user.email.clone().map(Identifier::Email);
    by_username.or(by_email).ok_or(Error::Internal(
        "an active user has neither a username nor an email address",
    ))
}
