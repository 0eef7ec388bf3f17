//! Changes an account's address. The new address replaces the old one once it is confirmed; until then, the change can be
//! cancelled. The old address is notified of the request and of the change, and can undo a change that the user requested
//! (R-11, `undo`), also a cancelled one: a thief may have cancelled it.

use std::sync::Arc;

use crate::access::{Access, Action, ensure_version};
use crate::ctx::Ctx;
use crate::error::{Error, WriteError};
use crate::events::Event;
use crate::limits::MailboxLimits;
use crate::model::{PendingEmail, RequestedBy, Status, User, Version};
use crate::outbox::QueuedMails;
use crate::policy::Policy;
use crate::reauthentication::Reauthenticated;
use crate::store::{Batch, ReadStore, Records};
use crate::users::removal::without_pending_email;
use crate::values::{EmailAddress, Invalid};
use crate::writer::{MAX_WRITE_ATTEMPTS, Writer};

/// Changes the address of an account.
pub struct EmailChange {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) access: Arc<Access>,
    pub(crate) mailbox_limits: Arc<MailboxLimits>,
    pub(crate) queued_mails: Arc<QueuedMails>,
    pub(crate) writer: Arc<Writer>,
}

impl EmailChange {
    /// Requests the change. A user who changes their own address must send their password each time. An admin who
    /// changes another user's address must send their own password or have entered it recently. The allowed domains
    /// apply only to a user's own address, also an admin's.
    #[tracing::instrument(name = "change_email", level = "trace", skip_all)]
    pub async fn change(
        &self,
        request: &Reauthenticated,
        named: &str,
        email: &EmailAddress,
        expected: Option<Version>,
    ) -> Result<(), Error> {
        let ctx = &request.ctx;
        let user = self.access.resolve(ctx, Action::ChangeEmail, named).await?;
        if user.status == Status::Disabled {
            // No link of a disabled account works, so the new address could not be confirmed.
            let disabled = Invalid::new(
                "account-disabled",
                "This account is disabled. Enable it before you change its address.",
            );
            return Err(Error::invalid("email", disabled));
        }
        let is_own = ctx.actor.user_id() == Some(user.id);
        if is_own {
            let domains = &self.policy.email_domains;
            domains
                .check(email)
                .map_err(|invalid| Error::invalid("email", invalid))?;
        }
        if is_own && !request.has_proof {
            let missing = Invalid::new("missing", "Send your `password` to change your address.");
            return Err(Error::invalid("password", missing));
        }
        self.access
            .ensure_reauthenticated(ctx, Action::ChangeEmail, named)
            .await?;
        // An admin can find the owner anyway.
        if !is_own || !self.policy.enumeration_protection {
            let (store, key) = (&self.store, email.key());
            let owner: Option<User> = store.find(User::EMAIL_KEY, key).await?;
            if owner.is_some_and(|owner| owner.id != user.id) {
                return Err(Error::EmailTaken);
            }
        }
        self.queued_mails.ensure_not_full()?;
        self.mailbox_limits
            .throttle_email_change(ctx, &user, email)
            .await?;
        self.write_pending_email(ctx, user, email, expected).await
    }

    /// Cancels the pending change, whose link is void then. Fails with [`Error::NotFound`] if none is pending. The address of
    /// a sign-up, without which no one could sign in to the account, is not a change.
    #[tracing::instrument(name = "cancel_email_change", level = "trace", skip_all)]
    pub async fn cancel_change(
        &self,
        ctx: &Ctx,
        named: &str,
        expected: Option<Version>,
    ) -> Result<(), Error> {
        for _ in 0..MAX_WRITE_ATTEMPTS {
            let user = self.access.resolve(ctx, Action::ChangeEmail, named).await?;
            ensure_version(&user, expected)?;
            if user.pending_email.is_none() || !user.has_identifier() {
                return Err(Error::NotFound);
            }
            let mut batch = self.access.actor_check(ctx, Action::ChangeEmail, user.id);
            batch.extend(without_pending_email(ctx, &user));
            let cancelled = Event::ConfirmationCancelled { user_id: user.id };
            self.writer.emit(ctx, cancelled, &mut batch);
            if self.writer.apply_unless_stale(batch).await? {
                return Ok(());
            }
        }
        Err(Error::Overloaded)
    }

    async fn write_pending_email(
        &self,
        ctx: &Ctx,
        mut user: User,
        email: &EmailAddress,
        expected: Option<Version>,
    ) -> Result<(), Error> {
        for _ in 0..MAX_WRITE_ATTEMPTS {
            ensure_version(&user, expected)?;
            if user.email.as_ref().map(EmailAddress::key) == Some(email.key()) {
                let unchanged = Invalid::new("unchanged", "The account already has this address.");
                return Err(Error::invalid("email", unchanged));
            }
            match self
                .writer
                .apply(self.email_change(ctx, &user, email))
                .await
            {
                Ok(()) => return Ok(()),
                Err(WriteError::Stale) if expected.is_none() => {
                    user = self.reload_user(&user).await?;
                }
                Err(other) => return Err(other.into()),
            }
        }
        Err(Error::Overloaded)
    }

    /// Reads the user again after a concurrent write. Fails if the security epoch or the status changed, since the
    /// password was verified for the previous state.
    async fn reload_user(&self, before: &User) -> Result<User, Error> {
        let user: Option<User> = self.store.get(before.id).await?;
        let user = user.ok_or(Error::NotFound)?;
        match user.security_epoch == before.security_epoch && user.status == before.status {
            true => Ok(user),
            false => Err(Error::PreconditionFailed),
        }
    }

    fn email_change(&self, ctx: &Ctx, user: &User, email: &EmailAddress) -> Batch {
        let requested_by = match ctx.actor.user_id() == Some(user.id) {
            true => RequestedBy::User,
            false => RequestedBy::Admin,
        };
        let pending = PendingEmail {
            address: email.clone(),
            requested_at: ctx.now,
            requested_by,
        };
        let changed = User {
            pending_email: Some(pending),
            ..user.next_version(ctx.now)
        };
        let mut batch = self.access.actor_check(ctx, Action::ChangeEmail, user.id);
        batch.extend(changed.replace(user));
        let requested = Event::EmailChangeRequested { user: &changed };
        self.writer.emit(ctx, requested, &mut batch);
        batch
    }
}
