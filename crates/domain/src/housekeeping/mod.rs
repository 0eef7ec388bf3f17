//! Periodic tasks of the worker: deletes expired records and users whose deletion is due, reminds of deletions, and writes the
//! counts of suppressed audit events.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::audit::limits::AuditLimits;
use crate::ctx::Ctx;
use crate::deletion::due::DueDeletions;
use crate::error::{Error, chain};
use crate::events::Event;
use crate::model::{Device, Invitation, Session, TABLES, User};
use crate::policy::Policy;
use crate::store::{Batch, Record, Records, Store, StoreError};
use crate::users::removal::UserRemoval;
use crate::values::UserId;
use crate::writer::Writer;

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

/// Runs periodic tasks.
pub struct Housekeeping {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) user_removal: Arc<UserRemoval>,
    pub(crate) due_deletions: Arc<DueDeletions>,
    pub(crate) audit_limits: Arc<AuditLimits>,
    pub(crate) writer: Arc<Writer>,
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
            if let Err(error) = self.store.sweep(table, before).await {
                tracing::warn!(table = table.name, error = %chain(&error), "failed to delete expired rows");
                outcome = outcome.and(Err(error.into()));
            }
        }
        outcome
    }

    async fn sweep_users(&self, ctx: &Ctx, task: DueTask) -> Result<(), Error> {
        let pending_before = ctx.now - self.policy.pending_sign_up_lifetime;
        let expired_before = ctx.now - RETENTION;
        let query = match task {
            DueTask::PendingEmail => User::pending_before(pending_before),
            DueTask::Invitation => Invitation::expired_before(expired_before),
            DueTask::DeletionReminder => User::deletion_reminder_due(ctx.now),
            DueTask::Deletion => User::deletion_due(ctx.now),
        };
        let mut previous = Vec::new();
        loop {
            let store = &self.store;
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
                        self.expire(ctx, id, |user| {
                            has_pending_email_older_than(user, pending_before)
                        })
                        .await
                    }
                    DueTask::Invitation => {
                        self.expire(ctx, id, |user| {
                            has_invitation_expired_before(user, expired_before)
                        })
                        .await
                    }
                    DueTask::DeletionReminder => {
                        self.due_deletions.remind_of_deletion(ctx, id).await
                    }
                    DueTask::Deletion => self.due_deletions.delete_due_user(ctx, id).await,
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

    /// Removes the pending address of a user for whom this is due, and the account if it has no other identifier.
    async fn expire(
        &self,
        ctx: &Ctx,
        id: UserId,
        is_due: impl FnOnce(&User) -> bool,
    ) -> Result<(), Error> {
        let user: Option<User> = self.store.get(id).await?;
        let Some(user) = user.filter(is_due) else {
            return Ok(());
        };
        let expired = Event::SignUpExpired { user_id: user.id };
        self.user_removal
            .remove_pending_email(ctx, &user, expired)
            .await
    }

    /// Writes the counts of suppressed events. Counts that cannot be written stay in memory.
    pub async fn write_suppressed(&self, ctx: &Ctx) -> Result<(), Error> {
        let counts = self.audit_limits.take_suppressed();
        if counts.is_empty() {
            return Ok(());
        }
        let mut events = Batch::new();
        for (&kind, &count) in &counts {
            let event = Event::EventsSuppressed { kind, count };
            self.writer.emit(ctx, event, &mut events);
        }
        let applied = self.writer.apply(events).await;
        if applied.is_err() {
            for (kind, count) in counts {
                self.audit_limits.suppress(kind, count);
            }
        }
        applied?;
        Ok(())
    }

    /// Returns the time of the store's clock; `None` if the store has no clock of its own.
    pub async fn server_time(&self) -> Result<Option<Timestamp>, StoreError> {
        self.store.server_time().await
    }
}

/// Returns `true` if the user has a pending address that was requested before this time. The user may have confirmed or replaced
/// the address since it was due.
fn has_pending_email_older_than(user: &User, before: Timestamp) -> bool {
    let pending = user.pending_email.as_ref();
    !user.is_invited() && pending.is_some_and(|pending| pending.requested_at < before)
}

/// Returns `true` if the user has an invitation that expired before this time. Until its user is deleted, an admin can send it
/// again.
fn has_invitation_expired_before(user: &User, before: Timestamp) -> bool {
    let expires_at = user.invitation.and_then(|invitation| invitation.expires_at);
    user.is_invited() && expires_at.is_some_and(|at| at < before)
}
