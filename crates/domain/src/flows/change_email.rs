//! Changes an account's address. The new address replaces the old one once it is confirmed. The old address is
//! notified of the request and of the change, and can undo a change that the user requested (R-11,
//! `undo_email_change`).

use crate::access::Action;
use crate::accounts::{ATTEMPTS, Accounts};
use crate::changes::{ApplyError, Change, Changes};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::flows::update_profile::ensure_version;
use crate::model::{Event, MailKind, PendingEmail, RequestedBy, Status, User, Version};
use crate::values::{EmailAddress, Invalid, Password};

impl Accounts {
    /// Requests the change. A user who changes their own address must send their password each time. An admin who
    /// changes another user's address must send their own password or have entered it recently.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn change_email(
        &self,
        ctx: &Ctx,
        named: &str,
        email: &EmailAddress,
        password: Option<&Password>,
        expected: Option<Version>,
    ) -> Result<(), Error> {
        let user = self.resolve(ctx, Action::ChangeEmail, named).await?;
        if user.status == Status::Disabled {
            // No link of a disabled account works, so the new address could not be confirmed.
            let disabled = Invalid::new(
                "account-disabled",
                "This account is disabled. Enable it before you change its address.",
            );
            return Err(Error::invalid("email", disabled));
        }
        self.reauthenticate_for_email(ctx, &user, named, password)
            .await?;
        if !self.policy.enumeration_protection {
            let owner = self.ports.store.find_user_by_email(email.key()).await?;
            if owner.is_some_and(|owner| owner.id != user.id) {
                return Err(Error::EmailTaken);
            }
        }
        self.ensure_outbox_room()?;
        self.throttle_email_change(ctx, &user, email).await?;
        self.write_pending_email(ctx, user, email, expected).await
    }

    async fn write_pending_email(
        &self,
        ctx: &Ctx,
        mut user: User,
        email: &EmailAddress,
        expected: Option<Version>,
    ) -> Result<(), Error> {
        for _ in 0..ATTEMPTS {
            ensure_version(&user, expected)?;
            if user.email.as_ref().map(EmailAddress::key) == Some(email.key()) {
                let unchanged = Invalid::new("unchanged", "The account already has this address.");
                return Err(Error::invalid("email", unchanged));
            }
            match self.apply(self.email_change(ctx, &user, email)).await {
                Ok(()) => return Ok(()),
                Err(ApplyError::Stale) if expected.is_none() => {
                    user = self.read_again(&user).await?;
                }
                Err(other) => return Err(other.into()),
            }
        }
        Err(Error::Overloaded)
    }

    /// Reads the user again after a concurrent write. Fails if the session epoch or the status changed, since the
    /// password was verified for the previous state.
    async fn read_again(&self, before: &User) -> Result<User, Error> {
        let user = self.ports.store.find_user(before.id).await?;
        let user = user.ok_or(Error::NotFound)?;
        match user.session_epoch == before.session_epoch && user.status == before.status {
            true => Ok(user),
            false => Err(Error::PreconditionFailed),
        }
    }

    fn email_change(&self, ctx: &Ctx, user: &User, email: &EmailAddress) -> Changes {
        let (requested_by, notice) = match ctx.actor.user_id() == Some(user.id) {
            true => (RequestedBy::User, MailKind::EmailChangeUndo),
            // The old address may be why an admin changes it, so it cannot undo the change.
            false => (RequestedBy::Admin, MailKind::EmailChangeNotice),
        };
        let pending = PendingEmail {
            address: email.clone(),
            requested_at: ctx.now,
            requested_by,
        };
        let mut changes: Changes = self
            .check_actor(ctx, Action::ChangeEmail, user.id)
            .into_iter()
            .collect();
        changes.extend([
            Change::UpdateUser {
                user: Box::new(User {
                    pending_email: Some(pending),
                    version: user.version.next(),
                    updated_at: ctx.now,
                    ..user.clone()
                }),
                expected: user.version,
            },
            self.mail(
                ctx,
                MailKind::EmailChange,
                Some(user.id),
                email,
                user.locale,
            ),
            self.audit(ctx, Event::EmailChangeRequested, Some(user.id)),
        ]);
        if let Some(old) = user.mail_address() {
            changes.push(self.mail(ctx, notice, Some(user.id), old, user.locale));
        }
        changes
    }

    /// Verifies the password of the signed-in user. An admin may omit it if they entered it recently.
    async fn reauthenticate_for_email(
        &self,
        ctx: &Ctx,
        user: &User,
        named: &str,
        password: Option<&Password>,
    ) -> Result<(), Error> {
        let is_own = ctx.actor.user_id() == Some(user.id);
        match password {
            Some(password) => {
                self.reauthenticate_with(ctx, password, Event::EmailChangeRequested)
                    .await?;
                Ok(())
            }
            None if is_own => Err(Error::invalid(
                "password",
                Invalid::new("missing", "Send your `password` to change your address."),
            )),
            None => {
                self.ensure_reauthenticated(ctx, Action::ChangeEmail, named)
                    .await
            }
        }
    }
}
