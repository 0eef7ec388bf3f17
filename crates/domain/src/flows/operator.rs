//! The operator's commands: the first admin, and user management.

use crate::accounts::Accounts;
use crate::changes::{ApplyError, Change};
use crate::ctx::Ctx;
use crate::error::{Error, FieldError};
use crate::flows::change_password::Proof;
use crate::flows::sign_up::ensure_named;
use crate::model::{Credential, Event, Role, Status, User, Version, VoidUndoLinks};
use crate::passwords::HashClient;
use crate::store::Write;
use crate::values::{Data, EmailAddress, Name, NewPassword, Secret, UserId, Username};

/// A user that the operator creates: active at once, with a confirmed address.
#[derive(Debug)]
pub struct NewUser {
    /// Username: public and unique.
    pub username: Option<Username>,
    /// Email address. It is stored as confirmed.
    pub email: Option<EmailAddress>,
    /// Display name.
    pub name: Option<Name>,
    /// Password that fulfils the password rules.
    pub password: NewPassword,
    /// Role.
    pub role: Role,
}

impl Accounts {
    /// Returns `true` if there is an active admin.
    pub async fn has_admin(&self) -> Result<bool, Error> {
        Ok(self.ports.store.has_active_admin().await?)
    }

    /// Creates a user that can sign in at once. Fails if the username or the address is taken.
    pub async fn create_user(&self, ctx: &Ctx, wanted: NewUser) -> Result<User, Error> {
        ensure_named(wanted.username.as_ref(), wanted.email.as_ref())?;
        let password_hash = self
            .hasher
            .hash(&HashClient::from_ctx(ctx), wanted.password.as_password())
            .await?;
        let user = User {
            id: UserId::generate(ctx.now, &*self.ports.secrets),
            username: wanted.username,
            email: wanted.email,
            pending_email: None,
            name: wanted.name,
            role: wanted.role,
            status: Status::Active,
            data: Data::default(),
            locale: ctx.client.locale,
            session_epoch: User::FIRST_EPOCH,
            locked_out_epoch: None,
            void_undo_links: VoidUndoLinks::default(),
            version: Version::FIRST,
            created_at: ctx.now,
            updated_at: ctx.now,
        };
        let changes = vec![
            Change::InsertUser(Box::new(user.clone())),
            Write::put(&Credential {
                user_id: user.id,
                password_hash,
                updated_at: ctx.now,
            })
            .into(),
            self.audit_detail(ctx, Event::SignUp, Some(user.id), wanted.role.as_str()),
        ];
        match self.apply(changes).await {
            Ok(()) => Ok(user),
            Err(ApplyError::Taken(User::USERNAME_KEY)) => Err(Error::UsernameTaken),
            Err(ApplyError::Taken(User::EMAIL_KEY)) => Err(Error::EmailTaken),
            Err(other) => Err(other.into()),
        }
    }

    /// Finds a user by id, username or confirmed address. Fails with [`Error::NotFound`] if there is none.
    pub async fn find_named(&self, named: &str) -> Result<User, Error> {
        let store = &self.ports.store;
        let found = if let Ok(id) = named.parse() {
            store.find_user(id).await?
        } else if let Ok(email) = EmailAddress::parse(named) {
            let found = store.find_user_by_email(email.key()).await?;
            self.read_whole(found).await?
        } else if let Ok(username) = Username::parse(named) {
            let found = store.find_user_by_username(username.key()).await?;
            self.read_whole(found).await?
        } else {
            None
        };
        found.ok_or(Error::NotFound)
    }

    /// Like [`Self::find_named`], and writes an audit event (L-01, Z-05).
    pub async fn view_named(&self, ctx: &Ctx, named: &str) -> Result<User, Error> {
        let user = self.find_named(named).await?;
        self.audit_view(ctx, Event::UserViewed, Some(user.id))
            .await?;
        Ok(user)
    }

    /// Sets a password without the current one. Only for the command line: over HTTP, no user can set another
    /// user's password.
    pub async fn set_password(
        &self,
        ctx: &Ctx,
        named: &str,
        new: &Secret<String>,
    ) -> Result<(), Error> {
        let user = self.find_named(named).await?;
        let password = self
            .check_password_rules(new.expose(), &user.personal_words())
            .map_err(|invalid| Error::Invalid(vec![FieldError::new("password", invalid)]))?;
        let hash = self
            .hasher
            .hash(&HashClient::from_ctx(ctx), password.as_password())
            .await?;
        self.write_password(ctx, user, hash, Proof::Operator).await
    }
}
