//! The traits that the rules depend on: stores, mail, time and randomness.
//!
//! A method is a complete operation that succeeds or fails as a whole; callers do not open transactions. To add a
//! store: implement [`Store`] (and [`Sessions`], if it stores them), run `testkit::contract` against a real
//! server, and add one arm to the binary's wiring.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::audit::AuditLog;
use crate::changes::{ApplyError, Changes};
use crate::limits::{GUESS, KnownDevice, Rate, RateLimitReport};
use crate::metric_event::MetricEvent;
use crate::model::{AuditEvent, AuditFilter, Session, User, UserFilter};
use crate::store::{Claim, Query, Row, Table, Value};
use crate::values::{AuditEventId, Digest, Locale, SessionId, UserId};

/// A store did not respond, or its response cannot be read.
///
/// Nothing was changed, unless [`is_outcome_unknown`](Self::is_outcome_unknown) is set.
#[derive(Debug, thiserror::Error)]
#[error("store unavailable: {operation}")]
pub struct StoreError {
    /// The operation that failed, for the log.
    pub operation: Cow<'static, str>,
    /// The underlying error.
    #[source]
    pub cause: Box<dyn std::error::Error + Send + Sync>,
    /// `true` if the write may have been committed.
    pub is_outcome_unknown: bool,
}

impl StoreError {
    /// Wraps a driver's error with the name of the operation.
    pub fn new(
        operation: impl Into<Cow<'static, str>>,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            operation: operation.into(),
            cause: cause.into(),
            is_outcome_unknown: false,
        }
    }

    /// Wraps the error of a write that was sent but not confirmed.
    pub fn outcome_unknown(
        operation: impl Into<Cow<'static, str>>,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            is_outcome_unknown: true,
            ..Self::new(operation, cause)
        }
    }

    /// This error with the name of a larger operation.
    #[must_use]
    pub fn during(self, operation: String) -> Self {
        Self {
            operation: operation.into(),
            ..self
        }
    }
}

/// Stores users and their data.
///
/// Every store also guarantees:
///
/// - **Reads** see every write that was acknowledged before them, on this node or another.
/// - **Time**: each method returns within a bound that the operator can know (about 12 seconds, and immediately
///   while the store is known to be down). The store reconnects by itself.
/// - **Conflicts** between writers are retried by the store, a bounded number of times. So is a write whose
///   connection was lost before its commit was sent.
/// - **A commit without a response** is [`ApplyError::OutcomeUnknown`]. It is never sent again.
/// - **Values** are returned as they were written: any Unicode without NUL, times to the microsecond, `data` up to
///   16 KiB, 64-bit integers. Keys are compared byte by byte, regardless of the server's collation.
/// - **Cancelling** a call (dropping its future) leaves all of its changes or none.
///
/// Migrations, closing and the diagnosis for `doorward doctor` are not part of the port: a store's crate has
/// functions for them, as `store-sql` does.
#[async_trait]
pub trait Store: Send + Sync {
    /// Applies all changes or none. This is the only write operation. The store enforces uniqueness and versions
    /// with constraints and conditional writes, never with a prior read. The changes are durable when it returns
    /// `Ok`. A flow sends about a dozen changes. An import sends some hundred users at a time, and retries with
    /// fewer after [`ApplyError::Store`].
    async fn apply(&self, changes: Changes) -> Result<(), ApplyError>;

