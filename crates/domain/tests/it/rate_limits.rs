//! Who is counted by which limit, and that an attack does not lock out the owner.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use doorward_domain::ctx::KnownDevice;
use doorward_domain::limits::ThrottleScope;
use doorward_domain::model::User;
use doorward_domain::sessions::SignedIn;
use doorward_domain::values::{Digest, Rate, Token};
use doorward_domain::{Actor, Ctx, Error};
use tokio::task::JoinSet;

use crate::test_node::*;

/// A request of an unknown client at this address.
fn from(node: &TestNode, address: &str) -> Ctx {
    let mut ctx = node.anonymous();
    ctx.client.address = Some(address.parse().unwrap());
    ctx
}

/// A request with the device cookie of a new sign-in to that account.
fn known_device(node: &TestNode, address: &str, user: &User) -> Ctx {
    let mut ctx = from(node, address);
    let session = Token::generate(&*node.random).digest();
    let cookie = node
        .doorward
        .devices
        .device_cookie(&ctx, None, user, (&session, &[]));
    ctx.client.known = node.doorward.devices.known_devices(&ctx, cookie.expose());
    assert_eq!(ctx.client.known.len(), 1);
    ctx
}

/// The next request of the same client.
fn next(node: &TestNode, ctx: &Ctx) -> Ctx {
    let mut next = node.anonymous();
    next.client.address = ctx.client.address;
    next.client.known.clone_from(&ctx.client.known);
    next
}

async fn try_from(node: &TestNode, ctx: &Ctx, name: &str, shown: &str) -> Result<SignedIn, Error> {
    let (ctx, who, shown) = (next(node, ctx), identifier(name), password(shown));
    node.start_sign_in(&ctx, &who, &shown).await
}

/// One of fifty addresses.
fn attacker(number: usize) -> String {
    format!("203.0.{}.7", number % 50)
}

/// The limits of the account and of the network are acquired together. The limit of all clients is not touched by a client
/// that its own limit denies.
#[tokio::test]
async fn a_client_above_its_limit_does_not_use_up_the_limit_of_all_clients() {
    let node = TestNode::new().await;
    let client = from(&node, "192.0.2.9");
    for number in 0..30 {
        let refused = try_from(&node, &client, &format!("ben{number}"), OTHER_PASSWORD).await;
        assert_err!(refused, Error::InvalidCredentials);
    }
    node.throttle.take_asked();
    let refused = try_from(&node, &client, "ben", OTHER_PASSWORD).await;
    assert_err!(refused, Error::TooManyAttempts { .. });
    let asked = node.throttle.take_asked();
    let expected = [
        ("acquire", "guess"),
        ("acquire", "sign-in"),
        ("release", "guess"),
    ];
    assert_eq!(asked, expected);
}

/// This many wrong passwords from fifty addresses, slowly enough that each is checked.
async fn fail(node: &TestNode, name: &str, times: usize) {
    for number in 0..times {
        let client = from(node, &attacker(number));
        let refused = try_from(node, &client, name, OTHER_PASSWORD).await;
        assert_err!(refused, Error::InvalidCredentials);
        node.advance(seconds(11));
    }
}

async fn recover(node: &TestNode, address: &str) {
    node.mails().await;
    node.ask_recovery(address).await;
    let link = token_in(&node.one_mail().await);
    let new = secret(OTHER_PASSWORD);
    let recovered = node
        .doorward
        .recovery
        .finish(&node.anonymous(), &link, &new)
        .await;
    recovered.unwrap();
    node.mails().await;
}

/// of 200 parallel wrong passwords on two nodes with shared counters, three are checked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_attempts_are_counted_before_they_are_checked() {
    let node = Arc::new(TestNode::new().await);
    node.active("ben").await;
    let other = Arc::new(node.second_node(2).await);
    node.clear_cache();
    other.clear_cache();
    let mut running = JoinSet::new();
    for number in 0..200 {
        let other_node = [&node, &other][number % 2].clone();
        running.spawn(async move {
            let client = from(&other_node, &attacker(number));
            let refused = try_from(&other_node, &client, "ben", OTHER_PASSWORD).await;
            matches!(refused, Err(Error::InvalidCredentials))
        });
    }
    let checked = running.join_all().await;
    assert_eq!(checked.into_iter().filter(|checked| *checked).count(), 3);
    let hashes = node.random.take_hashes() + other.random.take_hashes();
    assert_eq!(hashes, 3, "a denied attempt costs no hash");
}

