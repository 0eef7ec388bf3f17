//! The list of the enrolments that a user has begun. It limits how many are pending.
//!
//! It is a credential whose id is derived from the user's, so that it is read by its key. Each new enrolment is written
//! together with the list, on the condition that the list is as it was read: of two requests at the same time, one reads
//! again. No other write changes the list, so it can contain enrolments that were finished, removed or expired.

use jiff::Timestamp;

use super::stored::StoredFactor;
use crate::model::{Credential, CredentialKind};
use crate::store::Write;
use crate::values::{CredentialId, Secret, UserId};

/// The list as it was read.
pub(super) struct EnrolmentList {
    pub(super) user_id: UserId,
    /// Those of its enrolments that can still be finished.
    pub(super) pending: Vec<StoredFactor>,
    pub(super) stored: Option<Secret<String>>,
}

impl EnrolmentList {
    /// Writes the list with these enrolments instead. The batch is stale, or the key is taken, if another enrolment has
    /// begun since the list was read.
    pub(super) fn write(&self, ids: &[CredentialId], now: Timestamp) -> Write {
        let ids: Vec<_> = ids.iter().map(CredentialId::to_string).collect();
        let credential = Credential {
            id: CredentialId::of_enrolment_list(self.user_id),
            user_id: self.user_id,
            kind: CredentialKind::EnrolmentList,
            lookup: None,
            data: Secret::new(ids.join(" ")),
            updated_at: now,
        };
        credential.replace(self.stored.as_ref())
    }
}
