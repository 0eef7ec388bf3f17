//! Who asks? An axum extractor that reads Doorward's audience tokens.
//!
//! A handler that takes a [`Person`] runs for people who are signed in, one that takes an [`Admin`]
//! for admins; everybody else has had a 401 or 403 by then. Doorward itself is asked for its public
//! keys alone, and seldom.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::signature::{self, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, Validation, decode, decode_header};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// After this long the keys are fetched again, so that one that was withdrawn is forgotten.
const LIFETIME: Duration = Duration::from_secs(600);

/// A token by a key that is not known makes us look for new ones, but no more often than this:
/// anybody can make up names of keys.
const COOLDOWN: Duration = Duration::from_secs(1);

/// How long Doorward has to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is believed of a token once everything about it has been checked.
#[derive(Clone, Debug, Deserialize)]
pub struct Person {
    /// The user's id.
    pub sub: String,
    /// `user` or `admin`.
    pub role: String,
    /// The session the token was made in, as the user sees it in the list of sessions.
    pub sid: String,
}

/// A person who is an admin.
#[derive(Clone, Debug)]
pub struct Admin(pub Person);

/// Why somebody does not get in.
#[derive(Debug)]
pub enum Refusal {
    /// 401, and no token was shown.
    NoToken,
    /// 401: the token is not good, whatever the reason. Whoever forges one learns nothing.
    BadToken,
    /// 403: signed in, and no admin.
    NotAdmin,
    /// 503: the keys are needed, and Doorward does not answer.
    NoKeys,
}

/// Doorward, as a service sees it: an issuer with public keys.
pub struct Doorward {
    validation: Validation,
    jwks: String,
    client: ureq::Agent,
    cache: Mutex<Cache>,
}

#[derive(Default)]
struct Cache {
    keys: HashMap<String, DecodingKey>,
    asked_at: Option<Instant>,
    /// Whether the last attempt to fetch them failed.
    failed: bool,
}

impl Doorward {
    /// `url` is Doorward's `public_url`, `audience` the name of this service.
    pub fn new(url: &str, audience: &str) -> Self {
        // Refused where one is installed already, which then is this one.
        let _ = RING.install_default();
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[url]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // For clocks that differ a little.
        validation.leeway = 5;
        let client = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .max_redirects(0);
        Self {
            validation,
            jwks: format!("{url}/.well-known/jwks.json"),
            client: client.build().into(),
            cache: Mutex::default(),
        }
    }

    /// Whose token it is.
    async fn person(&self, headers: &HeaderMap) -> Result<Person, Refusal> {
        let shown = headers.get(AUTHORIZATION).ok_or(Refusal::NoToken)?;
        let shown = shown.to_str().map_err(|_| Refusal::BadToken)?;
        let (scheme, token) = shown.split_once(' ').ok_or(Refusal::NoToken)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Refusal::NoToken);
        }
        // What it says of itself: enough to find the key. `typ` is under the signature too.
        let header = decode_header(token).map_err(|_| Refusal::BadToken)?;
        if header.alg != Algorithm::EdDSA || header.typ.as_deref() != Some("at+jwt") {
            return Err(Refusal::BadToken);
        }
        let key = self.key(&header.kid.ok_or(Refusal::BadToken)?).await?;
        let data = decode(token, &key, &self.validation).map_err(|_| Refusal::BadToken)?;
        Ok(data.claims)
    }

    /// The key of that name. One request at a time looks, the others wait for what it finds.
    async fn key(&self, kid: &str) -> Result<DecodingKey, Refusal> {
        let mut cache = self.cache.lock().await;
        let age = cache.asked_at.map(|at| at.elapsed());
        let known = cache.keys.get(kid).cloned();
        let waits = if known.is_some() { LIFETIME } else { COOLDOWN };
        let known = if age.is_none_or(|age| age >= waits) {
            cache.asked_at = Some(Instant::now());
            // The old ones are kept while Doorward is away.
            match self.fetch().await {
                Some(keys) => (cache.keys, cache.failed) = (keys, false),
                None => cache.failed = true,
            }
            cache.keys.get(kid).cloned()
        } else {
            known
        };
        known.ok_or(if cache.failed {
            Refusal::NoKeys
        } else {
            Refusal::BadToken
        })
    }

    async fn fetch(&self) -> Option<HashMap<String, DecodingKey>> {
        let request = self.client.get(&self.jwks);
        let answer = tokio::task::spawn_blocking(move || {
            let mut answer = request.call()?;
            let body = answer.body_mut().with_config().limit(65_536);
            body.read_to_vec()
        });
        let set: JwkSet = match answer.await.expect("it does not panic") {
            Ok(body) => serde_json::from_slice(&body).ok()?,
            Err(error) => {
                eprintln!("Doorward's keys could not be fetched: {error}");
                return None;
            }
        };
        let usable = set.keys.iter().filter_map(|jwk| {
            let key = DecodingKey::from_jwk(jwk).ok()?;
            (key.family() == AlgorithmFamily::Ed).then_some((jwk.common.key_id.clone()?, key))
        });
        Some(usable.collect())
    }
}

impl FromRequestParts<Arc<Doorward>> for Person {
    type Rejection = Refusal;

    async fn from_request_parts(
        parts: &mut Parts,
        doorward: &Arc<Doorward>,
    ) -> Result<Self, Refusal> {
        doorward.person(&parts.headers).await
    }
}

impl FromRequestParts<Arc<Doorward>> for Admin {
    type Rejection = Refusal;

    async fn from_request_parts(
        parts: &mut Parts,
        doorward: &Arc<Doorward>,
    ) -> Result<Self, Refusal> {
        let person = doorward.person(&parts.headers).await?;
        match person.role.as_str() {
            "admin" => Ok(Self(person)),
            _ => Err(Refusal::NotAdmin),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let bearer = |how| [(WWW_AUTHENTICATE, how)];
        match self {
            Self::NoToken => (StatusCode::UNAUTHORIZED, bearer("Bearer")).into_response(),
            Self::BadToken => {
                let how = bearer("Bearer error=\"invalid_token\"");
                (StatusCode::UNAUTHORIZED, how).into_response()
            }
            Self::NotAdmin => StatusCode::FORBIDDEN.into_response(),
            Self::NoKeys => (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")]).into_response(),
        }
    }
}

/// `jsonwebtoken` reads and compares; ring checks the one kind of signature there is.
static RING: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(ErrorKind::UnsupportedAlgorithm.into()),
    verifier_factory: |algorithm, key| {
        if *algorithm != Algorithm::EdDSA || key.family() != AlgorithmFamily::Ed {
            return Err(ErrorKind::InvalidAlgorithm.into());
        }
        Ok(Box::new(Ed25519(key.try_get_as_bytes()?.to_vec())))
    },
    key_utils: KeyUtils::new_unimplemented(),
};

struct Ed25519(Vec<u8>);

impl Verifier<Vec<u8>> for Ed25519 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        let key = UnparsedPublicKey::new(&ED25519, &self.0);
        key.verify(message, signature)
            .map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for Ed25519 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}
