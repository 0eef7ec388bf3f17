//! The choices an operator makes about the rules.

use jiff::SignedDuration;

use crate::limits::ThrottleLimits;
use crate::values::PasswordRules;

/// The choices, each with a safe default.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Where people reach the server, without a slash at the end. Links and `iss` are built from
    /// it, never from what a request says.
    pub public_url: String,
    /// Whether responses and their timing hide which addresses have an account. If not, sign-up reports that an
    /// address is taken, and sign-in that an account is unknown.
    pub enumeration_protection: bool,
    /// Whether an address must be confirmed before it belongs to a new account.
    pub confirm_email: bool,
    /// What a new password must be.
    pub password_rules: PasswordRules,
    /// Whether rate limits are enabled; disabled for load tests.
    pub throttle: bool,
    /// The rate limits that an operator can set.
    pub limits: ThrottleLimits,
    /// How long a session lives unless renewed.
    pub session_lifetime: SignedDuration,
    /// How long it can be renewed, from sign-in.
    pub session_renewable: SignedDuration,
    /// How long the token before the newest still works.
    pub renewal_grace: SignedDuration,
    /// How long a session may go unused; zero is for as long as it lives (S-04).
    pub session_idle: SignedDuration,
    /// The same for an admin's, where that is shorter.
    pub admin_session_idle: SignedDuration,
    /// How long ago the password may have been shown for what matters most; zero is ever.
    pub reauthenticate_after: SignedDuration,
    /// How many sessions a user has at most; the oldest makes room (S-08).
    pub max_sessions: usize,
    /// How long a confirmation link of a sign-up lives.
    pub confirmation_lifetime: SignedDuration,
    /// How long a confirmation link of an e-mail change lives.
    pub email_change_lifetime: SignedDuration,
    /// How long the link lives by which the old mailbox takes an e-mail change back.
    pub email_undo_lifetime: SignedDuration,
    /// Whether a confirmation requires the password of the account.
    pub confirmation_requires_password: bool,
    /// Whether a sign-in from a device that was not seen before is told by mail.
    pub sign_in_notices: bool,
    /// How long a recovery link lives.
    pub recovery_lifetime: SignedDuration,
    /// How long an audience token lives.
    pub access_token_lifetime: SignedDuration,
    /// How long an unconfirmed sign-up stays.
    pub pending_lifetime: SignedDuration,
    /// How many mails may wait before nobody can ask for more.
    pub max_outbox: u64,
    /// How long a mail is tried.
    pub mail_lifetime: SignedDuration,
    /// How old the signing key gets.
    pub key_lifetime: SignedDuration,
    /// How long audit events are kept; `None` keeps them forever.
    pub audit_retention: Option<SignedDuration>,
}

impl Policy {
    /// The defaults, for a server at this URL.
    pub fn new(public_url: &str) -> Self {
        let hours = SignedDuration::from_hours;
        Self {
            public_url: public_url.trim_end_matches('/').to_owned(),
            enumeration_protection: true,
            confirm_email: true,
            password_rules: PasswordRules::default(),
            throttle: true,
            limits: ThrottleLimits::default(),
            session_lifetime: hours(24),
            session_renewable: hours(30 * 24),
            renewal_grace: SignedDuration::from_secs(30),
            session_idle: SignedDuration::ZERO,
            admin_session_idle: SignedDuration::ZERO,
            reauthenticate_after: SignedDuration::from_mins(5),
            max_sessions: 50,
            confirmation_lifetime: hours(24),
            email_change_lifetime: hours(1),
            email_undo_lifetime: hours(7 * 24),
            confirmation_requires_password: false,
            sign_in_notices: true,
            recovery_lifetime: SignedDuration::from_mins(30),
            access_token_lifetime: SignedDuration::from_mins(5),
            pending_lifetime: hours(3 * 24),
            max_outbox: 10_000,
            mail_lifetime: hours(3 * 24),
            key_lifetime: hours(90 * 24),
            audit_retention: Some(hours(400 * 24)),
        }
    }
}
