//! Metric events: a closed list. Each is recorded in one place.
//!
//! An event contains no id, address or user input, so that metric labels have few values and no personal data. To
//! add one: a variant, the call that records it, and its metric in the binary's `telemetry`.

use std::time::Duration;

use crate::error::Error;
use crate::model::{AuditKind, MailKind, Outcome};
use crate::string_enum::string_enum;

/// A metric event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricEvent {
    /// A sign-in attempt ended.
    SignIn(SignInOutcome),
    /// A session was opened.
    SessionIssued,
    /// A session got a new token.
    SessionRenewed,
    /// A session was ended before it expired.
    SessionEnded(SessionEnd),
    /// A password was hashed.
    Hashed {
        /// Time in the queue.
        waited: Duration,
        /// Time of the computation.
        took: Duration,
    },
    /// A password was not hashed: the queue was full, or the wait too long.
    HashRejected,
    /// A rate limit denied an attempt. Contains the name of the limit.
    Throttled(&'static str),
    /// An audit event was written.
    AuditEventWritten(AuditKind, Outcome),
    /// The worker finished an attempt to send a mail.
    Mail(MailKind, MailFate),
}

string_enum! {
    /// Outcome of a sign-in.
    SignInOutcome {
        /// A session was opened.
        Success => "success",
        /// The password is correct, and a second factor is required next.
        FactorRequired => "factor-required",
        /// Unknown account or wrong password.
        InvalidCredentials => "invalid-credentials",
        /// The code of the second factor is wrong.
        InvalidCode => "invalid-code",
        /// The challenge of the second step has expired.
        ChallengeExpired => "challenge-expired",
        /// The password is correct, but the address is not confirmed.
        EmailUnconfirmed => "email-unconfirmed",
        /// The password is correct, but the account is disabled.
        AccountDisabled => "account-disabled",
        /// The password, and the code if there is a factor, are correct, but the account will be deleted.
        DeletionPending => "deletion-pending",
        /// A rate limit denied it.
        Throttled => "throttled",
        /// The hashing queue was full.
        Overloaded => "overloaded",
        /// A store was unavailable, or an internal error occurred.
        Error => "error",
    }
}

string_enum! {
    /// Why sessions were ended before they expired.
    SessionEnd {
        /// The user signed out.
        SignOut => "sign-out",
        /// The user exceeded the maximum number of sessions.
        SessionLimit => "session-limit",
        /// A token that a renewal had superseded was presented again.
        TokenReuse => "token-reuse",
        /// The user or an admin ended one or all sessions from the list.
        Revoked => "revoked",
        /// The password, address, role or status changed, or the account was deleted.
        AccountChanged => "account-changed",
    }
}

string_enum! {
    /// Outcome of one attempt to send a mail.
    MailFate {
        /// The mail server accepted it.
        Sent => "sent",
        /// It will be retried.
        Deferred => "deferred",
        /// It failed permanently.
        Failed => "failed",
        /// It has no recipient, or a limit is reached.
        Dropped => "dropped",
    }
}

impl SignInOutcome {
    /// Returns the outcome of a failed sign-in.
    pub fn from_error(error: &Error) -> Self {
        match error {
            Error::InvalidCredentials | Error::UnknownAccount | Error::WrongPassword => {
                Self::InvalidCredentials
            }
            Error::InvalidCode => Self::InvalidCode,
            Error::ChallengeExpired => Self::ChallengeExpired,
            Error::EmailUnconfirmed => Self::EmailUnconfirmed,
            Error::AccountDisabled => Self::AccountDisabled,
            Error::DeletionPending { .. } => Self::DeletionPending,
            Error::TooManyAttempts { .. } | Error::CodesLockedOut => Self::Throttled,
            Error::Overloaded => Self::Overloaded,
            _ => Self::Error,
        }
    }
}

/// Records metric events. It never blocks or fails, and does not affect the outcome of a method.
pub trait MetricsRecorder: Send + Sync {
    /// Records an event at the time of the call.
    fn record(&self, event: MetricEvent);
}

/// Records nothing: for commands, and for tests without metrics.
#[derive(Debug, Clone, Copy)]
pub struct NoMetrics;

impl MetricsRecorder for NoMetrics {
    fn record(&self, _: MetricEvent) {}
}
