//! What admins do with queued mails: list, view, retry and delete them, and send a test mail.

use std::time::Duration;

use doorward_domain::model::{JobStatus, Link, MailFilter, MailJob, MailKind, User};
use doorward_domain::store::{Claim, Record, Store, Write};
use doorward_domain::values::{JobId, Role};
use doorward_domain::{Ctx, Error};

use crate::test_node::*;

async fn node() -> TestNode {
    let node = TestNode::new().await;
    node.list_at_once();
    node.admin("ada").await;
    node
}

/// A request of the admin, who has just signed in.
async fn ada(node: &TestNode) -> Ctx {
    let session = node.sign_in("ada").await;
    node.audited();
    node.of(&session)
}

async fn list(node: &TestNode, status: JobStatus) -> Vec<MailJob> {
    let filter = MailFilter {
        status: Some(status),
        before: None,
        limit: 10,
    };
    let operator = node.operator();
    let listed = node.doorward.unsent_mails.list(&operator, &filter);
    listed.await.unwrap()
}

/// The one mail with this status.
async fn one(node: &TestNode, status: JobStatus) -> MailJob {
    let mut mails = list(node, status).await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    mails.remove(0)
}

#[tokio::test]
async fn a_mail_is_listed_with_what_has_become_of_it() {
    let node = node().await;
    let ben = node.pending("ben").await;
    let waiting = one(&node, JobStatus::Waiting).await;
    assert_eq!((waiting.user_id, waiting.attempts), (Some(ben.id), 0));
    assert_eq!(waiting.next_attempt_at(node.now()), Some(node.now()));
    node.mailer.refuse(Some(MailRefusal::Temporary));
    node.deliver().await;
    let failing = one(&node, JobStatus::Failing).await;
    assert_eq!((failing.id, failing.attempts), (waiting.id, 1));
    let due_at = node.now() + seconds(2);
    assert_eq!(failing.next_attempt_at(node.now()), Some(due_at));
    assert!(list(&node, JobStatus::Waiting).await.is_empty());
    node.mailer.refuse(Some(MailRefusal::Permanent));
    node.advance(seconds(2));
    node.deliver().await;
    let given_up = one(&node, JobStatus::GivenUp).await;
    assert_eq!((given_up.id, given_up.attempts), (waiting.id, 2));
    assert_eq!(given_up.failed_at, Some(node.now()));
    assert_eq!(given_up.next_attempt_at(node.now()), None);
    assert!(list(&node, JobStatus::Failing).await.is_empty());
}

/// L-02: the server quotes the mail, but its link is not stored.
#[tokio::test]
async fn the_last_error_has_the_words_of_the_server_and_no_secret() {
    let node = node().await;
    node.pending("ben").await;
    node.mailer.refuse(Some(MailRefusal::Temporary));
    node.deliver().await;
    let error = one(&node, JobStatus::Failing).await.last_error;
    let quoted = "configured to reject https://accounts.example/confirmation/***";
    assert_eq!(error.as_deref(), Some(quoted));
}

#[tokio::test]
async fn a_failing_mail_is_retried_at_once() {
    let node = node().await;
    node.pending("ben").await;
    node.mailer.refuse(Some(MailRefusal::Temporary));
    node.deliver().await;
    node.advance(minutes(8));
    node.deliver().await;
    node.mailer.refuse(None);
    assert!(node.deliver().await.is_empty(), "it is due in two minutes");
    let (id, ada) = (one(&node, JobStatus::Failing).await.id, ada(&node).await);
    let retried = node.doorward.unsent_mails.retry(&ada, id).await.unwrap();
    assert_eq!(retried.next_attempt_at(node.now()), Some(node.now()));
    assert_eq!(node.deliver().await.sent, 1);
    let audited = node.spy.take_audited();
    let event = &audited[0];
    let detail = format!("sign-up {id}");
    assert_eq!(
        (event.event.as_str(), event.detail.as_deref()),
        ("mail-retried", Some(detail.as_str()))
    );
    assert_eq!(event.user_id, retried.user_id);
}

#[tokio::test]
async fn a_mail_that_failed_permanently_gets_one_more_attempt() {
    let node = node().await;
    node.pending("ben").await;
    node.mailer.refuse(Some(MailRefusal::Permanent));
    node.deliver().await;
    // It has no more time for others.
    node.advance(hours(72));
    node.mailer.refuse(Some(MailRefusal::Temporary));
    for _ in 0..2 {
        let id = one(&node, JobStatus::GivenUp).await.id;
        let ada = ada(&node).await;
        let retried = node.doorward.unsent_mails.retry(&ada, id).await.unwrap();
        assert_eq!(
            (retried.status, retried.failed_at),
            (JobStatus::Failing, None)
        );
        assert_eq!(one(&node, JobStatus::Failing).await, retried);
        node.deliver().await;
        node.advance(hours(1));
    }
    node.mailer.refuse(None);
    let (id, ada) = (one(&node, JobStatus::GivenUp).await.id, ada(&node).await);
    node.doorward.unsent_mails.retry(&ada, id).await.unwrap();
    assert_eq!(node.deliver().await.sent, 1);
    assert_err!(
        node.doorward.unsent_mails.retry(&ada, id).await,
        Error::NotFound
    );
}

