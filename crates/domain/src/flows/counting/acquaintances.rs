//! Which accounts a client shows that it has signed in to before.

use crate::accounts::Accounts;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::model::User;
use crate::throttle::KNOWN_FOR;
use crate::tokens::{Acquaintance, SessionClaims, Verified};
use crate::values::{Digest, Secret, Token};

/// How long a session that is over still shows that this client was here, at the most.
const RECENT_SECONDS: i64 = 30 * 24 * 3600;

impl Accounts {
    /// Which accounts a client has signed in to before, by what its browser keeps: the cookie of a known
    /// device, and a session, which may be over.
    pub fn recognise(
        &self,
        ctx: &Ctx,
        device: Option<&str>,
        session: Option<&str>,
    ) -> Vec<Acquaintance> {
        let mut known = self.devices.read(device.unwrap_or_default(), ctx.now);
        known.extend(session.and_then(|token| self.recent_session(ctx, token)));
        known
    }

    /// What a browser keeps from now on to be known again, after a sign-in to that account that made the
    /// session whose secret has that digest.
    pub fn device_after(
        &self,
        ctx: &Ctx,
        before: Option<&str>,
        user: &User,
        session: &Digest,
    ) -> Secret<String> {
        let of = (user.id, user.session_epoch);
        self.devices.write(before, of, session, ctx.now)
    }

    /// Whether somebody who shows that is known to the account as it is now: of its epoch, or, where
    /// that is not told, from since its password was set. One of that very second may be of before.
    pub(super) async fn still_holds(
        &self,
        known: &Acquaintance,
        user: &User,
    ) -> Result<bool, Error> {
        if known.user_id != user.id {
            return Ok(false);
        }
        let Some(issued_at) = known.issued_at() else {
            return Ok(known.is_of(user));
        };
        let kept = self.ports.store.find_credential(user.id).await?;
        Ok(kept.is_some_and(|kept| kept.updated_at.as_second() < issued_at))
    }

    /// For how many seconds it keeps that.
    pub fn device_seconds(&self) -> u64 {
        KNOWN_FOR.as_secs()
    }

    fn recent_session(&self, ctx: &Ctx, token: &str) -> Option<Acquaintance> {
        let Verified::Claims(claims) = self.keyring.verify::<SessionClaims>(token) else {
            return None;
        };
        let is_recent = ctx.now.as_second() < claims.exp.saturating_add(RECENT_SECONDS);
        (is_recent && claims.iss == self.policy.public_url).then_some(())?;
        let user_id = claims.sub.parse().ok()?;
        let session = Token::parse(&claims.sid)?.digest();
        Some(Acquaintance::of_token(user_id, &session, claims.iat))
    }
}
