//! A mail in the outbox: written with the change it tells of, sent by the worker.

use jiff::Timestamp;

use crate::values::{EmailAddress, Locale, MailJobId, UserId};

/// Which mail. To add one: a variant here, how `flows::deliver_mail` resolves it, its templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MailKind {
    /// To a new user: confirm this address. To the owner of an address that was signed up
    /// with again: somebody did.
    SignUp,
    /// The confirmation again, requested by address. The worker makes one such mail for each pending user.
    ConfirmationResend,
    /// The link to a new password, asked for by address.
    Recovery,
    /// The password was changed.
    PasswordChanged,
    /// To the new address: confirm it.
    EmailChange,
    /// To the old address: an admin asked for a change.
    EmailChangeNotice,
    /// To the old address: its owner asked for a change, which this mail's link takes back.
    EmailChangeUndo,
    /// To the old address: that change is made; its link takes it back from now on.
    EmailChanged,
    /// To the address that an account has left: its old mailbox has taken it back.
    EmailChangeUndone,
    /// Somebody signed in from where this account was not seen before.
    NewSignIn,
    /// Somebody signed in after many wrong passwords.
    SignInAfterFailures,
    /// So many wrong passwords that no more are looked at.
    Lockout,
}

impl MailKind {
    /// Every kind.
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

    /// Its name in the tables and the logs.
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

    /// The kind of that name. A worker claims none that it does not know: a newer node will.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A mail to be sent. It holds no secret: the worker makes the link when it sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailJob {
    /// Its name; the `Message-ID` of every try is made from it.
    pub id: MailJobId,
    /// Which mail.
    pub kind: MailKind,
    /// Whom it is about; a job that was asked for by address alone has none.
    pub user_id: Option<UserId>,
    /// Where it was asked to go. The worker sends to the account's own stored address.
    pub email: EmailAddress,
    /// The language, where the user does not say.
    pub locale: Locale,
    /// When it was written.
    pub created_at: Timestamp,
    /// How many tries have begun.
    pub attempts: i64,
    /// Not before this: the next try, or the end of the lease a worker holds on it.
    pub due_at: Timestamp,
    /// When it failed permanently. It is stored for seven days after that.
    pub failed_at: Option<Timestamp>,
}

impl MailJob {
    /// How the audit log names it.
    pub fn audit_detail(&self) -> String {
        Self::audit_detail_of(self.id)
    }

    /// The same of the mail with that id.
    pub fn audit_detail_of(id: MailJobId) -> String {
        format!("mail {id}")
    }

    /// The mail that a line of the audit log names so.
    pub fn in_audit_detail(detail: &str) -> Option<MailJobId> {
        detail.strip_prefix("mail ")?.parse().ok()
    }
}
