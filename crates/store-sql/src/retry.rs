//! How long one operation may take, and when it is tried again.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::error::SqlError;

/// The deadline and the remaining attempts of one operation.
pub(crate) struct RetryBudget {
    pub(crate) deadline: Instant,
    conflicts: u32,
    lost_connections: u32,
}

impl RetryBudget {
    /// A row that many want may be lost often.
    const MAX_CONFLICTS: u32 = 8;
    /// The connection at hand, and one that was opened just before the server was lost.
    const MAX_LOST_CONNECTIONS: u32 = 2;

    pub(crate) fn new(limit: Duration) -> Self {
        Self {
            deadline: Instant::now() + limit,
            conflicts: 0,
            lost_connections: 0,
        }
    }

    /// Runs one attempt until the deadline at most.
    pub(crate) async fn attempt<T>(
        &self,
        attempt: impl Future<Output = Result<T, SqlError>>,
    ) -> Result<T, SqlError> {
        let result = timeout_at(self.deadline, attempt).await;
        result.unwrap_or(Err(SqlError::DeadlineExceeded))
    }

    /// Whether to try once more. Waits a little longer after each conflict.
    pub(crate) async fn should_retry(&mut self, error: &SqlError) -> bool {
        if error.is_connection_lost() {
            self.lost_connections += 1;
            return self.lost_connections <= Self::MAX_LOST_CONNECTIONS;
        }
        if self.conflicts == Self::MAX_CONFLICTS || !error.is_transient() {
            return false;
        }
        self.conflicts += 1;
        tokio::time::sleep(Duration::from_millis(1 << self.conflicts)).await;
        true
    }
}
