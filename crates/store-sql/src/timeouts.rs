//! Time limits of the database.

use std::time::Duration;

/// Time limits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    pub(crate) connect: Duration,
    pub(crate) statement: Duration,
}

impl Timeouts {
    /// Additional time for a commit, after the operation's own limit.
    pub(crate) const COMMIT: Duration = Duration::from_secs(2);

    /// One operation with all its attempts, without the commit.
    pub(crate) fn operation(self) -> Duration {
        self.statement + Duration::from_secs(2)
    }
}
