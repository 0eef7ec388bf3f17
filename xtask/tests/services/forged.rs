//! Tokens with a single defect.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::signature::KeyPair;
use serde_json::{Value, json};

use crate::issuer::{Issuer, header, jwk_of, key, now, sign, unknown_key, unsigned};
use crate::service::{EXAMPLES, Service};

fn with(mut object: Value, name: &str, value: Value) -> Value {
    object[name] = value;
    object
}

fn without(mut object: Value, name: &str) -> Value {
    object.as_object_mut().unwrap().remove(name).unwrap();
    object
}

fn hs256(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let signed = unsigned(header, claims);
    let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let tag = hmac::sign(&secret, signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
}

/// Each token with its defect.
fn forged(issuer: &Issuer) -> Vec<(String, String)> {
    let claims = || issuer.claims();
    let mut all = Vec::new();
    let mut add = |what: &str, token: String| all.push((what.to_owned(), token));

    for (name, value) in [
        ("iss", json!("https://evil.example")),
        ("iss", json!(format!("{}/", issuer.url))),
        ("iss", json!(null)),
        ("aud", json!("https://other.example.com")),
        ("aud", json!("https://api.example.co")),
        ("aud", json!(["https://other.example.com"])),
        ("aud", json!("")),
        ("exp", json!(now() - 60)),
        ("exp", json!(0)),
        ("exp", json!(null)),
        ("exp", json!("soon")),
    ] {
        let what = format!("{name} is {value}");
        add(&what, sign(&header(), &with(claims(), name, value), &key()));
    }
    for name in ["iss", "aud", "exp", "sub", "sid", "role"] {
        let token = sign(&header(), &without(claims(), name), &key());
        add(&format!("no {name}"), token);
    }
    for typ in ["session+jwt", "JWT", "", "id+jwt"] {
        let token = sign(&with(header(), "typ", json!(typ)), &claims(), &key());
        add(&format!("typ is {typ:?}"), token);
    }
    add("no typ", sign(&without(header(), "typ"), &claims(), &key()));
    forged_signatures(&claims(), &mut add);
    all
}

fn forged_signatures(claims: &Value, add: &mut impl FnMut(&str, String)) {
    for alg in [
        "none", "None", "NONE", "HS256", "RS256", "ES256", "", "eddsa",
    ] {
        let header = with(header(), "alg", json!(alg));
        add(
            &format!("alg is {alg:?}, and the signature is Ed25519's"),
            sign(&header, claims, &key()),
        );
        add(
            &format!("alg is {alg:?}, and no signature"),
            format!("{}.", unsigned(&header, claims)),
        );
    }
    let public = key().public_key().as_ref().to_vec();
    let text = URL_SAFE_NO_PAD.encode(&public);
    for alg in ["HS256", "EdDSA"] {
        let header = with(header(), "alg", json!(alg));
        for secret in [public.as_slice(), text.as_bytes(), b""] {
            let what = format!("{alg} with {secret:?} as the secret");
            add(&what, hs256(&header, claims, secret));
        }
    }
    let strange = unknown_key();
    add("another key", sign(&header(), claims, &strange));
    for name in ["made-up", "the-key-of-today ", ""] {
        let header = with(header(), "kid", json!(name));
        let token = sign(&header, claims, &strange);
        add(&format!("another key, called {name:?}"), token);
        let header = with(header, "jwk", jwk_of(&strange, name));
        let header = with(header, "jku", json!("https://evil.example/jwks.json"));
        let token = sign(&header, claims, &strange);
        add(&format!("another key {name:?}, brought along"), token);
    }
    let good = sign(&header(), claims, &key());
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (head, _) = signed.split_once('.').unwrap();
    let other = with(claims.clone(), "sub", json!("sub-of-somebody-else"));
    let other = unsigned(&header(), &other);
    for (what, token) in [
        ("other claims", format!("{other}.{signature}")),
        ("no signature", format!("{signed}.")),
        ("a cut signature", good[..good.len() - 4].to_owned()),
        (
            "zeros",
            format!("{signed}.{}", URL_SAFE_NO_PAD.encode([0; 64])),
        ),
        ("two parts", signed.to_owned()),
        ("five parts", format!("{good}.a.b")),
        ("no claims", format!("{head}..{signature}")),
        ("no JSON", "a.b.c".to_owned()),
        ("dots", "...".to_owned()),
        ("a word", "token".to_owned()),
        ("JSON", claims.to_string()),
        ("twice", format!("{good} {good}")),
    ] {
        add(what, token);
    }
}

#[test]
fn a_token_with_one_wrong_part_is_rejected() {
    let issuer = Issuer::start();
    for example in EXAMPLES {
        let service = Service::start(example, &issuer.url);
        let good = sign(&header(), &issuer.claims(), &key());
        let answer = service.admin(&good).expect(200).json();
        assert_eq!(answer["user"], "sub-of-ben", "{example:?}");
        for (what, token) in forged(&issuer) {
            service.refuses(&token, &what);
        }
        service.me(&good).expect(200);
        let no_admin = sign(
            &header(),
            &with(issuer.claims(), "role", json!("user")),
            &key(),
        );
        service.me(&no_admin).expect(200);
        service.admin(&no_admin).expect(403);
        let strange = with(issuer.claims(), "role", json!("Admin"));
        service
            .admin(&sign(&header(), &strange, &key()))
            .expect(403);
    }
}

#[test]
fn only_a_bearer_token_is_accepted() {
    let issuer = Issuer::start();
    for example in EXAMPLES {
        let service = Service::start(example, &issuer.url);
        let good = sign(&header(), &issuer.claims(), &key());
        for scheme in ["Bearer", "bearer", "BEARER"] {
            let answer = service.ask(Some(&format!("{scheme} {good}"))).unwrap();
            answer.expect(200);
        }
        let basic = format!("Basic {good}");
        for authorization in [
            None,
            Some(good.as_str()),
            Some(&basic),
            Some("Bearer"),
            Some(""),
        ] {
            let answer = service.ask(authorization).unwrap().expect(401);
            assert_eq!(answer.header("www-authenticate"), "Bearer", "{example:?}");
        }
    }
}

/// Anyone can make up key ids: the issuer gets at most one request a second.
#[test]
fn invented_key_ids_do_not_flood_the_issuer() {
    for example in EXAMPLES {
        let issuer = Issuer::start();
        let service = Service::start(example, &issuer.url);
        let good = sign(&header(), &issuer.claims(), &key());
        service.me(&good).expect(200);
        let started = Instant::now();
        let mut shown = 0;
        while shown < 50 || started.elapsed() < Duration::from_secs(2) {
            shown += 1;
            let header = with(header(), "kid", json!(format!("made-up-{shown}")));
            let token = sign(&header, &issuer.claims(), &key());
            service.me(&token).expect(401);
        }
        let most = 2 + usize::try_from(started.elapsed().as_secs()).unwrap();
        let asked = issuer.asked();
        assert!(
            (2..=most).contains(&asked),
            "{example:?}: {asked} times for {shown}"
        );
        service.me(&good).expect(200);
    }
}
