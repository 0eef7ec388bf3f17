//! Signing keys: a rotation affects no session, on this node or others.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_domain::keys::KeyringError;
use doorward_domain::keys::{KeyUse, KeysError};
use doorward_domain::model::SigningKey;
use doorward_domain::store::{Store, Write};
use doorward_domain::values::Role;
use doorward_domain::{Doorward, Error};
use jiff::SignedDuration;

use crate::test_node::*;

fn kids(doorward: &Doorward) -> Vec<String> {
    doorward
        .keys
        .public_keys()
        .into_iter()
        .map(|key| key.kid)
        .collect()
}

fn kid_of(token: &str) -> String {
    let header = URL_SAFE_NO_PAD
        .decode(token.split('.').next().unwrap())
        .unwrap();
    let header: serde_json::Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

/// The operator rotates the keys. Returns the `kid` of the new one.
async fn rotate(node: &TestNode) -> String {
    let rotated = node.doorward.keys.rotate(&node.operator()).await;
    rotated.unwrap().key.kid
}

#[tokio::test]
async fn the_first_start_creates_a_key_and_the_next_uses_it() {
    let node = TestNode::new().await;
    let keys = node.doorward.keys.list().await.unwrap();
    assert_eq!(keys.len(), 1);
    node.doorward.keys.ensure(&node.worker()).await.unwrap();
    assert_eq!(node.doorward.keys.list().await.unwrap(), keys);
    assert_eq!(
        node.second_node(2).await.doorward.keys.public_keys(),
        node.doorward.keys.public_keys()
    );
    assert!(node.audited().is_empty());
}

/// J-06: rotation by age, to the microsecond.
#[tokio::test]
async fn a_key_is_replaced_after_ninety_days() {
    let node = TestNode::new().await;
    node.list_at_once();
    let first = kids(&node.doorward);
    node.advance(hours(90 * 24) - MICROSECOND);
    node.doorward.keys.ensure(&node.worker()).await.unwrap();
    assert_eq!(kids(&node.doorward), first);
    node.advance(MICROSECOND);
    node.doorward.keys.ensure(&node.worker()).await.unwrap();
    let both = kids(&node.doorward);
    assert_eq!(both.len(), 2);
    assert_eq!(both[1], first[0], "newest first");
    assert_eq!(node.audited(), ["key-rotated"]);
}

/// J-06: no token is rejected.
#[tokio::test]
async fn after_a_manual_rotation_new_tokens_have_the_new_key_and_old_ones_stay_valid() {
    let node = TestNode::new().await;
    node.list_at_once();
    node.active("ben").await;
    let old = node.sign_in("ben").await;
    let kid = rotate(&node).await;
    let new = node.sign_in("ben").await;
    assert_eq!(kid_of(new.token.expose()), kid);
    assert_ne!(kid_of(old.token.expose()), kid);
    node.check(&old).await.unwrap();
    node.check(&new).await.unwrap();
    let renewed = node.renew(&old).await.unwrap();
    assert_eq!(kid_of(renewed.token.expose()), kid);
}

/// A retired key is deleted when its tokens have expired: after a day, and an hour for nodes that read the
/// new key late.
#[tokio::test]
async fn an_old_key_stays_until_its_last_token_expires() {
    let node = TestNode::new().await;
    node.list_at_once();
    let old = kids(&node.doorward);
    rotate(&node).await;
    let refresh = async || {
        node.doorward.keys.ensure(&node.worker()).await.unwrap();
        // The keyring follows at the next refresh.
        node.doorward.keys.ensure(&node.worker()).await.unwrap();
        kids(&node.doorward)
    };
    node.advance(hours(25));
    assert!(refresh().await.contains(&old[0]));
    node.advance(MICROSECOND);
    assert!(!refresh().await.contains(&old[0]));
    assert_eq!(node.doorward.keys.list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn another_node_accepts_tokens_of_a_new_key_at_once() {
    let here = TestNode::new().await;
    let there = here.second_node(2).await;
    here.active("ben").await;
    rotate(&here).await;
    let signed_in = here.sign_in("ben").await;
    there.check(&signed_in).await.unwrap();
    assert_eq!(kids(&there.doorward), kids(&here.doorward));
}

/// J-06: concurrent requests with the first tokens of a new key share one refresh.
#[tokio::test]
async fn concurrent_requests_with_tokens_of_a_new_key_share_one_refresh() {
    let here = TestNode::new().await;
    here.list_at_once();
    let there = here.second_node(2).await;
    here.active("ben").await;
    rotate(&here).await;
    let (one, other) = (here.sign_in("ben").await, here.sign_in("ben").await);
    there.clear_cache();
    there.spy.yield_once();
    let (first, second) = tokio::join!(there.check(&one), there.check(&other));
    first.unwrap();
    second.unwrap();
    let looks = there.spy.take_calls();
    let looks = looks.iter().filter(|call| **call == "signing_keys");
    assert_eq!(looks.count(), 1);
}

/// J-06: a key that another node creates right after this node refreshed its keys, as for each JWKS, is accepted at
/// once.
#[tokio::test]
async fn a_key_created_right_after_a_refresh_is_accepted() {
    let node = TestNode::new().await;
    let other = node.second_node(2).await;
    node.active("ben").await;
    node.doorward.keys.poll().await.unwrap();
    node.doorward.keys.fresh_public_keys().await;
    rotate(&other).await;
    let signed_in = other.sign_in("ben").await;
    node.check(&signed_in).await.unwrap();
}

/// J-02: unknown `kid`s cause a limited number of lookups.
#[tokio::test]
async fn invented_key_ids_cause_at_most_ten_refreshes_a_second() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let signed_in = node.sign_in("ben").await;
    let (_, rest) = signed_in.token.expose().split_once('.').unwrap();
    node.clear_cache();
    for number in 0..5 {
        let header = format!(r#"{{"alg":"EdDSA","typ":"session+jwt","kid":"made-up-{number}"}}"#);
        let forged = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header));
        let refused = node
            .doorward
            .session_check
            .authenticate(&node.anonymous(), &forged)
            .await;
        assert_err!(refused, Error::InvalidToken);
    }
    assert_eq!(node.spy.take_calls(), ["signing_keys"]);
    node.advance(SignedDuration::from_millis(100));
    let header = r#"{"alg":"EdDSA","typ":"session+jwt","kid":"made-up"}"#;
    let forged = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header));
    let refused = node
        .doorward
        .session_check
        .authenticate(&node.anonymous(), &forged)
        .await;
    assert_err!(refused, Error::InvalidToken);
    assert_eq!(node.spy.take_calls(), ["signing_keys"]);
}

