//! Show the password again, for what would hurt most in a thief's hands.
//!
//! A session says who somebody was at sign-in. To give a role, switch an account off or on, delete
//! one or move one to another address, the password must have been shown lately: with the sign-in,
//! or with the very request. `Accounts::ensure_password_shown` is asked by each such story, so that
//! none can be reached without; `Accounts::showing_password` is how a request shows it. To add an
//! action: ask in its story, and give it its event in `event_of`.

use crate::access::Action;
use crate::accounts::Accounts;
use crate::ctx::{Actor, Ctx};
use crate::error::Error;
use crate::flows::change_password::own_identifier;
use crate::flows::sign_in::Named;
use crate::model::Event;
use crate::values::Password;

impl Accounts {
    /// The same context after the actor's own password was shown with the request, where one was. A
    /// wrong one counts as a failed sign-in. Whether they may act at all is asked first.
    pub async fn showing_password(
        &self,
        ctx: &Ctx,
        action: Action,
        named: &str,
        password: Option<&Password>,
    ) -> Result<Ctx, Error> {
        let Some(password) = password else {
            return Ok(ctx.clone());
        };
        self.authorize_named(ctx, action, named).await?;
        self.show_own_password(ctx, password, event_of(action))
            .await
    }

    /// Verifies the actor's own password, and says so in the context.
    pub(crate) async fn show_own_password(
        &self,
        ctx: &Ctx,
        password: &Password,
        event: Event,
    ) -> Result<Ctx, Error> {
        let Actor::User {
            id,
            username_key,
            role,
            session_id,
            session_epoch,
            ..
        } = &ctx.actor
        else {
            return Ok(ctx.clone());
        };
        let own = self.ports.store.find_user(*id).await?;
        let own = own.ok_or(Error::InvalidToken)?;
        let identifier = own_identifier(&own)?;
        self.verify_password(ctx, &identifier, Named::surely(own), password, event)
            .await?;
        Ok(ctx.acting_as(Actor::User {
            id: *id,
            username_key: username_key.clone(),
            role: *role,
            session_id: *session_id,
            session_epoch: *session_epoch,
            password_shown_at: ctx.now,
        }))
    }

    /// Refuses whoever has not shown their password lately. The operator's command line is exempt:
    /// whoever types there has the machine.
    pub(crate) async fn ensure_password_shown(
        &self,
        ctx: &Ctx,
        action: Action,
        named: &str,
    ) -> Result<(), Error> {
        self.authorize_named(ctx, action, named).await?;
        let Actor::User {
            id,
            password_shown_at,
            ..
        } = &ctx.actor
        else {
            return Ok(());
        };
        let within = self.policy.reauthenticate_after;
        if within.is_zero() || ctx.now.duration_since(*password_shown_at) <= within {
            return Ok(());
        }
        let detail = "reauthentication required";
        let audit = self.audit_failure(ctx, event_of(action), Some(*id), detail);
        self.apply(vec![audit]).await?;
        Err(Error::ReauthenticationRequired)
    }
}

/// What a refusal is called in the audit log.
fn event_of(action: Action) -> Event {
    match action {
        Action::ChangeRole => Event::RoleChanged,
        Action::ChangeStatus => Event::StatusChanged,
        Action::DeleteUser => Event::UserDeleted,
        Action::ChangeEmail => Event::EmailChangeRequested,
        _ => Event::Forbidden,
    }
}
