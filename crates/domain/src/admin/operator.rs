//! The operator's commands: the first admin, and user management.

use crate::admin::Admin;
use crate::core::ATTEMPTS;
use crate::core::users::{ensure_named, ensure_operator};
use crate::ctx::Ctx;
use crate::error::{Error, WriteError};
use crate::model::{Credential, Event, Role, Status, User, Version, VoidUndoLinks};
use crate::passwords::HashClient;
use crate::store::Write;
use crate::values::{Data, EmailAddress, Name, NewPassword, UserId, Username};

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

impl Admin {
    /// Finds a user by id, username or confirmed address. Fails with [`Error::NotFound`] if there is none.
    pub async fn find_named(&self, named: &str) -> Result<User, Error> {
        self.core.find_named(named).await
    }

    /// Returns `true` if there is an active admin.
    pub async fn has_admin(&self) -> Result<bool, Error> {
        Ok(!self.core.roster().await?.admins.is_empty())
    }

    /// Creates a user that can sign in at once. Fails if the username or the address is taken.
    pub async fn create_user(&self, ctx: &Ctx, wanted: NewUser) -> Result<User, Error> {
        ensure_operator(ctx)?;
        ensure_named(wanted.username.as_ref(), wanted.email.as_ref())?;
        let password_hash = self
            .core
            .hasher
            .hash(&HashClient::from_ctx(ctx), wanted.password.as_password())
            .await?;
        let user = User {
            id: UserId::generate(ctx.now, &*self.core.ports.secrets),
            username: wanted.username,
            email: wanted.email,
            pending_email: None,
            name: wanted.name,
            role: wanted.role,
            status: Status::Active,
            data: Data::default(),
            locale: ctx.client.locale,
            session_epoch: User::FIRST_EPOCH,
            void_undo_links: VoidUndoLinks::default(),
            version: Version::FIRST,
            created_at: ctx.now,
            updated_at: ctx.now,
        };
        let credential = Credential {
            user_id: user.id,
            password_hash,
            updated_at: ctx.now,
        };
        for _ in 0..ATTEMPTS {
            let mut batch = user.insert();
            batch.push(Write::put(&credential));
            batch.extend(self.core.roster_change(None, Some(&user)).await?);
            batch.push(self.core.audit_detail(
                ctx,
                Event::SignUp,
                Some(user.id),
                user.role.as_str(),
            ));
            match self.core.apply(batch).await {
                Ok(()) => return Ok(user),
                Err(WriteError::Stale) => {}
                Err(other) => return Err(other.into()),
            }
        }
        Err(Error::Overloaded)
    }

    /// Like [`Self::find_named`], and writes an audit event (L-01, Z-05).
    pub async fn view_named(&self, ctx: &Ctx, named: &str) -> Result<User, Error> {
        ensure_operator(ctx)?;
        let user = self.core.find_named(named).await?;
        self.core
            .audit_view(ctx, Event::UserViewed, Some(user.id))
            .await?;
        Ok(user)
    }
}
