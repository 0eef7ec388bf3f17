//! A transaction that writes, and how often it is tried.

use std::time::Duration;

use sqlx::Any;
use sqlx::any::AnyRow;
use tokio::sync::OwnedMutexGuard;

use crate::arg::Arg;
use crate::dialect::Dialect;
use crate::error::Fault;
use crate::query;

/// Dropped before its end, it is as if it had never begun. After its first error nothing more may
/// be asked of it: PostgreSQL would answer `Ok` even to a commit.
pub(crate) struct Transaction {
    /// Before `turn`, so that it is over when the next one's turn comes.
    begun: sqlx::Transaction<'static, Any>,
    dialect: Dialect,
    _turn: Option<OwnedMutexGuard<()>>,
}

impl Transaction {
    pub(crate) fn new(
        begun: sqlx::Transaction<'static, Any>,
        dialect: Dialect,
        turn: Option<OwnedMutexGuard<()>>,
    ) -> Self {
        Self {
            begun,
            dialect,
            _turn: turn,
        }
    }

    /// How many rows the statement met, whether it changed them or not.
    pub(crate) async fn execute(&mut self, sql: &str, args: &[Arg<'_>]) -> Result<u64, Fault> {
        let done = query(self.dialect, sql, args)
            .execute(&mut *self.begun)
            .await?;
        Ok(done.rows_affected())
    }

    pub(crate) async fn row(
        &mut self,
        sql: &str,
        args: &[Arg<'_>],
    ) -> Result<Option<AnyRow>, Fault> {
        Ok(query(self.dialect, sql, args)
            .fetch_optional(&mut *self.begun)
            .await?)
    }

    /// Commits where all went well, and leaves nothing behind where not.
    pub(crate) async fn end<T>(self, result: Result<T, Fault>) -> Result<T, Fault> {
        match result {
            Ok(value) => {
                self.begun.commit().await?;
                Ok(value)
            }
            Err(fault) => {
                if let Err(error) = self.begun.rollback().await {
                    tracing::debug!(%error, "a transaction did not roll back by itself");
                }
                Err(fault)
            }
        }
    }
}

/// Counts how often a transaction lost against others, and lets it try again a few times.
#[derive(Default)]
pub(crate) struct Retries(u32);

impl Retries {
    const MOST: u32 = 8;

    /// Whether to try once more; waits a moment first, a little longer each time.
    pub(crate) async fn again(&mut self, fault: &Fault) -> bool {
        if self.0 == Self::MOST || !fault.is_passing() {
            return false;
        }
        self.0 += 1;
        tokio::time::sleep(Duration::from_millis(1 << self.0)).await;
        true
    }
}
