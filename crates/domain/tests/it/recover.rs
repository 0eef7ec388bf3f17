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
        .accounts
        .request_recovery(&world.anon(), &address)
        .await
        .unwrap();
}

async fn recover(world: &World, token: &Token, new: &str) -> Result<(), Error> {
    world
        .accounts
        .recover(&world.anon(), token, &secret(new))
        .await
}

/// sets a new password, ends every session, sends a notice, and signs in no client.
#[tokio::test]
async fn the_link_sets_a_password_once_and_ends_every_session() {
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
async fn the_link_lives_for_half_an_hour_to_the_microsecond() {
    for (age, lives) in [(minutes(30) - MICROSECOND, true), (minutes(30), false)] {
        let world = World::new().await;
        world.active("ben").await;
        ask(&world, "ben@example.com").await;
        let token = token_in(&world.one_mail().await);
        world.advance(age);
        let viewed = world.accounts.view_recovery(&world.anon(), &token).await;
        assert_eq!(viewed.is_ok(), lives);
        assert_eq!(recover(&world, &token, OTHER_PASSWORD).await.is_ok(), lives);
    }
}

#[tokio::test]
async fn a_password_that_is_refused_leaves_the_link_as_it_was() {
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
async fn two_uses_at_once_set_one_password() {
    let world = World::new().await;
    world.active("ben").await;
    ask(&world, "ben@example.com").await;
    let token = token_in(&world.one_mail().await);
    world.audited();
    world.spy.give_way();
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
async fn only_an_active_account_is_mailed_a_link() {
    let world = World::new().await;
    world.pending("pending").await;
    world.active("disabled").await;
    let off = world
        .accounts
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
async fn another_links_secret_sets_no_password() {
    let world = World::new().await;
    world.pending("ben").await;
    let confirmation = token_in(&world.one_mail().await);
    let made_up = Token::generate(&*world.secrets);
    for token in [&confirmation, &made_up] {
        assert_err!(
            recover(&world, token, OTHER_PASSWORD).await,
            Error::LinkExpired
        );
        let viewed = world.accounts.view_recovery(&world.anon(), token).await;
        assert_err!(viewed, Error::LinkExpired);
    }
}

/// a newer link, a new password, a new address, disabling and deletion each void it.
#[tokio::test]
async fn whatever_happens_to_the_account_voids_the_link() {
    for event in ["newer link", "password set", "disabled", "moved", "deleted"] {
        let world = World::new().await;
        world.active("ben").await;
        ask(&world, "ben@example.com").await;
        let token = token_in(&world.one_mail().await);
        let operator = world.operator();
        let accounts = &world.accounts;
        match event {
            "newer link" => {
                world.advance(minutes(3));
                ask(&world, "ben@example.com").await;
                world.one_mail().await;
            }
            "password set" => {
                let new = secret(OTHER_PASSWORD);
                accounts.set_password(&operator, "ben", &new).await.unwrap();
            }
            "disabled" => {
                accounts.disable(&operator, "ben", None).await.unwrap();
                accounts.enable(&operator, "ben", None).await.unwrap();
            }
            "moved" => {
                let new = email("new@example.com");
                accounts
                    .change_email(&operator, "ben", &new, None, None)
                    .await
                    .unwrap();
                let mails = world.mails().await;
                let confirm = mails.iter().find(|mail| mail.to == new).unwrap();
                accounts
                    .confirm(&world.anon(), &token_in(confirm))
                    .await
                    .unwrap();
            }
            _ => drop(
                accounts
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

/// conversely, a recovery voids a pending address change.
#[tokio::test]
async fn a_recovery_stops_a_change_of_address_under_way() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let thief = world.sign_in("ben").await;
    let (evil, shown) = (email("evil@example.com"), password(PASSWORD));
    let ctx = world.of(&thief);
    world
        .accounts
        .change_email(&ctx, "me", &evil, Some(&shown), None)
        .await
        .unwrap();
    let mails = world.mails().await;
    let late = token_in(mails.iter().find(|mail| mail.to == evil).unwrap());
    ask(&world, "ben@example.com").await;
    let token = token_in(&world.one_mail().await);
    recover(&world, &token, OTHER_PASSWORD).await.unwrap();
    let refused = world.accounts.confirm(&world.anon(), &late).await;
    assert_err!(refused, Error::LinkExpired);
    let kept = world.kept_user(&ben).await;
    assert_eq!(kept.email, Some(email("ben@example.com")));
    assert_eq!(kept.pending_email, None);
}

/// also with a link that a worker created while the account was being disabled.
#[tokio::test]
async fn a_disabled_account_is_not_recovered() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let off = world.accounts.disable(&world.operator(), "ben", None).await;
    off.unwrap();
    let late = world.link(&ben, Purpose::Recovery, "ben@example.com").await;
    let refused = recover(&world, &late, OTHER_PASSWORD).await;
    assert_err!(refused, Error::LinkExpired);
}

/// a used link is invalid even if it is still stored.
#[tokio::test]
async fn a_spent_link_that_was_not_cleared_away_recovers_nothing() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let spent = world.link(&ben, Purpose::Recovery, "ben@example.com").await;
    let digest = spent.digest();
    let link = world.store.find_readable::<Link>(Link::DIGEST, &digest);
    let used = link.await.unwrap().unwrap().mark_used(world.now());
    world.store.apply(vec![used.into()]).await.unwrap();
    let viewed = world.accounts.view_recovery(&world.anon(), &spent).await;
    assert_err!(viewed, Error::LinkExpired);
    let refused = recover(&world, &spent, OTHER_PASSWORD).await;
    assert_err!(refused, Error::LinkExpired);
}

/// a link to a former address of the account is invalid.
#[tokio::test]
async fn a_link_to_another_address_than_the_accounts_recovers_nothing() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let other = world.link(&ben, Purpose::Recovery, "old@example.com").await;
    let refused = recover(&world, &other, OTHER_PASSWORD).await;
    assert_err!(refused, Error::LinkExpired);
}
