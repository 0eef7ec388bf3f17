//! Mails to an account's owner about sign-ins and failed attempts.

use doorward_domain::model::{Device, MailKind, User};
use doorward_domain::outbox::Mail;
use doorward_domain::sessions::SignedIn;
use doorward_domain::store::Store;
use doorward_domain::{Ctx, Error};
use jiff::Timestamp;

use crate::test_node::*;

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const NEWER_FIREFOX: &str =
    "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0";
const HOME: &str = "192.0.2.7";
const NEXT_DOOR: &str = "192.0.2.99";
const ABROAD: &str = "198.51.100.4";

fn from(node: &TestNode, address: &str, user_agent: &str) -> Ctx {
    let mut ctx = node.anonymous();
    ctx.client.address = Some(address.parse().unwrap());
    ctx.client.user_agent = Some(user_agent.to_owned());
    ctx
}

async fn sign_in(node: &TestNode, address: &str, user_agent: &str) -> Result<SignedIn, Error> {
    let ctx = from(node, address, user_agent);
    let (name, shown) = (identifier("ben"), password(PASSWORD));
    node.start_sign_in(&ctx, &name, &shown).await
}

async fn notices(node: &TestNode, address: &str, user_agent: &str) -> Vec<MailKind> {
    sign_in(node, address, user_agent).await.unwrap();
    let mails = node.mails().await;
    mails.iter().map(|mail| mail.kind).collect()
}

/// Ben, who has signed in at home.
async fn ben() -> TestNode {
    let node = TestNode::new().await;
    node.active("ben").await;
    assert_eq!(notices(&node, HOME, FIREFOX).await, [], "the first of all");
    node.advance(hours(1));
    node
}

/// a sign-in from a new device or network is reported, one from a known one is not.
#[tokio::test]
async fn a_sign_in_from_a_new_place_notifies_the_owner() {
    for (address, user_agent, is_new) in [
        (HOME, FIREFOX, false),
        (HOME, NEWER_FIREFOX, false),
        (NEXT_DOOR, FIREFOX, false),
        (ABROAD, FIREFOX, true),
        (HOME, "curl/8.5.0", true),
        (ABROAD, "curl/8.5.0", true),
    ] {
        let node = ben().await;
        let expected = [MailKind::NewSignIn];
        let told_of = notices(&node, address, user_agent).await;
        assert_eq!(
            told_of,
            expected[..usize::from(is_new)],
            "{address} {user_agent}"
        );
        // Known afterwards.
        assert_eq!(notices(&node, address, user_agent).await, []);
    }
}

/// the mail goes to the confirmed address, and names the browser and the network address.
#[tokio::test]
async fn the_notice_has_the_device_and_the_address() {
    let node = ben().await;
    sign_in(&node, ABROAD, "curl/8.5.0").await.unwrap();
    let at = node.now();
    node.advance(minutes(3));
    let mail: Mail = node.one_mail().await;
    assert_eq!(mail.to, email("ben@example.com"));
    assert_eq!(mail.device.as_deref(), Some("curl, 198.51.100.4"));
    assert_eq!((mail.at, mail.valid_minutes), (at, None));
    assert_eq!(mail.url, "https://accounts.example");
}

/// remembered for ninety days after the last sign-in.
#[tokio::test]
async fn a_device_is_forgotten_after_ninety_days() {
    let node = ben().await;
    assert_eq!(notices(&node, ABROAD, FIREFOX).await, [MailKind::NewSignIn]);
    node.advance(hours(89 * 24));
    assert_eq!(notices(&node, HOME, FIREFOX).await, []);
    node.advance(hours(2 * 24));
    assert_eq!(notices(&node, ABROAD, FIREFOX).await, [MailKind::NewSignIn]);
}

/// A device that is used all day is written once.
#[tokio::test]
async fn a_device_is_recorded_once_a_day() {
    let node = ben().await;
    let recorded = || {
        let devices = node.store.all::<Device>();
        devices[0].last_used_at
    };
    let first = recorded();
    assert_eq!(notices(&node, HOME, FIREFOX).await, []);
    assert_eq!(recorded(), first);
    node.advance(hours(23));
    assert_eq!(notices(&node, HOME, FIREFOX).await, []);
    assert_eq!(recorded(), node.now());
}

/// if the last sign-in is too old for anything to be known, a thief's would otherwise be the next known one.
#[tokio::test]
async fn a_sign_in_after_long_inactivity_notifies_the_owner() {
    let node = ben().await;
    node.advance(hours(100 * 24));
    let expected = [MailKind::NewSignIn];
    assert_eq!(notices(&node, ABROAD, "evil/1").await, expected);
    // The first sign-in of an old account is reported, too.
    node.active("eve").await;
    node.advance(hours(90 * 24));
    let ctx = from(&node, ABROAD, FIREFOX);
    let (name, shown) = (identifier("eve"), password(PASSWORD));
    node.doorward
        .sign_in
        .start(&ctx, &name, &shown)
        .await
        .unwrap();
    assert_eq!(node.one_mail().await.kind, expected[0]);
}

/// a sign-in after ten wrong passwords in a row is reported, even the first of the account.
#[tokio::test]
async fn a_sign_in_after_many_wrong_passwords_notifies_the_owner() {
    for (failures, expected) in [(9, vec![]), (10, vec![MailKind::SignInAfterFailures])] {
        let node = TestNode::new().await;
        node.active("ben").await;
        for _ in 0..failures {
            node.advance(seconds(10));
            let wrong = node.try_sign_in("ben", OTHER_PASSWORD).await;
            assert_err!(wrong, Error::InvalidCredentials);
        }
        node.advance(seconds(10));
        assert_eq!(notices(&node, HOME, FIREFOX).await, expected, "{failures}");
        assert_eq!(notices(&node, HOME, FIREFOX).await, [], "it is over");
    }
}