    /// Reads the row with this key.
    async fn get_row(&self, table: &'static Table, key: Value) -> Result<Option<Row>, StoreError>;
    /// Reads the row with this value in a unique column.
    async fn find_row(
        &self,
        table: &'static Table,
        column: &'static str,
        value: Value,
    ) -> Result<Option<Row>, StoreError>;
    /// Reads the rows with these keys, in any order. Keys without a row are omitted. An export passes some hundred
    /// keys at a time.
    async fn get_rows(
        &self,
        table: &'static Table,
        keys: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError>;
    /// Reads rows through an index, in its order.
    async fn list_rows(&self, query: Query) -> Result<Vec<Row>, StoreError>;

    /// Counts the rows of a query. Its limit does not apply.
    async fn count_rows(&self, query: Query) -> Result<u64, StoreError>;
    /// Leases rows of a queue that are due. Each row is leased with one conditional write, so that no two workers hold
    /// it at the same time.
    async fn claim_rows(&self, claim: Claim) -> Result<Vec<Row>, StoreError>;

    /// Finds a user by id.
    async fn find_user(&self, id: UserId) -> Result<Option<User>, StoreError>;
    /// Finds a user by the key of the username. `data` is not read, so that its size does not affect the response
    /// time.
    async fn find_user_by_username(&self, key: &str) -> Result<Option<User>, StoreError>;
    /// Finds a user by the key of the confirmed address, without `data`.
    async fn find_user_by_email(&self, key: &str) -> Result<Option<User>, StoreError>;
    /// Lists users by the key of the pending address, newest first, at most `limit`, without `data`.
    async fn list_users_by_pending_email(
        &self,
        key: &str,
        limit: usize,
    ) -> Result<Vec<User>, StoreError>;
    /// Lists users by id, oldest first.
    async fn list_users(&self, filter: &UserFilter) -> Result<Vec<User>, StoreError>;
    /// Returns `true` if any admin is active.
    async fn has_active_admin(&self) -> Result<bool, StoreError>;
    /// Lists users whose pending address was requested before `before`, at most `limit`.
    async fn list_expired_pending_emails(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError>;

    /// Lists audit events, newest first.
    async fn list_audit_events(&self, filter: &AuditFilter) -> Result<Vec<AuditEvent>, StoreError>;
    /// The sealed audit log, for sealing and verification.
    fn audit_log(&self) -> &dyn AuditLog;

    /// Lists audit events about this user or by this user, newest first, older than `before`, at most `limit`. For
    /// an export (L-05).
    async fn list_audit_events_of(
        &self,
        user_id: UserId,
        before: Option<AuditEventId>,
        limit: usize,
    ) -> Result<Vec<AuditEvent>, StoreError>;

    /// Deletes links that expired before `before`, mails that failed before it, and records of ended sessions
    /// whose `ends_at` is before it.
    async fn sweep(&self, before: Timestamp) -> Result<(), StoreError>;

    /// Time of the store's clock. All nodes use it, so that nodes with different clocks agree on what has expired.
    /// `None` if the store has no clock that nodes share.
    async fn server_time(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Succeeds if the store responds and accepts a write. It makes a write without visible effect, and returns
    /// within a few seconds regardless of other limits. Called at most once a second.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// Stores open sessions. Separate from [`Store`], because sessions may be in Redis. Every query contains the
/// user's id, so that a store with several servers can keep a user's sessions on one of them.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Returns `true` if a session that was ended may reappear: the store can be restored from a snapshot, or
    /// acknowledges writes before they are durable. The [`Store`] then records every session that was ended.
    fn may_rewind(&self) -> bool {
        false
    }
    /// Inserts a session. It is as durable as the store allows when this returns. Idempotent.
    async fn insert_session(&self, session: &Session) -> Result<(), StoreError>;
    /// Finds the user's session with this digest that has not expired at `now`.
    async fn find_session(
        &self,
        user_id: UserId,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<Option<Session>, StoreError>;
    /// Lists the user's sessions that have not expired at `now`, newest first.
    async fn list_sessions(
        &self,
        user_id: UserId,
        now: Timestamp,
    ) -> Result<Vec<Session>, StoreError>;
    /// Writes `generation`, `renewed_at` and `expires_at` if the stored generation is `expected`. Returns `false`
    /// if it is not, or if the session does not exist.
    async fn renew_session(&self, session: &Session, expected: i64) -> Result<bool, StoreError>;
    /// Sets the epoch of a session, so that it survives a security event that its own user caused.
    async fn set_session_epoch(
        &self,
        user_id: UserId,
        id: SessionId,
        epoch: i64,
    ) -> Result<(), StoreError>;
    /// Records when sessions were last used. Best effort: unknown sessions are ignored.
    async fn touch_sessions(&self, seen: &[LastSeen]) -> Result<(), StoreError>;
    /// Deletes a session of this user. Returns `false` if there is none. Durable when this returns, unless the
    /// store [may rewind](Self::may_rewind).
    async fn delete_session(&self, user_id: UserId, id: SessionId) -> Result<bool, StoreError>;
    /// Deletes the sessions that have expired at `now`.
    async fn sweep_sessions(&self, now: Timestamp) -> Result<(), StoreError>;
    /// Succeeds if the store responds.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// State of the outbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutboxStats {
    /// Number of queued mails, including those that a worker has leased.
    pub waiting: u64,
    /// Creation time of the oldest queued mail.
    pub oldest_at: Option<Timestamp>,
    /// Earliest due time of a queued mail. If it is long past, no worker is sending.
    pub due_at: Option<Timestamp>,
    /// Number of mails that failed permanently and are still stored.
    pub failed: u64,
}

/// When a session was last used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastSeen {
    /// Owner of the session.
    pub user_id: UserId,
    /// The session.
    pub id: SessionId,
    /// Time of the use.
    pub at: Timestamp,
}

/// Counters of rate limits, with the arithmetic of [`crate::limits`].
#[async_trait]
pub trait RateLimits: Send + Sync {
    /// Acquires one, or nothing if the limit denies. Atomic, so that parallel attempts do not exceed the limit
    ///
    async fn acquire(&self, limit: &KeyedLimit, now: Timestamp) -> Result<Decision, StoreError>;
    /// Releases what was acquired at this time for an attempt that was not made. Atomic. Delays that a later
    /// attempt has caused remain.
    async fn release(&self, limit: &KeyedLimit, now: Timestamp) -> Result<(), StoreError>;
    /// Deletes the counter of this key.
    async fn clear(&self, limit: &KeyedLimit) -> Result<(), StoreError>;
}

/// A limit with the key it counts under.
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
    /// A number of events per window.
    Budget {
        /// The name in `RateLimit` headers, metrics and the audit log.
        name: &'static str,
        /// Number of events per window.
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

/// Result of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The limit allows it; one was acquired.
    Allowed {
        /// Number of further attempts that the limit allows at once; for a backoff, until the lockout.
        remaining: u32,
    },
    /// The limit denies it; nothing was acquired.
    Denied {
        /// Time until it allows the next attempt; `None` if the key is locked out.
        retry_after: Option<Duration>,
    },
}

impl Decision {
    /// Returns `true` if one was acquired.
    pub fn is_allowed(self) -> bool {
        matches!(self, Self::Allowed { .. })
    }
}

/// Maximum duration of [`Mailer::send`]. A worker's lease on the mail lasts longer.
pub const MAIL_TIMEOUT: Duration = Duration::from_secs(90);

/// Renders a mail in its language and hands it to a mail server.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Sends the mail once, within [`MAIL_TIMEOUT`]. `Ok` means that the mail server accepted it.
    async fn send(&self, mail: &Mail) -> Result<(), MailError>;
}

/// A mail to be rendered: its recipient and its content. Not `Debug`, because it contains a link.
#[derive(Clone)]
pub struct Mail {
    /// The template.
    pub template: MailTemplate,
    /// The recipient.
    pub to: crate::values::EmailAddress,
    /// The language.
    pub locale: Locale,
    /// How to address the user: name, username, or `None`.
    pub greeting: Option<String>,
    /// The username, if there is one. A confirmation mail shows which account it confirms.
    pub username: Option<String>,
    /// The link in the mail, or the URL of the server.
    pub url: String,
    /// Lifetime of the link in minutes.
    pub valid_minutes: Option<i64>,
    /// Time of the reported event: the sign-up, the change or the request.
    pub at: Timestamp,
    /// The new address in a notice, masked.
    pub new_email: Option<String>,
    /// Browser, operating system and IP address of a sign-in, such as `Firefox, Linux, 192.0.2.7`.
    pub device: Option<String>,
    /// Value for the `Message-ID`. The same for every attempt, unless a new attempt voids the link of the previous one.
    pub message_id: String,
}

/// Mail templates. To add one: a variant, its name, its templates, its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MailTemplate {
    /// Confirm this address.
    Confirm,
    /// Someone signed up with your address, which has an account.
    AlreadyRegistered,
    /// Choose a new password.
    Recover,
    /// Your password was changed.
    PasswordChanged,
    /// Confirm your new address.
    EmailChange,
    /// Your account is moving to another address.
    EmailChangeNotice,
    /// Your account is moving to another address; a link undoes this.
    EmailChangeUndo,
    /// Your account has moved to another address; a link undoes this.
    EmailChanged,
    /// Your account was moved back to its previous address.
    EmailChangeUndone,
    /// Someone signed in from a new device or network.
    NewSignIn,
    /// Someone signed in after many wrong passwords.
    SignInAfterFailures,
    /// Your account is locked out after many wrong passwords.
    Lockout,
}

impl MailTemplate {
    /// All templates.
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

    /// Name of the template files.
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
    /// `true` if a retry is pointless: the mail server rejected this mailbox (5xx).
    pub permanent: bool,
    /// The underlying error.
    #[source]
    pub cause: Box<dyn std::error::Error + Send + Sync>,
}

/// Source of the current time.
pub trait Clock: Send + Sync {
    /// Current time, truncated to microseconds, the precision of every store.
    fn now(&self) -> Timestamp;
}

/// Random source.
pub trait Secrets: Send + Sync {
    /// Fills `bytes` with cryptographically secure random bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// Records metric events. It never blocks or fails, and does not affect the outcome of a flow.
pub trait MetricsRecorder: Send + Sync {
    /// Records an event at the time of the call.
    fn record(&self, event: MetricEvent);
}

/// Records nothing: for commands, and for tests without metrics.
#[derive(Debug, Clone, Copy)]
pub struct NoMetrics;

impl MetricsRecorder for NoMetrics {
    fn record(&self, _: MetricEvent) {}
}

/// The client of a request, as far as the request can be trusted.
#[derive(Debug, Clone, Default)]
pub struct Client {
    /// Its IP address.
    pub address: Option<IpAddr>,
    /// Its user agent, cut to 256 characters.
    pub user_agent: Option<String>,
    /// The language it requests.
    pub locale: Locale,
    /// The accounts it has signed in to before, from its session and its device cookie.
    pub known: Vec<KnownDevice>,
    /// State of the rate limits that its request has used.
    pub rate_limits: RateLimitReport,
}
