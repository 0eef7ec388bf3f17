//! An issuer with a known private key. It serves a JWKS as Doorward does, or another response, counts requests,
//! and signs any claims.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use crate::service::AUDIENCE;

/// The id of its key.
pub(crate) const KID: &str = "the-key-of-today";

/// It runs until the tests end.
pub(crate) struct Issuer {
    pub(crate) url: String,
    asked: Arc<AtomicUsize>,
    answer: Arc<Mutex<String>>,
}

impl Issuer {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let issuer = Self {
            url: format!("http://localhost:{port}"),
            asked: Arc::default(),
            answer: Arc::default(),
        };
        issuer.recovers();
        let (count, answer) = (issuer.asked.clone(), issuer.answer.clone());
        thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let lines = BufReader::new(connection.try_clone().unwrap()).lines();
                let head: Vec<String> = lines
                    .map_while(Result::ok)
                    .take_while(|line| !line.is_empty())
                    .collect();
                count.fetch_add(1, Ordering::SeqCst);
                assert!(
                    head[0].starts_with("GET /.well-known/jwks.json ")
                        || head[0].starts_with("GET /auth/check "),
                    "{head:?}"
                );
                let answer = answer.lock().unwrap().clone();
                // The client may have disconnected.
                let _ = connection.write_all(answer.as_bytes());
            }
        });
        issuer
    }

    /// Sets the response to all requests.
    pub(crate) fn says(&self, status: &str, fields: &[&str], body: &str) {
        let length = body.len();
        let mut head =
            format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n");
        for field in fields {
            head += &format!("{field}\r\n");
        }
        *self.answer.lock().unwrap() = format!("{head}\r\n{body}");
    }

    /// Serves its keys again.
    pub(crate) fn recovers(&self) {
        let keys = json!({"keys": [jwk()]}).to_string();
        self.says("200 OK", &["Content-Type: application/json"], &keys);
    }

    /// Number of requests.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Claims of a valid audience token: a user `sub-of-ben`, an admin.
    pub(crate) fn claims(&self) -> Value {
        let now = now();
        json!({
            "iss": self.url, "sub": "sub-of-ben", "aud": AUDIENCE, "sid": "a-session",
            "role": "admin", "client_id": "doorward", "jti": "a-token",
            "iat": now, "exp": now + 300,
        })
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("it is later than 1970").as_secs()
}

/// The header of an audience token.
pub(crate) fn header() -> Value {
    json!({"alg": "EdDSA", "typ": "at+jwt", "kid": KID})
}

/// The issuer's key.
pub(crate) fn key() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap()
}

/// Another key.
pub(crate) fn unknown_key() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[8; 32]).unwrap()
}

/// The issuer's public key.
pub(crate) fn jwk() -> Value {
    jwk_of(&key(), KID)
}

pub(crate) fn jwk_of(key: &Ed25519KeyPair, kid: &str) -> Value {
    let x = URL_SAFE_NO_PAD.encode(key.public_key().as_ref());
    json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": kid, "x": x})
}

/// The first two parts of a token.
pub(crate) fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// A token signed with this key.
pub(crate) fn sign(header: &Value, claims: &Value, key: &Ed25519KeyPair) -> String {
    let signed = unsigned(header, claims);
    let signature = key.sign(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
}
