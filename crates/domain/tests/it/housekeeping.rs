//! Cleanup by the worker. No other behaviour depends on it.

use doorward_domain::Error;
use doorward_domain::model::{Invitation, InvitationDelivery, Link, Purpose, Status, User};
use doorward_domain::store::{Records, Store};
use doorward_domain::values::UserId;

use crate::test_node::*;

/// three days, to the microsecond.
#[tokio::test]
async fn an_unconfirmed_sign_up_is_deleted_after_three_days() {
    let node = TestNode::new().await;
    let ben = node.pending("ben").await;
    let eve = node.active("eve").await;
    node.audited();
    node.advance(hours(72));
    node.doorward
        .housekeeping
        .sweep(&node.worker())
        .await
        .unwrap();
    assert!(node.stored_session(&ben).await.is_some());
    node.advance(MICROSECOND);
    node.doorward
        .housekeeping
        .sweep(&node.worker())
        .await
        .unwrap();
    assert_eq!(node.stored_session(&ben).await, None);
    assert!(node.stored_session(&eve).await.is_some());
    assert_eq!(node.audited(), ["sign-up-expired"]);
    assert!(node.mail_jobs().is_empty());
    node.user_without_mailbox("ben").await;
}

#[tokio::test]
async fn one_sweep_deletes_several_batches() {
    let node = TestNode::new().await;
    for number in 0..205 {
        node.pending(&format!("ben{number}")).await;
    }
    node.audited();
    node.advance(hours(73));
    node.doorward
        .housekeeping
        .sweep(&node.worker())
        .await
        .unwrap();
    assert_eq!(node.audited().len(), 205);
}

/// An older node has activated invited users, and their rows say that the invitation is open.
#[tokio::test]
async fn a_batch_of_users_who_stay_is_read_twice() {
    let node = TestNode::new().await;
    node.list_at_once();
    let active = node.active("ben").await;
    let invitation = Invitation {
        delivery: InvitationDelivery::Link,
        invited_by: None,
        invited_at: node.now(),
        expires_at: Some(node.now()),
    };
    let stays = |number: u8| User {
        id: UserId::from_bytes([number; 16]),
        username: Some(username(&format!("eve{number}"))),
        email: None,
        invitation: Some(invitation),
        ..active.clone()
    };
    for number in 1..=100 {
        node.store.apply(stays(number).insert()).await.unwrap();
    }
    node.advance(hours(8 * 24));
    // It ends a sweep that does not end.
    node.spy.fail_after("users", 1000);
    node.clear_cache();
    let housekeeping = &node.doorward.housekeeping;
    housekeeping.sweep(&node.worker()).await.unwrap();
    let calls = node.spy.take_calls();
    let reads = calls.iter().filter(|call| **call == "users").count();
    // Twice a list and each of its users, and once the list of each other task.
    assert_eq!(reads, 2 * 101 + 3);
    assert_eq!(node.store.all::<User>().len(), 101);
}

/// L-05: a sign-up that cannot be read does not stop the sweep of the rest, and the sweep returns an error.
#[tokio::test]
async fn an_unreadable_row_does_not_stop_the_sweep() {
    let node = TestNode::new().await;
    node.pending("ben").await;
    node.advance(hours(24 * 30));
    node.spy.fail("users");
    node.clear_cache();
    let swept = node.doorward.housekeeping.sweep(&node.worker()).await;
    assert_err!(swept, Error::Store(_));
    let asked = node.spy.take_calls();
    assert!(asked.contains(&"sweep"), "{asked:?}");
}

#[tokio::test]
async fn concurrent_sweeps_audit_one_expiry() {
    let here = TestNode::new().await;
    here.list_at_once();
    let there = here.second_node(2).await;
    here.pending("ben").await;
    here.audited();
    here.advance(hours(73));
    here.spy.yield_once();
    there.spy.yield_once();
    let (here_worker, there_worker) = (here.worker(), there.worker());
    let (one, other) = tokio::join!(
        here.doorward.housekeeping.sweep(&here_worker),
        there.doorward.housekeeping.sweep(&there_worker)
    );
    one.unwrap();
    other.unwrap();
    let written = [here.audited(), there.audited()].concat();
    assert_eq!(written, ["sign-up-expired"]);
}

