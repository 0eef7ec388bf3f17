//! Confirming an address: once, before the link expires, by the recipient of the mail.

use doorward_domain::Error;
use doorward_domain::model::{Purpose, Status};
use doorward_domain::ports::MailTemplate;
use doorward_domain::profile::ProfileUpdate;
use doorward_domain::values::{Data, Token};
use serde_json::json;

use crate::world::*;

#[tokio::test]
async fn a_confirmation_link_activates_the_user_and_can_be_repeated() {
    let world = World::new().await;
    world.pending("ben").await;
    let token = token_in(&world.one_mail().await);
    let confirmed = world
        .doorward
        .email
        .confirm(&world.anon(), &token)
        .await
        .unwrap();
    assert_eq!(confirmed.status, Status::Active);
    assert_eq!(confirmed.email, Some(email("ben@example.com")));
    assert_eq!(confirmed.pending_email, None);
    world.sign_in("ben@example.com").await;
    world.audited();
    let again = world
        .doorward
        .email
        .confirm(&world.anon(), &token)
        .await
        .unwrap();
    assert_eq!(again, confirmed);
    assert!(
        world.audited().is_empty(),
        "nothing happened the second time"
    );
}

/// a used link does not reveal data that was written after its use.
#[tokio::test]
async fn a_used_link_does_not_reveal_later_data() {
    let world = World::new().await;
    world.pending("ben").await;
    let token = token_in(&world.one_mail().await);
    world
        .doorward
        .email
        .confirm(&world.anon(), &token)
        .await
        .unwrap();
    let signed_in = world.sign_in("ben@example.com").await;
    world.advance(seconds(1));
    let profile = ProfileUpdate::Replace {
        name: None,
        data: Data::parse(json!({"phone": "555 2368"})).unwrap(),
    };
    let ctx = world.of(&signed_in);
    let updated = world
        .doorward
        .profile
        .update_profile(&ctx, "me", &profile, None);
    updated.await.unwrap();
    let again = world
        .doorward
        .email
        .confirm(&world.anon(), &token)
        .await
        .unwrap();
    assert_eq!(
        (again.status, again.data),
        (Status::Active, Data::default())
    );
    let viewed = world
        .doorward
        .email
        .view_confirmation(&world.anon(), &token)
        .await;
    assert_eq!(viewed.unwrap().data, Data::default());
}

/// expiry follows the clock, not the sweeper.
#[tokio::test]
async fn the_link_expires_after_exactly_a_day() {
    for (age, lives) in [(hours(24) - MICROSECOND, true), (hours(24), false)] {
        let world = World::new().await;
        world.pending("ben").await;
        let token = token_in(&world.one_mail().await);
        world.advance(age);
        let viewed = world
            .doorward
            .email
            .view_confirmation(&world.anon(), &token)
            .await;
        assert_eq!(viewed.is_ok(), lives);
        let confirmed = world.doorward.email.confirm(&world.anon(), &token).await;
        assert_eq!(confirmed.is_ok(), lives);
    }
}

/// mail scanners follow links.
#[tokio::test]
async fn viewing_the_link_changes_nothing() {
    let world = World::new().await;
    let user = world.pending("ben").await;
    let token = token_in(&world.one_mail().await);
    world.forget();
    for _ in 0..5 {
        let viewed = world
            .doorward
            .email
            .view_confirmation(&world.anon(), &token)
            .await;
        assert_eq!(viewed.unwrap().id, user.id);
    }
    assert!(!world.spy.take_calls().contains(&"apply"));
    world
        .doorward
        .email
        .confirm(&world.anon(), &token)
        .await
        .unwrap();
}

/// wrong passwords for the address of a sign-up do not keep its owner from confirming it by the mailed
/// link, with its password.
#[tokio::test]
async fn wrong_passwords_of_other_clients_do_not_prevent_a_confirmation() {
    let world = World::with(|policy| policy.confirmation_requires_password = true).await;
    world.pending("ben").await;
    let link = token_in(&world.one_mail().await);
    for _ in 0..100 {
        let _ = world.try_sign_in("ben@example.com", OTHER_PASSWORD).await;
        world.advance(seconds(10));
    }
    let (anon, own) = (world.anon(), password(PASSWORD));
    let confirmed = world
        .doorward
        .email
        .confirm_with_password(&anon, &link, Some(&own));
    confirmed.await.unwrap();
}

