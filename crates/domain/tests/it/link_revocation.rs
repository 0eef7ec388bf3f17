//! When a mailed link is void. Every event against every secret is a case of the stores' contract
//! (`crates/testkit/src/contract/secrets.rs`).

use doorward_domain::Error;
use doorward_domain::model::{MailKind, User};
use doorward_domain::outbox::Mail;
use doorward_domain::values::Token;

use crate::test_node::*;

fn token(mails: &[Mail], template: MailKind) -> Token {
    let found = mails.iter().find(|mail| mail.kind == template);
    token_in(found.unwrap_or_else(|| panic!("{template:?}: {:?}", summary(mails))))
}

async fn request_change(node: &TestNode, new: &str) -> Vec<Mail> {
    let session = node.sign_in("ben").await;
    let (ctx, new, shown) = (node.of(&session), email(new), proof(PASSWORD));
    let asked = change_email(&node.doorward, &ctx, "me", &new, Some(&shown), None).await;
    asked.unwrap();
    node.mails().await
}

/// a security event between the lookup of the user and the link voids the link.
#[tokio::test]
async fn a_recovery_link_has_the_epoch_that_was_read() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    node.ask_recovery("ben@example.com").await;
    let raised = User {
        security_epoch: ben.security_epoch + 1,
        version: ben.version.next(),
        ..ben.clone()
    };
    node.spy.interleave(raised.replace(&ben));
    let token = token_in(&node.one_mail().await);
    let new = secret(OTHER_PASSWORD);
    let refused = node
        .doorward
        .recovery
        .finish(&node.anonymous(), &token, &new)
        .await;
    assert_err!(refused, Error::LinkExpired);
}

/// with the setting, a confirmation needs the password of the account, and a wrong one counts like one at
/// sign-in.
#[tokio::test]
async fn a_confirmation_can_require_the_password() {
    let node = TestNode::with(|policy| policy.confirmation_requires_password = true).await;
    node.unconfirmed("ben").await;
    let link = token_in(&node.one_mail().await);
    let (doorward, anonymous) = (&node.doorward, node.anonymous());
    node.audited();
    assert_err!(doorward.confirmation.confirm(&anonymous, &link).await, Error::Invalid(faults) if faults[0].field == "password");
    assert_eq!(node.audited(), [""; 0]);
    let wrong = password(OTHER_PASSWORD);
    for _ in 0..3 {
        let refused = doorward
            .confirmation
            .confirm_with_password(&anonymous, &link, Some(&wrong))
            .await;
        assert_err!(refused, Error::InvalidCredentials);
    }
    assert_eq!(node.audited(), ["email-confirmed!wrong password"; 3]);
    let right = password(PASSWORD);
    let confirm = async |ctx| {
        doorward
            .confirmation
            .confirm_with_password(&ctx, &link, Some(&right))
            .await
    };
    assert_err!(
        confirm(node.anonymous()).await,
        Error::TooManyAttempts { .. }
    );
    node.advance(seconds(2));
    let confirmed = confirm(node.anonymous()).await.unwrap();
    assert_eq!(confirmed.email, Some(email("ben@example.com")));
    // “This wasn't me” needs no password.
    node.pending("eve").await;
    let link = token_in(&node.one_mail().await);
    node.doorward
        .confirmation
        .cancel_confirmation(&node.anonymous(), &link)
        .await
        .unwrap();
    // The user who opens the link of an email change need not be the one who requested it.
    let mails = request_change(&node, "new@example.org").await;
    let link = token(&mails, MailKind::EmailChange);
    let anonymous = node.anonymous();
    assert_err!(
        doorward.confirmation.confirm(&anonymous, &link).await,
        Error::Invalid(_)
    );
    let moved = doorward
        .confirmation
        .confirm_with_password(&anonymous, &link, Some(&right));
    moved.await.unwrap();
}
