//! Cleanup by the worker. No other behaviour depends on it.

use doorward_domain::Error;
use doorward_domain::model::{Link, Purpose, Status, User};
use doorward_domain::store::Records;

use crate::world::*;

/// three days, to the microsecond.
#[tokio::test]
async fn an_unconfirmed_sign_up_is_deleted_after_three_days() {
    let world = World::new().await;
    let ben = world.pending("ben").await;
    let eve = world.active("eve").await;
    world.audited();
    world.advance(hours(72));
    world
        .doorward
        .housekeeping
        .sweep(&world.worker())
        .await
        .unwrap();
    assert!(world.kept(&ben).await.is_some());
    world.advance(MICROSECOND);
    world
        .doorward
        .housekeeping
        .sweep(&world.worker())
        .await
        .unwrap();
    assert_eq!(world.kept(&ben).await, None);
    assert!(world.kept(&eve).await.is_some());
    assert_eq!(world.audited(), ["sign-up-expired"]);
    assert!(world.store.mail_jobs().is_empty());
    world.user_without_mailbox("ben").await;
}

#[tokio::test]
async fn one_sweep_deletes_several_batches() {
    let world = World::new().await;
    for number in 0..205 {
        world.pending(&format!("ben{number}")).await;
    }
    world.audited();
    world.advance(hours(73));
    world
        .doorward
        .housekeeping
        .sweep(&world.worker())
        .await
        .unwrap();
    assert_eq!(world.audited().len(), 205);
}

/// L-05: a sign-up that cannot be read does not stop the sweep of the rest, and the sweep returns an error.
#[tokio::test]
async fn an_unreadable_row_does_not_stop_the_sweep() {
    let world = World::new().await;
    world.pending("ben").await;
    world.advance(hours(24 * 30));
    world.spy.fail("users");
    world.forget();
    let swept = world.doorward.housekeeping.sweep(&world.worker()).await;
    assert_err!(swept, Error::Store(_));
    let asked = world.spy.take_calls();
    assert!(asked.contains(&"sweep"), "{asked:?}");
}

#[tokio::test]
async fn concurrent_sweeps_audit_one_expiry() {
    let here = World::new().await;
    let there = here.beside(2).await;
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
    let world = World::new().await;
    let ben = world.pending("ben").await;
    world.audited();
    world.advance(hours(73));
    let kept = world.kept(&ben).await.unwrap();
    let confirmed = User {
        status: Status::Active,
        email: kept.pending_address().cloned(),
        pending_email: None,
        version: kept.version.next(),
        ..kept.clone()
    };
    world.spy.interleave(confirmed.replace(&kept));
    world
        .doorward
        .housekeeping
        .sweep(&world.worker())
        .await
        .unwrap();
    assert!(world.kept(&ben).await.is_some());
    assert!(world.audited().is_empty());
}

#[tokio::test]
async fn expired_sessions_and_old_links_are_deleted() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    world.sign_in("ben").await;
    let token = world.link(&ben, Purpose::Recovery, "ben@example.com").await;
    let long_ago = world.now();
    world.advance(hours(24) + MICROSECOND);
    world.sign_in("ben").await;
    world
        .doorward
        .housekeeping
        .sweep(&world.worker())
        .await
        .unwrap();
    let sessions = world.sessions().list(ben.id, long_ago).await.unwrap();
    assert_eq!(sessions.len(), 1);
    assert!(
        world
            .store
            .find_readable::<Link>(Link::DIGEST, &token.digest())
            .await
            .unwrap()
            .is_some()
    );
    world.advance(hours(7 * 24));
    world
        .doorward
        .housekeeping
        .sweep(&world.worker())
        .await
        .unwrap();
    assert!(
        world
            .store
            .find_readable::<Link>(Link::DIGEST, &token.digest())
            .await
            .unwrap()
            .is_none()
    );
}

/// H-14: readiness names the component that does not respond.
#[tokio::test]
async fn readiness_names_the_component_that_does_not_respond() {
    let world = World::with_separate_sessions().await;
    let down = async || {
        world.advance(jiff::SignedDuration::from_secs(1));
        let parts = world.doorward.housekeeping.readiness().await;
        let down = parts.into_iter().filter(|(_, answer)| answer.is_err());
        down.map(|(part, _)| part).collect::<Vec<_>>()
    };
    assert!(down().await.is_empty());
    world.spy.fail("ping_sessions");
    assert_eq!(down().await, ["session store"]);
    world.spy.fail("ping");
    assert_eq!(down().await, ["database", "session store"]);
}

/// Any client may call it, and each probe writes.
#[tokio::test]
async fn all_readiness_checks_within_a_second_share_one_probe() {
    let world = World::with_separate_sessions().await;
    let second = jiff::SignedDuration::from_secs(1);
    let ask = async || {
        let parts = world.doorward.housekeeping.readiness().await;
        parts.into_iter().all(|(_, answer)| answer.is_ok())
    };
    world.spy.yield_once();
    world.forget();
    let all = futures_util::future::join_all((0..50).map(|_| ask())).await;
    assert!(all.into_iter().all(|is_well| is_well));
    // Later calls within the second get the cached result, failures included.
    world.spy.fail("ping");
    assert!(ask().await);
    assert_eq!(world.spy.take_calls(), ["ping", "ping_sessions"]);
    world.advance(second);
    assert!(!ask().await);
    world.spy.clear_failures();
    assert!(!ask().await);
    world.advance(second - jiff::SignedDuration::from_nanos(1));
    assert!(!ask().await);
    assert_eq!(world.spy.take_calls(), ["ping", "ping_sessions"]);
    world.advance(-second);
    assert!(
        ask().await,
        "a clock that was set back does not extend the cache"
    );
}

/// A client that disconnects does not restart the probe, and a store that hangs times out.
#[tokio::test(start_paused = true)]
async fn a_readiness_probe_times_out_even_if_callers_disconnect() {
    let world = World::with_separate_sessions().await;
    world.spy.hang("ping");
    world.forget();
    for _ in 0..10 {
        let soon = std::time::Duration::from_millis(100);
        let asked = tokio::time::timeout(soon, world.doorward.housekeeping.readiness()).await;
        assert!(asked.is_err(), "it did not time out");
        world.advance(jiff::SignedDuration::from_secs(1));
    }
    assert_eq!(world.spy.take_calls(), ["ping", "ping_sessions"]);
    let began = tokio::time::Instant::now();
    let [store, sessions] = world.doorward.housekeeping.readiness().await;
    let told = store.1.unwrap_err().cause.to_string();
    assert_eq!(told, "no response in time");
    assert!(sessions.1.is_ok());
    assert!(began.elapsed() < std::time::Duration::from_secs(4));
}
