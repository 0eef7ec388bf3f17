//! A transaction that writes.

use sqlx::any::AnyRow;
use tokio::time::Instant;

use crate::arg::Arg;
use crate::error::Fault;
use crate::pool::Held;

/// Dropped before its end, it is as if it had never begun. After its first error nothing more may
/// be asked of it: PostgreSQL would answer `Ok` even to a commit.
pub(crate) struct Transaction {
    held: Held,
    until: Instant,
}

impl Transaction {
    pub(crate) async fn begin(mut held: Held, until: Instant) -> Result<Self, Fault> {
        held.begin(until).await?;
        Ok(Self { held, until })
    }

    /// How many rows the statement met, whether it changed them or not.
    pub(crate) async fn execute(&mut self, sql: &str, args: &[Arg<'_>]) -> Result<u64, Fault> {
        let done = self.held.execute(sql, args, self.until).await?;
        Ok(done.rows_affected())
    }

    pub(crate) async fn row(
        &mut self,
        sql: &str,
        args: &[Arg<'_>],
    ) -> Result<Option<AnyRow>, Fault> {
        self.held.row(sql, args, self.until).await
    }

    /// Commits where all went well, and leaves nothing behind where not. A commit that was sent and
    /// not answered is [`Fault::OutcomeUnknown`].
    pub(crate) async fn end<T>(mut self, result: Result<T, Fault>) -> Result<T, Fault> {
        let ended = match result {
            Ok(value) => match self.held.commit(self.until).await {
                Ok(()) => return Ok(value),
                Err(fault) => Err(fault.of_a_commit()),
            },
            Err(fault) => Err(fault),
        };
        self.held.roll_back().await;
        ended
    }

    /// Takes all of it back.
    pub(crate) async fn undo(mut self) {
        self.held.roll_back().await;
    }
}
