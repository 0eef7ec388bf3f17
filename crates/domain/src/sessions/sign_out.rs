//! Sign-out: the end of the session is durable before the response is sent (S-05).

use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::Event;
use crate::metric_event::SessionEnd;
use crate::sessions::{Authenticated, Sessions};
use crate::store::Batch;

impl Sessions {
    /// Ends the session of the request.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn sign_out(&self, ctx: &Ctx, authenticated: &Authenticated) -> Result<(), Error> {
        let (user_id, session_id) = (authenticated.user().id, authenticated.session().id);
        let mut batch = Batch::new();
        self.core
            .writer
            .emit(ctx, Event::SignedOut { user_id }, &mut batch);
        let reason = SessionEnd::SignOut;
        self.core
            .session_ender
            .end_session(ctx, user_id, session_id, reason, batch)
            .await?;
        Ok(())
    }
}
