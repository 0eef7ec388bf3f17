//! Recovering a lost password by a mailed link.

use doorward_domain::Error;
use doorward_domain::model::{Link, Purpose};
use doorward_domain::ports::{MailTemplate, Store};
use doorward_domain::store::Records;
use doorward_domain::values::Token;

use crate::world::*;

async fn ask(world: &World, address: &str) {
    let address = email(address);
    world
        .doorward
        .recovery
        .request_recovery(&world.anon(), &address)
        .await
        .unwrap();
}

async fn recover(world: &World, token: &Token, new: &str) -> Result<(), Error> {
    world
        .doorward
        .recovery
        .recover(&world.anon(), token, &secret(new))
        .await
}

/// sets a new password, ends every session, sends a notice, and signs in no client.
#[tokio::test]
async fn the_link_sets_a_password_once_and_ends_all_sessions() {
    let world = World::new().await;
    world.active("ben").await;
    let open = world.sign_in("ben").await;
    ask(&world, "ben@example.com").await;
    let mail = world.one_mail().await;
    assert_eq!(mail.template, MailTemplate::Recover);
    assert_eq!(mail.valid_minutes, Some(30));
    let token = token_in(&mail);
    world.audited();
    recover(&world, &token, OTHER_PASSWORD).await.unwrap();
    assert_eq!(world.audited(), ["recovered"]);
    assert_err!(world.check(&open).await, Error::InvalidToken);
    assert_err!(
        world.try_sign_in("ben", PASSWORD).await,
        Error::InvalidCredentials
    );
    world.try_sign_in("ben", OTHER_PASSWORD).await.unwrap();
    assert_eq!(
        world.one_mail().await.template,
        MailTemplate::PasswordChanged
    );
    let again = recover(&world, &token, "three lamps afloat").await;
    assert_err!(again, Error::LinkExpired);
}

/// thirty minutes, by the clock.
#[tokio::test]
async fn the_link_expires_after_exactly_half_an_hour() {
    for (age, lives) in [(minutes(30) - MICROSECOND, true), (minutes(30), false)] {
        let world = World::new().await;
        world.active("ben").await;
        ask(&world, "ben@example.com").await;
        let token = token_in(&world.one_mail().await);
        world.advance(age);
        let viewed = world
            .doorward
            .recovery
            .view_recovery(&world.anon(), &token)
            .await;
        assert_eq!(viewed.is_ok(), lives);
        assert_eq!(recover(&world, &token, OTHER_PASSWORD).await.is_ok(), lives);
    }
}

#[tokio::test]
async fn a_rejected_password_does_not_use_the_link() {
    let world = World::new().await;
    world.active("ben").await;
    ask(&world, "ben@example.com").await;
    let token = token_in(&world.one_mail().await);
    let refused = recover(&world, &token, "password1").await;
    assert_err!(refused, Error::Invalid(fields) if fields[0].field == "new_password");
    recover(&world, &token, OTHER_PASSWORD).await.unwrap();
}

/// two concurrent requests set one password.
#[tokio::test]
async fn two_concurrent_uses_set_one_password() {
    let world = World::new().await;
    world.active("ben").await;
    ask(&world, "ben@example.com").await;
    let token = token_in(&world.one_mail().await);
    world.audited();
    world.spy.yield_once();
    let (one, other) = tokio::join!(
        recover(&world, &token, "three lamps afloat"),
        recover(&world, &token, "four lamps ashore")
    );
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    assert_eq!(world.audited(), ["recovered"]);
    let (right, wrong) = match one {
        Ok(()) => ("three lamps afloat", "four lamps ashore"),
        Err(_) => ("four lamps ashore", "three lamps afloat"),
    };
    world.try_sign_in("ben", right).await.unwrap();
    assert_err!(
        world.try_sign_in("ben", wrong).await,
        Error::InvalidCredentials
    );
}

/// unknown, unconfirmed and disabled accounts get no link.
#[tokio::test]
async fn only_an_active_account_gets_a_link() {
    let world = World::new().await;
    world.pending("pending").await;
    world.active("disabled").await;
    let off = world
        .doorward
        .admin
        .disable(&world.operator(), "disabled", None)
        .await;
    off.unwrap();
    world.mails().await;
    for name in ["unknown", "pending", "disabled"] {
        ask(&world, &format!("{name}@example.com")).await;
    }
    world.audited();
    assert!(world.mails().await.is_empty());
    assert!(
        world.store.mail_jobs().is_empty(),
        "done with, not tried again"
    );
    assert!(world.audited().is_empty());
}

