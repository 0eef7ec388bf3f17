//! The one way to write: a list of changes that a store makes all or not at all.
//!
//! A story composes changes and touches no backend. To add one: a variant here, one arm in each
//! store, a case in `testkit::contract`.

use jiff::Timestamp;

use crate::model::{
    AuditEvent, Checkpoint, Credential, Link, MailJob, MailKind, Purpose, Role, SigningKey, User,
    Version,
};
use crate::ports::StoreError;
use crate::values::{AuditEventId, Digest, EmailAddress, MailJobId, SessionId, UserId};

/// One change. The order within a list is the order they are made in.
#[derive(Debug, Clone)]
pub enum Change {
    /// A new user; [`ApplyError::Taken`] where the user name or the confirmed address is another's,
    /// [`ApplyError::Store`] where the id is there already: ids are drawn at random.
    InsertUser(Box<User>),
    /// The user as it shall be, `version` and all; [`ApplyError::Stale`] where the kept one
    /// is not of the `expected` version.
    UpdateUser {
        /// As it shall be; its version is `expected.next()`.
        user: Box<User>,
        /// As it was read.
        expected: Version,
    },
    /// Holds if the actor of a privileged write is active, has this role or a higher one, and no security event
    /// has ended the session of that epoch; [`ApplyError::ActorSignedOut`] or [`ApplyError::ActorNotAllowed`] else.
    /// The actor's row stays as it is until the changes are made, so that of two admins who demote each other at
    /// the same time one fails.
    CheckActor {
        /// The actor.
        user_id: UserId,
        /// The role that the write needs.
        role: Role,
        /// The epoch of the actor's session.
        session_epoch: i64,
    },
    /// Strangers have used up their guesses at the user's password of that epoch, or none have any more;
    /// nothing where there is no such user.
    SetLockout {
        /// Whose password.
        user_id: UserId,
        /// Of which epoch; none lifts it.
        epoch: Option<i64>,
    },
    /// Removes the user with its credential, links, mails and notes of ended sessions, and its sessions
    /// where this store keeps them. [`ApplyError::Stale`] where it is gone.
    DeleteUser(UserId),
    /// Sets the user's password hash, whether there was one or not. That the user is there is the
    /// story's to see to, by another change of the same list.
    PutCredential(Credential),
    /// Replaces a password hash by one of the same password, where it is still the `old` one; nothing
    /// where it is not.
    RehashCredential {
        /// The newer hash.
        credential: Credential,
        /// The hash that was verified.
        old: crate::values::Secret<String>,
    },
    /// A new link.
    PutLink(Link),
    /// Marks a link as used. [`ApplyError::Stale`] where it is used, gone or expired by then.
    UseLink {
        /// Which.
        digest: Digest,
        /// Now.
        at: Timestamp,
    },
    /// Removes a user's links of one purpose that were requested at `since` or later.
    RevokeLinks {
        /// Whose.
        user_id: UserId,
        /// Which.
        purpose: Purpose,
        /// [`Timestamp::MIN`] for all of them.
        since: Timestamp,
    },
    /// A new mail in the outbox.
    EnqueueMail(MailJob),
    /// The mail was handed over, or has nobody to go to: removes it.
    MailDone(MailJobId),
    /// Removes the mails to this address that name no user: they were asked for by address alone.
    ForgetMails(EmailAddress),
    /// Removes a user's mails of one kind that were written at `since` or later.
    ForgetUserMails {
        /// Whose.
        user_id: UserId,
        /// Which.
        kind: MailKind,
        /// [`Timestamp::MIN`] for all of them.
        since: Timestamp,
    },
    /// Holds where the mail is in the outbox still; [`ApplyError::Stale`] else.
    KeepMail(MailJobId),
    /// The mail waits for its next try. Nothing where it is gone.
    MailRetry {
        /// Which.
        id: MailJobId,
        /// Not before.
        due_at: Timestamp,
    },
    /// Mails that are due by `until` become due `now`. Ends the leases of a process that died, in a
    /// database that one process uses at a time.
    ExpireMailLeases {
        /// New due time.
        now: Timestamp,
        /// Latest end of a lease.
        until: Timestamp,
    },
    /// The mail failed permanently. It is stored until the sweep. No effect if it is deleted.
    MailFailed {
        /// Which.
        id: MailJobId,
        /// When.
        at: Timestamp,
    },
    /// A new signing key, which retires all others. [`ApplyError::Stale`] where the newest key is
    /// not the one `replaces` names: another node was faster.
    RotateSigningKey {
        /// The new one.
        key: SigningKey,
        /// The newest one's `kid`, or none where there is none yet.
        replaces: Option<String>,
    },
    /// Removes a signing key; nothing where it is gone.
    DeleteSigningKey(String),
    /// A session has ended, and stays so until `until`, even if the store it lived in forgets that.
    /// Nothing where it was noted before.
    EndSession {
        /// Whose it was.
        user_id: UserId,
        /// Which.
        id: SessionId,
        /// Until when it could have lived at most.
        until: Timestamp,
    },
    /// Holds where, after the changes so far, some admin is active; [`ApplyError::LastAdmin`] else.
    /// Two of these never pass side by side on what the other is about to take away.
    KeepAnAdmin,
    /// A new audit event.
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
    /// Replaces the checkpoint by this pruned one, and deletes the events up to it and the checkpoints
    /// before it. [`ApplyError::Stale`] if it is gone or already pruned.
    PruneAudit(Checkpoint),
    /// Erases the IP address and the user agent of these events.
    EraseAudit(Vec<AuditEventId>),
}

/// Changes that stand or fall together.
pub type Changes = Vec<Change>;

/// What is unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unique {
    /// A user name, by its key.
    Username,
    /// A confirmed address, by its key.
    Email,
}

/// Why nothing was changed, as far as is known.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Somebody else has it.
    #[error("taken: {0:?}")]
    Taken(Unique),
    /// What a change was made upon is no longer so: read again and decide anew.
    #[error("stale")]
    Stale,
    /// The actor's account is gone or disabled, or their session has ended.
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
    /// The commit was sent and not confirmed: all of it was changed, or nothing.
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
