//! Sign up: a user name, an e-mail address or both, and a password.
//!
//! Nobody looks whether the address has an account: two sign-ups with one address are two pending
//! users, and the first to confirm has it. The worker, who sends the mail, is the one who looks.

use crate::accounts::Accounts;
use crate::changes::{ApplyError, Change, Unique};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::model::{Credential, Event, MailKind, Role, Status, User, Version};
use crate::passwords::Asker;
use crate::values::{Data, EmailAddress, Invalid, Name, NewPassword, UserId, Username};

/// What a sign-up asks for; at least one of user name and e-mail.
#[derive(Debug)]
pub struct SignUp {
    /// Public and unique.
    pub username: Option<Username>,
    /// Where the confirmation goes.
    pub email: Option<EmailAddress>,
    /// Judged already.
    pub password: NewPassword,
    /// What to call the person.
    pub name: Option<Name>,
    /// The person's own JSON.
    pub data: Data,
}

impl Accounts {
    /// Makes the user: pending with a mail on its way where there is an address, active at once
    /// with a user name alone.
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
        if wanted.email.is_some() {
            self.ensure_outbox_room()?;
        }
        let asker = Asker::of(ctx);
        let password_hash = self
            .hasher
            .hash(&asker, wanted.password.as_password())
            .await?;
        let user = self.new_user(ctx, wanted);
        let mut changes = vec![
            Change::InsertUser(Box::new(user.clone())),
            Change::PutCredential(Credential {
                user_id: user.id,
                password_hash,
                updated_at: ctx.now,
            }),
            self.audit(ctx, Event::SignUp, Some(user.id)),
        ];
        if let Some(email) = &user.pending_email {
            changes.push(self.mail(ctx, MailKind::SignUp, Some(user.id), email, user.locale));
        }
        match self.apply(changes).await {
            Ok(()) => Ok(user),
            Err(ApplyError::Taken(Unique::Username)) => Err(Error::UsernameTaken),
            Err(other) => Err(other.into()),
        }
    }

    fn new_user(&self, ctx: &Ctx, wanted: SignUp) -> User {
        User {
            id: UserId::generate(ctx.now, &*self.ports.secrets),
            status: match wanted.email {
                Some(_) => Status::Pending,
                None => Status::Active,
            },
            username: wanted.username,
            email: None,
            pending_email: wanted.email,
            name: wanted.name,
            role: Role::User,
            data: wanted.data,
            locale: ctx.client.locale,
            session_epoch: User::FIRST_EPOCH,
            email_change: None,
            stopped_epoch: None,
            version: Version::FIRST,
            created_at: ctx.now,
            updated_at: ctx.now,
        }
    }
}

/// Without a user name or an address nobody could sign in to the account again.
pub(crate) fn ensure_named(
    username: Option<&Username>,
    email: Option<&EmailAddress>,
) -> Result<(), Error> {
    if username.is_none() && email.is_none() {
        let missing = Invalid::new("missing", "Give a user name, an e-mail address or both.");
        return Err(Error::invalid("username", missing));
    }
    Ok(())
}
