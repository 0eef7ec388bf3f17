//! Pending addresses: one per user, the same for several users, until the first confirms it.

use std::collections::BTreeSet;

use doorward_domain::Error;
use doorward_domain::model::{AuditKind, MailKind, Status, User};
use doorward_domain::outbox::Mail;
use doorward_domain::store::Records;
use doorward_domain::values::Token;

use crate::test_node::*;

const ADDRESS: &str = "ben@example.com";

/// A sign-up with the address, with a username or without.
async fn sign_up_with(node: &TestNode, name: Option<&str>) -> User {
    let wanted = sign_up(name, Some(ADDRESS));
    node.try_sign_up(wanted).await.unwrap()
}

async fn resend(node: &TestNode) -> Vec<Mail> {
    let (anonymous, address) = (node.anonymous(), email(ADDRESS));
    let requested = node
        .doorward
        .confirmation
        .request_confirmation(&anonymous, &address, None);
    requested.await.unwrap();
    node.mails().await
}

async fn confirm(node: &TestNode, token: &Token) -> Result<User, Error> {
    node.doorward
        .confirmation
        .confirm(&node.anonymous(), token)
        .await
}

/// with a username the account is active at once, and only the address waits.
#[tokio::test]
async fn an_account_with_a_username_is_active_while_its_address_waits() {
    let node = TestNode::new().await;
    let ben = sign_up_with(&node, Some("ben")).await;
    assert_eq!((ben.status, &ben.email), (Status::Active, &None));
    assert_eq!(ben.pending_address(), Some(&email(ADDRESS)));
    let session = node.sign_in("ben").await;
    assert_err!(
        node.try_sign_in(ADDRESS, PASSWORD).await,
        Error::EmailUnconfirmed
    );
    assert_err!(
        node.try_sign_in(ADDRESS, OTHER_PASSWORD).await,
        Error::InvalidCredentials
    );
    let mail = node.one_mail().await;
    assert_eq!(mail.kind, MailKind::SignUp);
    assert_eq!(mail.valid_minutes, Some(24 * 60));

    let confirmed = confirm(&node, &token_in(&mail)).await.unwrap();
    assert_eq!(
        (confirmed.status, confirmed.email, confirmed.pending_email),
        (Status::Active, Some(email(ADDRESS)), None)
    );
    node.check(&session).await.unwrap();
    node.sign_in(ADDRESS).await;
    assert!(node.mails().await.is_empty(), "no address was replaced");
}

/// “this wasn't me” removes only the address of an account that has a username.
#[tokio::test]
async fn cancelling_the_confirmation_removes_only_the_address_of_an_active_account() {
    let node = TestNode::new().await;
    node.list_at_once();
    let ben = sign_up_with(&node, Some("ben")).await;
    let session = node.sign_in("ben").await;
    let token = token_in(&node.one_mail().await);
    node.doorward
        .confirmation
        .cancel_confirmation(&node.anonymous(), &token)
        .await
        .unwrap();
    let stored = node.stored_user(&ben).await;
    assert_eq!(
        (stored.status, stored.pending_email),
        (Status::Active, None)
    );
    node.check(&session).await.unwrap();
    assert_err!(confirm(&node, &token).await, Error::LinkExpired);
    assert_err!(
        node.try_sign_in(ADDRESS, PASSWORD).await,
        Error::InvalidCredentials
    );
}

/// expiry also removes only the address, exactly three days after the request.
#[tokio::test]
async fn the_pending_address_of_an_active_account_expires() {
    let node = TestNode::new().await;
    let ben = sign_up_with(&node, Some("ben")).await;
    node.mails().await;
    node.advance(hours(72));
    node.doorward
        .housekeeping
        .sweep(&node.worker())
        .await
        .unwrap();
    assert!(node.stored_user(&ben).await.pending_email.is_some());
    node.advance(MICROSECOND);
    node.audited();
    node.doorward
        .housekeeping
        .sweep(&node.worker())
        .await
        .unwrap();
    let stored = node.stored_user(&ben).await;
    assert_eq!(
        (stored.status, stored.pending_email),
        (Status::Active, None)
    );
    assert!(node.audited().is_empty(), "no account has expired");
    node.sign_in("ben").await;
}

