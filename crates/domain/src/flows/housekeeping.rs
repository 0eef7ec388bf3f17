//! Periodic tasks of the worker: deletes expired records and writes last-seen times. Also the readiness check.

use std::sync::PoisonError;

use jiff::{SignedDuration, Timestamp};

use crate::accounts::Accounts;
use crate::changes::{ApplyError, Change};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::model::{AuditEvent, Event, User};
use crate::ports::StoreError;
use crate::values::UserId;

/// Number of expired pending addresses per query.
const BATCH: usize = 100;
/// Retention period of expired links, failed mails and records of ended sessions.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);

impl Accounts {
    /// Deletes expired records. Expired records are rejected before they are deleted, so no check depends on this.
    /// Each part runs even if another one fails, so that one bad row does not block the rest (L-05).
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
            // A failure does not stop the rest of its batch. Further batches wait for the next run.
            outcome?;
            if expired.len() < BATCH {
                return Ok(());
            }
        }
    }

    /// Removes a pending address that was not confirmed in time, and the account if it has no other identifier
    /// . Does nothing if the address was confirmed or replaced in the meantime.
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

    /// Removes the user's pending address. An account without another identifier is deleted, and `event` is
    /// written about it.
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
                ..self.new_audit_event(ctx, event, Some(user.id))
            };
            changes.extend([Change::DeleteUser(user.id), Change::Audit(Box::new(event))]);
        }
        match self.apply(changes).await {
            Ok(()) | Err(ApplyError::Stale) => Ok(()),
            Err(other) => Err(other.into()),
        }
    }

    /// Writes the last-seen times collected since the previous call. Times that cannot be written stay in memory,
    /// so that no session that was used reaches its idle timeout (S-04).
    pub async fn write_last_seen(&self) -> Result<(), Error> {
        let gathered = || self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let seen: Vec<_> = gathered().values().copied().collect();
        if seen.is_empty() {
            return Ok(());
        }
        self.ports.sessions.touch_sessions(&seen).await?;
        let mut gathered = gathered();
        for written in seen {
            // Keep the entry if the session was used again during the write.
            if gathered.get(&written.id) == Some(&written) {
                gathered.remove(&written.id);
            }
        }
        Ok(())
    }

    /// Returns the status of both stores, with the names that operators know. The stores are queried at most once
    /// a second, regardless of the number of callers.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn readiness(&self) -> [(&'static str, Result<(), StoreError>); 2] {
        let [store, sessions] = self.readiness.probe(&self.ports).await;
        [("database", store), ("session store", sessions)]
    }

    /// Returns the time of the store's clock; `None` if the store has no clock of its own.
    pub async fn server_time(&self) -> Result<Option<Timestamp>, StoreError> {
        self.ports.store.server_time().await
    }
}

/// The change that removes the user's pending address. It fails if the user has changed since it was read.
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
