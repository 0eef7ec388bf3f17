//! Sign-out: the end of the session is durable before the response is sent (S-05).

use crate::core::sessions::Authenticated;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::metric_event::SessionEnd;
use crate::model::Event;
use crate::sessions::Sessions;

impl Sessions {
    /// Ends the session of the request.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn sign_out(&self, ctx: &Ctx, authenticated: &Authenticated) -> Result<(), Error> {
        let (user_id, session_id) = (authenticated.user().id, authenticated.session().id);
        let audit = self.core.audit(ctx, Event::SignOut, Some(user_id));
        let reason = SessionEnd::SignOut;
        self.core
            .end_session(ctx, user_id, session_id, reason, audit)
            .await?;
        Ok(())
    }
}
