//! The limits of mails to one mailbox: no client can use them up for its owner.

use std::net::{IpAddr, Ipv4Addr};

use doorward_domain::Error;
use doorward_domain::model::{MailKind, User};
use doorward_domain::outbox::Mail;
use doorward_domain::sessions::SignedIn;

use crate::test_node::*;

const ADDRESS: &str = "ben@example.com";

/// A request from one of the networks.
fn from(node: &TestNode, network: u8) -> doorward_domain::Ctx {
    let mut ctx = node.anonymous();
    ctx.client.address = Some(IpAddr::V4(Ipv4Addr::new(203, 0, 113, network)));
    ctx
}

/// Signs up with the address. Each request is a second later than the one before.
async fn sign_up_from(node: &TestNode, network: u8, name: &str) -> User {
    node.advance(seconds(1));
    let ctx = from(node, network);
    let wanted = sign_up(Some(name), Some(ADDRESS));
    node.doorward.sign_up.start(&ctx, wanted).await.unwrap()
}

async fn resend_from(node: &TestNode, network: u8) -> Result<(), Error> {
    node.advance(seconds(1));
    let ctx = from(node, network);
    let confirmation = &node.doorward.confirmation;
    confirmation
        .request_confirmation(&ctx, &email(ADDRESS), None)
        .await
}

async fn recover_from(node: &TestNode, network: u8) -> Result<(), Error> {
    node.advance(seconds(1));
    let ctx = from(node, network);
    let recovery = &node.doorward.recovery;
    recovery.request(&ctx, &email(ADDRESS), None).await
}

/// The user of the session requests the address.
async fn change_from(node: &TestNode, network: u8, session: &SignedIn) -> Result<(), Error> {
    node.advance(seconds(1));
    let mut ctx = node.of(session);
    ctx.client.address = from(node, network).client.address;
    let (new, proof) = (email(ADDRESS), proof(PASSWORD));
    change_email(&node.doorward, &ctx, "me", &new, Some(&proof), None).await
}

/// Repeats a request until a limit denies it.
async fn until_denied(request: impl AsyncFn() -> Result<(), Error>) {
    for _ in 0..100 {
        if request().await.is_err() {
            return;
        }
    }
    panic!("100 requests were allowed");
}

/// The usernames in the mails that are due now, in the order in which they are sent.
async fn names(node: &TestNode) -> Vec<String> {
    let name = |mail: &Mail| mail.username.clone().unwrap_or_default();
    node.mails().await.iter().map(name).collect()
}

/// Uses up the ceiling of the mailbox, from four networks.
async fn use_up_the_ceiling(node: &TestNode) {
    for number in 0..10 {
        sign_up_from(node, number / 3, &format!("eve{number}")).await;
        node.mails().await;
    }
}

/// one network that requests as many mails as it can, at any moment, in any way, does not delay the owner's link.
#[tokio::test]
async fn one_network_does_not_delay_the_link_of_an_owner() {
    for attack_from in (0..=60).step_by(6) {
        let node = TestNode::new().await;
        node.list_at_once();
        node.active("mallory").await;
        let session = node.sign_in("mallory").await;
        for minute in 0..=60 {
            if minute == 60 {
                sign_up_from(&node, 1, "ben").await;
            }
            if minute >= attack_from {
                until_denied(async || resend_from(&node, 66).await).await;
                sign_up_from(&node, 66, &format!("eve{minute}")).await;
                until_denied(async || change_from(&node, 66, &session).await).await;
            }
            let sent = names(&node).await;
            let is_sent = sent.iter().any(|name| name == "ben");
            assert_eq!(is_sent, minute == 60, "{attack_from}, {minute}: {sent:?}");
            node.advance(minutes(1));
        }
    }
}

/// the owner gets another link, although newer accounts have the same pending address.
#[tokio::test]
async fn an_unknown_client_does_not_keep_the_owner_from_another_link() {
    let node = TestNode::new().await;
    node.list_at_once();
    for number in 0..2 {
        sign_up_from(&node, 66, &format!("eve{number}")).await;
    }
    sign_up_from(&node, 1, "ben").await;
    resend_from(&node, 66).await.unwrap();
    assert_eq!(node.mails().await.len(), 6);
    assert_err!(
        resend_from(&node, 66).await,
        Error::TooManyAttempts { retry_after } if retry_after.as_secs() > 1000
    );
    resend_from(&node, 1).await.unwrap();
    let again = node.mails().await;
    let mut again = again.iter();
    let again = again.find(|mail| mail.username.as_deref() == Some("ben"));
    let link = token_in(again.expect("the owner gets another link"));
    let confirmed = node
        .doorward
        .confirmation
        .confirm(&node.anonymous(), &link)
        .await;
    assert_eq!(confirmed.unwrap().email, Some(email(ADDRESS)));
}

