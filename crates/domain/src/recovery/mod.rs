//! Recovers an account by a mailed link.
//!
//! The request does not look up the address; the worker does. The link sets a password once, ends every session,
//! and does not sign in. A new password starts a new count of wrong passwords: see
//! `passwords::attempts`. For an account with a second factor, it grants a few codes: see `factors::recovery_grant`.

use std::sync::Arc;

use crate::clock::RandomSource;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::{Event, NewPasswordReason};
use crate::factors::recovery_grant::{RecoveryGrant, RecoveryGrants};
use crate::limits::MailboxLimits;
use crate::links::find_unexpired_link;
use crate::metric_event::SessionEnd;
use crate::model::{Link, Purpose, Status, User};
use crate::outbox::QueuedMails;
use crate::passwords::hashing::{HashClient, Hasher};
use crate::passwords::password_writes;
use crate::policy::Policy;
use crate::sessions::SessionEnder;
use crate::store::ReadStore;
use crate::values::{EmailAddress, JobId, Secret, Token, UserId};
use crate::writer::{MAX_WRITE_ATTEMPTS, Writer};

/// Sets a new password by a mailed link.
pub struct Recovery {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) random: Arc<dyn RandomSource>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) hasher: Arc<Hasher>,
    pub(crate) session_ender: Arc<SessionEnder>,
    pub(crate) mailbox_limits: Arc<MailboxLimits>,
    pub(crate) recovery_grants: Arc<RecoveryGrants>,
    pub(crate) queued_mails: Arc<QueuedMails>,
    pub(crate) writer: Arc<Writer>,
}

impl Recovery {
    /// Requests a recovery mail. The result does not depend on whether the address has an account. `user_id`: the user
    /// whose account an admin views, for the audit event.
    #[tracing::instrument(name = "request_recovery", level = "trace", skip_all)]
    pub async fn request(
        &self,
        ctx: &Ctx,
        email: &EmailAddress,
        user_id: Option<UserId>,
    ) -> Result<(), Error> {
        self.queued_mails.ensure_not_full()?;
        self.mailbox_limits
            .throttle(ctx, Purpose::Recovery, email)
            .await?;
        // The worker emits another event, with the account, when it has sent the mail.
        let mail = JobId::generate(ctx.now, &*self.random);
        let requested = Event::RecoveryRequested {
            email,
            mail,
            user_id,
        };
        Ok(self.writer.emit_now(ctx, requested).await?)
    }

    /// Returns the user of a valid recovery link, for the page that asks for the new password. Fails with
    /// [`Error::LinkExpired`] otherwise.
    #[tracing::instrument(name = "view_recovery", level = "trace", skip_all)]
    pub async fn view(&self, ctx: &Ctx, token: &Token) -> Result<User, Error> {
        Ok(self.find_recovery(ctx, token).await?.1)
    }

    async fn find_recovery(&self, ctx: &Ctx, token: &Token) -> Result<(Link, User), Error> {
        let (link, user) = find_unexpired_link(&*self.store, ctx, token, Purpose::Recovery).await?;
        if link.used_at.is_some() || !may_recover(&user, &link) {
            return Err(Error::LinkExpired);
        }
        Ok((link, user))
    }

    /// Sets a new password and uses the link. If the password is rejected, the link stays valid.
    #[tracing::instrument(name = "recover", level = "trace", skip_all)]
    pub async fn finish(
        &self,
        ctx: &Ctx,
        token: &Token,
        new_password: &Secret<String>,
    ) -> Result<(), Error> {
        let (link, user) = self.find_recovery(ctx, token).await?;
        let password = self.policy.check_new_password(
            "new_password",
            new_password.expose(),
            &user.personal_words(),
        )?;
        // The link was mailed to the owner, so a flood of unknown clients must not reject its user.
        let hash_client = HashClient::known_device();
        let password_hash = self
            .hasher
            .hash(&hash_client, password.as_password())
            .await?;
        let grant = self.recovery_grants.grant_codes(ctx, &user, &link).await?;
        let written = self.write_password(ctx, token, password_hash, grant.as_ref());
        let written = written.await;
        let may_be_written = matches!(written, Ok(()) | Err(Error::OutcomeUnknown(_)));
        if let Some(grant) = grant.filter(|_| !may_be_written) {
            self.recovery_grants.release(ctx, &grant).await;
        }
        written
    }

    /// Writes the new password, and ends every session.
    async fn write_password(
        &self,
        ctx: &Ctx,
        token: &Token,
        password_hash: Secret<String>,
        grant: Option<&RecoveryGrant>,
    ) -> Result<(), Error> {
        for _ in 0..MAX_WRITE_ATTEMPTS {
            let (link, user) = self.find_recovery(ctx, token).await?;
            let mut batch = vec![link.mark_used(ctx.now)];
            batch.extend(password_writes(
                &self.writer,
                ctx,
                &user,
                password_hash.clone(),
                NewPasswordReason::Recovered,
            ));
            batch.push(RecoveryGrant::write(user.id, grant));
            if self.writer.apply_unless_stale(batch).await? {
                let (epoch, reason) = (user.security_epoch + 1, SessionEnd::AccountChanged);
                self.session_ender
                    .end_sessions(ctx, user.id, epoch, reason, None)
                    .await;
                return Ok(());
            }
        }
        Err(Error::Overloaded)
    }
}

/// Returns `true` if the link may set a password: the account is active, the link was mailed to its current
/// address, and there was no security event since.
fn may_recover(user: &User, link: &Link) -> bool {
    user.status == Status::Active
        && user.security_epoch == link.epoch
        && link.was_mailed_to(user.email.as_ref())
}
