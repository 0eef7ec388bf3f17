//! A transaction that writes.

use sqlx::SqlSafeStr;
use tokio::time::{Instant, timeout_at};

use crate::arg::Arg;
use crate::dialect;
use crate::error::SqlError;
use crate::pool::PooledConnection;
use crate::statements::Statement;

/// Dropping it before its end closes the connection and so rolls back. After an error only
/// [`roll_back`](Self::roll_back) may follow: PostgreSQL would report success even for a commit.
pub(crate) struct Transaction {
    connection: PooledConnection,
}

impl Transaction {
    pub(crate) async fn begin(mut connection: PooledConnection) -> Result<Self, SqlError> {
        connection.begin().await?;
        Ok(Self { connection })
    }

    /// Returns the number of rows that the statement matched, whether it changed them or not.
    pub(crate) async fn run(&mut self, statement: Statement<'_>) -> Result<u64, SqlError> {
        let (sql, args) = statement.prepare(self.connection.dialect);
        self.execute(sql, &args).await
    }

    /// The same for a text.
    pub(crate) async fn execute(
        &mut self,
        sql: impl SqlSafeStr,
        args: &[Arg<'_>],
    ) -> Result<u64, SqlError> {
        let done = self.connection.execute(sql, args).await?;
        Ok(done.rows_affected())
    }

    /// A commit that was sent and not confirmed is [`SqlError::OutcomeUnknown`].
    pub(crate) async fn commit(mut self, deadline: Instant) -> Result<(), SqlError> {
        let result = timeout_at(deadline, self.connection.commit()).await;
        match result {
            Ok(Ok(())) => Ok(()),
            Ok(Err(SqlError::Sql(error)))
                if dialect::is_connection_lost(&error) && !dialect::is_read_only(&error) =>
            {
                Err(SqlError::OutcomeUnknown(error.into()))
            }
            Ok(Err(error)) => {
                self.roll_back().await;
                Err(error)
            }
            Err(elapsed) => Err(SqlError::OutcomeUnknown(elapsed.into())),
        }
    }

    pub(crate) async fn roll_back(mut self) {
        self.connection.roll_back().await;
    }
}
