//! Deletes an account and its data, immediately and irreversibly (L-05).

use crate::access::Action;
use crate::core::MAX_WRITE_ATTEMPTS;
use crate::core::users::ensure_version;
use crate::ctx::Ctx;
use crate::error::{Error, chain};
use crate::events::Event;
use crate::metric_event::SessionEnd;
use crate::model::{Job, MailJob, User, Version};
use crate::profile::Profile;
use crate::store::{Row, Write};
use crate::values::UserId;

/// Number of mails that one batch deletes. It fits into every store's batch together with the user.
const MAILS_AT_ONCE: usize = 60;

impl Profile {
    /// Deletes the user, the credential, the links, the mails and the sessions. Returns the user's id. Fails for
    /// the last active admin, and if the actor has not entered the password recently.
    #[tracing::instrument(name = "delete_account", level = "trace", skip_all)]
    pub async fn delete(
        &self,
        ctx: &Ctx,
        named: &str,
        expected: Option<Version>,
    ) -> Result<UserId, Error> {
        self.core
            .ensure_reauthenticated(ctx, Action::DeleteUser, named)
            .await?;
        for _ in 0..MAX_WRITE_ATTEMPTS {
            let user = self.core.resolve(ctx, Action::DeleteUser, named).await?;
            ensure_version(&user, expected)?;
            let mut batch = self.core.actor_check(ctx, Action::DeleteUser, user.id);
            batch.extend(user.delete(ctx.now));
            batch.extend(self.core.roster_change(Some(&user), None).await?);
            let deleted = Event::UserDeleted { user_id: user.id };
            self.core.emit(ctx, deleted, &mut batch);
            let mails = self.mails_to(&user).await?;
            let (with_user, later) = mails.split_at(mails.len().min(MAILS_AT_ONCE));
            batch.extend(deletes(with_user));
            if self.core.apply_unless_stale(batch).await? {
                let reason = SessionEnd::AccountChanged;
                self.core
                    .end_sessions(ctx, user.id, i64::MAX, reason, None)
                    .await;
                self.core.purge(user.id).await;
                self.delete_mails(later).await;
                return Ok(user.id);
            }
        }
        Err(Error::Overloaded)
    }

    /// The mails to the user's address that have no user: they were requested by address (L-05). Also those of a
    /// kind that only a newer release can read.
    async fn mails_to(&self, user: &User) -> Result<Vec<Row>, Error> {
        let Some(email) = &user.email else {
            return Ok(Vec::new());
        };
        let mails = Job::found_by(email.key());
        Ok(self.core.ports.store.list_rows(mails).await?)
    }

    /// Deletes mails to the address of a user who is deleted already. A failure is logged only, because the deletion
    /// has succeeded; the mails are deleted when they are sent or expire.
    async fn delete_mails(&self, mails: &[Row]) {
        for batch in mails.chunks(MAILS_AT_ONCE) {
            if let Err(error) = self.core.ports.store.apply(deletes(batch).collect()).await {
                tracing::warn!(error = %chain(&error), "failed to delete mails to the address of a deleted user");
            }
        }
    }
}

fn deletes(mails: &[Row]) -> impl Iterator<Item = Write> {
    let key = |mail: &Row| mail.key().clone();
    mails.iter().map(key).map(Write::delete::<MailJob>)
}
