//! Passwords that are known from breaches, beside the common ones that are shipped.
//!
//! The list has a billion lines, so where it is kept is not for the rules to know: they ask one
//! question, wherever a new password is judged, and never at a sign-in (P-05).

use std::fmt;
use std::sync::Arc;

/// A list of passwords that somebody else has lost.
pub trait BreachedList: Send + Sync {
    /// Whether the whole password is on it, letter by letter. A list that cannot be read says no,
    /// and says so in the log: the common passwords are refused all the same.
    fn holds(&self, password: &str) -> bool;
}

/// The operator's list, where there is one.
#[derive(Clone, Default)]
pub struct Breached(Option<Arc<dyn BreachedList>>);

impl Breached {
    /// Asks this list.
    pub fn of(list: Arc<dyn BreachedList>) -> Self {
        Self(Some(list))
    }

    /// Whether the password is on the list.
    pub fn holds(&self, password: &str) -> bool {
        self.0.as_ref().is_some_and(|list| list.holds(password))
    }
}

impl fmt::Debug for Breached {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(if self.0.is_some() { "a list" } else { "none" })
    }
}
