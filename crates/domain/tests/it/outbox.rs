//! The outbox: each mail is sent once, retried after failures, and finally dropped.

use std::time::Duration;

use doorward_domain::Error;
use doorward_domain::model::{AuditKind, JobStatus, Link, MailJob, MailKind};
use doorward_domain::outbox::{DeliveryCounts, OutboxStats};
use doorward_domain::store::{Claim, Record, Records, Store, Write};
use doorward_domain::values::{JobId, Locale, Name};

use crate::test_node::*;

const DEFERRED: DeliveryCounts = DeliveryCounts {
    sent: 0,
    deferred: 1,
    failed: 0,
    dropped: 0,
};
const SENT: DeliveryCounts = DeliveryCounts {
    sent: 1,
    deferred: 0,
    failed: 0,
    dropped: 0,
};
const FAILED: DeliveryCounts = DeliveryCounts {
    sent: 0,
    deferred: 0,
    failed: 1,
    dropped: 0,
};
const DROPPED: DeliveryCounts = DeliveryCounts {
    sent: 0,
    deferred: 0,
    failed: 0,
    dropped: 1,
};

#[tokio::test]
async fn a_mail_is_sent_once() {
    let node = TestNode::new().await;
    node.pending("ben").await;
    assert_eq!(node.deliver().await, SENT);
    assert!(node.deliver().await.is_empty());
    node.advance(hours(24));
    assert!(node.deliver().await.is_empty());
    assert_eq!(node.mailer.take().len(), 1);
    assert!(node.mail_jobs().is_empty());
    let outbox = node.doorward.outbox.stats().await.unwrap();
    assert_eq!(outbox, OutboxStats::default());
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_releases_the_lease_of_a_mail_that_is_being_sent() {
    let node = TestNode::new().await;
    node.pending("ben").await;
    node.mailer.delay(Duration::from_secs(60));
    let worker = node.worker();
    let sending = node.doorward.outbox.deliver(&worker, 1);
    let cut_off = tokio::time::timeout(Duration::from_secs(5), sending).await;
    assert!(cut_off.is_err());
    assert!(node.deliver().await.is_empty(), "it is leased");
    assert_eq!(node.doorward.outbox.release_leases().await.unwrap(), 1);
    node.mailer.delay(Duration::ZERO);
    assert_eq!(node.deliver().await, SENT);
    assert_eq!(node.doorward.outbox.release_leases().await.unwrap(), 0);
}

/// Returning it would let two nodes send the mail.
#[tokio::test(start_paused = true)]
async fn an_expired_lease_is_not_released() {
    let node = TestNode::new().await;
    node.pending("ben").await;
    node.mailer.delay(Duration::from_secs(60));
    let worker = node.worker();
    let sending = node.doorward.outbox.deliver(&worker, 1);
    let cut_off = tokio::time::timeout(Duration::from_secs(5), sending).await;
    assert!(cut_off.is_err());
    node.advance(minutes(2));
    assert_eq!(node.doorward.outbox.release_leases().await.unwrap(), 0);
}

#[tokio::test]
async fn a_mail_has_recipient_and_url() {
    let node = TestNode::new().await;
    let mut wanted = sign_up(Some("ben"), Some("ben@example.com"));
    wanted.name = Some(Name::parse("Ben").unwrap());
    node.try_sign_up(wanted).await.unwrap();
    let mail = node.one_mail().await;
    assert_eq!(mail.username.as_deref(), Some("ben"));
    assert!(
        mail.url
            .starts_with("https://accounts.example/confirmation/"),
        "{}",
        mail.url
    );
    assert_eq!(mail.valid_minutes, Some(24 * 60));
    assert_eq!(mail.at, node.now());
}

/// Design 10: the link's secret is created when the mail is sent. Neither the outbox nor the store contains it.
#[tokio::test]
async fn a_link_is_created_when_its_mail_is_sent() {
    let node = TestNode::new().await;
    node.pending("ben").await;
    node.advance(hours(20));
    let token = token_in(&node.one_mail().await);
    let link = node
        .store
        .find::<Link>(Link::DIGEST, &token.digest())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(link.created_at, node.now());
    assert_eq!(link.expires_at, node.now() + hours(24));
    assert!(!format!("{link:?}").contains(&token.expose()));
}

/// The delay is a quarter of the time waited so far, at least 2 seconds.
#[tokio::test]
async fn delivery_is_retried_with_growing_delays() {
    let node = TestNode::new().await;
    node.list_at_once();
    node.pending("ben").await;
    node.mailer.refuse(Some(MailRefusal::Temporary));
    for pause in [2, 2, 2, 2, 2, 2, 3, 3, 4, 5, 6, 8, 10, 12, 15, 19, 24] {
        assert_eq!(node.deliver().await, DEFERRED);
        let outbox = node.doorward.outbox.stats().await.unwrap();
        assert_eq!(outbox.due_at, Some(node.now() + seconds(pause)));
        node.advance(seconds(pause) - MICROSECOND);
        assert!(node.deliver().await.is_empty(), "not before its time");
        node.advance(MICROSECOND);
    }
    node.mailer.refuse(None);
    assert_eq!(node.deliver().await, SENT);
    let token = token_in(&node.mailer.take()[0]);
    node.doorward
        .confirmation
        .confirm(&node.anonymous(), &token)
        .await
        .unwrap();
}

/// All attempts have the same `Message-ID`, so that a mail that was sent twice is displayed once.
#[tokio::test]
async fn every_attempt_has_the_same_message_id_and_a_new_link() {
    let node = TestNode::new().await;
    node.pending("ben").await;
    let before = node.mail_jobs();
    let first = node.one_mail().await;
    let job = before.into_iter().next().unwrap();
    node.store.apply(vec![Write::insert(&job)]).await.unwrap();
    let second = node.one_mail().await;
    assert_eq!(first.message_id, second.message_id);
    let (old, new) = (token_in(&first), token_in(&second));
    assert_ne!(old.digest(), new.digest());
    let anonymous = node.anonymous();
    for token in [old, new] {
        let viewed = node
            .doorward
            .confirmation
            .view_confirmation(&anonymous, &token);
        viewed.await.unwrap();
    }
}

/// The retry of a recovery mail voids the link of the first attempt. A mailbox that shows a `Message-ID` once must not
/// hide the mail with the valid link.
#[tokio::test]
async fn each_attempt_of_a_recovery_mail_has_its_own_message_id() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let address = email("ben@example.com");
    node.doorward
        .recovery
        .request(&node.anonymous(), &address, None)
        .await
        .unwrap();
    let job = node.mail_jobs().into_iter().next().unwrap();
    let first = node.one_mail().await;
    let retry = MailJob { attempts: 1, ..job };
    node.store.apply(vec![Write::insert(&retry)]).await.unwrap();
    let second = node.one_mail().await;
    assert_ne!(first.message_id, second.message_id);
    let (old, new) = (token_in(&first), token_in(&second));
    let anonymous = node.anonymous();
    assert_err!(
        node.doorward.recovery.view(&anonymous, &old).await,
        Error::LinkExpired
    );
    node.doorward.recovery.view(&anonymous, &new).await.unwrap();
}

