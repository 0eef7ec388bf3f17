//! Deadline and retries of one operation.

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
    /// Maximum number of conflicts: many transactions may compete for a row.
    const MAX_CONFLICTS: u32 = 8;
    /// Maximum number of lost connections: the one in use, and one that was opened just before the server failed.
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

    /// Returns `true` if the operation may be retried. Waits a little longer after each conflict.
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
