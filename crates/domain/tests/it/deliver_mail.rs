//! The outbox: each mail is sent once, retried after failures, and finally dropped.

use std::time::Duration;

use doorward_domain::Error;
use doorward_domain::model::{Link, MailJob, MailKind};
use doorward_domain::outbox::Delivered;
use doorward_domain::ports::{MailTemplate, OutboxStats, Store};
use doorward_domain::store::{Claim, Record, Records, Write};
use doorward_domain::values::{Locale, MailJobId, Name};

use crate::world::*;

const DEFERRED: Delivered = Delivered {
    sent: 0,
    deferred: 1,
    failed: 0,
    dropped: 0,
};
const SENT: Delivered = Delivered {
    sent: 1,
    deferred: 0,
    failed: 0,
    dropped: 0,
};
const FAILED: Delivered = Delivered {
    sent: 0,
    deferred: 0,
    failed: 1,
    dropped: 0,
};
const DROPPED: Delivered = Delivered {
    sent: 0,
    deferred: 0,
    failed: 0,
    dropped: 1,
};

#[tokio::test]
async fn a_mail_is_sent_once() {
    let world = World::new().await;
    world.pending("ben").await;
    assert_eq!(world.deliver().await, SENT);
    assert!(world.deliver().await.is_empty());
    world.advance(hours(24));
    assert!(world.deliver().await.is_empty());
    assert_eq!(world.mailer.take().len(), 1);
    assert!(world.store.mail_jobs().is_empty());
    let outbox = world.doorward.outbox.outbox().await.unwrap();
    assert_eq!(outbox, OutboxStats::default());
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_releases_the_lease_of_a_mail_that_is_being_sent() {
    let world = World::new().await;
    world.pending("ben").await;
    world.mailer.think(Duration::from_secs(60));
    let worker = world.worker();
    let sending = world.doorward.outbox.deliver_mail(&worker, 1);
    let cut_off = tokio::time::timeout(Duration::from_secs(5), sending).await;
    assert!(cut_off.is_err());
    assert!(world.deliver().await.is_empty(), "it is leased");
    assert_eq!(world.doorward.outbox.return_mail_leases().await.unwrap(), 1);
    world.mailer.think(Duration::ZERO);
    assert_eq!(world.deliver().await, SENT);
    assert_eq!(world.doorward.outbox.return_mail_leases().await.unwrap(), 0);
}

/// Returning it would let two nodes send the mail.
#[tokio::test(start_paused = true)]
async fn an_expired_lease_is_not_released() {
    let world = World::new().await;
    world.pending("ben").await;
    world.mailer.think(Duration::from_secs(60));
    let worker = world.worker();
    let sending = world.doorward.outbox.deliver_mail(&worker, 1);
    let cut_off = tokio::time::timeout(Duration::from_secs(5), sending).await;
    assert!(cut_off.is_err());
    world.advance(minutes(2));
    assert_eq!(world.doorward.outbox.return_mail_leases().await.unwrap(), 0);
}

#[tokio::test]
async fn a_mail_has_recipient_and_url() {
    let world = World::new().await;
    let mut wanted = sign_up(Some("ben"), Some("ben@example.com"));
    wanted.name = Some(Name::parse("Ben").unwrap());
    world.try_sign_up(wanted).await.unwrap();
    let mail = world.one_mail().await;
    assert_eq!(mail.username.as_deref(), Some("ben"));
    assert!(
        mail.url
            .starts_with("https://accounts.example/confirmation/"),
        "{}",
        mail.url
    );
    assert_eq!(mail.valid_minutes, Some(24 * 60));
    assert_eq!(mail.at, world.now());
}

/// Design 10: the link's secret is created when the mail is sent. Neither the outbox nor the store contains it.
#[tokio::test]
async fn a_link_is_created_when_its_mail_is_sent() {
    let world = World::new().await;
    world.pending("ben").await;
    world.advance(hours(20));
    let token = token_in(&world.one_mail().await);
    let link = world
        .store
        .find_readable::<Link>(Link::DIGEST, &token.digest())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(link.created_at, world.now());
    assert_eq!(link.expires_at, world.now() + hours(24));
    assert!(!format!("{link:?}").contains(&token.expose()));
}

/// The delay is a quarter of the time waited so far, at least 2 seconds.
#[tokio::test]
async fn delivery_is_retried_with_growing_delays() {
    let world = World::new().await;
    world.pending("ben").await;
    world.mailer.refuse(Some(MailRefusal::Temporary));
    for pause in [2, 2, 2, 2, 2, 2, 3, 3, 4, 5, 6, 8, 10, 12, 15, 19, 24] {
        assert_eq!(world.deliver().await, DEFERRED);
        let outbox = world.doorward.outbox.outbox().await.unwrap();
        assert_eq!(outbox.due_at, Some(world.now() + seconds(pause)));
        world.advance(seconds(pause) - MICROSECOND);
        assert!(world.deliver().await.is_empty(), "not before its time");
        world.advance(MICROSECOND);
    }
    world.mailer.refuse(None);
    assert_eq!(world.deliver().await, SENT);
    let token = token_in(&world.mailer.take()[0]);
    world
        .doorward
        .email
        .confirm(&world.anon(), &token)
        .await
        .unwrap();
}

/// All attempts have the same `Message-ID`, so that a mail that was sent twice is displayed once.
#[tokio::test]
async fn every_attempt_has_the_same_message_id_and_a_new_link() {
    let world = World::new().await;
    world.pending("ben").await;
    let before = world.store.mail_jobs();
    let first = world.one_mail().await;
    let job = before.into_iter().next().unwrap();
    world.store.apply(vec![Write::insert(&job)]).await.unwrap();
    let second = world.one_mail().await;
    assert_eq!(first.message_id, second.message_id);
    let (old, new) = (token_in(&first), token_in(&second));
    assert_ne!(old.digest(), new.digest());
    let anon = world.anon();
    for token in [old, new] {
        let viewed = world.doorward.email.view_confirmation(&anon, &token);
        viewed.await.unwrap();
    }
}

/// The retry of a recovery mail voids the link of the first attempt. A mailbox that shows a `Message-ID` once must not
/// hide the mail with the valid link.
#[tokio::test]
async fn each_attempt_of_a_recovery_mail_has_its_own_message_id() {
    let world = World::new().await;
    world.active("ben").await;
    let address = email("ben@example.com");
    world
        .doorward
        .recovery
        .request_recovery(&world.anon(), &address)
        .await
        .unwrap();
    let job = world.store.mail_jobs().into_iter().next().unwrap();
    let first = world.one_mail().await;
    let retry = MailJob { attempts: 1, ..job };
    world
        .store
        .apply(vec![Write::insert(&retry)])
        .await
        .unwrap();
    let second = world.one_mail().await;
    assert_ne!(first.message_id, second.message_id);
    let (old, new) = (token_in(&first), token_in(&second));
    let anon = world.anon();
    assert_err!(
        world.doorward.recovery.view_recovery(&anon, &old).await,
        Error::LinkExpired
    );
    world
        .doorward
        .recovery
        .view_recovery(&anon, &new)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_permanently_rejected_mail_fails_and_is_audited() {
    let world = World::new().await;
    world.pending("ben").await;
    world.audited();
    world.mailer.refuse(Some(MailRefusal::Permanent));
    assert_eq!(world.deliver().await, FAILED);
    assert_eq!(world.audited(), ["mail-failed!sign-up after 1 attempts"]);
    world.mailer.refuse(None);
    world.advance(hours(1));
    assert!(world.deliver().await.is_empty());
    assert_eq!(
        world.store.mail_jobs().len(),
        1,
        "the mail is stored for the operator"
    );
    let outbox = world.doorward.outbox.outbox().await.unwrap();
    assert_eq!((outbox.waiting, outbox.failed), (0, 1));
    assert_eq!((outbox.oldest_at, outbox.due_at), (None, None));
    world.advance(hours(7 * 24));
    world
        .doorward
        .housekeeping
        .sweep(&world.worker())
        .await
        .unwrap();
    assert!(world.store.mail_jobs().is_empty());
}

#[tokio::test]
async fn a_mail_fails_after_three_days() {
    let world = World::new().await;
    world.pending("ben").await;
    world.audited();
    world.mailer.refuse(Some(MailRefusal::Temporary));
    world.advance(hours(72) - MICROSECOND);
    assert_eq!(world.deliver().await, DEFERRED);
    world.advance(minutes(30));
    assert_eq!(world.deliver().await, FAILED);
    assert_eq!(world.audited(), ["mail-failed!sign-up after 2 attempts"]);
}

#[tokio::test]
async fn only_one_worker_has_the_lease_of_a_mail_and_leases_expire() {
    let world = World::new().await;
    world.pending("ben").await;
    let (now, lease) = (world.now(), minutes(5));
    let claimed = world
        .store
        .claim::<MailJob>(Claim {
            table: MailJob::TABLE,
            kinds: MailJob::kinds(),
            now,
            lease_until: now + lease,
            limit: 10,
        })
        .await
        .unwrap();
    assert_eq!(claimed.len(), 1);
    assert!(world.deliver().await.is_empty());
    world.advance(lease - MICROSECOND);
    assert!(world.deliver().await.is_empty());
    world.advance(MICROSECOND);
    assert_eq!(world.deliver().await, SENT);
}

/// At-least-once delivery: the process was killed after the mail server accepted the mail, before that was stored.
#[tokio::test]
async fn a_mail_whose_result_was_not_stored_is_sent_again_after_its_lease() {
    let world = World::new().await;
    world.user_without_mailbox("ben").await;
    world.active("eve").await;
    let notice = job(
        &world,
        MailKind::PasswordChanged,
        Some("eve"),
        "eve@example.com",
    );
    world
        .store
        .apply(vec![Write::insert(&notice.await)])
        .await
        .unwrap();
    world.spy.fail("apply");
    let turn = world
        .doorward
        .outbox
        .deliver_mail(&world.worker(), 10)
        .await;
    assert_err!(turn, Error::Store(_));
    world.spy.clear_failures();
    assert_eq!(world.mailer.take().len(), 1);
    assert!(world.deliver().await.is_empty());
    world.advance(minutes(5));
    assert_eq!(world.deliver().await, SENT);
}

/// A failing mail does not delay the others of its run.
#[tokio::test]
async fn a_full_mailbox_does_not_delay_other_mail() {
    let world = World::new().await;
    for name in ["ben", "eve", "zoe"] {
        world.pending(name).await;
    }
    world.mailer.is_full("eve@example.com");
    let turn = world.deliver().await;
    assert_eq!((turn.sent, turn.deferred), (2, 1));
}

#[tokio::test]
async fn a_run_takes_at_most_its_batch_size_and_the_oldest_first() {
    let world = World::new().await;
    for name in ["ben", "eve", "zoe"] {
        world.pending(name).await;
        world.advance(seconds(1));
    }
    let turn = world
        .doorward
        .outbox
        .deliver_mail(&world.worker(), 2)
        .await
        .unwrap();
    assert_eq!(turn.sent, 2);
    let sent = summary(&world.mailer.take());
    assert_eq!(
        (sent[0].0.as_str(), sent[1].0.as_str()),
        ("ben@example.com", "eve@example.com")
    );
}

/// mail goes to the stored spelling, never to the one in the request.
#[tokio::test]
async fn mail_goes_to_the_stored_spelling_of_the_address() {
    let world = World::new().await;
    let wanted = sign_up(Some("ben"), Some("Ben.K@example.com"));
    world.try_sign_up(wanted).await.unwrap();
    let first = world.one_mail().await;
    assert_eq!(first.to.as_str(), "Ben.K@example.com");
    world.advance(minutes(3));
    let ask = email("BEN.K@EXAMPLE.COM");
    world
        .doorward
        .email
        .request_confirmation(&world.anon(), &ask)
        .await
        .unwrap();
    let again = world.one_mail().await;
    assert_eq!(again.to.as_str(), "Ben.K@example.com");
    let token = token_in(&again);
    let confirmed = world.doorward.email.confirm(&world.anon(), &token).await;
    let confirmed = confirmed.unwrap().email;
    assert_eq!(confirmed.unwrap().as_str(), "Ben.K@example.com");
    world.advance(minutes(3));
    world
        .doorward
        .recovery
        .request_recovery(&world.anon(), &ask)
        .await
        .unwrap();
    assert_eq!(world.one_mail().await.to.as_str(), "Ben.K@example.com");
    world.advance(hours(1));
    let wanted = sign_up(Some("eve"), Some("ben.k@Example.com"));
    world.try_sign_up(wanted).await.unwrap();
    let told = world.one_mail().await;
    assert_eq!(told.template, MailTemplate::AlreadyRegistered);
    assert_eq!(told.to.as_str(), "Ben.K@example.com");
    assert_eq!(
        told.username.as_deref(),
        Some("ben"),
        "the owner's name, not the newcomer's"
    );
}

/// The content of a mail is decided when it is sent.
#[tokio::test]
async fn a_mail_that_no_longer_has_a_recipient_is_dropped() {
    let world = World::new().await;
    world.active("ben").await;
    let gone = MailJobId::generate(world.now(), &*world.secrets);
    for (kind, user, address) in [
        (MailKind::SignUp, Some("ben"), "ben@example.com"),
        (MailKind::SignUp, None, "ben@example.com"),
        (MailKind::EmailChange, Some("ben"), "other@example.com"),
        (MailKind::ConfirmationResend, None, "ben@example.com"),
        (MailKind::ConfirmationResend, None, "nobody@example.com"),
        (MailKind::Recovery, None, "nobody@example.com"),
        (MailKind::PasswordChanged, None, "ben@example.com"),
        (MailKind::EmailChangeNotice, None, "ben@example.com"),
    ] {
        let job = MailJob {
            id: gone,
            ..job(&world, kind, user, address).await
        };
        world.store.apply(vec![Write::insert(&job)]).await.unwrap();
        assert_eq!(
            world.deliver().await,
            DROPPED,
            "{kind:?} {user:?} {address}"
        );
        assert!(world.mailer.take().is_empty());
    }
    assert!(world.store.mail_jobs().is_empty());
}

/// A disabled user gets no link, even if the mail was already queued.
#[tokio::test]
async fn a_disabled_user_gets_no_link() {
    let world = World::new().await;
    let pending = world.pending("pending").await;
    let ben = world.active("ben").await;
    world.mailer.take();
    let late = world.pending("late").await;
    let operator = world.operator();
    for user in [pending, late, ben] {
        let id = user.id.to_string();
        world
            .doorward
            .admin
            .disable(&operator, &id, None)
            .await
            .unwrap();
    }
    for name in ["pending", "ben"] {
        let address = email(&format!("{name}@example.com"));
        world
            .doorward
            .recovery
            .request_recovery(&world.anon(), &address)
            .await
            .unwrap();
        world.advance(minutes(3));
        world
            .doorward
            .email
            .request_confirmation(&world.anon(), &address)
            .await
            .unwrap();
    }
    world.advance(minutes(3));
    let turn = world.deliver().await;
    assert_eq!((turn.sent, turn.dropped), (0, 5));
}

/// L-01: a recovery has one audit event, written when its mail has been sent.
#[tokio::test]
async fn a_recovery_mail_writes_one_audit_event() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    world.ask_recovery("ben@example.com").await;
    world.forget();
    world.mailer.refuse(Some(MailRefusal::Temporary));
    world.deliver().await;
    assert!(world.audited().is_empty());
    world.mailer.refuse(None);
    world.advance(seconds(2));
    world.deliver().await;
    let lines = world.spy.take_audited();
    assert_eq!(lines.len(), 1);
    assert_eq!(
        (lines[0].event.as_str(), lines[0].user_id),
        ("recovery-mailed", Some(ben.id))
    );
    assert_eq!(lines[0].actor, "worker");
}

#[tokio::test]
async fn only_a_queued_mail_wakes_the_worker() {
    let world = World::new().await;
    let is_woken = async || {
        let mut waiting = std::pin::pin!(world.doorward.outbox.mail_waiting());
        std::future::poll_fn(|cx| std::task::Poll::Ready(waiting.as_mut().poll(cx).is_ready()))
            .await
    };
    world.user_without_mailbox("eve").await;
    assert!(!is_woken().await);
    world.pending("ben").await;
    assert!(is_woken().await);
    assert!(!is_woken().await);
}

async fn job(world: &World, kind: MailKind, user: Option<&str>, address: &str) -> MailJob {
    let user_id = match user {
        Some(name) => Some(world.doorward.admin.find_named(name).await.unwrap().id),
        None => None,
    };
    MailJob {
        id: MailJobId::generate(world.now(), &*world.secrets),
        kind,
        user_id,
        email: email(address),
        locale: Locale::En,
        device: None,
        created_at: world.now(),
        attempts: 0,
        due_at: world.now(),
        failed_at: None,
    }
}

/// a mail to an unconfirmed address contains no name, and only a harmless username.
#[tokio::test]
async fn a_mail_to_an_unconfirmed_address_has_no_name_and_only_a_harmless_username() {
    let world = World::new().await;
    for (number, (name, told)) in [
        ("ben", Some("ben")),
        ("ben_k7", Some("ben_k7")),
        ("evil.com", None),
        ("your-account-is-locked", None),
        ("callthisnumberatonce08001234567", None),
    ]
    .into_iter()
    .enumerate()
    {
        let address = format!("anybody{number}@example.com");
        let mut wanted = sign_up(Some(name), Some(&address));
        wanted.name = Some(Name::parse("Your account is locked. Visit evil.com").unwrap());
        let user = world.try_sign_up(wanted).await.unwrap();
        let mail = world.one_mail().await;
        assert_eq!(
            (mail.greeting.as_deref(), mail.username.as_deref()),
            (None, told)
        );
        // The page behind the link shows the name.
        let viewed = world
            .doorward
            .email
            .view_confirmation(&world.anon(), &token_in(&mail))
            .await;
        assert_eq!(viewed.unwrap().name, user.name);
    }
}

/// a mailbox gets three mails an hour, regardless of the clients that sign up with it.
#[tokio::test]
async fn sign_ups_do_not_flood_a_mailbox() {
    let world = World::new().await;
    for number in 0..5 {
        let name = format!("ben{number}");
        let wanted = sign_up(Some(&name), Some("victim@example.com"));
        world
            .doorward
            .sign_up
            .sign_up(&world.anon(), wanted)
            .await
            .unwrap();
    }
    while !world.deliver().await.is_empty() {}
    assert_eq!(world.mailer.take().len(), 3);
    assert!(world.store.mail_jobs().is_empty());
}
