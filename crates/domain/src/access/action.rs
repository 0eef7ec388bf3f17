//! Authorization: which actor may do what to which account. This is the only place that decides it.
//!
//! [`authorize`] is called before the target is looked up, so that its result does not reveal whether the target
//! exists. To add an action: a variant, and a row in `Action::rule`.

use crate::ctx::{Actor, Ctx};
use crate::error::Error;
use crate::model::AuditKind;
use crate::values::{Role, UserId, Username};

/// An action that requires authorization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// View the user.
    ViewUser,
    /// Export the user's personal data.
    ExportUser,
    /// Change `name`, `data` and `locale`.
    UpdateProfile,
    /// Request an address change, or cancel it.
    ChangeEmail,
    /// Delete the user, at once or after some days.
    DeleteUser,
    /// Cancel a deletion that was requested. Its user, who has no session, sends the proof of a sign-in instead.
    CancelDeletion,
    /// View what happened to the account.
    ViewActivity,
    /// List the open sessions.
    ListSessions,
    /// End sessions.
    RevokeSessions,
    /// List and search users.
    ListUsers,
    /// Grant or remove the admin role.
    ChangeRole,
    /// Disable or enable.
    ChangeStatus,
    /// Read the audit log.
    ReadAudit,
    /// View the totals.
    ViewTotals,
    /// View the nodes.
    ViewNodes,
    /// List and view queued mails.
    ReadOutbox,
    /// Retry queued mails, and send a test mail.
    ManageOutbox,
    /// Delete a queued mail.
    DeleteMail,
    /// View the signing keys.
    ViewKeys,
    /// Create a new signing key.
    RotateKeys,
    /// View the second factors.
    ViewFactors,
    /// Add a second factor. Only to the actor's own account.
    AddFactor,
    /// Renew the recovery codes. Only the actor's own.
    RenewRecoveryCodes,
    /// Remove a second factor.
    RemoveFactor,
    /// Invite a user, send the invitation again, or revoke it.
    Invite,
}

impl Action {
    /// All actions.
    pub const ALL: [Self; 25] = [
        Self::ViewUser,
        Self::ExportUser,
        Self::UpdateProfile,
        Self::ChangeEmail,
        Self::DeleteUser,
        Self::CancelDeletion,
        Self::ViewActivity,
        Self::ListSessions,
        Self::RevokeSessions,
        Self::ListUsers,
        Self::ChangeRole,
        Self::ChangeStatus,
        Self::ReadAudit,
        Self::ViewTotals,
        Self::ViewNodes,
        Self::ReadOutbox,
        Self::ManageOutbox,
        Self::DeleteMail,
        Self::ViewKeys,
        Self::RotateKeys,
        Self::ViewFactors,
        Self::AddFactor,
        Self::RenewRecoveryCodes,
        Self::RemoveFactor,
        Self::Invite,
    ];

    /// Its name in the audit log.
    pub(super) fn name(self) -> String {
        format!("{self:?}")
    }

    /// What the action requires.
    pub(crate) fn rule(self) -> Rule {
        match self {
            Self::ViewUser
            | Self::ExportUser
            | Self::UpdateProfile
            | Self::ViewActivity
            | Self::ListSessions
            | Self::RevokeSessions => Rule::of(Who::OwnerAndAdmins),
            Self::ViewFactors => Rule::of(Who::OwnerAndAdmins).while_enrolling(),
            Self::ChangeEmail => {
                Rule::of(Who::OwnerAndAdmins).with_proof(AuditKind::EmailChangeRequested)
            }
            Self::DeleteUser => Rule::of(Who::OwnerAndAdmins).with_proof(AuditKind::UserDeleted),
            Self::RemoveFactor => {
                Rule::of(Who::OwnerAndAdmins).with_proof(AuditKind::FactorRemoved)
            }
            Self::AddFactor => Rule::of(Who::Owner)
                .with_proof(AuditKind::FactorAdded)
                .while_enrolling(),
            Self::RenewRecoveryCodes => {
                Rule::of(Who::Owner).with_proof(AuditKind::RecoveryCodesRenewed)
            }
            Self::ListUsers
            | Self::ReadAudit
            | Self::ViewTotals
            | Self::ViewNodes
            | Self::ReadOutbox
            | Self::ManageOutbox
            | Self::ViewKeys => Rule::of(Who::Admins),
            Self::ChangeRole => Rule::of(Who::Admins).with_proof(AuditKind::RoleChanged),
            Self::ChangeStatus => Rule::of(Who::Admins).with_proof(AuditKind::StatusChanged),
            Self::CancelDeletion => Rule::of(Who::Admins).with_proof(AuditKind::DeletionCancelled),
            Self::Invite => Rule::of(Who::Admins).with_proof(AuditKind::Invited),
            Self::DeleteMail => Rule::of(Who::Admins).with_proof(AuditKind::MailDeleted),
            Self::RotateKeys => Rule::of(Who::Admins).with_proof(AuditKind::KeyRotated),
        }
    }
}

/// What an action requires of its actor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    who: Who,
    while_enrolling: bool,
    /// The audit event if a recent proof of identity is missing. [`AuditKind::Forbidden`] if none is required.
    pub(crate) audited_as: AuditKind,
}

