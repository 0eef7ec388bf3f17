//! Views a user and updates the profile: `name` and `data`.

use serde_json::{Map, Value};

use crate::access::{self, Action, Target};
use crate::core::ATTEMPTS;
use crate::core::names_actor;
use crate::core::sessions::Authenticated;
use crate::core::users::ensure_version;
use crate::ctx::Ctx;
use crate::error::{Error, WriteError};
use crate::model::{Event, User, Version};
use crate::profile::Profile;
use crate::store::{Batch, Records};
use crate::values::{Data, Name};

/// An update of a profile.
#[derive(Debug, Clone)]
pub enum ProfileUpdate {
    /// Replaces both fields.
    Replace {
        /// The new name; `None` removes it.
        name: Option<Name>,
        /// The new data.
        data: Data,
    },
    /// A merge patch (RFC 7396): absent fields do not change.
    Patch {
        /// `Some(None)` removes the name.
        name: Option<Option<Name>>,
        /// `Some(None)` empties the data.
        data: Option<Option<Map<String, Value>>>,
    },
}

impl Profile {
    /// Returns the user that a path names, and writes an audit event if it is another user.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn view_user(&self, ctx: &Ctx, named: &str) -> Result<User, Error> {
        let user = self.core.resolve(ctx, Action::ViewUser, named).await?;
        self.core
            .audit_view(ctx, Event::UserViewed, Some(user.id))
            .await?;
        Ok(user)
    }

    /// Returns the user that a path names, for a signed-in client. For the client's own account it is the user
    /// that the session check has read, at most a second ago, with all changes made on this node.
    pub async fn view_user_in_session(
        &self,
        ctx: &Ctx,
        viewer: &Authenticated,
        named: &str,
    ) -> Result<User, Error> {
        if names_actor(&ctx.actor, named) {
            access::authorize(&ctx.actor, Action::ViewUser, Target::Own)?;
            return Ok(viewer.user().clone());
        }
        self.view_user(ctx, named).await
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
        let user = self.core.resolve(ctx, Action::ViewUser, named).await?;
        Ok(Some(user.version))
    }

    /// Updates `name` and `data`. Fails with [`Error::PreconditionFailed`] if `expected` is set and the user has
    /// another version.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn update_profile(
        &self,
        ctx: &Ctx,
        named: &str,
        update: &ProfileUpdate,
        expected: Option<Version>,
    ) -> Result<User, Error> {
        let mut user = self.core.resolve(ctx, Action::UpdateProfile, named).await?;
        let mut may_write = None;
        for _ in 0..ATTEMPTS {
            ensure_version(&user, expected)?;
            let updated = updated(ctx, &user, update)?;
            let check = self.core.check_actor(ctx, Action::UpdateProfile, user.id);
            let mut changes: Batch = check.into_iter().collect();
            changes.extend(updated.replace(&user));
            let is_own = ctx.actor.user_id() == Some(user.id);
            // Decided once for all attempts: one change is one audit event, written or counted.
            if *may_write.get_or_insert_with(|| {
                !is_own || self.core.acquire_audit_slot(ctx, Event::ProfileUpdated)
            }) {
                changes.push(self.core.audit(ctx, Event::ProfileUpdated, Some(user.id)));
            }
            match self.core.apply(changes).await {
                Ok(()) => return Ok(updated),
                Err(WriteError::Stale) if expected.is_none() => {
                    let stored: Option<User> = self.core.ports.store.get(user.id).await?;
                    user = stored.ok_or(Error::NotFound)?;
                }
                Err(other) => return Err(other.into()),
            }
        }
        Err(Error::Overloaded)
    }
}

fn updated(ctx: &Ctx, user: &User, update: &ProfileUpdate) -> Result<User, Error> {
    let (name, data) = match update {
        ProfileUpdate::Replace { name, data } => (name.clone(), data.clone()),
        ProfileUpdate::Patch { name, data } => {
            let data = match data {
                None => user.data.clone(),
                Some(None) => Data::default(),
                Some(Some(patch)) => user
                    .data
                    .merged(patch)
                    .map_err(|invalid| Error::invalid("data", invalid))?,
            };
            (name.clone().unwrap_or_else(|| user.name.clone()), data)
        }
    };
    Ok(User {
        name,
        data,
        version: user.version.next(),
        updated_at: ctx.now,
        ..user.clone()
    })
}
