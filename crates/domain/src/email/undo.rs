//! Undoes an address change, by the link that was mailed to the old address.
//!
//! Anyone who knows a user's password can change the account's address to one of their own. The old address is
//! notified, and its link works for days regardless of what an attacker does: it survives security events and
//! later address changes. Using it restores the old address, ends every session, voids the links of this and of
//! all later changes, replaces the password and mails a recovery link. A change by an admin has no such link.
//! Viewing the link changes nothing.

use crate::core::ATTEMPTS;
use crate::ctx::Ctx;
use crate::email::Email;
use crate::error::{Error, WriteError};
use crate::metric_event::SessionEnd;
use crate::model::{Credential, Event, Link, MailKind, Purpose, RequestedBy, User};
use crate::passwords::HashClient;
use crate::store::{Batch, Write};
use crate::values::{Password, Secret, Token};

/// Audit detail of a confirmation that completes a change by an admin.
const CHANGED_BY_ADMIN: &str = "address changed by an admin";

impl Email {
    /// Returns a valid undo link, for the page that shows what it restores. Fails with [`Error::LinkExpired`]
    /// otherwise.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn view_email_undo(&self, ctx: &Ctx, token: &Token) -> Result<Link, Error> {
        Ok(self.find_undo(ctx, token).await?.0)
    }

    /// Restores the old address and uses the link. Fails with [`Error::LinkExpired`], and changes nothing, if
    /// another user has confirmed that address since.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn undo_email_change(&self, ctx: &Ctx, token: &Token) -> Result<(), Error> {
        self.find_undo(ctx, token).await?;
        let locked = self.locked_password().await?;
        for _ in 0..ATTEMPTS {
            let (link, user) = self.find_undo(ctx, token).await?;
            let changes = self.undoing(ctx, &link, &user, locked.clone());
            match self.core.apply(changes).await {
                Ok(()) => {
                    let (epoch, reason) = (user.session_epoch + 1, SessionEnd::AccountChanged);
                    self.core
                        .end_sessions(ctx, user.id, epoch, reason, None)
                        .await;
                    return Ok(());
                }
                // The link was used or the user changed in between: read both again.
                Err(WriteError::Stale) => {}
                Err(WriteError::Taken(User::EMAIL_KEY)) => {
                    let (event, detail) =
                        (Event::EmailChangeUndone, "address in use by another user");
                    let audit = self.core.audit_failure(ctx, event, Some(user.id), detail);
                    self.core.apply(vec![audit]).await?;
                    return Err(Error::LinkExpired);
                }
                Err(other) => return Err(other.into()),
            }
        }
        Err(Error::Overloaded)
    }

    async fn find_undo(&self, ctx: &Ctx, token: &Token) -> Result<(Link, User), Error> {
        let found = self
            .core
            .find_living_link(ctx, token, Purpose::EmailUndo)
            .await?;
        let (link, user) = &found;
        let is_void = user.undo_link_is_void(link.requested_at);
        match link.used_at.is_none() && !is_void {
            true => Ok(found),
            false => Err(Error::LinkExpired),
        }
    }

    /// Returns the hash of a random password, which is not stored.
    async fn locked_password(&self) -> Result<Secret<String>, Error> {
        let random = Token::generate(&*self.core.ports.secrets).expose();
        let random = Password::parse(&random)
            .map_err(|_| Error::Internal("a random password cannot be one"))?;
        // The link was mailed to the owner, so a flood of unknown clients must not reject its user.
        self.core.hasher.hash(&HashClient::known(), &random).await
    }

    fn undoing(&self, ctx: &Ctx, link: &Link, user: &User, locked: Secret<String>) -> Batch {
        let changed = User {
            email: Some(link.email.clone()),
            pending_email: None,
            // An older link restores an earlier address, and stays valid.
            void_undo_links: user.void_undo_links(
                link.requested_at,
                ctx.now,
                self.core.policy.email_undo_lifetime,
            ),
            session_epoch: user.session_epoch + 1,
            version: user.version.next(),
            updated_at: ctx.now,
            ..user.clone()
        };
        let credential = Credential {
            user_id: user.id,
            password_hash: locked,
            updated_at: ctx.now,
        };
        let mut changes = changed.replace(user);
        changes.extend([
            link.mark_used(ctx.now),
            Write::put(&credential),
            self.core
                .audit_detail(ctx, Event::EmailChangeUndone, Some(user.id), &undone(link)),
            self.core
                .mail(ctx, MailKind::Recovery, None, &link.email, user.locale),
        ]);
        let current = user.mail_address();
        if let Some(current) = current.filter(|address| address.key() != link.email.key()) {
            let kind = MailKind::EmailChangeUndone;
            changes.push(
                self.core
                    .mail(ctx, kind, Some(user.id), current, user.locale),
            );
        }
        changes
    }

    /// Returns the audit event of a confirmation. If a user's change replaces an address, also queues a notice
    /// with an undo link to the old one.
    pub(super) fn confirmation_notices(&self, ctx: &Ctx, user: &User) -> Batch {
        let event = Event::EmailConfirmed;
        let line = || self.core.audit(ctx, event, Some(user.id));
        let Some(left) = user.mail_address() else {
            return vec![line()];
        };
        let requested_by = user
            .pending_email
            .as_ref()
            .map(|pending| pending.requested_by);
        if requested_by != Some(RequestedBy::Admin) {
            let (kind, id) = (MailKind::EmailChanged, Some(user.id));
            return vec![line(), self.core.mail(ctx, kind, id, left, user.locale)];
        }
        vec![
            self.core
                .audit_detail(ctx, event, Some(user.id), CHANGED_BY_ADMIN),
        ]
    }
}

/// Audit detail of an undone change: the time of its request.
fn undone(link: &Link) -> String {
    format!("change requested at {}", link.requested_at)
}