/// an attempt that its network's limit denies does not count for the account, with parallel attempts too. The
/// response names only the limit that denied it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denial_releases_the_limits_before_it() {
    let node = Arc::new(TestNode::new().await);
    node.active("ben").await;
    for number in 0..30 {
        let client = from(&node, "192.0.2.1");
        let unknown = format!("unknown-{number}");
        let refused = try_from(&node, &client, &unknown, PASSWORD).await;
        assert_err!(refused, Error::InvalidCredentials);
    }
    node.clear_cache();
    let mut running = JoinSet::new();
    for _ in 0..200 {
        let node = node.clone();
        running.spawn(async move {
            let ctx = from(&node, "192.0.2.1");
            let (who, shown) = (identifier("ben"), password(PASSWORD));
            let refused = node.start_sign_in(&ctx, &who, &shown).await;
            let reported = ctx.client.rate_limits.limits();
            let names: Vec<_> = reported.iter().map(|limit| limit.name).collect();
            (refused.unwrap_err().to_string(), names)
        });
    }
    for (error, names) in running.join_all().await {
        assert_eq!(error, "too many attempts");
        assert!(names == ["sign-in"] || names == ["guess"], "{names:?}");
    }
    assert_eq!(node.random.take_hashes(), 0);
    let other = from(&node, "198.51.100.1");
    for _ in 0..3 {
        let refused = try_from(&node, &other, "ben", OTHER_PASSWORD).await;
        assert_err!(refused, Error::InvalidCredentials);
    }
    let refused = try_from(&node, &other, "ben", PASSWORD).await;
    assert_err!(refused, Error::TooManyAttempts { retry_after } if retry_after.as_secs() == 1);
}

/// a correct password for which no session could be stored is not a wrong one, and clears nothing.
#[tokio::test]
async fn an_outage_neither_counts_nor_clears_passwords() {
    let node = TestNode::new().await;
    node.active("ben").await;
    for _ in 0..2 {
        let refused = node.try_sign_in("ben", OTHER_PASSWORD).await;
        assert_err!(refused, Error::InvalidCredentials);
    }
    node.spy.fail("write sessions");
    for _ in 0..4 {
        let refused = node.try_sign_in("ben", PASSWORD).await;
        assert_err!(refused, Error::Store(_));
    }
    node.spy.clear_failures();
    let refused = node.try_sign_in("ben", OTHER_PASSWORD).await;
    assert_err!(refused, Error::InvalidCredentials);
    let delayed = node.try_sign_in("ben", PASSWORD).await;
    assert_err!(delayed, Error::TooManyAttempts { .. });
}

/// T-FLOOD: during 1,000 wrong passwords from fifty addresses, the owner signs in from a known
/// device and with the cookie of a live session, and recovers the account by mail. Other clients do not.
#[tokio::test]
async fn the_owner_signs_in_and_recovers_during_an_attack() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    let laptop = known_device(&node, "198.51.100.1", &ben);
    let mut phone = from(&node, "198.51.200.2");
    let session = try_from(&node, &phone, "ben", PASSWORD).await.unwrap();
    phone.client.known = vec![KnownDevice::from_session(&session.session)];
    for number in 0..1000 {
        let client = from(&node, &attacker(number));
        let refused = try_from(&node, &client, "ben", OTHER_PASSWORD).await;
        assert_err!(
            refused,
            Error::InvalidCredentials | Error::TooManyAttempts { .. }
        );
        node.advance(seconds(1));
    }
    let unknown = from(&node, "198.51.77.9");
    let refused = try_from(&node, &unknown, "ben", PASSWORD).await;
    assert_err!(refused, Error::TooManyAttempts { .. });
    node.check(&session).await.unwrap();
    for name in ["ben", "BEN", "ben@example.com"] {
        try_from(&node, &phone, name, PASSWORD).await.unwrap();
        fail(&node, "ben", 100).await;
        try_from(&node, &laptop, name, PASSWORD).await.unwrap();
        fail(&node, "ben", 100).await;
    }
    recover(&node, "ben@example.com").await;
    try_from(&node, &unknown, "ben", OTHER_PASSWORD)
        .await
        .unwrap();
    node.mails().await;
}

