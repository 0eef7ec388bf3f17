//! Another server responds at Doorward's address. That must not count as a defect of the token.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::issuer::{Issuer, KID, header, jwk, key, sign};
use crate::service::{EXAMPLES, Example, Service};

/// Responses without valid keys.
fn bad_jwks() -> Vec<(&'static str, String)> {
    let html = "<!doctype html><title>Sign in to this network</title>";
    let keys = json!({"keys": [jwk()]}).to_string();
    let rsa = json!({"kty": "RSA", "alg": "RS256", "kid": KID, "n": "AQAB", "e": "AQAB"});
    vec![
        ("200 OK", html.to_owned()),
        ("200 OK", String::new()),
        ("200 OK", json!({"keys": []}).to_string()),
        ("200 OK", json!({}).to_string()),
        ("200 OK", json!([]).to_string()),
        ("200 OK", json!({"keys": "none"}).to_string()),
        ("200 OK", json!({"keys": [rsa]}).to_string()),
        ("200 OK", keys[..keys.len() - 9].to_owned()),
        ("500 Internal Server Error", keys.clone()),
        ("503 Service Unavailable", html.to_owned()),
        ("404 Not Found", json!({"keys": []}).to_string()),
    ]
}

/// A token with an unknown key id.
fn invented(issuer: &Issuer, number: usize) -> String {
    let mut header = header();
    header["kid"] = json!(format!("made-up-{number}"));
    sign(&header, &issuer.claims(), &key())
}

fn expect_no_keys(service: &Service, token: &str, what: &dyn std::fmt::Debug) {
    let answer = service.me(token);
    let example = service.example;
    assert_eq!(answer.status, 503, "{example:?}, {what:?}: {answer:?}");
    assert_eq!(answer.header("retry-after"), "1", "{example:?}, {what:?}");
}

#[test]
fn an_invalid_jwks_is_503_and_not_a_rejected_token() {
    for example in EXAMPLES {
        for what in bad_jwks() {
            let issuer = Issuer::start();
            issuer.says(what.0, &[], &what.1);
            let service = Service::start(example, &issuer.url);
            let good = sign(&header(), &issuer.claims(), &key());
            expect_no_keys(&service, &good, &what);
            issuer.recovers();
            service.eventually_accepts(&good);
        }
    }
}

/// A bad response does not affect tokens of known keys.
#[test]
fn cached_keys_survive_a_bad_response() {
    for example in EXAMPLES {
        let issuer = Issuer::start();
        let service = Service::start(example, &issuer.url);
        let good = sign(&header(), &issuer.claims(), &key());
        service.me(&good).expect(200);
        issuer.says("200 OK", &[], &json!({"keys": []}).to_string());
        let before = issuer.asked();
        let deadline = Instant::now() + Duration::from_secs(20);
        // It refreshes at most once a second.
        let mut shown = 0;
        while issuer.asked() == before {
            assert!(Instant::now() < deadline, "{example:?} did not refresh");
            shown += 1;
            service.me(&invented(&issuer, shown));
        }
        expect_no_keys(&service, &invented(&issuer, 0), &"an invented name");
        service.me(&good).expect(200);
    }
}

/// A failing Doorward gets no more requests than a healthy one.
#[test]
fn invented_key_ids_do_not_flood_a_failing_issuer() {
    for example in EXAMPLES {
        let issuer = Issuer::start();
        let service = Service::start(example, &issuer.url);
        issuer.says("500 Internal Server Error", &[], "");
        let started = Instant::now();
        for number in 0..50 {
            expect_no_keys(&service, &invented(&issuer, number), &number);
        }
        let most = 1 + usize::try_from(started.elapsed().as_secs()).unwrap();
        let asked = issuer.asked();
        assert!((1..=most).contains(&asked), "{example:?}: {asked} times");
    }
}

/// Another server at Doorward's address sends a redirect. It is not followed: neither for keys nor with a token.
#[test]
fn redirects_to_another_host_are_not_followed() {
    for status in [
        "301 Moved Permanently",
        "302 Found",
        "307 Temporary Redirect",
    ] {
        for example in EXAMPLES {
            let (issuer, evil) = (Issuer::start(), Issuer::start());
            let there = format!("Location: {}/.well-known/jwks.json", evil.url);
            issuer.says(status, &[&there], "");
            let service = Service::start(example, &issuer.url);
            let token = sign(&header(), &issuer.claims(), &key());
            expect_no_keys(&service, &token, &status);
            assert_eq!(evil.asked(), 0, "{example:?}, {status}");
        }
        for example in [Example::FastApi, Example::Notes] {
            let (doorward, evil) = (Issuer::start(), Issuer::start());
            let there = format!("Location: {}/auth/check", evil.url);
            doorward.says(status, &[&there], "");
            evil.says(
                "200 OK",
                &["X-Auth-User-Id: evil", "X-Auth-Role: admin"],
                "",
            );
            let service = Service::start(example, &doorward.url);
            service.me("a-session-token").expect(503);
            assert_eq!((doorward.asked(), evil.asked()), (1, 0), "{example:?}");
        }
    }
}

/// The same for the example that calls Doorward.
#[test]
fn only_doorward_is_trusted_for_identity() {
    for (status, fields) in [
        ("200 OK", &[][..]),
        ("200 OK", &["X-Auth-Role: admin"]),
        (
            "202 Accepted",
            &[
                "X-Auth-User-Id: ben",
                "X-Auth-Username: ben",
                "X-Auth-Role: admin",
            ],
        ),
        ("403 Forbidden", &[]),
        ("500 Internal Server Error", &[]),
    ] {
        let doorward = Issuer::start();
        doorward.says(status, fields, "<!doctype html>");
        let service = Service::start(Example::FastApi, &doorward.url);
        let answer = service.me("a-session-token").expect(503);
        assert_eq!(answer.header("retry-after"), "1");
    }
    // A user who signs in by address may have no username.
    let doorward = Issuer::start();
    doorward.says("200 OK", &["X-Auth-User-Id: ben", "X-Auth-Role: user"], "");
    let service = Service::start(Example::FastApi, &doorward.url);
    let answer = service.me("a-session-token").expect(200).json();
    assert_eq!(answer["username"], "");
}
