//! Sessions: checked at every request (S-03, S-06, Z-04), listed and ended (S-07).
//!
//! `issuer` issues them, `renewal` issues new tokens for them, `ender` ends them. `last_seen` has the times of their use,
//! `cache` the checked tokens. `store` writes them to the main store, or to a separate one (`port`).

mod audience_token;
pub(crate) mod cache;
mod ender;
mod issuer;
mod last_seen;
mod port;
mod renewal;
mod sign_out;
mod store;

use std::sync::Arc;

use futures_util::future::try_join;
use jiff::Timestamp;

use crate::access::{Action, Begun};
use crate::core::Core;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::Event;
use crate::keys::RefreshReason;
use crate::metric_event::SessionEnd;
use crate::model::{Session, Status, User, replacements};
use crate::store::{Batch, Records};
use crate::tokens::{KeyringVersion, SessionClaims, Verified};
use crate::values::{Digest, SessionId, Token, UserId};
use crate::writer::MAX_WRITE_ATTEMPTS;
use cache::{CacheEntry, CacheLookup};

pub(crate) use audience_token::JWKS_LEAD_TIME;
pub use audience_token::{Audience, AudienceToken};
pub(crate) use ender::SessionEnder;
pub(crate) use issuer::SessionIssuer;
pub use issuer::SignedIn;
pub use last_seen::LastSeenTimes;
pub use port::{LastSeen, SeparateSessions, SessionUpdate};
pub use store::SessionStore;

/// Age of `last_seen_at`, in seconds, from which a request refreshes it.
const LAST_SEEN_INTERVAL_SECONDS: i64 = 60;
/// The same if there is an idle timeout. The worker writes the time within five more seconds, so another node sees
/// a use at most ten seconds late. A session may end up to ten seconds before its idle timeout, and never after it
/// (S-04).
const LAST_SEEN_INTERVAL_IDLE_SECONDS: i64 = 5;

/// A verified session token.
#[derive(Clone)]
pub struct Authenticated(pub(crate) Arc<CacheEntry>);

impl Authenticated {
    /// The user of the session.
    pub fn user(&self) -> &User {
        &self.0.user
    }

    /// The session.
    pub fn session(&self) -> &Session {
        &self.0.session
    }
}

/// Checks, renews, lists and ends sessions.
pub struct Sessions {
    pub(crate) core: Arc<Core>,
}

