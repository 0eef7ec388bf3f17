//! Recovering a lost password by a mailed link.

use doorward_domain::Error;
use doorward_domain::model::{AuditKind, Link, MailKind, Purpose};
use doorward_domain::store::{Records, Store};
use doorward_domain::values::Token;

use crate::test_node::*;

async fn ask(node: &TestNode, address: &str) {
    let address = email(address);
    node.doorward
        .recovery
        .request(&node.anonymous(), &address, None)
        .await
        .unwrap();
}

async fn recover(node: &TestNode, token: &Token, new: &str) -> Result<(), Error> {
    node.doorward
        .recovery
        .finish(&node.anonymous(), token, &secret(new))
        .await
}

/// sets a new password, ends every session, sends a notice, and signs in no client.
#[tokio::test]
async fn the_link_sets_a_password_once_and_ends_all_sessions() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let open = node.sign_in("ben").await;
    ask(&node, "ben@example.com").await;
    let mail = node.one_mail().await;
    assert_eq!(mail.kind, MailKind::Recovery);
    assert_eq!(mail.valid_minutes, Some(30));
    let token = token_in(&mail);
    node.audited();
    recover(&node, &token, OTHER_PASSWORD).await.unwrap();
    assert_eq!(node.audited(), ["recovered"]);
    assert_err!(node.check(&open).await, Error::InvalidToken);
    assert_err!(
        node.try_sign_in("ben", PASSWORD).await,
        Error::InvalidCredentials
    );
    node.try_sign_in("ben", OTHER_PASSWORD).await.unwrap();
    assert_eq!(node.one_mail().await.kind, MailKind::PasswordChanged);
    let again = recover(&node, &token, "three lamps afloat").await;
    assert_err!(again, Error::LinkExpired);
}

/// L-01: the request of anyone else does not look up the account.
#[tokio::test]
async fn a_mail_that_an_admin_requests_is_audited_with_the_user() {
    let node = TestNode::new().await;
    node.list_at_once();
    let (root, ben) = (node.admin("root").await, node.active("ben").await);
    let admin = node.of(&node.sign_in("root").await);
    ask(&node, "ben@example.com").await;
    node.spy.take_audited();
    let (recovery, address) = (&node.doorward.recovery, email("ben@example.com"));
    recovery
        .request(&admin, &address, Some(ben.id))
        .await
        .unwrap();
    let events = node.spy.take_audited();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].event, AuditKind::RecoveryRequested);
    assert_eq!(events[0].user_id, Some(ben.id));
    assert_eq!(events[0].actor, format!("user:{}", root.id));
    let account = node.doorward.accounts.view_account(&admin, "ben").await;
    let activity = account.unwrap().activity;
    let requests = activity
        .iter()
        .filter(|event| event.event == AuditKind::RecoveryRequested);
    assert_eq!(requests.count(), 1);
}

/// thirty minutes, by the clock.
#[tokio::test]
async fn the_link_expires_after_exactly_half_an_hour() {
    for (age, lives) in [(minutes(30) - MICROSECOND, true), (minutes(30), false)] {
        let node = TestNode::new().await;
        node.active("ben").await;
        ask(&node, "ben@example.com").await;
        let token = token_in(&node.one_mail().await);
        node.advance(age);
        let viewed = node.doorward.recovery.view(&node.anonymous(), &token).await;
        assert_eq!(viewed.is_ok(), lives);
        assert_eq!(recover(&node, &token, OTHER_PASSWORD).await.is_ok(), lives);
    }
}

#[tokio::test]
async fn a_rejected_password_does_not_use_the_link() {
    let node = TestNode::new().await;
    node.active("ben").await;
    ask(&node, "ben@example.com").await;
    let token = token_in(&node.one_mail().await);
    let refused = recover(&node, &token, "password1").await;
    assert_err!(refused, Error::Invalid(fields) if fields[0].field == "new_password");
    recover(&node, &token, OTHER_PASSWORD).await.unwrap();
}

/// two concurrent requests set one password.
#[tokio::test]
async fn two_concurrent_uses_set_one_password() {
    let node = TestNode::new().await;
    node.active("ben").await;
    ask(&node, "ben@example.com").await;
    let token = token_in(&node.one_mail().await);
    node.audited();
    node.spy.yield_once();
    let (one, other) = tokio::join!(
        recover(&node, &token, "three lamps afloat"),
        recover(&node, &token, "four lamps ashore")
    );
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    assert_eq!(node.audited(), ["recovered"]);
    let (right, wrong) = match one {
        Ok(()) => ("three lamps afloat", "four lamps ashore"),
        Err(_) => ("four lamps ashore", "three lamps afloat"),
    };
    node.try_sign_in("ben", right).await.unwrap();
    assert_err!(
        node.try_sign_in("ben", wrong).await,
        Error::InvalidCredentials
    );
}

/// unknown, unconfirmed and disabled accounts get no link.
#[tokio::test]
async fn only_an_active_account_gets_a_link() {
    let node = TestNode::new().await;
    node.pending("pending").await;
    node.active("disabled").await;
    let off = node
        .doorward
        .admin
        .disable(&node.operator(), "disabled", None)
        .await;
    off.unwrap();
    node.mails().await;
    for name in ["unknown", "pending", "disabled"] {
        ask(&node, &format!("{name}@example.com")).await;
    }
    node.audited();
    assert!(node.mails().await.is_empty());
    assert!(node.mail_jobs().is_empty(), "done with, not tried again");
    assert!(node.audited().is_empty());
}