/// of two concurrent requests one uses the link, and both succeed.
#[tokio::test]
async fn two_concurrent_clicks_confirm_once() {
    let world = World::new().await;
    world.pending("ben").await;
    let token = token_in(&world.one_mail().await);
    world.audited();
    world.spy.yield_once();
    let ctx = world.anon();
    let (one, other) = tokio::join!(
        world.doorward.email.confirm(&ctx, &token),
        world.doorward.email.confirm(&ctx, &token)
    );
    assert_eq!(one.unwrap(), other.unwrap());
    assert_eq!(world.audited(), ["email-confirmed"]);
}

/// a link is invalid for any other purpose.
#[tokio::test]
async fn a_recovery_link_and_an_invented_link_do_not_confirm() {
    let world = World::new().await;
    world.active("ben").await;
    world.ask_recovery("ben@example.com").await;
    let recovery = token_in(&world.one_mail().await);
    let made_up = Token::generate(&*world.secrets);
    for token in [&recovery, &made_up] {
        let ctx = world.anon();
        assert_err!(
            world.doorward.email.confirm(&ctx, token).await,
            Error::LinkExpired
        );
        assert_err!(
            world.doorward.email.cancel_confirmation(&ctx, token).await,
            Error::LinkExpired
        );
        let viewed = world.doorward.email.view_confirmation(&ctx, token).await;
        assert_err!(viewed, Error::LinkExpired);
    }
}

/// even if user and address match.
#[tokio::test]
async fn a_link_works_only_for_its_purpose() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let eve = world.pending("eve").await;
    let ctx = world.anon();
    let confirms = world
        .link(&ben, Purpose::Confirmation, "ben@example.com")
        .await;
    let new = secret(OTHER_PASSWORD);
    let refused = world.doorward.recovery.recover(&ctx, &confirms, &new).await;
    assert_err!(refused, Error::LinkExpired);
    let recovers = world.link(&eve, Purpose::Recovery, "eve@example.com").await;
    let refused = world.doorward.email.confirm(&ctx, &recovers).await;
    assert_err!(refused, Error::LinkExpired);
}

#[tokio::test]
async fn a_confirmation_request_without_a_pending_address_gets_the_same_response_and_no_mail() {
    let world = World::new().await;
    world.pending("ben").await;
    world.active("eve").await;
    world.mails().await;
    world.forget();
    let mut calls = Vec::new();
    for address in ["ben@example.com", "eve@example.com", "nobody@example.com"] {
        let address = email(address);
        world
            .doorward
            .email
            .request_confirmation(&world.anon(), &address)
            .await
            .unwrap();
        calls.push(world.spy.take_calls());
    }
    assert!(calls.iter().all(|call| *call == ["apply"]), "{calls:?}");
    assert_eq!(world.one_mail().await.to.as_str(), "ben@example.com");
}

/// “this wasn't me” deletes the sign-up.
#[tokio::test]
async fn the_owner_of_the_mailbox_can_cancel_a_sign_up() {
    let world = World::new().await;
    let eve = world.pending("eve").await;
    let token = token_in(&world.one_mail().await);
    world
        .doorward
        .email
        .cancel_confirmation(&world.anon(), &token)
        .await
        .unwrap();
    assert_eq!(world.kept(&eve).await, None);
    let late = world.doorward.email.confirm(&world.anon(), &token).await;
    assert_err!(late, Error::LinkExpired);
    let again = world
        .doorward
        .email
        .cancel_confirmation(&world.anon(), &token)
        .await;
    assert_err!(again, Error::LinkExpired);
    assert_err!(
        world.try_sign_in("eve@example.com", PASSWORD).await,
        Error::InvalidCredentials
    );
}

