//! Options of an import.

use doorward_domain::passwords::hashing::FirebaseParameters;
use doorward_domain::values::Locale;
use jiff::Timestamp;

/// Options of an import.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// Current time.
    pub now: Timestamp,
    /// Email status of imported users.
    pub email_status: EmailStatus,
    /// `true` if admins of the other system stay admins.
    pub keep_admins: bool,
    /// Fields to drop if they are invalid, instead of rejecting the user.
    pub drop_invalid: Vec<UserField>,
    /// Language of users without one.
    pub default_locale: Locale,
    /// Hash parameters of a Firebase project.
    pub firebase: Option<FirebaseParameters>,
}

/// Email status of imported users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmailStatus {
    /// As in the other system.
    Keep,
    /// All addresses are confirmed.
    Confirmed,
    /// All users confirm their address again.
    Unconfirmed,
}

/// An optional field of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserField {
    /// Username.
    Username,
    /// Email address, confirmed or pending.
    Email,
    /// Password hash.
    Password,
    /// Display name.
    Name,
    /// The user's own JSON.
    Data,
}

impl UserField {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Username => "username",
            Self::Email => "email",
            Self::Password => "password",
            Self::Name => "name",
            Self::Data => "data",
        }
    }
}
