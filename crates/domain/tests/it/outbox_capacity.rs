//! The outbox is bounded, and other clients cannot displace a user's mails.

use doorward_domain::Error;

use crate::world::*;

/// H-05: above the bound, the error does not depend on whether the address has an owner.
#[tokio::test]
async fn a_full_outbox_rejects_requests_for_mail() {
    let world = World::with(|policy| {
        policy.max_outbox = 3;
        policy.throttle = false;
    })
    .await;
    let ben = world.active("ben").await;
    world.mails().await;
    world.advance(seconds(3));
    world.deliver().await;
    for name in ["eve", "tom", "sue"] {
        let address = format!("{name}@example.com");
        let wanted = sign_up(Some(name), Some(&address));
        world.try_sign_up(wanted).await.unwrap();
    }
    let anon = world.anon();
    for address in ["ben@example.com", "nobody@example.com"] {
        let address = email(address);
        let recovery = world
            .doorward
            .recovery
            .request_recovery(&anon, &address)
            .await;
        assert!(matches!(recovery, Err(Error::Overloaded)));
        let again = world
            .doorward
            .email
            .request_confirmation(&anon, &address)
            .await;
        assert!(matches!(again, Err(Error::Overloaded)));
    }
    let wanted = sign_up(Some("ann"), Some("ann@example.com"));
    let refused = world.try_sign_up(wanted).await;
    assert!(matches!(refused, Err(Error::Overloaded)));
    // Requests without a mail still succeed, and all others do once the mails are sent.
    let wanted = sign_up(Some("jim"), None);
    world.try_sign_up(wanted).await.unwrap();
    world.sign_in("ben").await;
    world.mails().await;
    world.advance(seconds(3));
    world.deliver().await;
    let bens = email("ben@example.com");
    let recovery = world.doorward.recovery.request_recovery(&anon, &bens).await;
    recovery.unwrap();
    assert!(world.kept(&ben).await.is_some());
}

/// H-05: wrong passwords for an address add no mail to a full outbox.
#[tokio::test]
async fn password_guesses_add_no_mail_to_a_full_outbox() {
    let world = World::with(|policy| policy.max_outbox = 1).await;
    world.active("ben").await;
    world.mails().await;
    world.advance(seconds(3));
    world.deliver().await;
    world.pending("eve").await;
    for _ in 0..101 {
        world.advance(seconds(10));
        let wrong = world.try_sign_in("ben@example.com", OTHER_PASSWORD).await;
        assert!(wrong.is_err());
    }
    assert_eq!(world.store.mail_jobs().len(), 1, "that of the sign-up");
}
