//! What the rules need from outside: stores, mail, time and chance, as traits.
//!
//! A port's methods are whole operations that hold or fail as one; no caller ever opens a
//! transaction. A new store implements [`Store`] (and [`Sessions`], where it keeps those), runs
//! `testkit::contract` against a real server, and gets one arm in the binary's wiring.

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::audit::AuditLog;
use crate::changes::{ApplyError, Changes};
use crate::happening::Happening;
use crate::limits::{GUESS, KnownDevice, Rate, RateLimitReport};
use crate::model::{
    AuditEvent, AuditFilter, Credential, Link, MailJob, Session, SigningKey, User, UserFilter,
};
use crate::values::{AuditEventId, Digest, Locale, SessionId, UserId};

/// A store did not respond, or its response cannot be read.
///
/// Nothing was changed, unless [`is_outcome_unknown`](Self::is_outcome_unknown) is set.
#[derive(Debug, thiserror::Error)]
#[error("store unavailable: {operation}")]
pub struct StoreError {
    /// What was being done, for the log.
    pub operation: &'static str,
    /// Why it failed.
    #[source]
    pub cause: Box<dyn std::error::Error + Send + Sync>,
    /// Whether the write may have been made all the same.
    pub is_outcome_unknown: bool,
}

impl StoreError {
    /// Wraps a driver's error with what was being done.
    pub fn new(
        operation: &'static str,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            operation,
            cause: cause.into(),
            is_outcome_unknown: false,
        }
    }

    /// The same for a write that was sent and not confirmed.
    pub fn outcome_unknown(
        operation: &'static str,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            is_outcome_unknown: true,
            ..Self::new(operation, cause)
        }
    }
}

/// Users and all that belongs to them.
///
/// What every store owes, beside what the methods say:
///
/// - **Reads** see every write that was answered before them, on this node or another.
/// - **Time**: each method answers within a bound that the operator can know (a dozen seconds, and at
///   once while the store is known to be away), and the store heals by itself.
/// - **Conflicts** between writers are retried by the store, a bounded number of times; so is a write
///   whose connection was lost before its commit was sent.
/// - **A commit without a response** is [`ApplyError::OutcomeUnknown`], and is never sent again.
/// - **Values** come back as they were given: any Unicode without NUL, times to the microsecond, `data`
///   up to 16 KiB, integers of 64 bits. Keys compare byte by byte, whatever the server's collation.
/// - **Cancelling** a call (its future is dropped) leaves all of its changes or none.
///
/// Bringing the schema up to date, closing, and examining for `doorward doctor` are not part of the
/// port: a store's crate offers them by functions of its own, as `store-sql` does.
#[async_trait]
pub trait Store: Send + Sync {
    /// Writes all of it or none: the only way to write. Uniqueness and versions are kept here,
    /// by constraint or condition, never by looking first. Once it answers `Ok`, it is durable.
    /// A story has a dozen changes; an import comes with some hundred users at a time, and takes
    /// [`ApplyError::Store`] for "too many at once": it comes again with fewer.
    async fn apply(&self, changes: Changes) -> Result<(), ApplyError>;