/// three requests an hour for one network. The sign-up itself succeeds, with or without an owner of the address.
#[tokio::test]
async fn sign_ups_from_one_network_send_three_mails_an_hour_to_a_mailbox() {
    let node = TestNode::new().await;
    for number in 0..5 {
        sign_up_from(&node, 1, &format!("ben{number}")).await;
    }
    assert_eq!(node.mails().await.len(), 3);
    assert!(node.mail_jobs().is_empty());
    node.advance(minutes(20));
    sign_up_from(&node, 1, "ben").await;
    assert_eq!(node.mails().await.len(), 1);
}

/// A sign-up that fails sends no mail, so it does not count.
#[tokio::test]
async fn a_sign_up_with_a_taken_username_does_not_count() {
    let node = TestNode::new().await;
    node.user_without_mailbox("taken").await;
    for _ in 0..5 {
        let ctx = from(&node, 1);
        let wanted = sign_up(Some("taken"), Some(ADDRESS));
        let refused = node.doorward.sign_up.start(&ctx, wanted).await;
        assert_err!(refused, Error::UsernameTaken);
    }
    sign_up_from(&node, 1, "ben").await;
    assert_eq!(node.mails().await.len(), 1);
}

/// the ceiling counts mails, of which one resend causes several.
#[tokio::test]
async fn sign_ups_and_resends_from_many_networks_send_ten_mails_at_once() {
    let node = TestNode::new().await;
    node.list_at_once();
    let mut sent = 0;
    for network in 0..5 {
        sign_up_from(&node, network, &format!("eve{network}")).await;
        sent += node.mails().await.len();
    }
    for network in 5..10 {
        resend_from(&node, network).await.unwrap();
        sent += node.mails().await.len();
    }
    assert_eq!(sent, 10);
    for _ in 0..3 {
        node.advance(minutes(6));
        assert_eq!(node.mails().await.len(), 1);
    }
    assert!(node.mail_jobs().is_empty(), "one for each account");
}

/// above the ceiling a mail waits, the newest first, and one is sent every six minutes.
#[tokio::test]
async fn above_the_ceiling_mails_wait_and_the_newest_is_sent_first() {
    let node = TestNode::new().await;
    node.list_at_once();
    use_up_the_ceiling(&node).await;
    for name in ["first", "second", "third"] {
        sign_up_from(&node, 9, name).await;
        assert!(names(&node).await.is_empty());
    }
    node.advance(minutes(6) - seconds(13));
    assert!(names(&node).await.is_empty());
    for name in ["third", "second", "first"] {
        node.advance(seconds(1));
        assert_eq!(names(&node).await, [name]);
        node.advance(minutes(6) - seconds(1));
    }
    assert!(node.mail_jobs().is_empty());
}

/// The newest request replaces older ones of the same account, which have the same content.
#[tokio::test]
async fn a_waiting_mail_is_replaced_by_a_newer_one_of_the_same_account() {
    let node = TestNode::new().await;
    node.list_at_once();
    use_up_the_ceiling(&node).await;
    sign_up_from(&node, 9, "ben").await;
    assert!(names(&node).await.is_empty());
    for _ in 0..2 {
        resend_from(&node, 9).await.unwrap();
        assert!(names(&node).await.is_empty());
    }
    let waiting = node.mail_jobs();
    let kinds: Vec<_> = waiting.iter().map(|job| job.kind).collect();
    let resent = MailKind::ConfirmationResend;
    assert_eq!(kinds, [MailKind::SignUp, resent, resent, resent]);
    for job in &waiting[1..] {
        assert_eq!(job.created_at, node.now(), "the newest");
    }
}

