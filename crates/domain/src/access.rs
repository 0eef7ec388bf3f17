//! Who may do what to whom: the one place that says so.
//!
//! [`authorize`] is asked before anyone looks whether the target exists, so that a stranger
//! learns nothing from the answer. To add an action: a variant, and a row in [`authorize`].

use crate::ctx::Actor;
use crate::error::Error;
use crate::model::Role;

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// See the user.
    ViewUser,
    /// Take along everything held on the user.
    ExportUser,
    /// Change `name` and `data`.
    UpdateProfile,
    /// Ask for another address.
    ChangeEmail,
    /// Delete the user.
    DeleteUser,
    /// See the open sessions.
    ListSessions,
    /// End sessions.
    RevokeSessions,
    /// List and search users.
    ListUsers,
    /// Give or take the admin role.
    ChangeRole,
    /// Disable or enable.
    ChangeStatus,
    /// Read the audit log.
    ReadAudit,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 11] = [
        Self::ViewUser,
        Self::ExportUser,
        Self::UpdateProfile,
        Self::ChangeEmail,
        Self::DeleteUser,
        Self::ListSessions,
        Self::RevokeSessions,
        Self::ListUsers,
        Self::ChangeRole,
        Self::ChangeStatus,
        Self::ReadAudit,
    ];
}

/// Whom it is done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The actor's own account.
    Own,
    /// Anybody else's, whether it exists or not; or everybody's.
    Others,
}

/// Says whether the actor may. Whoever is nobody is asked to sign in; whoever is somebody else is
/// told that it is not theirs.
pub fn authorize(actor: &Actor, action: Action, target: Target) -> Result<(), Error> {
    let role = match actor {
        Actor::CommandLine | Actor::Worker => return Ok(()),
        Actor::Anonymous => return Err(Error::AuthenticationRequired),
        Actor::User { role, .. } => *role,
    };
    if role == Role::Admin || (!needs_admin(action) && target == Target::Own) {
        Ok(())
    } else {
        Err(Error::Forbidden)
    }
}

/// Whether only admins may do it, even to their own account.
pub(crate) fn needs_admin(action: Action) -> bool {
    match action {
        Action::ViewUser
        | Action::ExportUser
        | Action::UpdateProfile
        | Action::ChangeEmail
        | Action::DeleteUser
        | Action::ListSessions
        | Action::RevokeSessions => false,
        Action::ListUsers | Action::ChangeRole | Action::ChangeStatus | Action::ReadAudit => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::SeededSecrets;
    use crate::model::User;
    use crate::values::{SessionId, UserId};

    fn user(role: Role) -> Actor {
        let secrets = SeededSecrets::new(1);
        Actor::User {
            id: UserId::generate(jiff::Timestamp::UNIX_EPOCH, &secrets),
            username_key: None,
            role,
            session_id: SessionId::generate(jiff::Timestamp::UNIX_EPOCH, &secrets),
            session_epoch: User::FIRST_EPOCH,
            password_shown_at: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn no_rule_lets_a_user_act_on_another_or_a_stranger_on_anybody() {
        for action in Action::ALL {
            assert!(matches!(
                authorize(&user(Role::User), action, Target::Others),
                Err(Error::Forbidden)
            ));
            assert!(authorize(&user(Role::Admin), action, Target::Others).is_ok());
            for target in [Target::Own, Target::Others] {
                let refused = authorize(&Actor::Anonymous, action, target);
                assert!(matches!(refused, Err(Error::AuthenticationRequired)));
            }
        }
    }

    #[test]
    fn what_admins_alone_do_is_not_done_on_oneself_either() {
        for action in [
            Action::ChangeRole,
            Action::ChangeStatus,
            Action::ListUsers,
            Action::ReadAudit,
        ] {
            assert!(authorize(&user(Role::User), action, Target::Own).is_err());
        }
    }
}
