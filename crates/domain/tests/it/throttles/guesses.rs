//! How often an account's password is guessed at, and what a refusal tells.

use std::sync::Arc;

use doorward_domain::Error;
use tokio::task::JoinSet;

use super::{bot, from, try_from};
use crate::world::*;

/// two hundred wrong ones at once on two nodes that share their counters, and three are looked at.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_at_once_are_counted_before_they_are_looked_at() {
    let world = Arc::new(World::new().await);
    world.active("ben").await;
    let other = Arc::new(world.beside(2).await);
    world.forget();
    other.forget();
    let mut running = JoinSet::new();
    for number in 0..200 {
        let node = [&world, &other][number % 2].clone();
        running.spawn(async move {
            let stranger = from(&node, &bot(number));
            let refused = try_from(&node, &stranger, "ben", OTHER_PASSWORD).await;
            matches!(refused, Err(Error::InvalidCredentials))
        });
    }
    let looked_at = running
        .join_all()
        .await
        .into_iter()
        .filter(|looked| *looked);
    assert_eq!(looked_at.count(), 3);
    let hashes = world.secrets.take_hashes() + other.secrets.take_hashes();
    assert_eq!(hashes, 3, "who is refused costs no hash");
}

/// without a confirmed address there is no recovery by mail, so there is a try an hour; a new
/// password, set on the machine, begins a new count.
#[tokio::test]
async fn an_account_without_a_mailbox_is_never_shut_for_good() {
    let world = World::new().await;
    world.nameless_mailbox("ann").await;
    world.active("ben").await;
    for name in ["ann", "ben"] {
        for _ in 0..100 {
            let refused = world.try_sign_in(name, OTHER_PASSWORD).await;
            assert_err!(refused, Error::InvalidCredentials);
            world.advance(seconds(10));
        }
    }
    for name in ["ann", "ben"] {
        let refused = world.try_sign_in(name, PASSWORD).await;
        assert_err!(refused, Error::TooManyAttempts { retry_after } if retry_after.as_secs() <= 3600);
    }
    world.advance(hours(1));
    world.sign_in("ann").await;
    let refused = world.try_sign_in("ben", PASSWORD).await;
    assert_err!(refused, Error::TooManyAttempts { .. });
    // The command line is another process, with counters of its own.
    let machine = world.beside(2).await;
    let (operator, new) = (machine.operator(), secret(OTHER_PASSWORD));
    let set = machine.accounts.set_password(&operator, "ben", &new);
    set.await.unwrap();
    world.try_sign_in("ben", OTHER_PASSWORD).await.unwrap();
}

/// the try an hour is each network's own: a stranger who asks first every hour does not keep the
/// owner out, and no network has two.
#[tokio::test]
async fn nobody_takes_the_hourly_try_of_another_network() {
    let world = World::new().await;
    world.nameless_mailbox("ann").await;
    for number in 0..100 {
        let stranger = from(&world, &bot(number));
        let _ = try_from(&world, &stranger, "ann", OTHER_PASSWORD).await;
        world.advance(seconds(11));
    }
    let (thief, beside, owner) = (
        from(&world, "192.0.2.66"),
        from(&world, "192.0.2.67"),
        from(&world, "198.51.100.1"),
    );
    for _ in 0..3 {
        let mut looked_at = 0;
        for _ in 0..10 {
            for ctx in [&thief, &beside] {
                let refused = try_from(&world, ctx, "ann", OTHER_PASSWORD).await;
                looked_at += u32::from(matches!(refused, Err(Error::InvalidCredentials)));
            }
        }
        assert!((1..=2).contains(&looked_at), "{looked_at}");
        world.advance(hours(1));
    }
    let _ = try_from(&world, &thief, "ann", OTHER_PASSWORD).await;
    try_from(&world, &owner, "ann", PASSWORD).await.unwrap();
}

/// nor do all networks together have many: not as many as a guesser has networks.
#[tokio::test]
async fn networks_have_few_tries_together_at_an_account_that_has_stopped() {
    let world = World::new().await;
    world.nameless_mailbox("ann").await;
    for number in 0..100 {
        let stranger = from(&world, &bot(number));
        let _ = try_from(&world, &stranger, "ann", OTHER_PASSWORD).await;
        world.advance(seconds(11));
    }
    for hour in 0..3 {
        let mut looked_at = 0;
        for number in 0..300 {
            let stranger = from(
                &world,
                &format!("10.{hour}.{}.{}", number % 250, number / 250),
            );
            let refused = try_from(&world, &stranger, "ann", OTHER_PASSWORD).await;
            looked_at += u32::from(matches!(refused, Err(Error::InvalidCredentials)));
        }
        assert!((20..=21).contains(&looked_at), "{looked_at}");
        world.advance(hours(1));
    }
}

/// whoever is refused is refused alike, and by the same work, whether there is such an
/// account, whatever it has, and whichever of its names is used.
#[tokio::test]
async fn a_refusal_does_not_tell_of_an_account() {
    let world = World::new().await;
    world.active("ben").await;
    world.active("ann").await;
    world.sign_in("ann").await;
    world.mails().await;
    let names = ["ben@example.com", "ann@example.com", "nobody@example.com"];
    for round in 0..100 {
        let mut works = Vec::new();
        for name in names {
            world.forget();
            let stranger = from(&world, &bot(round));
            let tried = try_from(&world, &stranger, name, OTHER_PASSWORD).await;
            let work = (world.spy.take_calls(), world.secrets.take_hashes());
            works.push((work, format!("{:?}", tried.unwrap_err())));
        }
        assert!(works.iter().all(|work| *work == works[0]), "{works:#?}");
        world.advance(seconds(10));
    }
    for hour in 0..30 {
        let mut works = Vec::new();
        for name in names {
            world.forget();
            let stranger = from(&world, &bot(hour));
            let refused = try_from(&world, &stranger, name, OTHER_PASSWORD).await;
            let work = (world.spy.take_calls(), world.secrets.take_hashes());
            works.push((work, format!("{:?}", refused.unwrap_err())));
        }
        assert!(works[0].1.contains("TooMany"), "{works:#?}");
        assert!(works.iter().all(|work| *work == works[0]), "{works:#?}");
        world.advance(hours(1));
    }
    world.mails().await;
}

/// P-12: in a session a wrong password is counted twice, by the session and with those of strangers; a
/// thief of it gets no more than a hundred in all.
#[tokio::test]
async fn a_session_has_guesses_of_its_own() {
    let world = World::new().await;
    world.active("ben").await;
    let session = world.sign_in("ben").await;
    let mut looked_at = 0;
    for _ in 0..200 {
        let (ctx, shown) = (world.of(&session), password(OTHER_PASSWORD));
        let new = secret("three lamps and a boat");
        let changed = world.accounts.change_password(&ctx, None, &shown, &new);
        match changed.await {
            Err(Error::InvalidCredentials) => looked_at += 1,
            other => assert_err!(other, Error::TooManyAttempts { .. }),
        }
        world.advance(seconds(10));
    }
    assert_eq!(
        looked_at, 100,
        "its own ten, and the rest of any stranger's"
    );
}
