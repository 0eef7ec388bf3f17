//! Passwords known from breaches, in addition to the common ones in the binary.
//!
//! The list has a billion entries, so its storage is not part of the rules. They query it for every new password,
//! and never at a sign-in (P-05).

use std::fmt;
use std::sync::Arc;

/// A list of breached passwords.
pub trait BreachedList: Send + Sync {
    /// Returns `true` if exactly this password is on the list. A list that cannot be read logs the error and
    /// returns `false`: the common passwords are rejected in any case.
    fn contains_password(&self, password: &str) -> bool;
}

/// The operator's list, if there is one.
#[derive(Clone, Default)]
pub struct BreachedPasswords(Option<Arc<dyn BreachedList>>);

impl BreachedPasswords {
    /// Uses this list.
    pub fn of(list: Arc<dyn BreachedList>) -> Self {
        Self(Some(list))
    }

    /// Returns `true` if the password is on the list.
    pub fn contains_password(&self, password: &str) -> bool {
        self.0
            .as_ref()
            .is_some_and(|list| list.contains_password(password))
    }
}

impl fmt::Debug for BreachedPasswords {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(if self.0.is_some() { "a list" } else { "none" })
    }
}
