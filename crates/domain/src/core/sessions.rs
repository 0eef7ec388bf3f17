//! Issues and ends sessions, for all services. One function creates sessions.

use std::sync::{Arc, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::core::Core;
use crate::core::verify_password::VerifiedPassword;
use crate::ctx::Ctx;
use crate::error::{Error, chain};
use crate::events::Event;
use crate::metric_event::{MetricEvent, SessionEnd};
use crate::model::{AuthMethod, EndedSession, LastSignIn, Session, Status, User};
use crate::session_cache::CacheEntry;
use crate::sessions::SessionUpdate;
use crate::store::{Batch, StoreError, Write};
use crate::tokens::SessionClaims;
use crate::values::{Role, Secret, SessionId, Token, UserId};
use crate::writer::Effects;

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

impl Core {
    /// Creates a session of a user who has proved who they are, with these methods at this time, and applies the batch with
    /// it and the time of the sign-in. Clears the wrong passwords once the session is stored. No other function creates a
    /// session. So a client that is not signed in never has a session (S-10). Fails if the account is not active.
    pub(crate) async fn issue_session(
        &self,
        ctx: &Ctx,
        verified: &VerifiedPassword,
        (amr, auth_time): (Vec<AuthMethod>, Timestamp),
        mut batch: Batch,
    ) -> Result<SignedIn, Error> {
        let user = verified.user.clone();
        if user.status != Status::Active {
            return Err(Error::Internal(
                "a session was requested for an account that is not active",
            ));
        }
        let secret = Token::generate(&*self.ports.random);
        let session = Session {
            id: SessionId::generate(ctx.now, &*self.ports.random),
            digest: secret.digest(),
            user_id: user.id,
            epoch: user.security_epoch,
            generation: Session::FIRST_GENERATION,
            renewed_at: ctx.now,
            created_at: ctx.now,
            auth_time,
            amr,
            last_seen_at: ctx.now,
            expires_at: ctx.now + self.policy.session_lifetime,
            address: ctx.client.address,
            user_agent: ctx.client.user_agent.clone(),
        };
        batch.push(Write::put(&LastSignIn {
            user_id: user.id,
            at: ctx.now,
        }));
        let effects = Effects::of(&batch);
        let opened = self.sessions.open(&session, batch).await;
        self.writer.finish(effects, opened).await?;
        let (evicted, cleared) = tokio::join!(
            self.evict_oldest_sessions(ctx, user.id),
            self.clear_password_attempts(verified),
        );
        if let Err(error) = cleared {
            tracing::warn!(error = %chain(&error), "failed to clear the wrong passwords after a sign-in");
        }
        if let Err(error) = evicted {
            // The next sign-in ends them.
            tracing::warn!(user.id = %user.id, error = %chain(&error), "failed to end the oldest sessions");
        }
        let token = self.session_token(&session, &secret.expose(), ctx.now)?;
        Ok(SignedIn {
            token,
            session,
            user,
        })
    }

    /// Ends the oldest sessions of a user who has more than the maximum (S-08). Runs after the new session is
    /// stored, so that of concurrent sign-ins the last one sees all sessions.
    async fn evict_oldest_sessions(&self, ctx: &Ctx, user_id: UserId) -> Result<(), Error> {
        let stored = self.sessions.list(user_id, ctx.now).await?;
        for oldest in stored.iter().skip(self.policy.max_sessions) {
            let mut batch = Batch::new();
            self.writer
                .emit(ctx, Event::SessionEvicted { user_id }, &mut batch);
            let reason = SessionEnd::SessionLimit;
            self.end_session(ctx, user_id, oldest.id, reason, batch)
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

    /// Idle timeout of a session of this role; `None` if there is none.
    pub(crate) fn idle_limit(&self, role: Role) -> Option<SignedDuration> {
        let admin_timeout = self.policy.admin_session_idle_timeout;
        let timeout = self.policy.session_idle_timeout;
        let limits = match role {
            Role::Admin => [admin_timeout, timeout],
            Role::User => [timeout, timeout],
        };
        limits.into_iter().filter(|limit| !limit.is_zero()).min()
    }

    /// Returns `true` if the session has reached its idle timeout (S-04). The last use is the stored one, or a
    /// later one that this node has not written yet.
    pub(crate) fn is_idle(&self, session: &Session, role: Role, now: Timestamp) -> bool {
        let Some(limit) = self.idle_limit(role) else {
            return false;
        };
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let noted = seen.get(&session.id).map(|seen| seen.at);
        let last = noted.map_or(session.last_seen_at, |at| at.max(session.last_seen_at));
        last + limit <= now
    }

    /// Returns the user's sessions that are still valid, newest first.
    pub(crate) async fn valid_sessions(
        &self,
        ctx: &Ctx,
        user: &User,
    ) -> Result<Vec<Session>, StoreError> {
        let stored = self.sessions.list(user.id, ctx.now).await?;
        let mut valid = Vec::with_capacity(stored.len());
        for session in stored {
            let is_alive =
                session.epoch >= user.security_epoch && !self.is_idle(&session, user.role, ctx.now);
            if is_alive && !self.sessions.has_ended(session.id).await? {
                valid.push(session);
            }
        }
        Ok(valid)
    }

    /// Ends one session permanently and applies the batch. Returns `false`, and applies nothing, if there was none.
    pub(crate) async fn end_session(
        &self,
        ctx: &Ctx,
        user_id: UserId,
        id: SessionId,
        reason: SessionEnd,
        batch: Batch,
    ) -> Result<bool, Error> {
        let session = EndedSession {
            id,
            user_id,
            ends_at: ctx.now + self.policy.session_absolute_lifetime,
        };
        let effects = Effects::of(&batch);
        let outcome = self.sessions.end(&session, batch).await;
        self.user_versions.mark_changed(user_id);
        if let Ok(false) = outcome {
            if let Some(check) = &effects.actor {
                self.writer.ensure_actor(check).await?;
            }
            return Ok(false);
        }
        self.writer.finish(effects, outcome).await?;
        self.writer.record(MetricEvent::SessionEnded(reason));
        Ok(true)
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
            self.writer.record(MetricEvent::SessionEnded(reason));
        });
        if let Err(error) = clearing.await {
            tracing::error!(user.id = %user_id, error = %chain(&error), "failed to delete ended sessions");
        }
        self.user_versions.mark_changed(user_id);
        ended
    }

    async fn clear_sessions(
        &self,
        ctx: &Ctx,
        user_id: UserId,
        epoch: i64,
        keep: Option<SessionId>,
        mut cleared: impl FnMut(),
    ) -> Result<(), Error> {
        let open = self.sessions.list(user_id, ctx.now).await?;
        if let Some(kept) = open.iter().find(|session| Some(session.id) == keep) {
            // The stored epoch decides, not that of the request, which a cache may have read before the last event: a
            // session of an older epoch has ended.
            let update = SessionUpdate::Epoch {
                expected: epoch - 1,
            };
            let kept = Session {
                epoch,
                ..kept.clone()
            };
            self.sessions.update(&kept, update).await?;
        }
        for session in open {
            let is_over = session.epoch < epoch && Some(session.id) != keep;
            if is_over && self.sessions.delete(user_id, session.id).await? {
                cleared();
            }
        }
        Ok(())
    }
}
