//! Counts the audit events that exceed a limit, and reports the counts as `events-suppressed` (L-01).
//!
//! Each node has its own counts. The worker writes them every ten minutes and when the server stops. A node that
//! is killed loses the counts since the last write.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::AuditKind;
use crate::values::UserId;

/// Maximum number of counts. Beyond it, the events of all users are counted together.
const MAX_COUNTERS: usize = 10_000;

/// Number of suppressed events, by event and user.
#[derive(Debug, Default)]
pub(crate) struct Suppressed(Mutex<HashMap<(AuditKind, Option<UserId>), u64>>);

impl Suppressed {
    /// Counts events that were not written.
    pub(crate) fn add(&self, event: AuditKind, user_id: Option<UserId>, more: u64) {
        let mut counts = self.counts();
        let has_room = counts.len() < MAX_COUNTERS || counts.contains_key(&(event, user_id));
        let count = counts.entry((event, user_id.filter(|_| has_room)));
        *count.or_default() += more;
    }

    pub(crate) fn counts(&self) -> MutexGuard<'_, HashMap<(AuditKind, Option<UserId>), u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// L-01, A-07: the memory for counts is bounded, and no event is lost.
    #[test]
    fn beyond_the_maximum_users_are_counted_together() {
        let suppressed = Suppressed::default();
        for number in 0..MAX_COUNTERS + 5 {
            let mut id = [7; 16];
            id[..8].copy_from_slice(&u64::try_from(number).unwrap().to_be_bytes());
            suppressed.add(AuditKind::Forbidden, Some(UserId::from_bytes(id)), 2);
        }
        let counts = suppressed.counts();
        assert_eq!(counts.len(), MAX_COUNTERS + 1);
        assert_eq!(counts[&(AuditKind::Forbidden, None)], 10);
    }
}
