//! Reads the audit log.

use crate::access::{Action, Target};
use crate::accounts::Accounts;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::model::{AuditEvent, AuditFilter, Event};

impl Accounts {
    /// Writes an audit event about the start of a server. `configuration` must contain no secret value and no
    /// digest of one (L-01).
    pub async fn note_started(&self, ctx: &Ctx, configuration: &str) -> Result<(), Error> {
        let audit = self.audit_detail(ctx, Event::ServerStarted, None, configuration);
        Ok(self.apply(vec![audit]).await?)
    }

    /// Lists the events that match the filter, newest first.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn list_audit_events(
        &self,
        ctx: &Ctx,
        filter: &AuditFilter,
    ) -> Result<Vec<AuditEvent>, Error> {
        self.authorize(ctx, Action::ReadAudit, Target::Others)
            .await?;
        let events = self.ports.store.list_audit_events(filter).await?;
        // Written after the read, so that the result does not contain this event.
        self.audit_view(ctx, Event::AuditRead, None).await?;
        Ok(events)
    }

    /// Returns the id of the user that a filter names: an id, a username or `me`. An id is returned without a
    /// look-up, so that events about a deleted user can be found. `None` if no user has the username.
    pub async fn find_user_id(
        &self,
        ctx: &Ctx,
        named: &str,
    ) -> Result<Option<crate::values::UserId>, Error> {
        self.authorize(ctx, Action::ReadAudit, Target::Others)
            .await?;
        if let Ok(id) = named.parse() {
            return Ok(Some(id));
        }
        let Ok(username) = crate::values::Username::parse(named) else {
            return Ok(ctx.actor.user_id().filter(|_| named == "me"));
        };
        let user = self
            .ports
            .store
            .find_user_by_username(username.key())
            .await?;
        Ok(user.map(|user| user.id))
    }
}
