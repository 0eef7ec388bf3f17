//! How a user proves who they are.

use jiff::Timestamp;

use crate::values::{Secret, UserId};

/// A user's password, as it is kept.
#[derive(Debug, Clone)]
pub struct Credential {
    /// Whose it is.
    pub user_id: UserId,
    /// A PHC string (or an imported spelling that `passwords::foreign` reads).
    pub password_hash: Secret<String>,
    /// When it was set or hashed anew.
    pub updated_at: Timestamp,
}
