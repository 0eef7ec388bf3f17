//! A user to import: the checks that need no store, and the reasons for a rejection.

use jiff::Timestamp;

use crate::factors::ExportedFactors;
use crate::model::{Credential, LastSignIn, Status, User};
use crate::passwords::hashing::{self, UnreadableHash};
use crate::values::{Digest, EmailAddress, Secret, UserId, Username};

/// Exclusive maximum of the imported counters of a user, so that later increments do not overflow.
const MAX_COUNT: i64 = 1 << 53;

/// A user that passed the checks that need no store.
#[derive(Debug)]
pub struct ImportedUser {
    pub(super) user: User,
    pub(super) credential: Option<Credential>,
    pub(super) factors: ExportedFactors,
    pub(super) last_sign_in: Option<LastSignIn>,
}

impl ImportedUser {
    /// Checks that the fields are consistent. `password` is a hash and the time it was set.
    pub fn new(
        user: User,
        password: Option<(Secret<String>, Timestamp)>,
    ) -> Result<Self, ImportRejection> {
        // Sign-in uses this id for accounts that do not exist (`passwords/verifier.rs`).
        if user.id.as_bytes() == &[0; 16] {
            return Err(ImportRejection::IdInvalid);
        }
        if user.username.is_none() && user.email.is_none() && user.pending_email.is_none() {
            return Err(ImportRejection::NoIdentifier);
        }
        let is_sign_up = user.status == Status::Pending && !user.is_invited();
        if is_sign_up && (user.pending_email.is_none() || user.has_identifier()) {
            return Err(ImportRejection::NoPendingEmail);
        }
        let counts = [user.version.0, user.security_epoch];
        if counts.iter().any(|count| !(1..MAX_COUNT).contains(count)) {
            return Err(ImportRejection::CounterOutOfRange);
        }
        if let Some((hash, _)) = &password {
            hashing::check_readable(hash.expose())?;
        }
        let credential = password.map(|(password_hash, updated_at)| {
            Credential::password(user.id, password_hash, updated_at)
        });
        let factors = ExportedFactors::default();
        Ok(Self {
            user,
            credential,
            factors,
            last_sign_in: None,
        })
    }

    /// This user with the time of the last sign-in.
    #[must_use]
    pub fn with_last_sign_in(self, at: Option<Timestamp>) -> Self {
        let user_id = self.user.id;
        Self {
            last_sign_in: at.map(|at| LastSignIn { user_id, at }),
            ..self
        }
    }

    /// This user with second factors. Checks that a user can have them.
    pub fn with_factors(self, factors: ExportedFactors) -> Result<Self, ImportRejection> {
        match factors.is_valid() {
            true => Ok(Self { factors, ..self }),
            false => Err(ImportRejection::InvalidFactors),
        }
    }

    /// The user.
    pub fn user(&self) -> &User {
        &self.user
    }

    /// The fields that decide whether a stored user with the same id is this one.
    pub(super) fn identity_fields(&self) -> IdentityFields<'_> {
        identity_fields(&self.user)
    }
}

pub(super) type IdentityFields<'a> = (UserId, Option<&'a str>, Option<&'a str>);

/// The fields that identify a user. Others, such as name and role, may change after the import.
pub(super) fn identity_fields(user: &User) -> IdentityFields<'_> {
    let address = user.email.as_ref().or(user.pending_address());
    (
        user.id,
        user.username.as_ref().map(Username::key),
        address.map(EmailAddress::key),
    )
}

/// Why a user is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportRejection {
    /// There is no identifier to sign in with.
    #[error("the user has neither a username nor an email address")]
    NoIdentifier,
    /// The nil UUID.
    #[error("the id is the nil UUID")]
    IdInvalid,
    /// A pending user who was not invited, without a pending address, or with another name to sign in with.
    #[error(
        "a pending user who was not invited must have a pending address, and neither a username nor a confirmed address"
    )]
    NoPendingEmail,
    /// A counter that could not be increased.
    #[error("`version` and `security_epoch` must be from 1 to 2^53")]
    CounterOutOfRange,
    /// A hash of an unknown scheme, or one that is too expensive.
    #[error("the password hash cannot be verified: {0}")]
    UnreadablePassword(#[from] UnreadableHash),
    /// Too many second factors or recovery codes, codes without a factor, or a code that is not a digest.
    #[error(
        "a user can have ten authenticators and, with one of them, ten recovery codes, as digests"
    )]
    InvalidFactors,
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

impl ImportRejection {
    /// Stable code, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoIdentifier => "no-identifier",
            Self::IdInvalid => "id-invalid",
            Self::NoPendingEmail => "no-pending-email",
            Self::CounterOutOfRange => "counter-out-of-range",
            Self::UnreadablePassword(_) => "password-unreadable",
            Self::InvalidFactors => "factors-invalid",
            Self::UsernameTaken => "username-taken",
            Self::EmailTaken => "email-taken",
            Self::IdTaken => "id-taken",
            Self::IdDeleted => "id-deleted",
        }
    }
}

impl ImportRejection {
    /// The rejection of a user whose value in this unique column is taken.
    pub(super) fn taken(column: &str) -> Self {
        match column {
            User::EMAIL_KEY => Self::EmailTaken,
            User::USERNAME_KEY => Self::UsernameTaken,
            _ => Self::IdTaken,
        }
    }
}

/// Derives an id for a user whose foreign id is not a UUID. The same user always gets the same id, so that a file
/// can be imported again. Like other ids, it sorts by sign-up time.
pub fn derive_id(system: &str, foreign_id: &str, created_at: Timestamp) -> UserId {
    let input = format!("doorward import\0{system}\0{foreign_id}");
    UserId::derived(created_at, &Digest::of(input.as_bytes()))
}