/// a link is bound to its purpose, user and address.
#[tokio::test]
async fn a_confirmation_link_does_not_set_a_password() {
    let node = TestNode::new().await;
    node.pending("ben").await;
    let confirmation = token_in(&node.one_mail().await);
    let made_up = Token::generate(&*node.random);
    for token in [&confirmation, &made_up] {
        assert_err!(
            recover(&node, token, OTHER_PASSWORD).await,
            Error::LinkExpired
        );
        let viewed = node.doorward.recovery.view(&node.anonymous(), token).await;
        assert_err!(viewed, Error::LinkExpired);
    }
}

/// a newer link, a new password, a new address, disabling and deletion each void it.
#[tokio::test]
async fn every_security_event_of_the_account_voids_the_link() {
    for event in ["newer link", "password set", "disabled", "moved", "deleted"] {
        let node = TestNode::new().await;
        node.active("ben").await;
        ask(&node, "ben@example.com").await;
        let token = token_in(&node.one_mail().await);
        let operator = node.operator();
        let doorward = &node.doorward;
        match event {
            "newer link" => {
                node.advance(minutes(3));
                ask(&node, "ben@example.com").await;
                node.one_mail().await;
            }
            "password set" => {
                let new = secret(OTHER_PASSWORD);
                doorward
                    .passwords
                    .set(&operator, "ben", &new)
                    .await
                    .unwrap();
            }
            "disabled" => {
                doorward
                    .admin
                    .disable(&operator, "ben", None)
                    .await
                    .unwrap();
                doorward.admin.enable(&operator, "ben", None).await.unwrap();
            }
            "moved" => {
                let new = email("new@example.com");
                change_email(doorward, &operator, "ben", &new, None, None)
                    .await
                    .unwrap();
                let mails = node.mails().await;
                let confirm = mails.iter().find(|mail| mail.to == new).unwrap();
                doorward
                    .confirmation
                    .confirm(&node.anonymous(), &token_in(confirm))
                    .await
                    .unwrap();
            }
            _ => drop(
                doorward
                    .deletion
                    .delete(&operator, "ben", None)
                    .await
                    .unwrap(),
            ),
        }
        let refused = recover(&node, &token, "three lamps afloat").await;
        assert!(
            matches!(refused, Err(Error::LinkExpired)),
            "{event}: {refused:?}"
        );
    }
}

/// a recovery voids a pending address change.
#[tokio::test]
async fn a_recovery_cancels_a_pending_address_change() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    let thief = node.sign_in("ben").await;
    let (evil, shown) = (email("evil@example.com"), proof(PASSWORD));
    let ctx = node.of(&thief);
    change_email(&node.doorward, &ctx, "me", &evil, Some(&shown), None)
        .await
        .unwrap();
    let mails = node.mails().await;
    let late = token_in(mails.iter().find(|mail| mail.to == evil).unwrap());
    ask(&node, "ben@example.com").await;
    let token = token_in(&node.one_mail().await);
    recover(&node, &token, OTHER_PASSWORD).await.unwrap();
    let refused = node
        .doorward
        .confirmation
        .confirm(&node.anonymous(), &late)
        .await;
    assert_err!(refused, Error::LinkExpired);
    let kept = node.stored_user(&ben).await;
    assert_eq!(kept.email, Some(email("ben@example.com")));
    assert_eq!(kept.pending_email, None);
}

/// also with a link that a worker created while the account was being disabled.
#[tokio::test]
async fn a_disabled_account_cannot_be_recovered() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    let off = node
        .doorward
        .admin
        .disable(&node.operator(), "ben", None)
        .await;
    off.unwrap();
    let late = node.link(&ben, Purpose::Recovery, "ben@example.com").await;
    let refused = recover(&node, &late, OTHER_PASSWORD).await;
    assert_err!(refused, Error::LinkExpired);
}

/// a used link is invalid even if it is still stored.
#[tokio::test]
async fn a_used_link_that_is_still_stored_is_invalid() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    let spent = node.link(&ben, Purpose::Recovery, "ben@example.com").await;
    let digest = spent.digest();
    let link = node.store.find::<Link>(Link::DIGEST, &digest);
    let used = link.await.unwrap().unwrap().mark_used(node.now());
    node.store.apply(vec![used]).await.unwrap();
    let viewed = node.doorward.recovery.view(&node.anonymous(), &spent).await;
    assert_err!(viewed, Error::LinkExpired);
    let refused = recover(&node, &spent, OTHER_PASSWORD).await;
    assert_err!(refused, Error::LinkExpired);
}

/// a link to a former address of the account is invalid.
#[tokio::test]
async fn a_link_to_an_address_other_than_the_accounts_is_invalid() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    let other = node.link(&ben, Purpose::Recovery, "old@example.com").await;
    let refused = recover(&node, &other, OTHER_PASSWORD).await;
    assert_err!(refused, Error::LinkExpired);
}
