//! Who is counted by which limit, and that an attack does not lock out the owner.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use doorward_domain::limits::{KnownDevice, Rate, ThrottleScope};
use doorward_domain::model::User;
use doorward_domain::sessions::SignedIn;
use doorward_domain::values::Token;
use doorward_domain::{Ctx, Error};
use tokio::task::JoinSet;

use crate::world::*;

/// A request of an unknown client at this address.
fn from(world: &World, address: &str) -> Ctx {
    let mut ctx = world.anon();
    ctx.client.address = Some(address.parse().unwrap());
    ctx
}

/// A request with the device cookie of a new sign-in to that account.
fn known_device(world: &World, address: &str, user: &User) -> Ctx {
    let mut ctx = from(world, address);
    let session = Token::generate(&*world.secrets).digest();
    let cookie = world
        .doorward
        .sign_in
        .device_cookie(&ctx, None, user, &session);
    ctx.client.known = world.doorward.sign_in.known_devices(&ctx, cookie.expose());
    assert_eq!(ctx.client.known.len(), 1);
    ctx
}

/// The next request of the same client.
fn next(world: &World, ctx: &Ctx) -> Ctx {
    let mut next = world.anon();
    next.client.address = ctx.client.address;
    next.client.known.clone_from(&ctx.client.known);
    next
}

async fn try_from(world: &World, ctx: &Ctx, name: &str, shown: &str) -> Result<SignedIn, Error> {
    let (ctx, who, shown) = (next(world, ctx), identifier(name), password(shown));
    world.doorward.sign_in.sign_in(&ctx, &who, &shown).await
}

/// One of fifty addresses.
fn attacker(number: usize) -> String {
    format!("203.0.{}.7", number % 50)
}

/// This many wrong passwords from fifty addresses, slowly enough that each is checked.
async fn fail(world: &World, name: &str, times: usize) {
    for number in 0..times {
        let client = from(world, &attacker(number));
        let refused = try_from(world, &client, name, OTHER_PASSWORD).await;
        assert_err!(refused, Error::InvalidCredentials);
        world.advance(seconds(11));
    }
}

async fn recover(world: &World, address: &str) {
    world.mails().await;
    world.ask_recovery(address).await;
    let link = token_in(&world.one_mail().await);
    let new = secret(OTHER_PASSWORD);
    let recovered = world
        .doorward
        .recovery
        .recover(&world.anon(), &link, &new)
        .await;
    recovered.unwrap();
    world.mails().await;
}

/// of 200 parallel wrong passwords on two nodes with shared counters, three are checked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_attempts_are_counted_before_they_are_checked() {
    let world = Arc::new(World::new().await);
    world.active("ben").await;
    let other = Arc::new(world.beside(2).await);
    world.forget();
    other.forget();
    let mut running = JoinSet::new();
    for number in 0..200 {
        let node = [&world, &other][number % 2].clone();
        running.spawn(async move {
            let client = from(&node, &attacker(number));
            let refused = try_from(&node, &client, "ben", OTHER_PASSWORD).await;
            matches!(refused, Err(Error::InvalidCredentials))
        });
    }
    let checked = running.join_all().await;
    assert_eq!(checked.into_iter().filter(|checked| *checked).count(), 3);
    let hashes = world.secrets.take_hashes() + other.secrets.take_hashes();
    assert_eq!(hashes, 3, "a denied attempt costs no hash");
}

/// an attempt that its network's limit denies does not count for the account, with parallel attempts too. The
/// response names only the limit that denied it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denial_releases_the_limits_before_it() {
    let world = Arc::new(World::new().await);
    world.active("ben").await;
    for number in 0..30 {
        let client = from(&world, "192.0.2.1");
        let unknown = format!("unknown-{number}");
        let refused = try_from(&world, &client, &unknown, PASSWORD).await;
        assert_err!(refused, Error::InvalidCredentials);
    }
    world.forget();
    let mut running = JoinSet::new();
    for _ in 0..200 {
        let world = world.clone();
        running.spawn(async move {
            let ctx = from(&world, "192.0.2.1");
            let (who, shown) = (identifier("ben"), password(PASSWORD));
            let refused = world.doorward.sign_in.sign_in(&ctx, &who, &shown).await;
            let reported = ctx.client.rate_limits.limits();
            let names: Vec<_> = reported.iter().map(|limit| limit.name).collect();
            (refused.unwrap_err().to_string(), names)
        });
    }
    for (error, names) in running.join_all().await {
        assert_eq!(error, "too many attempts");
        assert!(names == ["sign-in"] || names == ["guess"], "{names:?}");
    }
    assert_eq!(world.secrets.take_hashes(), 0);
    let other = from(&world, "198.51.100.1");
    for _ in 0..3 {
        let refused = try_from(&world, &other, "ben", OTHER_PASSWORD).await;
        assert_err!(refused, Error::InvalidCredentials);
    }
    let refused = try_from(&world, &other, "ben", PASSWORD).await;
    assert_err!(refused, Error::TooManyAttempts { retry_after } if retry_after.as_secs() == 1);
}

