//! Sessions: issued in one place, checked at every request (S-03, S-06, Z-04), listed and ended (S-07).
//! [`super::renewal`] issues new tokens for them.

use std::sync::{Arc, PoisonError};

use futures_util::future::try_join;
use jiff::{SignedDuration, Timestamp};

use crate::access::Action;
use crate::accounts::{ATTEMPTS, Accounts};
use crate::changes::{ApplyError, Change, Changes};
use crate::ctx::{Ctx, actor_of};
use crate::error::Error;
use crate::flows::keys::RefreshReason;
use crate::metric_event::{MetricEvent, SessionEnd};
use crate::model::{EndedSession, Event, Role, Session, Status, User, replacements};
use crate::ports::{LastSeen, StoreError};
use crate::session_cache::{CacheEntry, CacheLookup, KeyringVersion};
use crate::store::{Records, Write};
use crate::tokens::{SessionClaims, Verified};
use crate::values::{Digest, Secret, SessionId, Token, UserId};

/// Age of `last_seen_at`, in seconds, from which a request refreshes it.
const SEEN_EVERY_SECONDS: i64 = 60;
/// The same if there is an idle timeout. The worker writes the time within five more seconds, so another node sees
/// a use at most ten seconds late. A session may end up to ten seconds before its idle timeout, and never after it
/// (S-04).
const SEEN_EVERY_SECONDS_IF_IDLE: i64 = 5;

/// A session and its token.
#[derive(Debug)]
pub struct SignedIn {
    /// Token that the client sends with every request. The server does not store it.
    pub token: Secret<String>,
    /// The session.
    pub session: Session,
    /// The user of the session.
    pub user: User,
}

/// A verified session token.
#[derive(Clone)]
pub struct Authenticated(pub(super) Arc<CacheEntry>);

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

impl Accounts {
    /// Creates a session. Every sign-in ends here, and no other function creates one. Fails if the account is not
    /// active. A client that is not signed in has no session (S-10).
    pub(crate) async fn issue_session(&self, ctx: &Ctx, user: User) -> Result<SignedIn, Error> {
        if user.status != Status::Active {
            return Err(Error::Internal(
                "a session was requested for an account that is not active",
            ));
        }
        let secret = Token::generate(&*self.ports.secrets);
        let session = Session {
            id: SessionId::generate(ctx.now, &*self.ports.secrets),
            digest: secret.digest(),
            user_id: user.id,
            epoch: user.session_epoch,
            generation: Session::FIRST_GENERATION,
            renewed_at: ctx.now,
            created_at: ctx.now,
            last_seen_at: ctx.now,
            expires_at: ctx.now + self.policy.session_lifetime,
            address: ctx.client.address,
            user_agent: ctx.client.user_agent.clone(),
        };
        self.ports.sessions.insert_session(&session).await?;
        self.evict_oldest_sessions(ctx, user.id).await?;
        let token = self.session_token(&session, &secret.expose(), ctx.now)?;
        self.record(MetricEvent::SessionIssued);
        Ok(SignedIn {
            token,
            session,
            user,
        })
    }

    /// Ends the oldest sessions of a user who has more than the maximum (S-08). Runs after the new session is
    /// stored, so that of concurrent sign-ins the last one sees all sessions.
    async fn evict_oldest_sessions(&self, ctx: &Ctx, user_id: UserId) -> Result<(), Error> {
        let stored = self.ports.sessions.list_sessions(user_id, ctx.now).await?;
        for oldest in stored.iter().skip(self.policy.max_sessions) {
            let audit =
                self.audit_detail(ctx, Event::SessionEvicted, Some(user_id), "session limit");
            self.end_session(
                ctx,
                user_id,
                oldest.id,
                SessionEnd::SessionLimit,
                Some(audit),
            )
            .await?;
        }
        Ok(())
    }

    pub(crate) fn session_token(
        &self,
        session: &Session,
        secret: &str,
        now: Timestamp,
    ) -> Result<Secret<String>, Error> {
        let claims = SessionClaims {
            iss: self.policy.public_url.clone(),
            sub: session.user_id.to_string(),
            sid: secret.to_owned(),
            generation: session.generation,
            iat: now.as_second(),
            exp: session.expires_at.as_second(),
        };
        let token = self
            .keyring
            .sign(&claims)
            .ok_or(Error::Internal("no signing key is loaded"))?;
        Ok(Secret::new(token))
    }

