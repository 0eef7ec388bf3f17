//! The mails: a row for each kind.
//!
//! To add a mail: a row here, its messages `mail-<template>-…` in each file of `crates/messages/locales/`, and an
//! arm in `outbox::subscriber` that queues it. The worker (`outbox`) and the templates need no change.

use jiff::{SignedDuration, Timestamp};

use crate::model::link::Purpose;
use crate::model::mail_job::MailJob;
use crate::model::user::{Status, User};
use crate::policy::Policy;
use crate::values::Rate;

/// Everything about a kind of mail. A row has the fields that differ from [`MailRow::notice`].
pub(crate) struct MailRow {
    /// Name in the tables, the logs and the metrics.
    name: &'static str,
    /// The messages `mail-<template>-subject` and so on, and the template files, if it has its own.
    template: &'static str,
    /// To whom it goes.
    pub to: Recipient,
    /// The link in it.
    pub link: MailLink,
    /// Returns `true` if it is still to be sent to this user. Checked when it is sent.
    pub is_due: fn(&User, &MailJob) -> bool,
    /// The address that `$new_email` shows, masked.
    pub new_email: NewEmail,
    /// Maximum number of such mails.
    pub limit: Option<MailLimit>,
}

/// To whom a mail goes. A mail without a recipient is dropped. The address is always a stored one, never the spelling
/// in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recipient {
    /// The user's confirmed address.
    User,
    /// The owner of the address that the mail was requested for: a request costs the same with or without an
    /// account. If the mail has a user, that user.
    Owner,
    /// The user's pending address, while it is the requested one. If another user owns it,
    /// [`MailKind::AlreadyRegistered`] goes to that owner instead.
    Pending,
    /// The address that the user had when the mail was queued, even if it has changed since.
    Former,
    /// The owner, in place of a mail to a pending address. Such a mail is never queued.
    InsteadOfPending,
}

