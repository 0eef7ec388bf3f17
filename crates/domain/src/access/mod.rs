//! Who may do what: checks what the actor may do, and finds the user that a path identifies.
//!
//! `action` has the actions and the rule of each; `roster` the active admins.

mod action;
pub(crate) mod roster;

use std::sync::Arc;

use jiff::Timestamp;

use crate::ctx::{Actor, Ctx};
use crate::error::Error;
use crate::events::Event;
use crate::model::{FactorProof, FactorSet, Status, User, Version};
use crate::policy::Policy;
use crate::store::{Batch, Condition, ReadStore, Records, Write};
use crate::values::{EmailAddress, Role, UserId, Username};
use crate::writer::Writer;

pub use action::{Action, NO_USER, Target, authorize};
pub(crate) use action::{ensure_operator, names_actor, names_user};

/// Decides what actors may do, and finds the users that they name.
pub(crate) struct Access {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) writer: Arc<Writer>,
    pub(crate) policy: Arc<Policy>,
}

/// The user that an action is about, and what its writes need.
pub(crate) struct Begun {
    pub(crate) user: User,
    /// What the actor has proved.
    pub(crate) proof: FactorProof,
    /// The first write: the condition on the actor.
    pub(crate) batch: Batch,
}

impl Access {
    /// Checks the permission, and a recent proof if the action needs one; then finds the user. Before each attempt of a
    /// write, since it is stale if the user or the actor has changed since they were read.
    pub(crate) async fn begin(
        &self,
        ctx: &Ctx,
        action: Action,
        named: &str,
    ) -> Result<Begun, Error> {
        let proof = match action.rule().needs_proof() {
            true => self.ensure_reauthenticated(ctx, action, named).await?,
            false => FactorProof::NotRequired,
        };
        let user = self.resolve(ctx, action, named).await?;
        let batch = self.actor_check(ctx, action, user.id);
        Ok(Begun { user, proof, batch })
    }

    /// Checks that the actor may do this to others, and audits a forbidden attempt. Services call this themselves. A handler
    /// calls it first if it would otherwise validate input before the service does.
    pub(crate) async fn authorize(&self, ctx: &Ctx, action: Action) -> Result<(), Error> {
        self.authorize_by_name(ctx, action, NO_USER).await
    }

    /// Like [`Self::authorize`], for the user that a path's `{user}` identifies. The name is not looked up (Z-02)
    /// and not logged: the audit event contains only an id.
    pub(crate) async fn authorize_by_name(
        &self,
        ctx: &Ctx,
        action: Action,
        named: &str,
    ) -> Result<(), Error> {
        let is_own = names_actor(&ctx.actor, named);
        let target = if is_own { Target::Own } else { Target::Others };
        let result = authorize(&ctx.actor, action, target);
        if matches!(result, Err(Error::Forbidden)) {
            let (action, user_id) = (action.as_str(), named.parse().ok());
            let forbidden = Event::Forbidden { action, user_id };
            self.writer.emit_now(ctx, forbidden).await?;
        }
        result
    }

    /// Finds the user that a path's `{user}` identifies. Authorization is checked before the look-up.
    pub(crate) async fn resolve(
        &self,
        ctx: &Ctx,
        action: Action,
        named: &str,
    ) -> Result<User, Error> {
        self.authorize_by_name(ctx, action, named).await?;
        let is_own = names_actor(&ctx.actor, named);
        let store = &self.store;
        let user = match (
            ctx.actor.user_id().filter(|_| is_own),
            named.parse::<UserId>(),
        ) {
            (Some(own), _) => store.get(own).await?,
            (None, Ok(id)) => store.get(id).await?,
            (None, Err(())) => match Username::parse(named).ok() {
                Some(username) => {
                    let user = store.find(User::USERNAME_KEY, username.key()).await?;
                    self.load_with_data(user).await?
                }
                None => None,
            },
        };
        user.ok_or(Error::NotFound)
    }

    /// Reads a user that was found by a name or an address again, including `data`.
    pub(crate) async fn load_with_data(&self, user: Option<User>) -> Result<Option<User>, Error> {
        match user {
            Some(user) => Ok(self.store.get(user.id).await?),
            None => Ok(None),
        }
    }

