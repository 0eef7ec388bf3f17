//! Read the audit log.

use crate::access::{Action, Target};
use crate::accounts::Accounts;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::model::{AuditEvent, AuditFilter, Event};

impl Accounts {
    /// Writes down that a server started, and how it is configured: plain words, never a value that is
    /// secret, nor a digest of one (L-01).
    pub async fn note_started(&self, ctx: &Ctx, configuration: &str) -> Result<(), Error> {
        let audit = self.audit_detail(ctx, Event::ServerStarted, None, configuration);
        Ok(self.apply(vec![audit]).await?)
    }

    /// Events, newest first.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn list_audit_events(
        &self,
        ctx: &Ctx,
        filter: &AuditFilter,
    ) -> Result<Vec<AuditEvent>, Error> {
        self.authorize(ctx, Action::ReadAudit, Target::Others)
            .await?;
        let events = self.ports.store.list_audit_events(filter).await?;
        // Afterwards: whoever reads sees who read before, and not themselves.
        self.write_look(ctx, Event::AuditRead, None).await?;
        Ok(events)
    }

    /// The id of the user a filter names: by id, or by user name while there is one.
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
