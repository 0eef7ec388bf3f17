//! `POST /auth/token`, `GET /auth/check` and the JWKS: the interface for other services.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::{Value, json};

use crate::support::{PASSWORD, TestApp};

const PATH: &str = "/auth/token";

fn part(token: &str, number: usize) -> Value {
    let text = token.split('.').nth(number).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

/// Verifies the token like a service that knows only the JWKS (RFC 8725, RFC 9068).
fn verify(token: &str, jwks: &Value) -> bool {
    let header = part(token, 0);
    let keys = jwks["keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["kid"] == header["kid"]).unwrap();
    let public = URL_SAFE_NO_PAD.decode(key["x"].as_str().unwrap()).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    UnparsedPublicKey::new(&ED25519, public)
        .verify(signed.as_bytes(), &signature)
        .is_ok()
}

/// J-01 to J-05.
#[tokio::test]
async fn an_audience_token_can_be_verified_with_the_jwks_only() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let session = ben.get("/auth").await.json();
    let made = ben
        .post(PATH, json!({"audience": "https://api.example.com"}))
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&made["token_type"], &made["expires_in"]),
        (&json!("Bearer"), &json!(300))
    );
    let token = made["token"].as_str().unwrap();
    let answer = app
        .anonymous()
        .get("/.well-known/jwks.json")
        .await
        .expect(200);
    assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
    let jwks = answer.json();
    let names: Vec<_> = jwks["keys"][0]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x"]);
    assert!(verify(token, &jwks));
    let forged = token.replace(
        token.split('.').nth(1).unwrap(),
        &URL_SAFE_NO_PAD.encode("{\"role\":\"admin\"}"),
    );
    assert!(!verify(&forged, &jwks));
    assert_eq!(
        part(token, 0),
        json!({"alg": "EdDSA", "typ": "at+jwt", "kid": jwks["keys"][0]["kid"]})
    );
    let claims = part(token, 1);
    let now = 1_795_248_000;
    assert_eq!(
        claims,
        json!({"iss": "https://accounts.example", "sub": session["user"]["id"], "aud": "https://api.example.com", "iat": now, "exp": now + 300,
            "jti": claims["jti"], "sid": session["session"]["id"], "role": "user", "client_id": "doorward",
            "auth_time": now, "amr": ["pwd"]})
    );
    // J-04: it is invalid here.
    app.anonymous()
        .with_token(token)
        .get("/auth")
        .await
        .expect_problem(401, "invalid-token");
}

#[tokio::test]
async fn an_audience_is_visible_ascii() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    ben.post(PATH, json!({}))
        .await
        .assert_field_errors(&[("audience", "missing")]);
    for (audience, code) in [(json!("ü"), "invalid"), (json!(["x"]), "wrong-type")] {
        ben.post(PATH, json!({"audience": audience}))
            .await
            .assert_field_errors(&[("audience", code)]);
    }
    ben.request("POST", PATH)
        .form("audience=x")
        .send()
        .await
        .expect(200);
    ben.post(PATH, json!({"audience": "x", "role": "admin"}))
        .await
        .assert_field_errors(&[("role", "unknown")]);
    app.anonymous()
        .post(PATH, json!({"audience": "x"}))
        .await
        .expect_problem(401, "authentication-required");
}

#[tokio::test]
async fn the_auth_check_returns_identity_headers() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let id = ben.get("/user/me").await.json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let answer = ben.get("/auth/check").await.expect(200);
    assert!(answer.body.is_empty());
    for (name, value) in [
        ("x-auth-user-id", id.as_str()),
        ("x-auth-username", "ben"),
        ("x-auth-email", "ben@example.com"),
        ("x-auth-role", "user"),
    ] {
        assert_eq!(answer.header(name), Some(value));
    }
    let anonymous = app.anonymous();
    anonymous
        .get("/auth/check")
        .await
        .expect_problem(401, "authentication-required");
    anonymous
        .post("/user", json!({"username": "jürgen", "password": PASSWORD}))
        .await
        .expect(201);
    let answer = app
        .sign_in("jürgen")
        .await
        .get("/auth/check")
        .await
        .expect(200);
    assert_eq!(
        answer.headers["x-auth-username"].as_bytes(),
        "jürgen".as_bytes()
    );
    assert_eq!(answer.header("x-auth-email"), Some(""));
    // Fields that a client could forge are overwritten: each appears once.
    let forged = anonymous
        .with_token(ben.token())
        .request("GET", "/auth/check")
        .header("x-auth-role", "admin")
        .send()
        .await;
    assert_eq!(forged.headers.get_all("x-auth-role").iter().count(), 1);
}
