//! Checks what the actor may do, and resolves the user that a path identifies.

use crate::access::{self, Action, Target, names_actor};
use crate::core::{Core, Effects};
use crate::ctx::{Actor, Ctx};
use crate::error::Error;
use crate::events::Event;
use crate::model::{Role, Status, User};
use crate::store::{Batch, Condition, Records, Write};
use crate::values::{UserId, Username};

impl Core {
    /// Checks that the actor may do this, and audits a forbidden attempt. Services call this themselves. A handler
    /// calls it first if it would otherwise validate input before the service does.
    pub(crate) async fn authorize(
        &self,
        ctx: &Ctx,
        action: Action,
        target: Target,
    ) -> Result<(), Error> {
        let result = access::authorize(&ctx.actor, action, target);
        if matches!(result, Err(Error::Forbidden)) {
            let user_id = None;
            let forbidden = Event::Forbidden { action, user_id };
            self.emit_now(ctx, forbidden).await?;
        }
        result
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
        let result = access::authorize(&ctx.actor, action, target);
        if matches!(result, Err(Error::Forbidden)) {
            let user_id = named.parse().ok();
            let forbidden = Event::Forbidden { action, user_id };
            self.emit_now(ctx, forbidden).await?;
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
        let store = &self.ports.store;
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
            Some(user) => Ok(self.ports.store.get(user.id).await?),
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

    /// Fails if a user who is the actor has signed out, was disabled or demoted. For a read that can outlast
    /// the session with which it began.
    pub(crate) async fn ensure_still_admin(&self, ctx: &Ctx) -> Result<(), Error> {
        let Some(check) = Effects::of(&self.admin_check(ctx)).actor else {
            return Ok(());
        };
        self.ensure_actor(&check).await?;
        let open = self.sessions.list(check.0, self.now()).await?;
        let mut ids = open.iter().map(|session| Some(session.id));
        match ids.any(|id| id == ctx.actor.session_id()) {
            true => Ok(()),
            false => Err(Error::InvalidToken),
        }
    }
}
