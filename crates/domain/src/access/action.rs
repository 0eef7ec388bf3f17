//! Authorization: which actor may do what to which account. This is the only place that decides it.
//!
//! [`authorize`] is called before the target is looked up, so that its result does not reveal whether the target
//! exists. To add an action: a variant, and a row in `Action::rule`.

use crate::ctx::{Actor, Ctx};
use crate::error::Error;
use crate::model::AuditKind;
use crate::string_enum::string_enum;
use crate::values::{Role, UserId, Username};

string_enum! {
    /// An action that requires authorization. Its name is the detail of the audit event `forbidden`.
    Action {
        /// View the user.
        ViewUser => "ViewUser",
        /// Export the user's personal data.
        ExportUser => "ExportUser",
        /// Change `name`, `data` and `locale`.
        UpdateProfile => "UpdateProfile",
        /// Request an address change, or cancel it.
        ChangeEmail => "ChangeEmail",
        /// Delete the user, at once or after some days.
        DeleteUser => "DeleteUser",
        /// Cancel a deletion that was requested. Its user, who has no session, sends the proof of a sign-in instead.
        CancelDeletion => "CancelDeletion",
        /// View what happened to the account.
        ViewActivity => "ViewActivity",
        /// List the open sessions.
        ListSessions => "ListSessions",
        /// End sessions.
        RevokeSessions => "RevokeSessions",
        /// List and search users.
        ListUsers => "ListUsers",
        /// Grant or remove the admin role.
        ChangeRole => "ChangeRole",
        /// Disable or enable.
        ChangeStatus => "ChangeStatus",
        /// Read the audit log.
        ReadAudit => "ReadAudit",
        /// View the totals.
        ViewTotals => "ViewTotals",
        /// View the nodes.
        ViewNodes => "ViewNodes",
        /// List and view queued mails.
        ReadOutbox => "ReadOutbox",
        /// Retry queued mails, and send a test mail.
        ManageOutbox => "ManageOutbox",
        /// Delete a queued mail.
        DeleteMail => "DeleteMail",
        /// View the signing keys.
        ViewKeys => "ViewKeys",
        /// Create a new signing key.
        RotateKeys => "RotateKeys",
        /// View the second factors.
        ViewFactors => "ViewFactors",
        /// Add a second factor. Only to the actor's own account.
        AddFactor => "AddFactor",
        /// Renew the recovery codes. Only the actor's own.
        RenewRecoveryCodes => "RenewRecoveryCodes",
        /// Remove a second factor.
        RemoveFactor => "RemoveFactor",
        /// Invite a user, send the invitation again, or revoke it.
        Invite => "Invite",
    }
}

impl Action {
    /// What the action requires.
    pub(crate) fn rule(self) -> Rule {
        let (who, missing_proof) = match self {
            Self::ViewUser
            | Self::ExportUser
            | Self::UpdateProfile
            | Self::ViewActivity
            | Self::ListSessions
            | Self::RevokeSessions
            | Self::ViewFactors => (Who::OwnerAndAdmins, None),
            Self::ChangeEmail => (Who::OwnerAndAdmins, Some(AuditKind::EmailChangeRequested)),
            Self::DeleteUser => (Who::OwnerAndAdmins, Some(AuditKind::UserDeleted)),
            Self::RemoveFactor => (Who::OwnerAndAdmins, Some(AuditKind::FactorRemoved)),
            Self::AddFactor => (Who::Owner, Some(AuditKind::FactorAdded)),
            Self::RenewRecoveryCodes => (Who::Owner, Some(AuditKind::RecoveryCodesRenewed)),
            Self::ListUsers
            | Self::ReadAudit
            | Self::ViewTotals
            | Self::ViewNodes
            | Self::ReadOutbox
            | Self::ManageOutbox
            | Self::ViewKeys => (Who::Admins, None),
            Self::ChangeRole => (Who::Admins, Some(AuditKind::RoleChanged)),
            Self::ChangeStatus => (Who::Admins, Some(AuditKind::StatusChanged)),
            Self::CancelDeletion => (Who::Admins, Some(AuditKind::DeletionCancelled)),
            Self::Invite => (Who::Admins, Some(AuditKind::Invited)),
            Self::DeleteMail => (Who::Admins, Some(AuditKind::MailDeleted)),
            Self::RotateKeys => (Who::Admins, Some(AuditKind::KeyRotated)),
        };
        Rule {
            who,
            while_enrolling: matches!(self, Self::ViewFactors | Self::AddFactor),
            missing_proof,
        }
    }
}

/// What an action requires of its actor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    who: Who,
    /// `true` if users who have to add a second factor before they are signed in may do it as well.
    while_enrolling: bool,
    /// The audit event if a recent proof of identity is missing or wrong; `None` if the action needs no proof.
    missing_proof: Option<AuditKind>,
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
    /// Returns `true` if a recent proof of identity is required.
    pub(crate) fn needs_proof(self) -> bool {
        self.missing_proof.is_some()
    }

    /// The kind of the audit event about a proof that is missing or wrong.
    pub(crate) fn audited_as(self) -> AuditKind {
        self.missing_proof.unwrap_or(AuditKind::Forbidden)
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
        for action in Action::ALL.iter().copied() {
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
