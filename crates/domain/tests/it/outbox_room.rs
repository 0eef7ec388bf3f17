//! The outbox is bounded, and nobody crowds an owner out of their own address.

use doorward_domain::Error;

use crate::world::*;

/// H-05: beyond the bound nobody is told anything else, whoever's address it is.
#[tokio::test]
async fn a_full_outbox_takes_no_mail_that_a_stranger_asks_for() {
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
        let recovery = world.accounts.request_recovery(&anon, &address).await;
        assert!(matches!(recovery, Err(Error::Overloaded)));
        let again = world.accounts.request_confirmation(&anon, &address).await;
        assert!(matches!(again, Err(Error::Overloaded)));
    }
    let wanted = sign_up(Some("ann"), Some("ann@example.com"));
    let refused = world.try_sign_up(wanted).await;
    assert!(matches!(refused, Err(Error::Overloaded)));
    // What needs no mail goes on, and so does everything once they are sent.
    let wanted = sign_up(Some("jim"), None);
    world.try_sign_up(wanted).await.unwrap();
    world.sign_in("ben").await;
    world.mails().await;
    world.advance(seconds(3));
    world.deliver().await;
    let bens = email("ben@example.com");
    let recovery = world.accounts.request_recovery(&anon, &bens).await;
    recovery.unwrap();
    assert!(world.kept(&ben).await.is_some());
}

/// whoever signs up again and again with somebody's address does not keep the mail from them.
#[tokio::test]
async fn many_claims_do_not_crowd_out_the_first_nor_the_last() {
    let world = World::with(|policy| policy.throttle = false).await;
    let address = "ben@example.com";
    let between = (0..30).map(|number| format!("b{number}"));
    let all = ["first".to_owned()].into_iter().chain(between);
    for name in all.chain(["last".to_owned()]) {
        let wanted = sign_up(Some(&name), Some(address));
        world.try_sign_up(wanted).await.unwrap();
        world.mails().await;
        world.advance(seconds(5));
    }
    let mut told = std::collections::BTreeSet::new();
    for _ in 0..40 {
        let anon = world.anon();
        let bens = email(address);
        let asked = world.accounts.request_confirmation(&anon, &bens).await;
        asked.unwrap();
        let names: Vec<_> = world
            .mails()
            .await
            .into_iter()
            .map(|mail| mail.username)
            .collect();
        assert_eq!(names.len(), 3, "{names:?}");
        let has = |name: &str| names.iter().any(|told| told.as_deref() == Some(name));
        assert!(has("first") && has("last"), "{names:?}");
        told.extend(names);
        world.advance(minutes(5));
    }
    assert!(told.len() > 12, "by turns any of them: {told:?}");
}

/// H-05: guessing at other people's addresses takes no mail's last room.
#[tokio::test]
async fn a_full_outbox_takes_no_notice_of_guessing_at_an_address() {
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
