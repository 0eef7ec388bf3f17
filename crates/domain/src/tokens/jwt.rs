//! The format: JWS compact serialisation (RFC 7515) with `EdDSA` over Ed25519 (RFC 8037), one algorithm
//! and one `typ` a kind (J-01, J-04), and claims that name nobody but by id (J-05).

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
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
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

impl std::fmt::Debug for SessionClaims {
    /// All but the session's secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionClaims")
            .field("sub", &self.sub)
            .field("generation", &self.generation)
            .field("exp", &self.exp)
            .finish_non_exhaustive()
    }
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
        let is_ours = header.alg == "EdDSA" && header.typ == C::TYPE && is_kid(&header.kid);
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

/// Whether it could name a key at all: what is a path or a query is not even looked for (J-02).
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
    // serde reads a struct from an array too; a token's parts are objects (J-03).
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

    fn read<C: Claims>(token: &str) -> Option<C> {
        let public: [u8; 32] = key().public_key().as_ref().try_into().unwrap();
        Unverified::parse::<C>(token)?.verify(&public)
    }

    fn header() -> Value {
        json!({"alg": "EdDSA", "typ": "session+jwt", "kid": "k"})
    }

    fn payload() -> Value {
        json!({"iss": "i", "sub": "s", "sid": "x", "generation": 1, "iat": 1, "exp": 2})
    }

    /// A token of these very texts, with a good signature: what is refused is refused for them.
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
    fn what_was_signed_reads_back() {
        let claims = read::<SessionClaims>(&forge(&header().to_string(), &payload().to_string()));
        let claims = claims.unwrap();
        assert_eq!(
            read::<SessionClaims>(&sign(&claims, "k", &key())),
            Some(claims)
        );
    }

    /// J-01: the header's algorithm is compared, never obeyed.
    #[test]
    fn no_other_algorithm_is_taken() {
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
    fn a_public_key_is_no_secret_and_nothing_is_no_signature() {
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

    /// J-02, J-04: nothing more in a header, nothing less, and no other type.
    #[test]
    fn a_header_says_three_things_and_nothing_else() {
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

    /// J-03: every claim is there, of its type, once.
    #[test]
    fn every_claim_is_required_and_of_its_type() {
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

    /// J-09: one spelling a token.
    #[test]
    fn a_token_has_one_spelling() {
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

    /// J-09: not looked at, however well it is signed.
    #[test]
    fn an_overlong_token_is_refused() {
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
        fn no_text_is_a_token_or_makes_the_reader_panic(
            text in any::<String>(), parts in "[A-Za-z0-9_-]{0,40}(\\.[A-Za-z0-9_-]{0,90}){0,4}"
        ) {
            prop_assert!(read::<SessionClaims>(&text).is_none());
            prop_assert!(read::<AccessClaims>(&parts).is_none());
        }

        #[test]
        fn no_touched_token_is_taken(at in 0usize..200, by in 1u8..=127) {
            let mut bytes = forge(&header().to_string(), &payload().to_string()).into_bytes();
            let at = at % bytes.len();
            bytes[at] = (bytes[at] ^ by) & 0x7f;
            let touched = String::from_utf8(bytes).unwrap();
            prop_assert!(read::<SessionClaims>(&touched).is_none());
        }
    }
}
