//! Audit events: the actor, the action, the affected user, the time, the client and the outcome.

use std::net::IpAddr;

use jiff::Timestamp;

use super::AuditRecord;
use crate::store::{BadRow, Record, Row, RowReader, Table};
use crate::string_enum::string_enum;
use crate::values::{AuditEventId, UserId};

string_enum! {
    /// Kind of an audit event.
    AuditKind {
        /// A user signed up.
        SignUp => "sign-up",
        /// An address was confirmed.
        EmailConfirmed => "email-confirmed",
        /// An admin sent the confirmation mail again.
        ConfirmationRequested => "confirmation-requested",
        /// The owner of a mailbox, the user or an admin cancelled a sign-up or an address change.
        ConfirmationCancelled => "confirmation-cancelled",
        /// A sign-in, successful or failed.
        SignIn => "sign-in",
        /// A password was correct, and the sign-in needs a second factor; the detail says if it has to be added.
        SecondFactorRequested => "second-factor-requested",
        /// A session was ended by its user.
        SignOut => "sign-out",
        /// A token was presented after a renewal had superseded it; its session was ended.
        TokenReuse => "token-reuse",
        /// One session or all sessions of a user were ended from the list.
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
        /// A second factor was added.
        FactorAdded => "factor-added",
        /// A second factor was removed.
        FactorRemoved => "factor-removed",
        /// A link in a mail removed all second factors: that about the first of them, or about a change of the address.
        FactorsUndone => "factors-undone",
        /// A user got new recovery codes.
        RecoveryCodesRenewed => "recovery-codes-renewed",
        /// A recovery code was used in place of a second factor; the detail contains the number that is left.
        RecoveryCodeUsed => "recovery-code-used",
        /// An address change was requested.
        EmailChangeRequested => "email-change-requested",
        /// The old address undid an address change.
        EmailChangeUndone => "email-change-undone",
        /// `name`, `data` or `locale` changed.
        ProfileUpdated => "profile-updated",
        /// A role was granted or removed.
        RoleChanged => "role-changed",
        /// A user was disabled or enabled.
        StatusChanged => "status-changed",
        /// A deletion was requested.
        DeletionRequested => "deletion-requested",
        /// A deletion that was requested was cancelled.
        DeletionCancelled => "deletion-cancelled",
        /// A user was deleted.
        UserDeleted => "user-deleted",
        /// An admin invited a user, or sent the invitation again; the detail has the role and how the link reaches the user.
        Invited => "invited",
        /// A user accepted an invitation.
        InvitationAccepted => "invitation-accepted",
        /// An admin revoked an invitation.
        InvitationRevoked => "invitation-revoked",
        /// An unconfirmed sign-up was deleted after its lifetime, or an invitation that was not accepted.
        SignUpExpired => "sign-up-expired",
        /// An unconfirmed sign-up was deleted because another user confirmed its address.
        SignUpSuperseded => "sign-up-superseded",
        /// An actor attempted an action that is forbidden to them.
        Forbidden => "forbidden",
        /// The signing key was rotated.
        KeyRotated => "key-rotated",
        /// A signing key was revoked: its tokens are invalid.
        KeyRevoked => "key-revoked",
        /// The personal data of a user was exported.
        UserExported => "user-exported",
        /// The mail server has accepted a mail to a user. The detail has its kind and its id.
        MailSent => "mail-sent",
        /// A mail failed permanently.
        MailFailed => "mail-failed",
        /// An admin listed queued mails.
        OutboxListed => "outbox-listed",
        /// An admin viewed a queued mail. The detail of this event and the next two is that of `mail-sent`.
        MailViewed => "mail-viewed",
        /// An admin made a queued mail due.
        MailRetried => "mail-retried",
        /// An admin deleted a queued mail.
        MailDeleted => "mail-deleted",
        /// An admin asked for a test mail.
        TestMailRequested => "test-mail-requested",
        /// A session was ended because its user had too many.
        SessionEvicted => "session-evicted",
        /// A rate limit denied an attempt; the detail names the limit. One event represents many denials.
        Throttled => "throttled",
        /// An admin viewed a user.
        UserViewed => "user-viewed",
        /// An admin listed a user's sessions.
        SessionsListed => "sessions-listed",
        /// An admin listed users.
        UsersListed => "users-listed",
        /// The audit log was read.
        AuditRead => "audit-read",
        /// The audit log was exported.
        AuditExported => "audit-exported",
        /// Users were exported with their password hashes.
        UsersExported => "users-exported",
        /// The database was backed up from the command line.
        BackupTaken => "backup-taken",
        /// A server started; the detail describes its configuration.
        ServerStarted => "server-started",
        /// Events of one kind exceeded a limit and were counted instead of written. The detail holds the
        /// event and the count.
        EventsSuppressed => "events-suppressed",
        /// The last checkpoint of the audit log was modified or signed with another key; the detail names it.
        SealBroken => "seal-broken",
        /// An event that cannot be read. Never written: lists contain such a row with its id.
        Unreadable => "unreadable",
        /// An event of a newer release; the detail contains its name. Never written.
        Other => "other",
    }
}

