//! The operator's commands: the first admin, and user management.

use std::sync::Arc;

use crate::access::{Access, ensure_operator, roster};
use crate::clock::RandomSource;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::Event;
use crate::model::{Credential, Status, User, Version, VoidUndoLinks};
use crate::passwords::hashing::{HashClient, Hasher};
use crate::store::{ReadStore, Write};
use crate::users::ensure_identifier;
use crate::values::{Data, EmailAddress, Name, NewPassword, Role, UserId, Username};
use crate::writer::{MAX_WRITE_ATTEMPTS, Writer};

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

/// Finds and creates users for the command line.
pub struct Operator {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) random: Arc<dyn RandomSource>,
    pub(crate) hasher: Arc<Hasher>,
    pub(crate) access: Arc<Access>,
    pub(crate) writer: Arc<Writer>,
}

impl Operator {
    /// Finds a user by id, username or confirmed address. Fails with [`Error::NotFound`] if there is none.
    pub async fn find_by_name(&self, named: &str) -> Result<User, Error> {
        self.access.find_by_name(named).await
    }

    /// Returns `true` if there is an active admin.
    pub async fn has_admin(&self) -> Result<bool, Error> {
        Ok(!roster::roster(&*self.store).await?.admins.is_empty())
    }

    /// Creates a user that can sign in at once. Fails if the username or the address is taken.
    pub async fn create_user(&self, ctx: &Ctx, wanted: NewUser) -> Result<User, Error> {
        ensure_operator(ctx)?;
        ensure_identifier(wanted.username.as_ref(), wanted.email.as_ref())?;
        let password_hash = self
            .hasher
            .hash(&HashClient::from_ctx(ctx), wanted.password.as_password())
            .await?;
        let user = User {
            id: UserId::generate(ctx.now, &*self.random),
            username: wanted.username,
            email: wanted.email,
            pending_email: None,
            name: wanted.name,
            role: wanted.role,
            status: Status::Active,
            data: Data::default(),
            locale: ctx.client.locale,
            preferred_locale: None,
            security_epoch: User::FIRST_EPOCH,
            void_undo_links: VoidUndoLinks::default(),
            deletion: None,
            invitation: None,
            version: Version::FIRST,
            created_at: ctx.now,
            updated_at: ctx.now,
        };
        let credential = Credential::password(user.id, password_hash, ctx.now);
        for _ in 0..MAX_WRITE_ATTEMPTS {
            let mut batch = user.insert();
            batch.push(Write::put(&credential));
            batch.extend(roster::roster_change(&*self.store, None, Some(&user)).await?);
            let created = Event::UserCreated { user: &user };
            self.writer.emit(ctx, created, &mut batch);
            if self.writer.apply_unless_stale(batch).await? {
                return Ok(user);
            }
        }
        Err(Error::Overloaded)
    }

    /// Like [`Self::find_by_name`], and writes an audit event (L-01, Z-05).
    pub async fn view_by_name(&self, ctx: &Ctx, named: &str) -> Result<User, Error> {
        ensure_operator(ctx)?;
        let user = self.access.find_by_name(named).await?;
        self.writer
            .emit_view(ctx, Event::UserViewed { user_id: user.id })
            .await?;
        Ok(user)
    }
}
