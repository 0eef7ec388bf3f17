//! Mails to an account's owner about sign-ins and failed attempts.

use doorward_domain::model::User;
use doorward_domain::ports::{Mail, MailTemplate, Store};
use doorward_domain::sessions::SignedIn;
use doorward_domain::{Ctx, Error};
use jiff::Timestamp;

use crate::world::*;

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const NEWER_FIREFOX: &str =
    "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0";
const HOME: &str = "192.0.2.7";
const NEXT_DOOR: &str = "192.0.2.99";
const ABROAD: &str = "198.51.100.4";

fn from(world: &World, address: &str, user_agent: &str) -> Ctx {
    let mut ctx = world.anon();
    ctx.client.address = Some(address.parse().unwrap());
    ctx.client.user_agent = Some(user_agent.to_owned());
    ctx
}

async fn sign_in(world: &World, address: &str, user_agent: &str) -> Result<SignedIn, Error> {
    let ctx = from(world, address, user_agent);
    let (name, shown) = (identifier("ben"), password(PASSWORD));
    world.doorward.sign_in.sign_in(&ctx, &name, &shown).await
}

async fn told(world: &World, address: &str, user_agent: &str) -> Vec<MailTemplate> {
    sign_in(world, address, user_agent).await.unwrap();
    let mails = world.mails().await;
    mails.iter().map(|mail| mail.template).collect()
}

/// Ben, who has signed in at home.
async fn ben() -> World {
    let world = World::new().await;
    world.active("ben").await;
    assert_eq!(told(&world, HOME, FIREFOX).await, [], "the first of all");
    world.advance(hours(1));
    world
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
        let world = ben().await;
        let expected = [MailTemplate::NewSignIn];
        let told_of = told(&world, address, user_agent).await;
        assert_eq!(
            told_of,
            expected[..usize::from(is_new)],
            "{address} {user_agent}"
        );
        // Known afterwards.
        assert_eq!(told(&world, address, user_agent).await, []);
    }
}

/// the mail goes to the confirmed address, and names the browser and the network address.
#[tokio::test]
async fn the_notice_has_the_device_and_the_address() {
    let world = ben().await;
    sign_in(&world, ABROAD, "curl/8.5.0").await.unwrap();
    let at = world.now();
    world.advance(minutes(3));
    let mail: Mail = world.one_mail().await;
    assert_eq!(mail.to, email("ben@example.com"));
    assert_eq!(mail.device.as_deref(), Some("curl, 198.51.100.4"));
    assert_eq!((mail.at, mail.valid_minutes), (at, None));
    assert_eq!(mail.url, "https://accounts.example");
}

/// remembered for ninety days after the last sign-in.
#[tokio::test]
async fn a_device_is_forgotten_after_ninety_days() {
    let world = ben().await;
    assert_eq!(
        told(&world, ABROAD, FIREFOX).await,
        [MailTemplate::NewSignIn]
    );
    world.advance(hours(89 * 24));
    assert_eq!(told(&world, HOME, FIREFOX).await, []);
    world.advance(hours(2 * 24));
    assert_eq!(
        told(&world, ABROAD, FIREFOX).await,
        [MailTemplate::NewSignIn]
    );
}

/// if the last sign-in is too old for anything to be known, a thief's would otherwise be the next known one.
#[tokio::test]
async fn a_sign_in_after_long_inactivity_notifies_the_owner() {
    let world = ben().await;
    world.advance(hours(100 * 24));
    let expected = [MailTemplate::NewSignIn];
    assert_eq!(told(&world, ABROAD, "evil/1").await, expected);
    // The first sign-in of an old account is reported, too.
    world.active("eve").await;
    world.advance(hours(90 * 24));
    let ctx = from(&world, ABROAD, FIREFOX);
    let (name, shown) = (identifier("eve"), password(PASSWORD));
    world
        .doorward
        .sign_in
        .sign_in(&ctx, &name, &shown)
        .await
        .unwrap();
    assert_eq!(world.one_mail().await.template, expected[0]);
}

/// a sign-in after ten wrong passwords in a row is reported, even the first of the account.
#[tokio::test]
async fn a_sign_in_after_many_wrong_passwords_notifies_the_owner() {
    for (failures, expected) in [(9, vec![]), (10, vec![MailTemplate::SignInAfterFailures])] {
        let world = World::new().await;
        world.active("ben").await;
        for _ in 0..failures {
            world.advance(seconds(10));
            let wrong = world.try_sign_in("ben", OTHER_PASSWORD).await;
            assert_err!(wrong, Error::InvalidCredentials);
        }
        world.advance(seconds(10));
        assert_eq!(told(&world, HOME, FIREFOX).await, expected, "{failures}");
        assert_eq!(told(&world, HOME, FIREFOX).await, [], "it is over");
    }
}

