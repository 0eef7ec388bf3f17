//! Signs a user up: a username, an email address or both, and a password.
//!
//! With enumeration protection the address is not looked up: any number of accounts may have the same pending
//! address, and the first to confirm gets it. The worker looks the address up when it sends the mail.
//!
//! A browser is signed in without entering the password again: at once if the account is active, else when the address is
//! confirmed there (`cookie`).

mod cookie;

use std::sync::Arc;

use crate::clock::RandomSource;
use crate::ctx::Ctx;
use crate::error::{Error, FieldError};
use crate::events::Event;
use crate::limits::MailboxLimits;
use crate::model::{
    Credential, PendingEmail, Purpose, RequestedBy, Status, User, Version, VoidUndoLinks,
};
use crate::outbox::QueuedMails;
use crate::passwords::attempts::PasswordAttempts;
use crate::passwords::hashing::{HashClient, Hasher};
use crate::policy::{Policy, SignUpPolicy};
use crate::store::{ReadStore, Records, Write};
use crate::users::ensure_identifier;
use crate::values::{
    Data, EmailAddress, Invalid, Name, NewPassword, Role, Secret, UserId, Username,
};
use crate::writer::Writer;

pub(crate) use cookie::SignUpCookies;
pub use cookie::{CompletedSignUp, SIGN_UP_COOKIE_LIFETIME};

/// Input of a sign-up; at least one of `username` and `email`.
#[derive(Debug)]
pub struct NewSignUp {
    /// Username: public and unique.
    pub username: Option<Username>,
    /// Email address that gets the confirmation mail.
    pub email: Option<EmailAddress>,
    /// Password that fulfils the password rules.
    pub password: NewPassword,
    /// Display name.
    pub name: Option<Name>,
    /// The user's own JSON object.
    pub data: Data,
}

/// A sign-up in a browser.
#[derive(Debug)]
pub enum BrowserSignUp {
    /// The account is active: its user can be signed in.
    Completed(Box<CompletedSignUp>),
    /// The address has to be confirmed first.
    Unconfirmed {
        /// The address that gets the confirmation mail.
        email: EmailAddress,
        /// The value of the cookie with which `Confirmation::confirm_in_browser` completes the sign-up.
        cookie: Secret<String>,
    },
}

/// Signs users up.
pub struct SignUp {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) random: Arc<dyn RandomSource>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) hasher: Arc<Hasher>,
    pub(crate) mailbox_limits: Arc<MailboxLimits>,
    pub(crate) password_attempts: Arc<PasswordAttempts>,
    pub(crate) sign_up_cookies: Arc<SignUpCookies>,
    pub(crate) queued_mails: Arc<QueuedMails>,
    pub(crate) writer: Arc<Writer>,
}

impl SignUp {
    /// Creates the user and queues a confirmation mail for the address. With an address alone the user is pending
    /// until it is confirmed. With a username the user is active at once, and only the address is pending.
    ///
    /// Fails with [`Error::SignUpClosed`] or [`Error::InvitationRequired`] if the policy is not open, and with
    /// [`Error::Invalid`] as [`Self::check_identifiers`] does.
    ///
    /// If the policy requires no confirmation, the address is stored as confirmed; fails with
    /// [`Error::EmailTaken`] if another user has it.
    pub async fn start(&self, ctx: &Ctx, wanted: NewSignUp) -> Result<User, Error> {
        let (user, _) = self.create(ctx, wanted).await?;
        Ok(user)
    }

    /// Like [`Self::start`], for a page: also returns what signs the user in without entering the password again.
    pub async fn start_in_browser(
        &self,
        ctx: &Ctx,
        wanted: NewSignUp,
    ) -> Result<BrowserSignUp, Error> {
        let (user, password) = self.create(ctx, wanted).await?;
        Ok(match user.pending_address() {
            Some(email) if user.status == Status::Pending => BrowserSignUp::Unconfirmed {
                email: email.clone(),
                cookie: self.sign_up_cookies.seal(ctx, &user, email, &password),
            },
            _ => BrowserSignUp::Completed(Box::new(CompletedSignUp {
                user,
                password_entered_at: ctx.now,
            })),
        })
    }

