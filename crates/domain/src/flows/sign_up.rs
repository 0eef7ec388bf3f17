//! Signs a user up: a username, an email address or both, and a password.
//!
//! With enumeration protection the address is not looked up: any number of accounts may have the same pending
//! address, and the first to confirm gets it. The worker looks the address up when it sends the mail.

use crate::accounts::Accounts;
use crate::changes::Change;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::model::{
    Credential, Event, MailKind, PendingEmail, RequestedBy, Role, Status, User, Version,
    VoidUndoLinks,
};
use crate::passwords::HashClient;
use crate::store::Write;
use crate::values::{Data, EmailAddress, Invalid, Name, NewPassword, UserId, Username};

/// Input of a sign-up; at least one of `username` and `email`.
#[derive(Debug)]
pub struct SignUp {
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

impl Accounts {
    /// Creates the user and queues a confirmation mail for the address. With an address alone the user is pending
    /// until it is confirmed. With a username the user is active at once, and only the address is pending.
    ///
    /// If the policy requires no confirmation, the address is stored as confirmed; fails with
    /// [`Error::EmailTaken`] if another user has it.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn sign_up(&self, ctx: &Ctx, wanted: SignUp) -> Result<User, Error> {
        ensure_named(wanted.username.as_ref(), wanted.email.as_ref())?;
        if let (false, Some(email)) = (self.policy.enumeration_protection, &wanted.email)
            && self
                .ports
                .store
                .find_user_by_email(email.key())
                .await?
                .is_some()
        {
            return Err(Error::EmailTaken);
        }
        if wanted.email.is_some() && self.policy.confirm_email {
            self.ensure_outbox_room()?;
        }
        let hash_client = HashClient::from_ctx(ctx);
        let password_hash = self
            .hasher
            .hash(&hash_client, wanted.password.as_password())
            .await?;
        let user = self.new_user(ctx, wanted);
        let mut changes = vec![
            Change::InsertUser(Box::new(user.clone())),
            Write::put(&Credential {
                user_id: user.id,
                password_hash,
                updated_at: ctx.now,
            })
            .into(),
            self.audit(ctx, Event::SignUp, Some(user.id)),
        ];
        if let Some(email) = user.pending_address() {
            changes.push(self.mail(ctx, MailKind::SignUp, Some(user.id), email, user.locale));
        }
        match self.apply(changes).await {
            Ok(()) => {
                self.clear_address_failures(&user).await;
                Ok(user)
            }
            Err(other) => Err(other.into()),
        }
    }

    fn new_user(&self, ctx: &Ctx, wanted: SignUp) -> User {
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
            id: UserId::generate(ctx.now, &*self.ports.secrets),
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
            session_epoch: User::FIRST_EPOCH,
            locked_out_epoch: None,
            void_undo_links: VoidUndoLinks::default(),
            version: Version::FIRST,
            created_at: ctx.now,
            updated_at: ctx.now,
        }
    }
}

/// Fails if there is neither a username nor an address: no sign-in would be possible.
pub(crate) fn ensure_named(
    username: Option<&Username>,
    email: Option<&EmailAddress>,
) -> Result<(), Error> {
    if username.is_none() && email.is_none() {
        let missing = Invalid::new("missing", "Send a `username`, an `email` or both.");
        return Err(Error::invalid("username", missing));
    }
    Ok(())
}
