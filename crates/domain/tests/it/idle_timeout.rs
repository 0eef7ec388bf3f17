//! Idle timeout of sessions.

use doorward_domain::Error;
use jiff::SignedDuration;

use crate::test_node::*;

async fn idle(users: i64, admins: i64) -> TestNode {
    TestNode::with(|policy| {
        policy.session_idle_timeout = minutes(users);
        policy.admin_session_idle_timeout = minutes(admins);
    })
    .await
}

fn back(by: SignedDuration) -> SignedDuration {
    SignedDuration::ZERO - by
}

/// S-04: to the microsecond if it was never used, in every method that takes a session.
#[tokio::test]
async fn an_idle_session_ends() {
    let node = idle(60, 0).await;
    node.active("ben").await;
    let session = node.sign_in("ben").await;
    node.list_at_once();
    node.advance(hours(1) - MICROSECOND);
    let open = node.doorward.sessions.list(&node.of(&session), "me").await;
    assert_eq!(open.unwrap().len(), 1);
    node.advance(MICROSECOND);
    assert_err!(node.check(&session).await, Error::InvalidToken);
    assert_err!(node.renew(&session).await, Error::InvalidToken);
    let ctx = node.of(&session);
    let open = node.doorward.sessions.list(&ctx, "me").await.unwrap();
    assert!(open.is_empty());
    let id = session.session.id.to_string();
    let gone = node.doorward.sessions.revoke(&ctx, "me", &id).await;
    assert_err!(gone, Error::NotFound);
    // It has ended for another node too, and the checks have not prolonged it.
    node.doorward.last_seen.write().await.unwrap();
    let other = node.second_node(9).await;
    assert_err!(other.check(&session).await, Error::InvalidToken);
    node.advance(back(MICROSECOND));
    node.check(&session).await.unwrap();
}

/// S-04: a use counts on this node at once, and on others once it is stored. It prolongs no session beyond its
/// lifetime.
#[tokio::test]
async fn each_use_extends_the_idle_timeout() {
    let node = idle(60, 0).await;
    node.active("ben").await;
    let session = node.sign_in("ben").await;
    for _ in 0..23 {
        node.advance(minutes(59));
        node.check(&session).await.unwrap();
    }
    let other = node.second_node(9).await;
    node.doorward.last_seen.write().await.unwrap();
    other.check(&session).await.unwrap();
    node.advance(hours(1));
    assert_err!(other.check(&session).await, Error::InvalidToken);
    assert_err!(node.check(&session).await, Error::InvalidToken);
    let again = node.sign_in("ben").await;
    node.advance(minutes(59));
    node.check(&again).await.unwrap();
    for _ in 0..24 {
        node.advance(minutes(58));
        node.check(&again).await.ok();
    }
    assert_err!(node.check(&again).await, Error::InvalidToken);
}

/// S-04: a short failure of the store ends no session that is in use. The use is stored later.
#[tokio::test]
async fn a_use_counts_even_if_it_could_not_be_stored() {
    let node = idle(60, 0).await;
    node.active("ben").await;
    let session = node.sign_in("ben").await;
    node.list_at_once();
    node.advance(minutes(40));
    node.check(&session).await.unwrap();
    node.spy.fail("write sessions");
    assert!(node.doorward.last_seen.write().await.is_err());
    node.spy.clear_failures();
    node.advance(minutes(40));
    let ctx = node.of(&session);
    let open = node.doorward.sessions.list(&ctx, "me").await.unwrap();
    assert_eq!(open.len(), 1);
    node.doorward.last_seen.write().await.unwrap();
    let other = node.second_node(9).await;
    other.check(&session).await.unwrap();
    // It was written once.
    node.spy.take_calls();
    node.doorward.last_seen.write().await.unwrap();
    assert!(!node.spy.take_calls().contains(&"apply"));
}

/// S-04: admins have the shorter of the two timeouts; 0 means none.
#[tokio::test]
async fn admins_can_have_their_own_idle_timeout() {
    for (users, admins, of_admins, of_users) in [
        (0, 60, Some(60), None),
        (30, 60, Some(30), Some(30)),
        (60, 30, Some(30), Some(60)),
        (0, 0, None, None),
    ] {
        let node = idle(users, admins).await;
        node.admin("ada").await;
        node.active("ben").await;
        for (name, limit) in [("ada", of_admins), ("ben", of_users)] {
            let session = node.sign_in(name).await;
            let unused = limit.map_or(hours(24), minutes) - seconds(1);
            node.advance(unused);
            let before = node.check(&session).await.is_ok();
            assert!(before, "{name} {users} {admins}");
            let session = node.sign_in(name).await;
            node.advance(limit.map_or(hours(24), minutes));
            assert!(node.check(&session).await.is_err(), "{name}");
        }
    }
}
