//! Invitations: an admin creates a user without a password, and the user accepts by a link (`accept`).
//!
//! The link is mailed and then confirms the address, or it is shown to the admin once, for places without mail. Until the
//! invitation is accepted the user is pending: the username is taken, and the address is a pending one like that of a sign-up,
//! which another user can confirm first. `housekeeping` deletes the accounts of invitations that were not accepted.

mod accept;

use std::sync::Arc;

use crate::access::{Access, Action, NO_USER};
use crate::clock::RandomSource;
use crate::ctx::Ctx;
use crate::error::{Error, FieldError};
use crate::events::Event;
use crate::limits::MailboxLimits;
use crate::model::{
    Invitation, InvitationDelivery, InvitationStatus, Link, PendingEmail, Purpose, RequestedBy,
    Status, User, Version, VoidUndoLinks,
};
use crate::outbox::QueuedMails;
use crate::policy::Policy;
use crate::store::{Batch, ReadStore, Records, Write};
use crate::users::ensure_identifier;
use crate::users::removal::UserRemoval;
use crate::values::{
    Data, EmailAddress, Invalid, LanguageTag, Name, Role, Secret, Token, UserId, Username,
};
use crate::writer::{MAX_WRITE_ATTEMPTS, Writer};

pub use accept::{Acceptance, InvitationAcceptance};

/// A user to invite; at least one of `username` and `email`.
#[derive(Debug)]
pub struct NewInvitation {
    /// Username: public and unique. Required if the link is shown: it is what the user signs in with.
    pub username: Option<Username>,
    /// Email address. Required if the link is mailed.
    pub email: Option<EmailAddress>,
    /// Display name.
    pub name: Option<Name>,
    /// Role.
    pub role: Role,
    /// Language of mails and pages.
    pub locale: Option<LanguageTag>,
    /// How the link reaches the user. `None`: by mail if there is an address.
    pub delivery: Option<InvitationDelivery>,
}

impl NewInvitation {
    /// Checks that the link can reach the user, and that the user can sign in afterwards. Returns how the link is delivered.
    pub fn check(&self) -> Result<InvitationDelivery, FieldError> {
        ensure_identifier(self.username.as_ref(), self.email.as_ref())?;
        let missing = |field: &str, detail: &str| {
            Err(FieldError::new(field, Invalid::new("missing", detail)))
        };
        match (self.delivery, &self.username, &self.email) {
            (None | Some(InvitationDelivery::Mail), _, Some(_)) => Ok(InvitationDelivery::Mail),
            (Some(InvitationDelivery::Mail), _, None) => {
                missing("email", "An invitation by mail needs an `email`.")
            }
            (None | Some(InvitationDelivery::Link), Some(_), _) => Ok(InvitationDelivery::Link),
            (None | Some(InvitationDelivery::Link), None, _) => {
                let detail =
                    "An invitation by link needs a `username`, because it confirms no address.";
                missing("username", detail)
            }
        }
    }
}

/// A user who was invited.
#[derive(Debug)]
pub struct Invited {
    /// The user, with the invitation.
    pub user: User,
    /// The link, if it is to be shown. It is not stored.
    pub url: Option<Secret<String>>,
}

/// Invites users, and lists, resends and revokes invitations.
pub struct Invitations {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) random: Arc<dyn RandomSource>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) user_removal: Arc<UserRemoval>,
    pub(crate) access: Arc<Access>,
    pub(crate) mailbox_limits: Arc<MailboxLimits>,
    pub(crate) queued_mails: Arc<QueuedMails>,
    pub(crate) writer: Arc<Writer>,
}

