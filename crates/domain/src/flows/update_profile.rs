//! See a user, and change what they say of themselves.

use serde_json::{Map, Value};

use crate::access::{self, Action, Target};
use crate::accounts::{ATTEMPTS, Accounts, names_actor};
use crate::changes::{ApplyError, Change, Changes};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::flows::sessions::Authenticated;
use crate::model::{Event, User, Version};
use crate::values::{Data, Name};

/// What becomes of a profile.
#[derive(Debug, Clone)]
pub enum ProfileUpdate {
    /// Both are as given from now on.
    Replace {
        /// The name, or none.
        name: Option<Name>,
        /// The data.
        data: Data,
    },
    /// A merge patch (RFC 7396): what is absent stays.
    Patch {
        /// `Some(None)` removes the name.
        name: Option<Option<Name>>,
        /// `Some(None)` empties the data.
        data: Option<Option<Map<String, Value>>>,
    },
}

impl Accounts {
    /// The user a path names.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn view_user(&self, ctx: &Ctx, named: &str) -> Result<User, Error> {
        let user = self.resolve(ctx, Action::ViewUser, named).await?;
        self.write_look(ctx, Event::UserViewed, Some(user.id))
            .await?;
        Ok(user)
    }

    /// The user a path names, as somebody signed in asks for it. Whoever asks for themselves gets
    /// what the check of their session has just found, which is a second old at most and never
    /// older than a change made on this node.
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

    /// Which version of the user is kept now, for the condition of a write; none where the actor may not look.
    /// It leaves no line: the write does.
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
        let user = self.resolve(ctx, Action::ViewUser, named).await?;
        Ok(Some(user.version))
    }

    /// Changes `name` and `data`. With `expected`, only where the user is still of that version.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn update_profile(
        &self,
        ctx: &Ctx,
        named: &str,
        update: &ProfileUpdate,
        expected: Option<Version>,
    ) -> Result<User, Error> {
        let mut user = self.resolve(ctx, Action::UpdateProfile, named).await?;
        let mut may_write = None;
        for _ in 0..ATTEMPTS {
            ensure_version(&user, expected)?;
            let updated = updated(ctx, &user, update)?;
            let mut changes: Changes = self
                .check_actor(ctx, Action::UpdateProfile, user.id)
                .into_iter()
                .collect();
            changes.push(Change::UpdateUser {
                user: Box::new(updated.clone()),
                expected: user.version,
            });
            let is_own = ctx.actor.user_id() == Some(user.id);
            // Asked once, however often it is tried: one change is one line, written or counted.
            if *may_write
                .get_or_insert_with(|| !is_own || self.may_fill_the_log(ctx, Event::ProfileUpdated))
            {
                changes.push(self.audit(ctx, Event::ProfileUpdated, Some(user.id)));
            }
            match self.apply(changes).await {
                Ok(()) => return Ok(updated),
                Err(ApplyError::Stale) if expected.is_none() => {
                    user = self
                        .ports
                        .store
                        .find_user(user.id)
                        .await?
                        .ok_or(Error::NotFound)?;
                }
                Err(other) => return Err(other.into()),
            }
        }
        Err(Error::Overloaded)
    }
}

/// Refuses where the caller has read another version.
pub(crate) fn ensure_version(user: &User, expected: Option<Version>) -> Result<(), Error> {
    match expected {
        Some(expected) if expected != user.version => Err(Error::PreconditionFailed),
        _ => Ok(()),
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