/// T-FLOOD: during 1,000 wrong passwords from fifty addresses, the owner signs in from a known
/// device and with the cookie of a live session, and recovers the account by mail. Other clients do not.
#[tokio::test]
async fn the_owner_signs_in_and_recovers_during_an_attack() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let laptop = known_device(&world, "198.51.100.1", &ben);
    let mut phone = from(&world, "198.51.200.2");
    let session = try_from(&world, &phone, "ben", PASSWORD).await.unwrap();
    phone.client.known = vec![KnownDevice::of_session(&session.session)];
    for number in 0..1000 {
        let client = from(&world, &attacker(number));
        let refused = try_from(&world, &client, "ben", OTHER_PASSWORD).await;
        assert_err!(
            refused,
            Error::InvalidCredentials | Error::TooManyAttempts { .. }
        );
        world.advance(seconds(1));
    }
    let unknown = from(&world, "198.51.77.9");
    let refused = try_from(&world, &unknown, "ben", PASSWORD).await;
    assert_err!(refused, Error::TooManyAttempts { .. });
    world.check(&session).await.unwrap();
    for name in ["ben", "BEN", "ben@example.com"] {
        try_from(&world, &phone, name, PASSWORD).await.unwrap();
        fail(&world, "ben", 100).await;
        try_from(&world, &laptop, name, PASSWORD).await.unwrap();
        fail(&world, "ben", 100).await;
    }
    recover(&world, "ben@example.com").await;
    try_from(&world, &unknown, "ben", OTHER_PASSWORD)
        .await
        .unwrap();
    world.mails().await;
}

/// a lockout is stored with the account: it outlives the counters, on every node. The right password of a
/// known device ends it, and so does a recovery.
#[tokio::test]
async fn a_lockout_survives_a_restart() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let session = world.sign_in("ben").await;
    fail(&world, "ben@example.com", 100).await;
    let (restarted, other) = (world.restarted().await, world.restarted().await);
    for node in [&restarted, &other] {
        for name in ["ben", "ben@example.com"] {
            let client = from(node, "198.51.100.1");
            let refused = try_from(node, &client, name, PASSWORD).await;
            assert_err!(refused, Error::InvalidCredentials);
        }
        node.check(&session).await.unwrap();
    }
    let laptop = known_device(&restarted, "198.51.100.2", &ben);
    try_from(&restarted, &laptop, "ben", PASSWORD)
        .await
        .unwrap();
    for node in [&restarted, &other] {
        let client = from(node, "198.51.100.3");
        try_from(node, &client, "ben", PASSWORD).await.unwrap();
    }
    fail(&restarted, "ben", 100).await;
    let world = world.restarted().await;
    assert!(world.is_locked_out(&ben).await);
    recover(&world, "ben@example.com").await;
    assert!(!world.is_locked_out(&ben).await);
    let client = from(&world, "198.51.100.1");
    try_from(&world, &client, "ben", OTHER_PASSWORD)
        .await
        .unwrap();
    world.mails().await;
}

/// A-10, L-01: a lockout is in the audit log with its account.
#[tokio::test]
async fn a_lockout_is_audited() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    fail(&world, "ben", 99).await;
    world.audited();
    fail(&world, "ben", 1).await;
    let events = world.spy.take_audited();
    let lockout = events
        .iter()
        .find(|event| event.detail.as_deref() == Some("lockout"));
    assert_eq!(lockout.unwrap().user_id, Some(ben.id));
    world.mails().await;
}

