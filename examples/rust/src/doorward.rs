//! Who asks? An axum extractor that reads Doorward's audience tokens.
//!
//! A handler that takes a [`Person`] runs for people who are signed in, one that takes an [`Admin`]
//! for admins; everybody else has had a 401 or 403 by then. Doorward itself is asked for its public
//! keys alone, and seldom.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::extract::FromRequestParts;
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

/// After this long the keys are fetched again, so that one that was withdrawn is forgotten.
const LIFETIME: Duration = Duration::from_secs(600);

/// A token by a key that is not known makes us look for new ones, but no more often than this:
/// anybody can make up names of keys.
const COOLDOWN: Duration = Duration::from_secs(1);

/// How long Doorward has to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Clocks differ a little.
const LEEWAY: Duration = Duration::from_secs(5);

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
    issuer: String,
    audience: String,
    client: ureq::Agent,
    cache: RwLock<Cache>,
    /// Whoever has it looks for keys.
    turn: Arc<Mutex<()>>,
}

type PublicKey = [u8; ED25519_PUBLIC_KEY_LEN];

#[derive(Default)]
struct Cache {
    keys: HashMap<String, PublicKey>,
    asked_at: Option<Instant>,
    /// Whether the last attempt to fetch them failed.
    failed: bool,
}

impl Cache {
    fn is_due(&self, kid: &str) -> bool {
        let known = self.keys.contains_key(kid);
        let wait = if known { LIFETIME } else { COOLDOWN };
        self.asked_at.is_none_or(|at| at.elapsed() >= wait)
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
    /// What must be understood. There is nothing that we do.
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
        // Doorward itself, and nowhere else: not where it sends us, nor by a proxy of the environment's.
        let client = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .max_redirects(0)
            .proxy(None);
        Self {
            issuer: url.to_owned(),
            audience: audience.to_owned(),
            client: client.build().into(),
            cache: RwLock::default(),
            turn: Arc::default(),
        }
    }

    /// Whose token it is.
    async fn person(self: &Arc<Self>, headers: &HeaderMap) -> Result<Person, Refusal> {
        let shown = headers.get(AUTHORIZATION).ok_or(Refusal::NoToken)?;
        let shown = shown.to_str().map_err(|_| Refusal::BadToken)?;
        let (scheme, token) = shown.split_once(' ').ok_or(Refusal::NoToken)?;
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
        // Nothing of it is believed before this line.
        let claims: Claims = read(claims)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.expect("it is later than 1970").as_secs();
        let is_good = claims.iss == self.issuer
            && claims.aud == self.audience
            && now < claims.exp.saturating_add(LEEWAY.as_secs());
        is_good.then_some(claims.person).ok_or(Refusal::BadToken)
    }

    /// The key of that name. One that is known and fresh waits for nobody. Else one request at a time
    /// looks and the others wait for it, unless the last look failed: Doorward may be hanging.
    async fn key(self: &Arc<Self>, kid: &str) -> Result<PublicKey, Refusal> {
        if self.cache().is_due(kid) {
            let turn = Arc::clone(&self.turn);
            let failed = self.cache().failed;
            let turn = if failed {
                turn.try_lock_owned().ok()
            } else {
                Some(turn.lock_owned().await)
            };
            // Somebody else may have looked meanwhile.
            if let Some(turn) = turn
                && self.cache().is_due(kid)
            {
                let this = Arc::clone(self);
                // On its own: it is done even if this request is given up.
                let looking = tokio::task::spawn_blocking(move || {
                    this.fetch();
                    drop(turn);
                });
                looking.await.map_err(|_| Refusal::NoKeys)?;
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

    /// Fetches the keys. Where that fails, the old ones are kept.
    fn fetch(&self) {
        let found = self.ask();
        let mut cache = self.cache.write().unwrap_or_else(PoisonError::into_inner);
        cache.asked_at = Some(Instant::now());
        cache.failed = found.is_err();
        match found {
            Ok(keys) => cache.keys = keys,
            Err(error) => eprintln!("Doorward's keys could not be fetched: {error}"),
        }
    }

    fn ask(&self) -> Result<HashMap<String, PublicKey>, Box<dyn std::error::Error>> {
        let url = format!("{}/.well-known/jwks.json", self.issuer);
        let mut answer = self.client.get(url).call()?;
        let body = answer.body_mut().with_config().limit(65_536);
        let set: JwkSet = serde_json::from_slice(&body.read_to_vec()?)?;
        let usable = set.keys.iter().filter_map(|key| {
            let is_ours = key["kty"] == "OKP" && key["crv"] == "Ed25519";
            let bytes = decode(key["x"].as_str().filter(|_| is_ours)?).ok()?;
            Some((key["kid"].as_str()?.to_owned(), bytes.try_into().ok()?))
        });
        let usable: HashMap<_, _> = usable.collect();
        if usable.is_empty() {
            return Err("none among them is for EdDSA".into());
        }
        Ok(usable)
    }
}

fn decode(text: &str) -> Result<Vec<u8>, Refusal> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Refusal::BadToken)
}

/// A part of a token.
fn read<T: DeserializeOwned>(part: &str) -> Result<T, Refusal> {
    serde_json::from_slice(&decode(part)?).map_err(|_| Refusal::BadToken)
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