/// Requests share one timeout of an unavailable store instead of waiting one after the other.
#[tokio::test]
async fn requests_that_wait_for_a_refresh_share_its_failure() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let signed_in = node.sign_in("ben").await;
    let (_, rest) = signed_in.token.expose().split_once('.').unwrap();
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","typ":"session+jwt","kid":"made-up"}"#);
    let forged = format!("{header}.{rest}");
    node.spy.fail("signing_keys");
    node.spy.yield_once();
    node.spy.take_calls();
    let anonymous = node.anonymous();
    let ask = || {
        node.doorward
            .session_check
            .authenticate(&anonymous, &forged)
    };
    let (one, two, three) = tokio::join!(ask(), ask(), ask());
    for answer in [one, two, three] {
        assert_err!(answer, Error::Store(_));
    }
    assert_eq!(node.spy.take_calls(), ["signing_keys"]);
}

#[tokio::test]
async fn two_nodes_that_start_at_once_agree_on_one_key() {
    let node = TestNode::new().await;
    node.list_at_once();
    node.advance(hours(91 * 24));
    let other = node.cold_node(2, &[7; 32]);
    node.spy.yield_once();
    other.spy.yield_once();
    let (here, there) = (node.worker(), other.worker());
    let (one, two) = tokio::join!(
        node.doorward.keys.ensure(&here),
        other.doorward.keys.ensure(&there)
    );
    one.unwrap();
    two.unwrap();
    assert_eq!(node.doorward.keys.list().await.unwrap().len(), 2);
    assert_eq!(kids(&node.doorward)[0], kids(&other.doorward)[0]);
}

/// C-01: an error with a hint, instead of tokens that cannot be verified.
#[tokio::test]
async fn another_master_key_is_rejected_with_a_hint_and_a_rotation_fixes_it() {
    let node = TestNode::new().await;
    node.list_at_once();
    node.active("ben").await;
    let session = node.sign_in("ben").await;
    let other = node.cold_node(2, &[8; 32]);
    let refused = other.doorward.keys.ensure(&other.worker()).await;
    assert_err!(refused, KeysError::Keyring(KeyringError::Seal(_)));
    let refused = other
        .doorward
        .keys
        .ensure(&other.worker())
        .await
        .unwrap_err();
    assert!(
        refused.to_string().contains("doorward keys rotate"),
        "{refused}"
    );
    assert_err!(other.try_sign_in("ben", PASSWORD).await, Error::Internal(_));
    rotate(&other).await;
    other.check(&session).await.unwrap();
    other.sign_in("ben").await;
}

