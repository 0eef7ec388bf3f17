//! Tokens for other services, which verify them with the JWKS alone. They are valid for five minutes.

use std::sync::Arc;

use uuid::Uuid;

use crate::clock::RandomSource;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::keys::{AudienceClaims, JWKS_LEAD_TIME, Keyring};
use crate::policy::Policy;
use crate::sessions::Authenticated;
use crate::values::{Invalid, Secret, SessionId};

/// The recipient of a token: 1 to 200 visible ASCII characters, such as a service's URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audience(String);

impl Audience {
    /// Maximum number of characters.
    pub const MAX_LENGTH: usize = 200;

    /// Parses an audience. Fails if it is empty, too long or not visible ASCII.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        match text.len() {
            0 => Err(Invalid::new(
                "too-short",
                "`audience` must name the service that the token is for.",
            )),
            1..=Self::MAX_LENGTH if text.bytes().all(|b| b.is_ascii_graphic()) => {
                Ok(Self(text.to_owned()))
            }
            1..=Self::MAX_LENGTH => Err(Invalid::new(
                "invalid",
                "An audience must be printable ASCII without spaces.",
            )),
            _ => Err(Invalid::new(
                "too-long",
                "An audience can have at most 200 characters.",
            )),
        }
    }
}

/// An audience token and its lifetime.
#[derive(Debug)]
pub struct AudienceToken {
    /// The JWT (RFC 9068).
    pub token: Secret<String>,
    /// Lifetime in seconds.
    pub expires_in: i64,
}

/// Issues tokens for other services.
pub struct AudienceTokens {
    pub(crate) random: Arc<dyn RandomSource>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) keyring: Arc<Keyring>,
}

impl AudienceTokens {
    /// Creates a token for one audience. It expires with the session at the latest.
    #[tracing::instrument(level = "trace", skip_all)]
    pub fn audience_token(
        &self,
        ctx: &Ctx,
        authenticated: &Authenticated,
        audience: &Audience,
    ) -> Result<AudienceToken, Error> {
        let (user, session) = (authenticated.user(), authenticated.session());
        let expires_at = (ctx.now + self.policy.access_token_lifetime).min(session.expires_at);
        let claims = AudienceClaims {
            iss: self.policy.public_url.clone(),
            sub: user.id.to_string(),
            aud: audience.0.clone(),
            sid: session.id.to_string(),
            auth_time: session.auth_time.as_second(),
            amr: session
                .amr
                .iter()
                .map(|method| method.as_str().to_owned())
                .collect(),
            role: user.role.as_str().to_owned(),
            client_id: "doorward".to_owned(),
            jti: Uuid::from_bytes(*SessionId::generate(ctx.now, &*self.random).as_bytes())
                .to_string(),
            iat: ctx.now.as_second(),
            exp: expires_at.as_second(),
        };
        let token = self
            .keyring
            .sign_with_key_known_since(ctx.now - JWKS_LEAD_TIME, &claims)
            .ok_or(Error::Internal("no signing key is loaded"))?;
        Ok(AudienceToken {
            token: Secret::new(token),
            expires_in: claims.exp - claims.iat,
        })
    }
}
