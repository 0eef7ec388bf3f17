//! A flood shuts nobody out who was here before, and who that is.

use doorward_domain::model::User;
use doorward_domain::throttle::Door;
use doorward_domain::tokens::Acquaintance;
use doorward_domain::{Ctx, Error};

use super::{again, bot, from, known, try_from};
use crate::world::*;

/// T-FLOOD: a thousand wrong passwords from fifty addresses, and the owner gets in: from a
/// browser that is known, and with a recent session; nobody else does, until it is recovered.
#[tokio::test]
async fn whoever_is_known_gets_in_while_strangers_guess() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    world.advance(seconds(1));
    let laptop = known(&world, "198.51.100.1", &ben);
    let mut phone = from(&world, "198.51.200.2");
    let session = try_from(&world, &phone, "ben", PASSWORD).await.unwrap();
    let neighbour = from(&world, "198.51.200.2");
    let token = session.token.expose();
    phone.client.known = world.accounts.recognise(&phone, None, Some(token));
    for number in 0..1000 {
        let stranger = from(&world, &bot(number));
        let refused = try_from(&world, &stranger, "ben", OTHER_PASSWORD).await;
        assert_err!(
            refused,
            Error::InvalidCredentials | Error::TooManyAttempts { .. }
        );
        world.advance(seconds(11));
    }
    let stranger = from(&world, "198.51.77.9");
    for days in [0, 1, 30] {
        world.advance(hours(24 * days));
        let refused = try_from(&world, &stranger, "ben", PASSWORD).await;
        assert_err!(refused, Error::TooManyAttempts { retry_after } if retry_after.as_secs() == 3600);
        if days == 0 {
            // whoever merely comes from where the owner has a session is told what anybody is.
            let refused = try_from(&world, &neighbour, "ben", PASSWORD).await;
            assert_err!(refused, Error::TooManyAttempts { .. });
            try_from(&world, &phone, "ben@example.com", PASSWORD)
                .await
                .unwrap();
            // That has cleared it all: once more from the start.
            for number in 0..100 {
                let stranger = from(&world, &bot(number));
                let _ = try_from(&world, &stranger, "ben", OTHER_PASSWORD).await;
                world.advance(seconds(11));
            }
        }
    }
    try_from(&world, &laptop, "BEN", PASSWORD).await.unwrap();
}

/// a stolen cookie is good for ten guesses, and then its bearer is a stranger.
#[tokio::test]
async fn a_device_that_guesses_is_no_longer_known() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    // Strangers have used up all they have.
    for number in 0..100 {
        let stranger = from(&world, &bot(number));
        let _ = try_from(&world, &stranger, "ben", OTHER_PASSWORD).await;
        world.advance(seconds(11));
    }
    let thief = known(&world, "192.0.2.66", &ben);
    let mut looked_at = 0;
    for _ in 0..30 {
        match try_from(&world, &thief, "ben", OTHER_PASSWORD).await {
            Err(Error::InvalidCredentials) => looked_at += 1,
            other => assert_err!(other, Error::TooManyAttempts { .. }),
        }
        world.advance(minutes(5));
    }
    assert_eq!(looked_at, 10);
    let refused = try_from(&world, &thief, "ben", PASSWORD).await;
    assert_err!(refused, Error::TooManyAttempts { .. });
    let other = known(&world, "192.0.2.66", &ben);
    try_from(&world, &other, "ben", PASSWORD).await.unwrap();
}

/// what somebody kept of before a recovery, a cookie or a token, is of nobody now: it takes nothing
/// from the owner at any door, has no guesses of its own, and no recovery mail.
#[tokio::test]
async fn what_was_kept_of_before_a_recovery_takes_nothing_from_the_owner() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let session = world.sign_in("ben").await;
    let (token, digest) = (session.token.expose(), &session.session.digest);
    let cookie = world
        .accounts
        .device_after(&world.anon(), None, &ben, digest);
    world.advance(minutes(1));
    let address = email("ben@example.com");
    world
        .accounts
        .request_recovery(&world.anon(), &address)
        .await
        .unwrap();
    let link = token_in(&world.one_mail().await);
    let new = secret(OTHER_PASSWORD);
    world
        .accounts
        .recover(&world.anon(), &link, &new)
        .await
        .unwrap();
    world.mails().await;
    world.advance(hours(2));
    let laptop = known(&world, "198.51.100.1", &world.kept_user(&ben).await);
    let neighbours = neighbours(&world).await;
    let ask = async |ctx: &Ctx| {
        let ctx = again(&world, ctx);
        world.accounts.request_recovery(&ctx, &address).await
    };
    for (device, token) in [
        (Some(cookie.expose().as_str()), None),
        (None, Some(token.as_str())),
    ] {
        let mut thief = from(&world, "192.0.2.66");
        thief.client.known = world.accounts.recognise(&thief, device, token);
        assert_eq!(thief.client.known.len(), 1);
        for door in [Door::SignIn, Door::MailRequest, Door::Link] {
            for _ in 0..100 {
                let _ = world.accounts.admit(&again(&world, &thief), door).await;
            }
            crowd(&world, &neighbours, door).await;
            let owner = again(&world, &laptop);
            world.accounts.admit(&owner, door).await.unwrap();
            assert!(!owner.client.ledger.has_passed(door), "{door:?}");
        }
        let mut elsewhere = again(&world, &thief);
        elsewhere.client.address = Some("203.0.113.9".parse().unwrap());
        ask(&elsewhere).await.unwrap();
        ask(&laptop).await.unwrap();
        world.advance(hours(2));
        for _ in 0..3 {
            let refused = try_from(&world, &thief, "ben", PASSWORD).await;
            assert_err!(refused, Error::InvalidCredentials);
        }
        let refused = try_from(&world, &thief, "ben", PASSWORD).await;
        assert_err!(refused, Error::TooManyAttempts { .. });
        let stranger = from(&world, "192.0.2.67");
        let refused = try_from(&world, &stranger, "ben", OTHER_PASSWORD).await;
        assert_err!(refused, Error::TooManyAttempts { .. });
        try_from(&world, &laptop, "ben", OTHER_PASSWORD)
            .await
            .unwrap();
        world.advance(hours(2));
    }
    world.mails().await;
}

