//! The context of a request: actor, client, request id and time. It is the first argument of the services' methods.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;

use crate::model::{AuditEvent, AuditKind, AuthMethod, Outcome, Session, User};
use crate::values::{AuditEventId, Digest, Locale, Rate, Role, SessionId, UserId};

/// The actor of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// Not authenticated.
    Anonymous,
    /// A signed-in user.
    User {
        /// The user.
        id: UserId,
        /// The key of their username, to recognise it in a path.
        username_key: Option<String>,
        /// The role.
        role: Role,
        /// The session.
        session_id: SessionId,
        /// The security epoch that the session was checked with. A privileged write compares it with the stored
        /// user's.
        security_epoch: i64,
        /// When the user last proved who they are: at sign-in, or in this request. A renewal does not count.
        auth_time: Timestamp,
        /// `true` if they proved it with a second factor, too.
        is_multi_factor: bool,
    },
    /// A user who has entered the password and must add a second factor before they get a session.
    Enrolling {
        /// The user.
        id: UserId,
        /// The key of their username, to recognise it in a path.
        username_key: Option<String>,
        /// The digest of the challenge of their sign-in.
        challenge: Digest,
    },
    /// The operator, on the command line.
    CommandLine,
    /// The background worker.
    Worker,
}

impl Actor {
    /// The user's id; `None` if the actor is not a user.
    pub fn user_id(&self) -> Option<UserId> {
        match self {
            Self::User { id, .. } | Self::Enrolling { id, .. } => Some(*id),
            _ => None,
        }
    }

    /// The session's id; `None` if the actor is not a user.
    pub fn session_id(&self) -> Option<SessionId> {
        match self {
            Self::User { session_id, .. } => Some(*session_id),
            _ => None,
        }
    }

    /// Name of the actor in the audit log.
    pub fn audit_name(&self) -> String {
        match self {
            Self::Anonymous => "anonymous".to_owned(),
            Self::User { id, .. } | Self::Enrolling { id, .. } => format!("user:{id}"),
            Self::CommandLine => "command-line".to_owned(),
            Self::Worker => "worker".to_owned(),
        }
    }
}

/// The context of a request, a command or a run of the worker.
#[derive(Debug, Clone)]
pub struct Ctx {
    /// The actor.
    pub actor: Actor,
    /// The client.
    pub client: Client,
    /// The request id, which the response, the log and the audit log contain.
    pub request_id: String,
    /// The current time, read once for the whole call.
    pub now: Timestamp,
}

impl Ctx {
    /// This context with another actor.
    #[must_use]
    pub fn acting_as(&self, actor: Actor) -> Self {
        Self {
            actor,
            ..self.clone()
        }
    }

    /// Creates an audit event about a user.
    pub fn audit_event(
        &self,
        id: AuditEventId,
        event: AuditKind,
        user_id: Option<UserId>,
    ) -> AuditEvent {
        AuditEvent {
            id,
            at: self.now,
            event,
            outcome: Outcome::Success,
            actor: self.actor.audit_name(),
            user_id,
            address: self.client.address,
            user_agent: self.client.user_agent.clone(),
            request_id: self.request_id.clone(),
            detail: None,
        }
    }
}

/// The actor for a user and their session.
pub fn session_actor(user: &User, session: &Session) -> Actor {
    Actor::User {
        id: user.id,
        username_key: user.username.as_ref().map(|name| name.key().to_owned()),
        role: user.role,
        session_id: session.id,
        security_epoch: session.epoch,
        auth_time: session.auth_time,
        is_multi_factor: session.amr.contains(&AuthMethod::MultiFactor),
    }
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

/// An account that a client has signed in to before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownDevice {
    /// The account.
    pub user_id: UserId,
    pub(crate) sign_in: [u8; 16],
    pub(crate) epoch: i64,
    pub(crate) passed_factor: bool,
    pub(crate) signed_in_at: Timestamp,
}

impl KnownDevice {
    /// The device of a live session. The session and the cookie of one sign-in are one device.
    pub fn from_session(session: &Session) -> Self {
        let owner = (session.user_id, session.epoch);
        Self::of_sign_in(owner, &session.digest, &session.amr, session.created_at)
    }

    /// The device of a sign-in with these methods at this time, by the digest of its session's secret.
    pub(crate) fn of_sign_in(
        (user_id, epoch): (UserId, i64),
        session: &Digest,
        amr: &[AuthMethod],
        signed_in_at: Timestamp,
    ) -> Self {
        Self {
            user_id,
            sign_in: session.prefix(),
            epoch,
            passed_factor: amr.contains(&AuthMethod::MultiFactor),
            signed_in_at,
        }
    }

    /// The time of its sign-in; of a cookie, in whole seconds.
    pub(crate) fn signed_in_at(&self) -> Timestamp {
        self.signed_in_at
    }

    /// Returns `true` if the device is known to this account in its current epoch.
    pub(crate) fn is_known_to(&self, user: &User) -> bool {
        self.user_id == user.id && self.epoch == user.security_epoch
    }

    /// Returns `true` if its sign-in has passed a second factor.
    pub(crate) fn passed_factor(&self) -> bool {
        self.passed_factor
    }

    /// Identifies its sign-in.
    pub(crate) fn sign_in_id(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.sign_in)
    }

    /// The key of its backoff.
    pub(crate) fn key(&self) -> String {
        format!("device/{}", self.sign_in_id())
    }
}

/// State of the limits that a request has used, for the `RateLimit` headers of its response. Clones share one
/// list.
#[derive(Debug, Clone, Default)]
pub struct RateLimitReport(Arc<Mutex<Vec<ReportedLimit>>>);

/// The state of one limit after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportedLimit {
    /// The name of the limit.
    pub name: &'static str,
    /// Its rate.
    pub rate: Rate,
    /// Number of remaining attempts.
    pub remaining: u32,
    /// Time until one more attempt is available.
    pub reset_after: Duration,
}

impl RateLimitReport {
    /// Everything reported so far.
    pub fn limits(&self) -> Vec<ReportedLimit> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn add(&self, limit: ReportedLimit) {
        let mut limits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        limits.retain(|reported| reported.name != limit.name);
        limits.push(limit);
    }
}
