//! The words a request is made of, each parsed once into a type that cannot hold a wrong value.
//!
//! A function that takes an [`EmailAddress`] need not ask whether it is one: the only way to
//! make one is to parse it. Values know no store, no HTTP and no clock.
//!
//! To add a value: one file, a `parse` that returns [`Invalid`] with a stable code, and a test
//! at each edge of its limits.

mod email;
mod ids;
mod locale;
mod password;
mod profile;
mod secret;
mod unseen;
mod username;

pub use email::EmailAddress;
pub use ids::{AuditEventId, AuditEventIds, MailJobId, SessionId, UserId};
pub use locale::Locale;
pub use password::{NewPassword, Password, PasswordRules};
pub use profile::{Data, Name};
pub use secret::{Digest, Secret, Token};
pub use unseen::is_unseen;
pub use username::Username;

/// Why a value was refused: a stable code for programs, a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// Stable, kebab-case; part of the contract.
    pub code: &'static str,
    /// Plain English; may change.
    pub detail: String,
}

impl Invalid {
    /// Makes one from its code and its sentence.
    pub fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
        }
    }
}
