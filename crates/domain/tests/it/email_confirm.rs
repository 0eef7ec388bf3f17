//! Confirming an address: once, before the link expires, by the recipient of the mail.

use doorward_domain::Error;
use doorward_domain::model::{MailKind, Purpose, Status};
use doorward_domain::users::ProfileUpdate;
use doorward_domain::values::{Data, Token};
use serde_json::json;

use crate::test_node::*;

#[tokio::test]
async fn a_confirmation_link_activates_the_user_and_can_be_repeated() {
    let node = TestNode::new().await;
    node.pending("ben").await;
    let token = token_in(&node.one_mail().await);
    let confirmed = node
        .doorward
        .confirmation
        .confirm(&node.anonymous(), &token)
        .await
        .unwrap();
    assert_eq!(confirmed.status, Status::Active);
    assert_eq!(confirmed.email, Some(email("ben@example.com")));
    assert_eq!(confirmed.pending_email, None);
    node.sign_in("ben@example.com").await;
    node.audited();
    let again = node
        .doorward
        .confirmation
        .confirm(&node.anonymous(), &token)
        .await
        .unwrap();
    assert_eq!(again, confirmed);
    assert!(
        node.audited().is_empty(),
        "nothing happened the second time"
    );
}

/// a used link does not reveal data that was written after its use.
#[tokio::test]
async fn a_used_link_does_not_reveal_later_data() {
    let node = TestNode::new().await;
    node.pending("ben").await;
    let token = token_in(&node.one_mail().await);
    node.doorward
        .confirmation
        .confirm(&node.anonymous(), &token)
        .await
        .unwrap();
    let signed_in = node.sign_in("ben@example.com").await;
    node.advance(seconds(1));
    let profile = ProfileUpdate::Replace {
        name: None,
        data: Data::parse(json!({"phone": "555 2368"})).unwrap(),
        locale: None,
    };
    let ctx = node.of(&signed_in);
    let updated = node.doorward.profile.update(&ctx, "me", &profile, None);
    updated.await.unwrap();
    let again = node
        .doorward
        .confirmation
        .confirm(&node.anonymous(), &token)
        .await
        .unwrap();
    assert_eq!(
        (again.status, again.data),
        (Status::Active, Data::default())
    );
    let viewed = node
        .doorward
        .confirmation
        .view_confirmation(&node.anonymous(), &token)
        .await;
    assert_eq!(viewed.unwrap().data, Data::default());
}

/// expiry follows the clock, not the sweeper.
#[tokio::test]
async fn the_link_expires_after_exactly_a_day() {
    for (age, lives) in [(hours(24) - MICROSECOND, true), (hours(24), false)] {
        let node = TestNode::new().await;
        node.pending("ben").await;
        let token = token_in(&node.one_mail().await);
        node.advance(age);
        let viewed = node
            .doorward
            .confirmation
            .view_confirmation(&node.anonymous(), &token)
            .await;
        assert_eq!(viewed.is_ok(), lives);
        let confirmed = node
            .doorward
            .confirmation
            .confirm(&node.anonymous(), &token)
            .await;
        assert_eq!(confirmed.is_ok(), lives);
    }
}

/// mail scanners follow links.
#[tokio::test]
async fn viewing_the_link_changes_nothing() {
    let node = TestNode::new().await;
    let user = node.pending("ben").await;
    let token = token_in(&node.one_mail().await);
    node.clear_cache();
    for _ in 0..5 {
        let viewed = node
            .doorward
            .confirmation
            .view_confirmation(&node.anonymous(), &token)
            .await;
        assert_eq!(viewed.unwrap().id, user.id);
    }
    assert!(!node.spy.take_calls().contains(&"apply"));
    node.doorward
        .confirmation
        .confirm(&node.anonymous(), &token)
        .await
        .unwrap();
}

/// wrong passwords for the address of a sign-up do not keep its owner from confirming it by the mailed
/// link, with its password.
#[tokio::test]
async fn wrong_passwords_of_other_clients_do_not_prevent_a_confirmation() {
    let node = TestNode::with(|policy| policy.confirmation_requires_password = true).await;
    node.pending("ben").await;
    let link = token_in(&node.one_mail().await);
    for _ in 0..100 {
        let _ = node.try_sign_in("ben@example.com", OTHER_PASSWORD).await;
        node.advance(seconds(10));
    }
    let (anonymous, own) = (node.anonymous(), password(PASSWORD));
    let confirmed = node
        .doorward
        .confirmation
        .confirm_with_password(&anonymous, &link, Some(&own));
    confirmed.await.unwrap();
}