impl Sessions {
    /// Authenticates a session token. This is the one check of every protected resource. Fails with
    /// [`Error::InvalidToken`] if the token is not valid.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn authenticate(&self, ctx: &Ctx, token: &str) -> Result<Authenticated, Error> {
        let digest = Digest::of(token.as_bytes());
        let keyring_version = self.core.keyring.version();
        let entry = match self.core.cache.find(&digest, keyring_version, ctx.now) {
            CacheLookup::Fresh(entry) => entry,
            CacheLookup::VerifiedStale(claims) => {
                self.look_up(ctx, digest, (claims, keyring_version)).await?
            }
            CacheLookup::Miss => {
                let claims = self.verify_token(token).await?;
                self.look_up(ctx, digest, (claims, keyring_version)).await?
            }
        };
        match self.check_token(&entry, ctx.now) {
            TokenStatus::Valid => {}
            TokenStatus::Invalid => {
                self.core.cache.remove(&digest);
                return Err(Error::InvalidToken);
            }
            TokenStatus::Reused => {
                self.core.cache.remove(&digest);
                self.end_reused(ctx, &entry).await?;
                return Err(Error::InvalidToken);
            }
        }
        let seen_every = match self.core.last_seen.idle_limit(entry.user.role) {
            None => LAST_SEEN_INTERVAL_SECONDS,
            Some(_) => LAST_SEEN_INTERVAL_IDLE_SECONDS,
        };
        if ctx.now.as_second() - entry.session.last_seen_at.as_second() >= seen_every {
            self.core.last_seen.note(LastSeen {
                user_id: entry.user.id,
                id: entry.session.id,
                at: ctx.now,
            });
        }
        Ok(Authenticated(entry))
    }

    async fn verify_token(&self, token: &str) -> Result<SessionClaims, Error> {
        match self.core.keyring.verify(token) {
            Verified::Claims(claims) => Ok(claims),
            Verified::Invalid => Err(Error::InvalidToken),
            // Another node may just have rotated the key.
            Verified::UnknownKey => {
                self.core
                    .key_store
                    .refresh(RefreshReason::UnknownKey)
                    .await?;
                match self.core.keyring.verify(token) {
                    Verified::Claims(claims) => Ok(claims),
                    _ => Err(Error::InvalidToken),
                }
            }
        }
    }

    async fn look_up(
        &self,
        ctx: &Ctx,
        token: Digest,
        (claims, keyring_version): (SessionClaims, KeyringVersion),
    ) -> Result<Arc<CacheEntry>, Error> {
        let user_id: UserId = claims.sub.parse().map_err(|()| Error::InvalidToken)?;
        let secret = Token::parse(&claims.sid).ok_or(Error::InvalidToken)?;
        let user_version = self.core.user_versions.current(user_id);
        let digest = secret.digest();
        let session = self.core.sessions.find(user_id, &digest, ctx.now);
        let user = self.core.ports.store.get::<User>(user_id);
        let (session, user) = try_join(session, user).await?;
        match (session, user) {
            (Some(session), Some(user)) if !self.core.sessions.has_ended(session.id).await? => {
                Ok(self.core.cache.insert(
                    token,
                    (claims, keyring_version),
                    user,
                    session,
                    user_version,
                    ctx.now,
                ))
            }
            _ => {
                self.core.cache.remove(&token);
                Err(Error::InvalidToken)
            }
        }
    }

    /// Decides whether a token is valid now. Runs at every request, also for a cached token, since the result can
    /// change with time alone.
    fn check_token(&self, entry: &CacheEntry, now: Timestamp) -> TokenStatus {
        let (claims, session, user) = (&entry.claims, &entry.session, &entry.user);
        let is_alive = claims.iss == self.core.policy.public_url
            && session.expires_at > now
            && user.status == Status::Active
            && session.epoch >= user.security_epoch
            && !self.core.last_seen.is_idle(session, user.role, now);
        // Issued before a replacement (S-02). This is not a reuse: the client may have missed the replacement,
        // such as a script with a stored cookie.
        let is_replaced = replacements(claims.generation) < replacements(session.generation);
        if !is_alive || is_replaced {
            return TokenStatus::Invalid;
        }
        let is_previous = claims.generation == session.generation - 1
            && now <= session.renewed_at + self.core.policy.renewal_grace;
        match claims.generation == session.generation || is_previous {
            true if claims.exp > now.as_second() => TokenStatus::Valid,
            true => TokenStatus::Invalid,
            false => TokenStatus::Reused,
        }
    }

    /// Ends the session of a token that was reused after its renewal. The client may be a thief or the owner, so
    /// the whole session ends.
    async fn end_reused(&self, ctx: &Ctx, entry: &CacheEntry) -> Result<(), Error> {
        let (user_id, id) = (entry.user.id, entry.session.id);
        let reason = SessionEnd::TokenReuse;
        let mut batch = Batch::new();
        self.core
            .writer
            .emit(ctx, Event::TokenReused { user_id }, &mut batch);
        self.core
            .session_ender
            .end_session(ctx, user_id, id, reason, batch)
            .await?;
        Ok(())
    }

    /// Lists a user's valid sessions, newest first.
    #[tracing::instrument(name = "list_sessions", level = "trace", skip_all)]
    pub async fn list(&self, ctx: &Ctx, named: &str) -> Result<Vec<Session>, Error> {
        let user = self
            .core
            .access
            .resolve(ctx, Action::ListSessions, named)
            .await?;
        self.core
            .writer
            .emit_view(ctx, Event::SessionsListed { user_id: user.id })
            .await?;
        Ok(self.core.last_seen.valid_sessions(ctx, &user).await?)
    }

    /// Ends one of a user's sessions. Fails with [`Error::NotFound`] if it is not valid.
    #[tracing::instrument(name = "revoke_session", level = "trace", skip_all)]
    pub async fn revoke(&self, ctx: &Ctx, named: &str, id: &str) -> Result<(), Error> {
        let begun = self
            .core
            .access
            .begin(ctx, Action::RevokeSessions, named)
            .await?;
        let Begun {
            user, mut batch, ..
        } = begun;
        let id: SessionId = id.parse().map_err(|()| Error::NotFound)?;
        let stored = self.core.sessions.list(user.id, ctx.now).await?;
        let is_valid = stored.iter().any(|session| {
            session.id == id
                && session.epoch >= user.security_epoch
                && !self.core.last_seen.is_idle(session, user.role, ctx.now)
        });
        if !is_valid || self.core.sessions.has_ended(id).await? {
            return Err(Error::NotFound);
        }
        let revoked = Event::SessionRevoked { user_id: user.id };
        self.core.writer.emit(ctx, revoked, &mut batch);
        let reason = SessionEnd::Revoked;
        let end = self
            .core
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
                .core
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
            self.core.writer.emit(ctx, event(user.id), &mut batch);
            if self.core.writer.apply_unless_stale(batch).await? {
                let (epoch, reason) = (user.security_epoch + 1, SessionEnd::Revoked);
                self.core
                    .session_ender
                    .end_sessions(ctx, user.id, epoch, reason, keep)
                    .await;
                return Ok(());
            }
        }
        Err(Error::Overloaded)
    }
}

enum TokenStatus {
    Valid,
    Invalid,
    Reused,
}