/// the first to confirm gets the address. Pending accounts with it are deleted, others lose it.
#[tokio::test]
async fn the_first_user_to_confirm_gets_the_address() {
    let node = TestNode::new().await;
    let mut sign_ups = Vec::new();
    for name in [None, None, Some("zoe")] {
        let user = sign_up_with(&node, name).await;
        sign_ups.push((user, token_in(&node.one_mail().await)));
    }
    let [(ben, bens), (eve, eves), (zoe, zoes)] = &sign_ups[..] else {
        panic!("three sign-ups");
    };
    node.audited();
    confirm(&node, bens).await.unwrap();
    assert_eq!(node.stored_user(ben).await.status, Status::Active);
    assert_eq!(node.stored_session(eve).await, None);
    let stored = node.stored_user(zoe).await;
    assert_eq!(
        (stored.status, stored.pending_email),
        (Status::Active, None)
    );
    assert_eq!(node.audited(), ["email-confirmed", "sign-up-superseded"]);
    for late in [eves, zoes] {
        assert_err!(confirm(&node, late).await, Error::LinkExpired);
    }
}

/// T-RACE.
#[tokio::test]
async fn one_of_two_concurrent_confirmations_gets_the_address() {
    let node = TestNode::new().await;
    let mut tokens = Vec::new();
    for name in ["ben", "eve"] {
        sign_up_with(&node, Some(name)).await;
        tokens.push(token_in(&node.one_mail().await));
    }
    node.spy.yield_once();
    let (one, other) = tokio::join!(confirm(&node, &tokens[0]), confirm(&node, &tokens[1]));
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
}

/// R-09, H-05: a confirmation clears a bounded number of others. The others can confirm nothing, and expire.
#[tokio::test]
async fn many_users_with_the_same_pending_address_expire() {
    let node = TestNode::with(|policy| policy.throttle = false).await;
    let ben = sign_up_with(&node, None).await;
    let mut others = Vec::new();
    let mails = node.mails().await;
    for _ in 0..25 {
        others.push(sign_up_with(&node, None).await);
        node.advance(seconds(1));
    }
    let last = token_in(node.mails().await.last().unwrap());
    let mut ctx = node.anonymous();
    ctx.client.address = Some([192, 0, 2, 7].into());
    node.clear_cache();
    let token = token_in(&mails[0]);
    node.doorward
        .confirmation
        .confirm(&ctx, &token)
        .await
        .unwrap();
    // L-05: each deletion has its event, without the address of the client that confirmed.
    let mut events = node.spy.take_audited();
    events.retain(|event| event.event == AuditKind::SignUpSuperseded);
    assert!(events.iter().all(|event| event.address.is_none()));
    let deleted: BTreeSet<_> = events.iter().filter_map(|event| event.user_id).collect();
    let newest: BTreeSet<_> = others[5..].iter().map(|user| user.id).collect();
    assert_eq!(deleted, newest);
    assert_err!(confirm(&node, &last).await, Error::LinkExpired);
    node.advance(hours(73));
    node.doorward
        .housekeeping
        .sweep(&node.worker())
        .await
        .unwrap();
    let left = User::with_pending_email(ADDRESS);
    let left: Vec<User> = node.store.list(left).await.unwrap();
    assert_eq!(left, []);
    assert_eq!(node.stored_user(&ben).await.email, Some(email(ADDRESS)));
}