/// Otherwise two workers would send it.
#[tokio::test(start_paused = true)]
async fn a_mail_that_is_being_sent_is_not_retried() {
    let node = node().await;
    node.pending("ben").await;
    let ada = ada(&node).await;
    node.mailer.delay(Duration::from_secs(60));
    let worker = node.worker();
    let sending = node.doorward.outbox.deliver(&worker, 1);
    let cut_off = tokio::time::timeout(Duration::from_secs(5), sending).await;
    assert!(cut_off.is_err());
    let leased = one(&node, JobStatus::Waiting).await;
    assert_eq!(leased.next_attempt_at(node.now()), None);
    node.audited();
    let retried = node.doorward.unsent_mails.retry(&ada, leased.id).await;
    assert_eq!(retried.unwrap(), leased);
    assert!(node.audited().is_empty());
    // Its lease ends, and so does the attempt.
    node.advance(minutes(2));
    let after = node.now();
    assert_eq!(leased.next_attempt_at(after), Some(after));
}

/// An older node does not count the attempts that fail. The migration has marked those before it.
#[tokio::test]
async fn a_mail_that_an_older_node_has_tried_is_retried_unless_its_next_attempt_is_near() {
    let node = node().await;
    node.pending("ben").await;
    let ada = ada(&node).await;
    let waiting = one(&node, JobStatus::Waiting).await;
    let lease = minutes(2);
    for (failed_attempts, status, wait, is_retried) in [
        (1, JobStatus::Failing, seconds(1), true),
        (0, JobStatus::Waiting, lease, false),
        (0, JobStatus::Waiting, lease + MICROSECOND, true),
    ] {
        let tried = MailJob {
            attempts: 1,
            failed_attempts,
            status,
            due_at: node.now() + wait,
            ..waiting.clone()
        };
        node.store.apply(vec![Write::put(&tried)]).await.unwrap();
        let retried = node
            .doorward
            .unsent_mails
            .retry(&ada, tried.id)
            .await
            .unwrap();
        assert_eq!(retried, one(&node, status).await);
        assert_eq!(retried.due_at == node.now(), is_retried, "{tried:?}");
    }
}

#[tokio::test]
async fn a_retry_notices_that_a_worker_was_faster() {
    let node = node().await;
    node.pending("ben").await;
    let ada = ada(&node).await;
    let waiting = one(&node, JobStatus::Waiting).await;
    let claim = Claim {
        table: MailJob::TABLE,
        kinds: MailJob::kinds(),
        now: node.now(),
        lease_until: node.now() + minutes(2),
        limit: 1,
    };
    let (_, lease) = claim.lease(&waiting.to_row());
    node.spy.interleave(vec![lease]);
    let retried = node
        .doorward
        .unsent_mails
        .retry(&ada, waiting.id)
        .await
        .unwrap();
    assert!(retried.is_leased(node.now()));
    assert_eq!(node.audited(), ["outbox-listed"]);
}

/// A-13, Z-05: a thief could hide the notices about what they do.
#[tokio::test]
async fn a_mail_is_deleted_after_a_recent_proof() {
    let node = node().await;
    let ben = node.pending("ben").await;
    let ada = ada(&node).await;
    let id = one(&node, JobStatus::Waiting).await.id;
    node.advance(minutes(6));
    let later = Ctx {
        now: node.now(),
        ..ada
    };
    node.audited();
    let delete = async |ctx: &Ctx| node.doorward.unsent_mails.delete(ctx, id).await;
    assert_err!(delete(&later).await, Error::ReauthenticationRequired);
    assert_eq!(node.audited(), ["mail-deleted!reauthentication required"]);
    let again = node.of(&node.sign_in("ada").await);
    node.audited();
    delete(&again).await.unwrap();
    let audited = node.spy.take_audited();
    assert_eq!(audited[0].event.as_str(), "mail-deleted");
    assert_eq!(audited[0].user_id, Some(ben.id));
    assert!(node.mail_jobs().is_empty());
    assert_err!(delete(&again).await, Error::NotFound);
}

