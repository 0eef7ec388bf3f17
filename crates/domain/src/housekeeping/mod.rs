//! Periodic tasks of the worker: deletes expired records and users whose deletion is due. Also the readiness check.

mod deletions;
mod suppressed;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::core::Core;
use crate::ctx::Ctx;
use crate::error::{Error, chain};
use crate::events::Event;
use crate::model::{Device, Invitation, Session, TABLES, User};
use crate::store::{Record, Records, StoreError};
use crate::values::UserId;

/// Number of users per query.
const BATCH: usize = 100;
/// Retention period of expired links and invitations, failed mails and records of ended sessions.
pub const RETENTION: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What is due for a user at a certain time.
#[derive(Clone, Copy)]
enum DueTask {
    /// The end of a pending address that was not confirmed.
    PendingEmail,
    /// The end of an invitation that was not accepted.
    Invitation,
    /// The reminder of a pending deletion.
    DeletionReminder,
    /// A pending deletion.
    Deletion,
}

impl DueTask {
    const ALL: [Self; 4] = [
        Self::PendingEmail,
        Self::Invitation,
        Self::DeletionReminder,
        Self::Deletion,
    ];
}

/// Runs periodic tasks, and reports whether the stores respond.
pub struct Housekeeping {
    pub(crate) core: Arc<Core>,
}

impl Housekeeping {
    /// Deletes expired records, reminds of deletions, and deletes the users whose deletion is due. Expired records are
    /// rejected before they are deleted, so no check depends on this.
    /// Each part runs even if another one fails, so that one bad row does not block the rest (L-05).
    pub async fn sweep(&self, ctx: &Ctx) -> Result<(), Error> {
        let mut outcome = Ok(());
        for task in DueTask::ALL {
            outcome = outcome.and(self.sweep_users(ctx, task).await);
        }
        for table in TABLES.iter().filter(|table| table.expires.is_some()) {
            let before = match *table == Session::TABLE || *table == Device::TABLE {
                true => ctx.now,
                false => ctx.now - RETENTION,
            };
            if let Err(error) = self.core.ports.store.sweep(table, before).await {
                tracing::warn!(table = table.name, error = %chain(&error), "failed to delete expired rows");
                outcome = outcome.and(Err(error.into()));
            }
        }
        outcome
    }

    async fn sweep_users(&self, ctx: &Ctx, task: DueTask) -> Result<(), Error> {
        let pending_before = ctx.now - self.core.policy.pending_sign_up_lifetime;
        let expired_before = ctx.now - RETENTION;
        let query = match task {
            DueTask::PendingEmail => User::pending_before(pending_before),
            DueTask::Invitation => Invitation::expired_before(expired_before),
            DueTask::DeletionReminder => User::deletion_reminder_due(ctx.now),
            DueTask::Deletion => User::deletion_due(ctx.now),
        };
        let mut previous = Vec::new();
        loop {
            let store = &self.core.ports.store;
            let due = store.list_rows(query.clone().limit(BATCH)).await?;
            let users = due.iter().filter_map(|row| match row.read::<User>() {
                Ok(user) => Some(user.id),
                Err(error) => {
                    tracing::error!(%error, "skipped an unreadable user");
                    None
                }
            });
            let users: Vec<UserId> = users.collect();
            let mut outcome = Ok(());
            for id in users.iter().copied() {
                let done = match task {
                    DueTask::PendingEmail => {
                        self.expire_pending_email(ctx, id, pending_before).await
                    }
                    DueTask::Invitation => self.expire_invitation(ctx, id, expired_before).await,
                    DueTask::DeletionReminder => self.remind_of_deletion(ctx, id).await,
                    DueTask::Deletion => self.delete_due_user(ctx, id).await,
                };
                outcome = outcome.and(done);
            }
            // A failure does not stop the rest of its batch. Further batches wait for the next run.
            outcome?;
            // Nor does it repeat a batch of users who stay.
            if due.len() < BATCH || users == previous {
                return Ok(());
            }
            previous = users;
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
        let user: Option<User> = self.core.ports.store.get(id).await?;
        let is_expired = |user: &User| {
            let pending = user.pending_email.as_ref();
            !user.is_invited() && pending.is_some_and(|pending| pending.requested_at < before)
        };
        match user.filter(is_expired) {
            Some(user) => {
                let expired = Event::SignUpExpired { user_id: user.id };
                self.core
                    .user_removal
                    .remove_pending_email(ctx, &user, expired)
                    .await
            }
            None => Ok(()),
        }
    }

    /// Deletes the account of an invitation that was not accepted in time. Until then, an admin can send the invitation
    /// again. Does nothing if that or the acceptance happened in the meantime.
    async fn expire_invitation(
        &self,
        ctx: &Ctx,
        id: UserId,
        before: Timestamp,
    ) -> Result<(), Error> {
        let user: Option<User> = self.core.ports.store.get(id).await?;
        let is_expired = |user: &User| {
            let expires_at = user.invitation.and_then(|invitation| invitation.expires_at);
            user.is_invited() && expires_at.is_some_and(|at| at < before)
        };
        match user.filter(is_expired) {
            Some(user) => {
                let expired = Event::SignUpExpired { user_id: user.id };
                self.core
                    .user_removal
                    .remove_pending_email(ctx, &user, expired)
                    .await
            }
            None => Ok(()),
        }
    }

    /// Returns the status of both stores, with the names that operators know. The stores are queried at most once
    /// a second, regardless of the number of callers.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn readiness(&self) -> [(&'static str, Result<(), StoreError>); 2] {
        let [store, sessions] = self
            .core
            .readiness
            .probe(&self.core.ports, &self.core.sessions)
            .await;
        [("database", store), ("session store", sessions)]
    }

    /// Returns the time of the store's clock; `None` if the store has no clock of its own.
    pub async fn server_time(&self) -> Result<Option<Timestamp>, StoreError> {
        self.core.ports.store.server_time().await
    }

    /// Clears the session cache after this node's clock was set, because the age of its entries is unknown.
    pub fn on_clock_adjusted(&self) {
        self.core.cache.clear();
    }
}