/// a thief of the password cannot flood the mailbox: five mails a day.
#[tokio::test]
async fn sign_in_notices_do_not_flood_a_mailbox() {
    let world = ben().await;
    let mut mails = 0;
    for number in 0..20 {
        let address = format!("198.51.{number}.1");
        mails += told(&world, &address, FIREFOX).await.len();
        world.advance(seconds(30));
    }
    assert_eq!(mails, 5);
}

/// the operator can disable the notices. A user without a mailbox gets none.
#[tokio::test]
async fn sign_in_notices_can_be_disabled() {
    let world = World::with(|policy| policy.sign_in_notices = false).await;
    world.active("ben").await;
    assert_eq!(told(&world, HOME, FIREFOX).await, []);
    assert_eq!(told(&world, ABROAD, "curl/8.5.0").await, []);
    let world = World::new().await;
    world.user_without_mailbox("ben").await;
    assert_eq!(told(&world, HOME, FIREFOX).await, []);
    assert_eq!(told(&world, ABROAD, "curl/8.5.0").await, []);
}

/// Fails sign-ins until the lockout, and tries again. Returns the number of queued mails.
async fn stopped(world: &World, name: &str) -> usize {
    for _ in 0..100 {
        world.advance(seconds(10));
        let wrong = world.try_sign_in(name, OTHER_PASSWORD).await;
        assert_err!(wrong, Error::InvalidCredentials);
    }
    world.advance(seconds(10));
    for _ in 0..5 {
        let refused = world.try_sign_in(name, PASSWORD).await;
        assert_err!(refused, Error::TooManyAttempts { .. });
    }
    world.store.mail_jobs().len()
}

/// the owner is notified of a lockout once. An address without an account causes the same work, and no mail.
#[tokio::test]
async fn a_lockout_notifies_the_owner_and_reveals_no_account() {
    for (name, told) in [
        (
            "ben",
            vec![("ben@example.com".to_owned(), MailTemplate::Lockout)],
        ),
        (
            "ben@example.com",
            vec![("ben@example.com".to_owned(), MailTemplate::Lockout)],
        ),
        ("nobody@example.com", vec![]),
    ] {
        let world = World::new().await;
        world.active("ben").await;
        assert_eq!(stopped(&world, name).await, 1, "{name}");
        let mails = world.mails().await;
        assert_eq!(summary(&mails), told, "{name}");
        if let Some(mail) = mails.first() {
            assert_eq!(mail.url, "https://accounts.example/recovery");
        }
    }
}

/// a recovery ends the trust in known devices, so a stolen cookie suppresses no notice.
#[tokio::test]
async fn a_recovery_makes_known_browsers_unknown() {
    let world = ben().await;
    let signed_in = sign_in(&world, HOME, FIREFOX).await.unwrap();
    let (user, session) = (&signed_in.user, &signed_in.session.digest);
    let cookie = world
        .doorward
        .sign_in
        .device_cookie(&world.anon(), None, user, session);
    let shown_abroad = async |shown: &str| {
        let mut ctx = from(&world, ABROAD, "curl/8.5.0");
        ctx.client.known = world.doorward.sign_in.known_devices(&ctx, cookie.expose());
        assert_eq!(ctx.client.known.len(), 1);
        let (name, shown) = (identifier("ben"), password(shown));
        world.doorward.sign_in.sign_in(&ctx, &name, &shown).await
    };
    shown_abroad(PASSWORD).await.unwrap();
    assert!(world.mails().await.is_empty());
    let (anon, bens) = (world.anon(), email("ben@example.com"));
    let asked = world.doorward.recovery.request_recovery(&anon, &bens).await;
    asked.unwrap();
    let link = token_in(&world.one_mail().await);
    let new = secret(OTHER_PASSWORD);
    world
        .doorward
        .recovery
        .recover(&anon, &link, &new)
        .await
        .unwrap();
    world.mails().await;
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
    let world = ben().await;
    let signed_in = sign_in(&world, HOME, FIREFOX).await.unwrap();
    let (one, two) = (PASSWORD, "three lamps and a boat");
    for number in 0..25 {
        let (old, new) = if number % 2 == 0 {
            (one, two)
        } else {
            (two, one)
        };
        let (ctx, shown, new) = (world.of(&signed_in), password(old), secret(new));
        let changed = world
            .doorward
            .password
            .change_password(&ctx, None, &shown, &new);
        changed.await.unwrap();
        world.advance(seconds(3));
    }
    let mut mails = 0;
    while !world.deliver().await.is_empty() {
        mails += world.mailer.take().len();
    }
    assert_eq!(mails, 10);
}

/// an import accepts any creation time, including the maximum.
#[tokio::test]
async fn a_user_created_at_the_maximum_time_can_sign_in() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let made_then = User {
        created_at: Timestamp::MAX,
        version: ben.version.next(),
        ..ben.clone()
    };
    let changed = world.store.apply(made_then.replace(&ben));
    changed.await.unwrap();
    assert_eq!(told(&world, HOME, FIREFOX).await, []);
}