impl AuditKind {
    /// The kinds that say only that someone viewed data.
    pub const VIEWS: &'static [Self] = &[
        Self::OutboxListed,
        Self::MailViewed,
        Self::UserViewed,
        Self::SessionsListed,
        Self::UsersListed,
        Self::AuditRead,
    ];

    /// The kinds that a user sees in the activity of the account: sign-ins and changes.
    pub const ACTIVITY: &'static [Self] = &[
        Self::SignUp,
        Self::Invited,
        Self::InvitationAccepted,
        Self::EmailConfirmed,
        Self::ConfirmationRequested,
        Self::ConfirmationCancelled,
        Self::SignIn,
        Self::SecondFactorRequested,
        Self::SignOut,
        Self::SessionsRevoked,
        Self::SessionEvicted,
        Self::PasswordChanged,
        Self::PasswordSet,
        Self::RecoveryRequested,
        Self::RecoveryMailed,
        Self::Recovered,
        Self::FactorAdded,
        Self::FactorRemoved,
        Self::FactorsUndone,
        Self::RecoveryCodesRenewed,
        Self::RecoveryCodeUsed,
        Self::EmailChangeRequested,
        Self::EmailChangeUndone,
        Self::ProfileUpdated,
        Self::RoleChanged,
        Self::StatusChanged,
        Self::DeletionRequested,
        Self::DeletionCancelled,
        Self::UserExported,
    ];
}

string_enum! {
    /// Outcome of the action.
    Outcome {
        /// It succeeded.
        Success => "success",
        /// It was rejected or failed.
        Failure => "failure",
    }
}

/// An audit event. It contains user ids but no names, so that a deleted user cannot be identified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// The id; sorts by time.
    pub id: AuditEventId,
    /// When it happened.
    pub at: Timestamp,
    /// The kind.
    pub event: AuditKind,
    /// The outcome.
    pub outcome: Outcome,
    /// The actor: `user:<id>`, `anonymous`, `command-line` or `worker`.
    pub actor: String,
    /// The affected user.
    pub user_id: Option<UserId>,
    /// The client's IP address.
    pub address: Option<IpAddr>,
    /// The client's user agent.
    pub user_agent: Option<String>,
    /// The id of the request.
    pub request_id: String,
    /// Additional information, such as `admin` for a role. Never a secret or an email address.
    pub detail: Option<String>,
}

impl AuditEvent {
    /// The detail of [`AuditKind::Throttled`] if wrong passwords have locked an account out.
    pub(crate) const LOCKOUT: &'static str = "lockout";
    /// The detail of a [`AuditKind::Throttled`] event after too many wrong codes.
    pub(crate) const CODE_LOCKOUT: &'static str = "code lockout";

    /// Reads an event. One of a newer release is [`AuditKind::Other`].
    fn parse(row: &RowReader<'_>) -> Result<Self, BadRow> {
        let stored = AuditRecord::from_row(row)?;
        let known = AuditKind::from_name(&stored.event);
        let name = || {
            format!(
                "{} {}",
                stored.event,
                stored.detail.as_deref().unwrap_or_default()
            )
        };
        Ok(Self {
            id: stored.id,
            at: stored.at,
            event: known.unwrap_or(AuditKind::Other),
            outcome: row.parsed("outcome", Outcome::from_name)?,
            address: row.opt_parsed("address", |text| text.parse().ok())?,
            detail: match known {
                Some(_) => stored.detail,
                None => Some(name()),
            },
            actor: stored.actor,
            user_id: stored.user_id,
            user_agent: stored.user_agent,
            request_id: stored.request_id,
        })
    }

    /// The placeholder of an event that cannot be read. It names the column.
    fn unreadable(id: AuditEventId, bad: &BadRow) -> Self {
        Self {
            id,
            at: id.timestamp(),
            event: AuditKind::Unreadable,
            outcome: Outcome::Failure,
            actor: "unknown".to_owned(),
            user_id: None,
            address: None,
            user_agent: None,
            request_id: String::new(),
            detail: Some(bad.what()),
        }
    }
}

/// An event that cannot be read is [`AuditKind::Unreadable`], so that it hides no other (L-01). A row without a valid id has
/// no place in the order and is an error.
impl Record for AuditEvent {
    const TABLE: &'static Table = AuditRecord::TABLE;

    fn to_row(&self) -> Row {
        AuditRecord {
            id: self.id,
            at: self.at,
            event: self.event.as_str().to_owned(),
            outcome: self.outcome.as_str().to_owned(),
            actor: self.actor.clone(),
            user_id: self.user_id,
            address: self.address.map(|address| address.to_string()),
            user_agent: self.user_agent.clone(),
            request_id: self.request_id.clone(),
            detail: self.detail.clone(),
        }
        .to_row()
    }

    fn from_row(row: &RowReader<'_>) -> Result<Self, BadRow> {
        let id = AuditEventId::from_bytes(row.array("id")?);
        Ok(Self::parse(row).unwrap_or_else(|bad| {
            tracing::error!(error = %bad, "unreadable audit event. Run `doorward audit verify`");
            Self::unreadable(id, &bad)
        }))
    }
}
