//! Cleanup by the worker. No other behaviour depends on it.

use doorward_domain::Error;
use doorward_domain::changes::Change;
use doorward_domain::model::{Link, Purpose, Status, User};
use doorward_domain::ports::Sessions;
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
    world.accounts.sweep(&world.worker()).await.unwrap();
    assert!(world.kept(&ben).await.is_some());
    world.advance(MICROSECOND);
    world.accounts.sweep(&world.worker()).await.unwrap();
    assert_eq!(world.kept(&ben).await, None);
    assert!(world.kept(&eve).await.is_some());
    assert_eq!(world.audited(), ["sign-up-expired"]);
    assert!(world.store.mail_jobs().is_empty());
    world.nameless_mailbox("ben").await;
}

#[tokio::test]
async fn more_than_one_batch_goes_in_one_sweep() {
    let world = World::new().await;
    for number in 0..205 {
        world.pending(&format!("ben{number}")).await;
    }
    world.audited();
    world.advance(hours(73));
    world.accounts.sweep(&world.worker()).await.unwrap();
    assert_eq!(world.audited().len(), 205);
}

/// L-05: a sign-up that cannot be read does not stop the sweep of the rest, and the sweep returns an error.
#[tokio::test]
async fn one_row_that_cannot_be_read_stops_no_sweep() {
    let world = World::new().await;
    world.pending("ben").await;
    world.advance(hours(24 * 30));
    world.spy.fail("find_user");
    world.forget();
    let swept = world.accounts.sweep(&world.worker()).await;
    assert_err!(swept, Error::Store(_));
    let asked = world.spy.take_calls();
    assert!(asked.contains(&"sweep"), "{asked:?}");
    assert!(asked.contains(&"sweep_sessions"), "{asked:?}");
}

#[tokio::test]
async fn nodes_that_sweep_at_once_write_down_one_expiry() {
    let here = World::new().await;
    let there = here.beside(2).await;
    here.pending("ben").await;
    here.audited();
    here.advance(hours(73));
    here.spy.give_way();
    there.spy.give_way();
    let (here_worker, there_worker) = (here.worker(), there.worker());
    let (one, other) = tokio::join!(
        here.accounts.sweep(&here_worker),
        there.accounts.sweep(&there_worker)
    );
    one.unwrap();
    other.unwrap();
    let written = [here.audited(), there.audited()].concat();
    assert_eq!(written, ["sign-up-expired"]);
}

#[tokio::test]
async fn who_confirms_during_the_sweep_stays_and_nothing_is_written() {
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
    world.spy.let_in_between(vec![Change::UpdateUser {
        user: Box::new(confirmed),
        expected: kept.version,
    }]);
    world.accounts.sweep(&world.worker()).await.unwrap();
    assert!(world.kept(&ben).await.is_some());
    assert!(world.audited().is_empty());
}

#[tokio::test]
async fn expired_sessions_and_long_dead_links_are_cleared_away() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    world.sign_in("ben").await;
    let token = world.link(&ben, Purpose::Recovery, "ben@example.com").await;
    let long_ago = world.now();
    world.advance(hours(24));
    world.sign_in("ben").await;
    world.accounts.sweep(&world.worker()).await.unwrap();
    let sessions = world.store.list_sessions(ben.id, long_ago).await.unwrap();
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
    world.accounts.sweep(&world.worker()).await.unwrap();
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
async fn readiness_names_the_part_that_does_not_answer() {
    let world = World::new().await;
    let down = async || {
        world.advance(jiff::SignedDuration::from_secs(1));
        let parts = world.accounts.readiness().await;
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
async fn however_many_ask_within_a_second_there_is_one_look() {
    let world = World::new().await;
    let second = jiff::SignedDuration::from_secs(1);
    let ask = async || {
        let parts = world.accounts.readiness().await;
        parts.into_iter().all(|(_, answer)| answer.is_ok())
    };
    world.spy.give_way();
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
    assert!(ask().await, "a clock that was set back keeps no old answer");
}

/// A client that disconnects does not restart the probe, and a store that hangs times out.
#[tokio::test(start_paused = true)]
async fn a_readiness_probe_times_out_even_if_callers_disconnect() {
    let world = World::new().await;
    world.spy.hang("ping");
    world.forget();
    for _ in 0..10 {
        let soon = std::time::Duration::from_millis(100);
        let asked = tokio::time::timeout(soon, world.accounts.readiness()).await;
        assert!(asked.is_err(), "it was answered");
        world.advance(jiff::SignedDuration::from_secs(1));
    }
    assert_eq!(world.spy.take_calls(), ["ping", "ping_sessions"]);
    let began = tokio::time::Instant::now();
    let [store, sessions] = world.accounts.readiness().await;
    let told = store.1.unwrap_err().cause.to_string();
    assert_eq!(told, "no response in time");
    assert!(sessions.1.is_ok());
    assert!(began.elapsed() < std::time::Duration::from_secs(4));
}
