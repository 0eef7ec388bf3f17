//! Finds the user that the operator names, and checks that several services make.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::core::Core;
use crate::error::{Error, FieldError};
use crate::model::{LastSignIn, User, Version};
use crate::store::{Records, StoreError};
use crate::values::{EmailAddress, Invalid, UserId, Username};

impl Core {
    /// Finds a user by id, username or confirmed address. Fails with [`Error::NotFound`] if there is none.
    pub(crate) async fn find_by_name(&self, named: &str) -> Result<User, Error> {
        let store = &self.ports.store;
        let found = if let Ok(id) = named.parse::<UserId>() {
            store.get(id).await?
        } else if let Ok(email) = EmailAddress::parse(named) {
            let found = store.find(User::EMAIL_KEY, email.key()).await?;
            self.load_with_data(found).await?
        } else if let Ok(username) = Username::parse(named) {
            let found = store.find(User::USERNAME_KEY, username.key()).await?;
            self.load_with_data(found).await?
        } else {
            None
        };
        found.ok_or(Error::NotFound)
    }

    /// Returns when the user last signed in; `None` if never.
    pub(crate) async fn last_sign_in(
        &self,
        user_id: UserId,
    ) -> Result<Option<Timestamp>, StoreError> {
        let last: Option<LastSignIn> = self.ports.store.get(user_id).await?;
        Ok(last.map(|last| last.at))
    }

    /// Returns when each of these users last signed in. Users who never did are omitted.
    pub(crate) async fn last_sign_ins(
        &self,
        users: Vec<UserId>,
    ) -> Result<HashMap<UserId, Timestamp>, StoreError> {
        let last: Vec<LastSignIn> = self.ports.store.get_all(users).await?;
        Ok(last.iter().map(|last| (last.user_id, last.at)).collect())
    }
}

/// Fails if there is neither a username nor an address: no sign-in would be possible.
pub(crate) fn ensure_identifier(
    username: Option<&Username>,
    email: Option<&EmailAddress>,
) -> Result<(), FieldError> {
    if username.is_none() && email.is_none() {
        let missing = Invalid::new("missing", "Send a `username`, an `email` or both.");
        return Err(FieldError::new("username", missing));
    }
    Ok(())
}

/// Fails with [`Error::PreconditionFailed`] if the user does not have the expected version.
pub(crate) fn ensure_version(user: &User, expected: Option<Version>) -> Result<(), Error> {
    match expected {
        Some(expected) if expected != user.version => Err(Error::PreconditionFailed),
        _ => Ok(()),
    }
}
