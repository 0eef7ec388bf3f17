//! Removes pending addresses, and the rows of deleted users.

use std::sync::Arc;

use crate::ctx::Ctx;
use crate::error::{Error, WriteError, chain};
use crate::events::Event;
use crate::model::{TABLES, User};
use crate::store::{Batch, Records, Store};
use crate::values::{EmailAddress, UserId};
use crate::writer::Writer;

/// Maximum number of other users whose pending address a confirmation clears. Any others can no longer confirm it,
/// and expire.
const MAX_SUPERSEDED: usize = 20;

/// Removes pending addresses, and what is left of deleted users.
pub(crate) struct UserRemoval {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) writer: Arc<Writer>,
}

impl UserRemoval {
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
        match self.writer.apply(batch).await {
            Ok(()) if !user.has_identifier() => {
                self.purge(user.id).await;
                Ok(())
            }
            Ok(()) | Err(WriteError::Stale) => Ok(()),
            Err(other) => Err(other.into()),
        }
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
