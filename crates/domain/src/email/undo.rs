//! Undoes an address change, by the link that was mailed to the old address.
//!
//! Anyone who knows a user's password can change the account's address to one of their own. The old address is
//! notified, and its link works for days regardless of what an attacker does: it survives security events and
//! later address changes. Using it restores the old address, ends every session, voids the links of this and of
//! all later changes, replaces the password and mails a recovery link. A change by an admin has no such link.
//! Viewing the link changes nothing.

use crate::core::MAX_WRITE_ATTEMPTS;
use crate::ctx::Ctx;
use crate::email::Email;
use crate::error::{Error, WriteError};
use crate::events::Event;
use crate::hashing::HashClient;
use crate::metric_event::SessionEnd;
use crate::model::{AuditKind, Credential, Link, Purpose, User};
use crate::store::{Batch, Write};
use crate::values::{Password, Secret, Token};

impl Email {
    /// Returns a valid undo link, for the page that shows what it restores. Fails with [`Error::LinkExpired`]
    /// otherwise.
    #[tracing::instrument(name = "view_email_undo", level = "trace", skip_all)]
    pub async fn view_undo(&self, ctx: &Ctx, token: &Token) -> Result<Link, Error> {
        Ok(self.find_undo_link(ctx, token).await?.0)
    }

    /// Restores the old address and uses the link. Fails with [`Error::LinkExpired`], and changes nothing, if
    /// another user has confirmed that address since.
    #[tracing::instrument(name = "undo_email_change", level = "trace", skip_all)]
    pub async fn undo_change(&self, ctx: &Ctx, token: &Token) -> Result<(), Error> {
        self.find_undo_link(ctx, token).await?;
        let locked = self.locked_password().await?;
        for _ in 0..MAX_WRITE_ATTEMPTS {
            let (link, user) = self.find_undo_link(ctx, token).await?;
            let batch = self.undo_writes(ctx, &link, &user, locked.clone());
            match self.core.apply(batch).await {
                Ok(()) => {
                    let (epoch, reason) = (user.security_epoch + 1, SessionEnd::AccountChanged);
                    self.core
                        .end_sessions(ctx, user.id, epoch, reason, None)
                        .await;
                    return Ok(());
                }
                // The link was used or the user changed in between: read both again.
                Err(WriteError::Stale) => {}
                Err(WriteError::Taken(User::EMAIL_KEY)) => {
                    let refused = Event::Refused {
                        kind: AuditKind::EmailChangeUndone,
                        user_id: Some(user.id),
                        reason: "address in use by another user",
                    };
                    self.core.emit_now(ctx, refused).await?;
                    return Err(Error::LinkExpired);
                }
                Err(other) => return Err(other.into()),
            }
        }
        Err(Error::Overloaded)
    }

    async fn find_undo_link(&self, ctx: &Ctx, token: &Token) -> Result<(Link, User), Error> {
        let found = self
            .core
            .find_unexpired_link(ctx, token, Purpose::EmailUndo)
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
        let random = Token::generate(&*self.core.ports.random).expose();
        let random = Password::parse(&random)
            .map_err(|_| Error::Internal("a random password cannot be one"))?;
        // The link was mailed to the owner, so a flood of unknown clients must not reject its user.
        self.core
            .hasher
            .hash(&HashClient::known_device(), &random)
            .await
    }

    fn undo_writes(&self, ctx: &Ctx, link: &Link, user: &User, locked: Secret<String>) -> Batch {
        let changed = User {
            email: Some(link.email.clone()),
            pending_email: None,
            // An older link restores an earlier address, and stays valid.
            void_undo_links: user.voiding_undo_links(
                link.requested_at,
                ctx.now,
                self.core.policy.email_undo_lifetime,
            ),
            security_epoch: user.security_epoch + 1,
            ..user.next_version(ctx.now)
        };
        let credential = Credential::password(user.id, locked, ctx.now);
        let mut batch = changed.replace(user);
        batch.extend([link.mark_used(ctx.now), Write::put(&credential)]);
        let undone = Event::EmailChangeUndone { before: user, link };
        self.core.emit(ctx, undone, &mut batch);
        batch
    }
}
