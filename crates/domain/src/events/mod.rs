//! Events: what happens to accounts and to the server.
//!
//! A service emits an event once, with `Writer::emit`. Each [`Subscriber`] adds its writes to the same batch: the audit
//! event, the mails. Metrics follow when the batch is applied. To add a subscriber: an object in the list of the writer;
//! no service changes. To add an event: a variant here, and its arm in `audit/subscriber.rs`.

pub(crate) mod metrics;

use crate::ctx::Ctx;
use crate::model::{AuditKind, Invitation, Link, MailJob, User};
use crate::store::Batch;
use crate::values::{
    DeletionReason, DisableReason, EmailAddress, FactorKind, Identifier, JobId, KeyedLimit,
    Refusal, Role, UserId,
};

/// Adds the writes that follow from an event to its batch.
pub(crate) trait Subscriber: Send + Sync {
    /// Called once for each event.
    fn on_event(&self, ctx: &Ctx, event: &Event<'_>, batch: &mut Batch);
}

/// How a deletion was cancelled: with the password of the user or of an admin, or with a mailed link.
#[derive(Debug, Clone, Copy)]
pub(crate) enum CancelledWith {
    /// The password of the user or of an admin.
    Password,
    /// The link in a mail.
    MailedLink,
}

/// Something that happened, or an attempt that was refused.
#[derive(Clone, Copy)]
pub(crate) enum Event<'a> {
    /// A user signed up.
    SignedUp {
        user: &'a User,
        /// The address that gets the confirmation mail.
        confirm: Option<&'a EmailAddress>,
    },
    /// The operator created a user.
    UserCreated { user: &'a User },
    /// An admin invited a user, or sent the invitation again; `user` has the invitation.
    Invited {
        user: &'a User,
        invitation: &'a Invitation,
    },
    /// A user accepted an invitation; `user` is active.
    InvitationAccepted { user: &'a User },
    /// An admin revoked an invitation.
    InvitationRevoked { user_id: UserId },
    /// The operator imported users from another system.
    UsersImported { count: usize, system: &'a str },
    /// One of the imported users is an admin.
    AdminImported { user_id: UserId },
    /// The confirmation mail was requested again, by address. `user_id` is the user for whom an admin did.
    ConfirmationRequested {
        email: &'a EmailAddress,
        user_id: Option<UserId>,
    },
    /// A user confirmed their pending address; `before` is the user before that.
    EmailConfirmed { before: &'a User },
    /// The owner of a mailbox, the user or an admin cancelled a sign-up or an address change.
    ConfirmationCancelled { user_id: UserId },
    /// An unconfirmed sign-up was deleted after its lifetime, or an invitation that was not accepted.
    SignUpExpired { user_id: UserId },
    /// An unconfirmed sign-up was deleted because another user confirmed its address.
    SignUpSuperseded { user_id: UserId },
    /// An address change was requested; `user` has the new address as the pending one.
    EmailChangeRequested { user: &'a User },
    /// The old address undid an address change, which removed this number of factors; `before` is the user before that.
    EmailChangeUndone {
        before: &'a User,
        link: &'a Link,
        removed: usize,
    },
    /// The undo of an address change removed every second factor.
    TwoFactorTurnedOff { user_id: UserId },
    /// The link in the mail about the first factor removed this number of factors; `before` is the user before that.
    FactorsUndone {
        before: &'a User,
        link: &'a Link,
        removed: usize,
    },
    /// A user signed in; `unusual` if the owner is to be notified.
    SignedIn {
        user: &'a User,
        unusual: Option<&'a UnusualSignIn>,
    },
    /// A correct password did not sign in: the user has to enter a code, or to add a second factor.
    SecondFactorRequested { user: &'a User, must_enrol: bool },
    /// A user ended the session of the request.
    SignedOut { user_id: UserId },
    /// A token was presented after a renewal had superseded it; its session was ended.
    TokenReused { user_id: UserId },
    /// A session was ended because its user had too many.
    SessionEvicted { user_id: UserId },
    /// An admin listed a user's sessions.
    SessionsListed { user_id: UserId },
    /// One session was ended from the list.
    SessionRevoked { user_id: UserId },
    /// All sessions of a user were ended from the list.
    SessionsRevoked { user_id: UserId },
    /// A user ended all sessions except the one of the request.
    OtherSessionsRevoked { user_id: UserId },
    /// A user got a new password.
    PasswordSet {
        user: &'a User,
        reason: NewPasswordReason,
    },
    /// A user added the first second factor.
    FirstFactorAdded { user: &'a User, kind: FactorKind },
    /// A user added another second factor.
    FactorAdded { user: &'a User, kind: FactorKind },
    /// A second factor of a user was removed.
    FactorRemoved { user: &'a User, kind: FactorKind },
    /// A user got new recovery codes.
    RecoveryCodesRenewed { user: &'a User },
    /// A user used a recovery code; this many are left.
    RecoveryCodeUsed { user: &'a User, remaining: usize },
    /// Someone requested a recovery mail, which gets the id `mail`. The account is known only to an admin.
    RecoveryRequested {
        email: &'a EmailAddress,
        mail: JobId,
        user_id: Option<UserId>,
    },
    /// A recovery mail was sent.
    RecoveryMailed { user_id: UserId, mail: JobId },
    /// The mail server has accepted a mail to a user.
    MailSent { user_id: UserId, job: &'a MailJob },
    /// A mail failed permanently.
    MailFailed { job: &'a MailJob },
    /// An admin listed queued mails.
    OutboxListed,
    /// An admin viewed a queued mail.
    MailViewed { job: &'a MailJob },
    /// An admin made a queued mail due.
    MailRetried { job: &'a MailJob },
    /// An admin deleted a queued mail.
    MailDeleted { job: &'a MailJob },
    /// An admin asked for a test mail, which gets the id `mail`.
    TestMailRequested { user: &'a User, mail: JobId },
    /// An account was locked out after many wrong passwords.
    LockedOut {
        account: Option<&'a User>,
        identifier: &'a Identifier,
    },
    /// After many wrong codes, those of an account's authenticators are accepted on known devices only.
    CodesLockedOut { user: &'a User },
    /// A rate limit denied an attempt.
    Throttled {
        user_id: Option<UserId>,
        limit: &'a KeyedLimit,
    },
    /// An attempt failed. `kind` is that of the event that it would have caused.
    Refused {
        kind: AuditKind,
        user_id: Option<UserId>,
        reason: Refusal,
    },
    /// An action needs a proof that the request did not contain. `kind` is that of the event that it would have caused.
    StepUpRefused {
        kind: AuditKind,
        user_id: UserId,
        reason: &'a str,
    },
    /// An actor attempted an action that is forbidden to them.
    Forbidden {
        action: &'a str,
        user_id: Option<UserId>,
    },
    /// A role was granted or removed.
    RoleChanged { user_id: UserId, role: Role },
    /// A user was disabled.
    Disabled {
        user_id: UserId,
        reason: Option<DisableReason>,
    },
    /// A user was enabled.
    Enabled { user_id: UserId },
    /// `name`, `data` or `locale` changed.
    ProfileUpdated { user_id: UserId },
    /// A deletion was requested; `user` has it.
    DeletionRequested {
        user: &'a User,
        reason: Option<DeletionReason>,
    },
    /// A deletion that was requested was cancelled; `user` still has it.
    DeletionCancelled { user: &'a User, with: CancelledWith },
    /// A user is to be reminded of the deletion.
    DeletionReminded { user: &'a User },
    /// A user was deleted.
    UserDeleted {
        user_id: UserId,
        reason: Option<DeletionReason>,
    },
    /// An admin viewed a user.
    UserViewed { user_id: UserId },
    /// An admin listed users.
    UsersListed,
    /// The personal data of a user was exported.
    UserExported { user_id: UserId },
    /// Users were exported with their password hashes.
    UsersExported,
    /// The audit log was read.
    AuditRead,
    /// The audit log was exported; `detail` describes the file.
    AuditExported { detail: &'a str },
    /// The last checkpoint of the audit log, at this position, was modified or signed with another key.
    SealBroken { position: i64 },
    /// Audit events of one kind exceeded a limit and were counted instead of written.
    EventsSuppressed { kind: AuditKind, count: u64 },
    /// A server started. `configuration` contains no secret.
    ServerStarted { configuration: &'a str },
    /// A signing key was created.
    KeyRotated { kid: &'a str },
    /// A signing key was revoked.
    KeyRevoked { kid: &'a str },
}

/// Why a password was replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NewPasswordReason {
    /// Its owner changed it.
    Changed,
    /// The operator set it.
    SetByOperator,
    /// A recovery link set it.
    Recovered,
}

/// What is unusual about a sign-in.
#[derive(Debug)]
pub(crate) struct UnusualSignIn {
    /// `true` if many wrong passwords or codes came before it; else the program or the network is new.
    pub(crate) after_failures: bool,
    /// Browser, operating system and IP address, as the mail shows them.
    pub(crate) device: Option<String>,
}
