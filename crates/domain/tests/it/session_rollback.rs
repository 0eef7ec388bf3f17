//! A session store that loses writes: restored from an old snapshot, or unavailable when a session ends. Ended
//! sessions stay ended.

use doorward_domain::Error;
use doorward_domain::model::{Session, User};
use doorward_domain::sessions::SignedIn;

use crate::factors::{STEP, answer, challenge, sign_in, two_factor_user};
use crate::test_node::*;

async fn store_with_rollback() -> (TestNode, User) {
    let node = TestNode::with_separate_sessions().await;
    let ben = node.active("ben").await;
    (node, ben)
}

async fn snapshot(node: &TestNode, user: &User) -> Vec<Session> {
    let open = node.spy.separate().list(user.id, node.now()).await;
    open.unwrap()
}

/// Restores the session store from the snapshot, and lets all caches expire.
async fn restore(node: &TestNode, user: &User, snapshot: &[Session]) {
    for session in self::snapshot(node, user).await {
        let separate = node.spy.separate();
        separate.delete(user.id, session.id).await.unwrap();
    }
    for session in snapshot {
        let restored = node.spy.separate();
        restored.open(session, Vec::new()).await.unwrap();
    }
    node.advance(seconds(2));
}

async fn assert_ended(node: &TestNode, signed_in: &SignedIn) {
    assert_err!(node.check(signed_in).await, Error::InvalidToken);
    let other = node.sign_in("ben").await;
    let listed = node.doorward.sessions.list(&node.of(&other), "me").await;
    let ids: Vec<_> = listed.unwrap().iter().map(|session| session.id).collect();
    assert!(!ids.contains(&signed_in.session.id));
}

#[tokio::test]
async fn a_signed_out_session_stays_ended() {
    let (node, ben) = store_with_rollback().await;
    let (out, on) = (node.sign_in("ben").await, node.sign_in("ben").await);
    let before = snapshot(&node, &ben).await;
    let authenticated = node
        .doorward
        .session_check
        .authenticate(&node.anonymous(), out.token.expose())
        .await
        .unwrap();
    node.doorward
        .sessions
        .sign_out(&node.of(&out), &authenticated)
        .await
        .unwrap();
    restore(&node, &ben, &before).await;
    assert_ended(&node, &out).await;
    node.check(&on).await.unwrap();
}

#[tokio::test]
async fn a_session_ended_from_the_list_stays_ended() {
    let (node, ben) = store_with_rollback().await;
    let (ended, on) = (node.sign_in("ben").await, node.sign_in("ben").await);
    let before = snapshot(&node, &ben).await;
    let (ctx, id) = (node.of(&on), ended.session.id.to_string());
    node.doorward
        .sessions
        .revoke(&ctx, "me", &id)
        .await
        .unwrap();
    restore(&node, &ben, &before).await;
    assert_ended(&node, &ended).await;
    node.check(&on).await.unwrap();
    let again = node.doorward.sessions.revoke(&ctx, "me", &id).await;
    assert_err!(again, Error::NotFound);
}

#[tokio::test]
async fn the_evicted_oldest_session_stays_ended() {
    let (node, ben) = store_with_rollback().await;
    let oldest = node.sign_in("ben").await;
    for _ in 1..50 {
        node.advance(seconds(1));
        node.sign_in("ben").await;
    }
    let before = snapshot(&node, &ben).await;
    node.sign_in("ben").await;
    restore(&node, &ben, &before).await;
    assert_err!(node.check(&oldest).await, Error::InvalidToken);
}

#[tokio::test]
async fn a_session_ended_by_token_reuse_stays_ended() {
    let (node, ben) = store_with_rollback().await;
    let first = node.sign_in("ben").await;
    let second = node.renew(&first).await.unwrap();
    node.advance(seconds(31));
    let before = snapshot(&node, &ben).await;
    assert_err!(node.check(&first).await, Error::InvalidToken);
    assert_err!(node.check(&second).await, Error::InvalidToken);
    restore(&node, &ben, &before).await;
    assert_ended(&node, &second).await;
}

