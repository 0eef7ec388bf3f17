//! Who asks, from where, in which request, at what time: the first argument of every story.

use jiff::Timestamp;

use crate::model::{AuditEvent, Event, Outcome, Role, Session, User};
use crate::ports::Client;
use crate::values::{AuditEventId, SessionId, UserId};

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// Nobody we know.
    Anonymous,
    /// A signed-in user.
    User {
        /// Who.
        id: UserId,
        /// The key of their user name, to recognise it in a path.
        username_key: Option<String>,
        /// What they may do.
        role: Role,
        /// In which session.
        session_id: SessionId,
        /// The session epoch that the session was checked with. A privileged write compares it with the stored
        /// user's.
        session_epoch: i64,
        /// When they last showed their password: at sign-in, or with this very request. A renewal
        /// does not count.
        password_shown_at: Timestamp,
    },
    /// The operator, on the machine's command line.
    CommandLine,
    /// The background worker.
    Worker,
}

impl Actor {
    /// The user's id, where a user acts.
    pub fn user_id(&self) -> Option<UserId> {
        match self {
            Self::User { id, .. } => Some(*id),
            _ => None,
        }
    }

    /// The session acted in, where there is one.
    pub fn session_id(&self) -> Option<SessionId> {
        match self {
            Self::User { session_id, .. } => Some(*session_id),
            _ => None,
        }
    }

    /// How the audit log names the actor.
    pub fn audit_name(&self) -> String {
        match self {
            Self::Anonymous => "anonymous".to_owned(),
            Self::User { id, .. } => format!("user:{id}"),
            Self::CommandLine => "command-line".to_owned(),
            Self::Worker => "worker".to_owned(),
        }
    }
}

/// The context of one request, one command or one turn of the worker.
#[derive(Debug, Clone)]
pub struct Ctx {
    /// Who acts.
    pub actor: Actor,
    /// From where.
    pub client: Client,
    /// Joins the answer, the log and the audit log.
    pub request_id: String,
    /// The time, read once: a story happens at one moment.
    pub now: Timestamp,
}

impl Ctx {
    /// The same context with somebody else acting.
    #[must_use]
    pub fn acting_as(&self, actor: Actor) -> Self {
        Self {
            actor,
            ..self.clone()
        }
    }

    /// A line of the audit log about `user`.
    pub fn audit(&self, id: AuditEventId, event: Event, user_id: Option<UserId>) -> AuditEvent {
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

/// The actor a user is in a session of theirs.
pub fn actor_of(user: &User, session: &Session) -> Actor {
    Actor::User {
        id: user.id,
        username_key: user.username.as_ref().map(|name| name.key().to_owned()),
        role: user.role,
        session_id: session.id,
        session_epoch: session.epoch,
        password_shown_at: session.created_at,
    }
}
