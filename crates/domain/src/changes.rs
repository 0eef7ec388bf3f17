//! All writes: a list of changes that a store applies atomically.
//!
//! A flow composes changes and calls no backend. Most changes are operations on records ([`Change::Write`]). The other
//! variants are for users and the audit log, which do not declare tables yet; each has an arm in each store.

use crate::model::{AuditEvent, Checkpoint, Role, User, Version};
use crate::ports::StoreError;
use crate::store::Write;
use crate::values::{AuditEventId, Digest, UserId};

/// One change. The changes of a list are applied in order.
#[derive(Debug, Clone)]
pub enum Change {
    /// An operation on a record.
    Write(Write),
    /// Inserts a user. Fails with [`ApplyError::Taken`] if another user has the username or the confirmed address,
    /// and with [`ApplyError::Store`] if the id exists: ids are random.
    InsertUser(Box<User>),
    /// Replaces a user. Fails with [`ApplyError::Stale`] if the stored version is not `expected`.
    UpdateUser {
        /// The new user; its version is `expected.next()`.
        user: Box<User>,
        /// The version that was read.
        expected: Version,
    },
    /// Checks that the actor of a privileged write is active, has this role or a higher one, and that no security
    /// event has ended the session of that epoch. Otherwise fails with [`ApplyError::ActorSignedOut`] or
    /// [`ApplyError::ActorNotAllowed`]. The actor's row does not change until the changes are applied, so that if
    /// two admins demote each other at the same time, one of them fails.
    CheckActor {
        /// The actor.
        user_id: UserId,
        /// The role that the write needs.
        role: Role,
        /// The epoch of the actor's session.
        session_epoch: i64,
    },
    /// Locks unknown clients out of an account, or lifts the lockout. No effect if the user does not exist.
    SetLockout {
        /// The user.
        user_id: UserId,
        /// Session epoch of the password that is locked out; `None` lifts the lockout.
        epoch: Option<i64>,
    },
    /// Deletes the user with its credential, links, mails and records of ended sessions, and with its sessions if
    /// they are in this store. Fails with [`ApplyError::Stale`] if the user does not exist.
    DeleteUser(UserId),
    /// Checks that an admin is active after the preceding changes. Otherwise fails with [`ApplyError::LastAdmin`].
    /// Concurrent checks are serialised, so that two writes cannot together remove the last admin.
    CheckAdminRemains,
    /// Inserts an audit event.
    Audit(Box<AuditEvent>),
    /// Gives the events the positions after `checkpoint.previous`, in this order, and these hashes, and
    /// inserts the checkpoint. [`ApplyError::Stale`] if another node has sealed from the same position, or
    /// has sealed one of the events.
    SealAudit {
        /// The checkpoint after the events.
        checkpoint: Checkpoint,
        /// The events and their hashes.
        events: Vec<(AuditEventId, Digest)>,
    },
    /// Replaces the checkpoint by this pruned one, and deletes the events up to it and the checkpoints before it.
    /// [`ApplyError::Stale`] if it does not exist or is already pruned.
    PruneAudit(Checkpoint),
    /// Erases the IP address and the user agent of these events.
    EraseAudit(Vec<AuditEventId>),
}

/// Changes that are applied atomically.
pub type Changes = Vec<Change>;

impl From<Write> for Change {
    fn from(write: Write) -> Self {
        Self::Write(write)
    }
}

/// Why changes were not applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Another row has the same value in this unique column, or the same key.
    #[error("taken: {0}")]
    Taken(&'static str),
    /// A stored record is not as a change expects: read it again and retry.
    #[error("stale")]
    Stale,
    /// The actor's account is deleted or disabled, or their session has ended.
    #[error("the actor's session has ended")]
    ActorSignedOut,
    /// The actor no longer has the role that the write needs.
    #[error("the actor may not do this any more")]
    ActorNotAllowed,
    /// No admin would be left.
    #[error("no active admin would be left")]
    LastAdmin,
    /// The store did not respond, and nothing was changed.
    #[error(transparent)]
    Store(StoreError),
    /// The commit was sent but not confirmed: all changes were applied, or none.
    #[error("outcome unknown: {0}")]
    OutcomeUnknown(#[source] StoreError),
}

impl From<StoreError> for ApplyError {
    fn from(error: StoreError) -> Self {
        match error.is_outcome_unknown {
            true => Self::OutcomeUnknown(error),
            false => Self::Store(error),
        }
    }
}