/// an account without a confirmed address cannot be recovered by mail: it is delayed, never locked out.
#[tokio::test]
async fn an_account_without_an_address_is_never_locked_out() {
    let world = World::new().await;
    let ann = world.user_without_mailbox("ann").await;
    fail(&world, "ann", 150).await;
    let refused = world.try_sign_in("ann", OTHER_PASSWORD).await;
    assert_err!(refused, Error::InvalidCredentials);
    let refused = world.try_sign_in("ann", PASSWORD).await;
    assert_err!(refused, Error::TooManyAttempts { retry_after } if retry_after.as_secs() == 10);
    world.advance(seconds(10));
    world.sign_in("ann").await;
    assert!(!world.is_locked_out(&ann).await);
}

/// T-EQUAL: responses to attempts, denials and lockouts are the same, with the same work,
/// whether or not the address has an account. So are attempts at a locked out account whose counters were lost.
#[tokio::test]
async fn throttling_does_not_reveal_an_account() {
    let world = World::new().await;
    world.active("ben").await;
    world.active("ann").await;
    world.sign_in("ann").await;
    world.mails().await;
    let names = ["ben@example.com", "ann@example.com", "nobody@example.com"];
    let compare = async |world: &World, round: usize| {
        let mut works = Vec::new();
        for name in names {
            world.forget();
            let client = from(world, &attacker(round));
            let refused = try_from(world, &client, name, OTHER_PASSWORD).await;
            works.push((
                format!("{:?}", refused.unwrap_err()),
                world.spy.take_calls(),
                world.spy.take_changes(),
                world.throttle.take_asked(),
                world.secrets.take_hashes(),
            ));
        }
        assert!(works.iter().all(|work| *work == works[0]), "{works:#?}");
        world.advance(seconds(11));
        works.remove(0).0
    };
    for round in 0..103 {
        let answer = compare(&world, round).await;
        assert_eq!(answer == "InvalidCredentials", round < 100, "{round}");
    }
    let world = world.restarted().await;
    for round in 0..103 {
        let answer = compare(&world, round).await;
        assert_eq!(answer == "InvalidCredentials", round < 100, "{round}");
    }
    world.mails().await;
}

/// a stolen device cookie allows ten wrong passwords, by cookie and session together; then its bearer
/// is an unknown client. Another device is not affected.
#[tokio::test]
async fn a_device_with_ten_failures_is_no_longer_known() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let session = world.sign_in("ben").await;
    fail(&world, "ben", 100).await;
    let digest = &session.session.digest;
    let mut thief = from(&world, "192.0.2.66");
    let cookie = world
        .doorward
        .sign_in
        .device_cookie(&thief, None, &ben, digest);
    let by_cookie = world
        .doorward
        .sign_in
        .known_devices(&thief, cookie.expose());
    let by_session = vec![KnownDevice::of_session(&session.session)];
    assert_eq!(by_cookie, by_session);
    thief.client.known = by_cookie;
    let mut checked = 0;
    for _ in 0..30 {
        match try_from(&world, &thief, "ben", OTHER_PASSWORD).await {
            Err(Error::InvalidCredentials) => checked += 1,
            other => assert_err!(other, Error::TooManyAttempts { .. }),
        }
        world.advance(minutes(5));
    }
    assert_eq!(checked, 10);
    let refused = try_from(&world, &thief, "ben", PASSWORD).await;
    assert_err!(refused, Error::TooManyAttempts { .. });
    let other = known_device(&world, "192.0.2.66", &ben);
    try_from(&world, &other, "ben", PASSWORD).await.unwrap();
    world.mails().await;
}

/// P-12, A-06: a wrong password in a session counts by its device and by its account: with the hundredth, the
/// account is locked out.
#[tokio::test]
async fn a_session_does_not_allow_unlimited_guesses() {
    let world = World::new().await;
    world.active("ben").await;
    let session = world.sign_in("ben").await;
    let mut checked = 0;
    for _ in 0..200 {
        let (ctx, shown) = (world.of(&session), password(OTHER_PASSWORD));
        let new = secret("three lamps and a boat");
        let changed = world
            .doorward
            .password
            .change_password(&ctx, None, &shown, &new);
        match changed.await {
            Err(Error::InvalidCredentials) => checked += 1,
            other => assert_err!(other, Error::TooManyAttempts { .. }),
        }
        world.advance(seconds(10));
    }
    assert_eq!(checked, 100);
    world.mails().await;
}

