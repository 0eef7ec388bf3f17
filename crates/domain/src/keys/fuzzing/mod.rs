//! Fuzz target for the token parsers; see [`crate::fuzzing`].

mod browser;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::Value;

use super::jwt::{self, TokenClaims, Unverified};
use super::{AudienceClaims, SessionClaims};

pub use browser::device_cookies;

/// Maximum length of a token, by J-09.
const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// J-03, J-09: an unsigned token is rejected. A signed token is accepted in one base64url spelling only, with
/// three strings in its header and every claim once, and another JSON parser reads the same values.
pub fn tokens(data: &[u8]) {
    let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("32 bytes are a seed");
    let text = String::from_utf8_lossy(data);
    read::<SessionClaims>(&key, &text);
    read::<AudienceClaims>(&key, &text);
    // The first line is a header, the rest a payload, and both are signed.
    let (header, payload) = text.split_once('\n').unwrap_or((&text, ""));
    let signed = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload)
    );
    let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()));
    let token = format!("{signed}.{signature}");
    let taken = [
        read::<SessionClaims>(&key, &token),
        read::<AudienceClaims>(&key, &token),
    ];
    assert_ne!(taken, [true; 2], "it is of two kinds");
    if taken.contains(&true) {
        for spelled in [
            format!("{token}="),
            format!("{token}\n"),
            format!(" {token}"),
            token.replacen('.', "=.", 1),
        ] {
            assert!(!read::<SessionClaims>(&key, &spelled));
            assert!(!read::<AudienceClaims>(&key, &spelled));
        }
    }
}

fn read<C: TokenClaims>(key: &Ed25519KeyPair, token: &str) -> bool {
    let Some(unverified) = Unverified::parse::<C>(token) else {
        return false;
    };
    assert!(token.len() <= MAX_TOKEN_BYTES);
    let public: [u8; 32] = key
        .public_key()
        .as_ref()
        .try_into()
        .expect("a public key has 32 bytes");
    let kid = unverified.kid.clone();
    let Some(claims) = unverified.verify::<C>(&public) else {
        return false;
    };
    let parts: Vec<Value> = token
        .split('.')
        .take(2)
        .map(|part| {
            let bytes = URL_SAFE_NO_PAD.decode(part).expect("it was read");
            serde_json::from_slice(&bytes).expect("another reader takes it too")
        })
        .collect();
    let header = serde_json::json!({"alg": "EdDSA", "typ": C::TYPE, "kid": kid});
    assert_eq!(parts[0], header);
    let written = serde_json::to_value(&claims).expect("claims can be written");
    assert_eq!(parts[1], written);
    // The claims, signed again, are a token with the same claims.
    let again = jwt::sign(&claims, &kid, key);
    if again.len() <= token.len() {
        let again = Unverified::parse::<C>(&again).and_then(|again| again.verify::<C>(&public));
        let again = again.expect("what was signed is read");
        assert_eq!(
            serde_json::to_value(&again).expect("claims can be written"),
            written
        );
    }
    true
}
