//! Changing a password with the current one. All other sessions end.

use doorward_domain::model::{Credential, Session, User};
use doorward_domain::ports::{MailTemplate, Store};
use doorward_domain::store::{Batch, Records, Write};
use doorward_domain::{Ctx, Error};

use crate::world::*;

async fn change(world: &World, ctx: &Ctx, shown: &str, new: &str) -> Result<(), Error> {
    let (shown, new) = (password(shown), secret(new));
    world
        .doorward
        .password
        .change_password(ctx, None, &shown, &new)
        .await
}

/// S-06: all other sessions end, this one stays.
#[tokio::test]
async fn a_change_ends_all_other_sessions() {
    let world = World::new().await;
    world.active("ben").await;
    let (this, other) = (world.sign_in("ben").await, world.sign_in("ben").await);
    world.check(&other).await.unwrap();
    world.audited();
    change(&world, &world.of(&this), PASSWORD, OTHER_PASSWORD)
        .await
        .unwrap();
    assert_eq!(world.audited(), ["password-changed"]);
    world.check(&this).await.unwrap();
    assert_err!(world.check(&other).await, Error::InvalidToken);
    assert_err!(
        world.try_sign_in("ben", PASSWORD).await,
        Error::InvalidCredentials
    );
    world.try_sign_in("ben", OTHER_PASSWORD).await.unwrap();
    let mail = world.one_mail().await;
    assert_eq!(mail.template, MailTemplate::PasswordChanged);
    assert_eq!(mail.to.as_str(), "ben@example.com");
    assert_eq!(mail.url, "https://accounts.example");
}

/// P-12: a wrong current password changes nothing and counts as a failed sign-in.
#[tokio::test]
async fn the_current_password_is_required_and_a_wrong_one_counts() {
    let world = World::new().await;
    world.active("ben").await;
    let signed_in = world.sign_in("ben").await;
    world.audited();
    for _ in 0..3 {
        let refused = change(
            &world,
            &world.of(&signed_in),
            OTHER_PASSWORD,
            "three lamps afloat",
        )
        .await;
        assert_err!(refused, Error::InvalidCredentials);
    }
    assert_eq!(world.audited(), ["password-changed!wrong password"; 3]);
    assert_err!(
        world.try_sign_in("ben", PASSWORD).await,
        Error::TooManyAttempts { .. }
    );
    // The session itself is throttled as well.
    let ctx = world.of(&signed_in);
    let refused = change(&world, &ctx, PASSWORD, "three lamps afloat").await;
    assert_err!(refused, Error::TooManyAttempts { .. });
    world.advance(seconds(1));
    world.sign_in("ben").await;
    world.check(&signed_in).await.unwrap();
    let ctx = world.of(&signed_in);
    change(&world, &ctx, PASSWORD, "three lamps afloat")
        .await
        .unwrap();
}

#[tokio::test]
async fn without_a_session_the_identifier_selects_the_account() {
    let world = World::new().await;
    world.active("ben").await;
    let open = world.sign_in("ben").await;
    let (shown, new) = (password(PASSWORD), secret(OTHER_PASSWORD));
    let named = identifier("ben@example.com");
    let ctx = world.anon();
    world
        .doorward
        .password
        .change_password(&ctx, Some(&named), &shown, &new)
        .await
        .unwrap();
    assert_err!(world.check(&open).await, Error::InvalidToken);
    world.try_sign_in("ben", OTHER_PASSWORD).await.unwrap();
    let nobody = world
        .doorward
        .password
        .change_password(&ctx, None, &shown, &new)
        .await;
    assert_err!(nobody, Error::AuthenticationRequired);
}

