//! New tokens for an existing session: a client renews its token (J-08), or the server replaces a token that may
//! have been copied (S-02), such as after a proof.
//!
//! Of concurrent calls, one conditional write succeeds. A renewal gives the old token a grace period and extends
//! the session; a replacement does neither (S-04).

use std::sync::Arc;

use crate::ctx::Ctx;
use crate::error::Error;
use crate::keys::Keyring;
use crate::metric_event::MetricEvent;
use crate::model::{AuthMethod, Session};
use crate::policy::Policy;
use crate::sessions::cache::CacheEntry;
use crate::sessions::issuer::session_token;
use crate::sessions::{Authenticated, SessionCheck, SessionStore, SessionUpdate, SignedIn};
use crate::user_versions::UserVersions;
use crate::writer::{MAX_WRITE_ATTEMPTS, Writer};

/// Issues new tokens for existing sessions.
pub struct Renewal {
    pub(crate) policy: Arc<Policy>,
    pub(crate) session_store: SessionStore,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) session_check: Arc<SessionCheck>,
    pub(crate) user_versions: Arc<UserVersions>,
    pub(crate) writer: Arc<Writer>,
}

impl Renewal {
    /// Renews the session and returns its new token. The old token expires after the grace period. Until then, a
    /// call with either token returns the result of the same renewal: a client that lost the response can retry,
    /// and two tabs can renew at the same time. There is never more than one token in its grace period; an older
    /// one is always a reuse.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn renew(&self, ctx: &Ctx, token: &str) -> Result<SignedIn, Error> {
        for _ in 0..MAX_WRITE_ATTEMPTS {
            let Authenticated(entry) = self.session_check.authenticate(ctx, token).await?;
            let mut session = entry.session.clone();
            let grace_is_over =
                !session.has_previous() || ctx.now > session.renewed_at + self.policy.renewal_grace;
            if entry.claims.generation != session.generation || !grace_is_over {
                return self.renewed_sign_in(ctx, &entry, session);
            }
            let expected = session.generation;
            session.generation += 1;
            session.renewed_at = ctx.now;
            session.expires_at = (ctx.now + self.policy.session_lifetime)
                .min(session.created_at + self.policy.session_absolute_lifetime);
            let update = SessionUpdate::Renewal { expected };
            if self.write(&session, update).await? {
                self.writer.record(MetricEvent::SessionRenewed);
                return self.renewed_sign_in(ctx, &entry, session);
            }
        }
        Err(Error::Overloaded)
    }

    /// Replaces the token without extending the session. All earlier tokens become invalid, including one of a
    /// concurrent renewal. Using one of them does not end the session: the client may have missed the replacement.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn replace_token(&self, ctx: &Ctx, token: &str) -> Result<SignedIn, Error> {
        self.replace(ctx, token, None).await
    }

    /// Records in the session that the user has just proved with these methods who they are, so that the next action needs no
    /// proof, and replaces the token, so that a copy of it is worth nothing (S-02).
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn record_proof(
        &self,
        ctx: &Ctx,
        token: &str,
        amr: Vec<AuthMethod>,
    ) -> Result<SignedIn, Error> {
        self.replace(ctx, token, Some(amr)).await
    }

    async fn replace(
        &self,
        ctx: &Ctx,
        token: &str,
        proved_with: Option<Vec<AuthMethod>>,
    ) -> Result<SignedIn, Error> {
        for _ in 0..MAX_WRITE_ATTEMPTS {
            let Authenticated(entry) = self.session_check.authenticate(ctx, token).await?;
            let mut session = entry.session.clone();
            let expected = session.generation;
            session.generation = session.generation_after_replacement();
            session.renewed_at = ctx.now;
            let update = match &proved_with {
                Some(amr) => {
                    (session.auth_time, session.amr) = (ctx.now, amr.clone());
                    SessionUpdate::Proof { expected }
                }
                None => SessionUpdate::Renewal { expected },
            };
            if self.write(&session, update).await? {
                self.writer.record(MetricEvent::SessionRenewed);
                return self.renewed_sign_in(ctx, &entry, session);
            }
        }
        Err(Error::Overloaded)
    }

    /// Returns `false` if the session was renewed, replaced or ended by another call. Afterwards, the next authentication
    /// reads the session from the store.
    async fn write(&self, session: &Session, update: SessionUpdate) -> Result<bool, Error> {
        let is_first = self.session_store.update(session, update).await;
        self.user_versions.mark_changed(session.user_id);
        Ok(is_first?)
    }

    fn renewed_sign_in(
        &self,
        ctx: &Ctx,
        entry: &CacheEntry,
        session: Session,
    ) -> Result<SignedIn, Error> {
        let token = session_token(
            &self.keyring,
            &self.policy,
            &session,
            (&entry.claims.sid, ctx.now),
        )?;
        Ok(SignedIn {
            token,
            session,
            user: entry.user.clone(),
        })
    }
}
