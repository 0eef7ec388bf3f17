//! A mail in the outbox: stored together with the change that it reports, sent by the worker.

use jiff::Timestamp;

use crate::values::{EmailAddress, Locale, MailJobId, UserId};

/// Kind of a mail. To add one: a variant here, its resolution in `flows::deliver_mail`, its templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MailKind {
    /// To a new user: confirm this address. If the address has an owner, to the owner: someone signed up with it.
    SignUp,
    /// The confirmation again, requested by address. The worker creates one such mail for each pending user.
    ConfirmationResend,
    /// A recovery link, requested by address.
    Recovery,
    /// The password was changed.
    PasswordChanged,
    /// To the new address: confirm it.
    EmailChange,
    /// To the old address: an admin requested a change.
    EmailChangeNotice,
    /// To the old address: its owner requested a change. The link undoes it.
    EmailChangeUndo,
    /// To the old address: the change was confirmed. The link undoes it.
    EmailChanged,
    /// To the address that an undo removed: the previous address is restored.
    EmailChangeUndone,
    /// A sign-in from a new device or network.
    NewSignIn,
    /// A sign-in after many wrong passwords.
    SignInAfterFailures,
    /// The account is locked out after many wrong passwords.
    Lockout,
}

impl MailKind {
    /// All kinds.
    pub const ALL: [Self; 12] = [
        Self::SignUp,
        Self::ConfirmationResend,
        Self::Recovery,
        Self::PasswordChanged,
        Self::EmailChange,
        Self::EmailChangeNotice,
        Self::EmailChangeUndo,
        Self::EmailChanged,
        Self::EmailChangeUndone,
        Self::NewSignIn,
        Self::SignInAfterFailures,
        Self::Lockout,
    ];

    /// Name in the tables and the logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignUp => "sign-up",
            Self::ConfirmationResend => "confirmation-resend",
            Self::Recovery => "recovery",
            Self::PasswordChanged => "password-changed",
            Self::EmailChange => "email-change",
            Self::EmailChangeNotice => "email-change-notice",
            Self::EmailChangeUndo => "email-change-undo",
            Self::EmailChanged => "email-changed",
            Self::EmailChangeUndone => "email-change-undone",
            Self::NewSignIn => "new-sign-in",
            Self::SignInAfterFailures => "sign-in-after-failures",
            Self::Lockout => "lockout",
        }
    }

    /// Finds a kind by its name. A worker does not lease mails of an unknown kind: a newer node does.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A mail to be sent. It contains no secret: the worker creates the link when it sends the mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailJob {
    /// The id. The `Message-ID` is derived from it.
    pub id: MailJobId,
    /// The kind.
    pub kind: MailKind,
    /// The user it is about; `None` if it was requested by address.
    pub user_id: Option<UserId>,
    /// The address it was requested for. The worker sends to the account's own stored address.
    pub email: EmailAddress,
    /// The language at the time of the request. Delivery uses the stored user's language.
    pub locale: Locale,
    /// When it was created.
    pub created_at: Timestamp,
    /// Number of attempts that were started.
    pub attempts: i64,
    /// When the next attempt is due, or when a worker's lease ends.
    pub due_at: Timestamp,
    /// When it failed permanently. It is stored for seven days after that.
    pub failed_at: Option<Timestamp>,
}

impl MailJob {
    /// Name of this mail in the detail of an audit event.
    pub fn audit_detail(&self) -> String {
        Self::audit_detail_of(self.id)
    }

    /// Name of the mail with this id in the detail of an audit event.
    pub fn audit_detail_of(id: MailJobId) -> String {
        format!("mail {id}")
    }

    /// Parses the detail of an audit event; `None` if it does not name a mail.
    pub fn in_audit_detail(detail: &str) -> Option<MailJobId> {
        detail.strip_prefix("mail ")?.parse().ok()
    }
}
