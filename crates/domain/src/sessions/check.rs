//! Authenticates session tokens: the one check of every protected resource (S-03, S-06, Z-04).

use std::sync::Arc;

use futures_util::future::try_join;
use jiff::Timestamp;

use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::Event;
use crate::keys::{KeyStore, Keyring, KeyringVersion, RefreshReason, SessionClaims, Verified};
use crate::metric_event::SessionEnd;
use crate::model::{Session, Status, User, replacements};
use crate::policy::Policy;
use crate::sessions::cache::{CacheEntry, CacheLookup, SessionCache};
use crate::sessions::{LastSeen, LastSeenTimes, SessionEnder, SessionStore};
use crate::store::{Batch, ReadStore, Records};
use crate::user_versions::UserVersions;
use crate::values::{Digest, Token, UserId};
use crate::writer::Writer;

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

/// Authenticates session tokens.
pub struct SessionCheck {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) key_store: Arc<KeyStore>,
    pub(crate) session_store: SessionStore,
    pub(crate) session_ender: Arc<SessionEnder>,
    pub(crate) last_seen: Arc<LastSeenTimes>,
    pub(crate) cache: Arc<SessionCache>,
    pub(crate) user_versions: Arc<UserVersions>,
    pub(crate) writer: Arc<Writer>,
}

impl SessionCheck {
    /// Authenticates a session token. This is the one check of every protected resource. Fails with
    /// [`Error::InvalidToken`] if the token is not valid.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn authenticate(&self, ctx: &Ctx, token: &str) -> Result<Authenticated, Error> {
        let digest = Digest::of(token.as_bytes());
        let keyring_version = self.keyring.version();
        let entry = match self.cache.find(&digest, keyring_version, ctx.now) {
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
                self.cache.remove(&digest);
                return Err(Error::InvalidToken);
            }
            TokenStatus::Reused => {
                self.cache.remove(&digest);
                self.end_reused(ctx, &entry).await?;
                return Err(Error::InvalidToken);
            }
        }
        let seen_every = match self.last_seen.idle_limit(entry.user.role) {
            None => LAST_SEEN_INTERVAL_SECONDS,
            Some(_) => LAST_SEEN_INTERVAL_IDLE_SECONDS,
        };
        if ctx.now.as_second() - entry.session.last_seen_at.as_second() >= seen_every {
            self.last_seen.note(LastSeen {
                user_id: entry.user.id,
                id: entry.session.id,
                at: ctx.now,
            });
        }
        Ok(Authenticated(entry))
    }

    async fn verify_token(&self, token: &str) -> Result<SessionClaims, Error> {
        match self.keyring.verify(token) {
            Verified::Claims(claims) => Ok(claims),
            Verified::Invalid => Err(Error::InvalidToken),
            // Another node may just have rotated the key.
            Verified::UnknownKey => {
                self.key_store.refresh(RefreshReason::UnknownKey).await?;
                match self.keyring.verify(token) {
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
        let user_version = self.user_versions.current(user_id);
        let digest = secret.digest();
        let session = self.session_store.find(user_id, &digest, ctx.now);
        let user = self.store.get::<User>(user_id);
        let (session, user) = try_join(session, user).await?;
        match (session, user) {
            (Some(session), Some(user)) if !self.session_store.has_ended(session.id).await? => {
                Ok(self.cache.insert(
                    token,
                    (claims, keyring_version),
                    user,
                    session,
                    user_version,
                    ctx.now,
                ))
            }
            _ => {
                self.cache.remove(&token);
                Err(Error::InvalidToken)
            }
        }
    }

    /// Decides whether a token is valid now. Runs at every request, also for a cached token, since the result can
    /// change with time alone.
    fn check_token(&self, entry: &CacheEntry, now: Timestamp) -> TokenStatus {
        let (claims, session, user) = (&entry.claims, &entry.session, &entry.user);
        let is_alive = claims.iss == self.policy.public_url
            && session.expires_at > now
            && user.status == Status::Active
            && session.epoch >= user.security_epoch
            && !self.last_seen.is_idle(session, user.role, now);
        // Issued before a replacement (S-02). This is not a reuse: the client may have missed the replacement,
        // such as a script with a stored cookie.
        let is_replaced = replacements(claims.generation) < replacements(session.generation);
        if !is_alive || is_replaced {
            return TokenStatus::Invalid;
        }
        let is_previous = claims.generation == session.generation - 1
            && now <= session.renewed_at + self.policy.renewal_grace;
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
        self.writer
            .emit(ctx, Event::TokenReused { user_id }, &mut batch);
        self.session_ender
            .end_session(ctx, user_id, id, reason, batch)
            .await?;
        Ok(())
    }

    /// Clears the session cache after this node's clock was set, because the age of its entries is unknown.
    pub fn on_clock_adjusted(&self) {
        self.cache.clear();
    }
}

enum TokenStatus {
    Valid,
    Invalid,
    Reused,
}
