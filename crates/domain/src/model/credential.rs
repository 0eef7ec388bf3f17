//! The credential of a user.

use jiff::Timestamp;

use crate::values::{Secret, UserId};

/// A user's stored password hash.
#[derive(Debug, Clone)]
pub struct Credential {
    /// The owner.
    pub user_id: UserId,
    /// A PHC string, or an imported format that `passwords::foreign` parses.
    pub password_hash: Secret<String>,
    /// When the password was set or rehashed.
    pub updated_at: Timestamp,
}
