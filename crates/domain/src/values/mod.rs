//! Values of a request, each parsed once into a type that cannot contain an invalid value.
//!
//! A function that takes an [`EmailAddress`] need not validate it, because input becomes one only by parsing.
//! Values depend on no store, HTTP or clock.
//!
//! To add a value: one file, a `parse` that returns [`Invalid`] with a stable code, and a test at each edge of its
//! limits.

mod breached;
mod common_passwords;
mod deletion_reason;
mod disable_reason;
mod email;
mod email_domains;
mod factor;
mod identifier;
mod ids;
mod invisible;
mod json;
mod limit;
mod locale;
mod password;
mod profile;
mod rate;
mod refusal;
mod role;
mod secret;
mod time_unit;
mod username;

pub use breached::{BreachedList, BreachedPasswords};
pub use deletion_reason::DeletionReason;
pub use disable_reason::DisableReason;
pub use email::EmailAddress;
pub use email_domains::EmailDomains;
pub use factor::{FactorCode, FactorKind, FactorName};
pub(crate) use factor::{RECOVERY_CODE_LENGTH, RECOVERY_DIGEST_BYTES, recovery_code_digest};
pub use identifier::Identifier;
pub use ids::{AuditEventId, AuditEventIds, CredentialId, JobId, SessionId, UserId};
pub use invisible::is_invisible;
pub use json::ParsedJson;
pub use limit::{GUESS, KeyedLimit, Limit};
pub use locale::{LanguageTag, Locale};
pub use password::{NewPassword, Password, PasswordRules};
pub use profile::{Data, Name};
pub use rate::Rate;
pub use refusal::Refusal;
pub use role::Role;
pub use secret::{Digest, Secret, Token};
pub use time_unit::TimeUnit;
pub use username::Username;

/// Why a value was rejected: a stable code for programs, a message for users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// Stable, kebab-case; part of the API.
    pub code: &'static str,
    /// Plain English; may change.
    pub detail: String,
}

impl Invalid {
    /// Creates the error from its code and message.
    pub fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
        }
    }
}