/// a lockout is stored with the account: it outlives the counters, on every node. The right password of a
/// known device ends it, and so does a recovery.
#[tokio::test]
async fn a_lockout_survives_a_restart() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    let session = node.sign_in("ben").await;
    fail(&node, "ben@example.com", 100).await;
    let (restarted, other) = (node.restart().await, node.restart().await);
    for other_node in [&restarted, &other] {
        for name in ["ben", "ben@example.com"] {
            let client = from(other_node, "198.51.100.1");
            let refused = try_from(other_node, &client, name, PASSWORD).await;
            assert_err!(refused, Error::InvalidCredentials);
        }
        other_node.check(&session).await.unwrap();
    }
    let laptop = known_device(&restarted, "198.51.100.2", &ben);
    try_from(&restarted, &laptop, "ben", PASSWORD)
        .await
        .unwrap();
    for other_node in [&restarted, &other] {
        let client = from(other_node, "198.51.100.3");
        try_from(other_node, &client, "ben", PASSWORD)
            .await
            .unwrap();
    }
    fail(&restarted, "ben", 100).await;
    let node = node.restart().await;
    assert!(node.is_locked_out(&ben).await);
    recover(&node, "ben@example.com").await;
    assert!(!node.is_locked_out(&ben).await);
    let client = from(&node, "198.51.100.1");
    try_from(&node, &client, "ben", OTHER_PASSWORD)
        .await
        .unwrap();
    node.mails().await;
}

/// A-10, L-01: a lockout is in the audit log with its account.
#[tokio::test]
async fn a_lockout_is_audited() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    fail(&node, "ben", 99).await;
    node.audited();
    fail(&node, "ben", 1).await;
    let events = node.spy.take_audited();
    let lockout = events
        .iter()
        .find(|event| event.detail.as_deref() == Some("lockout"));
    assert_eq!(lockout.unwrap().user_id, Some(ben.id));
    node.mails().await;
}

/// an account without a confirmed address cannot be recovered by mail: it is delayed, never locked out.
#[tokio::test]
async fn an_account_without_an_address_is_never_locked_out() {
    let node = TestNode::new().await;
    let ann = node.user_without_mailbox("ann").await;
    fail(&node, "ann", 150).await;
    let refused = node.try_sign_in("ann", OTHER_PASSWORD).await;
    assert_err!(refused, Error::InvalidCredentials);
    let refused = node.try_sign_in("ann", PASSWORD).await;
    assert_err!(refused, Error::TooManyAttempts { retry_after } if retry_after.as_secs() == 10);
    node.advance(seconds(10));
    node.sign_in("ann").await;
    assert!(!node.is_locked_out(&ann).await);
}