    /// The user of that id.
    async fn find_user(&self, id: UserId) -> Result<Option<User>, StoreError>;
    /// The user whose user name has that key, with their `data` left unread: how much there is of it shows in
    /// no clock.
    async fn find_user_by_username(&self, key: &str) -> Result<Option<User>, StoreError>;
    /// The user whose confirmed address has that key, likewise without `data`.
    async fn find_user_by_email(&self, key: &str) -> Result<Option<User>, StoreError>;
    /// Users whose pending address has that key, newest first, at most `limit`, likewise without `data`.
    async fn list_users_by_pending_email(
        &self,
        key: &str,
        limit: usize,
    ) -> Result<Vec<User>, StoreError>;
    /// Users by id, oldest first.
    async fn list_users(&self, filter: &UserFilter) -> Result<Vec<User>, StoreError>;
    /// Whether any admin is active.
    async fn has_active_admin(&self) -> Result<bool, StoreError>;
    /// Users whose pending address was requested before that moment, at most `limit`.
    async fn list_expired_pending_emails(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError>;

    /// A user's password.
    async fn find_credential(&self, user_id: UserId) -> Result<Option<Credential>, StoreError>;
    /// The passwords of these users, as far as they have one, in any order: for an export, some
    /// hundreds at a time.
    async fn list_credentials(&self, user_ids: &[UserId]) -> Result<Vec<Credential>, StoreError>;

    /// Whether a [`Change::EndSession`] said that this session has ended.
    ///
    /// [`Change::EndSession`]: crate::changes::Change::EndSession
    async fn is_session_ended(&self, id: SessionId) -> Result<bool, StoreError>;

    /// The link of that digest, dead or alive.
    async fn find_link(&self, digest: &Digest) -> Result<Option<Link>, StoreError>;

    /// A user's links, dead or alive, newest first.
    async fn list_links(&self, user_id: UserId) -> Result<Vec<Link>, StoreError>;

    /// The mails in the outbox that are about this user, and those to the address of this key that
    /// name nobody; oldest first. For an export (L-05).
    async fn list_mail_jobs(
        &self,
        user_id: UserId,
        email_key: Option<&str>,
    ) -> Result<Vec<MailJob>, StoreError>;

    /// Takes up to `limit` mails that are due and puts a lease on each: `due_at` moves to
    /// `lease_until` and `attempts` rises by one, in one conditional step a mail, so that no two
    /// workers hold one at a time. Oldest first; failed mails never.
    async fn claim_mail_jobs(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<MailJob>, StoreError>;
    /// What waits to be sent, for an operator's figures: one question, cheap enough for every few
    /// seconds.
    async fn outbox(&self) -> Result<Outbox, StoreError>;

    /// Every signing key, newest first.
    async fn list_signing_keys(&self) -> Result<Vec<SigningKey>, StoreError>;

    /// The audit log, newest first.
    async fn list_audit_events(&self, filter: &AuditFilter) -> Result<Vec<AuditEvent>, StoreError>;
    /// The audit log with its seals, for whoever seals and checks it.
    fn audit_log(&self) -> &dyn AuditLog;

    /// What the audit log says about this user or of what this user did, newest first, older than
    /// `before`, at most `limit`. For an export (L-05).
    async fn list_audit_events_of(
        &self,
        user_id: UserId,
        before: Option<AuditEventId>,
        limit: usize,
    ) -> Result<Vec<AuditEvent>, StoreError>;

    /// Removes links that expired, failed mails and ended sessions whose time ran out
    /// before that moment.
    async fn sweep(&self, before: Timestamp) -> Result<(), StoreError>;

    /// What the store's own clock says, where it has one that all nodes can ask: they go by it, so
    /// that nodes whose clocks differ agree on what has expired. None for a store inside this process.
    async fn server_time(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Answers when the store does, and takes a write: by making one that nobody sees, within a few
    /// seconds whatever its other limits are. It is asked once a second at most.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// Open sessions. Apart from [`Store`], since they may live in Redis. Every question names the user,
/// so that a store spread over many machines can keep a user's sessions on one of them.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Whether this store may one day hold a session again that it was told to end: one that is
    /// restored from a snapshot, or that answers before it is durable. The [`Store`] then keeps a
    /// note of every session that was ended.
    fn may_rewind(&self) -> bool {
        false
    }
    /// Opens one. Durable once answered, as far as the store is. The same again changes nothing.
    async fn insert_session(&self, session: &Session) -> Result<(), StoreError>;
    /// That user's session of that digest that has not expired at `now`.
    async fn find_session(
        &self,
        user_id: UserId,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<Option<Session>, StoreError>;
    /// A user's sessions that have not expired at `now`, newest first.
    async fn list_sessions(
        &self,
        user_id: UserId,
        now: Timestamp,
    ) -> Result<Vec<Session>, StoreError>;
    /// Writes `generation`, `renewed_at` and `expires_at` where the kept generation is still
    /// `expected`. `false` where it is not, or the session is gone.
    async fn renew_session(&self, session: &Session, expected: i64) -> Result<bool, StoreError>;
    /// Lifts one session into a new epoch, so that it outlives the security event its own
    /// user caused.
    async fn set_session_epoch(
        &self,
        user_id: UserId,
        id: SessionId,
        epoch: i64,
    ) -> Result<(), StoreError>;
    /// Notes when sessions were last used. Best effort: unknown ones are passed over.
    async fn touch_sessions(&self, seen: &[Seen]) -> Result<(), StoreError>;
    /// Ends one session of that user; `false` where there was none. Durable once answered, but
    /// for a store that [may rewind](Self::may_rewind).
    async fn delete_session(&self, user_id: UserId, id: SessionId) -> Result<bool, StoreError>;
    /// Removes what expired before `now`.
    async fn sweep_sessions(&self, now: Timestamp) -> Result<(), StoreError>;
    /// Answers when the store does.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// What waits to be sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outbox {
    /// How many mails wait, those included that a worker holds just now.
    pub waiting: u64,
    /// When the oldest of them was written.
    pub oldest_at: Option<Timestamp>,
    /// When the next of them is due: where that is long past, nobody sends.
    pub due_at: Option<Timestamp>,
    /// Number of mails that failed permanently and are still stored.
    pub failed: u64,
}

/// When a session was last used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Whose it is.
    pub user_id: UserId,
    /// Which.
    pub id: SessionId,
    /// When.
    pub at: Timestamp,
}

/// Counters of rate limits, with the arithmetic of [`crate::limits`].
#[async_trait]
pub trait RateLimits: Send + Sync {
    /// Takes one from every limit, or from none if one of them denies. Atomic, so that parallel attempts do
    /// not exceed a limit. Callers list the narrowest key first.
    async fn acquire(&self, limits: &[KeyedLimit], now: Timestamp) -> Result<Decision, StoreError>;
    /// Returns what was acquired for an attempt that was not made.
    async fn release(&self, limits: &[KeyedLimit], now: Timestamp) -> Result<(), StoreError>;
    /// Forgets everything counted under these keys.
    async fn clear(&self, limits: &[KeyedLimit]) -> Result<(), StoreError>;
}

/// A limit and the key that it counts by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedLimit {
    /// The limit.
    pub limit: Limit,
    /// For example a network prefix.
    pub key: String,
}

/// A rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// A number of events per time.
    Budget {
        /// The name in `RateLimit` headers, metrics and the audit log.
        name: &'static str,
        /// How many per time.
        rate: Rate,
    },
    /// Growing delays after consecutive failures ([`crate::limits::BACKOFF_DELAYS`]).
    Backoff {
        /// After this many failures, every attempt is denied; `None` for delays only.
        lockout_after: Option<u32>,
    },
}

impl Limit {
    /// The name in `RateLimit` headers, metrics and the audit log.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Budget { name, .. } => name,
            Self::Backoff { .. } => GUESS,
        }
    }
}