/// The owner gets a link, although the mails of two newer accounts wait with it and newer requests replace all of them.
#[tokio::test]
async fn resends_from_many_networks_do_not_keep_the_owner_from_a_link() {
    let node = TestNode::new().await;
    node.list_at_once();
    sign_up_from(&node, 1, "ben").await;
    node.mails().await;
    for network in 2..4 {
        sign_up_from(&node, network, &format!("eve{network}")).await;
    }
    node.advance(minutes(1));
    let mut sent = Vec::new();
    for number in 0..60 {
        resend_from(&node, 10 + number).await.unwrap();
        sent.extend(names(&node).await);
        node.advance(minutes(3));
    }
    let to_the_owner = sent.iter().skip(10).filter(|name| *name == "ben");
    assert!(to_the_owner.count() >= 3, "{sent:?}");
}

/// A newer recovery link voids the one before it, so only the newest request waits.
#[tokio::test]
async fn only_the_newest_recovery_mail_waits() {
    let node = TestNode::new().await;
    node.list_at_once();
    node.active("ben").await;
    for number in 0..13 {
        recover_from(&node, number / 3).await.unwrap();
        assert_eq!(node.mails().await.len(), usize::from(number < 10));
    }
    assert_eq!(node.mail_jobs().len(), 1);
    assert_eq!(node.mail_jobs()[0].created_at, node.now());
    node.advance(minutes(6));
    let link = token_in(&node.one_mail().await);
    node.doorward
        .recovery
        .view(&node.anonymous(), &link)
        .await
        .unwrap();
    node.advance(hours(1));
    assert!(node.mails().await.is_empty());
}

/// requests for confirmations and for recoveries have limits of their own.
#[tokio::test]
async fn sign_ups_do_not_delay_a_recovery() {
    let node = TestNode::new().await;
    node.active("ben").await;
    use_up_the_ceiling(&node).await;
    recover_from(&node, 66).await.unwrap();
    assert_eq!(node.one_mail().await.kind, MailKind::Recovery);
}

/// The owner of an address gets one mail about all sign-ups that wait.
#[tokio::test]
async fn the_owner_gets_one_mail_about_the_sign_ups_that_wait() {
    let node = TestNode::new().await;
    node.list_at_once();
    node.active("ben").await;
    node.advance(hours(1));
    use_up_the_ceiling(&node).await;
    for number in 0..5 {
        sign_up_from(&node, 9 + number, &format!("zoe{number}")).await;
        node.mails().await;
    }
    assert_eq!(node.mail_jobs().len(), 1);
    node.advance(minutes(6));
    assert_eq!(node.one_mail().await.kind, MailKind::AlreadyRegistered);
    assert!(node.mail_jobs().is_empty());
}

/// A resend for an address that has an owner is dropped, so it must not replace a mail to the owner.
#[tokio::test]
async fn a_resend_that_is_dropped_replaces_no_mail_to_the_owner() {
    let node = TestNode::new().await;
    node.list_at_once();
    node.active("ben").await;
    node.advance(hours(1));
    use_up_the_ceiling(&node).await;
    sign_up_from(&node, 9, "zoe").await;
    resend_from(&node, 9).await.unwrap();
    assert!(node.mails().await.is_empty());
    node.advance(minutes(6));
    assert_eq!(node.one_mail().await.kind, MailKind::AlreadyRegistered);
}

/// H-05: a mailbox can be flooded neither for days nor at the cost of the outbox.
#[tokio::test]
async fn at_most_ten_mails_wait_for_a_mailbox() {
    let node = TestNode::new().await;
    node.list_at_once();
    use_up_the_ceiling(&node).await;
    for number in 0..24 {
        sign_up_from(&node, 10 + number / 2, &format!("zoe{number}")).await;
        node.mails().await;
    }
    assert!(node.mail_jobs().len() <= 10, "{}", node.mail_jobs().len());
    let mut due: Vec<_> = node.mail_jobs().iter().map(|job| job.due_at).collect();
    due.sort_unstable();
    for pair in due.windows(2) {
        assert!(pair[1].duration_since(pair[0]) >= minutes(6), "{due:?}");
    }
}

/// clients without a known address share no limit. The ceiling applies to them.
#[tokio::test]
async fn requests_from_unknown_addresses_are_not_counted_together() {
    let node = TestNode::new().await;
    node.list_at_once();
    node.active("ben").await;
    for _ in 0..12 {
        node.advance(seconds(1));
        node.ask_recovery(ADDRESS).await;
    }
    assert_eq!(node.mails().await.len(), 10);
    assert_eq!(node.mail_jobs().len(), 1, "the newest replaces the other");
}
