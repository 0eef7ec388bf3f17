//! What an address, a network and all strangers together may do at a door.

use std::net::{IpAddr, Ipv4Addr};

use doorward_domain::throttle::{Door, MemoryThrottle, Rate};
use doorward_domain::{Ctx, Error};

use super::{again, bot, from, known, try_from};
use crate::world::*;

/// what an account has at a door is one budget, however many cookies and sessions it makes, and asks for
/// other people's mail within what its network has.
#[tokio::test]
async fn nobody_makes_budgets_of_their_own() {
    let world = World::new().await;
    let eve = world.active("eve").await;
    for (door, limit) in [
        (Door::SignIn, 30),
        (Door::MailRequest, 20),
        (Door::Link, 10),
    ] {
        let mut admitted = 0;
        for number in 0..10 {
            let cookie = known(&world, "192.0.2.66", &eve);
            let session = match door {
                // Shows a password at that door itself.
                Door::SignIn => None,
                _ => Some(world.sign_in("eve").await),
            };
            for _ in 0..25 {
                let ctx = match session.as_ref().filter(|_| number % 2 == 0) {
                    Some(session) => world.of(session),
                    None => again(&world, &cookie),
                };
                admitted += u32::from(world.accounts.admit(&ctx, door).await.is_ok());
            }
        }
        // Then what any stranger has from that address.
        assert_eq!(admitted, 2 * limit, "{door:?}");
        world.advance(hours(2));
    }
    // Of sign-ins those who are known have as many as strangers, and both; and each account three to itself at
    // every door.
    let all = [
        (Door::MailRequest, 30 + 60),
        (Door::Link, 30 + 40),
        (Door::SignIn, 30 + 240),
    ];
    for (door, network) in all {
        let mut admitted = 0;
        for number in 0..10 {
            let user = world.active(&format!("{door:?}{number}")).await;
            for _ in 0..30 {
                let ctx = known(&world, &format!("192.0.2.{number}"), &user);
                admitted += u32::from(world.accounts.admit(&ctx, door).await.is_ok());
            }
        }
        assert_eq!(admitted, network, "{door:?}");
    }
}

/// accounts of one's own are no budgets for mails to others: whoever is known to another account is a
/// stranger to this address, and takes from what their own network address has.
#[tokio::test]
async fn with_many_accounts_nobody_mails_more_strangers() {
    let world = World::new().await;
    let mut asked = 0;
    for number in 0..5 {
        let user = world.active(&format!("own-{number}")).await;
        for mailbox in 0..10 {
            let ctx = known(&world, "192.0.2.66", &user);
            let address = email(&format!("box-{number}-{mailbox}@example.com"));
            let admitted = world.accounts.admit(&ctx, Door::MailRequest).await.is_ok();
            let mailed = admitted
                && world
                    .accounts
                    .request_recovery(&ctx, &address)
                    .await
                    .is_ok();
            asked += u32::from(mailed);
        }
    }
    assert_eq!(asked, 20);
    world.mails().await;
}

/// A-08, T-FLOOD: where all strangers together have nothing left, a browser that is known to somebody else has
/// the few tries of a quiet network, as one that nobody knows.
#[tokio::test]
async fn whoever_is_known_as_another_is_no_worse_off_in_a_flood() {
    let world = World::with(|policy| {
        policy.limits.sign_in.everybody = "3/1h".parse::<Rate>().unwrap();
    })
    .await;
    let mother = world.active("mother").await;
    world.active("child").await;
    for number in 0..3 {
        let stranger = from(&world, &bot(number));
        world.accounts.admit(&stranger, Door::SignIn).await.unwrap();
    }
    let family = known(&world, "198.51.100.1", &mother);
    for _ in 0..3 {
        try_from(&world, &family, "child", PASSWORD).await.unwrap();
    }
    let refused = try_from(&world, &family, "child", PASSWORD).await;
    assert_err!(refused, Error::TooManyAttempts { .. });
    try_from(&world, &family, "mother", PASSWORD).await.unwrap();
}

/// thirty passwords a minute from one address, ten of them wrong; a right one is not counted as
/// wrong. Windows re-arm.
#[tokio::test]
async fn an_address_has_thirty_tries_and_ten_wrong_ones() {
    let world = World::new().await;
    world.active("ben").await;
    let office = from(&world, "192.0.2.1");
    for number in 0..30 {
        let tried = try_from(&world, &office, "ben", PASSWORD).await;
        assert!(tried.is_ok(), "{number}");
    }
    let refused = try_from(&world, &office, "ben", PASSWORD).await;
    assert_err!(refused, Error::TooManyAttempts { retry_after } if retry_after.as_secs() == 2);
    world.advance(minutes(1));
    for number in 0..10 {
        let refused = try_from(&world, &office, &format!("n-{number}"), PASSWORD).await;
        assert_err!(refused, Error::InvalidCredentials);
    }
    for name in ["n-11", "ben"] {
        let refused = try_from(&world, &office, name, PASSWORD).await;
        assert_err!(refused, Error::TooManyAttempts { retry_after } if retry_after.as_secs() == 6);
    }
    world.advance(seconds(6));
    try_from(&world, &office, "ben", PASSWORD).await.unwrap();
    world.advance(hours(1));
    for number in 0..10 {
        let refused = try_from(&world, &office, &format!("m-{number}"), PASSWORD).await;
        assert_err!(refused, Error::InvalidCredentials);
    }
}