/// The newest token proves that the store lost a renewal. The older one might be a thief's.
#[tokio::test]
async fn a_renewal_that_the_store_lost_ends_the_session() {
    let (node, ben) = store_with_rollback().await;
    let first = node.sign_in("ben").await;
    let before = snapshot(&node, &ben).await;
    node.advance(hours(1));
    let second = node.renew(&first).await.unwrap();
    restore(&node, &ben, &before).await;
    assert_err!(node.check(&second).await, Error::InvalidToken);
    assert_err!(node.check(&first).await, Error::InvalidToken);
    restore(&node, &ben, &before).await;
    assert_ended(&node, &first).await;
}

/// The database records the end before the session store is called.
#[tokio::test]
async fn a_session_can_end_while_its_store_is_down() {
    let (node, ben) = store_with_rollback().await;
    let signed_in = node.sign_in("ben").await;
    let authenticated = node
        .doorward
        .session_check
        .authenticate(&node.anonymous(), signed_in.token.expose())
        .await
        .unwrap();
    node.spy.fail("delete_session");
    node.doorward
        .sessions
        .sign_out(&node.of(&signed_in), &authenticated)
        .await
        .unwrap();
    node.spy.clear_failures();
    assert_eq!(snapshot(&node, &ben).await.len(), 1, "it is still stored");
    assert_err!(node.check(&signed_in).await, Error::InvalidToken);
    assert_ended(&node, &signed_in).await;
}

/// The audit event and what else belongs to the sign-in are in the database by then.
#[tokio::test]
async fn the_outcome_of_a_sign_in_is_unknown_if_the_session_cannot_be_stored() {
    let (node, ben) = store_with_rollback().await;
    node.audited();
    node.spy.fail("insert_session");
    let refused = node.try_sign_in("ben", PASSWORD).await;
    assert_err!(refused, Error::OutcomeUnknown(_));
    assert_eq!(node.audited(), ["sign-in"]);
    assert!(snapshot(&node, &ben).await.is_empty());
    node.spy.clear_failures();
    node.sign_in("ben").await;
}

/// A code is used up by then: the next sign-in needs another one.
#[tokio::test]
async fn the_outcome_of_a_sign_in_by_code_is_unknown_if_the_session_cannot_be_stored() {
    let node = TestNode::with_separate_sessions().await;
    let ben = two_factor_user(&node, "ben").await;
    let token = challenge(&node, "ben").await;
    node.audited();
    node.spy.fail("insert_session");
    let code = ben.app.code_at(node.now());
    let refused = answer(&node, &token, &code).await;
    assert_err!(refused, Error::OutcomeUnknown(_));
    assert_eq!(node.audited(), ["sign-in"]);
    node.spy.clear_failures();
    let again = challenge(&node, "ben").await;
    assert_err!(answer(&node, &again, &code).await, Error::InvalidCode);
    node.advance(STEP);
    sign_in(&node, &ben).await.unwrap();
}

/// S-08: the session is stored by then. The next sign-in ends the sessions above the maximum.
#[tokio::test]
async fn a_sign_in_succeeds_if_old_sessions_cannot_be_ended() {
    let (node, ben) = store_with_rollback().await;
    for _ in 0..50 {
        node.advance(seconds(1));
        node.sign_in("ben").await;
    }
    for operation in ["list_sessions", "delete_session", "write ended_sessions"] {
        node.advance(seconds(1));
        node.spy.fail(operation);
        let newest = node.sign_in("ben").await;
        node.spy.clear_failures();
        node.check(&newest).await.unwrap();
    }
    node.advance(seconds(1));
    node.sign_in("ben").await;
    assert_eq!(snapshot(&node, &ben).await.len(), 50);
}

/// A store that cannot rewind needs no second record.
#[tokio::test]
async fn a_durable_store_needs_no_second_record() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let signed_in = node.sign_in("ben").await;
    node.clear_cache();
    node.check(&signed_in).await.unwrap();
    let calls = node.spy.take_calls();
    assert!(!calls.contains(&"ended_sessions"), "{calls:?}");
}