/// a device is known to the account that it signed in to, until its next epoch: after a recovery,
/// an old cookie is that of an unknown client.
#[tokio::test]
async fn a_device_is_known_to_its_account_and_epoch_only() {
    let world = World::new().await;
    let (ben, eve) = (world.active("ben").await, world.active("eve").await);
    let (old, eves) = (
        known_device(&world, "192.0.2.66", &ben),
        known_device(&world, "192.0.2.67", &eve),
    );
    recover(&world, "ben@example.com").await;
    let owner = known_device(&world, "198.51.100.1", &world.kept_user(&ben).await);
    for number in 0..100 {
        let client = from(&world, &attacker(number));
        let refused = try_from(&world, &client, "ben", PASSWORD).await;
        assert_err!(refused, Error::InvalidCredentials);
        world.advance(seconds(11));
    }
    for client in [&old, &eves] {
        let refused = try_from(&world, client, "ben", PASSWORD).await;
        assert_err!(refused, Error::TooManyAttempts { .. });
    }
    try_from(&world, &owner, "ben", OTHER_PASSWORD)
        .await
        .unwrap();
    world.mails().await;
}

/// passwords have a limit per network and a ceiling for all unknown clients, regardless of the
/// account. A known device is not under them, but has a limit per account.
#[tokio::test]
async fn passwords_are_limited_per_network_and_in_total() {
    let world = World::with(|policy| policy.limits.global = Rate::new(60, 60)).await;
    let ben = world.active("ben").await;
    let attempt = async |address: &str, number: usize| {
        let (client, name) = (from(&world, address), format!("unknown-{number}"));
        match try_from(&world, &client, &name, PASSWORD).await {
            Err(Error::InvalidCredentials) => true,
            other => {
                assert_err!(other, Error::TooManyAttempts { .. });
                false
            }
        }
    };
    for (own, same) in [
        ("192.0.2.1", "::ffff:192.0.2.1"),
        ("2001:db8::1", "2001:db8::ffff:2"),
    ] {
        for number in 0..30 {
            assert!(attempt(own, number).await);
        }
        assert!(!attempt(own, 30).await);
        assert!(!attempt(same, 31).await);
        world.advance(minutes(1));
        assert!(attempt(own, 32).await);
        world.advance(minutes(1));
    }
    let mut allowed = 0;
    for number in 0..100 {
        allowed += u32::from(attempt(&attacker(number), number).await);
    }
    assert_eq!(allowed, 60);
    let laptop = known_device(&world, "192.0.2.1", &ben);
    for _ in 0..30 {
        try_from(&world, &laptop, "ben", PASSWORD).await.unwrap();
    }
    let refused = try_from(&world, &laptop, "ben", PASSWORD).await;
    assert_err!(refused, Error::TooManyAttempts { retry_after } if retry_after.as_secs() == 2);
    world.mails().await;
}

/// T-IP: every other scope has a limit per network, or per account for tokens. Clients without a
/// known address have none, rather than one that they share.
#[tokio::test]
async fn scopes_are_limited_per_network() {
    let world = World::new().await;
    let allowed = async |ctx: &Ctx, scope| {
        let checked = world.doorward.check_rate_limit(ctx, scope).await;
        checked.is_ok()
    };
    for (scope, limit) in [
        (ThrottleScope::SignUp, 20),
        (ThrottleScope::MailRequest, 20),
        (ThrottleScope::Link, 10),
        (ThrottleScope::Token, 120),
    ] {
        let own = from(&world, "192.0.2.1");
        for _ in 0..limit {
            assert!(allowed(&own, scope).await, "{scope:?}");
        }
        assert!(!allowed(&own, scope).await, "{scope:?}");
        assert!(allowed(&from(&world, "192.0.2.2"), scope).await);
        for _ in 0..200 {
            assert!(allowed(&world.anon(), scope).await, "no address");
        }
        world.advance(hours(1));
        assert!(allowed(&from(&world, "192.0.2.1"), scope).await, "re-armed");
    }
    world.active("ben").await;
    let (ben, elsewhere) = (world.sign_in("ben").await, world.sign_in("ben").await);
    for _ in 0..60 {
        for session in [&ben, &elsewhere] {
            assert!(allowed(&world.of(session), ThrottleScope::Token).await);
        }
    }
    assert!(!allowed(&world.of(&ben), ThrottleScope::Token).await);
}