impl Invitations {
    /// Creates a pending user, and mails the link or returns it. An admin must have entered the password recently to invite
    /// another admin.
    ///
    /// Fails with [`Error::EmailTaken`] or [`Error::UsernameTaken`] if another user has the address or the username: admins
    /// can list users anyway. The allowed domains do not apply, as for an address that an admin sets for another user.
    #[tracing::instrument(name = "invite", level = "trace", skip_all)]
    pub async fn invite(&self, ctx: &Ctx, wanted: NewInvitation) -> Result<Invited, Error> {
        self.authorize(ctx, NO_USER, wanted.role).await?;
        let delivery = wanted.check()?;
        if let Some(email) = &wanted.email {
            let owner: Option<User> = self.store.find(User::EMAIL_KEY, email.key()).await?;
            if owner.is_some() {
                return Err(Error::EmailTaken);
            }
        }
        let user = self.new_user(ctx, wanted, delivery);
        let mail_to = self.throttle(ctx, &user).await?;
        let mut batch = self.access.actor_check(ctx, Action::Invite, user.id);
        batch.extend(user.insert());
        let url = self.send(ctx, &user, &mut batch);
        if let Err(error) = self.writer.apply(batch).await {
            let error = error.into();
            self.release(ctx, mail_to, &error).await;
            return Err(error);
        }
        Ok(Invited { user, url })
    }

    /// Sends the invitation again, for another week: a new link replaces the previous one. Fails with [`Error::NotFound`] if
    /// the user has none that can be accepted.
    #[tracing::instrument(name = "resend_invitation", level = "trace", skip_all)]
    pub async fn resend(&self, ctx: &Ctx, named: &str) -> Result<Invited, Error> {
        let user = self.find_open(ctx, named).await?;
        let mail_to = self.throttle(ctx, &user).await?;
        let sent = self.send_again(ctx, named, user.clone()).await;
        if let Err(error) = &sent {
            self.release(ctx, mail_to, error).await;
        }
        sent
    }

    /// Writes the invitation that is sent again. If the user has changed since the read, reads the user again.
    async fn send_again(&self, ctx: &Ctx, named: &str, mut user: User) -> Result<Invited, Error> {
        for _ in 0..MAX_WRITE_ATTEMPTS {
            let renewed = |old: Invitation| self.invitation(ctx, old.delivery);
            let changed = User {
                invitation: user.invitation.map(renewed),
                ..user.next_version(ctx.now)
            };
            let mut batch = self.access.actor_check(ctx, Action::Invite, user.id);
            batch.extend(changed.replace(&user));
            let url = self.send(ctx, &changed, &mut batch);
            if self.writer.apply_unless_stale(batch).await? {
                return Ok(Invited { user: changed, url });
            }
            user = self.find_open(ctx, named).await?;
        }
        Err(Error::Overloaded)
    }

    /// Returns the user whose invitation is to be sent again. Fails with [`Error::NotFound`] if it cannot be accepted.
    async fn find_open(&self, ctx: &Ctx, named: &str) -> Result<User, Error> {
        let user = self.access.resolve(ctx, Action::Invite, named).await?;
        open_invitation(&user).ok_or(Error::NotFound)?;
        self.authorize(ctx, named, user.role).await?;
        Ok(user)
    }

    /// Revokes an invitation: deletes the user, who has not accepted it. Fails with [`Error::NotFound`] if the user has none,
    /// or has accepted it.
    #[tracing::instrument(name = "revoke_invitation", level = "trace", skip_all)]
    pub async fn revoke(&self, ctx: &Ctx, named: &str) -> Result<(), Error> {
        for _ in 0..MAX_WRITE_ATTEMPTS {
            let user = self.access.resolve(ctx, Action::Invite, named).await?;
            if !user.is_invited() {
                return Err(Error::NotFound);
            }
            let mut batch = self.access.actor_check(ctx, Action::Invite, user.id);
            batch.extend(user.delete(ctx.now));
            let revoked = Event::InvitationRevoked { user_id: user.id };
            self.writer.emit(ctx, revoked, &mut batch);
            if self.writer.apply_unless_stale(batch).await? {
                self.user_removal.purge(user.id).await;
                return Ok(());
            }
        }
        Err(Error::Overloaded)
    }

