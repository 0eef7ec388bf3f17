//! Delete an account with all that hangs on it, at once and for good (L-05).

use crate::access::Action;
use crate::accounts::{ATTEMPTS, Accounts};
use crate::changes::{ApplyError, Change, Changes};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::flows::update_profile::ensure_version;
use crate::happening::{Happening, SessionEnd};
use crate::model::{Event, Role, User, Version};
use crate::values::UserId;

impl Accounts {
    /// Deletes the user, the credential, the links, the mails and the sessions. The last active
    /// admin stays. Tells who it was. The password must have been shown lately.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn delete_account(
        &self,
        ctx: &Ctx,
        named: &str,
        expected: Option<Version>,
    ) -> Result<UserId, Error> {
        self.ensure_password_shown(ctx, Action::DeleteUser, named)
            .await?;
        for _ in 0..ATTEMPTS {
            let user = self.resolve(ctx, Action::DeleteUser, named).await?;
            ensure_version(&user, expected)?;
            // Holds the user at the version that was looked at: one who is made the last admin in
            // between must not slip through.
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
                changes.push(Change::KeepAnAdmin);
            }
            changes.extend(user.email.clone().map(Change::ForgetMails));
            changes.push(self.audit(ctx, Event::UserDeleted, Some(user.id)));
            let open = self.count_sessions(ctx, &user).await;
            match self.apply(changes).await {
                Ok(()) => {
                    let why = SessionEnd::AccountChanged;
                    let told = self.end_sessions(ctx, user.id, i64::MAX, why, None).await;
                    // Those that lie in the database have gone with their user.
                    let untold = open.saturating_sub(told);
                    if untold > 0 {
                        self.note(Happening::SessionsEnded(why, untold));
                    }
                    return Ok(user.id);
                }
                Err(ApplyError::Stale) => {}
                Err(other) => return Err(other.into()),
            }
        }
        Err(Error::Overloaded)
    }

    /// How many sessions a user has open. It is for the figures alone: where the store is away, none.
    async fn count_sessions(&self, ctx: &Ctx, user: &User) -> usize {
        let listed = self.ports.sessions.list_sessions(user.id, ctx.now).await;
        let listed = listed.unwrap_or_default().into_iter();
        listed
            .filter(|session| session.epoch >= user.session_epoch)
            .count()
    }
}
