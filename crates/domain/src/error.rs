//! Why a story did not end as asked.
//!
//! What fails while deciding is an error like any other, and never a yes (Z-06). One closed list, since the stories share most of it (`docs/decisions/0003-one-error-list.md`).
//! It knows no HTTP: `web::problem` turns each into its answer, the command line into a sentence.

use std::time::Duration;

use crate::changes::ApplyError;
use crate::ports::StoreError;
use crate::values::Invalid;

/// A field that cannot be taken as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Its name in the request.
    pub field: String,
    /// What is wrong with it.
    pub invalid: Invalid,
}

impl FieldError {
    /// Says what is wrong with which field.
    pub fn new(field: impl Into<String>, invalid: Invalid) -> Self {
        Self {
            field: field.into(),
            invalid,
        }
    }
}

/// Why a story did not end as asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody is signed in, and somebody must be.
    #[error("authentication required")]
    AuthenticationRequired,
    /// A session token that opens nothing.
    #[error("invalid token")]
    InvalidToken,
    /// Unknown account or wrong password: the two are not told apart.
    #[error("invalid credentials")]
    InvalidCredentials,
    /// No such account (only if enumeration protection is off).
    #[error("unknown account")]
    UnknownAccount,
    /// The account is there, the password is another (only if enumeration protection is off).
    #[error("wrong password")]
    WrongPassword,
    /// The password was right; the address is not confirmed yet.
    #[error("email not confirmed")]
    EmailUnconfirmed,
    /// The password was right; an admin has switched the account off.
    #[error("account disabled")]
    AccountDisabled,
    /// Theirs to do once they have shown their password again.
    #[error("reauthentication required")]
    ReauthenticationRequired,
    /// Not theirs to do.
    #[error("forbidden")]
    Forbidden,
    /// No such thing.
    #[error("not found")]
    NotFound,
    /// The user name is another's.
    #[error("username taken")]
    UsernameTaken,
    /// The address is another's (only if enumeration protection is off).
    #[error("email address taken")]
    EmailTaken,
    /// No active admin would be left.
    #[error("last admin")]
    LastAdmin,
    /// The link is used up, replaced, too old, or never was.
    #[error("link expired")]
    LinkExpired,
    /// The user has changed since it was read.
    #[error("precondition failed")]
    PreconditionFailed,
    /// Fields that cannot be taken, all of them.
    #[error("invalid fields: {0:?}")]
    Invalid(Vec<FieldError>),
    /// Too many tries; wait so long.
    #[error("too many attempts")]
    TooManyAttempts {
        /// Until the next one is worth it.
        retry_after: Duration,
    },
    /// More passwords wait to be hashed than will be served in good time, or more writers want one
    /// user than can be. Nothing was changed.
    #[error("overloaded")]
    Overloaded,
    /// A store does not respond. Nothing was changed.
    #[error("store unavailable")]
    Store(StoreError),
    /// A store was lost while it committed: everything was changed, or nothing.
    #[error("store lost during a commit: outcome unknown")]
    OutcomeUnknown(#[source] StoreError),
    /// Something that cannot be has happened.
    #[error("internal: {0}")]
    Internal(&'static str),
}

impl Error {
    /// One field is wrong.
    pub fn invalid(field: &str, invalid: Invalid) -> Self {
        Self::Invalid(vec![FieldError::new(field, invalid)])
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

impl From<ApplyError> for Error {
    /// What a refused write means where the story has nothing better to say.
    fn from(error: ApplyError) -> Self {
        use crate::changes::Unique;
        match error {
            ApplyError::Taken(Unique::Username) => Self::UsernameTaken,
            ApplyError::Taken(Unique::Email) => Self::EmailTaken,
            ApplyError::Stale => Self::PreconditionFailed,
            ApplyError::ActorSignedOut => Self::InvalidToken,
            ApplyError::ActorNotAllowed => Self::Forbidden,
            ApplyError::LastAdmin => Self::LastAdmin,
            ApplyError::Store(error) => Self::Store(error),
            ApplyError::OutcomeUnknown(error) => Self::OutcomeUnknown(error),
        }
    }
}
