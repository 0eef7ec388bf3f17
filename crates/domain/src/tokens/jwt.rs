//! The format: JWS compact serialisation (RFC 7515) with EdDSA over Ed25519 (RFC 8037).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

/// The longest token that is looked at (J-09).
const MAX_TOKEN_BYTES: usize = 2_048;

/// The header of every token there is. Reading compares it whole, so that `jku`, `jwk`, `crit`
/// and their kin are refused with everything else that is unknown.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
}

/// What a session token says (`typ: session+jwt`). It is looked up at every use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionClaims {
    /// Who made it: the public URL.
    pub iss: String,
    /// The user's id.
    pub sub: String,
    /// The session's secret, base64url of 256 bits. The store keeps its digest alone.
    pub sid: String,
    /// Which renewal made it: an older one shown again betrays a theft.
    pub generation: i64,
    /// When it was made, in seconds.
    pub iat: i64,
    /// When it ends, in seconds.
    pub exp: i64,
}

/// What an audience token says (`typ: at+jwt`, RFC 9068). Another service believes it by the JWKS
/// alone, so it lives five minutes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessClaims {
    /// Who made it: the public URL.
    pub iss: String,
    /// The user's id.
    pub sub: String,
    /// The service it is for.
    pub aud: String,
    /// The session's public id (never its secret).
    pub sid: String,
    /// The user's role.
    pub role: String,
    /// RFC 9068 asks for the client; here it is the issuer's own sign-in.
    pub client_id: String,
    /// Of this token alone.
    pub jti: String,
    /// When it was made, in seconds.
    pub iat: i64,
    /// When it ends, in seconds.
    pub exp: i64,
}

/// A kind of token: its claims and the `typ` that keeps it apart from the others.
pub trait Claims: Serialize + for<'de> Deserialize<'de> {
    /// The header's `typ`.
    const TYPE: &'static str;
}

impl Claims for SessionClaims {
    const TYPE: &'static str = "session+jwt";
}

impl Claims for AccessClaims {
    const TYPE: &'static str = "at+jwt";
}

/// Writes and signs a token.
pub(super) fn sign<C: Claims>(claims: &C, kid: &str, key: &Ed25519KeyPair) -> String {
    let header = Header {
        alg: "EdDSA".to_owned(),
        typ: C::TYPE.to_owned(),
        kid: kid.to_owned(),
    };
    let mut token = encode_json(&header);
    token.push('.');
    token.push_str(&encode_json(claims));
    let signature = key.sign(token.as_bytes());
    token.push('.');
    token.push_str(&URL_SAFE_NO_PAD.encode(signature.as_ref()));
    token
}

/// A token whose form and header are right; whose word nothing has been taken for yet.
pub(super) struct Unverified<'a> {
    signed: &'a str,
    payload: &'a str,
    signature: Vec<u8>,
    /// The key it says it was signed with.
    pub(super) kid: String,
}

impl<'a> Unverified<'a> {
    /// Takes a token apart; `None` unless it is of this kind, this algorithm, and nothing more.
    pub(super) fn parse<C: Claims>(token: &'a str) -> Option<Self> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        let header: Header = decode_json(header)?;
        let is_ours = header.alg == "EdDSA" && header.typ == C::TYPE && header.kid.len() <= 64;
        is_ours.then_some(Self {
            signed,
            payload,
            signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
            kid: header.kid,
        })
    }

    /// The claims, where that key signed them.
    pub(super) fn verify<C: Claims>(&self, public: &[u8; 32]) -> Option<C> {
        UnparsedPublicKey::new(&ED25519, public)
            .verify(self.signed.as_bytes(), &self.signature)
            .ok()?;
        decode_json(self.payload)
    }
}

fn encode_json<T: Serialize>(value: &T) -> String {
    let json = serde_json::to_vec(value).expect("claims are strings and integers");
    URL_SAFE_NO_PAD.encode(json)
}

fn decode_json<T: for<'de> Deserialize<'de>>(part: &str) -> Option<T> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    // serde reads a struct from an array too; a token's parts are objects (J-03).
    if bytes.first() != Some(&b'{') {
        return None;
    }
    serde_json::from_slice(&bytes).ok()
}
