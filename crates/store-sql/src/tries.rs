//! How long one operation may take in all, and when it is tried again.

use std::time::Duration;

use tokio::time::Instant;

use crate::Limits;
use crate::error::Fault;

/// One operation's patience: every wait and every further try ends at one moment.
pub(crate) struct Tries {
    pub(crate) until: Instant,
    conflicts: u32,
    losses: u32,
    lost_commits: u32,
}

impl Tries {
    /// A row that everybody wants may be lost often before it is one's turn.
    const MOST_CONFLICTS: u32 = 8;
    /// The connection at hand, and one more that was made in the middle of it all.
    const MOST_LOSSES: u32 = 3;
    /// Finding out what became of one has waited for the server already.
    const MOST_LOST_COMMITS: u32 = 5;

    pub(crate) fn new(limits: Limits) -> Self {
        Self::within(limits.operation())
    }

    pub(crate) fn within(time: Duration) -> Self {
        Self {
            until: Instant::now() + time,
            conflicts: 0,
            losses: 0,
            lost_commits: 0,
        }
    }

    /// Whether to try once more; after a conflict it waits a moment first, a little longer each
    /// time. What may have been done already is not for this function to repeat.
    pub(crate) async fn again(&mut self, fault: &Fault) -> bool {
        if fault.is_lost() {
            self.losses += 1;
            return self.losses < Self::MOST_LOSSES && !self.is_over();
        }
        if self.conflicts == Self::MOST_CONFLICTS || !fault.is_passing() {
            return false;
        }
        self.conflicts += 1;
        tokio::time::sleep(Duration::from_millis(1 << self.conflicts)).await;
        !self.is_over()
    }

    /// Whether to do once more what was lost on its way to be committed, after a pause that doubles.
    pub(crate) async fn again_after_lost_commit(&mut self) -> bool {
        if self.lost_commits == Self::MOST_LOST_COMMITS {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(50 << self.lost_commits)).await;
        self.lost_commits += 1;
        !self.is_over()
    }

    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }
}