/// of two concurrent requests one uses the link, and both succeed.
#[tokio::test]
async fn two_concurrent_clicks_confirm_once() {
    let node = TestNode::new().await;
    node.pending("ben").await;
    let token = token_in(&node.one_mail().await);
    node.audited();
    node.spy.yield_once();
    let ctx = node.anonymous();
    let (one, other) = tokio::join!(
        node.doorward.confirmation.confirm(&ctx, &token),
        node.doorward.confirmation.confirm(&ctx, &token)
    );
    assert_eq!(one.unwrap(), other.unwrap());
    assert_eq!(node.audited(), ["email-confirmed"]);
}

/// a link is invalid for any other purpose.
#[tokio::test]
async fn a_recovery_link_and_an_invented_link_do_not_confirm() {
    let node = TestNode::new().await;
    node.active("ben").await;
    node.ask_recovery("ben@example.com").await;
    let recovery = token_in(&node.one_mail().await);
    let made_up = Token::generate(&*node.random);
    for token in [&recovery, &made_up] {
        let ctx = node.anonymous();
        assert_err!(
            node.doorward.confirmation.confirm(&ctx, token).await,
            Error::LinkExpired
        );
        assert_err!(
            node.doorward
                .confirmation
                .cancel_confirmation(&ctx, token)
                .await,
            Error::LinkExpired
        );
        let viewed = node
            .doorward
            .confirmation
            .view_confirmation(&ctx, token)
            .await;
        assert_err!(viewed, Error::LinkExpired);
    }
}

/// even if user and address match.
#[tokio::test]
async fn a_link_works_only_for_its_purpose() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    let eve = node.pending("eve").await;
    let ctx = node.anonymous();
    let confirms = node
        .link(&ben, Purpose::Confirmation, "ben@example.com")
        .await;
    let new = secret(OTHER_PASSWORD);
    let refused = node.doorward.recovery.finish(&ctx, &confirms, &new).await;
    assert_err!(refused, Error::LinkExpired);
    let recovers = node.link(&eve, Purpose::Recovery, "eve@example.com").await;
    let refused = node.doorward.confirmation.confirm(&ctx, &recovers).await;
    assert_err!(refused, Error::LinkExpired);
}

#[tokio::test]
async fn a_confirmation_request_without_a_pending_address_gets_the_same_response_and_no_mail() {
    let node = TestNode::new().await;
    node.pending("ben").await;
    node.active("eve").await;
    node.mails().await;
    node.clear_cache();
    let mut calls = Vec::new();
    for address in ["ben@example.com", "eve@example.com", "nobody@example.com"] {
        let address = email(address);
        node.doorward
            .confirmation
            .request_confirmation(&node.anonymous(), &address, None)
            .await
            .unwrap();
        calls.push(node.spy.take_calls());
    }
    assert!(calls.iter().all(|call| *call == ["apply"]), "{calls:?}");
    assert_eq!(node.one_mail().await.to.as_str(), "ben@example.com");
}

/// “this wasn't me” deletes the sign-up.
#[tokio::test]
async fn the_owner_of_the_mailbox_can_cancel_a_sign_up() {
    let node = TestNode::new().await;
    let eve = node.pending("eve").await;
    let token = token_in(&node.one_mail().await);
    node.doorward
        .confirmation
        .cancel_confirmation(&node.anonymous(), &token)
        .await
        .unwrap();
    assert_eq!(node.stored_session(&eve).await, None);
    let late = node
        .doorward
        .confirmation
        .confirm(&node.anonymous(), &token)
        .await;
    assert_err!(late, Error::LinkExpired);
    let again = node
        .doorward
        .confirmation
        .cancel_confirmation(&node.anonymous(), &token)
        .await;
    assert_err!(again, Error::LinkExpired);
    assert_err!(
        node.try_sign_in("eve@example.com", PASSWORD).await,
        Error::InvalidCredentials
    );
}