#[tokio::test]
async fn a_permanently_rejected_mail_fails_and_is_audited() {
    let node = TestNode::new().await;
    node.pending("ben").await;
    node.audited();
    node.mailer.refuse(Some(MailRefusal::Permanent));
    assert_eq!(node.deliver().await, FAILED);
    assert_eq!(node.audited(), ["mail-failed!sign-up after 1 attempts"]);
    node.mailer.refuse(None);
    node.advance(hours(1));
    assert!(node.deliver().await.is_empty());
    assert_eq!(
        node.mail_jobs().len(),
        1,
        "the mail is stored for the operator"
    );
    let outbox = node.doorward.outbox.stats().await.unwrap();
    assert_eq!((outbox.waiting, outbox.failed), (0, 1));
    assert_eq!((outbox.oldest_at, outbox.due_at), (None, None));
    node.advance(hours(7 * 24));
    node.doorward
        .housekeeping
        .sweep(&node.worker())
        .await
        .unwrap();
    assert!(node.mail_jobs().is_empty());
}

#[tokio::test]
async fn a_mail_fails_after_three_days() {
    let node = TestNode::new().await;
    node.pending("ben").await;
    node.audited();
    node.mailer.refuse(Some(MailRefusal::Temporary));
    node.advance(hours(72) - MICROSECOND);
    assert_eq!(node.deliver().await, DEFERRED);
    node.advance(minutes(30));
    assert_eq!(node.deliver().await, FAILED);
    assert_eq!(node.audited(), ["mail-failed!sign-up after 2 attempts"]);
}

