//! Change the password: always by showing the current one (P-12), with a session or without.

use crate::accounts::{ATTEMPTS, Accounts};
use crate::changes::ApplyError;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::flows::sign_in::{Identifier, Named};
use crate::happening::SessionEnd;
use crate::model::{Event, User};
use crate::passwords::Asker;
use crate::values::{Password, Secret};

impl Accounts {
    /// Changes the password of the signed-in user, or of the one `identifier` names where nobody
    /// is signed in. Every other session ends.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn change_password(
        &self,
        ctx: &Ctx,
        identifier: Option<&Identifier>,
        current: &Password,
        new: &Secret<String>,
    ) -> Result<(), Error> {
        let (identifier, named) = match (ctx.actor.user_id(), identifier) {
            (Some(id), _) => {
                let user = self
                    .ports
                    .store
                    .find_user(id)
                    .await?
                    .ok_or(Error::InvalidToken)?;
                (own_identifier(&user)?, Named::surely(user))
            }
            (None, Some(identifier)) => (identifier.clone(), self.find_account(identifier).await?),
            (None, None) => return Err(Error::AuthenticationRequired),
        };
        let user = self
            .verify_password(ctx, &identifier, named, current, Event::PasswordChanged)
            .await?;
        self.ensure_open(ctx, &user, Event::PasswordChanged).await?;
        let password = self.judge_password_field("new_password", new.expose(), &user)?;
        let asker = Asker::of(ctx);
        let hash = self.hasher.hash(&asker, password.as_password()).await?;
        self.write_password(ctx, user, hash, Event::PasswordChanged)
            .await
    }

    /// Writes a new password hash, and ends every session but the one acted in.
    pub(crate) async fn write_password(
        &self,
        ctx: &Ctx,
        mut user: User,
        hash: Secret<String>,
        event: Event,
    ) -> Result<(), Error> {
        let epoch = user.session_epoch;
        for _ in 0..ATTEMPTS {
            match self
                .apply(self.password_changes(ctx, &user, hash.clone(), event))
                .await
            {
                Ok(()) => {
                    let keep = ctx.actor.session_id();
                    let (epoch, why) = (user.session_epoch + 1, SessionEnd::AccountChanged);
                    self.end_sessions(ctx, user.id, epoch, why, keep).await;
                    return Ok(());
                }
                Err(ApplyError::Stale) => {
                    user = self
                        .ports
                        .store
                        .find_user(user.id)
                        .await?
                        .ok_or(Error::InvalidToken)?;
                    if user.session_epoch != epoch {
                        // The password was changed elsewhere since it was shown here, and is no
                        // longer the right one.
                        return Err(Error::InvalidCredentials);
                    }
                }
                Err(other) => return Err(other.into()),
            }
        }
        Err(Error::Overloaded)
    }
}

/// How a signed-in user is named to the one place that verifies passwords.
pub(crate) fn own_identifier(user: &User) -> Result<Identifier, Error> {
    let by_username = user.username.clone().map(Identifier::Username);
    let by_email = user.email.clone().map(Identifier::Email);
    by_username.or(by_email).ok_or(Error::Internal(
        "an active user has neither user name nor e-mail",
    ))
}