/// The account state is checked as at sign-in.
#[tokio::test]
async fn a_user_who_cannot_sign_in_cannot_change_the_password() {
    let world = World::new().await;
    world.pending("pending").await;
    world.active("disabled").await;
    let off = world
        .doorward
        .admin
        .disable(&world.operator(), "disabled", None)
        .await;
    off.unwrap();
    let (shown, new) = (password(PASSWORD), secret(OTHER_PASSWORD));
    let ctx = world.anon();
    for (name, unconfirmed) in [("pending@example.com", true), ("disabled", false)] {
        let named = identifier(name);
        let refused = world
            .doorward
            .password
            .change_password(&ctx, Some(&named), &shown, &new)
            .await;
        match unconfirmed {
            true => assert_err!(refused, Error::EmailUnconfirmed),
            false => assert_err!(refused, Error::AccountDisabled),
        }
    }
}

#[tokio::test]
async fn without_enumeration_protection_an_unknown_user_and_a_wrong_password_differ() {
    let world = World::with(|policy| policy.enumeration_protection = false).await;
    world.active("ben").await;
    let session = world.sign_in("ben").await;
    let ctx = world.of(&session);
    let refused = change(&world, &ctx, OTHER_PASSWORD, "three lamps afloat").await;
    assert_err!(refused, Error::WrongPassword);
    let (ctx, nobody) = (world.anon(), identifier("nobody"));
    let (shown, new) = (password(PASSWORD), secret(OTHER_PASSWORD));
    let refused = world
        .doorward
        .password
        .change_password(&ctx, Some(&nobody), &shown, &new)
        .await;
    assert_err!(refused, Error::UnknownAccount);
}

/// S-06, P-12: of two concurrent changes with the same current password, one succeeds.
#[tokio::test]
async fn only_one_of_two_concurrent_changes_succeeds() {
    let world = World::new().await;
    world.active("ben").await;
    let (here, there) = (world.sign_in("ben").await, world.sign_in("ben").await);
    let (here, there) = (world.of(&here), world.of(&there));
    world.spy.yield_once();
    let (one, other) = tokio::join!(
        change(&world, &here, PASSWORD, "three lamps afloat"),
        change(&world, &there, PASSWORD, "four lamps ashore")
    );
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    let right = ["four lamps ashore", "three lamps afloat"][usize::from(one.is_ok())];
    world.try_sign_in("ben", right).await.unwrap();
    world.one_mail().await;
}

/// P-01, P-05, P-06: the same rules as everywhere; the error names this field.
#[tokio::test]
async fn a_weak_new_password_is_rejected_and_the_old_one_stays() {
    let world = World::new().await;
    world.active("ferdinand").await;
    let signed_in = world.sign_in("ferdinand").await;
    for (new, code) in [
        ("1234567", "too-short"),
        ("password1", "common"),
        ("ferdinand", "too-personal"),
        ("ferdinand@example.com", "too-personal"),
    ] {
        let refused = change(&world, &world.of(&signed_in), PASSWORD, new).await;
        assert_err!(refused, Error::Invalid(fields)
            if fields[0].field == "new_password" && ["common", code].contains(&fields[0].invalid.code));
    }
    world.sign_in("ferdinand").await;
}

/// recovery links are void. A pending address change stays pending, and so does its link.
#[tokio::test]
async fn a_change_voids_recovery_links_and_leaves_a_pending_address_change() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let signed_in = world.sign_in("ben").await;
    let ctx = world.of(&signed_in);
    let (new, shown) = (email("new@example.com"), password(PASSWORD));
    world
        .doorward
        .email
        .change_email(&ctx, "me", &new, Some(&shown), None)
        .await
        .unwrap();
    world.ask_recovery("ben@example.com").await;
    let mails = world.mails().await;
    let token_of =
        |template| token_in(mails.iter().find(|mail| mail.template == template).unwrap());
    let (confirm, recover) = (
        token_of(MailTemplate::EmailChange),
        token_of(MailTemplate::Recover),
    );
    change(&world, &ctx, PASSWORD, OTHER_PASSWORD)
        .await
        .unwrap();
    let ctx = world.anon();
    let recovered = world
        .doorward
        .recovery
        .recover(&ctx, &recover, &secret("three lamps afloat"))
        .await;
    assert_err!(recovered, Error::LinkExpired);
    let stored = world.kept_user(&ben).await;
    assert_eq!(stored.pending_address(), Some(&new));
    let confirmed = world.doorward.email.confirm(&ctx, &confirm).await.unwrap();
    assert_eq!(confirmed.email, Some(new));
}

