//! Sessions: checked at every request (S-03, S-06, Z-04), listed and ended (S-07).
//!
//! `issuer` issues them, `renewal` issues new tokens for them, `ender` ends them. `last_seen` has the times of their use,
//! `cache` the checked tokens. `store` writes them to the main store, or to a separate one (`port`).

mod audience_token;
pub(crate) mod cache;
mod check;
mod ender;
mod issuer;
mod last_seen;
mod port;
mod renewal;
mod store;

use std::sync::Arc;

use crate::access::{Access, Action, Begun};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::Event;
use crate::metric_event::SessionEnd;
use crate::model::{Session, User};

use crate::store::Batch;
use crate::values::{SessionId, UserId};
use crate::writer::{MAX_WRITE_ATTEMPTS, Writer};

pub use audience_token::{Audience, AudienceToken, AudienceTokens};
pub use check::{Authenticated, SessionCheck};
pub(crate) use ender::SessionEnder;
pub(crate) use issuer::SessionIssuer;
pub use issuer::SignedIn;
pub use last_seen::LastSeenTimes;
pub use port::{LastSeen, SeparateSessions, SessionUpdate};
pub use renewal::Renewal;
pub use store::SessionStore;

/// Lists and ends sessions.
pub struct Sessions {
    pub(crate) session_store: SessionStore,
    pub(crate) session_ender: Arc<SessionEnder>,
    pub(crate) last_seen: Arc<LastSeenTimes>,
    pub(crate) access: Arc<Access>,
    pub(crate) writer: Arc<Writer>,
}

impl Sessions {
    /// Lists a user's valid sessions, newest first.
    #[tracing::instrument(name = "list_sessions", level = "trace", skip_all)]
    pub async fn list(&self, ctx: &Ctx, named: &str) -> Result<Vec<Session>, Error> {
        let user = self
            .access
            .resolve(ctx, Action::ListSessions, named)
            .await?;
        self.writer
            .emit_view(ctx, Event::SessionsListed { user_id: user.id })
            .await?;
        Ok(self.last_seen.valid_sessions(ctx, &user).await?)
    }

    /// Ends one of a user's sessions. Fails with [`Error::NotFound`] if it is not valid.
    #[tracing::instrument(name = "revoke_session", level = "trace", skip_all)]
    pub async fn revoke(&self, ctx: &Ctx, named: &str, id: &str) -> Result<(), Error> {
        let begun = self
            .access
            .begin(ctx, Action::RevokeSessions, named)
            .await?;
        let Begun {
            user, mut batch, ..
        } = begun;
        let id: SessionId = id.parse().map_err(|()| Error::NotFound)?;
        let stored = self.session_store.list(user.id, ctx.now).await?;
        let is_valid = stored.iter().any(|session| {
            session.id == id
                && session.epoch >= user.security_epoch
                && !self.last_seen.is_idle(session, user.role, ctx.now)
        });
        if !is_valid || self.session_store.has_ended(id).await? {
            return Err(Error::NotFound);
        }
        let revoked = Event::SessionRevoked { user_id: user.id };
        self.writer.emit(ctx, revoked, &mut batch);
        let reason = SessionEnd::Revoked;
        let end = self
            .session_ender
            .end_session(ctx, user.id, id, reason, batch);
        match end.await? {
            true => Ok(()),
            false => Err(Error::NotFound),
        }
    }

    /// Ends all sessions of a user. The higher security epoch also voids those in a restored session store.
    #[tracing::instrument(name = "revoke_sessions", level = "trace", skip_all)]
    pub async fn revoke_all(&self, ctx: &Ctx, named: &str) -> Result<(), Error> {
        let event = |user_id| Event::SessionsRevoked { user_id };
        self.end_by_epoch(ctx, named, None, event).await
    }

    /// Ends all sessions of the signed-in user except the one of the request.
    #[tracing::instrument(name = "revoke_other_sessions", level = "trace", skip_all)]
    pub async fn revoke_others(&self, ctx: &Ctx) -> Result<(), Error> {
        let own = ctx.actor.session_id();
        let event = |user_id| Event::OtherSessionsRevoked { user_id };
        self.end_by_epoch(ctx, "me", own, event).await
    }

    /// Raises the user's security epoch, which ends all sessions except `keep`.
    async fn end_by_epoch(
        &self,
        ctx: &Ctx,
        named: &str,
        keep: Option<SessionId>,
        event: fn(UserId) -> Event<'static>,
    ) -> Result<(), Error> {
        for _ in 0..MAX_WRITE_ATTEMPTS {
            let begun = self
                .access
                .begin(ctx, Action::RevokeSessions, named)
                .await?;
            let Begun {
                user, mut batch, ..
            } = begun;
            let changed = User {
                security_epoch: user.security_epoch + 1,
                ..user.next_version(ctx.now)
            };
            batch.extend(changed.replace(&user));
            self.writer.emit(ctx, event(user.id), &mut batch);
            if self.writer.apply_unless_stale(batch).await? {
                let (epoch, reason) = (user.security_epoch + 1, SessionEnd::Revoked);
                self.session_ender
                    .end_sessions(ctx, user.id, epoch, reason, keep)
                    .await;
                return Ok(());
            }
        }
        Err(Error::Overloaded)
    }

    /// Ends the session of the request. The end is durable before the response is sent (S-05).
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn sign_out(&self, ctx: &Ctx, authenticated: &Authenticated) -> Result<(), Error> {
        let (user_id, session_id) = (authenticated.user().id, authenticated.session().id);
        let mut batch = Batch::new();
        self.writer
            .emit(ctx, Event::SignedOut { user_id }, &mut batch);
        let reason = SessionEnd::SignOut;
        self.session_ender
            .end_session(ctx, user_id, session_id, reason, batch)
            .await?;
        Ok(())
    }
}
