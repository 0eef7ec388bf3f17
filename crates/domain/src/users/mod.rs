//! Accounts: checks that several services make, and the removal of users.

pub(crate) mod removal;

use crate::error::{Error, FieldError};
use crate::model::{User, Version};
use crate::values::{EmailAddress, Invalid, Username};

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