#[tokio::test]
async fn only_one_worker_has_the_lease_of_a_mail_and_leases_expire() {
    let node = TestNode::new().await;
    node.pending("ben").await;
    let (now, lease) = (node.now(), minutes(5));
    let claimed = node
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
    assert!(node.deliver().await.is_empty());
    node.advance(lease - MICROSECOND);
    assert!(node.deliver().await.is_empty());
    node.advance(MICROSECOND);
    assert_eq!(node.deliver().await, SENT);
}

/// At-least-once delivery: the process was killed after the mail server accepted the mail, before that was stored.
#[tokio::test]
async fn a_mail_whose_result_was_not_stored_is_sent_again_after_its_lease() {
    let node = TestNode::new().await;
    node.user_without_mailbox("ben").await;
    node.active("eve").await;
    let notice = job(
        &node,
        MailKind::PasswordChanged,
        Some("eve"),
        "eve@example.com",
    );
    node.store
        .apply(vec![Write::insert(&notice.await)])
        .await
        .unwrap();
    node.spy.fail("apply");
    let turn = node.doorward.outbox.deliver(&node.worker(), 10).await;
    assert_err!(turn, Error::Store(_));
    node.spy.clear_failures();
    assert_eq!(node.mailer.take().len(), 1);
    assert!(node.deliver().await.is_empty());
    node.advance(minutes(5));
    assert_eq!(node.deliver().await, SENT);
}

/// A failing mail does not delay the others of its run.
#[tokio::test]
async fn a_full_mailbox_does_not_delay_other_mail() {
    let node = TestNode::new().await;
    for name in ["ben", "eve", "zoe"] {
        node.pending(name).await;
    }
    node.mailer.is_full("eve@example.com");
    let turn = node.deliver().await;
    assert_eq!((turn.sent, turn.deferred), (2, 1));
}

#[tokio::test]
async fn a_run_takes_at_most_its_batch_size_and_the_oldest_first() {
    let node = TestNode::new().await;
    for name in ["ben", "eve", "zoe"] {
        node.pending(name).await;
        node.advance(seconds(1));
    }
    let turn = node
        .doorward
        .outbox
        .deliver(&node.worker(), 2)
        .await
        .unwrap();
    assert_eq!(turn.sent, 2);
    let sent = summary(&node.mailer.take());
    assert_eq!(
        (sent[0].0.as_str(), sent[1].0.as_str()),
        ("ben@example.com", "eve@example.com")
    );
}

/// mail goes to the stored spelling, never to the one in the request.
#[tokio::test]
async fn mail_goes_to_the_stored_spelling_of_the_address() {
    let node = TestNode::new().await;
    let wanted = sign_up(Some("ben"), Some("Ben.K@example.com"));
    node.try_sign_up(wanted).await.unwrap();
    let first = node.one_mail().await;
    assert_eq!(first.to.as_str(), "Ben.K@example.com");
    node.advance(minutes(3));
    let ask = email("BEN.K@EXAMPLE.COM");
    node.doorward
        .confirmation
        .request_confirmation(&node.anonymous(), &ask, None)
        .await
        .unwrap();
    let again = node.one_mail().await;
    assert_eq!(again.to.as_str(), "Ben.K@example.com");
    let token = token_in(&again);
    let confirmed = node
        .doorward
        .confirmation
        .confirm(&node.anonymous(), &token)
        .await;
    let confirmed = confirmed.unwrap().email;
    assert_eq!(confirmed.unwrap().as_str(), "Ben.K@example.com");
    node.advance(minutes(3));
    node.doorward
        .recovery
        .request(&node.anonymous(), &ask, None)
        .await
        .unwrap();
    assert_eq!(node.one_mail().await.to.as_str(), "Ben.K@example.com");
    node.advance(hours(1));
    let wanted = sign_up(Some("eve"), Some("ben.k@Example.com"));
    node.try_sign_up(wanted).await.unwrap();
    let told = node.one_mail().await;
    assert_eq!(told.kind, MailKind::AlreadyRegistered);
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
    let node = TestNode::new().await;
    node.active("ben").await;
    let gone = JobId::generate(node.now(), &*node.random);
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
            ..job(&node, kind, user, address).await
        };
        node.store.apply(vec![Write::insert(&job)]).await.unwrap();
        assert_eq!(node.deliver().await, DROPPED, "{kind:?} {user:?} {address}");
        assert!(node.mailer.take().is_empty());
    }
    assert!(node.mail_jobs().is_empty());
}

