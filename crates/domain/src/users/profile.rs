//! Views a user and updates the profile: `name`, `data` and the chosen language.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::access::{self, Access, Action, Target, ensure_version, names_actor};
use crate::ctx::Ctx;
use crate::error::{Error, WriteError};
use crate::events::Event;
use crate::model::{LastSignIn, Lockout, User, Version};
use crate::sessions::Authenticated;
use crate::store::{Batch, ReadStore, Records};
use crate::values::{Data, LanguageTag, Name};
use crate::writer::{MAX_WRITE_ATTEMPTS, Writer};

/// An update of a profile.
#[derive(Debug, Clone)]
pub enum ProfileUpdate {
    /// Replaces the name and the data.
    Replace {
        /// The new name; `None` removes it.
        name: Option<Name>,
        /// The new data.
        data: Data,
        /// The chosen language; `Some(None)` removes it, and `None` does not change it: older clients do not know it.
        locale: Option<Option<LanguageTag>>,
    },
    /// Replaces the data.
    Data(Data),
    /// A merge patch (RFC 7396): absent fields do not change.
    Patch {
        /// `Some(None)` removes the name.
        name: Option<Option<Name>>,
        /// `Some(None)` empties the data.
        data: Option<Option<Map<String, Value>>>,
        /// `Some(None)` removes the chosen language.
        locale: Option<Option<LanguageTag>>,
    },
}

/// A user, and when they last signed in.
#[derive(Debug)]
pub struct ViewedUser {
    /// The user.
    pub user: User,
    /// The time of the last sign-in; `None` if there was none.
    pub last_sign_in_at: Option<Timestamp>,
    /// `true` if unknown clients are locked out of the account. It is read only for an admin who views another user.
    pub is_locked_out: bool,
}

/// Views and updates one account.
pub struct Profile {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) access: Arc<Access>,
    pub(crate) writer: Arc<Writer>,
}

impl Profile {
    /// Returns the user that a path names, and writes an audit event if it is another user.
    #[tracing::instrument(name = "view_user", level = "trace", skip_all)]
    pub async fn view(&self, ctx: &Ctx, named: &str) -> Result<ViewedUser, Error> {
        let user = self.access.resolve(ctx, Action::ViewUser, named).await?;
        self.writer
            .emit_view(ctx, Event::UserViewed { user_id: user.id })
            .await?;
        let store = &*self.store;
        let (last_sign_in_at, is_locked_out) = tokio::try_join!(
            LastSignIn::time_of(store, user.id),
            Lockout::is_in_force(store, &user),
        )?;
        Ok(ViewedUser {
            user,
            last_sign_in_at,
            is_locked_out,
        })
    }

    /// Returns the user that a path names, for a signed-in client. For the client's own account it is the user
    /// that the session check has read, at most a second ago, with all changes made on this node.
    pub async fn view_in_session(
        &self,
        ctx: &Ctx,
        viewer: &Authenticated,
        named: &str,
    ) -> Result<ViewedUser, Error> {
        if names_actor(&ctx.actor, named) {
            access::authorize(&ctx.actor, Action::ViewUser, Target::Own)?;
            let user = viewer.user().clone();
            let read = || LastSignIn::time_of(&*self.store, user.id);
            let last_sign_in_at = *viewer.0.last_sign_in_at.get_or_try_init(read).await?;
            return Ok(ViewedUser {
                user,
                last_sign_in_at,
                is_locked_out: false,
            });
        }
        self.view(ctx, named).await
    }

    /// Adds to a user, which a service has returned, when they last signed in. If that cannot be read, it is omitted: the
    /// change that the user is returned for has been made.
    pub async fn viewed(&self, user: User) -> ViewedUser {
        let read = LastSignIn::time_of(&*self.store, user.id).await;
        let last_sign_in_at = read.unwrap_or_else(|error| {
            tracing::warn!(%error, "failed to read when a user last signed in");
            None
        });
        ViewedUser {
            user,
            last_sign_in_at,
            is_locked_out: false,
        }
    }

    /// Returns the stored version of the user, for a conditional write; `None` if the actor may not view the user.
    /// Writes no audit event, since the write does.
    pub async fn current_version(
        &self,
        ctx: &Ctx,
        viewer: &Authenticated,
        named: &str,
    ) -> Result<Option<Version>, Error> {
        if names_actor(&ctx.actor, named) {
            return Ok(Some(viewer.user().version));
        }
        if access::authorize(&ctx.actor, Action::ViewUser, Target::Others).is_err() {
            return Ok(None);
        }
        let user = self.access.resolve(ctx, Action::ViewUser, named).await?;
        Ok(Some(user.version))
    }

    /// Updates the profile. Fails with [`Error::PreconditionFailed`] if `expected` is set and the user has
    /// another version.
    #[tracing::instrument(name = "update_profile", level = "trace", skip_all)]
    pub async fn update(
        &self,
        ctx: &Ctx,
        named: &str,
        update: &ProfileUpdate,
        expected: Option<Version>,
    ) -> Result<User, Error> {
        let mut user = self
            .access
            .resolve(ctx, Action::UpdateProfile, named)
            .await?;
        let mut emitted = None;
        for _ in 0..MAX_WRITE_ATTEMPTS {
            ensure_version(&user, expected)?;
            let updated = updated(ctx, &user, update)?;
            let mut batch = self.access.actor_check(ctx, Action::UpdateProfile, user.id);
            batch.extend(updated.replace(&user));
            // Emitted once for all attempts, since the limit of audit events counts each.
            let emitted = emitted.get_or_insert_with(|| {
                let mut events = Batch::new();
                let event = Event::ProfileUpdated { user_id: user.id };
                self.writer.emit(ctx, event, &mut events);
                events
            });
            batch.extend(emitted.iter().cloned());
            match self.writer.apply(batch).await {
                Ok(()) => return Ok(updated),
                Err(WriteError::Stale) if expected.is_none() => {
                    let stored: Option<User> = self.store.get(user.id).await?;
                    user = stored.ok_or(Error::NotFound)?;
                }
                Err(other) => return Err(other.into()),
            }
        }
        Err(Error::Overloaded)
    }
}

fn updated(ctx: &Ctx, user: &User, update: &ProfileUpdate) -> Result<User, Error> {
    let (name, data, locale) = match update {
        ProfileUpdate::Replace { name, data, locale } => (name.clone(), data.clone(), locale),
        ProfileUpdate::Data(data) => (user.name.clone(), data.clone(), &None),
        ProfileUpdate::Patch { name, data, locale } => {
            let data = match data {
                None => user.data.clone(),
                Some(None) => Data::default(),
                Some(Some(patch)) => user
                    .data
                    .merged(patch)
                    .map_err(|invalid| Error::invalid("data", invalid))?,
            };
            let name = name.clone().unwrap_or_else(|| user.name.clone());
            (name, data, locale)
        }
    };
    let locale = locale.clone();
    Ok(User {
        name,
        data,
        preferred_locale: locale.unwrap_or_else(|| user.preferred_locale.clone()),
        ..user.next_version(ctx.now)
    })
}