/// Accounts of people nearby.
async fn neighbours(world: &World) -> Vec<User> {
    let mut all = Vec::new();
    for number in 0..10 {
        all.push(world.active(&format!("neighbour-{number}")).await);
    }
    all
}

/// They use up what the network 198.51.100.0/24 has at a door, as strangers and as known to their own accounts.
async fn crowd(world: &World, neighbours: &[User], door: Door) {
    for number in 0..300 {
        let address = format!("198.51.100.{}", 2 + number % 200);
        let stranger = from(world, &address);
        let _ = world.accounts.admit(&stranger, door).await;
        let neighbour = known(world, &address, &neighbours[number % 10]);
        let _ = world.accounts.admit(&neighbour, door).await;
    }
    let stranger = from(world, "198.51.100.250");
    assert!(world.accounts.admit(&stranger, door).await.is_err());
}

/// A-08, T-FLOOD: a few sign-ins, recoveries and mailed links an hour are an account's own: no neighbour uses
/// them up. A mail to anybody else is a stranger's all the same.
#[tokio::test]
async fn neighbours_keep_nobody_from_what_is_their_own() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let laptop = known(&world, "198.51.100.1", &ben);
    let neighbours = neighbours(&world).await;
    for door in [Door::SignIn, Door::MailRequest, Door::Link] {
        crowd(&world, &neighbours, door).await;
        for number in 0..4 {
            let owner = again(&world, &laptop);
            let admitted = world.accounts.admit(&owner, door).await;
            assert_eq!(admitted.is_ok(), number < 3, "{door:?} {number}");
        }
    }
    for (address, is_own) in [("eve@example.com", false), ("ben@example.com", true)] {
        world.advance(minutes(20));
        crowd(&world, &neighbours, Door::MailRequest).await;
        let (owner, accounts, address) = (again(&world, &laptop), &world.accounts, email(address));
        accounts.admit(&owner, Door::MailRequest).await.unwrap();
        let asked = accounts.request_recovery(&owner, &address).await;
        assert_eq!(asked.is_ok(), is_own, "{address:?}");
    }
    world.mails().await;
}

/// a token of the very second in which the password was set anew may be of before.
#[tokio::test]
async fn a_token_of_the_second_of_a_new_password_makes_nobody_known() {
    let world = World::new().await;
    world.active("ben").await;
    world.advance(minutes(1));
    let session = world.sign_in("ben").await;
    let new = secret(OTHER_PASSWORD);
    world
        .accounts
        .set_password(&world.operator(), "ben", &new)
        .await
        .unwrap();
    let mut thief = from(&world, "192.0.2.66");
    let token = session.token.expose();
    thief.client.known = world.accounts.recognise(&thief, None, Some(token));
    // Strangers have used up all they have.
    for number in 0..100 {
        let stranger = from(&world, &bot(number));
        let _ = try_from(&world, &stranger, "ben", PASSWORD).await;
        world.advance(seconds(11));
    }
    let refused = try_from(&world, &thief, "ben", PASSWORD).await;
    assert_err!(refused, Error::TooManyAttempts { .. });
    world.mails().await;
}

/// whoever is known is no worse off than a stranger where others use up what the account has.
#[tokio::test]
async fn whoever_is_known_has_what_a_stranger_has_too() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let (laptop, copy) = (
        known(&world, "198.51.100.1", &ben),
        known(&world, "192.0.2.66", &ben),
    );
    for _ in 0..100 {
        let _ = world
            .accounts
            .admit(&again(&world, &copy), Door::SignIn)
            .await;
    }
    try_from(&world, &laptop, "ben", PASSWORD).await.unwrap();
}

