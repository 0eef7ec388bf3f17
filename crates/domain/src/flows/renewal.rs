//! New tokens for a session that goes on: renewed by whoever has the old one (J-08), or replaced because the
//! old one may have been copied (S-02).
//!
//! Both are won by the condition of one write. A renewal leaves the old token its grace and prolongs the
//! session; a replacement does neither (S-04).

use crate::accounts::{ATTEMPTS, Accounts};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::flows::sessions::{Authenticated, SignedIn};
use crate::happening::Happening;
use crate::model::Session;
use crate::session_cache::Entry;

impl Accounts {
    /// A new token for the session; the old one dies after the grace. The old one asked to renew
    /// within its grace gets the token of the same renewal: a client whose answer was lost can
    /// ask again, and two tabs that renew at once both go on. So does the newest token while that
    /// grace lasts: there are never two tokens in their grace, and an older one is always a reuse.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn renew(&self, ctx: &Ctx, token: &str) -> Result<SignedIn, Error> {
        let Authenticated(entry) = self.authenticate(ctx, token).await?;
        let mut session = entry.session.clone();
        let grace_is_over =
            !session.has_previous() || ctx.now > session.renewed_at + self.policy.renewal_grace;
        if entry.claims.generation == session.generation && grace_is_over {
            let expected = session.generation;
            session.generation += 1;
            session.renewed_at = ctx.now;
            session.expires_at = (ctx.now + self.policy.session_lifetime)
                .min(session.created_at + self.policy.session_renewable);
            match self.write_renewal(&session, expected).await? {
                true => self.note(Happening::SessionRenewed),
                false => session = self.renewed_by_another(ctx, &session).await?,
            }
        }
        self.signed_in_anew(ctx, &entry, session)
    }

    /// A new token for the session, which lives no longer for it. Every one before it is good for nothing
    /// from now on, also one of a renewal at this very moment; showing it ends nothing, since whoever
    /// missed the new one may do that in good faith.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn replace_token(&self, ctx: &Ctx, token: &str) -> Result<SignedIn, Error> {
        for _ in 0..ATTEMPTS {
            let Authenticated(entry) = self.authenticate(ctx, token).await?;
            let mut session = entry.session.clone();
            let expected = session.generation;
            session.generation = session.generation_after_replacement();
            session.renewed_at = ctx.now;
            if self.write_renewal(&session, expected).await? {
                self.note(Happening::SessionRenewed);
                return self.signed_in_anew(ctx, &entry, session);
            }
        }
        Err(Error::Overloaded)
    }

    async fn write_renewal(&self, session: &Session, expected: i64) -> Result<bool, Error> {
        let sessions = &self.ports.sessions;
        let is_first = sessions.renew_session(session, expected).await;
        self.cache.user_changed(session.user_id);
        Ok(is_first?)
    }

    fn signed_in_anew(
        &self,
        ctx: &Ctx,
        entry: &Entry,
        session: Session,
    ) -> Result<SignedIn, Error> {
        let token = self.session_token(&session, &entry.claims.sid, ctx.now)?;
        Ok(SignedIn {
            token,
            session,
            user: entry.user.clone(),
        })
    }

    /// The session as whoever was faster has renewed it.
    async fn renewed_by_another(&self, ctx: &Ctx, ours: &Session) -> Result<Session, Error> {
        let kept = self
            .ports
            .sessions
            .find_session(ours.user_id, &ours.digest, ctx.now)
            .await?;
        kept.filter(|kept| kept.generation == ours.generation)
            .ok_or(Error::InvalidToken)
    }
}
