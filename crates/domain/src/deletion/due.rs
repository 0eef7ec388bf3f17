//! Reminds users of their deletion, and deletes the accounts whose time has come.

use std::sync::Arc;

use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::Event;
use crate::model::{PendingDeletion, User};
use crate::store::{Batch, ReadStore, Records};
use crate::users::removal::UserRemoval;
use crate::values::UserId;
use crate::writer::Writer;

/// Reminds of deletions, and deletes the accounts that are due.
pub(crate) struct DueDeletions {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) user_removal: Arc<UserRemoval>,
    pub(crate) writer: Arc<Writer>,
}

impl DueDeletions {
    /// Queues the reminder of a deletion that is near, in one write with the mark that it is queued. Does nothing if the
    /// deletion was cancelled in the meantime. If the user changes during the write, the next run repeats it.
    pub(crate) async fn remind_of_deletion(&self, ctx: &Ctx, id: UserId) -> Result<(), Error> {
        let user: Option<User> = self.store.get(id).await?;
        let is_due =
            |deletion: &PendingDeletion| deletion.remind_at.is_some_and(|at| at <= ctx.now);
        let due = user.and_then(|user| Some((user.deletion.filter(is_due)?, user)));
        let Some((deletion, user)) = due else {
            return Ok(());
        };
        let reminded = User {
            deletion: Some(PendingDeletion {
                remind_at: None,
                ..deletion
            }),
            ..user.next_version(ctx.now)
        };
        let mut batch: Batch = reminded.replace(&user);
        let event = Event::DeletionReminded { user: &reminded };
        self.writer.emit(ctx, event, &mut batch);
        self.writer.apply_unless_stale(batch).await?;
        Ok(())
    }

    /// Deletes a user whose deletion is due. Does nothing if it was cancelled in the meantime: the batch has the user's
    /// version and the time of the deletion as conditions. If the user changes during the write, the next run repeats it.
    pub(crate) async fn delete_due_user(&self, ctx: &Ctx, id: UserId) -> Result<(), Error> {
        let user: Option<User> = self.store.get(id).await?;
        let is_due = |user: &User| user.deletion.is_some_and(|deletion| deletion.at <= ctx.now);
        if let Some(user) = user.filter(is_due) {
            self.user_removal
                .delete_user(ctx, &user, None, Batch::new())
                .await?;
        }
        Ok(())
    }
}