/// A disabled user gets no link, even if the mail was already queued.
#[tokio::test]
async fn a_disabled_user_gets_no_link() {
    let node = TestNode::new().await;
    let pending = node.pending("pending").await;
    let ben = node.active("ben").await;
    node.mailer.take();
    let late = node.pending("late").await;
    let operator = node.operator();
    for user in [pending, late, ben] {
        let id = user.id.to_string();
        node.doorward
            .admin
            .disable(&operator, &id, None)
            .await
            .unwrap();
    }
    for name in ["pending", "ben"] {
        let address = email(&format!("{name}@example.com"));
        node.doorward
            .recovery
            .request(&node.anonymous(), &address, None)
            .await
            .unwrap();
        node.advance(minutes(3));
        node.doorward
            .confirmation
            .request_confirmation(&node.anonymous(), &address, None)
            .await
            .unwrap();
    }
    node.advance(minutes(3));
    let turn = node.deliver().await;
    assert_eq!((turn.sent, turn.dropped), (0, 5));
}

/// L-01: a recovery has one audit event, written when its mail has been sent.
#[tokio::test]
async fn a_recovery_mail_writes_one_audit_event() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    node.ask_recovery("ben@example.com").await;
    node.clear_cache();
    node.mailer.refuse(Some(MailRefusal::Temporary));
    node.deliver().await;
    assert!(node.audited().is_empty());
    node.mailer.refuse(None);
    node.advance(seconds(2));
    node.deliver().await;
    let mut lines = node.spy.take_audited();
    lines.retain(|line| line.event != AuditKind::MailSent);
    assert_eq!(lines.len(), 1);
    assert_eq!(
        (lines[0].event.as_str(), lines[0].user_id),
        ("recovery-mailed", Some(ben.id))
    );
    assert_eq!(lines[0].actor, "worker");
}

/// L-01: an admin sees when the mail server has accepted a mail, and which.
#[tokio::test]
async fn an_accepted_mail_is_an_audit_event_of_its_user() {
    let node = TestNode::new().await;
    let ben = node.pending("ben").await;
    let mail = node.mail_jobs().remove(0);
    node.spy.take_audited();
    node.mailer.refuse(Some(MailRefusal::Temporary));
    node.deliver().await;
    assert!(node.spy.take_audited().is_empty());
    node.mailer.refuse(None);
    node.advance(seconds(2));
    assert_eq!(node.deliver().await, SENT);
    let events = node.spy.take_audited();
    let [sent] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!(
        (sent.event, sent.user_id),
        (AuditKind::MailSent, Some(ben.id))
    );
    assert_eq!(sent.detail, Some(format!("sign-up {}", mail.id)));
    assert_eq!(sent.actor, "worker");
}

#[tokio::test]
async fn only_a_queued_mail_wakes_the_worker() {
    let node = TestNode::new().await;
    let is_woken = async || {
        let mut waiting = std::pin::pin!(node.doorward.outbox.mail_enqueued());
        std::future::poll_fn(|cx| std::task::Poll::Ready(waiting.as_mut().poll(cx).is_ready()))
            .await
    };
    node.user_without_mailbox("eve").await;
    assert!(!is_woken().await);
    node.pending("ben").await;
    assert!(is_woken().await);
    assert!(!is_woken().await);
    // A mail that is due wakes another task, since there may be more.
    node.deliver().await;
    assert!(is_woken().await);
    node.deliver().await;
    assert!(!is_woken().await);
}

async fn job(node: &TestNode, kind: MailKind, user: Option<&str>, address: &str) -> MailJob {
    let user_id = match user {
        Some(name) => Some(node.doorward.operator.find_by_name(name).await.unwrap().id),
        None => None,
    };
    MailJob {
        id: JobId::generate(node.now(), &*node.random),
        kind,
        user_id,
        email: email(address),
        locale: Locale::En,
        device: None,
        created_at: node.now(),
        attempts: 0,
        due_at: node.now(),
        failed_at: None,
        status: JobStatus::Waiting,
        failed_attempts: 0,
        last_error: None,
    }
}

/// a mail to an unconfirmed address contains no name, and only a harmless username.
#[tokio::test]
async fn a_mail_to_an_unconfirmed_address_has_no_name_and_only_a_harmless_username() {
    let node = TestNode::new().await;
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
        let user = node.try_sign_up(wanted).await.unwrap();
        let mail = node.one_mail().await;
        assert_eq!(
            (mail.greeting.as_deref(), mail.username.as_deref()),
            (None, told)
        );
        // The page behind the link shows the name.
        let viewed = node
            .doorward
            .confirmation
            .view_confirmation(&node.anonymous(), &token_in(&mail))
            .await;
        assert_eq!(viewed.unwrap().name, user.name);
    }
}
