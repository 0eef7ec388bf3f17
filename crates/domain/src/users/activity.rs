//! The activity of an account: what happened to it, for its user to check.
//!
//! It is read from the audit log. It has the kinds of [`AuditKind::ACTIVITY`], and only what succeeded: anyone can cause
//! failed attempts, and those with a pending address would reveal whether another user owns it.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;

use crate::access::{Access, Action};
use crate::ctx::{Actor, Ctx};
use crate::error::Error;
use crate::events::Event;
use crate::model::{AuditEvent, AuditFilter, AuditKind, actor_id};
use crate::sessions::Authenticated;
use crate::store::{ReadStore, Records};
use crate::string_enum::string_enum;
use crate::values::{AuditEventId, UserId};
use crate::writer::Writer;

/// An audit event about a user, as the user sees it.
#[derive(Debug, PartialEq, Eq)]
pub struct Activity {
    /// The id of the audit event; sorts by time.
    pub id: AuditEventId,
    /// When it happened.
    pub at: Timestamp,
    /// The kind.
    pub kind: AuditKind,
    /// The actor.
    pub actor: ActivityActor,
    /// The client's IP address, if the user is the actor.
    pub address: Option<IpAddr>,
    /// The client's user agent, if the user is the actor.
    pub user_agent: Option<String>,
}

string_enum! {
    /// The actor of an activity.
    ActivityActor {
        /// The user: signed in, or with the password or a recovery link.
        User => "user",
        /// Another user, who is an admin.
        Admin => "admin",
        /// The operator, on the command line.
        Operator => "operator",
        /// The server's worker.
        Server => "server",
        /// A client that opened a mailed link, which does not prove that it was the user.
        Unknown => "unknown",
    }
}

impl ActivityActor {
    fn of(event: &AuditEvent, user_id: UserId) -> Self {
        match (actor_id(&event.actor), event.actor.as_str()) {
            (Some(id), _) if id == user_id => Self::User,
            (Some(_), _) => Self::Admin,
            (None, actor) if actor == Actor::CommandLine.audit_name() => Self::Operator,
            (None, actor) if actor == Actor::Worker.audit_name() => Self::Server,
            (None, _) if proves_the_user(event) => Self::User,
            (None, _) => Self::Unknown,
        }
    }
}

/// Returns `true` if a client that is not signed in has proved that it is the user.
fn proves_the_user(event: &AuditEvent) -> bool {
    match event.event {
        AuditKind::SignUp
        | AuditKind::SignIn
        | AuditKind::SecondFactorRequested
        | AuditKind::RecoveryCodeUsed
        | AuditKind::PasswordChanged
        | AuditKind::Recovered => true,
        // The detail names the mailed link.
        AuditKind::DeletionCancelled => event.detail.is_none(),
        _ => false,
    }
}

/// Lists what happened to an account.
pub struct RecentActivity {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) access: Arc<Access>,
    pub(crate) writer: Arc<Writer>,
}

impl RecentActivity {
    /// Returns the activity of an account, newest first, older than `before`, at most `limit` entries. Writes an audit
    /// event if it is another user's.
    #[tracing::instrument(name = "list_activity", level = "trace", skip_all)]
    pub async fn activity(
        &self,
        ctx: &Ctx,
        named: &str,
        before: Option<AuditEventId>,
        limit: usize,
    ) -> Result<Vec<Activity>, Error> {
        let user = self
            .access
            .resolve(ctx, Action::ViewActivity, named)
            .await?;
        let events = AuditFilter::activity(user.id, before, limit);
        let events: Vec<AuditEvent> = self.store.list_readable(events).await?;
        self.writer
            .emit_view(ctx, Event::UserViewed { user_id: user.id })
            .await?;
        let seen = |event| as_seen_by_the_user(event, user.id);
        Ok(events.into_iter().map(seen).collect())
    }

    /// Returns the user's last sign-in but that of this session; `None` if the audit log has none.
    #[tracing::instrument(name = "other_sign_in", level = "trace", skip_all)]
    pub async fn other_sign_in(&self, session: &Authenticated) -> Result<Option<Activity>, Error> {
        let (user_id, signed_in_at) = (session.user().id, session.session().created_at);
        let sign_ins = AuditFilter::sign_ins(user_id, 2);
        let sign_ins: Vec<AuditEvent> = self.store.list_readable(sign_ins).await?;
        let other = sign_ins.into_iter().find(|event| event.at != signed_in_at);
        Ok(other.map(|event| as_seen_by_the_user(event, user_id)))
    }
}

fn as_seen_by_the_user(event: AuditEvent, user_id: UserId) -> Activity {
    let actor = ActivityActor::of(&event, user_id);
    let is_own = actor == ActivityActor::User;
    Activity {
        id: event.id,
        at: event.at,
        kind: event.event,
        actor,
        address: event.address.filter(|_| is_own),
        user_agent: event.user_agent.filter(|_| is_own),
    }
}
