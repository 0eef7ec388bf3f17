//! What the worker does now and then: let go what has run out, and write down what was seen.

use futures_util::future::join;
use jiff::{SignedDuration, Timestamp};

use crate::accounts::Accounts;
use crate::changes::Change;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::model::Event;
use crate::ports::StoreError;

/// How many unconfirmed sign-ups go at a time.
const BATCH: usize = 100;
/// How long dead links and given-up mails stay to be looked at.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);

impl Accounts {
    /// Removes what has run out. Nothing depends on it: whatever has run out is refused anyway.
    pub async fn sweep(&self, ctx: &Ctx) -> Result<(), Error> {
        let before = ctx.now - self.policy.pending_lifetime;
        loop {
            let expired = self
                .ports
                .store
                .list_pending_users_before(before, BATCH)
                .await?;
            for user_id in &expired {
                let audit = self.audit(ctx, Event::SignUpExpired, Some(*user_id));
                self.apply(vec![Change::DeletePendingUser(*user_id), audit])
                    .await?;
            }
            if expired.len() < BATCH {
                break;
            }
        }
        self.ports.store.sweep(ctx.now - KEPT_FOR).await?;
        self.ports.sessions.sweep_sessions(ctx.now).await?;
        Ok(())
    }

    /// Writes when sessions were last used, gathered since the last time.
    pub async fn write_last_seen(&self) -> Result<(), Error> {
        let seen = {
            let mut seen = self
                .seen
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            std::mem::take(&mut *seen)
        };
        if seen.is_empty() {
            return Ok(());
        }
        let seen: Vec<_> = seen.into_values().collect();
        Ok(self.ports.sessions.touch_sessions(&seen).await?)
    }

    /// Which of the parts answer, by the names an operator knows them by.
    pub async fn readiness(&self) -> [(&'static str, Result<(), StoreError>); 2] {
        let (store, sessions) =
            join(self.ports.store.ping(), self.ports.sessions.ping()).await;
        [("database", store), ("session store", sessions)]
    }

    /// What the store's clock says, where it has one of its own.
    pub async fn server_time(&self) -> Result<Option<Timestamp>, StoreError> {
        self.ports.store.server_time().await
    }
}
