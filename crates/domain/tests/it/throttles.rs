//! Who is counted with whom, and that a flood shuts nobody out who was here before.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use doorward_domain::flows::sessions::SignedIn;
use doorward_domain::model::User;
use doorward_domain::throttle::{Door, MemoryThrottle, Rate};
use doorward_domain::{Ctx, Error};
use tokio::task::JoinSet;

use crate::world::*;

/// A stranger's request from there.
fn from(world: &World, address: &str) -> Ctx {
    let mut ctx = world.anon();
    ctx.client.address = Some(address.parse().unwrap());
    ctx
}

/// The same from a browser that keeps what a sign-in to that account has left there.
fn known(world: &World, address: &str, user: &User) -> Ctx {
    let mut ctx = from(world, address);
    let cookie = world.accounts.device_after(&ctx, None, user);
    ctx.client.known = world.accounts.recognise(&ctx, Some(cookie.expose()), None);
    assert_eq!(ctx.client.known.len(), 1);
    ctx
}

/// That browser's next request.
fn again(world: &World, ctx: &Ctx) -> Ctx {
    let mut next = world.anon();
    next.client.address = ctx.client.address;
    next.client.known.clone_from(&ctx.client.known);
    next
}

async fn try_from(world: &World, ctx: &Ctx, name: &str, shown: &str) -> Result<SignedIn, Error> {
    let ctx = again(world, ctx);
    world.accounts.admit(&ctx, Door::SignIn).await?;
    let (who, shown) = (identifier(name), password(shown));
    world.accounts.sign_in(&ctx, &who, &shown).await
}

/// One of fifty addresses, each in a network of its own.
fn bot(number: usize) -> String {
    format!("203.0.{}.7", number % 50)
}

/// T-FLOOD: a thousand wrong passwords from fifty addresses, and the owner gets in: from a
/// browser that is known, and with a recent session; nobody else does, until it is recovered.
#[tokio::test]
async fn whoever_is_known_gets_in_while_strangers_guess() {
    let world = World::new().await;
    let ben = world.active("ben").await;
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
        assert_eq!(admitted, limit, "{door:?}");
        world.advance(hours(2));
    }
    for (door, network) in [(Door::MailRequest, 60), (Door::Link, 40)] {
        let mut admitted = 0;
        for number in 0..10 {
            let user = world.active(&format!("{door:?}{number}")).await;
            for _ in 0..25 {
                let ctx = known(&world, &format!("192.0.2.{number}"), &user);
                admitted += u32::from(world.accounts.admit(&ctx, door).await.is_ok());
            }
        }
        assert_eq!(admitted, network, "{door:?}");
    }
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

/// L-01: the first refusal of a kind is written down, those after it are not; and of a flood from
/// everywhere some lines a minute.
#[tokio::test]
async fn a_flood_leaves_a_few_lines() {
    let world = World::new().await;
    let office = from(&world, "192.0.2.1");
    world.audited();
    for _ in 0..500 {
        let _ = world
            .accounts
            .admit(&again(&world, &office), Door::Link)
            .await;
    }
    assert_eq!(world.audited(), ["throttled!link"]);
    world.advance(minutes(2));
    for _ in 0..500 {
        let _ = world
            .accounts
            .admit(&again(&world, &office), Door::Link)
            .await;
    }
    assert_eq!(world.audited(), ["throttled!link"]);
    world.advance(minutes(2));
    for number in 0..5000u32 {
        let [_, _, a, b] = number.to_be_bytes();
        let bot = IpAddr::V4(Ipv4Addr::new(10, a, b, 1)).to_string();
        for _ in 0..11 {
            let _ = world.accounts.admit(&from(&world, &bot), Door::Link).await;
        }
    }
    assert!(world.audited().len() <= 60);
    // A pause of an account's names the account.
    world.advance(minutes(2));
    let ben = world.active("ben").await;
    world.audited();
    for _ in 0..5 {
        let _ = world.try_sign_in("ben", OTHER_PASSWORD).await;
    }
    let lines = world.spy.take_audited();
    let refused: Vec<_> = lines
        .iter()
        .filter(|line| line.detail.as_deref() == Some("guess"))
        .collect();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].user_id, Some(ben.id));
}

/// L-01: a store that is away makes no refusal of a throttle something else.
#[tokio::test]
async fn a_refusal_that_cannot_be_written_down_is_one() {
    let world = World::new().await;
    let office = from(&world, "192.0.2.1");
    world.spy.fail("apply");
    for _ in 0..11 {
        let _ = world
            .accounts
            .admit(&again(&world, &office), Door::Link)
            .await;
    }
    let next = again(&world, &office);
    let refused = world.accounts.admit(&next, Door::Link);
    assert_err!(refused.await, Error::TooManyAttempts { .. });
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