/// Z-04: the write checks the role again.
#[tokio::test]
async fn an_admin_who_is_demoted_concurrently_changes_nothing() {
    let node = node().await;
    node.pending("ben").await;
    let ada = ada(&node).await;
    let id = one(&node, JobStatus::Waiting).await.id;
    let own = ada.actor.user_id().unwrap();
    let role = [("role", Role::User.as_str().into())];
    let demotion = || vec![Write::update::<User, 1>(own, role.clone(), Vec::new())];
    node.spy.interleave(demotion());
    assert_err!(
        node.doorward.unsent_mails.retry(&ada, id).await,
        Error::Forbidden
    );
    node.spy.interleave(demotion());
    assert_err!(
        node.doorward.unsent_mails.delete(&ada, id).await,
        Error::Forbidden
    );
    node.spy.interleave(demotion());
    assert_err!(
        node.doorward.unsent_mails.send_test(&ada).await,
        Error::Forbidden
    );
    assert_eq!(node.mail_jobs().len(), 1);
}

/// The secret is created when a mail is sent.
#[tokio::test]
async fn a_preview_has_no_working_link() {
    let node = node().await;
    node.pending("ben").await;
    let ada = ada(&node).await;
    let id = one(&node, JobStatus::Waiting).await.id;
    node.audited();
    let viewed = node.doorward.unsent_mails.view(&ada, id).await.unwrap();
    assert_eq!(viewed.mail.id, id);
    let text = viewed.text.unwrap().text;
    assert_eq!(text, "https://accounts.example/confirmation/preview");
    assert!(node.store.all::<Link>().is_empty());
    assert_eq!(node.audited(), ["mail-viewed"]);
}

#[tokio::test]
async fn a_mail_that_would_be_dropped_has_no_preview() {
    let node = node().await;
    node.ask_recovery("nobody@example.com").await;
    let ada = ada(&node).await;
    let id = one(&node, JobStatus::Waiting).await.id;
    let viewed = node.doorward.unsent_mails.view(&ada, id).await.unwrap();
    assert_eq!(viewed.text, None);
    let unknown = JobId::from_bytes([0; 16]);
    let missing = node.doorward.unsent_mails.view(&ada, unknown).await;
    assert_err!(missing, Error::NotFound);
}

/// A mail to reset a password is requested by address, and has no user.
#[tokio::test]
async fn the_user_of_a_mail_is_known_also_if_it_was_requested_by_address() {
    let node = node().await;
    let ben = node.active("ben").await;
    let cleo = node.pending("cleo").await;
    node.ask_recovery("BEN@example.com").await;
    node.ask_recovery("nobody@example.com").await;
    let ada = ada(&node).await;
    let mails = list(&node, JobStatus::Waiting).await;
    let users = node
        .doorward
        .unsent_mails
        .users_of(&ada, &mails)
        .await
        .unwrap();
    let found = |mail: &MailJob| users.get(&mail.id).map(|user| user.id);
    let mut found: Vec<_> = mails
        .iter()
        .map(|mail| (mail.email.as_str().to_lowercase(), found(mail)))
        .collect();
    found.sort();
    let expected = [
        ("ben@example.com", Some(ben.id)),
        ("cleo@example.com", Some(cleo.id)),
        ("nobody@example.com", None),
    ];
    let expected = expected.map(|(email, user)| (email.to_owned(), user));
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_test_mail_goes_to_the_admin_who_asks_for_it() {
    let node = node().await;
    let ada = ada(&node).await;
    let id = node.doorward.unsent_mails.send_test(&ada).await.unwrap();
    assert_eq!(node.audited(), ["test-mail-requested"]);
    assert_eq!(one(&node, JobStatus::Waiting).await.id, id);
    let mail = node.one_mail().await;
    assert_eq!(mail.kind, MailKind::Test);
    assert_eq!(mail.to.as_str(), "ada@example.com");
}

/// Otherwise a thief could hide the notices about what they do among them.
#[tokio::test]
async fn an_admin_gets_at_most_ten_test_mails_at_once() {
    let node = node().await;
    let ada = ada(&node).await;
    for _ in 0..11 {
        node.doorward.unsent_mails.send_test(&ada).await.unwrap();
    }
    assert_eq!(node.mails().await.len(), 10);
    assert!(node.mail_jobs().is_empty());
}

#[tokio::test]
async fn an_admin_without_an_address_gets_no_test_mail() {
    let node = node().await;
    node.user_without_mailbox("ben").await;
    let operator = node.operator();
    let admin = &node.doorward.admin;
    let promoted = admin.change_role(&operator, "ben", Role::Admin, None);
    promoted.await.unwrap();
    let ben = node.of(&node.sign_in("ben").await);
    let refused = node.doorward.unsent_mails.send_test(&ben).await;
    assert_err!(refused, Error::Invalid(errors) if errors[0].field == "email");
    assert!(node.mail_jobs().is_empty());
}
