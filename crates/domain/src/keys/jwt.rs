//! The format: JWS compact serialisation (RFC 7515) with `EdDSA` over Ed25519 (RFC 8037). There is one algorithm
//! and one `typ` for each kind (J-01, J-04), and claims identify users by id only (J-05).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

/// Maximum length of a token in bytes (J-09).
const MAX_TOKEN_BYTES: usize = 2_048;

/// The header of every token. Unknown fields, such as `jku`, `jwk` and `crit`, are rejected.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenHeader {
    alg: String,
    typ: String,
    kid: String,
}

/// Claims of a session token (`typ: session+jwt`). The session is looked up at every use.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionClaims {
    /// Issuer: the public URL.
    pub iss: String,
    /// The user's id.
    pub sub: String,
    /// The session's secret, base64url of 256 bits. The store contains only its digest.
    pub sid: String,
    /// The generation of the token. Reuse of an older one indicates a theft.
    pub generation: i64,
    /// When it was issued, in seconds.
    pub iat: i64,
    /// When it expires, in seconds.
    pub exp: i64,
}

impl std::fmt::Debug for SessionClaims {
    /// Omits the session's secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionClaims")
            .field("sub", &self.sub)
            .field("generation", &self.generation)
            .field("exp", &self.exp)
            .finish_non_exhaustive()
    }
}

/// Claims of an audience token (`typ: at+jwt`, RFC 9068). Other services verify it with the JWKS only, so its
/// lifetime is short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudienceClaims {
    /// Issuer: the public URL.
    pub iss: String,
    /// The user's id.
    pub sub: String,
    /// Audience: the service that it is for.
    pub aud: String,
    /// The session's public id, not its secret.
    pub sid: String,
    /// When the user last proved who they are, in seconds.
    pub auth_time: i64,
    /// How: the words of RFC 8176.
    pub amr: Vec<String>,
    /// The user's role.
    pub role: String,
    /// The client, as RFC 9068 requires: the issuer's own sign-in.
    pub client_id: String,
    /// Unique id of the token.
    pub jti: String,
    /// When it was issued, in seconds.
    pub iat: i64,
    /// When it expires, in seconds.
    pub exp: i64,
}

/// A kind of token: its claims, and the `typ` that distinguishes it from the others.
pub trait TokenClaims: Serialize + for<'de> Deserialize<'de> {
    /// `typ` of the header.
    const TYPE: &'static str;
}

impl TokenClaims for SessionClaims {
    const TYPE: &'static str = "session+jwt";
}

impl TokenClaims for AudienceClaims {
    const TYPE: &'static str = "at+jwt";
}

/// Encodes and signs a token.
pub(super) fn sign<C: TokenClaims>(claims: &C, kid: &str, key: &Ed25519KeyPair) -> String {
    let header = TokenHeader {
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

/// A token whose format and header are valid, and whose signature is not verified yet.
pub(super) struct Unverified<'a> {
    signed: &'a str,
    payload: &'a str,
    signature: Vec<u8>,
    /// `kid` of the header.
    pub(super) kid: String,
}

impl<'a> Unverified<'a> {
    /// Parses a token. `None` unless its header contains this kind's `typ`, the one algorithm, a `kid` and nothing
    /// else.
    pub(super) fn parse<C: TokenClaims>(token: &'a str) -> Option<Self> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        let header: TokenHeader = decode_json(header)?;
        let is_ours = header.alg == "EdDSA" && header.typ == C::TYPE && is_kid(&header.kid);
        is_ours.then_some(Self {
            signed,
            payload,
            signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
            kid: header.kid,
        })
    }

    /// Returns the claims if this key signed them.
    pub(super) fn verify<C: TokenClaims>(&self, public: &[u8; 32]) -> Option<C> {
        UnparsedPublicKey::new(&ED25519, public)
            .verify(self.signed.as_bytes(), &self.signature)
            .ok()?;
        decode_json(self.payload)
    }
}

/// Returns `true` if this can be a key's id. Paths and queries are rejected without a look-up (J-02).
fn is_kid(kid: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=64).contains(&kid.len()) && kid.bytes().all(is_part)
}

fn encode_json<T: Serialize>(value: &T) -> String {
    let json = serde_json::to_vec(value).expect("claims are strings and integers");
    URL_SAFE_NO_PAD.encode(json)
}

