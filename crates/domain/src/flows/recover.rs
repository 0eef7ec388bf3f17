//! Recover a lost password by a mailed link.
//!
//! Asking looks nobody up; the worker does. The link sets a password once, ends every session,
//! and signs nobody in. With the new password begins a new count of wrong ones: see
//! `counting`.

use crate::accounts::{ATTEMPTS, Accounts};
use crate::changes::{ApplyError, Change};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::happening::SessionEnd;
use crate::model::{Credential, Event, Link, MailKind, Purpose, Status, User};
use crate::passwords::Asker;
use crate::values::{EmailAddress, Secret, Token};

impl Accounts {
    /// Asks for a recovery mail. The answer is the same whoever's address it is.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn request_recovery(&self, ctx: &Ctx, email: &EmailAddress) -> Result<(), Error> {
        self.ensure_outbox_room()?;
        self.throttle_mailbox(ctx, MailKind::Recovery, email)
            .await?;
        let mail = self.mail(ctx, MailKind::Recovery, None, email, ctx.client.locale);
        // Who asked, and from where; whose account it is, the worker writes where it has one.
        let audit = self.audit_detail(ctx, Event::RecoveryRequested, None, &mail_detail(&mail));
        Ok(self.apply(vec![mail, audit]).await?)
    }

    /// Whether a recovery link can still be used, for the page that asks for the new password.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn view_recovery(&self, ctx: &Ctx, token: &Token) -> Result<User, Error> {
        let (link, user) = self.find_living_link(ctx, token, Purpose::Recovery).await?;
        if link.used_at.is_some() || !may_recover(&user, &link) {
            return Err(Error::LinkExpired);
        }
        Ok(user)
    }

    /// Sets a new password, once. A password that is refused leaves the link as it was.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn recover(
        &self,
        ctx: &Ctx,
        token: &Token,
        new_password: &Secret<String>,
    ) -> Result<(), Error> {
        let user = self.view_recovery(ctx, token).await?;
        let password = self.judge_password_field("new_password", new_password.expose(), &user)?;
        let asker = Asker::of(ctx);
        let password_hash = self.hasher.hash(&asker, password.as_password()).await?;
        for _ in 0..ATTEMPTS {
            let user = self.view_recovery(ctx, token).await?;
            let mut changes = vec![Change::UseLink {
                digest: token.digest(),
                at: ctx.now,
            }];
            changes.extend(self.password_changes(
                ctx,
                &user,
                password_hash.clone(),
                Event::Recovered,
            ));
            match self.apply(changes).await {
                Ok(()) => {
                    let (epoch, why) = (user.session_epoch + 1, SessionEnd::AccountChanged);
                    self.end_sessions(ctx, user.id, epoch, why, None).await;
                    return Ok(());
                }
                Err(ApplyError::Stale) => {}
                Err(other) => return Err(other.into()),
            }
        }
        Err(Error::Overloaded)
    }

    /// The changes that every new password makes: a higher epoch, which voids sessions and recovery links, a
    /// mail and an audit event. The caller ends the sessions once they are written.
    pub(crate) fn password_changes(
        &self,
        ctx: &Ctx,
        user: &User,
        password_hash: Secret<String>,
        event: Event,
    ) -> Vec<Change> {
        // Recovery is the owner's way back from a thief, who may have requested an address change.
        let keeps_pending = event == Event::PasswordChanged || user.email.is_none();
        let mut changes = vec![
            Change::UpdateUser {
                user: Box::new(User {
                    pending_email: user.pending_email.clone().filter(|_| keeps_pending),
                    session_epoch: user.session_epoch + 1,
                    version: user.version.next(),
                    updated_at: ctx.now,
                    ..user.clone()
                }),
                expected: user.version,
            },
            Change::PutCredential(Credential {
                user_id: user.id,
                password_hash,
                updated_at: ctx.now,
            }),
            self.audit(ctx, event, Some(user.id)),
        ];
        if let Some(email) = user.mail_address() {
            changes.push(self.mail(
                ctx,
                MailKind::PasswordChanged,
                Some(user.id),
                email,
                user.locale,
            ));
        }
        changes
    }
}

/// Joins the line of whoever asked with the line about whom it was sent to.
fn mail_detail(mail: &Change) -> String {
    match mail {
        Change::EnqueueMail(job) => job.audit_detail(),
        _ => String::new(),
    }
}

/// A link recovers the account of the address it was mailed to, as long as that is the account's address and no
/// security event came in between.
fn may_recover(user: &User, link: &Link) -> bool {
    user.status == Status::Active
        && user.session_epoch == link.epoch
        && user.email.as_ref().map(EmailAddress::key) == Some(link.email.key())
}
