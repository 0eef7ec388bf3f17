//! What the worker does now and then: let go what has run out, and write down what was seen.

use std::sync::PoisonError;

use jiff::{SignedDuration, Timestamp};

use crate::accounts::Accounts;
use crate::changes::{ApplyError, Change};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::model::{AuditEvent, Event, User};
use crate::ports::StoreError;
use crate::values::UserId;

/// How many pending addresses expire at a time.
const BATCH: usize = 100;
/// How long dead links and failed mails are stored.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);

impl Accounts {
    /// Removes what has run out. Nothing depends on it: whatever has run out is refused anyway. Each part is
    /// tried whatever became of the others, so that one row does not keep all the rest (L-05).
    pub async fn sweep(&self, ctx: &Ctx) -> Result<(), Error> {
        let pending = self.sweep_pending_emails(ctx).await;
        let rows = self.ports.store.sweep(ctx.now - KEPT_FOR).await;
        let sessions = self.ports.sessions.sweep_sessions(ctx.now).await;
        pending?;
        rows?;
        Ok(sessions?)
    }

    async fn sweep_pending_emails(&self, ctx: &Ctx) -> Result<(), Error> {
        let before = ctx.now - self.policy.pending_lifetime;
        loop {
            let store = &self.ports.store;
            let expired = store.list_expired_pending_emails(before, BATCH).await?;
            let mut outcome = Ok(());
            for user_id in &expired {
                outcome = outcome.and(self.expire_pending_email(ctx, *user_id, before).await);
            }
            // One that cannot be read keeps the others of its batch from nothing; more go the next time.
            outcome?;
            if expired.len() < BATCH {
                return Ok(());
            }
        }
    }

    /// Removes a pending address that was not confirmed in time, and the account if it has nothing else to sign in
    /// with. One that is confirmed or replaced in this moment is left alone.
    async fn expire_pending_email(
        &self,
        ctx: &Ctx,
        id: UserId,
        before: Timestamp,
    ) -> Result<(), Error> {
        let user = self.ports.store.find_user(id).await?;
        let is_expired = |user: &User| {
            let pending = user.pending_email.as_ref();
            pending.is_some_and(|pending| pending.requested_at < before)
        };
        match user.filter(is_expired) {
            Some(user) => {
                self.remove_pending_email(ctx, &user, Event::SignUpExpired)
                    .await
            }
            None => Ok(()),
        }
    }

    /// Removes the user's pending address. An account without another name to sign in with is deleted, and `event`
    /// is written for it.
    pub(crate) async fn remove_pending_email(
        &self,
        ctx: &Ctx,
        user: &User,
        event: Event,
    ) -> Result<(), Error> {
        let mut changes = vec![without_pending_email(ctx, user)];
        if !user.has_identifier() {
            // The client of this request is not the one that signed up.
            let event = AuditEvent {
                address: None,
                user_agent: None,
                ..self.audit_line(ctx, event, Some(user.id))
            };
            changes.extend([Change::DeleteUser(user.id), Change::Audit(Box::new(event))]);
        }
        match self.apply(changes).await {
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

/// The user without the pending address, if they are still of the version that was read.
pub(crate) fn without_pending_email(ctx: &Ctx, user: &User) -> Change {
    Change::UpdateUser {
        expected: user.version,
        user: Box::new(User {
            pending_email: None,
            version: user.version.next(),
            updated_at: ctx.now,
            ..user.clone()
        }),
    }
}