/// T-EQUAL: responses to attempts, denials and lockouts are the same, with the same work,
/// whether or not the address has an account. So are attempts at a locked out account whose counters were lost.
#[tokio::test]
async fn throttling_does_not_reveal_an_account() {
    let node = TestNode::new().await;
    node.active("ben").await;
    node.active("ann").await;
    node.sign_in("ann").await;
    node.mails().await;
    let names = ["ben@example.com", "ann@example.com", "nobody@example.com"];
    let compare = async |node: &TestNode, round: usize| {
        let mut works = Vec::new();
        for name in names {
            node.clear_cache();
            let client = from(node, &attacker(round));
            let refused = try_from(node, &client, name, OTHER_PASSWORD).await;
            works.push((
                format!("{:?}", refused.unwrap_err()),
                node.spy.take_calls(),
                node.spy.take_writes(),
                node.throttle.take_asked(),
                node.random.take_hashes(),
            ));
        }
        assert!(works.iter().all(|work| *work == works[0]), "{works:#?}");
        node.advance(seconds(11));
        works.remove(0).0
    };
    for round in 0..103 {
        let answer = compare(&node, round).await;
        assert_eq!(answer == "InvalidCredentials", round < 100, "{round}");
    }
    let node = node.restart().await;
    for round in 0..103 {
        let answer = compare(&node, round).await;
        assert_eq!(answer == "InvalidCredentials", round < 100, "{round}");
    }
    node.mails().await;
}

/// a stolen device cookie allows ten wrong passwords, by cookie and session together; then its bearer
/// is an unknown client. Another device is not affected.
#[tokio::test]
async fn a_device_with_ten_failures_is_no_longer_known() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    let session = node.sign_in("ben").await;
    let digest = &session.session.digest;
    let cookie = node
        .doorward
        .devices
        .device_cookie(&node.anonymous(), None, &ben, (digest, &[]));
    fail(&node, "ben", 100).await;
    let mut thief = from(&node, "192.0.2.66");
    let by_cookie = node.doorward.devices.known_devices(&thief, cookie.expose());
    let by_session = vec![KnownDevice::from_session(&session.session)];
    assert_eq!(by_cookie, by_session);
    thief.client.known = by_cookie;
    let mut checked = 0;
    for _ in 0..30 {
        match try_from(&node, &thief, "ben", OTHER_PASSWORD).await {
            Err(Error::InvalidCredentials) => checked += 1,
            other => assert_err!(other, Error::TooManyAttempts { .. }),
        }
        node.advance(minutes(5));
    }
    assert_eq!(checked, 10);
    let refused = try_from(&node, &thief, "ben", PASSWORD).await;
    assert_err!(refused, Error::TooManyAttempts { .. });
    let other = known_device(&node, "192.0.2.66", &ben);
    try_from(&node, &other, "ben", PASSWORD).await.unwrap();
    node.mails().await;
}

/// P-12, A-06: a wrong password in a session counts by its device and by its account: with the hundredth, the
/// account is locked out.
#[tokio::test]
async fn a_session_does_not_allow_unlimited_guesses() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let session = node.sign_in("ben").await;
    let mut checked = 0;
    for _ in 0..200 {
        let (ctx, shown) = (node.of(&session), proof(OTHER_PASSWORD));
        let new = secret("three lamps and a boat");
        let changed = node
            .doorward
            .passwords
            .change(&ctx, None, &shown, &new, None);
        match changed.await {
            Err(Error::InvalidCredentials) => checked += 1,
            other => assert_err!(other, Error::TooManyAttempts { .. }),
        }
        node.advance(seconds(10));
    }
    assert_eq!(checked, 100);
    node.mails().await;
}

/// a device is known to the account that it signed in to, until its next epoch: after a recovery,
/// an old cookie is that of an unknown client.
#[tokio::test]
async fn a_device_is_known_to_its_account_and_epoch_only() {
    let node = TestNode::new().await;
    let (ben, eve) = (node.active("ben").await, node.active("eve").await);
    let (old, eves) = (
        known_device(&node, "192.0.2.66", &ben),
        known_device(&node, "192.0.2.67", &eve),
    );
    recover(&node, "ben@example.com").await;
    let owner = known_device(&node, "198.51.100.1", &node.stored_user(&ben).await);
    for number in 0..100 {
        let client = from(&node, &attacker(number));
        let refused = try_from(&node, &client, "ben", PASSWORD).await;
        assert_err!(refused, Error::InvalidCredentials);
        node.advance(seconds(11));
    }
    for client in [&old, &eves] {
        let refused = try_from(&node, client, "ben", PASSWORD).await;
        assert_err!(refused, Error::TooManyAttempts { .. });
    }
    try_from(&node, &owner, "ben", OTHER_PASSWORD)
        .await
        .unwrap();
    node.mails().await;
}

