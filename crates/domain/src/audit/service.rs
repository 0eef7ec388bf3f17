//! Reads the audit log.

use std::sync::Arc;

use crate::access::{Action, Target};
use crate::admin::People;
use crate::core::Core;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::Event;
use crate::model::{AuditEvent, AuditFilter, User};
use crate::store::Records;
use crate::values::{UserId, Username};

/// Lists, seals, prunes, verifies and exports the audit log.
pub struct Audit {
    pub(crate) core: Arc<Core>,
}

impl Audit {
    /// Writes an audit event about the start of a server. `configuration` must contain no secret value and no
    /// digest of one (L-01).
    pub async fn record_server_start(&self, ctx: &Ctx, configuration: &str) -> Result<(), Error> {
        let started = Event::ServerStarted { configuration };
        Ok(self.core.emit_now(ctx, started).await?)
    }

    /// Lists the events that match the filter, newest first.
    #[tracing::instrument(name = "list_audit_events", level = "trace", skip_all)]
    pub async fn list(&self, ctx: &Ctx, filter: &AuditFilter) -> Result<Vec<AuditEvent>, Error> {
        self.core
            .authorize(ctx, Action::ReadAudit, Target::Others)
            .await?;
        let events = self.core.ports.store.list_readable(filter.query()).await?;
        // Written after the read, so that the result does not contain this event.
        self.core.emit_view(ctx, Event::AuditRead).await?;
        Ok(events)
    }

    /// The users that act in these events, and those that the events are about.
    pub async fn people(&self, ctx: &Ctx, events: &[AuditEvent]) -> Result<People, Error> {
        self.core
            .authorize(ctx, Action::ListUsers, Target::Others)
            .await?;
        Ok(self.core.people_of(events).await?)
    }

    /// Returns the id of the user that a filter names: an id, a username or `me`. An id is returned without a
    /// look-up, so that events about a deleted user can be found. `None` if no user has the username.
    pub async fn find_user_id(&self, ctx: &Ctx, named: &str) -> Result<Option<UserId>, Error> {
        self.core
            .authorize(ctx, Action::ReadAudit, Target::Others)
            .await?;
        if let Ok(id) = named.parse() {
            return Ok(Some(id));
        }
        let Ok(username) = Username::parse(named) else {
            return Ok(ctx.actor.user_id().filter(|_| named == "me"));
        };
        let (store, key) = (&self.core.ports.store, username.key());
        let user: Option<User> = store.find(User::USERNAME_KEY, key).await?;
        Ok(user.map(|user| user.id))
    }
}
