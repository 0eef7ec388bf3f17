//! Reauthentication: actions that are most harmful in the hands of a thief require the password again.
//!
//! A session only proves who signed in at its start. To change a role, to disable, enable or delete an account, or
//! to change its address, the user must have entered the password recently: at sign-in or with the request itself.
//! Each of these methods calls `Core::ensure_reauthenticated`, so that no caller can skip it.
//! `SignIn::reauthenticate` verifies a password that is sent with the request. To add an action: call
//! `ensure_reauthenticated` in its method, and add its event to `audit_kind_of`.

use crate::access::Action;
use crate::core::Core;
use crate::core::verify_password::{AccountLookup, own_identifier};
use crate::ctx::{Actor, Ctx};
use crate::error::Error;
use crate::events::Event;
use crate::model::{AuditKind, User};
use crate::store::Records;
use crate::values::Password;

impl Core {
    /// Verifies the actor's own password, and returns the context that records this.
    pub(crate) async fn reauthenticate_with(
        &self,
        ctx: &Ctx,
        password: &Password,
        event: AuditKind,
    ) -> Result<Ctx, Error> {
        let Actor::User {
            id,
            username_key,
            role,
            session_id,
            security_epoch,
            ..
        } = &ctx.actor
        else {
            return Ok(ctx.clone());
        };
        let own: Option<User> = self.ports.store.get(*id).await?;
        let own = own.ok_or(Error::InvalidToken)?;
        let identifier = own_identifier(&own)?;
        self.verify_password(
            ctx,
            &identifier,
            AccountLookup::from_user(own),
            password,
            event,
        )
        .await?;
        Ok(ctx.acting_as(Actor::User {
            id: *id,
            username_key: username_key.clone(),
            role: *role,
            session_id: *session_id,
            security_epoch: *security_epoch,
            auth_time: ctx.now,
        }))
    }

    /// Fails with [`Error::ReauthenticationRequired`] if the user has not entered the password recently. The
    /// command line is exempt: the operator has access to the machine.
    pub(crate) async fn ensure_reauthenticated(
        &self,
        ctx: &Ctx,
        action: Action,
        named: &str,
    ) -> Result<(), Error> {
        self.authorize_by_name(ctx, action, named).await?;
        let Actor::User { id, auth_time, .. } = &ctx.actor else {
            return Ok(());
        };
        let within = self.policy.reauthenticate_after;
        if within.is_zero() || ctx.now.duration_since(*auth_time) <= within {
            return Ok(());
        }
        let refused = Event::Refused {
            kind: audit_kind_of(action),
            user_id: Some(*id),
            reason: "reauthentication required",
        };
        self.emit_now(ctx, refused).await?;
        Err(Error::ReauthenticationRequired)
    }
}

/// The audit event of a rejected action.
pub(crate) fn audit_kind_of(action: Action) -> AuditKind {
    match action {
        Action::ChangeRole => AuditKind::RoleChanged,
        Action::ChangeStatus => AuditKind::StatusChanged,
        Action::DeleteUser => AuditKind::UserDeleted,
        Action::ChangeEmail => AuditKind::EmailChangeRequested,
        Action::ViewUser
        | Action::ExportUser
        | Action::UpdateProfile
        | Action::ListSessions
        | Action::RevokeSessions
        | Action::ListUsers
        | Action::ReadAudit => AuditKind::Forbidden,
    }
}