/// Changes that a concurrent request writes between the check of the password and the change.
async fn security_event(world: &World, ben: &User, new_hash: Option<&str>) -> Batch {
    let read = world.kept_user(ben).await;
    let mut raised = read.clone();
    raised.session_epoch += 1;
    raised.version = read.version.next();
    let mut changes = raised.replace(&read);
    changes.extend(new_hash.map(|hash| {
        Write::put(&Credential {
            user_id: ben.id,
            password_hash: secret(hash),
            updated_at: world.now(),
        })
    }));
    changes
}

/// A concurrent recovery has precedence: the current password is no longer the one that was sent.
#[tokio::test]
async fn a_concurrent_password_change_fails_the_precondition() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let signed_in = world.sign_in("ben").await;
    let recovered = security_event(&world, &ben, Some("recovered meanwhile")).await;
    world.spy.interleave(recovered);
    let refused = change(&world, &world.of(&signed_in), PASSWORD, OTHER_PASSWORD).await;
    assert_err!(refused, Error::PreconditionFailed);
    let kept = world
        .store
        .get::<Credential>(ben.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(kept.password_hash.expose(), "recovered meanwhile");
}

/// Ending all sessions raises the epoch and does not change the password. The caller's own session has ended.
#[tokio::test]
async fn a_change_succeeds_if_all_sessions_end_concurrently() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let signed_in = world.sign_in("ben").await;
    let ended = security_event(&world, &ben, None).await;
    world.spy.interleave(ended);
    change(&world, &world.of(&signed_in), PASSWORD, OTHER_PASSWORD)
        .await
        .unwrap();
    world.try_sign_in("ben", OTHER_PASSWORD).await.unwrap();
    assert_err!(world.check(&signed_in).await, Error::InvalidToken);
}

/// The request was authenticated with a cached session. Its epoch is compared with the stored user's: a session
/// that has ended is not carried over to the new epoch.
#[tokio::test]
async fn a_change_does_not_keep_an_ended_session() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let signed_in = world.sign_in("ben").await;
    let ctx = world.of(&signed_in);
    let ended = security_event(&world, &ben, None).await;
    world.store.apply(ended).await.unwrap();
    change(&world, &ctx, PASSWORD, OTHER_PASSWORD)
        .await
        .unwrap();
    assert_err!(world.check(&signed_in).await, Error::InvalidToken);
}

#[tokio::test]
async fn a_concurrent_profile_update_does_not_affect_a_change() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let signed_in = world.sign_in("ben").await;
    let read = world.kept_user(&ben).await;
    let mut renamed = read.clone();
    renamed.name = Some(doorward_domain::values::Name::parse("Ben").unwrap());
    renamed.version = read.version.next();
    world.spy.interleave(renamed.replace(&read));
    change(&world, &world.of(&signed_in), PASSWORD, OTHER_PASSWORD)
        .await
        .unwrap();
    assert_eq!(world.kept_user(&ben).await.name.unwrap().as_str(), "Ben");
    world.try_sign_in("ben", OTHER_PASSWORD).await.unwrap();
}

/// A session that is opened with the new password before the old sessions are deleted has the new epoch. Its
/// sign-in succeeded, so it must stay.
#[tokio::test]
async fn a_session_opened_with_the_new_password_stays() {
    let world = World::new().await;
    world.active("ben").await;
    let (this, old, early) = (
        world.sign_in("ben").await,
        world.sign_in("ben").await,
        world.sign_in("ben").await,
    );
    let newer = Session {
        epoch: early.session.epoch + 1,
        ..early.session.clone()
    };
    let sessions = world.sessions();
    assert!(sessions.update(&newer, newer.generation).await.unwrap());
    change(&world, &world.of(&this), PASSWORD, OTHER_PASSWORD)
        .await
        .unwrap();
    world.check(&early).await.unwrap();
    world.check(&this).await.unwrap();
    assert_err!(world.check(&old).await, Error::InvalidToken);
    world.mails().await;
}
