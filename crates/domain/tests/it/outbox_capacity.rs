//! The outbox is bounded, and other clients cannot displace a user's mails.

use doorward_domain::Error;

use crate::test_node::*;

/// H-05: above the bound, the error does not depend on whether the address has an owner.
#[tokio::test]
async fn a_full_outbox_rejects_requests_for_mail() {
    let node = TestNode::with(|policy| {
        policy.max_outbox = 3;
        policy.throttle = false;
    })
    .await;
    let ben = node.active("ben").await;
    node.mails().await;
    node.advance(seconds(3));
    node.deliver().await;
    for name in ["eve", "tom", "sue"] {
        let address = format!("{name}@example.com");
        let wanted = sign_up(Some(name), Some(&address));
        node.try_sign_up(wanted).await.unwrap();
    }
    let anonymous = node.anonymous();
    for address in ["ben@example.com", "nobody@example.com"] {
        let address = email(address);
        let recovery = node
            .doorward
            .recovery
            .request(&anonymous, &address, None)
            .await;
        assert!(matches!(recovery, Err(Error::Overloaded)));
        let again = node
            .doorward
            .confirmation
            .request_confirmation(&anonymous, &address, None)
            .await;
        assert!(matches!(again, Err(Error::Overloaded)));
    }
    let wanted = sign_up(Some("ann"), Some("ann@example.com"));
    let refused = node.try_sign_up(wanted).await;
    assert!(matches!(refused, Err(Error::Overloaded)));
    // Requests without a mail still succeed, and all others do once the mails are sent.
    let wanted = sign_up(Some("jim"), None);
    node.try_sign_up(wanted).await.unwrap();
    node.sign_in("ben").await;
    node.mails().await;
    node.advance(seconds(3));
    node.deliver().await;
    let bens = email("ben@example.com");
    let recovery = node
        .doorward
        .recovery
        .request(&anonymous, &bens, None)
        .await;
    recovery.unwrap();
    assert!(node.stored_session(&ben).await.is_some());
}

/// H-05: wrong passwords for an address add no mail to a full outbox.
#[tokio::test]
async fn password_guesses_add_no_mail_to_a_full_outbox() {
    let node = TestNode::with(|policy| policy.max_outbox = 1).await;
    node.active("ben").await;
    node.mails().await;
    node.advance(seconds(3));
    node.deliver().await;
    node.pending("eve").await;
    for _ in 0..101 {
        node.advance(seconds(10));
        let wrong = node.try_sign_in("ben@example.com", OTHER_PASSWORD).await;
        assert!(wrong.is_err());
    }
    assert_eq!(node.mail_jobs().len(), 1, "that of the sign-up");
}
