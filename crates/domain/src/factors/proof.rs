//! The proof that a write to a set of second factors needs (M-02).
//!
//! A set that has a factor is changed only with a proof that included one. The set compares the proof with the state that
//! the write replaces, at each attempt: a user may finish their first enrolment between the proof and the write.

use super::set::FactorSet;
use crate::error::Error;
use crate::values::UserId;

/// What an actor has proved before it changes a set of second factors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FactorProof {
    /// This user proved the password, and had no second factor then.
    Password(UserId),
    /// The user proved a second factor.
    Factor,
    /// The operator, or the owner of the mailbox by an undo link: they need no proof of the user.
    NotRequired,
}

impl FactorProof {
    /// Fails with [`Error::ReauthenticationRequired`] if the set has a factor and its user proved the password only. The
    /// proof of an admin is about the admin's own factors.
    pub(super) fn ensure_covers(self, set: &FactorSet) -> Result<(), Error> {
        match self {
            Self::Password(user_id) if set.is_of(user_id) && set.had_factor() => {
                Err(Error::ReauthenticationRequired)
            }
            _ => Ok(()),
        }
    }
}
