//! The leases on mails that this process holds.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::model::MailJob;
use crate::values::JobId;

/// The leases that this process has not released, and their expiry times.
#[derive(Default)]
pub(crate) struct MailLeases(Mutex<HashMap<JobId, Timestamp>>);

impl MailLeases {
    pub(crate) fn insert(&self, jobs: &[MailJob], now: Timestamp) {
        let mut leases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        leases.retain(|_, ends_at| *ends_at > now);
        leases.extend(jobs.iter().map(|job| (job.id, job.due_at)));
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
