//! After a hundred wrong passwords strangers have no more, whatever becomes of the counters.

use doorward_domain::Error;

use super::{again, bot, from, known, try_from};
use crate::world::*;

/// A hundred wrong passwords of strangers, each of which is looked at.
async fn guess_a_hundred(world: &World, name: &str) {
    for number in 0..100 {
        let stranger = from(world, &bot(number));
        let refused = try_from(world, &stranger, name, OTHER_PASSWORD).await;
        assert_err!(refused, Error::InvalidCredentials);
        world.advance(seconds(11));
    }
}

/// not one guess after the hundredth, so that it stands in no memory alone.
#[tokio::test]
async fn whoever_was_stopped_stays_so_over_a_restart_and_on_every_node() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let session = world.sign_in("ben").await;
    guess_a_hundred(&world, "ben@example.com").await;
    let (restarted, other) = (world.restarted().await, world.restarted().await);
    for node in [&restarted, &other] {
        for name in ["ben", "ben@example.com"] {
            let stranger = from(node, "198.51.100.1");
            let refused = try_from(node, &stranger, name, PASSWORD).await;
            assert_err!(refused, Error::InvalidCredentials);
        }
        node.check(&session).await.unwrap();
    }
    // whoever is known gets in, and with that strangers have their guesses again, everywhere.
    let laptop = known(&restarted, "198.51.100.2", &ben);
    let wrong = try_from(&restarted, &laptop, "ben", OTHER_PASSWORD).await;
    assert_err!(wrong, Error::InvalidCredentials);
    try_from(&restarted, &laptop, "ben", PASSWORD)
        .await
        .unwrap();
    for node in [&restarted, &other] {
        let stranger = from(node, "198.51.100.3");
        try_from(node, &stranger, "ben", PASSWORD).await.unwrap();
    }
}

/// a recovery by mail lifts it.
#[tokio::test]
async fn a_recovery_lifts_a_stop_that_outlived_its_counters() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    guess_a_hundred(&world, "ben").await;
    let world = world.restarted().await;
    let stranger = from(&world, "198.51.100.1");
    let refused = try_from(&world, &stranger, "ben", PASSWORD).await;
    assert_err!(refused, Error::InvalidCredentials);
    let address = email("ben@example.com");
    let asked = world.accounts.request_recovery(&stranger, &address);
    asked.await.unwrap();
    let token = token_in(&world.one_mail().await);
    let ctx = again(&world, &stranger);
    let new = secret(OTHER_PASSWORD);
    world.accounts.recover(&ctx, &token, &new).await.unwrap();
    assert!(!world.kept_user(&ben).await.is_stopped());
    try_from(&world, &stranger, "ben", OTHER_PASSWORD)
        .await
        .unwrap();
    world.mails().await;
}

/// T-EQUAL: where the counters were lost, a stopped account whose right password is shown
/// answers as an address that is nobody's, and by the same work: a hundred times, and then it is refused.
#[tokio::test]
async fn a_stop_that_outlived_its_counters_tells_of_no_account() {
    let world = World::new().await;
    world.active("ben").await;
    let names = ["nobody@example.com", "ben@example.com"];
    for name in names {
        guess_a_hundred(&world, name).await;
    }
    let world = world.restarted().await;
    for round in 0..103 {
        let mut works = Vec::new();
        for name in names {
            world.forget();
            let stranger = from(&world, &bot(round));
            let refused = try_from(&world, &stranger, name, PASSWORD).await;
            works.push((
                format!("{:?}", refused.unwrap_err()),
                world.spy.take_calls(),
                world.spy.take_changes(),
                world.throttle.take_asked(),
                world.secrets.take_hashes(),
            ));
        }
        assert_eq!(works[0], works[1], "{round}");
        assert_eq!(works[0].0 == "InvalidCredentials", round < 100, "{round}");
        world.advance(seconds(11));
    }
    world.mails().await;
}

/// P-12, A-06: the last guess counts whoever makes it: a thief in a session or at a device of the owner's too.
#[tokio::test]
async fn the_last_guess_may_be_that_of_a_known_device() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    for number in 0..99 {
        let stranger = from(&world, &bot(number));
        let _ = try_from(&world, &stranger, "ben", OTHER_PASSWORD).await;
        world.advance(seconds(11));
    }
    assert!(!world.kept_user(&ben).await.is_stopped());
    let thief = known(&world, "192.0.2.66", &ben);
    let refused = try_from(&world, &thief, "ben", OTHER_PASSWORD).await;
    assert_err!(refused, Error::InvalidCredentials);
    assert!(world.kept_user(&ben).await.is_stopped());
}

/// who could not lift it is not stopped: an account without a confirmed address.
#[tokio::test]
async fn who_cannot_be_recovered_by_mail_is_stopped_by_no_row() {
    let world = World::new().await;
    let ann = world.nameless_mailbox("ann").await;
    guess_a_hundred(&world, "ann").await;
    assert_eq!(world.kept_user(&ann).await.stopped_epoch, None);
    let world = world.restarted().await;
    let stranger = from(&world, "198.51.100.1");
    try_from(&world, &stranger, "ann", PASSWORD).await.unwrap();
}