#[tokio::test]
async fn a_user_who_confirms_during_the_sweep_stays() {
    let node = TestNode::new().await;
    let ben = node.pending("ben").await;
    node.audited();
    node.advance(hours(73));
    let kept = node.stored_session(&ben).await.unwrap();
    let confirmed = User {
        status: Status::Active,
        email: kept.pending_address().cloned(),
        pending_email: None,
        version: kept.version.next(),
        ..kept.clone()
    };
    node.spy.interleave(confirmed.replace(&kept));
    node.doorward
        .housekeeping
        .sweep(&node.worker())
        .await
        .unwrap();
    assert!(node.stored_session(&ben).await.is_some());
    assert!(node.audited().is_empty());
}

#[tokio::test]
async fn expired_sessions_and_old_links_are_deleted() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    node.sign_in("ben").await;
    let token = node.link(&ben, Purpose::Recovery, "ben@example.com").await;
    let long_ago = node.now();
    node.advance(hours(24) + MICROSECOND);
    node.sign_in("ben").await;
    node.doorward
        .housekeeping
        .sweep(&node.worker())
        .await
        .unwrap();
    let sessions = node.sessions().list(ben.id, long_ago).await.unwrap();
    assert_eq!(sessions.len(), 1);
    assert!(
        node.store
            .find::<Link>(Link::DIGEST, &token.digest())
            .await
            .unwrap()
            .is_some()
    );
    node.advance(hours(7 * 24));
    node.doorward
        .housekeeping
        .sweep(&node.worker())
        .await
        .unwrap();
    assert!(
        node.store
            .find::<Link>(Link::DIGEST, &token.digest())
            .await
            .unwrap()
            .is_none()
    );
}

/// H-14: readiness names the component that does not respond.
#[tokio::test]
async fn readiness_names_the_component_that_does_not_respond() {
    let node = TestNode::with_separate_sessions().await;
    let down = async || {
        node.advance(jiff::SignedDuration::from_secs(1));
        let parts = node.doorward.readiness.probe().await;
        let down = parts.into_iter().filter(|(_, answer)| answer.is_err());
        down.map(|(part, _)| part).collect::<Vec<_>>()
    };
    assert!(down().await.is_empty());
    node.spy.fail("ping_sessions");
    assert_eq!(down().await, ["session store"]);
    node.spy.fail("ping");
    assert_eq!(down().await, ["database", "session store"]);
}

/// Any client may call it, and each probe writes.
#[tokio::test]
async fn all_readiness_checks_within_a_second_share_one_probe() {
    let node = TestNode::with_separate_sessions().await;
    let second = jiff::SignedDuration::from_secs(1);
    let ask = async || {
        let parts = node.doorward.readiness.probe().await;
        parts.into_iter().all(|(_, answer)| answer.is_ok())
    };
    node.spy.yield_once();
    node.clear_cache();
    let all = futures_util::future::join_all((0..50).map(|_| ask())).await;
    assert!(all.into_iter().all(|is_well| is_well));
    // Later calls within the second get the cached result, failures included.
    node.spy.fail("ping");
    assert!(ask().await);
    assert_eq!(node.spy.take_calls(), ["ping", "ping_sessions"]);
    node.advance(second);
    assert!(!ask().await);
    node.spy.clear_failures();
    assert!(!ask().await);
    node.advance(second - jiff::SignedDuration::from_nanos(1));
    assert!(!ask().await);
    assert_eq!(node.spy.take_calls(), ["ping", "ping_sessions"]);
    node.advance(-second);
    assert!(
        ask().await,
        "a clock that was set back does not extend the cache"
    );
}

/// A client that disconnects does not restart the probe, and a store that hangs times out.
#[tokio::test(start_paused = true)]
async fn a_readiness_probe_times_out_even_if_callers_disconnect() {
    let node = TestNode::with_separate_sessions().await;
    node.spy.hang_on("ping");
    node.clear_cache();
    for _ in 0..10 {
        let soon = std::time::Duration::from_millis(100);
        let asked = tokio::time::timeout(soon, node.doorward.readiness.probe()).await;
        assert!(asked.is_err(), "it did not time out");
        node.advance(jiff::SignedDuration::from_secs(1));
    }
    assert_eq!(node.spy.take_calls(), ["ping", "ping_sessions"]);
    let began = tokio::time::Instant::now();
    let [store, sessions] = node.doorward.readiness.probe().await;
    let told = store.1.unwrap_err().cause.to_string();
    assert_eq!(told, "no response in time");
    assert!(sessions.1.is_ok());
    assert!(began.elapsed() < std::time::Duration::from_secs(4));
}