/// a thief of the password cannot flood the mailbox: five mails a day.
#[tokio::test]
async fn sign_in_notices_do_not_flood_a_mailbox() {
    let node = ben().await;
    let mut mails = 0;
    for number in 0..20 {
        let address = format!("198.51.{number}.1");
        mails += notices(&node, &address, FIREFOX).await.len();
        node.advance(seconds(30));
    }
    assert_eq!(mails, 5);
}

/// the operator can disable the notices. A user without a mailbox gets none.
#[tokio::test]
async fn sign_in_notices_can_be_disabled() {
    let node = TestNode::with(|policy| policy.sign_in_notices = false).await;
    node.active("ben").await;
    assert_eq!(notices(&node, HOME, FIREFOX).await, []);
    assert_eq!(notices(&node, ABROAD, "curl/8.5.0").await, []);
    let node = TestNode::new().await;
    node.user_without_mailbox("ben").await;
    assert_eq!(notices(&node, HOME, FIREFOX).await, []);
    assert_eq!(notices(&node, ABROAD, "curl/8.5.0").await, []);
}

/// Fails sign-ins until the lockout, and tries again. Returns the number of queued mails.
async fn stopped(node: &TestNode, name: &str) -> usize {
    for _ in 0..100 {
        node.advance(seconds(10));
        let wrong = node.try_sign_in(name, OTHER_PASSWORD).await;
        assert_err!(wrong, Error::InvalidCredentials);
    }
    node.advance(seconds(10));
    for _ in 0..5 {
        let refused = node.try_sign_in(name, PASSWORD).await;
        assert_err!(refused, Error::TooManyAttempts { .. });
    }
    node.mail_jobs().len()
}

/// the owner is notified of a lockout once. An address without an account causes the same work, and no mail.
#[tokio::test]
async fn a_lockout_notifies_the_owner_and_reveals_no_account() {
    for (name, told) in [
        (
            "ben",
            vec![("ben@example.com".to_owned(), MailKind::Lockout)],
        ),
        (
            "ben@example.com",
            vec![("ben@example.com".to_owned(), MailKind::Lockout)],
        ),
        ("nobody@example.com", vec![]),
    ] {
        let node = TestNode::new().await;
        node.active("ben").await;
        assert_eq!(stopped(&node, name).await, 1, "{name}");
        let mails = node.mails().await;
        assert_eq!(summary(&mails), told, "{name}");
        if let Some(mail) = mails.first() {
            assert_eq!(mail.url, "https://accounts.example/recover");
        }
    }
}

/// a recovery ends the trust in known devices, so a stolen cookie suppresses no notice.
#[tokio::test]
async fn a_recovery_makes_known_browsers_unknown() {
    let node = ben().await;
    let signed_in = sign_in(&node, HOME, FIREFOX).await.unwrap();
    let (user, session) = (&signed_in.user, &signed_in.session.digest);
    let cookie = node
        .doorward
        .devices
        .device_cookie(&node.anonymous(), None, user, (session, &[]));
    let shown_abroad = async |shown: &str| {
        let mut ctx = from(&node, ABROAD, "curl/8.5.0");
        ctx.client.known = node.doorward.devices.known_devices(&ctx, cookie.expose());
        assert_eq!(ctx.client.known.len(), 1);
        let (name, shown) = (identifier("ben"), password(shown));
        node.start_sign_in(&ctx, &name, &shown).await
    };
    shown_abroad(PASSWORD).await.unwrap();
    assert!(node.mails().await.is_empty());
    let (anonymous, bens) = (node.anonymous(), email("ben@example.com"));
    let asked = node
        .doorward
        .recovery
        .request(&anonymous, &bens, None)
        .await;
    asked.unwrap();
    let link = token_in(&node.one_mail().await);
    let new = secret(OTHER_PASSWORD);
    node.doorward
        .recovery
        .finish(&anonymous, &link, &new)
        .await
        .unwrap();
    node.mails().await;
    // Its attempts are those of an unknown client: three are checked, the fourth is throttled.
    for _ in 0..3 {
        assert_err!(shown_abroad(PASSWORD).await, Error::InvalidCredentials);
    }
    let own = shown_abroad(OTHER_PASSWORD).await;
    assert_err!(own, Error::TooManyAttempts { .. });
}

/// repeated password changes do not flood the mailbox.
#[tokio::test]
async fn password_changes_do_not_flood_a_mailbox() {
    let node = ben().await;
    let signed_in = sign_in(&node, HOME, FIREFOX).await.unwrap();
    let (one, two) = (PASSWORD, "three lamps and a boat");
    for number in 0..25 {
        let (old, new) = if number % 2 == 0 {
            (one, two)
        } else {
            (two, one)
        };
        let (ctx, shown, new) = (node.of(&signed_in), proof(old), secret(new));
        let changed = node
            .doorward
            .passwords
            .change(&ctx, None, &shown, &new, None);
        changed.await.unwrap();
        node.advance(seconds(3));
    }
    let mut mails = 0;
    for _ in 0..20 {
        node.deliver().await;
        mails += node.mailer.take().len();
    }
    assert_eq!(mails, 10);
}

/// an import accepts any creation time, including the maximum.
#[tokio::test]
async fn a_user_created_at_the_maximum_time_can_sign_in() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    let made_then = User {
        created_at: Timestamp::MAX,
        version: ben.version.next(),
        ..ben.clone()
    };
    let changed = node.store.apply(made_then.replace(&ben));
    changed.await.unwrap();
    assert_eq!(notices(&node, HOME, FIREFOX).await, []);
}