#[tokio::test]
async fn a_confirmed_account_cannot_be_cancelled() {
    let world = World::new().await;
    let ben = world.pending("ben").await;
    let token = token_in(&world.one_mail().await);
    world
        .doorward
        .email
        .confirm(&world.anon(), &token)
        .await
        .unwrap();
    let late = world
        .doorward
        .email
        .cancel_confirmation(&world.anon(), &token)
        .await;
    assert_err!(late, Error::LinkExpired);
    assert_eq!(world.kept_user(&ben).await.status, Status::Active);
}

/// also with a link that a worker created while the account was being disabled.
#[tokio::test]
async fn a_disabled_account_cannot_be_confirmed() {
    let world = World::new().await;
    let ben = world.pending("ben").await;
    let token = token_in(&world.one_mail().await);
    let disabled = world
        .doorward
        .admin
        .disable(&world.operator(), &ben.id.to_string(), None)
        .await;
    disabled.unwrap();
    let refused = world.doorward.email.confirm(&world.anon(), &token).await;
    assert_err!(refused, Error::LinkExpired);
    let late = world
        .link(&ben, Purpose::Confirmation, "ben@example.com")
        .await;
    let ctx = world.anon();
    assert_err!(
        world.doorward.email.view_confirmation(&ctx, &late).await,
        Error::LinkExpired
    );
    assert_err!(
        world.doorward.email.confirm(&ctx, &late).await,
        Error::LinkExpired
    );
    assert_err!(
        world.doorward.email.cancel_confirmation(&ctx, &late).await,
        Error::LinkExpired
    );
}

/// a link confirms only the address it was mailed to, not another pending address of the account.
#[tokio::test]
async fn a_link_to_an_address_that_is_not_pending_does_not_confirm() {
    let world = World::new().await;
    let ben = world.pending("ben").await;
    let other = world.link(&ben, Purpose::Confirmation, "old@example.com");
    let other = other.await;
    let ctx = world.anon();
    for refused in [
        world.doorward.email.confirm(&ctx, &other).await,
        world.doorward.email.view_confirmation(&ctx, &other).await,
    ] {
        assert_err!(refused, Error::LinkExpired);
    }
    let kept = world.kept_user(&ben).await;
    assert_eq!((kept.status, kept.email), (Status::Pending, None));
}

#[tokio::test]
async fn a_concurrently_changed_user_is_read_again() {
    let world = World::new().await;
    let user = world.pending("ben").await;
    let token = token_in(&world.one_mail().await);
    let mut renamed = world.kept_user(&user).await;
    renamed.version = user.version.next();
    renamed.role = doorward_domain::model::Role::Admin;
    world.spy.interleave(renamed.replace(&user));
    let confirmed = world
        .doorward
        .email
        .confirm(&world.anon(), &token)
        .await
        .unwrap();
    assert_eq!(confirmed.role, doorward_domain::model::Role::Admin);
    assert_eq!(confirmed.status, Status::Active);
}

/// requests for confirmations and sign-ups with another user's address do not use up that user's limit for
/// recovery mails or for the mail of their own sign-up.
#[tokio::test]
async fn each_kind_of_mail_has_its_own_limit() {
    for owned in [true, false] {
        let world = World::new().await;
        if owned {
            world.active("ben").await;
            world.advance(hours(1));
        }
        let address = email("ben@example.com");
        for number in 0..4 {
            let anon = world.anon();
            let _ = world
                .doorward
                .email
                .request_confirmation(&anon, &address)
                .await;
            if owned {
                let name = format!("eve{number}");
                let claim = sign_up(Some(&name), Some("ben@example.com"));
                world.try_sign_up(claim).await.unwrap();
            }
            world.mails().await;
            world.advance(minutes(3));
        }
        let template = match owned {
            true => {
                let anon = world.anon();
                let asked = world.doorward.recovery.request_recovery(&anon, &address);
                asked.await.unwrap();
                MailTemplate::Recover
            }
            false => {
                world.pending("ben").await;
                MailTemplate::Confirm
            }
        };
        assert_eq!(world.one_mail().await.template, template);
    }
}