/// J-06: the private key is stored sealed.
#[tokio::test]
async fn a_stored_key_cannot_sign_without_the_master_key() {
    let node = TestNode::new().await;
    let keys = node.doorward.keys.list().await.unwrap();
    // nonce, 32 bytes of seed, tag
    assert_eq!(keys[0].sealed.len(), 12 + 32 + 16);
    let again = TestNode::new().await;
    let same_seed = again.doorward.keys.list().await.unwrap();
    assert_eq!(keys, same_seed, "randomness comes from the port only");
}

/// J-06: a revoked key leaves the keyring and the JWKS at once. Its tokens are invalid, even if one was just
/// accepted.
#[tokio::test]
async fn tokens_of_a_revoked_key_are_invalid() {
    let node = TestNode::new().await;
    node.list_at_once();
    node.active("ben").await;
    let signed_in = node.sign_in("ben").await;
    let stolen = kid_of(signed_in.token.expose());
    node.check(&signed_in).await.unwrap();
    let operator = node.operator();
    let signs = node.doorward.keys.revoke(&operator, &stolen).await.unwrap();
    assert_err!(node.check(&signed_in).await, Error::InvalidToken);
    assert_eq!(kids(&node.doorward), std::slice::from_ref(&signs));
    assert_eq!(node.audited().last().unwrap(), "key-revoked");
    let again = node.sign_in("ben").await;
    assert_eq!(kid_of(again.token.expose()), signs);
    node.check(&again).await.unwrap();
    let unknown = node.doorward.keys.revoke(&operator, &stolen).await;
    assert_err!(unknown, KeysError::Other(Error::NotFound));
}

/// J-06: revoking an older key creates no new one, and sessions of the current key stay.
#[tokio::test]
async fn revoking_an_old_key_creates_no_new_key() {
    let node = TestNode::new().await;
    node.list_at_once();
    node.active("ben").await;
    let old = node.sign_in("ben").await;
    let kid = rotate(&node).await;
    let new = node.sign_in("ben").await;
    let stolen = kid_of(old.token.expose());
    let signs = node.doorward.keys.revoke(&node.operator(), &stolen).await;
    assert_eq!(signs.unwrap(), kid);
    assert_err!(node.check(&old).await, Error::InvalidToken);
    node.check(&new).await.unwrap();
}

/// J-06: a clock that is set back does not stop the polling of keys.
#[tokio::test]
async fn another_node_follows_a_revocation_after_its_clock_was_set_back() {
    let here = TestNode::new().await;
    here.list_at_once();
    let there = here.second_node(2).await;
    let revoked = kids(&there.doorward)[0].clone();
    there.doorward.keys.fresh_public_keys().await;
    there.advance(SignedDuration::from_hours(-1));
    here.doorward
        .keys
        .revoke(&here.operator(), &revoked)
        .await
        .unwrap();
    there.doorward.keys.poll().await.unwrap();
    assert!(!kids(&there.doorward).contains(&revoked));
}

/// An idle node reads its keys by their ids, and lists them only after a change.
#[tokio::test]
async fn polling_lists_the_keys_only_if_one_has_changed() {
    let here = TestNode::new().await;
    here.list_at_once();
    let there = here.second_node(2).await;
    there.spy.take_calls();
    there.doorward.keys.poll().await.unwrap();
    assert_eq!(there.spy.take_calls(), ["signing_keys"]);
    rotate(&here).await;
    there.doorward.keys.poll().await.unwrap();
    assert_eq!(there.spy.take_calls(), ["signing_keys", "signing_keys"]);
    assert_eq!(kids(&there.doorward), kids(&here.doorward));
}

/// T-REVOKE, J-06: another node rejects its tokens after its next refresh, cached sessions included.
#[tokio::test]
async fn another_node_follows_a_revocation() {
    let here = TestNode::new().await;
    here.list_at_once();
    let there = here.second_node(2).await;
    here.active("ben").await;
    let signed_in = here.sign_in("ben").await;
    there.check(&signed_in).await.unwrap();
    let stolen = kid_of(signed_in.token.expose());
    here.doorward
        .keys
        .revoke(&here.operator(), &stolen)
        .await
        .unwrap();
    there.advance(SignedDuration::from_millis(500));
    there.doorward.keys.poll().await.unwrap();
    assert_err!(there.check(&signed_in).await, Error::InvalidToken);
    assert_eq!(kids(&there.doorward), kids(&here.doorward));
}