/// a link is bound to its purpose, user and address.
#[tokio::test]
async fn a_confirmation_link_does_not_set_a_password() {
    let world = World::new().await;
    world.pending("ben").await;
    let confirmation = token_in(&world.one_mail().await);
    let made_up = Token::generate(&*world.secrets);
    for token in [&confirmation, &made_up] {
        assert_err!(
            recover(&world, token, OTHER_PASSWORD).await,
            Error::LinkExpired
        );
        let viewed = world
            .doorward
            .recovery
            .view_recovery(&world.anon(), token)
            .await;
        assert_err!(viewed, Error::LinkExpired);
    }
}

/// a newer link, a new password, a new address, disabling and deletion each void it.
#[tokio::test]
async fn every_security_event_of_the_account_voids_the_link() {
    for event in ["newer link", "password set", "disabled", "moved", "deleted"] {
        let world = World::new().await;
        world.active("ben").await;
        ask(&world, "ben@example.com").await;
        let token = token_in(&world.one_mail().await);
        let operator = world.operator();
        let doorward = &world.doorward;
        match event {
            "newer link" => {
                world.advance(minutes(3));
                ask(&world, "ben@example.com").await;
                world.one_mail().await;
            }
            "password set" => {
                let new = secret(OTHER_PASSWORD);
                doorward
                    .password
                    .set_password(&operator, "ben", &new)
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
                doorward
                    .email
                    .change_email(&operator, "ben", &new, None, None)
                    .await
                    .unwrap();
                let mails = world.mails().await;
                let confirm = mails.iter().find(|mail| mail.to == new).unwrap();
                doorward
                    .email
                    .confirm(&world.anon(), &token_in(confirm))
                    .await
                    .unwrap();
            }
            _ => drop(
                doorward
                    .profile
                    .delete_account(&operator, "ben", None)
                    .await
                    .unwrap(),
            ),
        }
        let refused = recover(&world, &token, "three lamps afloat").await;
        assert!(
            matches!(refused, Err(Error::LinkExpired)),
            "{event}: {refused:?}"
        );
    }
}

/// a recovery voids a pending address change.
#[tokio::test]
async fn a_recovery_cancels_a_pending_address_change() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let thief = world.sign_in("ben").await;
    let (evil, shown) = (email("evil@example.com"), password(PASSWORD));
    let ctx = world.of(&thief);
    world
        .doorward
        .email
        .change_email(&ctx, "me", &evil, Some(&shown), None)
        .await
        .unwrap();
    let mails = world.mails().await;
    let late = token_in(mails.iter().find(|mail| mail.to == evil).unwrap());
    ask(&world, "ben@example.com").await;
    let token = token_in(&world.one_mail().await);
    recover(&world, &token, OTHER_PASSWORD).await.unwrap();
    let refused = world.doorward.email.confirm(&world.anon(), &late).await;
    assert_err!(refused, Error::LinkExpired);
    let kept = world.kept_user(&ben).await;
    assert_eq!(kept.email, Some(email("ben@example.com")));
    assert_eq!(kept.pending_email, None);
}

/// also with a link that a worker created while the account was being disabled.
#[tokio::test]
async fn a_disabled_account_cannot_be_recovered() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let off = world
        .doorward
        .admin
        .disable(&world.operator(), "ben", None)
        .await;
    off.unwrap();
    let late = world.link(&ben, Purpose::Recovery, "ben@example.com").await;
    let refused = recover(&world, &late, OTHER_PASSWORD).await;
    assert_err!(refused, Error::LinkExpired);
}

/// a used link is invalid even if it is still stored.
#[tokio::test]
async fn a_used_link_that_is_still_stored_is_invalid() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let spent = world.link(&ben, Purpose::Recovery, "ben@example.com").await;
    let digest = spent.digest();
    let link = world.store.find_readable::<Link>(Link::DIGEST, &digest);
    let used = link.await.unwrap().unwrap().mark_used(world.now());
    world.store.apply(vec![used]).await.unwrap();
    let viewed = world
        .doorward
        .recovery
        .view_recovery(&world.anon(), &spent)
        .await;
    assert_err!(viewed, Error::LinkExpired);
    let refused = recover(&world, &spent, OTHER_PASSWORD).await;
    assert_err!(refused, Error::LinkExpired);
}

/// a link to a former address of the account is invalid.
#[tokio::test]
async fn a_link_to_an_address_other_than_the_accounts_is_invalid() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let other = world.link(&ben, Purpose::Recovery, "old@example.com").await;
    let refused = recover(&world, &other, OTHER_PASSWORD).await;
    assert_err!(refused, Error::LinkExpired);
}