/// T-IP: an IPv6 customer is one address, 256 of IPv4 are one network, all strangers share a
/// ceiling; known devices and sessions are under none of it, and who is unknown shares nothing.
#[tokio::test]
async fn addresses_networks_and_all_strangers_have_limits() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let admitted = async |ctx: &Ctx, door| {
        let ctx = again(&world, ctx);
        world.accounts.admit(&ctx, door).await.is_ok()
    };
    for (door, address, network, everybody) in [
        (Door::SignIn, 30, 120, 1200u32),
        (Door::SignUp, 20, 60, 1000),
        (Door::MailRequest, 20, 60, 1000),
        (Door::Link, 10, 40, 600),
        (Door::Token, 120, 480, 6000),
    ] {
        for (own, same, near, far) in [
            ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.200", "192.0.3.1"),
            (
                "2001:db8::1",
                "2001:db8::ffff:2",
                "2001:db8:0:9::1",
                "2001:db8:1::1",
            ),
        ] {
            for _ in 0..address {
                assert!(admitted(&from(&world, own), door).await, "{door:?}");
            }
            assert!(!admitted(&from(&world, own), door).await);
            assert!(!admitted(&from(&world, same), door).await);
            assert!(admitted(&from(&world, near), door).await);
            assert!(admitted(&from(&world, far), door).await);
        }
        let mut let_in = 0;
        for host in 1..=250 {
            let_in += u32::from(admitted(&from(&world, &format!("198.51.100.{host}")), door).await);
            let_in += u32::from(admitted(&from(&world, &format!("198.51.100.{host}")), door).await);
        }
        assert_eq!(let_in, network, "{door:?}");
        for number in 0..everybody {
            let [_, _, a, b] = number.to_be_bytes();
            let bot = IpAddr::V4(Ipv4Addr::new(10, a, b, 1)).to_string();
            assert!(admitted(&from(&world, &bot), door).await, "{door:?}");
        }
        // All strangers together have nothing left: a network that was quiet has three tries, and no more.
        for (last, expected) in [(1, true), (2, true), (3, true), (4, false), (1, false)] {
            let stranger = from(&world, &format!("10.200.0.{last}"));
            assert_eq!(admitted(&stranger, door).await, expected, "{door:?}");
        }
        let laptop = known(&world, "192.0.2.1", &ben);
        assert_eq!(
            admitted(&laptop, door).await,
            !matches!(door, Door::SignUp | Door::Token)
        );
        for _ in 0..2000 {
            assert!(admitted(&world.anon(), door).await, "unknown");
        }
        world.advance(hours(24));
    }
    let session = world.sign_in("ben").await;
    let ctx = world.of(&session);
    for _ in 0..120 {
        world.accounts.admit(&ctx, Door::Token).await.unwrap();
    }
    let refused = world.accounts.admit(&ctx, Door::Token).await;
    assert_err!(refused, Error::TooManyAttempts { .. });
}

/// a million addresses at a door leave no more keys than there is room for.
#[tokio::test]
async fn a_million_strangers_leave_few_traces() {
    let world = World::new().await;
    let throttle: &MemoryThrottle = world.throttle.inner();
    let before = throttle.len();
    for number in 0..1_000_000u32 {
        let mut ctx = world.anon();
        ctx.client.address = Some(IpAddr::V4(Ipv4Addr::from(
            number.wrapping_mul(2_654_435_761),
        )));
        let _ = world.accounts.admit(&ctx, Door::SignIn).await;
        if number % 1000 == 0 {
            world.forget();
        }
    }
    let kept = throttle.len() - before;
    assert!((1..=20_000).contains(&kept), "{kept}");
}

/// limits are the operator's to set.
#[tokio::test]
async fn the_operator_sets_the_limits() {
    let world = World::with(|policy| {
        policy.limits.sign_in.address = "2/1h".parse::<Rate>().unwrap();
        policy.limits.pauses = "1:10s".parse().unwrap();
        policy.limits.stop = 10;
    })
    .await;
    world.active("ben").await;
    let office = from(&world, "192.0.2.1");
    for _ in 0..2 {
        let refused = try_from(&world, &office, "unknown", PASSWORD).await;
        assert!(refused.is_err());
        world.advance(seconds(10));
    }
    let refused = try_from(&world, &office, "ben", PASSWORD).await;
    assert_err!(refused, Error::TooManyAttempts { retry_after } if retry_after.as_secs() > 1000);
    for _ in 0..10 {
        let refused = world.try_sign_in("ben", OTHER_PASSWORD).await;
        assert_err!(refused, Error::InvalidCredentials);
        world.advance(seconds(10));
    }
    let refused = world.try_sign_in("ben", PASSWORD).await;
    assert_err!(refused, Error::TooManyAttempts { .. });
}