/// a request mails the newest three users who have the address, each with a separate link. Earlier
/// links stay valid.
#[tokio::test]
async fn a_resend_mails_the_newest_users_and_leaves_earlier_links() {
    let node = TestNode::with(|policy| policy.throttle = false).await;
    let mut first = Vec::new();
    for name in ["ben", "eve", "zoe", "ada"] {
        sign_up_with(&node, Some(name)).await;
        first.push(token_in(&node.one_mail().await));
        node.advance(seconds(1));
    }
    let mails = resend(&node).await;
    let names: BTreeSet<_> = mails
        .iter()
        .filter_map(|mail| mail.username.as_deref())
        .collect();
    assert_eq!(mails.len(), 3);
    assert_eq!(names, BTreeSet::from(["eve", "zoe", "ada"]));
    assert!(node.mail_jobs().is_empty());
    for mail in &mails {
        let viewed = node
            .doorward
            .confirmation
            .view_confirmation(&node.anonymous(), &token_in(mail))
            .await
            .unwrap();
        let username = viewed
            .username
            .as_ref()
            .map(doorward_domain::values::Username::as_str);
        assert_eq!(username, mail.username.as_deref(), "its own user's link");
    }
    let confirmed = confirm(&node, &first[0]).await.unwrap();
    assert_eq!(confirmed.username, Some(username("ben")));
}

/// each mail of a request is tried again by itself.
#[tokio::test]
async fn a_mail_of_a_resend_that_is_deferred_is_sent_later_and_no_other_twice() {
    let node = TestNode::with(|policy| policy.throttle = false).await;
    for name in ["ben", "eve", "zoe"] {
        sign_up_with(&node, Some(name)).await;
        node.mails().await;
        node.advance(seconds(1));
    }
    node.mailer.defer(Some("eve"));
    let mut mails = resend(&node).await;
    assert_eq!(mails.len(), 2);
    node.advance(seconds(30));
    assert!(node.mails().await.is_empty());
    node.mailer.defer(None);
    node.advance(seconds(30));
    mails.extend(node.mails().await);
    let names: BTreeSet<_> = mails
        .iter()
        .filter_map(|mail| mail.username.clone())
        .collect();
    assert_eq!((mails.len(), names.len()), (3, 3));
}

/// Two links of one address: one is cancelled while the other is confirmed. A confirmed account is never deleted.
#[tokio::test]
async fn a_concurrent_cancellation_does_not_delete_a_confirmed_account() {
    let node = TestNode::with(|policy| policy.throttle = false).await;
    let ben = sign_up_with(&node, None).await;
    let first = token_in(&node.one_mail().await);
    let second = token_in(&resend(&node).await[0]);
    node.spy.yield_once();
    let anonymous = node.anonymous();
    let (confirmed, cancelled) = tokio::join!(
        node.doorward.confirmation.confirm(&anonymous, &first),
        node.doorward
            .confirmation
            .cancel_confirmation(&anonymous, &second)
    );
    assert!(confirmed.is_ok() != cancelled.is_ok());
    assert_eq!(node.stored_session(&ben).await.is_some(), confirmed.is_ok());
}

/// an address that is requested again replaces the pending one, and voids its links.
#[tokio::test]
async fn an_address_that_is_requested_again_voids_earlier_links() {
    let node = TestNode::with(|policy| policy.throttle = false).await;
    sign_up_with(&node, Some("ben")).await;
    let first = token_in(&node.one_mail().await);
    node.advance(seconds(1));
    let session = node.sign_in("ben").await;
    let (ctx, current) = (node.of(&session), proof(PASSWORD));
    let address = email(ADDRESS);
    let again = change_email(&node.doorward, &ctx, "me", &address, Some(&current), None);
    again.await.unwrap();
    let second = token_in(&node.one_mail().await);
    assert_err!(confirm(&node, &first).await, Error::LinkExpired);
    confirm(&node, &second).await.unwrap();
}

/// On a closed network addresses are accepted without confirmation, and stay unique.
#[tokio::test]
async fn without_confirmation_an_address_is_accepted_at_once() {
    let node = TestNode::with(|policy| {
        policy.confirm_email = false;
        policy.enumeration_protection = false;
    })
    .await;
    let ben = sign_up_with(&node, None).await;
    assert_eq!(
        (ben.status, &ben.email),
        (Status::Active, &Some(email(ADDRESS)))
    );
    assert_eq!(node.stored_user(&ben).await, ben);
    assert!(node.mails().await.is_empty());
    node.sign_in(ADDRESS).await;
    let taken = sign_up(Some("eve"), Some("BEN@example.com"));
    assert_err!(node.try_sign_up(taken).await, Error::EmailTaken);
}