/// Which users may do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    /// Users on their own account. No one else, not even an admin.
    Owner,
    /// Users on their own account, and admins on every account.
    OwnerAndAdmins,
    /// Only admins, even on their own account.
    Admins,
}

impl Rule {
    fn of(who: Who) -> Self {
        Self {
            who,
            while_enrolling: false,
            audited_as: AuditKind::Forbidden,
        }
    }

    /// Users who have to add a second factor before they are signed in may do it as well.
    fn while_enrolling(self) -> Self {
        Self {
            while_enrolling: true,
            ..self
        }
    }

    /// A recent proof of identity is required. If it is missing, this event is audited.
    fn with_proof(self, audited_as: AuditKind) -> Self {
        Self { audited_as, ..self }
    }

    /// Returns `true` if a recent proof of identity is required.
    pub(crate) fn needs_proof(self) -> bool {
        self.audited_as != AuditKind::Forbidden
    }

    /// Returns `true` if only admins may do it, even to their own account.
    pub(crate) fn needs_admin(self) -> bool {
        self.who == Who::Admins
    }
}

/// The `named` of an action that creates a user, or is about none. It names no one.
pub const NO_USER: &str = "";

/// Target of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The actor's own account.
    Own,
    /// Another account, whether or not it exists, or all accounts.
    Others,
}

/// Checks that the actor may do this. Fails with [`Error::AuthenticationRequired`] if the actor is anonymous, and
/// with [`Error::Forbidden`] if a user lacks the permission.
pub fn authorize(actor: &Actor, action: Action, target: Target) -> Result<(), Error> {
    let rule = action.rule();
    let is_own = target == Target::Own;
    let is_allowed = match actor {
        Actor::Anonymous => return Err(Error::AuthenticationRequired),
        _ if rule.who == Who::Owner && !is_own => false,
        Actor::CommandLine | Actor::Worker => true,
        Actor::Enrolling { .. } => rule.while_enrolling && is_own,
        Actor::User { role, .. } => *role == Role::Admin || (is_own && rule.who != Who::Admins),
    };
    if is_allowed {
        Ok(())
    } else {
        Err(Error::Forbidden)
    }
}

/// Returns `true` if a path's `{user}` identifies the actor: `me`, their id, or their username in any spelling.
pub(crate) fn names_actor(actor: &Actor, identifier: &str) -> bool {
    match actor {
        Actor::User {
            id, username_key, ..
        }
        | Actor::Enrolling {
            id, username_key, ..
        } => names_user(identifier, *id, username_key.as_deref()),
        _ => false,
    }
}

/// Returns `true` if a path's `{user}` identifies this user, who has proved who they are.
pub(crate) fn names_user(identifier: &str, id: UserId, username_key: Option<&str>) -> bool {
    if identifier == "me" || identifier.parse() == Ok(id) {
        return true;
    }
    match (Username::parse(identifier), username_key) {
        (Ok(username), Some(own)) => username.key() == own,
        _ => false,
    }
}

/// Fails with [`Error::Forbidden`] unless the operator acts on the command line.
pub(crate) fn ensure_operator(ctx: &Ctx) -> Result<(), Error> {
    match ctx.actor {
        Actor::CommandLine => Ok(()),
        _ => Err(Error::Forbidden),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::SeededRandom;
    use crate::model::User;
    use crate::values::SessionId;

    fn user(role: Role) -> Actor {
        let random = SeededRandom::new(1);
        Actor::User {
            id: UserId::generate(jiff::Timestamp::UNIX_EPOCH, &random),
            username_key: None,
            role,
            session_id: SessionId::generate(jiff::Timestamp::UNIX_EPOCH, &random),
            security_epoch: User::FIRST_EPOCH,
            auth_time: jiff::Timestamp::UNIX_EPOCH,
            is_multi_factor: false,
        }
    }

    #[test]
    fn users_act_on_themselves_admins_on_everyone_and_anonymous_clients_on_no_one() {
        for action in Action::ALL {
            assert!(matches!(
                authorize(&user(Role::User), action, Target::Others),
                Err(Error::Forbidden)
            ));
            let by_admin = authorize(&user(Role::Admin), action, Target::Others);
            assert_eq!(by_admin.is_ok(), action.rule().who != Who::Owner);
            for target in [Target::Own, Target::Others] {
                let refused = authorize(&Actor::Anonymous, action, target);
                assert!(matches!(refused, Err(Error::AuthenticationRequired)));
            }
        }
    }

    #[test]
    fn an_action_of_admins_is_forbidden_to_a_user_on_their_own_account() {
        for action in [
            Action::ChangeRole,
            Action::ChangeStatus,
            Action::CancelDeletion,
            Action::ListUsers,
            Action::ReadAudit,
            Action::ViewTotals,
            Action::ViewNodes,
            Action::ReadOutbox,
            Action::ManageOutbox,
            Action::DeleteMail,
            Action::ViewKeys,
            Action::RotateKeys,
            Action::Invite,
        ] {
            assert!(authorize(&user(Role::User), action, Target::Own).is_err());
        }
    }
}