/// The link in a mail.
#[derive(Debug, Clone, Copy)]
pub(crate) enum MailLink {
    /// A page of the server, by its path; empty for the start page.
    Page(&'static str),
    /// A one-time link with this purpose and lifetime.
    Secret(Purpose, fn(&Policy) -> SignedDuration),
    /// A one-time link with this purpose, which is valid until a time of the user. Without one, the mail is dropped.
    Until(Purpose, fn(&User) -> Option<Timestamp>),
}

/// The new address of an account.
#[derive(Debug, Clone, Copy)]
pub(crate) enum NewEmail {
    /// The pending address, or the confirmed one once the change is made.
    Requested,
    /// The confirmed one.
    Confirmed,
}

/// Limits how many mails of a kind are sent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum MailLimit {
    /// For each mailbox ([`crate::limits`]): requests must not flood another person's mailbox. A mail above it
    /// waits: the owner of the mailbox may have requested it.
    Mailbox,
    /// For each user: repeated actions must not flood the owner's mailbox. A mail above it is dropped. The name is that of
    /// the limit.
    User(&'static str, Rate),
}

const CONFIRMATION: MailLink = MailLink::Secret(Purpose::Confirmation, |p| p.confirmation_lifetime);
const EMAIL_CHANGE: MailLink = MailLink::Secret(Purpose::Confirmation, |p| p.email_change_lifetime);
const EMAIL_UNDO: MailLink = MailLink::Secret(Purpose::EmailUndo, |p| p.email_undo_lifetime);
const FACTOR_UNDO: MailLink = MailLink::Secret(Purpose::FactorUndo, |p| p.factor_undo_lifetime);
const DELETION_UNDO: MailLink =
    MailLink::Until(Purpose::DeletionUndo, |user| Some(user.deletion?.at));
const INVITATION: MailLink =
    MailLink::Until(Purpose::Invitation, |user| user.invitation?.expires_at);
const RECOVERY: MailLink = MailLink::Secret(Purpose::Recovery, |p| p.recovery_lifetime);
const RECOVERY_PAGE: MailLink = MailLink::Page("/recover");

const DAY: u64 = 24 * 3600;

impl MailRow {
    /// A mail to the user's confirmed address, with a link to the start page.
    const fn notice(name: &'static str) -> Self {
        Self {
            name,
            template: name,
            to: Recipient::User,
            link: MailLink::Page(""),
            is_due: |_, _| true,
            new_email: NewEmail::Requested,
            limit: None,
        }
    }
}

fn is_active(user: &User, _: &MailJob) -> bool {
    user.status == Status::Active
}

fn is_not_disabled(user: &User, _: &MailJob) -> bool {
    user.status != Status::Disabled
}

fn is_to_be_deleted(user: &User, job: &MailJob) -> bool {
    user.deletion.is_some() && has_undo_link(user, job)
}

fn has_undo_link(user: &User, job: &MailJob) -> bool {
    !user.undo_link_is_void(job.created_at)
}

/// Declares [`MailKind`]: its variants, their names, and the fields of [`MailRow`] that differ from a notice's.
macro_rules! mails {
    ($($(#[$doc:meta])* $kind:ident = $name:literal { $($field:ident: $value:expr),* $(,)? })+) => {
        /// Kind of a mail.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum MailKind {
            $($(#[$doc])* $kind),+
        }

        impl MailKind {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$kind),+];

            pub(crate) fn row(self) -> &'static MailRow {
                match self {
                    $(Self::$kind => const { &MailRow { $($field: $value,)* ..MailRow::notice($name) } }),+
                }
            }
        }
    };
}

mails! {
    /// To a new user: confirm this address.
    SignUp = "sign-up" {
        template: "confirm",
        to: Recipient::Pending,
        link: CONFIRMATION,
        is_due: is_not_disabled,
        limit: Some(MailLimit::Mailbox),
    }
    /// The confirmation again, requested by address. The worker replaces it by a mail for each pending user, which
    /// reads as [`Self::SignUp`], [`Self::EmailChange`] or [`Self::Invitation`].
    ConfirmationResend = "confirmation-resend" {
        template: "confirm",
        to: Recipient::Pending,
        link: CONFIRMATION,
        is_due: is_not_disabled,
        limit: Some(MailLimit::Mailbox),
    }
    /// To the owner of an address: someone signed up with it, or asked to move an account to it.
    AlreadyRegistered = "already-registered" { to: Recipient::InsteadOfPending }
    /// To a user whom an admin has invited.
    Invitation = "invitation" {
        to: Recipient::Pending,
        link: INVITATION,
        is_due: is_not_disabled,
        limit: Some(MailLimit::Mailbox),
    }
    /// A recovery link, requested by address.
    Recovery = "recovery" {
        template: "recover",
        to: Recipient::Owner,
        link: RECOVERY,
        is_due: is_active,
        limit: Some(MailLimit::Mailbox),
    }
    /// The password was changed.
    PasswordChanged = "password-changed" {
        limit: Some(MailLimit::User("password-notice", Rate::new(10, DAY))),
    }
    /// The first second factor was added. The link removes all of them, if a thief added it (M-02). This mail and the next
    /// two have no limit, which a thief could use up: the changes have.
    FirstFactorAdded = "first-factor-added" {
        to: Recipient::Former,
        link: FACTOR_UNDO,
        is_due: has_undo_link,
    }
    /// Another second factor was added.
    FactorAdded = "factor-added" { link: RECOVERY_PAGE }
    /// A second factor was removed.
    FactorRemoved = "factor-removed" { link: RECOVERY_PAGE }
    /// The user got new recovery codes.
    RecoveryCodesRenewed = "recovery-codes-renewed" { link: RECOVERY_PAGE }
    /// A recovery code was used.
    RecoveryCodeUsed = "recovery-code-used" { link: RECOVERY_PAGE }
    /// A recovery code was used, and at most two are left.
    RecoveryCodesLow = "recovery-codes-low" { link: RECOVERY_PAGE }
    /// To the new address: confirm it.
    EmailChange = "email-change" {
        to: Recipient::Pending,
        link: EMAIL_CHANGE,
        is_due: is_not_disabled,
        limit: Some(MailLimit::Mailbox),
    }
    /// An admin requested an address change. Sent even if the new address is confirmed by now: an attacker who
    /// changes the address must not be able to prevent the notice.
    EmailChangeNotice = "email-change-notice" { to: Recipient::Former }
    /// The user requested an address change. The link undoes it.
    EmailChangeUndo = "email-change-undo" {
        to: Recipient::Former,
        link: EMAIL_UNDO,
        is_due: has_undo_link,
    }
    /// An address change was confirmed. The link undoes it.
    EmailChanged = "email-changed" {
        to: Recipient::Former,
        link: EMAIL_UNDO,
        is_due: has_undo_link,
        new_email: NewEmail::Confirmed,
    }
    /// To the address that an undo removed, which may be the owner's: the previous address is restored.
    EmailChangeUndone = "email-change-undone" {
        to: Recipient::Former,
        new_email: NewEmail::Confirmed,
    }
    /// The account will be deleted. The link keeps it.
    DeletionRequested = "deletion-requested" {
        to: Recipient::Former,
        link: DELETION_UNDO,
        is_due: is_to_be_deleted,
    }
    /// The same, the day before.
    DeletionReminder = "deletion-reminder" {
        to: Recipient::Former,
        link: DELETION_UNDO,
        is_due: is_to_be_deleted,
    }
    /// The deletion was cancelled.
    DeletionCancelled = "deletion-cancelled" {
        link: RECOVERY_PAGE,
        limit: Some(MailLimit::User("deletion-notice", Rate::new(10, DAY))),
    }
    /// A sign-in from a new device or network.
    NewSignIn = "new-sign-in" { is_due: is_active }
    /// A sign-in after many wrong passwords or codes.
    SignInAfterFailures = "sign-in-after-failures" { is_due: is_active }
    /// The account is locked out after many wrong passwords.
    Lockout = "lockout" {
        to: Recipient::Owner,
        link: RECOVERY_PAGE,
        is_due: is_active,
    }
    /// An admin asked for it, to see whether mails arrive.
    Test = "test" { limit: Some(MailLimit::User("test-mail", Rate::new(10, 3600))) }
    /// After many wrong codes with the correct password, codes are accepted on known devices only.
    CodeLockout = "code-lockout" { link: RECOVERY_PAGE, is_due: is_active }
}

impl MailKind {
    /// The kinds that events queue. A worker does not lease mails of other kinds: a newer node does.
    pub fn queued() -> impl Iterator<Item = Self> {
        let all = Self::ALL.iter().copied();
        all.filter(|kind| kind.row().to != Recipient::InsteadOfPending)
    }

