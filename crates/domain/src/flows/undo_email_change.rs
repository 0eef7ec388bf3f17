//! Undoes an address change, by the link that was mailed to the old address.
//!
//! Anyone who knows a user's password can move the account to an address of their own. The old address is notified,
//! and its link works for days, whatever a thief does with the account: it survives security events and later
//! address changes. Using it restores the old address, ends every session, voids the links of this and of all later
//! changes, replaces the password and mails a recovery link. A change by an admin has no such link. Viewing the link
//! changes nothing.

use jiff::Timestamp;

use crate::accounts::{ATTEMPTS, Accounts};
use crate::changes::{ApplyError, Change, Changes, Unique};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::happening::SessionEnd;
use crate::model::{Credential, Event, Link, MailKind, Purpose, RequestedBy, Status, User};
use crate::passwords::Asker;
use crate::values::{Password, Secret, Token, UserId};

/// What it says of a confirmation by which an admin's change took over.
const CHANGED_BY_ADMIN: &str = "address changed by an admin";

impl Accounts {
    /// Whose account a living link takes back, and to which address.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn view_email_undo(&self, ctx: &Ctx, token: &Token) -> Result<Link, Error> {
        Ok(self.find_undo(ctx, token).await?.0)
    }

    /// Gives the old address back, once. Where somebody else has confirmed that address since, there
    /// is nothing to give: the link opens nothing, and nothing is changed.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn undo_email_change(&self, ctx: &Ctx, token: &Token) -> Result<(), Error> {
        self.find_undo(ctx, token).await?;
        let locked = self.locked_password(ctx).await?;
        for _ in 0..ATTEMPTS {
            let (link, user) = self.find_undo(ctx, token).await?;
            let changes = self.undoing(ctx, &link, &user, locked.clone());
            match self.apply(changes).await {
                Ok(()) => {
                    let (epoch, why) = (user.session_epoch + 1, SessionEnd::AccountChanged);
                    self.end_sessions(ctx, user.id, epoch, why, None).await;
                    return Ok(());
                }
                // Used, or the user changed, in between: look again.
                Err(ApplyError::Stale) => {}
                Err(ApplyError::Taken(Unique::Email)) => {
                    let (event, why) = (Event::EmailChangeUndone, "address in use by another user");
                    let audit = self.audit_failure(ctx, event, Some(user.id), why);
                    self.apply(vec![audit]).await?;
                    return Err(Error::LinkExpired);
                }
                Err(other) => return Err(other.into()),
            }
        }
        Err(Error::Overloaded)
    }

    async fn find_undo(&self, ctx: &Ctx, token: &Token) -> Result<(Link, User), Error> {
        let found = self
            .find_living_link(ctx, token, Purpose::EmailUndo)
            .await?;
        let (link, user) = &found;
        // A switched-off account stays as it is: its links were revoked, and a late one opens nothing.
        match link.used_at.is_none() && user.status == Status::Active {
            true => Ok(found),
            false => Err(Error::LinkExpired),
        }
    }

    /// The hash of a password that nobody knows.
    async fn locked_password(&self, ctx: &Ctx) -> Result<Secret<String>, Error> {
        let nobodys = Token::generate(&*self.ports.secrets).expose();
        let nobodys = Password::parse(&nobodys)
            .map_err(|_| Error::Internal("a random password cannot be one"))?;
        self.hasher.hash(&Asker::of(ctx), &nobodys).await
    }

    fn undoing(&self, ctx: &Ctx, link: &Link, user: &User, locked: Secret<String>) -> Changes {
        let mut changes = vec![
            Change::UpdateUser {
                user: Box::new(User {
                    email: Some(link.email.clone()),
                    pending_email: None,
                    session_epoch: user.session_epoch + 1,
                    version: user.version.next(),
                    updated_at: ctx.now,
                    ..user.clone()
                }),
                expected: user.version,
            },
            Change::UseLink {
                digest: link.digest,
                at: ctx.now,
            },
        ];
        // An older link belongs to an earlier owner of the account, and stays valid.
        changes.extend(revoke_undo(user.id, link.requested_at));
        changes.extend([
            Change::PutCredential(Credential {
                user_id: user.id,
                password_hash: locked,
                updated_at: ctx.now,
            }),
            self.audit_detail(ctx, Event::EmailChangeUndone, Some(user.id), &undone(link)),
            self.mail(ctx, MailKind::Recovery, None, &link.email, user.locale),
        ]);
        let left = user.mail_address();
        if let Some(left) = left.filter(|left| left.key() != link.email.key()) {
            let kind = MailKind::EmailChangeUndone;
            changes.push(self.mail(ctx, kind, Some(user.id), left, user.locale));
        }
        changes
    }

    /// The audit event of a confirmation, and, if it replaces an address, what becomes of the old one: its owner is
    /// notified and can undo the change from now on, unless an admin requested it, which voids undo links
    ///
    pub(crate) fn confirmation_notices(&self, ctx: &Ctx, user: &User) -> Changes {
        let event = Event::EmailConfirmed;
        let line = || self.audit(ctx, event, Some(user.id));
        let Some(left) = user.mail_address() else {
            return vec![line()];
        };
        let requested_by = user
            .pending_email
            .as_ref()
            .map(|pending| pending.requested_by);
        if requested_by != Some(RequestedBy::Admin) {
            let (kind, id) = (MailKind::EmailChanged, Some(user.id));
            return vec![line(), self.mail(ctx, kind, id, left, user.locale)];
        }
        let mut changes = revoke_undo(user.id, Timestamp::MIN);
        changes.push(self.audit_detail(ctx, event, Some(user.id), CHANGED_BY_ADMIN));
        changes
    }
}

/// Voids the undo links of changes that were requested at `since` or later. The queued mails come first: a link that
/// is being made at this moment is then found as a link if it is not found as a mail.
pub(crate) fn revoke_undo(user_id: UserId, since: Timestamp) -> Changes {
    let kinds = [MailKind::EmailChangeUndo, MailKind::EmailChanged];
    let forget = kinds.map(|kind| Change::ForgetUserMails {
        user_id,
        kind,
        since,
    });
    let revoke = Change::RevokeLinks {
        user_id,
        purpose: Purpose::EmailUndo,
        since,
    };
    forget.into_iter().chain([revoke]).collect()
}

/// What the audit log says of a change that was taken back: when it was asked for.
fn undone(link: &Link) -> String {
    format!("change requested at {}", link.requested_at)
}
