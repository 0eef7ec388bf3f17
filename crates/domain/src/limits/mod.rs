//! Rate limits: the number of attempts that a network, a mailbox or an account may make.
//!
//! There are two kinds. A *budget* allows `burst` events at once, and then one more each `window / burst`: in a window
//! after a pause up to twice `burst`. It is counted by the generic cell rate algorithm (GCRA), which stores one timestamp
//! for each key, the time at which all events are available again. A *backoff* counts consecutive wrong passwords or codes
//! for one account, one known device or one recovery: each failure makes the next attempt wait longer, and after
//! `lockout_after` failures no attempt is allowed.
//!
//! | limit | key |
//! | --- | --- |
//! | each [`ThrottleScope`] | network prefix (/32, /64); tokens and known devices: the account |
//! | `sign-in-global` | none: one limit for sign-in attempts of all unknown clients |
//! | `guess` (backoff) | the account, by its id or canonical identifier; or the known device; for codes the user, the device that has passed the factor, or the recovery |
//! | `mailbox` | purpose of the link, network prefix and mailbox; and a ceiling for each purpose and mailbox, above which mails wait |
//! | `email-change`, `deletion`, `factor-change`, `sign-in-notice`, `password-notice`, `deletion-notice` | the account |
//! | `code-grants`, `daily-code-grants` | the user and the oldest factor |
//! | `granted-codes` | the recovery by mail |
//!
//! A client whose address is unknown has no budget: all such clients would share it.
//!
//! - `port`: the port of the counters.
//! - `memory`: counters of one node, and the arithmetic.
//! - `fallback`: shared counters, with this node's own while those are unavailable.
//! - `network`: network prefixes.
//! - `rate_limiter`: acquires the limits of a request, the narrowest key first; `mailbox`: those of mails to one mailbox.
//!
//! The limits of passwords are in `passwords/attempts.rs`, those of codes in `factors/attempts.rs`, those of changes of second
//! factors in `factors/changes.rs`.
//!
//! To add a scope: a variant of [`ThrottleScope`], its rate in [`ThrottleScope::rate`], and the routes that use
//! it.

mod fallback;
mod mailbox;
mod memory;
mod network;
mod port;
pub(crate) mod rate_limiter;

use std::time::Duration;

use crate::policy::ThrottleLimits;
use crate::string_enum::string_enum;
use crate::values::Rate;

pub use crate::values::{GUESS, KeyedLimit, Limit};

pub use fallback::FallbackRateLimits;
pub(crate) use mailbox::MailboxLimits;
pub use memory::{Counter, Failures, MemoryRateLimits, interval, restored, take};
pub use network::{address_key, network_key};
pub use port::{Decision, RateLimits};
pub(crate) use rate_limiter::RateLimiter;

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;

/// Backoff schedule: the minimum number of consecutive wrong passwords or codes, and the delay.
pub const BACKOFF_DELAYS: [(u32, Duration); 4] = [
    (3, Duration::from_secs(1)),
    (9, Duration::from_secs(3)),
    (25, Duration::from_secs(5)),
    (50, Duration::from_secs(10)),
];
/// For each failure, failures are remembered this long after the last one: a key that a client can create with one
/// attempt does not stay for weeks.
pub const FAILURE_MEMORY: Duration = Duration::from_secs(6 * HOUR);
/// Maximum time for which failures are remembered after the last one.
pub const FAILURE_MEMORY_MAX: Duration = Duration::from_secs(30 * 24 * HOUR);
/// Number of consecutive failures after which a sign-in is reported to the owner.
pub(crate) const MANY_FAILURES: u32 = 10;
/// `Retry-After` of a lockout, which waiting does not end.
pub const LOCKOUT_RETRY_AFTER: Duration = Duration::from_secs(HOUR);
/// Consecutive wrong passwords, or wrong codes, of a device before the backoff of other clients applies to it.
pub(crate) const KNOWN_DEVICE_FAILURES: u32 = 10;
/// Requests of one network for mails with a link of one purpose to one mailbox. Without the network in the key, a client
/// could use up the limit for the owner of the mailbox. Each request causes at most three mails: all mails of one network
/// stay below [`MAILBOX_CEILING`], so that they do not delay a mail that the owner requests.
pub(crate) const MAILBOX: Rate = Rate::new(3, HOUR);
/// Mails with a link of one purpose to one mailbox, regardless of who requests them: ten at once, then one every six
/// minutes. Mails above it wait in the outbox.
pub(crate) const MAILBOX_CEILING: Rate = Rate::new(10, HOUR);
/// Requests for an address change by one account.
pub(crate) const EMAIL_CHANGES: Rate = Rate::new(5, HOUR);
/// Requests for a deletion by one account. Each can be cancelled, and mails two notices.
pub(crate) const DELETIONS: Rate = Rate::new(5, HOUR);
/// Completed changes of the second factors of one account, by its user.
pub(crate) const FACTOR_CHANGES: Rate = Rate::new(10, HOUR);
/// Link redemptions from one network.
const LINKS: Rate = Rate::new(10, MINUTE);
/// Session renewals, tokens for other services, exports and changes of second factors, for one account.
const TOKENS: Rate = Rate::new(120, MINUTE);
/// Profile updates by one account. Each changes the record of a user, and a write that conflicts with another is retried, so
/// without a limit a thief's session could keep the owner's undo link from its write.
const PROFILES: Rate = Rate::new(600, MINUTE);

/// The names of all limits that can deny a request, as in metrics, the audit log and `RateLimit` headers.
pub const LIMIT_NAMES: [&str; 12] = [
    GUESS,
    "sign-in",
    "sign-in-global",
    "sign-up",
    "mail-request",
    "link",
    "token",
    "profile",
    "mailbox",
    "email-change",
    "deletion",
    "factor-change",
];

string_enum! {
    /// Attempts that are limited together. The name is that of the limit.
    ThrottleScope {
        /// Passwords: sign-in, and changes that require the password.
        SignIn => "sign-in",
        /// Sign-ups.
        SignUp => "sign-up",
        /// Requests for a recovery or confirmation mail.
        MailRequest => "mail-request",
        /// Mailed links.
        Link => "link",
        /// Session renewals, tokens for other services, exports and changes of second factors.
        Token => "token",
        /// Profile updates.
        Profile => "profile",
    }
}

impl ThrottleScope {
    /// Its rate: per network prefix, or per account for tokens and profiles.
    pub fn rate(self, limits: &ThrottleLimits) -> Rate {
        match self {
            Self::SignIn => limits.sign_in,
            Self::SignUp => limits.sign_up,
            Self::MailRequest => limits.mail,
            Self::Link => LINKS,
            Self::Token => TOKENS,
            Self::Profile => PROFILES,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_has_a_listed_name() {
        for scope in ThrottleScope::ALL {
            assert!(LIMIT_NAMES.contains(&scope.as_str()), "{scope:?}");
        }
    }
}
