//! Deletes users and all stored data, irreversibly (L-05), and removes pending addresses.

use std::sync::Arc;

use crate::access::roster;
use crate::ctx::Ctx;
use crate::error::{Error, chain};
use crate::events::Event;
use crate::metric_event::SessionEnd;
use crate::model::{Job, MailJob, TABLES, User};
use crate::sessions::SessionEnder;
use crate::store::{Batch, Records, Row, Store, Write};
use crate::values::{DeletionReason, EmailAddress, UserId};
use crate::writer::Writer;

/// Number of mails that one batch deletes. It fits into every store's batch together with the user.
const MAILS_AT_ONCE: usize = 40;
/// Maximum number of other users whose pending address a confirmation clears. Any others can no longer confirm it,
/// and expire.
const MAX_SUPERSEDED: usize = 20;

/// Deletes users, and removes pending addresses.
pub(crate) struct UserRemoval {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) writer: Arc<Writer>,
    pub(crate) session_ender: Arc<SessionEnder>,
}

impl UserRemoval {
    /// Deletes the user that was read, with the credential, the links, the mails and the sessions. `batch` has the checks
    /// of the caller; `reason` is for the audit log. Returns `false` if it is stale. Fails for the last active admin.
    pub(crate) async fn delete_user(
        &self,
        ctx: &Ctx,
        user: &User,
        reason: Option<DeletionReason>,
        mut batch: Batch,
    ) -> Result<bool, Error> {
        batch.extend(user.delete(ctx.now));
        batch.extend(roster::roster_change(&*self.store, Some(user), None).await?);
        let user_id = user.id;
        let deleted = Event::UserDeleted { user_id, reason };
        self.writer.emit(ctx, deleted, &mut batch);
        let mails = self.mails_to(user).await?;
        let (with_user, later) = mails.split_at(mails.len().min(MAILS_AT_ONCE));
        batch.extend(deletes(with_user));
        if !self.writer.apply_unless_stale(batch).await? {
            return Ok(false);
        }
        self.session_ender
            .end_sessions(ctx, user.id, i64::MAX, SessionEnd::AccountChanged, None)
            .await;
        self.purge(user.id).await;
        self.delete_mails(later).await;
        Ok(true)
    }

    /// The mails to the user's address that have no user: they were requested by address (L-05). Also those of a
    /// kind that only a newer release can read.
    async fn mails_to(&self, user: &User) -> Result<Vec<Row>, Error> {
        let Some(email) = &user.email else {
            return Ok(Vec::new());
        };
        let mails = Job::without_user(email.key());
        Ok(self.store.list_rows(mails).await?)
    }

    /// Deletes mails to the address of a user who is deleted already. A failure is logged only, because the deletion
    /// has succeeded; the mails are deleted when they are sent or expire.
    async fn delete_mails(&self, mails: &[Row]) {
        for batch in mails.chunks(MAILS_AT_ONCE) {
            if let Err(error) = self.store.apply(deletes(batch).collect()).await {
                tracing::warn!(error = %chain(&error), "failed to delete mails to the address of a deleted user");
            }
        }
    }

    /// Deletes the rows of a deleted user. They are void: a failure is only logged, and the worker repeats the purge.
    pub(crate) async fn purge(&self, user_id: UserId) {
        if let Err(error) = self.store.purge(TABLES, user_id.into()).await {
            tracing::warn!(user.id = %user_id, error = %chain(&error), "failed to purge a deleted user; the worker tries again");
        }
    }

    /// Removes the address from other users who have it as their pending address. They can no longer confirm it
    /// . A failure is only logged, since the remaining ones expire.
    pub(crate) async fn clear_superseded(&self, ctx: &Ctx, owner: &User) {
        let Some(email) = &owner.email else { return };
        let others = self.remove_superseded(ctx, email).await;
        if let Err(error) = others {
            tracing::warn!(error = %chain(&error), "failed to delete pending sign-ups for a confirmed address; they will expire");
        }
    }

    async fn remove_superseded(&self, ctx: &Ctx, email: &EmailAddress) -> Result<(), Error> {
        let others = User::with_pending_email(email.key()).limit(MAX_SUPERSEDED);
        let others: Vec<User> = self.store.list_readable(others).await?;
        for other in others {
            self.remove_pending_email(ctx, &other, Event::SignUpSuperseded { user_id: other.id })
                .await?;
        }
        Ok(())
    }

    /// Removes the user's pending address. An account without another identifier is deleted, and `event` is
    /// emitted.
    pub(crate) async fn remove_pending_email(
        &self,
        ctx: &Ctx,
        user: &User,
        event: Event<'_>,
    ) -> Result<(), Error> {
        let mut batch = without_pending_email(ctx, user);
        if !user.has_identifier() {
            self.writer.emit(ctx, event, &mut batch);
        }
        if self.writer.apply_unless_stale(batch).await? && !user.has_identifier() {
            self.purge(user.id).await;
        }
        Ok(())
    }
}

/// Removes the user's pending address, or the user if there is no other identifier. Fails with `Stale` if the user has
/// changed since it was read.
pub(crate) fn without_pending_email(ctx: &Ctx, user: &User) -> Batch {
    if !user.has_identifier() {
        return user.delete(ctx.now);
    }
    let changed = User {
        pending_email: None,
        ..user.next_version(ctx.now)
    };
    changed.replace(user)
}

fn deletes(mails: &[Row]) -> impl Iterator<Item = Write> {
    let key = |mail: &Row| mail.key().clone();
    mails.iter().map(key).map(Write::delete::<MailJob>)
}