    /// Name in the tables, the logs and the metrics.
    pub fn as_str(self) -> &'static str {
        self.row().name
    }

    /// Finds a queued kind by its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::queued().find(|kind| kind.as_str() == name)
    }

    /// Name of its messages, and of its template files, if it has its own.
    pub fn template(self) -> &'static str {
        self.row().template
    }

    /// The purpose of the link, for a mail that is limited by mailbox. Mails with the same purpose wait for each other.
    pub(crate) fn mailbox_purpose(self) -> Option<Purpose> {
        match (self.row().limit, self.row().link) {
            (
                Some(MailLimit::Mailbox),
                MailLink::Secret(purpose, _) | MailLink::Until(purpose, _),
            ) => Some(purpose),
            _ => None,
        }
    }

    /// Returns `true` if it has a one-time link.
    pub fn has_secret_link(self) -> bool {
        !matches!(self.row().link, MailLink::Page(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_finds_its_kind_if_events_queue_it() {
        for kind in MailKind::queued() {
            assert_eq!(MailKind::from_name(kind.as_str()), Some(kind));
        }
        assert_eq!(MailKind::from_name("already-registered"), None);
        assert_eq!(MailKind::from_name("of-a-newer-release"), None);
    }

    #[test]
    fn the_lifetime_of_a_link_is_that_of_the_policy() {
        let policy = Policy::new("https://id.example.com");
        let lifetime = |kind: MailKind| match kind.row().link {
            MailLink::Secret(_, lifetime) => Some(lifetime(&policy).as_mins()),
            MailLink::Until(..) | MailLink::Page(_) => None,
        };
        assert_eq!(lifetime(MailKind::SignUp), Some(24 * 60));
        assert_eq!(lifetime(MailKind::Recovery), Some(30));
        assert_eq!(lifetime(MailKind::EmailChange), Some(60));
        assert_eq!(lifetime(MailKind::EmailChanged), Some(7 * 24 * 60));
        assert_eq!(lifetime(MailKind::FirstFactorAdded), Some(3 * 24 * 60));
        assert_eq!(lifetime(MailKind::Lockout), None);
    }
}