impl KeyedLimit {
    /// A budget for one key.
    pub fn budget(name: &'static str, rate: Rate, key: String) -> Self {
        let limit = Limit::Budget { name, rate };
        Self { limit, key }
    }

    /// A backoff for one key.
    pub fn backoff(lockout_after: Option<u32>, key: String) -> Self {
        let limit = Limit::Backoff { lockout_after };
        Self { limit, key }
    }
}

/// The answer to an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// All limits allow it.
    Allowed {
        /// For each limit how many more it allows at once; for a backoff, before the lockout.
        remaining: Vec<u32>,
    },
    /// One limit denies it; nothing was taken.
    Denied {
        /// The first limit that denies.
        index: usize,
        /// When it allows the next attempt; `None` if the key is locked out.
        retry_after: Option<Duration>,
    },
}

/// Maximum duration of [`Mailer::send`]. A worker's lease on the mail lasts longer.
pub const MAIL_TIMEOUT: Duration = Duration::from_secs(90);

/// Renders a mail in its language and hands it to a mail server.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Sends the mail once, within [`MAIL_TIMEOUT`]. `Ok` means that the mail server accepted it.
    async fn send(&self, mail: &Mail) -> Result<(), MailError>;
}

/// A mail ready to be rendered: whom it goes to and what it says. Not `Debug`: it holds a link.
#[derive(Clone)]
pub struct Mail {
    /// Which text.
    pub template: MailTemplate,
    /// The one recipient.
    pub to: crate::values::EmailAddress,
    /// The language.
    pub locale: Locale,
    /// What to call the person: name, user name, or nothing.
    pub greeting: Option<String>,
    /// The user name, where there is one: a confirmation tells what it would confirm.
    pub username: Option<String>,
    /// The link the mail is about, or the address of the server.
    pub url: String,
    /// How many minutes the link lives.
    pub valid_minutes: Option<i64>,
    /// When what it tells of happened: the sign-up, the change, the request.
    pub at: Timestamp,
    /// A new address that a notice names, masked.
    pub new_email: Option<String>,
    /// With what and from where somebody signed in, such as `Firefox, Linux, 192.0.2.7`.
    pub device: Option<String>,
    /// Stable over every try, for the `Message-ID`.
    pub message_id: String,
}