/// passwords have a limit per network and a ceiling for all unknown clients, regardless of the
/// account. A known device is not under them, but has a limit per account.
#[tokio::test]
async fn passwords_are_limited_per_network_and_in_total() {
    let node = TestNode::with(|policy| policy.limits.global = Rate::new(60, 60)).await;
    let ben = node.active("ben").await;
    let attempt = async |address: &str, number: usize| {
        let (client, name) = (from(&node, address), format!("unknown-{number}"));
        match try_from(&node, &client, &name, PASSWORD).await {
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
        node.advance(minutes(1));
        assert!(attempt(own, 32).await);
        node.advance(minutes(1));
    }
    let mut allowed = 0;
    for number in 0..100 {
        allowed += u32::from(attempt(&attacker(number), number).await);
    }
    assert_eq!(allowed, 60);
    let laptop = known_device(&node, "192.0.2.1", &ben);
    for _ in 0..30 {
        try_from(&node, &laptop, "ben", PASSWORD).await.unwrap();
    }
    let refused = try_from(&node, &laptop, "ben", PASSWORD).await;
    assert_err!(refused, Error::TooManyAttempts { retry_after } if retry_after.as_secs() == 2);
    node.mails().await;
}

/// T-IP: every other scope has a limit per network, or per account for tokens and profiles. Clients without a
/// known address have none, rather than one that they share.
#[tokio::test]
async fn scopes_are_limited_per_network() {
    let node = TestNode::new().await;
    let allowed = async |ctx: &Ctx, scope| {
        let checked = node.doorward.check_rate_limit(ctx, scope).await;
        checked.is_ok()
    };
    for (scope, limit) in [
        (ThrottleScope::SignUp, 20),
        (ThrottleScope::MailRequest, 20),
        (ThrottleScope::Link, 10),
        (ThrottleScope::Token, 120),
        (ThrottleScope::Profile, 600),
    ] {
        let own = from(&node, "192.0.2.1");
        for _ in 0..limit {
            assert!(allowed(&own, scope).await, "{scope:?}");
        }
        assert!(!allowed(&own, scope).await, "{scope:?}");
        assert!(allowed(&from(&node, "192.0.2.2"), scope).await);
        for _ in 0..=limit {
            assert!(allowed(&node.anonymous(), scope).await, "no address");
        }
        node.advance(hours(1));
        assert!(allowed(&from(&node, "192.0.2.1"), scope).await, "re-armed");
    }
    node.active("ben").await;
    let (ben, elsewhere) = (node.sign_in("ben").await, node.sign_in("ben").await);
    for _ in 0..60 {
        for session in [&ben, &elsewhere] {
            assert!(allowed(&node.of(session), ThrottleScope::Token).await);
        }
    }
    assert!(!allowed(&node.of(&ben), ThrottleScope::Token).await);
    for _ in 0..300 {
        for session in [&ben, &elsewhere] {
            assert!(allowed(&node.of(session), ThrottleScope::Profile).await);
        }
    }
    assert!(!allowed(&node.of(&ben), ThrottleScope::Profile).await);
}

/// Users who add a factor during the sign-in do not share the limit of their network.
#[tokio::test]
async fn enrolments_at_sign_in_are_limited_per_account() {
    let node = TestNode::new().await;
    let (ben, eve) = (node.active("ben").await, node.active("eve").await);
    let allowed = async |user: &User| {
        let mut ctx = from(&node, "192.0.2.1");
        ctx.actor = Actor::Enrolling {
            id: user.id,
            username_key: None,
            challenge: Digest::of(b"challenge"),
        };
        let checked = node.doorward.check_rate_limit(&ctx, ThrottleScope::Token);
        checked.await.is_ok()
    };
    for _ in 0..120 {
        assert!(allowed(&ben).await);
    }
    assert!(!allowed(&ben).await);
    assert!(allowed(&eve).await);
}

/// a client requests three mails an hour of each kind for a mailbox, regardless of the requests of others; requests
/// for confirmations do not use up the owner's recovery.
#[tokio::test]
async fn a_network_requests_three_mails_an_hour_for_a_mailbox() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let address = email("ben@example.com");
    for _ in 0..2 {
        for client in ["198.51.100.1", "198.51.100.2"] {
            for number in 0..5 {
                let ctx = from(&node, client);
                let confirmation = &node.doorward.confirmation;
                let asked = confirmation
                    .request_confirmation(&ctx, &address, None)
                    .await;
                assert_eq!(asked.is_ok(), number < 3);
                let ctx = from(&node, client);
                let asked = node.doorward.recovery.request(&ctx, &address, None).await;
                assert_eq!(asked.is_ok(), number < 3);
            }
        }
        node.advance(hours(1));
    }
    node.mails().await;
}

