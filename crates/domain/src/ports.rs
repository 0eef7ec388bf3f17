//! The traits that the rules depend on: stores, mail, time and randomness.
//!
//! A method is a complete operation that succeeds or fails as a whole; callers do not open transactions. To add a
//! store: implement [`Store`] (or [`SeparateSessions`], for sessions alone), run `testkit::contract` against a real server,
//! and add one arm to the binary's wiring.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::limits::{GUESS, KnownDevice, Rate, RateLimitReport};
use crate::metric_event::MetricEvent;
use crate::model::{MailKind, Session, User};
use crate::values::{Digest, Locale, SessionId, UserId};

pub use crate::clock::{Clock, RandomSource};
pub use crate::store::{Store, StoreError};

/// The external dependencies of the rules.
pub struct Ports {
    /// Users and their data.
    pub store: Arc<dyn Store>,
    /// Open sessions, if they are not in the main store.
    pub sessions: Option<Arc<dyn SeparateSessions>>,
    /// Counters of rate limits.
    pub rate_limits: Arc<dyn RateLimits>,
    /// Sends mail.
    pub mailer: Arc<dyn Mailer>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Random source.
    pub random: Arc<dyn RandomSource>,
    /// Metrics recorder.
    pub recorder: Arc<dyn MetricsRecorder>,
}

/// Stores open sessions apart from the records of the main store, such as in Redis. It may lose writes, unless it says
/// otherwise: it can be restored from a snapshot, or acknowledge writes before they are durable. Every query contains
/// the user's id, so that a store with several servers can keep a user's sessions on one of them.
/// [`crate::session_store::SessionStore`] uses it.
#[async_trait]
pub trait SeparateSessions: Send + Sync {
    /// `false` if every acknowledged write is durable, as in the main store. Otherwise the main store records which sessions
    /// have ended.
    fn may_lose_writes(&self) -> bool {
        true
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
    /// Writes the columns of this update, with the values that they have in `session`, and no others. Returns `false`, and
    /// writes nothing, if the stored session is not as the update expects, or does not exist.
    async fn update_session(
        &self,
        session: &Session,
        update: SessionUpdate,
    ) -> Result<bool, StoreError>;
    /// Records when sessions were last used. Best effort: unknown sessions are ignored.
    async fn touch_sessions(&self, seen: &[LastSeen]) -> Result<(), StoreError>;
    /// Deletes a session of this user. Returns `false` if there is none.
    async fn delete_session(&self, user_id: UserId, id: SessionId) -> Result<bool, StoreError>;
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

/// An update of a session. Two nodes can make one of each at the same time, from outdated copies: they write different
/// columns, so neither overwrites the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionUpdate {
    /// A renewal or a replacement of the token: writes `generation`, `renewed_at` and `expires_at`.
    Renewal {
        /// The generation that must be stored.
        expected: i64,
    },
    /// The session survives a security event: writes `epoch`.
    Epoch {
        /// The epoch that must be stored. A session of an older one has ended.
        expected: i64,
    },
}

impl SessionUpdate {
    /// The column that is compared, and the value that it must have.
    pub fn condition(self) -> (&'static str, i64) {
        match self {
            Self::Renewal { expected } => ("generation", expected),
            Self::Epoch { expected } => ("epoch", expected),
        }
    }
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
    /// Deletes the counter of this key. Returns the number of failures that a backoff had counted; 0 for a budget.
    async fn clear(&self, limit: &KeyedLimit) -> Result<u32, StoreError>;
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

    /// A budget of one user.
    pub(crate) fn for_user(name: &'static str, rate: Rate, user_id: UserId) -> Self {
        Self::budget(name, rate, format!("user/{user_id}"))
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

/// Renders mails in their language and hands them to a mail server.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Sends the mail once, within [`MAIL_TIMEOUT`]. `Ok` means that the mail server accepted it.
    async fn send(&self, mail: &Mail) -> Result<(), MailError>;
    /// Renders the mail without sending it.
    fn preview(&self, mail: &Mail) -> Result<MailText, MailError>;
}

/// What a recipient reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailText {
    /// The subject.
    pub subject: String,
    /// The text.
    pub text: String,
}

/// A mail to be rendered: its recipient and its content. Not `Debug`, because it contains a link.
#[derive(Clone)]
pub struct Mail {
    /// What it says. It may differ from the kind that was queued.
    pub kind: MailKind,
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
    /// When the account is deleted, if that was requested.
    pub deletion_at: Option<Timestamp>,
    /// Browser, operating system and IP address of a sign-in, such as `Firefox, Linux, 192.0.2.7`.
    pub device: Option<String>,
    /// Value for the `Message-ID`. The same for every attempt, unless a new attempt voids the link of the previous one.
    pub message_id: String,
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

/// Records metric events. It never blocks or fails, and does not affect the outcome of a method.
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

impl Client {
    /// Its devices that are known to this account.
    pub(crate) fn known_to<'a>(
        &'a self,
        user: &User,
    ) -> impl Iterator<Item = &'a KnownDevice> + Clone {
        let known = self.known.iter();
        known.filter(move |device| device.is_known_to(user))
    }
}
