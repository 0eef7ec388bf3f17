//! Sign-out: the end of the session is durable before the response is sent (S-05).

use crate::accounts::Accounts;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::flows::sessions::Authenticated;
use crate::metric_event::SessionEnd;
use crate::model::Event;

impl Accounts {
    /// Ends the session of the request.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn sign_out(&self, ctx: &Ctx, authenticated: &Authenticated) -> Result<(), Error> {
        let (user_id, session_id) = (authenticated.user().id, authenticated.session().id);
        let audit = self.audit(ctx, Event::SignOut, Some(user_id));
        let reason = SessionEnd::SignOut;
        self.end_session(ctx, user_id, session_id, reason, Some(audit))
            .await?;
        Ok(())
    }
}
