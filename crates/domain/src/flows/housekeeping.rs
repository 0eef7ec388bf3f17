//! What the worker does now and then: let go what has run out, and write down what was seen.

use std::sync::PoisonError;

use jiff::{SignedDuration, Timestamp};

use crate::accounts::Accounts;
use crate::changes::{ApplyError, Change};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::model::{Event, Status, User};
use crate::ports::StoreError;
use crate::values::UserId;

/// How many unconfirmed sign-ups go at a time.
const BATCH: usize = 100;
/// How long dead links and failed mails are stored.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);

impl Accounts {
    /// Removes what has run out. Nothing depends on it: whatever has run out is refused anyway. Each part is
    /// tried whatever became of the others, so that one row does not keep all the rest (L-05).
    pub async fn sweep(&self, ctx: &Ctx) -> Result<(), Error> {
        let sign_ups = self.sweep_sign_ups(ctx).await;
        let rows = self.ports.store.sweep(ctx.now - KEPT_FOR).await;
        let sessions = self.ports.sessions.sweep_sessions(ctx.now).await;
        sign_ups?;
        rows?;
        Ok(sessions?)
    }

    async fn sweep_sign_ups(&self, ctx: &Ctx) -> Result<(), Error> {
        let before = ctx.now - self.policy.pending_lifetime;
        loop {
            let expired = self
                .ports
                .store
                .list_pending_users_before(before, BATCH)
                .await?;
            let mut outcome = Ok(());
            for user_id in &expired {
                outcome = outcome.and(self.expire(ctx, *user_id).await);
            }
            // One that cannot be read keeps the others of its batch from nothing; more go the next time.
            outcome?;
            if expired.len() < BATCH {
                return Ok(());
            }
        }
    }

    /// Deletes a sign-up that nobody confirmed in time, held at the version that was looked at: one
    /// that is confirmed in this moment, or expired by another node, is left alone.
    async fn expire(&self, ctx: &Ctx, id: UserId) -> Result<(), Error> {
        let user = self.ports.store.find_user(id).await?;
        let Some(user) = user.filter(|user| user.status == Status::Pending) else {
            return Ok(());
        };
        let hold = Change::UpdateUser {
            expected: user.version,
            user: Box::new(User {
                version: user.version.next(),
                ..user
            }),
        };
        let audit = self.audit(ctx, Event::SignUpExpired, Some(id));
        match self.apply(vec![hold, Change::DeleteUser(id), audit]).await {
            Ok(()) | Err(ApplyError::Stale) => Ok(()),
            Err(other) => Err(other.into()),
        }
    }

    /// Writes when sessions were last used, gathered since the last time. What could not be written is
    /// known until it is: no session ends for want of a use that there was (S-04).
    pub async fn write_last_seen(&self) -> Result<(), Error> {
        let gathered = || self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let seen: Vec<_> = gathered().values().copied().collect();
        if seen.is_empty() {
            return Ok(());
        }
        self.ports.sessions.touch_sessions(&seen).await?;
        let mut gathered = gathered();
        for written in seen {
            // Unless it was used once more meanwhile.
            if gathered.get(&written.id) == Some(&written) {
                gathered.remove(&written.id);
            }
        }
        Ok(())
    }

    /// Which of the parts answer, by the names an operator knows them by. However many ask, the
    /// stores are asked once a second.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn readiness(&self) -> [(&'static str, Result<(), StoreError>); 2] {
        let [store, sessions] = self.readiness.look(&self.ports).await;
        [("database", store), ("session store", sessions)]
    }

    /// What the store's clock says, where it has one of its own.
    pub async fn server_time(&self) -> Result<Option<Timestamp>, StoreError> {
        self.ports.store.server_time().await
    }
}