    #[tracing::instrument(name = "sign_up", level = "trace", skip_all)]
    async fn create(&self, ctx: &Ctx, wanted: NewSignUp) -> Result<(User, Credential), Error> {
        match self.policy.sign_up {
            SignUpPolicy::Open => {}
            SignUpPolicy::Invitation => return Err(Error::InvitationRequired),
            SignUpPolicy::Closed => return Err(Error::SignUpClosed),
        }
        self.check_identifiers(wanted.username.as_ref(), wanted.email.as_ref())?;
        if let (false, Some(email)) = (self.policy.enumeration_protection, &wanted.email) {
            let (store, key) = (&self.store, email.key());
            let owner: Option<User> = store.find(User::EMAIL_KEY, key).await?;
            if owner.is_some() {
                return Err(Error::EmailTaken);
            }
        }
        if wanted.email.is_some() && self.policy.confirm_email {
            self.queued_mails.ensure_not_full()?;
        }
        let hash_client = HashClient::from_ctx(ctx);
        let password_hash = self
            .hasher
            .hash(&hash_client, wanted.password.as_password())
            .await?;
        let user = self.new_user(ctx, wanted);
        let credential = Credential::password(user.id, password_hash, ctx.now);
        let mut batch = user.insert();
        batch.push(Write::insert(&credential));
        let confirm = match user.pending_address() {
            Some(email)
                if self
                    .mailbox_limits
                    .may_send_sign_up_mail(ctx, email)
                    .await? =>
            {
                Some(email)
            }
            _ => None,
        };
        let signed_up = Event::SignedUp {
            user: &user,
            confirm,
        };
        self.writer.emit(ctx, signed_up, &mut batch);
        if let Err(error) = self.writer.apply(batch).await {
            if let Some(email) = confirm {
                self.mailbox_limits
                    .release(ctx, Purpose::Confirmation, email)
                    .await;
            }
            return Err(error.into());
        }
        self.password_attempts.clear_email_failures(&user).await;
        Ok((user, credential))
    }

    /// Fails if there is neither a username nor an address, or if there are allowed domains and the address is missing or at
    /// another domain.
    pub fn check_identifiers(
        &self,
        username: Option<&Username>,
        email: Option<&EmailAddress>,
    ) -> Result<(), FieldError> {
        let domains = &self.policy.email_domains;
        let checked = match email {
            Some(email) => domains.check(email),
            None if domains.is_empty() => return ensure_identifier(username, email),
            None => Err(Invalid::new("missing", "Send an `email`.")),
        };
        checked.map_err(|invalid| FieldError::new("email", invalid))
    }

    fn new_user(&self, ctx: &Ctx, wanted: NewSignUp) -> User {
        let (email, pending_email) = match wanted.email {
            Some(address) if self.policy.confirm_email => {
                let pending = PendingEmail {
                    address,
                    requested_at: ctx.now,
                    requested_by: RequestedBy::User,
                };
                (None, Some(pending))
            }
            email => (email, None),
        };
        User {
            id: UserId::generate(ctx.now, &*self.random),
            status: match wanted.username.is_some() || email.is_some() {
                true => Status::Active,
                false => Status::Pending,
            },
            username: wanted.username,
            email,
            pending_email,
            name: wanted.name,
            role: Role::User,
            data: wanted.data,
            locale: ctx.client.locale,
            preferred_locale: None,
            security_epoch: User::FIRST_EPOCH,
            void_undo_links: VoidUndoLinks::default(),
            deletion: None,
            invitation: None,
            version: Version::FIRST,
            created_at: ctx.now,
            updated_at: ctx.now,
        }
    }
}