/// a mailbox gets three mails an hour of each kind; requests for confirmations do not use up the
/// owner's recovery.
#[tokio::test]
async fn a_mailbox_gets_three_mails_an_hour() {
    let world = World::new().await;
    world.active("ben").await;
    let address = email("ben@example.com");
    for _ in 0..2 {
        for number in 0..5 {
            let ctx = world.anon();
            let asked = world
                .doorward
                .email
                .request_confirmation(&ctx, &address)
                .await;
            assert_eq!(asked.is_ok(), number < 3);
            let ctx = world.anon();
            let asked = world
                .doorward
                .recovery
                .request_recovery(&ctx, &address)
                .await;
            assert_eq!(asked.is_ok(), number < 3);
        }
        world.advance(hours(1));
    }
    world.mails().await;
}

/// the right password of a pending sign-up clears no failures of the address's owner, and counts as
/// one: otherwise an attacker could sign up with the address and keep guessing.
#[tokio::test]
async fn the_password_of_a_pending_user_clears_no_failures_of_the_owner() {
    let world = World::new().await;
    world.active("ben").await;
    let mut claim = sign_up(Some("eve"), Some("ben@example.com"));
    claim.password = new_password("the thief has this one");
    world.try_sign_up(claim).await.unwrap();
    let mut checked = 0;
    for number in 0..300 {
        let guess = match number % 3 {
            2 => "the thief has this one",
            _ => OTHER_PASSWORD,
        };
        match world.try_sign_in("ben@example.com", guess).await {
            Err(Error::InvalidCredentials | Error::EmailUnconfirmed) => checked += 1,
            other => assert_err!(other, Error::TooManyAttempts { .. }),
        }
        world.advance(seconds(10));
    }
    assert_eq!(checked, 100);
    world.mails().await;
}

/// failures at an address from before it had an owner are cleared when it is confirmed.
#[tokio::test]
async fn a_confirmation_clears_the_failures_of_its_address() {
    let world = World::new().await;
    world.unconfirmed("ben").await;
    fail(&world, "ben@example.com", 100).await;
    let refused = world.try_sign_in("ben@example.com", PASSWORD).await;
    assert_err!(refused, Error::TooManyAttempts { .. });
    let token = token_in(&world.one_mail().await);
    world
        .doorward
        .email
        .confirm(&world.anon(), &token)
        .await
        .unwrap();
    for name in ["ben@example.com", "ben"] {
        world.try_sign_in(name, PASSWORD).await.unwrap();
    }
    world.mails().await;
}

/// L-01: the first denial of a key is audited, 60 a minute in all; the others are counted.
#[tokio::test]
async fn a_flood_writes_few_audit_events() {
    let world = World::new().await;
    let link = async |address: IpAddr| {
        let mut ctx = world.anon();
        ctx.client.address = Some(address);
        let scope = ThrottleScope::Link;
        world.doorward.check_rate_limit(&ctx, scope).await.is_ok()
    };
    world.audited();
    for _ in 0..2 {
        for _ in 0..500 {
            link(Ipv4Addr::new(192, 0, 2, 1).into()).await;
        }
        assert_eq!(world.audited(), ["throttled!link"]);
        world.advance(minutes(2));
    }
    for number in 0..1000u32 {
        let [_, _, a, b] = number.to_be_bytes();
        for _ in 0..11 {
            link(Ipv4Addr::new(10, a, b, 1).into()).await;
        }
    }
    assert_eq!(world.audited().len(), 60);
    world.advance(minutes(10));
    world
        .doorward
        .housekeeping
        .write_suppressed(&world.worker())
        .await
        .unwrap();
    let told = world.audited();
    assert_eq!(told, ["events-suppressed!throttled 940"]);
    // A failure of the store does not change a denial.
    world.spy.fail("apply");
    for number in 0..20 {
        let allowed = link(Ipv4Addr::new(192, 0, 2, 9).into()).await;
        assert_eq!(allowed, number < 10);
    }
}
