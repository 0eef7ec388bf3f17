//! Deletes an account at once. `deletion` is the deletion that can be cancelled for some days.

use crate::access::Action;
use crate::core::MAX_WRITE_ATTEMPTS;
use crate::core::users::ensure_version;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::model::Version;
use crate::profile::Profile;
use crate::values::UserId;

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
            let checks = self.core.actor_check(ctx, Action::DeleteUser, user.id);
            if self.core.delete_user(ctx, &user, None, checks).await? {
                return Ok(user.id);
            }
        }
        Err(Error::Overloaded)
    }
}
