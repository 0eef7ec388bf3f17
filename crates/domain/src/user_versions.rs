//! Which users have changed, so that their cached sessions are outdated.
//!
//! Every change of a user by this node increments the version of the user's slot. Several users share a slot: a change of one
//! makes the cached sessions of the others outdated, too.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::values::UserId;

const SLOTS: usize = 4096;

/// The versions of all users on this node.
pub(crate) struct UserVersions(Box<[AtomicU64]>);

/// The version of a user, read before the store.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct UserVersion(u64);

impl Default for UserVersions {
    fn default() -> Self {
        Self((0..SLOTS).map(|_| AtomicU64::new(0)).collect())
    }
}

impl UserVersions {
    /// The version of this user.
    pub(crate) fn current(&self, user_id: UserId) -> UserVersion {
        UserVersion(self.slot(user_id).load(Ordering::Acquire))
    }

    /// Must be called after every change of a user or of one of their sessions.
    pub(crate) fn mark_changed(&self, user_id: UserId) {
        self.slot(user_id).fetch_add(1, Ordering::AcqRel);
    }

    fn slot(&self, user_id: UserId) -> &AtomicU64 {
        let bytes = user_id.as_bytes();
        // The last bytes of a UUIDv7 are random.
        let slot = usize::from(u16::from_le_bytes([bytes[14], bytes[15]])) % SLOTS;
        &self.0[slot]
    }
}
