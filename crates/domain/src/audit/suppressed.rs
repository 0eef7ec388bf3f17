//! Counts the audit events that exceed a limit (L-01). `housekeeping` reports the counts as `events-suppressed`.
//!
//! Each node has its own counts. The worker writes them every ten minutes and when the server stops. A node that
//! is killed loses the counts since the last write.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::AuditKind;

/// Number of suppressed events, by kind.
#[derive(Debug, Default)]
pub(crate) struct Suppressed(Mutex<HashMap<AuditKind, u64>>);

impl Suppressed {
    /// Counts events that were not written.
    pub(crate) fn add(&self, kind: AuditKind, count: u64) {
        *self.counts().entry(kind).or_default() += count;
    }

    pub(crate) fn counts(&self) -> MutexGuard<'_, HashMap<AuditKind, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
