//! Errors of the services. They are one closed list, because services share most of them
//! (`docs/decisions/0003-one-error-list.md`).
//!
//! A failure while a permission is checked is an error, never a permission (Z-06). This module does not depend on
//! HTTP: `web::http::problem` turns each error into a response, the command line into a message.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::{Roster, User};
use crate::store::{ApplyError, StoreError};
use crate::values::Invalid;

/// An invalid field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Name of the field in the request.
    pub field: String,
    /// Why it is invalid.
    pub invalid: Invalid,
}

impl FieldError {
    /// Creates the error of a field.
    pub fn new(field: impl Into<String>, invalid: Invalid) -> Self {
        Self {
            field: field.into(),
            invalid,
        }
    }
}

/// Why a service method failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request requires a signed-in user.
    #[error("authentication required")]
    AuthenticationRequired,
    /// The session token is invalid.
    #[error("invalid token")]
    InvalidToken,
    /// The account is unknown or the password is wrong: the error does not distinguish them.
    #[error("invalid credentials")]
    InvalidCredentials,
    /// The account is unknown (only if enumeration protection is off).
    #[error("unknown account")]
    UnknownAccount,
    /// The account exists, but the password is wrong (only if enumeration protection is off).
    #[error("wrong password")]
    WrongPassword,
    /// The password is correct, but the address is not confirmed yet.
    #[error("email not confirmed")]
    EmailUnconfirmed,
    /// The password is correct, but an admin has disabled the account.
    #[error("account disabled")]
    AccountDisabled,
    /// The proof is correct, but a deletion of the account was requested.
    #[error("deletion pending")]
    DeletionPending {
        /// When the account is deleted.
        at: Timestamp,
    },
    /// The action requires that the user proves who they are again: with the password, and with a second factor if the
    /// account has one.
    #[error("reauthentication required")]
    ReauthenticationRequired,
    /// The code of a second factor is wrong or was used before.
    #[error("invalid code")]
    InvalidCode,
    /// The challenge of a sign-in is unknown, used or expired, had too many wrong codes, or a security event voided it.
    #[error("challenge expired")]
    ChallengeExpired,
    /// The actor may not do this.
    #[error("forbidden")]
    Forbidden,
    /// The resource does not exist.
    #[error("not found")]
    NotFound,
    /// The operator has closed the sign-up.
    #[error("sign-up closed")]
    SignUpClosed,
    /// The operator has limited the sign-up to users whom an admin has invited.
    #[error("invitation required")]
    InvitationRequired,
    /// Another user has the username.
    #[error("username taken")]
    UsernameTaken,
    /// Another user has the address (only if enumeration protection is off, or to an admin who invites).
    #[error("email address taken")]
    EmailTaken,
    /// No active admin would be left.
    #[error("last admin")]
    LastAdmin,
    /// The link is used, replaced, expired or unknown.
    #[error("link expired")]
    LinkExpired,
    /// The user has changed since it was read.
    #[error("precondition failed")]
    PreconditionFailed,
    /// All invalid fields of the request.
    #[error("invalid fields: {0:?}")]
    Invalid(Vec<FieldError>),
    /// A rate limit denied the request.
    #[error("too many attempts")]
    TooManyAttempts {
        /// Time until the next attempt is allowed.
        retry_after: Duration,
    },
    /// Too many codes of the user's authenticators were wrong: none is accepted until a sign-in with a recovery code.
    #[error("too many wrong codes")]
    CodesLockedOut,
    /// The hashing queue or the outbox is full, or too many writers change the same user. Nothing was changed.
    #[error("overloaded")]
    Overloaded,
    /// A store does not respond. Nothing was changed.
    #[error(transparent)]
    Store(StoreError),
    /// A store failed during a commit: everything was changed, or nothing.
    #[error("store lost during a commit: outcome unknown")]
    OutcomeUnknown(#[source] StoreError),
    /// An internal error: a state that must not occur.
    #[error("internal: {0}")]
    Internal(&'static str),
}

impl Error {
    /// Creates the error for one invalid field.
    pub fn invalid(field: &str, invalid: Invalid) -> Self {
        Self::Invalid(vec![FieldError::new(field, invalid)])
    }
}

impl From<FieldError> for Error {
    fn from(error: FieldError) -> Self {
        Self::Invalid(vec![error])
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error.is_outcome_unknown {
            true => Self::OutcomeUnknown(error),
            false => Self::Store(error),
        }
    }
}

/// Formats an error with all its causes, for one line of a log or a report. A cause whose text the line already has is
/// left out.
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes
        .map(ToString::to_string)
        .fold(error.to_string(), |line, cause| {
            match line.contains(&cause) {
                true => line,
                false => format!("{line}: {cause}"),
            }
        })
}

/// Why a batch was not written.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// Another record has the same value in this unique column.
    Taken(&'static str),
    /// A stored record is not as it was read: read it again and retry.
    Stale,
    /// Any other error.
    Failed(Error),
}

impl From<ApplyError> for WriteError {
    fn from(error: ApplyError) -> Self {
        match error {
            // Another write has created the roster.
            ApplyError::Taken(Roster::KEY) | ApplyError::Stale => Self::Stale,
            ApplyError::Taken(column) => Self::Taken(column),
            ApplyError::TooLarge => Self::Failed(Error::Internal("a batch is too large")),
            ApplyError::Store(error) => Self::Failed(Error::Store(error)),
            ApplyError::OutcomeUnknown(error) => Self::Failed(Error::OutcomeUnknown(error)),
        }
    }
}

impl From<ApplyError> for Error {
    fn from(error: ApplyError) -> Self {
        WriteError::from(error).into()
    }
}

impl From<WriteError> for Error {
    /// The error for a failed write, for methods that do not handle it themselves.
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Taken(User::USERNAME_KEY) => Self::UsernameTaken,
            WriteError::Taken(User::EMAIL_KEY) => Self::EmailTaken,
            WriteError::Taken(_) => Self::Internal("a unique value is taken"),
            WriteError::Stale => Self::PreconditionFailed,
            WriteError::Failed(error) => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_has_each_cause_once() {
        let reset = std::io::Error::other("connection reset");
        let error = Error::from(StoreError::new("read users", reset));
        assert_eq!(
            chain(&error),
            "store unavailable: read users: connection reset"
        );
        let repeated = StoreError::new("read users", "read users");
        assert_eq!(chain(&repeated), "store unavailable: read users");
    }
}
