//! The context of a request: actor, client, request id and time. It is the first argument of the services' methods.

use jiff::Timestamp;

use crate::model::{AuditEvent, AuditKind, AuthMethod, Outcome, Role, Session, User};
use crate::ports::Client;
use crate::values::{AuditEventId, Digest, SessionId, UserId};

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
