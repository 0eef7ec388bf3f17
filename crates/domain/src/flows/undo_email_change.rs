//! Undoes an address change, by the link that was mailed to the old address.
//!
//! Anyone who knows a user's password can change the account's address to one of their own. The old address is
//! notified, and its link works for days regardless of what an attacker does: it survives security events and
//! later address changes. Using it restores the old address, ends every session, voids the links of this and of
//! all later changes, replaces the password and mails a recovery link. A change by an admin has no such link.
//! Viewing the link changes nothing.

use jiff::Timestamp;

use crate::accounts::{ATTEMPTS, Accounts};
use crate::changes::{ApplyError, Change, Changes, Unique};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::metric_event::SessionEnd;
use crate::model::{Credential, Event, Link, MailKind, Purpose, RequestedBy, Status, User};
use crate::passwords::HashClient;
use crate::values::{Password, Secret, Token, UserId};

/// Audit detail of a confirmation that completes a change by an admin.
const CHANGED_BY_ADMIN: &str = "address changed by an admin";

impl Accounts {
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
            match self.apply(changes).await {
                Ok(()) => {
                    let (epoch, reason) = (user.session_epoch + 1, SessionEnd::AccountChanged);
                    self.end_sessions(ctx, user.id, epoch, reason, None).await;
                    return Ok(());
                }
                // The link was used or the user changed in between: read both again.
                Err(ApplyError::Stale) => {}
                Err(ApplyError::Taken(Unique::Email)) => {
                    let (event, detail) =
                        (Event::EmailChangeUndone, "address in use by another user");
                    let audit = self.audit_failure(ctx, event, Some(user.id), detail);
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
        // Disabling an account revokes its undo links. A link that is stored later does not work either.
        match link.used_at.is_none() && user.status == Status::Active {
            true => Ok(found),
            false => Err(Error::LinkExpired),
        }
    }

    /// Returns the hash of a random password, which is not stored.
    async fn locked_password(&self) -> Result<Secret<String>, Error> {
        let random = Token::generate(&*self.ports.secrets).expose();
        let random = Password::parse(&random)
            .map_err(|_| Error::Internal("a random password cannot be one"))?;
        // The link was mailed to the owner, so a flood of unknown clients must not reject its user.
        self.hasher.hash(&HashClient::known(), &random).await
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
        // An older link restores an earlier address, and stays valid.
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
        let current = user.mail_address();
        if let Some(current) = current.filter(|address| address.key() != link.email.key()) {
            let kind = MailKind::EmailChangeUndone;
            changes.push(self.mail(ctx, kind, Some(user.id), current, user.locale));
        }
        changes
    }

    /// Returns the audit event of a confirmation. If a user's change replaces an address, also queues a notice
    /// with an undo link to the old one. A change by an admin voids all undo links instead.
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

/// Voids the undo links of changes that were requested at `since` or later. Queued mails are deleted first: a link
/// that is created at the same time is found either as a mail or as a link.
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

/// Audit detail of an undone change: the time of its request.
fn undone(link: &Link) -> String {
    format!("change requested at {}", link.requested_at)
}