    /// The first write of a change of another user's account, or of an action that needs the admin role: this node
    /// may have checked the actor's session up to a second ago (Z-04). Empty for other writes.
    pub(crate) fn actor_check(&self, ctx: &Ctx, action: Action, target: UserId) -> Batch {
        let is_own = ctx.actor.user_id() == Some(target);
        match is_own && !action.rule().needs_admin() {
            true => Batch::new(),
            false => self.admin_check(ctx),
        }
    }

    /// The first write of a change that only an admin can make. Empty if the actor is not a user.
    pub(crate) fn admin_check(&self, ctx: &Ctx) -> Batch {
        let Actor::User {
            id, security_epoch, ..
        } = &ctx.actor
        else {
            return Batch::new();
        };
        let when = vec![
            Condition::is("status", Status::Active.as_str()),
            Condition::at_most("security_epoch", *security_epoch),
            Condition::is("role", Role::Admin.as_str()),
        ];
        vec![Write::check::<User>(*id, when)]
    }

    /// Finds a user by id, username or confirmed address. Fails with [`Error::NotFound`] if there is none.
    pub(crate) async fn find_by_name(&self, named: &str) -> Result<User, Error> {
        let store = &self.store;
        let found = if let Ok(id) = named.parse::<UserId>() {
            store.get(id).await?
        } else if let Ok(email) = EmailAddress::parse(named) {
            let found = store.find(User::EMAIL_KEY, email.key()).await?;
            self.load_with_data(found).await?
        } else if let Ok(username) = Username::parse(named) {
            let found = store.find(User::USERNAME_KEY, username.key()).await?;
            self.load_with_data(found).await?
        } else {
            None
        };
        found.ok_or(Error::NotFound)
    }

    /// Fails with [`Error::ReauthenticationRequired`] if the user has not proved recently who they are, with a second
    /// factor if the account has one. The command line is exempt: the operator has access to the machine. So is a user who is
    /// enrolling: the challenge proves that they have just entered the password. Returns what was proved. A write to the
    /// factors compares it with the set that it replaces, since the user can add the first factor after this check.
    pub(crate) async fn ensure_reauthenticated(
        &self,
        ctx: &Ctx,
        action: Action,
        named: &str,
    ) -> Result<FactorProof, Error> {
        self.authorize_by_name(ctx, action, named).await?;
        let Actor::User {
            id,
            auth_time,
            is_multi_factor,
            ..
        } = &ctx.actor
        else {
            return Ok(match &ctx.actor {
                Actor::Enrolling { id, .. } => FactorProof::Password(*id),
                _ => FactorProof::NotRequired,
            });
        };
        if self.is_recent(ctx, *auth_time) {
            if *is_multi_factor {
                return Ok(FactorProof::Factor);
            }
            if FactorSet::of_user(&*self.store, *id).await?.is_empty() {
                return Ok(FactorProof::Password(*id));
            }
        }
        let refused = Event::StepUpRefused {
            kind: action.rule().audited_as(),
            user_id: *id,
            reason: "reauthentication required",
        };
        self.writer.emit_now(ctx, refused).await?;
        Err(Error::ReauthenticationRequired)
    }

    /// Returns `true` if a proof of this time is recent enough for sensitive actions.
    pub(crate) fn is_recent(&self, ctx: &Ctx, auth_time: Timestamp) -> bool {
        let within = self.policy.reauthenticate_after;
        within.is_zero() || ctx.now.duration_since(auth_time) <= within
    }

    /// Returns `true` if the last proof of the session included a second factor, and is recent enough.
    pub(crate) fn has_recent_factor(&self, ctx: &Ctx) -> bool {
        matches!(
            ctx.actor,
            Actor::User { is_multi_factor: true, auth_time, .. } if self.is_recent(ctx, auth_time)
        )
    }
}

/// Fails with [`Error::PreconditionFailed`] if the user does not have the expected version.
pub(crate) fn ensure_version(user: &User, expected: Option<Version>) -> Result<(), Error> {
    match expected {
        Some(expected) if expected != user.version => Err(Error::PreconditionFailed),
        _ => Ok(()),
    }
}
