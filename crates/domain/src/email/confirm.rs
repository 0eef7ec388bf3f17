//! Confirms an address: that of a new user, or the new one of an address change.
//!
//! A link confirms the address it was mailed to as long as that is the user's pending address. Viewing a link
//! changes nothing. The POST uses the link. Repeating it returns the same user as long as the link is
//! valid.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::access::roster;
use crate::ctx::Ctx;
use crate::error::{Error, WriteError};
use crate::events::Event;
use crate::limits::MailboxLimits;
use crate::links::find_unexpired_link;
use crate::metric_event::SessionEnd;
use crate::model::{AuditKind, Link, Purpose, RequestedBy, Status, User};
use crate::outbox::QueuedMails;
use crate::passwords::account::AccountLookup;
use crate::passwords::attempts::PasswordAttempts;
use crate::passwords::verifier::PasswordVerifier;
use crate::policy::Policy;
use crate::sessions::SessionEnder;
use crate::sign_up::{CompletedSignUp, SignUpCookies};
use crate::store::{Batch, ReadStore};
use crate::users::removal::{UserRemoval, without_pending_email};
use crate::values::{Data, EmailAddress, Identifier, Invalid, Password, Token, UserId};
use crate::writer::{MAX_WRITE_ATTEMPTS, Writer};

/// A confirmed address.
#[derive(Debug)]
pub enum Confirmed {
    /// The address belongs to this user.
    Address(User),
    /// The address has replaced another one of this user, which ends every session.
    Changed(User),
    /// The address belongs to the user who has signed up in this browser, and who can be signed in.
    SignUp(CompletedSignUp),
}

impl Confirmed {
    /// The user.
    pub fn into_user(self) -> User {
        match self {
            Self::Address(user)
            | Self::Changed(user)
            | Self::SignUp(CompletedSignUp { user, .. }) => user,
        }
    }
}

/// Confirms addresses.
pub struct Confirmation {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) session_ender: Arc<SessionEnder>,
    pub(crate) user_removal: Arc<UserRemoval>,
    pub(crate) mailbox_limits: Arc<MailboxLimits>,
    pub(crate) password_verifier: Arc<PasswordVerifier>,
    pub(crate) password_attempts: Arc<PasswordAttempts>,
    pub(crate) sign_up_cookies: Arc<SignUpCookies>,
    pub(crate) queued_mails: Arc<QueuedMails>,
    pub(crate) writer: Arc<Writer>,
}

