//! Tokens for other services, verified with the public keys only.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_domain::Error;
use doorward_domain::sessions::Audience;
use doorward_domain::values::Role;
use serde_json::{Value, json};

use crate::test_node::*;

fn part(token: &str, number: usize) -> Value {
    let part = token.split('.').nth(number).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

async fn token_for(node: &TestNode, session: &str, audience: &str) -> (String, i64) {
    let opened = node
        .doorward
        .session_check
        .authenticate(&node.anonymous(), session)
        .await
        .unwrap();
    let audience = Audience::parse(audience).unwrap();
    let made = node
        .doorward
        .audience_tokens
        .audience_token(&node.anonymous(), &opened, &audience)
        .unwrap();
    (made.token.expose().clone(), made.expires_in)
}

/// J-03, J-04, J-05: the payload is as in API.md, without personal data.
#[tokio::test]
async fn an_audience_token_has_subject_audience_and_expiry() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    let session = node.sign_in("ben").await;
    let (token, expires_in) = token_for(&node, session.token.expose(), "https://api.example").await;
    assert_eq!(expires_in, 300);
    let kid = &node.doorward.keys.public_keys()[0].kid;
    assert_eq!(
        part(&token, 0),
        json!({"alg": "EdDSA", "typ": "at+jwt", "kid": kid})
    );
    let mut claims = part(&token, 1);
    let id = claims.as_object_mut().unwrap().remove("jti").unwrap();
    assert_eq!(id.as_str().unwrap().len(), 36);
    let now = node.now().as_second();
    let expected = json!({
        "iss": "https://accounts.example", "sub": ben.id.to_string(),
        "aud": "https://api.example", "sid": session.session.id.to_string(),
        "role": "user", "client_id": "doorward", "iat": now, "exp": now + 300,
        "auth_time": session.session.auth_time.as_second(), "amr": ["pwd"],
    });
    assert_eq!(claims, expected);
    let (other, _) = token_for(&node, session.token.expose(), "https://api.example").await;
    assert_ne!(part(&token, 1)["jti"], part(&other, 1)["jti"]);
}

/// J-05: at most a kilobyte, for any audience.
#[tokio::test]
async fn the_longest_token_fits_into_a_kilobyte() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let session = node.sign_in("ben").await;
    let (token, _) = token_for(&node, session.token.expose(), &"x".repeat(200)).await;
    assert!(token.len() <= 1024, "{}", token.len());
    assert!(session.token.expose().len() <= 1024);
}

#[tokio::test]
async fn an_audience_token_does_not_outlive_its_session() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let session = node.sign_in("ben").await;
    node.advance(hours(24) - seconds(100));
    let (token, expires_in) = token_for(&node, session.token.expose(), "x").await;
    assert_eq!(expires_in, 100);
    assert_eq!(
        part(&token, 1)["exp"],
        session.session.expires_at.as_second()
    );
}

/// J-06: other services cache the JWKS, so a new key is published before it signs.
#[tokio::test]
async fn a_new_key_is_published_for_ten_minutes_before_it_signs() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let session = node.sign_in("ben").await;
    let old = node.doorward.keys.public_keys()[0].kid.clone();
    let new = node.doorward.keys.rotate(&node.operator()).await;
    let new = new.unwrap().key.kid;
    let kid = async || {
        let (token, _) = token_for(&node, session.token.expose(), "x").await;
        part(&token, 0)["kid"].as_str().unwrap().to_owned()
    };
    assert_eq!(kid().await, old);
    node.advance(minutes(10) - MICROSECOND);
    assert_eq!(kid().await, old);
    node.advance(MICROSECOND);
    assert_eq!(kid().await, new);
}

/// J-04: a token of one kind is not accepted as the other.
#[tokio::test]
async fn an_audience_token_opens_no_session() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let session = node.sign_in("ben").await;
    let (token, _) = token_for(&node, session.token.expose(), "https://accounts.example").await;
    let refused = node
        .doorward
        .session_check
        .authenticate(&node.anonymous(), &token)
        .await;
    assert_err!(refused, Error::InvalidToken);
    let refused = node.doorward.renewal.renew(&node.anonymous(), &token).await;
    assert_err!(refused, Error::InvalidToken);
}

#[tokio::test]
async fn an_audience_token_has_the_current_role() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let session = node.sign_in("ben").await;
    node.check(&session).await.unwrap();
    node.doorward
        .admin
        .change_role(&node.operator(), "ben", Role::Admin, None)
        .await
        .unwrap();
    let (token, _) = token_for(&node, session.token.expose(), "x").await;
    assert_eq!(part(&token, 1)["role"], "admin");
}

#[test]
fn the_limits_of_an_audience_are_exact() {
    assert!(Audience::parse("x").is_ok());
    assert!(Audience::parse(&"x".repeat(200)).is_ok());
    for (text, code) in [
        (String::new(), "too-short"),
        ("x".repeat(201), "too-long"),
        ("a b".to_owned(), "invalid"),
        ("a\nb".to_owned(), "invalid"),
        ("é".to_owned(), "invalid"),
        ("\u{7f}".to_owned(), "invalid"),
    ] {
        assert_eq!(Audience::parse(&text).unwrap_err().code, code, "{text:?}");
    }
}
