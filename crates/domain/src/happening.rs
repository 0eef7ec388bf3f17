//! What an operator may want to count: a closed list, each told of in the one place where it happens.
//!
//! Nothing here names anybody: no id, address or text that somebody has typed, so that whatever is
//! counted by these has a handful of values and tells nothing of a person. To add one: a variant, the
//! place that tells of it, and its figure in the binary's `telemetry`.

use std::time::Duration;

use crate::error::Error;
use crate::model::{Event, MailKind, Outcome};
use crate::words::words;

/// Something that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    /// Somebody tried to sign in.
    SignIn(SignInOutcome),
    /// A session was opened.
    SessionIssued,
    /// A session got a new token.
    SessionRenewed,
    /// So many sessions were ended before their time, as far as this node has seen them.
    SessionsEnded(SessionEnd, usize),
    /// A password was hashed.
    Hashed {
        /// How long it waited for a thread.
        waited: Duration,
        /// How long the work took.
        took: Duration,
    },
    /// A password was not hashed: the queue was full.
    HashRejected,
    /// A rate limit denied an attempt; the name of the limit.
    Throttled(&'static str),
    /// A line of the audit log was written.
    Audited(Event, Outcome),
    /// A turn of the worker with a mail ended.
    Mail(MailKind, MailFate),
}

words! {
    /// How a sign-in ended.
    SignInOutcome {
        /// With a session.
        Success => "success",
        /// Unknown account or wrong password.
        InvalidCredentials => "invalid-credentials",
        /// The password was right, the address is not confirmed.
        EmailUnconfirmed => "email-unconfirmed",
        /// The password was right, the account is switched off.
        AccountDisabled => "account-disabled",
        /// Put off, after wrong guesses at that account or too many from that network address.
        Throttled => "throttled",
        /// The hashing queue was full.
        Overloaded => "overloaded",
        /// A store was away, or something that cannot be.
        Error => "error",
    }
}

words! {
    /// Why sessions were ended before their time.
    SessionEnd {
        /// Its user signed out.
        SignOut => "sign-out",
        /// Its user opened more than they may have.
        SessionLimit => "session-limit",
        /// A spent token was shown again.
        TokenReuse => "token-reuse",
        /// From the list, one or all, by the user or an admin.
        Revoked => "revoked",
        /// Password, address, role or status changed, or the account is gone.
        AccountChanged => "account-changed",
    }
}

words! {
    /// Outcome of one attempt to send a mail.
    MailFate {
        /// The mail server accepted it.
        Sent => "sent",
        /// It will be retried.
        Deferred => "deferred",
        /// It failed permanently.
        Failed => "failed",
        /// It has no recipient any more, or the mailbox limit is reached.
        Dropped => "dropped",
    }
}

impl SignInOutcome {
    /// How a sign-in ended that was refused.
    pub fn of_refusal(error: &Error) -> Self {
        match error {
            Error::InvalidCredentials | Error::UnknownAccount | Error::WrongPassword => {
                Self::InvalidCredentials
            }
            Error::EmailUnconfirmed => Self::EmailUnconfirmed,
            Error::AccountDisabled => Self::AccountDisabled,
            Error::TooManyAttempts { .. } => Self::Throttled,
            Error::Overloaded => Self::Overloaded,
            _ => Self::Error,
        }
    }
}