fn decode_json<T: for<'de> Deserialize<'de>>(part: &str) -> Option<T> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    // serde also reads a struct from an array, but the parts of a token are objects (J-03).
    if bytes.first() != Some(&b'{') {
        return None;
    }
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ring::hmac;
    use ring::signature::KeyPair;
    use serde_json::{Value, json};

    use super::*;

    fn key() -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap()
    }

    fn read<C: TokenClaims>(token: &str) -> Option<C> {
        let public: [u8; 32] = key().public_key().as_ref().try_into().unwrap();
        Unverified::parse::<C>(token)?.verify(&public)
    }

    fn header() -> Value {
        json!({"alg": "EdDSA", "typ": "session+jwt", "kid": "k"})
    }

    fn payload() -> Value {
        json!({"iss": "i", "sub": "s", "sid": "x", "generation": 1, "iat": 1, "exp": 2})
    }

    /// Creates a token of these texts with a valid signature, so that only the texts can cause a rejection.
    fn forge(header: &str, payload: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", part(header), part(payload));
        let signature = key().sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    fn refused(header: &str, payload: &str) {
        let token = forge(header, payload);
        assert_eq!(read::<SessionClaims>(&token), None, "{header} {payload}");
    }

    fn with(mut object: Value, name: &str, value: Value) -> String {
        object[name] = value;
        object.to_string()
    }

    #[test]
    fn a_signed_token_can_be_read() {
        let claims = read::<SessionClaims>(&forge(&header().to_string(), &payload().to_string()));
        let claims = claims.unwrap();
        assert_eq!(
            read::<SessionClaims>(&sign(&claims, "k", &key())),
            Some(claims)
        );
    }

    /// J-01: the header's algorithm is compared, never followed.
    #[test]
    fn other_algorithms_are_rejected() {
        let good = payload().to_string();
        for alg in [
            "none", "None", "nOnE", "NONE", "", "eddsa", "EDDSA", "EdDSA ", "Ed25519", "HS256",
            "HS512", "RS256", "PS256", "ES256", "ES256K", "dir", "A256GCM",
        ] {
            refused(&with(header(), "alg", json!(alg)), &good);
        }
        for alg in [json!(["EdDSA"]), json!(null), json!(1), json!({"EdDSA": 1})] {
            refused(&with(header(), "alg", alg), &good);
        }
    }

    /// J-01: the public key as an HMAC secret, and no signature at all.
    #[test]
    fn a_public_key_as_hmac_secret_and_an_empty_signature_are_rejected() {
        let token = forge(&header().to_string(), &payload().to_string());
        let (signed, _) = token.rsplit_once('.').unwrap();
        let hs256 = with(header(), "alg", json!("HS256"));
        let hs_signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(hs256),
            URL_SAFE_NO_PAD.encode(payload().to_string())
        );
        let public = key().public_key().as_ref().to_vec();
        for secret in [
            public.clone(),
            URL_SAFE_NO_PAD.encode(&public).into_bytes(),
            Vec::new(),
        ] {
            let secret = hmac::Key::new(hmac::HMAC_SHA256, &secret);
            for signed in [signed, hs_signed.as_str()] {
                let tag = hmac::sign(&secret, signed.as_bytes());
                let forged = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()));
                assert_eq!(read::<SessionClaims>(&forged), None);
            }
        }
        for signature in ["", "AA", &URL_SAFE_NO_PAD.encode([0; 64])] {
            assert_eq!(
                read::<SessionClaims>(&format!("{signed}.{signature}")),
                None
            );
        }
        let other = Ed25519KeyPair::from_seed_unchecked(&[8; 32]).unwrap();
        let signature = URL_SAFE_NO_PAD.encode(other.sign(signed.as_bytes()).as_ref());
        assert_eq!(
            read::<SessionClaims>(&format!("{signed}.{signature}")),
            None
        );
    }

    /// J-02, J-04: a header has exactly three fields, and no other type.
    #[test]
    fn a_header_has_exactly_three_fields() {
        let good = payload().to_string();
        for name in [
            "jku", "jwk", "x5u", "x5c", "x5t", "crit", "zip", "cty", "b64", "enc", "epk",
        ] {
            refused(&with(header(), name, json!("x")), &good);
            refused(&with(header(), name, json!(null)), &good);
        }
        for typ in [
            "",
            "JWT",
            "at+jwt",
            "session",
            "Session+JWT",
            "application/session+jwt",
        ] {
            refused(&with(header(), "typ", json!(typ)), &good);
        }
        for kid in [
            json!("k".repeat(65)),
            json!(""),
            json!("../../dev/null"),
            json!("k' OR '1'='1"),
            json!("k\u{0}"),
            json!("é"),
            json!(["k"]),
            json!(1),
            json!(null),
        ] {
            refused(&with(header(), "kid", kid), &good);
        }
        for name in ["alg", "typ", "kid"] {
            let mut less = header();
            less.as_object_mut().unwrap().remove(name);
            refused(&less.to_string(), &good);
        }
        for text in [
            r#"{"alg":"none","alg":"EdDSA","typ":"session+jwt","kid":"k"}"#,
            r#"["EdDSA","session+jwt","k"]"#,
            r#"{"alg":"EdDSA","typ":"session+jwt","kid":"k"}{}"#,
            "",
            "null",
            "{}",
        ] {
            refused(text, &good);
        }
    }

    /// J-03: every claim is required, has its type and occurs once.
    #[test]
    fn every_claim_is_required_and_has_its_type() {
        let good = header().to_string();
        for (name, kept) in payload().as_object().unwrap() {
            let mut less = payload();
            less.as_object_mut().unwrap().remove(name);
            refused(&good, &less.to_string());
            let wrong = match kept {
                Value::String(_) => vec![json!(1), json!(["i"]), json!(true)],
                _ => vec![
                    json!("1"),
                    json!(1.5),
                    json!(u64::MAX),
                    json!([1]),
                    json!(true),
                ],
            };
            for value in wrong.into_iter().chain([json!(null), json!({})]) {
                refused(&good, &with(payload(), name, value));
            }
            let text = payload().to_string();
            let twice = format!("{},{:?}:{kept}}}", &text[..text.len() - 1], name);
            refused(&good, &twice);
        }
        refused(
            &good,
            &payload().to_string().replace("\"exp\":2", "\"exp\":1e400"),
        );
        refused(
            &good,
            &payload().to_string().replace("\"exp\":2", "\"exp\":NaN"),
        );
        refused(&good, &with(payload(), "role", json!("admin")));
        for text in [
            r#"["i","s","x",1,1,2]"#,
            "",
            "null",
            "\"x\"",
            "1",
            "{}",
            "{",
            " {}",
        ] {
            refused(&good, text);
        }
        refused(&good, &format!("\u{feff}{}", payload()));
        refused(&good, &format!("{}{{}}", payload()));
    }

    /// J-09: a token has one spelling.
    #[test]
    fn a_token_has_only_one_encoding() {
        let token = forge(&header().to_string(), &payload().to_string());
        assert!(read::<SessionClaims>(&token).is_some());
        for cut in 0..token.len() {
            assert_eq!(read::<SessionClaims>(&token[..cut]), None, "cut at {cut}");
            assert_eq!(read::<SessionClaims>(&token[cut + 1..]), None, "from {cut}");
            for strange in ["=", " ", "\n", "+", "/", "é", "."] {
                let other = format!("{}{strange}{}", &token[..cut], &token[cut..]);
                assert_eq!(read::<SessionClaims>(&other), None, "{strange:?} at {cut}");
            }
        }
        for other in [
            format!("{token}="),
            format!("{token}A"),
            format!("{token}."),
            format!("{token}.{token}"),
            token.replace('.', ".."),
            token.to_uppercase(),
        ] {
            assert_eq!(read::<SessionClaims>(&other), None, "{other}");
        }
        // The last character of 64 bytes carries two bits; the other four are spare.
        let last = token.chars().last().unwrap();
        let sloppy = char::from_u32(last as u32 + 1).unwrap();
        let sloppy = format!("{}{sloppy}", &token[..token.len() - 1]);
        assert_eq!(read::<SessionClaims>(&sloppy), None);
    }

    /// J-09: rejected even with a valid signature.
    #[test]
    fn an_overlong_token_is_rejected() {
        let padded = |length: usize| {
            let text = with(payload(), "iss", json!("i".repeat(length)));
            forge(&header().to_string(), &text)
        };
        let fits = (0..2000)
            .rev()
            .map(padded)
            .find(|token| token.len() <= 2_048);
        assert!(read::<SessionClaims>(&fits.unwrap()).is_some());
        let over = (0..2000).map(padded).find(|token| token.len() > 2_048);
        assert_eq!(read::<SessionClaims>(&over.unwrap()), None);
    }

    proptest! {
        #[test]
        fn arbitrary_text_is_not_a_token_and_does_not_panic(
            text in any::<String>(), parts in "[A-Za-z0-9_-]{0,40}(\\.[A-Za-z0-9_-]{0,90}){0,4}"
        ) {
            prop_assert!(read::<SessionClaims>(&text).is_none());
            prop_assert!(read::<AudienceClaims>(&parts).is_none());
        }

        #[test]
        fn a_modified_token_is_rejected(at in 0usize..200, by in 1u8..=127) {
            let mut bytes = forge(&header().to_string(), &payload().to_string()).into_bytes();
            let at = at % bytes.len();
            bytes[at] = (bytes[at] ^ by) & 0x7f;
            let touched = String::from_utf8(bytes).unwrap();
            prop_assert!(read::<SessionClaims>(&touched).is_none());
        }
    }
}
