//! Axum extractors that verify Doorward's audience tokens.
//!
//! A handler with a [`Person`] argument runs for signed-in users, and one with an [`Admin`] argument for
//! admins. All other requests get 401 or 403. The only requests to Doorward fetch its public keys, every ten
//! minutes and for unknown key ids.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::extract::{FromRef, FromRequestParts};
use axum::http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{ED25519, ED25519_PUBLIC_KEY_LEN, UnparsedPublicKey};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use tokio::sync::Mutex;

/// Time until the keys are fetched again, so that a revoked key is forgotten.
const LIFETIME: Duration = Duration::from_secs(600);

/// Minimum time between fetches for unknown key ids, since anyone can make up key ids.
const COOLDOWN: Duration = Duration::from_secs(1);

/// Timeout of a request to Doorward.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Allowed clock skew.
const LEEWAY: Duration = Duration::from_secs(5);

/// The claims of a valid token.
#[derive(Clone, Debug, Deserialize)]
pub struct Person {
    /// The user's id.
    pub sub: String,
    /// `user` or `admin`.
    pub role: String,
    /// The id of the session that requested the token, as in the user's list of sessions.
    pub sid: String,
}

/// A user with the role `admin`.
#[derive(Clone, Debug)]
pub struct Admin(pub Person);

/// Why a request is rejected.
#[derive(Debug)]
pub enum Refusal {
    /// 401: the request has no token.
    NoToken,
    /// 401: the token is invalid. The response does not contain the reason, which would help a forger.
    BadToken,
    /// 403: the user is not an admin.
    NotAdmin,
    /// 503: the keys cannot be fetched.
    NoKeys,
}

/// A Doorward server: an issuer with public keys.
pub struct Doorward {
    issuer: String,
    audience: String,
    client: ureq::Agent,
    cache: RwLock<Cache>,
    /// Held by the task that fetches the keys.
    fetching: Arc<Mutex<()>>,
}

type PublicKey = [u8; ED25519_PUBLIC_KEY_LEN];

#[derive(Default)]
struct Cache {
    keys: HashMap<String, PublicKey>,
    fetched_at: Option<Instant>,
    /// `true` if the last fetch failed.
    failed: bool,
}

impl Cache {
    fn is_due(&self, kid: &str) -> bool {
        let known = self.keys.contains_key(kid);
        let wait = if known { LIFETIME } else { COOLDOWN };
        self.fetched_at.is_none_or(|at| at.elapsed() >= wait)
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
    /// Extensions that the recipient must understand. This code supports none.
    crit: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    exp: u64,
    #[serde(flatten)]
    person: Person,
}

#[derive(Deserialize)]
struct JwkSet {
    keys: Vec<serde_json::Value>,
}

impl Doorward {
    /// `url` is Doorward's `public_url`, `audience` the name of this service.
    pub fn new(url: &str, audience: &str) -> Self {
        // Requests go to Doorward only: no redirects, and no proxy from the environment.
        let client = ureq::Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .max_redirects(0)
            .proxy(None);
        Self {
            issuer: url.to_owned(),
            audience: audience.to_owned(),
            client: client.build().into(),
            cache: RwLock::default(),
            fetching: Arc::default(),
        }
    }

