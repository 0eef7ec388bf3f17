//! All writes: a list of changes that a store applies atomically.
//!
//! A flow composes changes and calls no backend. To add a change: a variant here, one arm in each store, a case in
//! `testkit::contract`.

use jiff::Timestamp;

use crate::model::{
    AuditEvent, Checkpoint, Credential, Link, MailJob, MailKind, Purpose, Role, SigningKey, User,
    Version,
};
use crate::ports::StoreError;
use crate::values::{AuditEventId, Digest, EmailAddress, MailJobId, SessionId, UserId};

/// One change. The changes of a list are applied in order.
#[derive(Debug, Clone)]
pub enum Change {
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
    /// Sets the user's password hash, whether or not there is one. The flow must ensure with another change of the
    /// same list that the user exists.
    PutCredential(Credential),
    /// Replaces a password hash by a new one of the same password. No effect if the stored hash is not `old`.
    RehashCredential {
        /// The new hash.
        credential: Credential,
        /// The hash that was verified.
        old: crate::values::Secret<String>,
    },
    /// Inserts a link.
    PutLink(Link),
    /// Marks a link as used. Fails with [`ApplyError::Stale`] if it is used, deleted or expired at `at`.
    UseLink {
        /// Digest of the link.
        digest: Digest,
        /// Current time.
        at: Timestamp,
    },
    /// Deletes a user's links of one purpose that were requested at `since` or later.
    RevokeLinks {
        /// The user.
        user_id: UserId,
        /// Purpose of the links.
        purpose: Purpose,
        /// [`Timestamp::MIN`] for all of them.
        since: Timestamp,
    },
    /// Inserts a mail into the outbox.
    EnqueueMail(MailJob),
    /// Deletes a mail that was sent or has no recipient.
    MailDone(MailJobId),
    /// Deletes the mails to this address that have no user: they were requested by address.
    ForgetMails(EmailAddress),
    /// Deletes a user's mails of one kind that were created at `since` or later.
    ForgetUserMails {
        /// The user.
        user_id: UserId,
        /// Kind of the mails.
        kind: MailKind,
        /// [`Timestamp::MIN`] for all of them.
        since: Timestamp,
    },
    /// Checks that the mail is still in the outbox. Otherwise fails with [`ApplyError::Stale`].
    CheckMail(MailJobId),
    /// Schedules the next attempt of a mail. No effect if it is deleted.
    MailRetry {
        /// The mail.
        id: MailJobId,
        /// Earliest time of the attempt.
        due_at: Timestamp,
    },
    /// Makes the mails that are due by `until` due `now`. This ends the leases of a process that died, in a
    /// database that one process uses at a time.
    ExpireMailLeases {
        /// New due time.
        now: Timestamp,
        /// Latest end of a lease.
        until: Timestamp,
    },
    /// Marks a mail as permanently failed. It is stored until the sweep. No effect if it is deleted.
    MailFailed {
        /// The mail.
        id: MailJobId,
        /// Time of the failure.
        at: Timestamp,
    },
    /// Inserts a signing key and retires all others. Fails with [`ApplyError::Stale`] if the newest key is not
    /// `replaces`: another node was faster.
    RotateSigningKey {
        /// The new key.
        key: SigningKey,
        /// The `kid` of the newest key; `None` if there is no key.
        replaces: Option<String>,
    },
    /// Deletes a signing key. No effect if it does not exist.
    DeleteSigningKey(String),
    /// Records until `until` that a session has ended, in case the session's store restores it. No effect if it is
    /// already recorded.
    EndSession {
        /// Owner of the session.
        user_id: UserId,
        /// The session.
        id: SessionId,
        /// Latest time at which the session could have expired.
        until: Timestamp,
    },
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

/// A value that must be unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unique {
    /// A username, by its key.
    Username,
    /// A confirmed address, by its key.
    Email,
}

/// Why changes were not applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Another user has the value.
    #[error("taken: {0:?}")]
    Taken(Unique),
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