    /// Authenticates a session token. This is the one check of every protected resource. Fails with
    /// [`Error::InvalidToken`] if the token is not valid.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn authenticate(&self, ctx: &Ctx, token: &str) -> Result<Authenticated, Error> {
        let digest = Digest::of(token.as_bytes());
        let keyring_version = self.cache.keyring_version();
        let entry = match self.cache.find(&digest, ctx.now) {
            CacheLookup::Fresh(entry) => entry,
            CacheLookup::Signed(claims) => {
                self.look_up(ctx, digest, (claims, keyring_version)).await?
            }
            CacheLookup::Unknown => {
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
        let seen_every = match self.idle_limit(entry.user.role) {
            None => SEEN_EVERY_SECONDS,
            Some(_) => SEEN_EVERY_SECONDS_IF_IDLE,
        };
        if ctx.now.as_second() - entry.session.last_seen_at.as_second() >= seen_every {
            self.record_last_seen(LastSeen {
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
            Verified::Refused => Err(Error::InvalidToken),
            // Another node may just have rotated the key.
            Verified::UnknownKey => {
                self.refresh_keys(RefreshReason::UnknownKey).await?;
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
        let slot_version = self.cache.slot_version(user_id);
        let digest = secret.digest();
        let session = self.ports.sessions.find_session(user_id, &digest, ctx.now);
        let user = self.ports.store.find_user(user_id);
        let (session, user) = try_join(session, user).await?;
        match (session, user) {
            (Some(session), Some(user)) if !self.has_ended(session.id).await? => {
                Ok(self.cache.insert(
                    token,
                    (claims, keyring_version),
                    user,
                    session,
                    slot_version,
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
            && session.epoch >= user.session_epoch
            && !self.is_idle(session, user.role, now);
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

    /// Idle timeout of a session of this role; `None` if there is none.
    fn idle_limit(&self, role: Role) -> Option<SignedDuration> {
        let admin_timeout = self.policy.admin_session_idle;
        let timeout = self.policy.session_idle;
        let limits = match role {
            Role::Admin => [admin_timeout, timeout],
            Role::User => [timeout, timeout],
        };
        limits.into_iter().filter(|limit| !limit.is_zero()).min()
    }

    /// Returns `true` if the session has reached its idle timeout (S-04). The last use is the stored one, or a
    /// later one that this node has not written yet.
    fn is_idle(&self, session: &Session, role: Role, now: Timestamp) -> bool {
        let Some(limit) = self.idle_limit(role) else {
            return false;
        };
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let noted = seen.get(&session.id).map(|seen| seen.at);
        let last = noted.map_or(session.last_seen_at, |at| at.max(session.last_seen_at));
        last + limit <= now
    }

    /// Ends the session of a token that was reused after its renewal. The client may be a thief or the owner, so
    /// the whole session ends. The audit event is written first: the client may disconnect at any time, and no
    /// later request would report a session that has ended (L-01).
    async fn end_reused(&self, ctx: &Ctx, entry: &CacheEntry) -> Result<(), Error> {
        let (user_id, id) = (entry.user.id, entry.session.id);
        let reason = SessionEnd::TokenReuse;
        let event = self.audit_failure(ctx, Event::TokenReuse, Some(user_id), "session ended");
        if self.ports.sessions.may_rewind() {
            self.end_session(ctx, user_id, id, reason, Some(event))
                .await?;
            return Ok(());
        }
        // A client that disconnects each time before the session ends could fill the audit log.
        let own = Ctx {
            actor: actor_of(&entry.user, &entry.session),
            ..ctx.clone()
        };
        if self.acquire_audit_slot(&own, Event::TokenReuse) {
            self.apply(vec![event]).await?;
        }
        self.end_session(ctx, user_id, id, reason, None).await?;
        Ok(())
    }

    /// Lists a user's valid sessions, newest first.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn list_sessions(&self, ctx: &Ctx, named: &str) -> Result<Vec<Session>, Error> {
        let user = self.resolve(ctx, Action::ListSessions, named).await?;
        self.audit_view(ctx, Event::SessionsListed, Some(user.id))
            .await?;
        Ok(self.valid_sessions(ctx, &user).await?)
    }

    /// Returns the user's sessions that are still valid, newest first.
    pub(crate) async fn valid_sessions(
        &self,
        ctx: &Ctx,
        user: &User,
    ) -> Result<Vec<Session>, StoreError> {
        let stored = self.ports.sessions.list_sessions(user.id, ctx.now).await?;
        let mut valid = Vec::with_capacity(stored.len());
        for session in stored {
            let is_alive =
                session.epoch >= user.session_epoch && !self.is_idle(&session, user.role, ctx.now);
            if is_alive && !self.has_ended(session.id).await? {
                valid.push(session);
            }
        }
        Ok(valid)
    }

    /// Returns `true` if a session in the session store has ended already: the store may have been restored from
    /// an old snapshot.
    async fn has_ended(&self, id: SessionId) -> Result<bool, StoreError> {
        Ok(self.ports.sessions.may_rewind() && self.is_recorded_as_ended(id).await?)
    }

    async fn is_recorded_as_ended(&self, id: SessionId) -> Result<bool, StoreError> {
        Ok(self.ports.store.get::<EndedSession>(id).await?.is_some())
    }

    /// Ends one session permanently and writes the audit event. Returns `false` if there was none. If the session
    /// store may rewind, the end and the audit event are first written to the database. The session then stays
    /// ended, even if the session store is unavailable.
    pub(crate) async fn end_session(
        &self,
        ctx: &Ctx,
        user_id: UserId,
        id: SessionId,
        reason: SessionEnd,
        audit: Option<Change>,
    ) -> Result<bool, Error> {
        let sessions = &self.ports.sessions;
        if !sessions.may_rewind() {
            let was_open = sessions.delete_session(user_id, id).await?;
            self.cache.user_changed(user_id);
            if was_open {
                self.record(MetricEvent::SessionsEnded(reason, 1));
                self.apply(audit.into_iter().collect()).await?;
            }
            return Ok(was_open);
        }
        let ended = EndedSession {
            id,
            user_id,
            ends_at: ctx.now + self.policy.session_renewable,
        };
        let end = Write::put(&ended).into();
        self.apply([end].into_iter().chain(audit).collect()).await?;
        let deleted = sessions.delete_session(user_id, id).await;
        self.cache.user_changed(user_id);
        if !matches!(deleted, Ok(false)) {
            self.record(MetricEvent::SessionsEnded(reason, 1));
        }
        if let Err(error) = deleted {
            tracing::warn!(user.id = %user_id, %error, "failed to delete an ended session");
        }
        Ok(true)
    }

    /// Ends one of a user's sessions. Fails with [`Error::NotFound`] if it is not valid.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn revoke_session(&self, ctx: &Ctx, named: &str, id: &str) -> Result<(), Error> {
        let user = self.resolve(ctx, Action::RevokeSessions, named).await?;
        let id: SessionId = id.parse().map_err(|()| Error::NotFound)?;
        let stored = self.ports.sessions.list_sessions(user.id, ctx.now).await?;
        let is_valid = stored.iter().any(|session| {
            session.id == id
                && session.epoch >= user.session_epoch
                && !self.is_idle(session, user.role, ctx.now)
        });
        if !is_valid || self.has_ended(id).await? {
            return Err(Error::NotFound);
        }
        // Sessions may be in another store than users, so this is a separate write.
        if let Some(check) = self.check_actor(ctx, Action::RevokeSessions, user.id) {
            self.apply(vec![check]).await?;
        }
        let audit = self.audit_detail(ctx, Event::SessionsRevoked, Some(user.id), "one");
        let reason = SessionEnd::Revoked;
        let end = self.end_session(ctx, user.id, id, reason, Some(audit));
        match end.await? {
            true => Ok(()),
            false => Err(Error::NotFound),
        }
    }

    /// Ends all sessions of a user. The higher session epoch also voids those in a restored session store.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn revoke_sessions(&self, ctx: &Ctx, named: &str) -> Result<(), Error> {
        for _ in 0..ATTEMPTS {
            let user = self.resolve(ctx, Action::RevokeSessions, named).await?;
            let mut changes: Changes = self
                .check_actor(ctx, Action::RevokeSessions, user.id)
                .into_iter()
                .collect();
            changes.extend([
                Change::UpdateUser {
                    user: Box::new(User {
                        session_epoch: user.session_epoch + 1,
                        version: user.version.next(),
                        updated_at: ctx.now,
                        ..user.clone()
                    }),
                    expected: user.version,
                },
                self.audit_detail(ctx, Event::SessionsRevoked, Some(user.id), "all"),
            ]);
            match self.apply(changes).await {
                Ok(()) => {
                    let (epoch, reason) = (user.session_epoch + 1, SessionEnd::Revoked);
                    self.end_sessions(ctx, user.id, epoch, reason, None).await;
                    return Ok(());
                }
                Err(ApplyError::Stale) => {}
                Err(other) => return Err(other.into()),
            }
        }
        Err(Error::Overloaded)
    }

    /// Deletes the sessions that a change has just ended by raising the user's epoch to `epoch`. The session
    /// `keep` gets the new epoch. A session created since, such as one with the new password, has the new epoch
    /// already and stays. If the session store is unavailable, this is logged and `keep` may end too, but the
    /// change is made and does not fail. Returns the number of deleted sessions.
    pub(crate) async fn end_sessions(
        &self,
        ctx: &Ctx,
        user_id: UserId,
        epoch: i64,
        reason: SessionEnd,
        keep: Option<SessionId>,
    ) -> usize {
        let mut ended = 0;
        let clearing = self.clear_sessions(ctx, user_id, epoch, keep, || {
            ended += 1;
            self.record(MetricEvent::SessionsEnded(reason, 1));
        });
        if let Err(error) = clearing.await {
            tracing::error!(user.id = %user_id, %error, "failed to delete ended sessions");
        }
        self.cache.user_changed(user_id);
        ended
    }

    async fn clear_sessions(
        &self,
        ctx: &Ctx,
        user_id: UserId,
        epoch: i64,
        keep: Option<SessionId>,
        mut cleared: impl FnMut(),
    ) -> Result<(), StoreError> {
        let sessions = &self.ports.sessions;
        if let Some(id) = keep {
            sessions.set_session_epoch(user_id, id, epoch).await?;
        }
        for session in sessions.list_sessions(user_id, ctx.now).await? {
            let is_over = session.epoch < epoch && Some(session.id) != keep;
            if is_over && sessions.delete_session(user_id, session.id).await? {
                cleared();
            }
        }
        Ok(())
    }
}

enum TokenStatus {
    Valid,
    Invalid,
    Reused,
}
