//! Completed changes of second factors: each sends a mail, so a user is limited to ten an hour.

use std::sync::Arc;

use crate::ctx::Ctx;
use crate::error::{Error, WriteError};
use crate::limits::{FACTOR_CHANGES, KeyedLimit, RateLimiter};
use crate::store::Batch;
use crate::values::UserId;
use crate::writer::Writer;

/// Applies changes of second factors.
pub(crate) struct FactorChanges {
    pub(crate) rate_limiter: Arc<RateLimiter>,
    pub(crate) writer: Arc<Writer>,
}

impl FactorChanges {
    /// Applies a completed change of a user's second factors. A change by the user is counted; the count is released
    /// if nothing was written. The caller has verified the proof. Returns `false` if the batch is stale.
    pub(crate) async fn apply(
        &self,
        ctx: &Ctx,
        user_id: UserId,
        batch: Batch,
    ) -> Result<bool, Error> {
        if ctx.actor.user_id() != Some(user_id) {
            return self.writer.apply_unless_stale(batch).await;
        }
        let limit = KeyedLimit::for_user("factor-change", FACTOR_CHANGES, user_id);
        let limit = [limit];
        self.rate_limiter
            .acquire(ctx, &limit, Some(user_id))
            .await?;
        let error = match self.writer.apply(batch).await {
            Ok(()) => return Ok(true),
            // It may have been written.
            Err(WriteError::Failed(Error::OutcomeUnknown(error))) => {
                return Err(Error::OutcomeUnknown(error));
            }
            Err(error) => error,
        };
        self.rate_limiter.release(ctx, &limit).await;
        match error {
            // Another request has changed the factors since they were read, or has written the first set.
            WriteError::Stale | WriteError::Taken(_) => Ok(false),
            WriteError::Failed(error) => Err(error),
        }
    }
}