/// one sign-in leaves a session, its token and a cookie; a thief of all three has ten guesses, not
/// thirty.
#[tokio::test]
async fn session_token_and_cookie_of_one_sign_in_share_one_count() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    world.advance(seconds(1));
    let session = world.sign_in("ben").await;
    let (token, digest) = (session.token.expose(), &session.session.digest);
    let cookie = world
        .accounts
        .device_after(&world.anon(), None, &ben, digest);
    // Strangers have used up all they have.
    for number in 0..100 {
        let stranger = from(&world, &bot(number));
        let _ = try_from(&world, &stranger, "ben", OTHER_PASSWORD).await;
        world.advance(seconds(11));
    }
    let recognise = |device, token| world.accounts.recognise(&world.anon(), device, token);
    let thefts = [
        (
            world.of(&session),
            vec![Acquaintance::of_session(&session.session)],
        ),
        (world.anon(), recognise(None, Some(token))),
        (
            world.anon(),
            recognise(Some(cookie.expose().as_str()), None),
        ),
    ];
    let mut looked_at = 0;
    for round in 0..30 {
        let (mut ctx, known) = thefts[round % 3].clone();
        (ctx.client.known, ctx.now) = (known, world.now());
        let (who, shown) = (identifier("ben"), password(OTHER_PASSWORD));
        let new = secret("three lamps and a boat");
        let tried = match round % 3 {
            0 => {
                world
                    .accounts
                    .change_password(&ctx, None, &shown, &new)
                    .await
            }
            _ => world.accounts.sign_in(&ctx, &who, &shown).await.map(drop),
        };
        match tried {
            Err(Error::InvalidCredentials) => looked_at += 1,
            other => assert_err!(other, Error::TooManyAttempts { .. }),
        }
        world.advance(minutes(5));
    }
    assert_eq!(looked_at, 10);
}

/// what one account's device has is for that account. At another it is a stranger, and is counted
/// as one, whatever it showed at the door.
#[tokio::test]
async fn a_device_is_known_to_its_own_account_alone() {
    let world = World::new().await;
    let (ben, eve) = (world.active("ben").await, world.active("eve").await);
    let mut looked_at = 0;
    for _ in 0..10 {
        // A fresh cookie of their own each time.
        let thief = known(&world, "192.0.2.66", &eve);
        for name in ["ben", "unknown"] {
            match try_from(&world, &thief, name, OTHER_PASSWORD).await {
                Err(Error::InvalidCredentials) => looked_at += 1,
                other => assert_err!(other, Error::TooManyAttempts { .. }),
            }
        }
    }
    assert_eq!(looked_at, 6, "three at each, as any stranger has");
    for number in 0..40 {
        let thief = known(&world, "192.0.2.66", &eve);
        let refused = try_from(&world, &thief, &format!("name-{number}"), PASSWORD).await;
        assert_eq!(
            matches!(refused, Err(Error::InvalidCredentials)),
            number < 4,
            "ten wrong ones from one address, six of them before"
        );
    }
    let mut shared = known(&world, "192.0.2.66", &eve);
    shared
        .client
        .known
        .extend(known(&world, "192.0.2.66", &ben).client.known);
    world.advance(seconds(10));
    try_from(&world, &shared, "ben", PASSWORD).await.unwrap();
    try_from(&world, &shared, "eve", PASSWORD).await.unwrap();
}

/// strangers who ask for somebody's recovery use up what the mailbox has for strangers, not what its
/// owner has on a device that is known, which is no other account's.
#[tokio::test]
async fn strangers_use_up_no_recovery_of_a_known_device() {
    let world = World::new().await;
    let (ben, eve) = (world.active("ben").await, world.active("eve").await);
    let (laptop, thief) = (
        known(&world, "192.0.2.1", &ben),
        known(&world, "192.0.2.66", &eve),
    );
    let address = email("ben@example.com");
    let ask = async |ctx: &Ctx| {
        let ctx = again(&world, ctx);
        world.accounts.request_recovery(&ctx, &address).await
    };
    for _ in 0..20 {
        let _ = ask(&world.anon()).await;
        world.advance(minutes(1));
    }
    ask(&world.anon()).await.unwrap();
    assert_err!(ask(&thief).await, Error::TooManyAttempts { .. });
    ask(&laptop).await.unwrap();
    assert_err!(ask(&laptop).await, Error::TooManyAttempts { .. });
}

/// a session that is over still shows who was here; one of another issuer shows nothing.
#[tokio::test]
async fn a_recent_session_is_known_too() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let session = world.sign_in("ben").await;
    let shows = |token: &str| world.accounts.recognise(&world.anon(), None, Some(token));
    let token = session.token.expose();
    for days in [0, 2, 28] {
        world.advance(hours(24 * days));
        assert_eq!(shows(token)[0].user_id, ben.id, "{days}");
    }
    world.advance(hours(48));
    assert_eq!(shows(token), []);
    let elsewhere = world.moved_to("https://elsewhere.example").await;
    let ctx = elsewhere.anon();
    let fresh = world.sign_in("ben").await;
    let foreign = elsewhere
        .accounts
        .recognise(&ctx, None, Some(fresh.token.expose()));
    assert_eq!(foreign, []);
    assert_eq!(shows("nonsense"), []);
}