/// The texts there are. To add one: a variant, its name, its templates in each language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MailTemplate {
    /// Confirm this address.
    Confirm,
    /// Somebody signed up with your address, which has an account.
    AlreadyRegistered,
    /// Choose a new password.
    Recover,
    /// Your password was changed.
    PasswordChanged,
    /// Confirm your new address.
    EmailChange,
    /// Your account is moving to another address.
    EmailChangeNotice,
    /// The same, with a link that takes it back.
    EmailChangeUndo,
    /// Your account has moved to another address; a link takes it back.
    EmailChanged,
    /// Your account was taken back to the address it had before.
    EmailChangeUndone,
    /// Somebody signed in from a device or network that is new.
    NewSignIn,
    /// Somebody signed in after many wrong passwords.
    SignInAfterFailures,
    /// So many wrong passwords that none is looked at any more.
    Lockout,
}

impl MailTemplate {
    /// Every one.
    pub const ALL: [Self; 12] = [
        Self::Confirm,
        Self::AlreadyRegistered,
        Self::Recover,
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

    /// The name of its files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::AlreadyRegistered => "already-registered",
            Self::Recover => "recover",
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
}

/// Why a mail could not be sent.
#[derive(Debug, thiserror::Error)]
#[error("mail not sent ({})", if *permanent { "permanent" } else { "temporary" })]
pub struct MailError {
    /// Whether trying again is pointless: the server refused this very mailbox (5xx).
    pub permanent: bool,
    /// Why.
    #[source]
    pub cause: Box<dyn std::error::Error + Send + Sync>,
}

/// The time.
pub trait Clock: Send + Sync {
    /// Now, cut to microseconds, which is what every store keeps.
    fn now(&self) -> Timestamp;
}

/// Chance.
pub trait Secrets: Send + Sync {
    /// Fills with bytes nobody can guess.
    fn fill(&self, bytes: &mut [u8]);
}

/// Told of what happens, for an operator's figures. It never blocks and never fails, and nothing that
/// it does changes how a story ends.
pub trait Meter: Send + Sync {
    /// This has happened, just now.
    fn note(&self, happening: Happening);
}

/// Counts nothing: for commands, and for tests of something else.
#[derive(Debug, Clone, Copy)]
pub struct Unmetered;

impl Meter for Unmetered {
    fn note(&self, _: Happening) {}
}

/// Where a request came from, as far as it can be trusted.
#[derive(Debug, Clone, Default)]
pub struct Client {
    /// The address of the client.
    pub address: Option<IpAddr>,
    /// What it calls itself, cut to 256 characters.
    pub user_agent: Option<String>,
    /// The language it asks for.
    pub locale: Locale,
    /// The accounts it has signed in to before, by its session and its device cookie.
    pub known: Vec<KnownDevice>,
    /// What its request has used of its rate limits.
    pub rate_limits: RateLimitReport,
}
