//! Recovers an account by a mailed link.
//!
//! The request does not look up the address; the worker does. The link sets a password once, ends every session,
//! and does not sign in. A new password starts a new count of wrong passwords: see
//! `limits::password_attempts`.

use std::sync::Arc;

use crate::core::{ATTEMPTS, Core};
use crate::ctx::Ctx;
use crate::error::{Error, WriteError};
use crate::metric_event::SessionEnd;
use crate::model::{Event, Link, MailKind, Purpose, Status, User};
use crate::passwords::HashClient;
use crate::store::Write;
use crate::values::{EmailAddress, Secret, Token};

/// Sets a new password by a mailed link.
pub struct Recovery {
    pub(crate) core: Arc<Core>,
}

impl Recovery {
    /// Requests a recovery mail. The result does not depend on whether the address has an account.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn request_recovery(&self, ctx: &Ctx, email: &EmailAddress) -> Result<(), Error> {
        self.core.ensure_outbox_room()?;
        self.core
            .throttle_mailbox(ctx, MailKind::Recovery, email)
            .await?;
        let mail = self
            .core
            .mail_job(ctx, MailKind::Recovery, None, email, ctx.client.locale);
        // Records the client, with the id of the mail. The worker writes another event with the account when it has
        // sent the mail.
        let detail = mail.audit_detail();
        let audit = self
            .core
            .audit_detail(ctx, Event::RecoveryRequested, None, &detail);
        Ok(self.core.apply(vec![Write::insert(&mail), audit]).await?)
    }

    /// Returns the user of a valid recovery link, for the page that asks for the new password. Fails with
    /// [`Error::LinkExpired`] otherwise.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn view_recovery(&self, ctx: &Ctx, token: &Token) -> Result<User, Error> {
        Ok(self.find_recovery(ctx, token).await?.1)
    }

    async fn find_recovery(&self, ctx: &Ctx, token: &Token) -> Result<(Link, User), Error> {
        let (link, user) = self
            .core
            .find_living_link(ctx, token, Purpose::Recovery)
            .await?;
        if link.used_at.is_some() || !may_recover(&user, &link) {
            return Err(Error::LinkExpired);
        }
        Ok((link, user))
    }

    /// Sets a new password and uses the link. If the password is rejected, the link stays valid.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn recover(
        &self,
        ctx: &Ctx,
        token: &Token,
        new_password: &Secret<String>,
    ) -> Result<(), Error> {
        let (_, user) = self.find_recovery(ctx, token).await?;
        let password =
            self.core
                .check_password_field("new_password", new_password.expose(), &user)?;
        // The link was mailed to the owner, so a flood of unknown clients must not reject its user.
        let hash_client = HashClient::known();
        let password_hash = self
            .core
            .hasher
            .hash(&hash_client, password.as_password())
            .await?;
        for _ in 0..ATTEMPTS {
            let (link, user) = self.find_recovery(ctx, token).await?;
            let mut changes = vec![link.mark_used(ctx.now)];
            changes.extend(self.core.password_changes(
                ctx,
                &user,
                password_hash.clone(),
                Event::Recovered,
            ));
            match self.core.apply(changes).await {
                Ok(()) => {
                    let (epoch, reason) = (user.session_epoch + 1, SessionEnd::AccountChanged);
                    self.core
                        .end_sessions(ctx, user.id, epoch, reason, None)
                        .await;
                    return Ok(());
                }
                Err(WriteError::Stale) => {}
                Err(other) => return Err(other.into()),
            }
        }
        Err(Error::Overloaded)
    }
}

/// Returns `true` if the link may set a password: the account is active, the link was mailed to its current
/// address, and there was no security event since.
fn may_recover(user: &User, link: &Link) -> bool {
    user.status == Status::Active
        && user.session_epoch == link.epoch
        && user.email.as_ref().map(EmailAddress::key) == Some(link.email.key())
}
