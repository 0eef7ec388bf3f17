//! Deletes an account at once. `deletion` is the deletion that can be cancelled for some days.

use crate::access::{Action, Begun};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::model::Version;
use crate::profile::Profile;
use crate::users::ensure_version;
use crate::values::UserId;
use crate::writer::MAX_WRITE_ATTEMPTS;

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
        for _ in 0..MAX_WRITE_ATTEMPTS {
            let begun = self
                .core
                .access
                .begin(ctx, Action::DeleteUser, named)
                .await?;
            let Begun { user, batch, .. } = begun;
            ensure_version(&user, expected)?;
            if self
                .core
                .user_removal
                .delete_user(ctx, &user, None, batch)
                .await?
            {
                return Ok(user.id);
            }
        }
        Err(Error::Overloaded)
    }
}
