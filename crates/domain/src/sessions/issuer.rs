//! Issues sessions. One function creates them.

use std::sync::Arc;

use jiff::Timestamp;

use super::{SessionEnder, SessionStore};
use crate::clock::RandomSource;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::Event;
use crate::keys::{Keyring, SessionClaims};
use crate::metric_event::SessionEnd;
use crate::model::{AuthMethod, LastSignIn, Session, Status, User};
use crate::policy::Policy;
use crate::store::{Batch, Write};
use crate::values::{Secret, SessionId, Token, UserId};
use crate::writer::{Effects, Writer};

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

/// Creates sessions and their tokens.
pub(crate) struct SessionIssuer {
    pub(crate) session_store: SessionStore,
    pub(crate) session_ender: Arc<SessionEnder>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) random: Arc<dyn RandomSource>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) writer: Arc<Writer>,
}

impl SessionIssuer {
    /// Creates a session of a user who has proved who they are, with these methods at this time, and applies the batch with
    /// it and the time of the sign-in. No other function creates a session. So a client that is not signed in never has a
    /// session (S-10). Fails if the account is not active.
    pub(crate) async fn issue_session(
        &self,
        ctx: &Ctx,
        user: &User,
        (amr, auth_time): (Vec<AuthMethod>, Timestamp),
        mut batch: Batch,
    ) -> Result<SignedIn, Error> {
        if user.status != Status::Active {
            return Err(Error::Internal(
                "a session was requested for an account that is not active",
            ));
        }
        let secret = Token::generate(&*self.random);
        let session = Session {
            id: SessionId::generate(ctx.now, &*self.random),
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
        let opened = self.session_store.open(&session, batch).await;
        self.writer.finish(effects, opened).await?;
        let token = session_token(
            &self.keyring,
            &self.policy,
            &session,
            (&secret.expose(), ctx.now),
        )?;
        Ok(SignedIn {
            token,
            session,
            user: user.clone(),
        })
    }

    /// Ends the oldest sessions of a user who has more than the maximum (S-08). Called after the new session is stored, so
    /// that of concurrent sign-ins the last one sees all sessions. The next sign-in ends those that are left after an error.
    pub(crate) async fn evict_oldest_sessions(
        &self,
        ctx: &Ctx,
        user_id: UserId,
    ) -> Result<(), Error> {
        let stored = self.session_store.list(user_id, ctx.now).await?;
        for oldest in stored.iter().skip(self.policy.max_sessions) {
            let mut batch = Batch::new();
            self.writer
                .emit(ctx, Event::SessionEvicted { user_id }, &mut batch);
            let reason = SessionEnd::SessionLimit;
            self.session_ender
                .end_session(ctx, user_id, oldest.id, reason, batch)
                .await?;
        }
        Ok(())
    }
}

/// Signs a token of a session.
pub(super) fn session_token(
    keyring: &Keyring,
    policy: &Policy,
    session: &Session,
    (secret, now): (&str, Timestamp),
) -> Result<Secret<String>, Error> {
    let claims = SessionClaims {
        iss: policy.public_url.clone(),
        sub: session.user_id.to_string(),
        sid: secret.to_owned(),
        generation: session.generation,
        iat: now.as_second(),
        exp: session.expires_at.as_second(),
    };
    let token = keyring
        .sign(&claims)
        .ok_or(Error::Internal("no signing key is loaded"))?;
    Ok(Secret::new(token))
}