    /// Returns the user of the token in the request.
    async fn person(self: &Arc<Self>, headers: &HeaderMap) -> Result<Person, Refusal> {
        let header = headers.get(AUTHORIZATION).ok_or(Refusal::NoToken)?;
        let header = header.to_str().map_err(|_| Refusal::BadToken)?;
        let (scheme, token) = header.split_once(' ').ok_or(Refusal::NoToken)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Refusal::NoToken);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Refusal::BadToken)?;
        let (header, claims) = signed.split_once('.').ok_or(Refusal::BadToken)?;
        let header: Header = read(header)?;
        if header.alg != "EdDSA" || header.typ != "at+jwt" || header.crit.is_some() {
            return Err(Refusal::BadToken);
        }
        let key = UnparsedPublicKey::new(&ED25519, self.key(&header.kid).await?);
        key.verify(signed.as_bytes(), &decode(signature)?)
            .map_err(|_| Refusal::BadToken)?;
        // The claims are trusted only after this line.
        let claims: Claims = read(claims)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.expect("it is later than 1970").as_secs();
        let is_good = claims.iss == self.issuer
            && claims.aud == self.audience
            && now < claims.exp.saturating_add(LEEWAY.as_secs());
        is_good.then_some(claims.person).ok_or(Refusal::BadToken)
    }

    /// Returns the key with this id. A known and fresh key is returned at once. Otherwise one request at a
    /// time fetches the keys and the others wait, unless the last fetch failed: Doorward may be hanging.
    async fn key(self: &Arc<Self>, kid: &str) -> Result<PublicKey, Refusal> {
        if self.cache().is_due(kid) {
            let lock = Arc::clone(&self.fetching);
            let failed = self.cache().failed;
            let guard = if failed {
                lock.try_lock_owned().ok()
            } else {
                Some(lock.lock_owned().await)
            };
            // Another request may have fetched them in the meantime.
            if let Some(guard) = guard
                && self.cache().is_due(kid)
            {
                let this = Arc::clone(self);
                // A separate task, which finishes even if this request is cancelled.
                let fetch = tokio::task::spawn_blocking(move || {
                    this.fetch();
                    drop(guard);
                });
                fetch.await.map_err(|_| Refusal::NoKeys)?;
            }
        }
        let cache = self.cache();
        match cache.keys.get(kid) {
            Some(key) => Ok(*key),
            None if cache.failed => Err(Refusal::NoKeys),
            None => Err(Refusal::BadToken),
        }
    }

    fn cache(&self) -> RwLockReadGuard<'_, Cache> {
        self.cache.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fetches the keys. If that fails, the old ones stay.
    fn fetch(&self) {
        let found = self.request_keys();
        let mut cache = self.cache.write().unwrap_or_else(PoisonError::into_inner);
        cache.fetched_at = Some(Instant::now());
        cache.failed = found.is_err();
        match found {
            Ok(keys) => cache.keys = keys,
            Err(error) => eprintln!("cannot fetch Doorward's keys: {error}"),
        }
    }

    fn request_keys(&self) -> Result<HashMap<String, PublicKey>, Box<dyn std::error::Error>> {
        let url = format!("{}/.well-known/jwks.json", self.issuer);
        let mut response = self.client.get(url).call()?;
        let body = response.body_mut().with_config().limit(65_536);
        let set: JwkSet = serde_json::from_slice(&body.read_to_vec()?)?;
        let usable = set.keys.iter().filter_map(|key| {
            let is_ed25519 = key["kty"] == "OKP" && key["crv"] == "Ed25519";
            let bytes = decode(key["x"].as_str().filter(|_| is_ed25519)?).ok()?;
            Some((key["kid"].as_str()?.to_owned(), bytes.try_into().ok()?))
        });
        let usable: HashMap<_, _> = usable.collect();
        if usable.is_empty() {
            return Err("no key for EdDSA".into());
        }
        Ok(usable)
    }
}

fn decode(text: &str) -> Result<Vec<u8>, Refusal> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Refusal::BadToken)
}

/// Decodes a part of a token.
fn read<T: DeserializeOwned>(part: &str) -> Result<T, Refusal> {
    serde_json::from_slice(&decode(part)?).map_err(|_| Refusal::BadToken)
}

impl<S> FromRequestParts<S> for Person
where
    S: Send + Sync,
    Arc<Doorward>: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let doorward = Arc::<Doorward>::from_ref(state);
        doorward.person(&parts.headers).await
    }
}

impl<S> FromRequestParts<S> for Admin
where
    S: Send + Sync,
    Arc<Doorward>: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let person = Person::from_request_parts(parts, state).await?;
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