/// What each key is used for, newest first: sessions, audience tokens, and until when it verifies.
async fn uses(node: &TestNode) -> Vec<(bool, bool, Option<SignedDuration>)> {
    let keys = node.doorward.keys.view(&node.operator()).await.unwrap();
    let since_retired = |key: &KeyUse| {
        let until = key.verifies_until?;
        Some(until.duration_since(key.key.retired_at?))
    };
    let of_key = |key: &KeyUse| {
        (
            key.signs_sessions,
            key.signs_audience_tokens,
            since_retired(key),
        )
    };
    keys.iter().map(of_key).collect()
}

/// J-06: services have ten minutes to learn of a new key.
#[tokio::test]
async fn a_new_key_signs_sessions_at_once_and_audience_tokens_ten_minutes_later() {
    let node = TestNode::new().await;
    node.list_at_once();
    assert_eq!(uses(&node).await, [(true, true, None)]);
    node.advance(hours(1));
    rotate(&node).await;
    let stays = Some(hours(25));
    let before = [(true, false, None), (false, true, stays)];
    assert_eq!(uses(&node).await, before);
    node.advance(minutes(10) - MICROSECOND);
    assert_eq!(uses(&node).await, before);
    node.advance(MICROSECOND);
    let after = [(true, true, None), (false, false, stays)];
    assert_eq!(uses(&node).await, after);
}

/// `doorward keys rotate` follows a lost master key: the old key verifies and cannot sign.
#[tokio::test]
async fn a_key_that_another_master_key_has_sealed_signs_no_audience_tokens() {
    let node = TestNode::new().await;
    node.list_at_once();
    rotate(&node).await;
    let stays = Some(hours(25));
    let before = [(true, false, None), (false, true, stays)];
    assert_eq!(uses(&node).await, before);
    let foreign = [("sealed", [0; 60].as_slice().into())];
    let old = kids(&node.doorward)[1].clone();
    let seal = Write::update::<SigningKey, 1>(old.as_str(), foreign, Vec::new());
    node.store.apply(vec![seal]).await.unwrap();
    node.doorward.keys.ensure(&node.worker()).await.unwrap();
    let after = [(true, true, None), (false, false, stays)];
    assert_eq!(uses(&node).await, after);
}

/// A-13: an admin proves who they are, and is the actor of the event.
#[tokio::test]
async fn an_admin_rotates_the_keys_with_a_recent_proof() {
    let node = TestNode::new().await;
    node.list_at_once();
    node.admin("ada").await;
    let session = node.sign_in("ada").await;
    let old = kids(&node.doorward);
    node.audited();
    let created = node.doorward.keys.rotate(&node.of(&session)).await;
    let created = created.unwrap();
    assert!(created.signs_sessions && !created.signs_audience_tokens);
    assert_eq!(kids(&node.doorward), [created.key.kid, old[0].clone()]);
    assert_eq!(node.audited(), ["key-rotated"]);
    node.advance(minutes(5) + MICROSECOND);
    let refused = node.doorward.keys.rotate(&node.of(&session)).await;
    assert_err!(refused, KeysError::Other(Error::ReauthenticationRequired));
    assert_eq!(kids(&node.doorward).len(), 2);
    assert_eq!(node.audited(), ["key-rotated!reauthentication required"]);
}

/// Z-04: the session was checked a moment ago.
#[tokio::test]
async fn an_admin_who_was_demoted_in_the_meantime_does_not_rotate_the_keys() {
    let node = TestNode::new().await;
    node.list_at_once();
    for name in ["ada", "bea"] {
        node.admin(name).await;
    }
    let session = node.sign_in("ada").await;
    let ctx = node.of(&session);
    let (admin, operator) = (&node.doorward.admin, node.operator());
    let demoted = admin.change_role(&operator, "ada", Role::User, None);
    demoted.await.unwrap();
    let refused = node.doorward.keys.rotate(&ctx).await;
    assert_err!(refused, KeysError::Other(Error::Forbidden));
    assert_eq!(kids(&node.doorward).len(), 1);
}