#[tokio::test]
async fn a_confirmed_account_cannot_be_cancelled() {
    let node = TestNode::new().await;
    let ben = node.pending("ben").await;
    let token = token_in(&node.one_mail().await);
    node.doorward
        .confirmation
        .confirm(&node.anonymous(), &token)
        .await
        .unwrap();
    let late = node
        .doorward
        .confirmation
        .cancel_confirmation(&node.anonymous(), &token)
        .await;
    assert_err!(late, Error::LinkExpired);
    assert_eq!(node.stored_user(&ben).await.status, Status::Active);
}

/// also with a link that a worker created while the account was being disabled.
#[tokio::test]
async fn a_disabled_account_cannot_be_confirmed() {
    let node = TestNode::new().await;
    let ben = node.pending("ben").await;
    let token = token_in(&node.one_mail().await);
    let disabled = node
        .doorward
        .admin
        .disable(&node.operator(), &ben.id.to_string(), None)
        .await;
    disabled.unwrap();
    let refused = node
        .doorward
        .confirmation
        .confirm(&node.anonymous(), &token)
        .await;
    assert_err!(refused, Error::LinkExpired);
    let late = node
        .link(&ben, Purpose::Confirmation, "ben@example.com")
        .await;
    let ctx = node.anonymous();
    assert_err!(
        node.doorward
            .confirmation
            .view_confirmation(&ctx, &late)
            .await,
        Error::LinkExpired
    );
    assert_err!(
        node.doorward.confirmation.confirm(&ctx, &late).await,
        Error::LinkExpired
    );
    assert_err!(
        node.doorward
            .confirmation
            .cancel_confirmation(&ctx, &late)
            .await,
        Error::LinkExpired
    );
}

/// a link confirms only the address it was mailed to, not another pending address of the account.
#[tokio::test]
async fn a_link_to_an_address_that_is_not_pending_does_not_confirm() {
    let node = TestNode::new().await;
    let ben = node.pending("ben").await;
    let other = node.link(&ben, Purpose::Confirmation, "old@example.com");
    let other = other.await;
    let ctx = node.anonymous();
    for refused in [
        node.doorward.confirmation.confirm(&ctx, &other).await,
        node.doorward
            .confirmation
            .view_confirmation(&ctx, &other)
            .await,
    ] {
        assert_err!(refused, Error::LinkExpired);
    }
    let kept = node.stored_user(&ben).await;
    assert_eq!((kept.status, kept.email), (Status::Pending, None));
}

#[tokio::test]
async fn a_concurrently_changed_user_is_read_again() {
    let node = TestNode::new().await;
    let user = node.pending("ben").await;
    let token = token_in(&node.one_mail().await);
    let mut renamed = node.stored_user(&user).await;
    renamed.version = user.version.next();
    renamed.role = doorward_domain::values::Role::Admin;
    node.spy.interleave(renamed.replace(&user));
    let confirmed = node
        .doorward
        .confirmation
        .confirm(&node.anonymous(), &token)
        .await
        .unwrap();
    assert_eq!(confirmed.role, doorward_domain::values::Role::Admin);
    assert_eq!(confirmed.status, Status::Active);
}

/// requests for confirmations and sign-ups with another user's address do not use up that user's limit for
/// recovery mails or for the mail of their own sign-up.
#[tokio::test]
async fn each_kind_of_mail_has_its_own_limit() {
    for owned in [true, false] {
        let node = TestNode::new().await;
        if owned {
            node.active("ben").await;
            node.advance(hours(1));
        }
        let address = email("ben@example.com");
        for number in 0..4 {
            let anonymous = node.anonymous();
            let _ = node
                .doorward
                .confirmation
                .request_confirmation(&anonymous, &address, None)
                .await;
            if owned {
                let name = format!("eve{number}");
                let claim = sign_up(Some(&name), Some("ben@example.com"));
                node.try_sign_up(claim).await.unwrap();
            }
            node.mails().await;
            node.advance(minutes(3));
        }
        let template = match owned {
            true => {
                let anonymous = node.anonymous();
                let asked = node.doorward.recovery.request(&anonymous, &address, None);
                asked.await.unwrap();
                MailKind::Recovery
            }
            false => {
                node.pending("ben").await;
                MailKind::SignUp
            }
        };
        assert_eq!(node.one_mail().await.kind, template);
    }
}