    /// Returns the users whose invitation has this status, the newest user first, older than `before`, at most `limit`.
    #[tracing::instrument(name = "list_invitations", level = "trace", skip_all)]
    pub async fn list(
        &self,
        ctx: &Ctx,
        status: InvitationStatus,
        before: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<User>, Error> {
        self.access.authorize(ctx, Action::ListUsers).await?;
        let invited = Invitation::of_users(status, ctx.now, before).limit(limit);
        let users: Vec<User> = self.store.list(invited).await?;
        self.writer.emit_view(ctx, Event::UsersListed).await?;
        Ok(users)
    }

    async fn authorize(&self, ctx: &Ctx, named: &str, role: Role) -> Result<(), Error> {
        let action = Action::Invite;
        match role {
            Role::User => self.access.authorize_by_name(ctx, action, named).await,
            Role::Admin => {
                self.access
                    .ensure_reauthenticated(ctx, action, named)
                    .await?;
                Ok(())
            }
        }
    }

    /// Counts the mail to the invited user. Returns the address; `None` if the link is not mailed.
    async fn throttle<'u>(
        &self,
        ctx: &Ctx,
        user: &'u User,
    ) -> Result<Option<&'u EmailAddress>, Error> {
        let delivery = user.invitation.map(|invitation| invitation.delivery);
        let Some(email) = user
            .pending_address()
            .filter(|_| delivery == Some(InvitationDelivery::Mail))
        else {
            return Ok(None);
        };
        self.queued_mails.ensure_not_full()?;
        self.mailbox_limits
            .throttle(ctx, Purpose::Invitation, email)
            .await?;
        Ok(Some(email))
    }

    /// Releases what [`Self::throttle`] acquired for a mail that was not written because of this error.
    async fn release(&self, ctx: &Ctx, mail_to: Option<&EmailAddress>, error: &Error) {
        let may_be_written = matches!(error, Error::OutcomeUnknown(_));
        if let Some(email) = mail_to.filter(|_| !may_be_written) {
            self.mailbox_limits
                .release(ctx, Purpose::Invitation, email)
                .await;
        }
    }

    /// Adds the mail with the link to the batch, or the link itself, which is returned. The worker creates that of a mail.
    fn send(&self, ctx: &Ctx, user: &User, batch: &mut Batch) -> Option<Secret<String>> {
        let invitation = user.invitation.as_ref()?;
        self.writer
            .emit(ctx, Event::Invited { user, invitation }, batch);
        let expires_at = match invitation.delivery {
            InvitationDelivery::Mail => return None,
            InvitationDelivery::Link => invitation.expires_at?,
        };
        let (secret, purpose) = (Token::generate(&*self.random), Purpose::Invitation);
        batch.push(Write::put(&Link {
            digest: secret.digest(),
            user_id: user.id,
            purpose,
            email: None,
            epoch: user.security_epoch,
            requested_at: ctx.now,
            created_at: ctx.now,
            expires_at,
            used_at: None,
        }));
        let (base, page) = (&self.policy.public_url, purpose.as_str());
        Some(Secret::new(format!("{base}/{page}/{}", secret.expose())))
    }

    fn invitation(&self, ctx: &Ctx, delivery: InvitationDelivery) -> Invitation {
        Invitation {
            delivery,
            invited_by: ctx.actor.user_id(),
            invited_at: ctx.now,
            expires_at: Some(ctx.now + self.policy.invitation_lifetime),
        }
    }

    fn new_user(&self, ctx: &Ctx, wanted: NewInvitation, delivery: InvitationDelivery) -> User {
        let pending = |address| PendingEmail {
            address,
            requested_at: ctx.now,
            requested_by: RequestedBy::Admin,
        };
        User {
            id: UserId::generate(ctx.now, &*self.random),
            username: wanted.username,
            email: None,
            pending_email: wanted.email.map(pending),
            name: wanted.name,
            role: wanted.role,
            status: Status::Pending,
            data: Data::default(),
            locale: ctx.client.locale,
            preferred_locale: wanted.locale,
            security_epoch: User::FIRST_EPOCH,
            void_undo_links: VoidUndoLinks::default(),
            deletion: None,
            invitation: Some(self.invitation(ctx, delivery)),
            version: Version::FIRST,
            created_at: ctx.now,
            updated_at: ctx.now,
        }
    }
}

/// The invitation of a user who can accept it, or whose link has only expired.
fn open_invitation(user: &User) -> Option<Invitation> {
    let can_accept = user.is_invited() && user.status == Status::Pending && user.deletion.is_none();
    user.invitation.filter(|_| can_accept)
}
