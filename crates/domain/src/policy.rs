//! Settings of the rules.

use jiff::SignedDuration;

use crate::error::Error;
use crate::string_enum::string_enum;
use crate::values::{EmailDomains, NewPassword, PasswordRules, Rate, Role};

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;

string_enum! {
    /// The users who must have a second factor. Its name is the value of the setting.
    FactorsRequired {
        /// None: each user decides.
        None => "none",
        /// Admins.
        Admins => "admins",
        /// All users.
        Everyone => "everyone",
    }
}

impl FactorsRequired {
    /// Returns `true` if users of this role must have a second factor.
    pub fn includes(self, role: Role) -> bool {
        match self {
            Self::None => false,
            Self::Admins => role == Role::Admin,
            Self::Everyone => true,
        }
    }
}

string_enum! {
    /// Who may sign up. Its name is the value of the setting, and in the API.
    SignUpPolicy {
        /// Anyone.
        Open => "open",
        /// Users whom an admin has invited.
        Invitation => "invitation",
        /// No one: the operator and imports create the accounts, and admins invite users.
        Closed => "closed",
    }
}

/// The settings, each with a safe default.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Public URL of the server, without a trailing slash. Links and `iss` are built from it, never from a
    /// request.
    pub public_url: String,
    /// If `true`, responses and their timing hide which addresses have an account. If `false`, sign-up reports
    /// that an address is taken, and sign-in that an account is unknown.
    pub enumeration_protection: bool,
    /// Who may sign up.
    pub sign_up: SignUpPolicy,
    /// Allowed domains for sign-ups and for users who change their own address. If there are any, a sign-up requires an
    /// address.
    pub email_domains: EmailDomains,
    /// If `true`, an address must be confirmed before it belongs to a new account.
    pub confirm_email: bool,
    /// Rules for new passwords.
    pub password_rules: PasswordRules,
    /// If `false`, rate limits are disabled, for load tests.
    pub throttle: bool,
    /// The rate limits that an operator can set.
    pub limits: ThrottleLimits,
    /// Lifetime of a session without renewal.
    pub session_lifetime: SignedDuration,
    /// Absolute lifetime of a renewed session, from sign-in.
    pub session_absolute_lifetime: SignedDuration,
    /// Time for which the previous token stays valid after a renewal.
    pub renewal_grace: SignedDuration,
    /// Idle timeout of a session; zero for none (S-04).
    pub session_idle_timeout: SignedDuration,
    /// Idle timeout of an admin's session, if it is shorter; zero for none.
    pub admin_session_idle_timeout: SignedDuration,
    /// Maximum age of the last password entry for sensitive actions; zero for no limit.
    pub reauthenticate_after: SignedDuration,
    /// The users who must have a second factor.
    pub factors_required: FactorsRequired,
    /// The name that authenticator apps show for this server; empty for the host of the public URL.
    pub factors_issuer: String,
    /// Maximum number of sessions of a user; beyond it, the oldest is evicted (S-08).
    pub max_sessions: usize,
    /// Lifetime of the confirmation link of a sign-up.
    pub confirmation_lifetime: SignedDuration,
    /// Lifetime of an invitation.
    pub invitation_lifetime: SignedDuration,
    /// Lifetime of the confirmation link of an address change.
    pub email_change_lifetime: SignedDuration,
    /// Lifetime of the link with which the old address undoes an address change.
    pub email_undo_lifetime: SignedDuration,
    /// Lifetime of the link that undoes the first second factor (M-02).
    pub factor_undo_lifetime: SignedDuration,
    /// Time between the request to delete an account and its deletion; zero deletes at once.
    pub deletion_grace: SignedDuration,
    /// If `true`, a confirmation requires the password of the account.
    pub confirmation_requires_password: bool,
    /// If `true`, a sign-in from a new device is reported by mail.
    pub sign_in_notices: bool,
    /// Lifetime of a recovery link.
    pub recovery_lifetime: SignedDuration,
    /// Lifetime of an audience token.
    pub access_token_lifetime: SignedDuration,
    /// Time after which an unconfirmed sign-up is deleted.
    pub pending_sign_up_lifetime: SignedDuration,
    /// Maximum number of queued mails. Beyond it, requests that send mail are rejected.
    pub max_outbox: u64,
    /// Time after which an undelivered mail fails permanently.
    pub mail_lifetime: SignedDuration,
    /// Age at which the signing key is rotated.
    pub key_lifetime: SignedDuration,
    /// Retention period of audit events; `None` keeps them forever.
    pub audit_retention: Option<SignedDuration>,
}

impl Policy {
    /// Checks a new password against the rules; `personal` are the user's own names. The error is about this field.
    pub(crate) fn check_new_password(
        &self,
        field: &str,
        text: &str,
        personal: &[&str],
    ) -> Result<NewPassword, Error> {
        NewPassword::parse(text, &self.password_rules, personal)
            .map_err(|invalid| Error::invalid(field, invalid))
    }

    /// The defaults, for a server at this URL.
    pub fn new(public_url: &str) -> Self {
        let hours = SignedDuration::from_hours;
        Self {
            public_url: public_url.trim_end_matches('/').to_owned(),
            enumeration_protection: true,
            sign_up: SignUpPolicy::Open,
            email_domains: EmailDomains::default(),
            confirm_email: true,
            password_rules: PasswordRules::default(),
            throttle: true,
            limits: ThrottleLimits::default(),
            session_lifetime: hours(24),
            session_absolute_lifetime: hours(30 * 24),
            renewal_grace: SignedDuration::from_secs(30),
            session_idle_timeout: SignedDuration::ZERO,
            admin_session_idle_timeout: SignedDuration::ZERO,
            reauthenticate_after: SignedDuration::from_mins(5),
            factors_required: FactorsRequired::None,
            factors_issuer: String::new(),
            max_sessions: 50,
            confirmation_lifetime: hours(24),
            invitation_lifetime: hours(7 * 24),
            email_change_lifetime: hours(1),
            email_undo_lifetime: hours(7 * 24),
            factor_undo_lifetime: hours(3 * 24),
            deletion_grace: hours(14 * 24),
            confirmation_requires_password: false,
            sign_in_notices: true,
            recovery_lifetime: SignedDuration::from_mins(30),
            access_token_lifetime: SignedDuration::from_mins(5),
            pending_sign_up_lifetime: hours(3 * 24),
            max_outbox: 10_000,
            mail_lifetime: hours(3 * 24),
            key_lifetime: hours(90 * 24),
            audit_retention: Some(hours(400 * 24)),
        }
    }
}

/// The limits that an operator can set; the others are constants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThrottleLimits {
    /// Sign-in attempts from one network, or of one account's known devices.
    pub sign_in: Rate,
    /// Sign-ups from one network.
    pub sign_up: Rate,
    /// Mail requests from one network.
    pub mail: Rate,
    /// Sign-in attempts of all unknown clients together.
    pub global: Rate,
    /// Consecutive wrong passwords, or wrong codes of unknown clients, until a lockout.
    pub lockout_after: u32,
}

impl Default for ThrottleLimits {
    fn default() -> Self {
        Self {
            sign_in: Rate::new(30, MINUTE),
            sign_up: Rate::new(20, HOUR),
            mail: Rate::new(20, HOUR),
            global: Rate::new(1200, MINUTE),
            lockout_after: 100,
        }
    }
}