/// the right password of a pending sign-up clears no failures of the address's owner, and counts as
/// one: otherwise an attacker could sign up with the address and keep guessing.
#[tokio::test]
async fn the_password_of_a_pending_user_clears_no_failures_of_the_owner() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let mut claim = sign_up(Some("eve"), Some("ben@example.com"));
    claim.password = new_password("the thief has this one");
    node.try_sign_up(claim).await.unwrap();
    let mut checked = 0;
    for number in 0..300 {
        let guess = match number % 3 {
            2 => "the thief has this one",
            _ => OTHER_PASSWORD,
        };
        match node.try_sign_in("ben@example.com", guess).await {
            Err(Error::InvalidCredentials | Error::EmailUnconfirmed) => checked += 1,
            other => assert_err!(other, Error::TooManyAttempts { .. }),
        }
        node.advance(seconds(10));
    }
    assert_eq!(checked, 100);
    node.mails().await;
}

/// failures at an address from before it had an owner are cleared when it is confirmed.
#[tokio::test]
async fn a_confirmation_clears_the_failures_of_its_address() {
    let node = TestNode::new().await;
    node.unconfirmed("ben").await;
    fail(&node, "ben@example.com", 100).await;
    let refused = node.try_sign_in("ben@example.com", PASSWORD).await;
    assert_err!(refused, Error::TooManyAttempts { .. });
    let token = token_in(&node.one_mail().await);
    node.doorward
        .confirmation
        .confirm(&node.anonymous(), &token)
        .await
        .unwrap();
    for name in ["ben@example.com", "ben"] {
        node.try_sign_in(name, PASSWORD).await.unwrap();
    }
    node.mails().await;
}

/// L-01: the first denial of a key is audited, 60 a minute in all; the others are counted.
#[tokio::test]
async fn a_flood_writes_few_audit_events() {
    let node = TestNode::new().await;
    let link = async |address: IpAddr| {
        let mut ctx = node.anonymous();
        ctx.client.address = Some(address);
        let scope = ThrottleScope::Link;
        node.doorward.check_rate_limit(&ctx, scope).await.is_ok()
    };
    node.audited();
    for _ in 0..2 {
        for _ in 0..500 {
            link(Ipv4Addr::new(192, 0, 2, 1).into()).await;
        }
        assert_eq!(node.audited(), ["throttled!link"]);
        node.advance(minutes(2));
    }
    for number in 0..1000u32 {
        let [_, _, a, b] = number.to_be_bytes();
        for _ in 0..11 {
            link(Ipv4Addr::new(10, a, b, 1).into()).await;
        }
    }
    assert_eq!(node.audited().len(), 60);
    node.advance(minutes(10));
    node.doorward
        .housekeeping
        .write_suppressed(&node.worker())
        .await
        .unwrap();
    let told = node.audited();
    assert_eq!(told, ["events-suppressed!throttled 940"]);
    // A failure of the store does not change a denial.
    node.spy.fail("apply");
    for number in 0..20 {
        let allowed = link(Ipv4Addr::new(192, 0, 2, 9).into()).await;
        assert_eq!(allowed, number < 10);
    }
}