impl Confirmation {
    /// Requests the confirmation mail again. The worker looks the address up, not this method, so that the
    /// response does not reveal whether it is known. `user_id`: the user whose account an admin views, for the audit event.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn request_confirmation(
        &self,
        ctx: &Ctx,
        email: &EmailAddress,
        user_id: Option<UserId>,
    ) -> Result<(), Error> {
        self.queued_mails.ensure_not_full()?;
        self.mailbox_limits
            .throttle(ctx, Purpose::Confirmation, email)
            .await?;
        let requested = Event::ConfirmationRequested { email, user_id };
        Ok(self.writer.emit_now(ctx, requested).await?)
    }

    /// Returns the user of a valid confirmation link, for the confirmation page. Fails with [`Error::LinkExpired`]
    /// otherwise.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn view_confirmation(&self, ctx: &Ctx, token: &Token) -> Result<User, Error> {
        let (link, user) =
            find_unexpired_link(&*self.store, ctx, token, Purpose::Confirmation).await?;
        if is_confirmed(&user, &link) {
            Ok(confirmed_response(user, &link))
        } else if open_address(&user, &link).is_some() {
            Ok(user)
        } else {
            Err(Error::LinkExpired)
        }
    }

    /// Confirms the address that the link was mailed to.
    pub async fn confirm(&self, ctx: &Ctx, token: &Token) -> Result<User, Error> {
        self.confirm_with_password(ctx, token, None).await
    }

    /// Confirms the address. The policy can require the password of the account, so that the owner of an address
    /// does not confirm another person's sign-up.
    pub async fn confirm_with_password(
        &self,
        ctx: &Ctx,
        token: &Token,
        password: Option<&Password>,
    ) -> Result<User, Error> {
        let confirmed = self.confirm_in_browser(ctx, token, password, None).await?;
        Ok(confirmed.into_user())
    }

    /// Confirms the address like [`Self::confirm_with_password`], in a browser with this cookie of a sign-up. The cookie
    /// proves the password that was entered there, in the request that confirms the address and in no other. It does not
    /// replace the password that the policy can require.
    #[tracing::instrument(name = "confirm", level = "trace", skip_all)]
    pub async fn confirm_in_browser(
        &self,
        ctx: &Ctx,
        token: &Token,
        password: Option<&Password>,
        sign_up: Option<&str>,
    ) -> Result<Confirmed, Error> {
        let mut is_password_due = true;
        for _ in 0..MAX_WRITE_ATTEMPTS {
            let (link, user) =
                find_unexpired_link(&*self.store, ctx, token, Purpose::Confirmation).await?;
            // Checked first: another POST may have used the link between the reads of the link and of the user.
            if is_confirmed(&user, &link) {
                return Ok(Confirmed::Address(confirmed_response(user, &link)));
            }
            let Some(email) = open_address(&user, &link) else {
                return Err(Error::LinkExpired);
            };
            if is_password_due && self.policy.confirmation_requires_password {
                self.verify_account_password(ctx, &user, email, password)
                    .await?;
                is_password_due = false;
            }
            // Read before the write: after an error, the link and the cookie can be used again.
            let entered_at = match sign_up {
                Some(cookie) => {
                    self.sign_up_cookies
                        .password_entered_at(ctx, cookie, (&user, email))
                        .await?
                }
                None => None,
            };
            let confirmed = confirmed(ctx, &user, self.policy.email_undo_lifetime);
            let mut batch = confirmed.replace(&user);
            batch.push(link.mark_used(ctx.now));
            batch.extend(roster::roster_change(&*self.store, Some(&user), Some(&confirmed)).await?);
            let event = Event::EmailConfirmed { before: &user };
            self.writer.emit(ctx, event, &mut batch);
            match self.writer.apply(batch).await {
                Ok(()) => {
                    if confirmed.security_epoch != user.security_epoch {
                        let (epoch, reason) =
                            (confirmed.security_epoch, SessionEnd::AccountChanged);
                        self.session_ender
                            .end_sessions(ctx, user.id, epoch, reason, None)
                            .await;
                    }
                    self.password_attempts
                        .clear_email_failures(&confirmed)
                        .await;
                    self.user_removal.clear_superseded(ctx, &confirmed).await;
                    return Ok(match entered_at {
                        Some(password_entered_at) => Confirmed::SignUp(CompletedSignUp {
                            user: confirmed,
                            password_entered_at,
                        }),
                        None if user.email.is_some() => Confirmed::Changed(confirmed),
                        None => Confirmed::Address(confirmed),
                    });
                }
                // The link was used or the user changed in between: read both again.
                Err(WriteError::Stale) => {}
                // Another user has confirmed the address first.
                Err(WriteError::Taken(User::EMAIL_KEY)) => return Err(Error::LinkExpired),
                Err(other) => return Err(other.into()),
            }
        }
        Err(Error::Overloaded)
    }

    /// Verifies the password of the account. A wrong password counts the same as at sign-in.
    async fn verify_account_password(
        &self,
        ctx: &Ctx,
        user: &User,
        email: &EmailAddress,
        password: Option<&Password>,
    ) -> Result<(), Error> {
        let missing = || {
            let what = "Send the `password` of the account.";
            Error::invalid("password", Invalid::new("missing", what))
        };
        let password = password.ok_or_else(missing)?;
        let identifier = Identifier::Email(email.clone());
        let lookup = AccountLookup::from_user(user.clone());
        let kind = AuditKind::EmailConfirmed;
        let verified = self
            .password_verifier
            .verify_password(ctx, &identifier, lookup, password, kind)
            .await?;
        self.password_attempts.clear(&verified).await?;
        Ok(())
    }

    /// Cancels the confirmation (“this wasn't me”): removes the pending address, and the account if it has no
    /// other identifier.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn cancel_confirmation(&self, ctx: &Ctx, token: &Token) -> Result<(), Error> {
        for _ in 0..MAX_WRITE_ATTEMPTS {
            let (link, user) =
                find_unexpired_link(&*self.store, ctx, token, Purpose::Confirmation).await?;
            if open_address(&user, &link).is_none() {
                return Err(Error::LinkExpired);
            }
            let mut batch: Batch = vec![link.mark_used(ctx.now)];
            batch.extend(without_pending_email(ctx, &user));
            let cancelled = Event::ConfirmationCancelled { user_id: user.id };
            self.writer.emit(ctx, cancelled, &mut batch);
            if self.writer.apply_unless_stale(batch).await? {
                if !user.has_identifier() {
                    self.user_removal.purge(user.id).await;
                }
                return Ok(());
            }
        }
        Err(Error::Overloaded)
    }
}

/// Returns the user's pending address if the link confirms it: the link is unused and belongs to that address, and the user
/// is neither disabled nor invited. The link of an invitation also sets a password.
fn open_address<'u>(user: &'u User, link: &Link) -> Option<&'u EmailAddress> {
    let pending = user.pending_email.as_ref()?;
    let is_open = link.used_at.is_none()
        && user.status != Status::Disabled
        && !user.is_invited()
        && link.was_mailed_to(Some(&pending.address))
        && pending.requested_at == link.requested_at;
    is_open.then_some(&pending.address)
}

fn is_confirmed(user: &User, link: &Link) -> bool {
    link.was_mailed_to(user.email.as_ref())
}

/// Returns the user for a link whose address is already confirmed. Omits the name and the data unless the user is
/// unchanged since the link was used: other people may have the mail by then.
fn confirmed_response(user: User, link: &Link) -> User {
    match link.used_at {
        Some(at) if user.updated_at <= at => user,
        _ => User {
            name: None,
            data: Data::default(),
            ..user
        },
    }
}

fn confirmed(ctx: &Ctx, user: &User, undo_lifetime: SignedDuration) -> User {
    let pending = user.pending_email.as_ref();
    let by_admin = pending.is_some_and(|pending| pending.requested_by == RequestedBy::Admin);
    User {
        email: user.pending_address().cloned(),
        pending_email: None,
        // The old address may be why an admin changes it, so it cannot undo the change.
        void_undo_links: match by_admin {
            true => user.voiding_undo_links(Timestamp::MIN, ctx.now, undo_lifetime),
            false => user.void_undo_links.clone(),
        },
        status: match user.status {
            Status::Pending => Status::Active,
            other => other,
        },
        // Replacing an address is a security event. Confirming a first address ends no session.
        security_epoch: user.security_epoch + i64::from(user.email.is_some()),
        ..user.next_version(ctx.now)
    }
}
