//! The leases on jobs that this process holds.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::values::JobId;

/// The leases that this process has not released, and their expiry times.
#[derive(Default)]
pub(crate) struct JobLeases(Mutex<HashMap<JobId, Timestamp>>);

impl JobLeases {
    pub(crate) fn insert(&self, held: impl Iterator<Item = (JobId, Timestamp)>, now: Timestamp) {
        let mut leases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        leases.retain(|_, ends_at| *ends_at > now);
        leases.extend(held);
    }

    pub(crate) fn remove(&self, id: JobId) {
        let mut leases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        leases.remove(&id);
    }

    pub(crate) fn take(&self, now: Timestamp) -> Vec<JobId> {
        let mut leases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let leases = leases.drain().filter(|(_, ends_at)| *ends_at > now);
        leases.map(|(id, _)| id).collect()
    }
}
