//! Sign out: the session ends, durably, before anybody is told so (S-05).

use crate::accounts::Accounts;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::flows::sessions::Authenticated;
use crate::happening::SessionEnd;
use crate::model::Event;

impl Accounts {
    /// Ends the session the request came in.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn sign_out(&self, ctx: &Ctx, authenticated: &Authenticated) -> Result<(), Error> {
        let (user_id, session_id) = (authenticated.user().id, authenticated.session().id);
        let audit = self.audit(ctx, Event::SignOut, Some(user_id));
        let why = SessionEnd::SignOut;
        self.end_session(ctx, user_id, session_id, why, Some(audit))
            .await?;
        Ok(())
    }
}
