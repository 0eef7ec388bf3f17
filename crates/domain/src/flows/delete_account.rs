//! Deletes an account and its data, immediately and irreversibly (L-05).

use crate::access::Action;
use crate::accounts::{ATTEMPTS, Accounts};
use crate::changes::{ApplyError, Change, Changes};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::flows::update_profile::ensure_version;
use crate::metric_event::{MetricEvent, SessionEnd};
use crate::model::{Event, MailJob, Role, User, Version};
use crate::store::{Row, Write};
use crate::values::UserId;

impl Accounts {
    /// Deletes the user, the credential, the links, the mails and the sessions. Returns the user's id. Fails for
    /// the last active admin, and if the actor has not entered the password recently.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn delete_account(
        &self,
        ctx: &Ctx,
        named: &str,
        expected: Option<Version>,
    ) -> Result<UserId, Error> {
        self.ensure_reauthenticated(ctx, Action::DeleteUser, named)
            .await?;
        for _ in 0..ATTEMPTS {
            let user = self.resolve(ctx, Action::DeleteUser, named).await?;
            ensure_version(&user, expected)?;
            // Fails if the user changed since it was read: it may have become the last admin.
            let hold = Change::UpdateUser {
                expected: user.version,
                user: Box::new(User {
                    version: user.version.next(),
                    ..user.clone()
                }),
            };
            let mut changes: Changes = self
                .check_actor(ctx, Action::DeleteUser, user.id)
                .into_iter()
                .collect();
            changes.extend([hold, Change::DeleteUser(user.id)]);
            if user.role == Role::Admin {
                changes.push(Change::CheckAdminRemains);
            }
            changes.push(self.audit(ctx, Event::UserDeleted, Some(user.id)));
            let open = self.count_sessions(ctx, &user).await;
            changes.extend(self.delete_mails_to(&user).await?);
            match self.apply(changes).await {
                Ok(()) => {
                    let reason = SessionEnd::AccountChanged;
                    let ended = self
                        .end_sessions(ctx, user.id, i64::MAX, reason, None)
                        .await;
                    // Sessions in the database were deleted with their user, so `end_sessions` did not count them.
                    let uncounted = open.saturating_sub(ended);
                    if uncounted > 0 {
                        self.record(MetricEvent::SessionsEnded(reason, uncounted));
                    }
                    return Ok(user.id);
                }
                Err(ApplyError::Stale) => {}
                Err(other) => return Err(other.into()),
            }
        }
        Err(Error::Overloaded)
    }

    /// Deletes the mails to the user's address that have no user: they were requested by address (L-05).
    async fn delete_mails_to(&self, user: &User) -> Result<Changes, Error> {
        let Some(email) = &user.email else {
            return Ok(Vec::new());
        };
        // Also those of a kind that only a newer release can read.
        let mails = MailJob::of_address(email.key());
        let mails = self.ports.store.list_rows(mails).await?;
        let delete = |mail: &Row| Write::delete::<MailJob>(mail.key().clone()).into();
        Ok(mails.iter().map(delete).collect())
    }

    /// Number of the user's open sessions, for metrics only. 0 if the session store is unavailable.
    async fn count_sessions(&self, ctx: &Ctx, user: &User) -> usize {
        let listed = self.ports.sessions.list_sessions(user.id, ctx.now).await;
        let listed = listed.unwrap_or_default().into_iter();
        listed
            .filter(|session| session.epoch >= user.session_epoch)
            .count()
    }
}
