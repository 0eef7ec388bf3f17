//! Deletes a user and all stored data, irreversibly (L-05). For a deletion at once, and for one that was requested before.

use crate::access::roster;
use crate::core::Core;
use crate::ctx::Ctx;
use crate::error::{Error, chain};
use crate::events::Event;
use crate::metric_event::SessionEnd;
use crate::model::{Job, MailJob, User};
use crate::store::{Batch, Row, Write};
use crate::values::DeletionReason;

/// Number of mails that one batch deletes. It fits into every store's batch together with the user.
const MAILS_AT_ONCE: usize = 60;

impl Core {
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
        batch.extend(roster::roster_change(&*self.ports.store, Some(user), None).await?);
        let user_id = user.id;
        let deleted = Event::UserDeleted { user_id, reason };
        self.writer.emit(ctx, deleted, &mut batch);
        let mails = self.mails_to(user).await?;
        let (with_user, later) = mails.split_at(mails.len().min(MAILS_AT_ONCE));
        batch.extend(deletes(with_user));
        if !self.writer.apply_unless_stale(batch).await? {
            return Ok(false);
        }
        self.end_sessions(ctx, user.id, i64::MAX, SessionEnd::AccountChanged, None)
            .await;
        self.user_removal.purge(user.id).await;
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
        Ok(self.ports.store.list_rows(mails).await?)
    }

    /// Deletes mails to the address of a user who is deleted already. A failure is logged only, because the deletion
    /// has succeeded; the mails are deleted when they are sent or expire.
    async fn delete_mails(&self, mails: &[Row]) {
        for batch in mails.chunks(MAILS_AT_ONCE) {
            if let Err(error) = self.ports.store.apply(deletes(batch).collect()).await {
                tracing::warn!(error = %chain(&error), "failed to delete mails to the address of a deleted user");
            }
        }
    }
}

fn deletes(mails: &[Row]) -> impl Iterator<Item = Write> {
    let key = |mail: &Row| mail.key().clone();
    mails.iter().map(key).map(Write::delete::<MailJob>)
}
