//! The audit log: who did what to whom, when, from where, and how it ended.

use std::net::IpAddr;

use jiff::Timestamp;

use crate::values::{AuditEventId, UserId};
use crate::words::words;

words! {
    /// What happened.
    Event {
        /// Somebody signed up.
        SignUp => "sign-up",
        /// An address was confirmed.
        EmailConfirmed => "email-confirmed",
        /// The owner of a mailbox cancelled a sign-up or an address change.
        ConfirmationCancelled => "confirmation-cancelled",
        /// A sign-in, or a failed one.
        SignIn => "sign-in",
        /// A session was ended by its user.
        SignOut => "sign-out",
        /// A spent session token was shown again; its session was ended.
        TokenReuse => "token-reuse",
        /// One session or all of a user's were ended from the list.
        SessionsRevoked => "sessions-revoked",
        /// A password was changed by its owner.
        PasswordChanged => "password-changed",
        /// A password was set from the command line.
        PasswordSet => "password-set",
        /// Someone requested a recovery mail. The account is not known yet.
        RecoveryRequested => "recovery-requested",
        /// A recovery mail was sent.
        RecoveryMailed => "recovery-mailed",
        /// A recovery link set a new password.
        Recovered => "recovered",
        /// A new address was asked for.
        EmailChangeRequested => "email-change-requested",
        /// The old mailbox took a change of address back.
        EmailChangeUndone => "email-change-undone",
        /// `name` or `data` changed.
        ProfileUpdated => "profile-updated",
        /// A role was given or taken.
        RoleChanged => "role-changed",
        /// A user was disabled or enabled.
        StatusChanged => "status-changed",
        /// A user was deleted.
        UserDeleted => "user-deleted",
        /// An unconfirmed sign-up was let go after its time.
        SignUpExpired => "sign-up-expired",
        /// An unconfirmed sign-up was let go since somebody else has confirmed its address.
        SignUpSuperseded => "sign-up-superseded",
        /// Somebody reached for what is not theirs.
        Forbidden => "forbidden",
        /// The signing key was rotated.
        KeyRotated => "key-rotated",
        /// A signing key was revoked: no token of its own is good any more.
        KeyRevoked => "key-revoked",
        /// Everything held on a user was given out.
        UserExported => "user-exported",
        /// A mail was given up after its last try.
        MailFailed => "mail-failed",
        /// A session was ended because the user had too many.
        SessionEvicted => "session-evicted",
        /// Too many attempts; the detail names the budget. One line stands for many.
        Throttled => "throttled",
        /// An admin looked at somebody.
        UserViewed => "user-viewed",
        /// An admin looked at somebody's sessions.
        SessionsListed => "sessions-listed",
        /// An admin listed users.
        UsersListed => "users-listed",
        /// The audit log was read.
        AuditRead => "audit-read",
        /// The audit log was exported.
        AuditExported => "audit-exported",
        /// Users were exported with their password hashes.
        UsersExported => "users-exported",
        /// The database was copied on the command line.
        BackupTaken => "backup-taken",
        /// A server started; the detail says how it is configured.
        ServerStarted => "server-started",
        /// Events of one kind exceeded a limit and were counted instead of written. The detail holds the
        /// event and the count.
        EventsSuppressed => "events-suppressed",
        /// The last seal of the audit log is not what was sealed; the detail names it.
        SealBroken => "seal-broken",
        /// What stands in the log cannot be read. Never written: lists show such a row by its id.
        Unreadable => "unreadable",
        /// What a newer release calls otherwise: the word stands in the detail. Never written.
        Other => "other",
    }
}

impl Event {
    /// The event of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|event| event.as_str() == name)
    }
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Done.
    Success,
    /// Refused.
    Failure,
}

impl Outcome {
    /// Its name in the API and the tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
        }
    }

    /// The outcome of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Success, Self::Failure]
            .into_iter()
            .find(|outcome| outcome.as_str() == name)
    }
}

/// A line of the audit log. It names people by id alone, so that a deleted person is forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// Its name; sorts by time.
    pub id: AuditEventId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: Event,
    /// How it ended.
    pub outcome: Outcome,
    /// Who did it: `user:<id>`, `anonymous`, `command-line` or `worker`.
    pub actor: String,
    /// To whom.
    pub user_id: Option<UserId>,
    /// From where.
    pub address: Option<IpAddr>,
    /// With what.
    pub user_agent: Option<String>,
    /// In which request.
    pub request_id: String,
    /// A few plain words more, such as `admin` for a role; never a secret or an address.
    pub detail: Option<String>,
}

/// Which events a list shows, newest first.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// About this user alone.
    pub user_id: Option<UserId>,
    /// Of this kind alone.
    pub event: Option<Event>,
    /// From this moment on.
    pub since: Option<Timestamp>,
    /// Before this moment alone.
    pub until: Option<Timestamp>,
    /// Those older than this one.
    pub before: Option<AuditEventId>,
    /// At most so many.
    pub limit: usize,
}
