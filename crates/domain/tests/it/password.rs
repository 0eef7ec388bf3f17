//! Changing a password with the current one. All other sessions end.

use doorward_domain::model::{Credential, MailKind, Session, User};
use doorward_domain::sessions::SessionUpdate;
use doorward_domain::store::{Batch, Records, Store, Write};
use doorward_domain::{Ctx, Error};

use crate::test_node::*;

async fn change(node: &TestNode, ctx: &Ctx, shown: &str, new: &str) -> Result<(), Error> {
    let (shown, new) = (proof(shown), secret(new));
    let passwords = &node.doorward.passwords;
    passwords.change(ctx, None, &shown, &new, None).await
}

/// S-06: all other sessions end, this one stays.
#[tokio::test]
async fn a_change_ends_all_other_sessions() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let (this, other) = (node.sign_in("ben").await, node.sign_in("ben").await);
    node.check(&other).await.unwrap();
    node.audited();
    change(&node, &node.of(&this), PASSWORD, OTHER_PASSWORD)
        .await
        .unwrap();
    assert_eq!(node.audited(), ["password-changed"]);
    node.check(&this).await.unwrap();
    assert_err!(node.check(&other).await, Error::InvalidToken);
    assert_err!(
        node.try_sign_in("ben", PASSWORD).await,
        Error::InvalidCredentials
    );
    node.try_sign_in("ben", OTHER_PASSWORD).await.unwrap();
    let mail = node.one_mail().await;
    assert_eq!(mail.kind, MailKind::PasswordChanged);
    assert_eq!(mail.to.as_str(), "ben@example.com");
    assert_eq!(mail.url, "https://accounts.example");
}

/// P-12: a wrong current password changes nothing and counts as a failed sign-in.
#[tokio::test]
async fn the_current_password_is_required_and_a_wrong_one_counts() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let signed_in = node.sign_in("ben").await;
    node.audited();
    for _ in 0..3 {
        let refused = change(
            &node,
            &node.of(&signed_in),
            OTHER_PASSWORD,
            "three lamps afloat",
        )
        .await;
        assert_err!(refused, Error::InvalidCredentials);
    }
    assert_eq!(node.audited(), ["password-changed!wrong password"; 3]);
    assert_err!(
        node.try_sign_in("ben", PASSWORD).await,
        Error::TooManyAttempts { .. }
    );
    // The session itself is throttled as well.
    let ctx = node.of(&signed_in);
    let refused = change(&node, &ctx, PASSWORD, "three lamps afloat").await;
    assert_err!(refused, Error::TooManyAttempts { .. });
    node.advance(seconds(1));
    node.sign_in("ben").await;
    node.check(&signed_in).await.unwrap();
    let ctx = node.of(&signed_in);
    change(&node, &ctx, PASSWORD, "three lamps afloat")
        .await
        .unwrap();
}

#[tokio::test]
async fn without_a_session_the_identifier_selects_the_account() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let open = node.sign_in("ben").await;
    let (shown, new) = (proof(PASSWORD), secret(OTHER_PASSWORD));
    let named = identifier("ben@example.com");
    let ctx = node.anonymous();
    node.doorward
        .passwords
        .change(&ctx, Some(&named), &shown, &new, None)
        .await
        .unwrap();
    assert_err!(node.check(&open).await, Error::InvalidToken);
    node.try_sign_in("ben", OTHER_PASSWORD).await.unwrap();
    let nobody = node
        .doorward
        .passwords
        .change(&ctx, None, &shown, &new, None)
        .await;
    assert_err!(nobody, Error::AuthenticationRequired);
}

/// The account state is checked as at sign-in.
#[tokio::test]
async fn a_user_who_cannot_sign_in_cannot_change_the_password() {
    let node = TestNode::new().await;
    node.pending("pending").await;
    node.active("disabled").await;
    let off = node
        .doorward
        .admin
        .disable(&node.operator(), "disabled", None)
        .await;
    off.unwrap();
    let (shown, new) = (proof(PASSWORD), secret(OTHER_PASSWORD));
    let ctx = node.anonymous();
    for (name, unconfirmed) in [("pending@example.com", true), ("disabled", false)] {
        let named = identifier(name);
        let refused = node
            .doorward
            .passwords
            .change(&ctx, Some(&named), &shown, &new, None)
            .await;
        match unconfirmed {
            true => assert_err!(refused, Error::EmailUnconfirmed),
            false => assert_err!(refused, Error::AccountDisabled),
        }
    }
}

#[tokio::test]
async fn without_enumeration_protection_an_unknown_user_and_a_wrong_password_differ() {
    let node = TestNode::with(|policy| policy.enumeration_protection = false).await;
    node.active("ben").await;
    let session = node.sign_in("ben").await;
    let ctx = node.of(&session);
    let refused = change(&node, &ctx, OTHER_PASSWORD, "three lamps afloat").await;
    assert_err!(refused, Error::WrongPassword);
    let (ctx, nobody) = (node.anonymous(), identifier("nobody"));
    let (shown, new) = (proof(PASSWORD), secret(OTHER_PASSWORD));
    let refused = node
        .doorward
        .passwords
        .change(&ctx, Some(&nobody), &shown, &new, None)
        .await;
    assert_err!(refused, Error::UnknownAccount);
}

/// S-06, P-12: of two concurrent changes with the same current password, one succeeds.
#[tokio::test]
async fn only_one_of_two_concurrent_changes_succeeds() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let (here, there) = (node.sign_in("ben").await, node.sign_in("ben").await);
    let (here, there) = (node.of(&here), node.of(&there));
    node.spy.yield_once();
    let (one, other) = tokio::join!(
        change(&node, &here, PASSWORD, "three lamps afloat"),
        change(&node, &there, PASSWORD, "four lamps ashore")
    );
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    let right = ["four lamps ashore", "three lamps afloat"][usize::from(one.is_ok())];
    node.try_sign_in("ben", right).await.unwrap();
    node.one_mail().await;
}

/// P-01, P-05, P-06: the same rules as everywhere; the error names this field.
#[tokio::test]
async fn a_weak_new_password_is_rejected_and_the_old_one_stays() {
    let node = TestNode::new().await;
    node.active("ferdinand").await;
    let signed_in = node.sign_in("ferdinand").await;
    for (new, code) in [
        ("1234567", "too-short"),
        ("password1", "common"),
        ("ferdinand", "too-personal"),
        ("ferdinand@example.com", "too-personal"),
    ] {
        let refused = change(&node, &node.of(&signed_in), PASSWORD, new).await;
        assert_err!(refused, Error::Invalid(fields)
            if fields[0].field == "new_password" && ["common", code].contains(&fields[0].invalid.code));
    }
    node.sign_in("ferdinand").await;
}

/// recovery links are void. A pending address change stays pending, and so does its link.
#[tokio::test]
async fn a_change_voids_recovery_links_and_leaves_a_pending_address_change() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    let signed_in = node.sign_in("ben").await;
    let ctx = node.of(&signed_in);
    let (new, shown) = (email("new@example.com"), proof(PASSWORD));
    change_email(&node.doorward, &ctx, "me", &new, Some(&shown), None)
        .await
        .unwrap();
    node.ask_recovery("ben@example.com").await;
    let mails = node.mails().await;
    let token_of = |template| token_in(mails.iter().find(|mail| mail.kind == template).unwrap());
    let (confirm, recover) = (
        token_of(MailKind::EmailChange),
        token_of(MailKind::Recovery),
    );
    change(&node, &ctx, PASSWORD, OTHER_PASSWORD).await.unwrap();
    let ctx = node.anonymous();
    let recovered = node
        .doorward
        .recovery
        .finish(&ctx, &recover, &secret("three lamps afloat"))
        .await;
    assert_err!(recovered, Error::LinkExpired);
    let stored = node.stored_user(&ben).await;
    assert_eq!(stored.pending_address(), Some(&new));
    let confirmed = node
        .doorward
        .confirmation
        .confirm(&ctx, &confirm)
        .await
        .unwrap();
    assert_eq!(confirmed.email, Some(new));
}

/// Changes that a concurrent request writes between the check of the password and the change.
async fn security_event(node: &TestNode, ben: &User, new_hash: Option<&str>) -> Batch {
    let read = node.stored_user(ben).await;
    let mut raised = read.clone();
    raised.security_epoch += 1;
    raised.version = read.version.next();
    let mut changes = raised.replace(&read);
    changes.extend(
        new_hash.map(|hash| Write::put(&Credential::password(ben.id, secret(hash), node.now()))),
    );
    changes
}

/// A concurrent recovery has precedence: the current password is no longer the one that was sent.
#[tokio::test]
async fn a_concurrent_password_change_fails_the_precondition() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    let signed_in = node.sign_in("ben").await;
    let recovered = security_event(&node, &ben, Some("recovered meanwhile")).await;
    node.spy.interleave(recovered);
    let refused = change(&node, &node.of(&signed_in), PASSWORD, OTHER_PASSWORD).await;
    assert_err!(refused, Error::PreconditionFailed);
    let kept = node.store.get::<Credential>(ben.id).await.unwrap().unwrap();
    assert_eq!(kept.data.expose(), "recovered meanwhile");
}

/// Ending all sessions raises the epoch and does not change the password. The caller's own session has ended.
#[tokio::test]
async fn a_change_succeeds_if_all_sessions_end_concurrently() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    let signed_in = node.sign_in("ben").await;
    let ended = security_event(&node, &ben, None).await;
    node.spy.interleave(ended);
    change(&node, &node.of(&signed_in), PASSWORD, OTHER_PASSWORD)
        .await
        .unwrap();
    node.try_sign_in("ben", OTHER_PASSWORD).await.unwrap();
    assert_err!(node.check(&signed_in).await, Error::InvalidToken);
}

/// The request was authenticated with a cached session. Its epoch is compared with the stored user's: a session
/// that has ended is not carried over to the new epoch.
#[tokio::test]
async fn a_change_does_not_keep_an_ended_session() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    let signed_in = node.sign_in("ben").await;
    let ctx = node.of(&signed_in);
    let ended = security_event(&node, &ben, None).await;
    node.store.apply(ended).await.unwrap();
    change(&node, &ctx, PASSWORD, OTHER_PASSWORD).await.unwrap();
    assert_err!(node.check(&signed_in).await, Error::InvalidToken);
}

#[tokio::test]
async fn a_concurrent_profile_update_does_not_affect_a_change() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    let signed_in = node.sign_in("ben").await;
    let read = node.stored_user(&ben).await;
    let mut renamed = read.clone();
    renamed.name = Some(doorward_domain::values::Name::parse("Ben").unwrap());
    renamed.version = read.version.next();
    node.spy.interleave(renamed.replace(&read));
    change(&node, &node.of(&signed_in), PASSWORD, OTHER_PASSWORD)
        .await
        .unwrap();
    assert_eq!(node.stored_user(&ben).await.name.unwrap().as_str(), "Ben");
    node.try_sign_in("ben", OTHER_PASSWORD).await.unwrap();
}

/// A session that is opened with the new password before the old sessions are deleted has the new epoch. Its
/// sign-in succeeded, so it must stay.
#[tokio::test]
async fn a_session_opened_with_the_new_password_stays() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let (this, old, early) = (
        node.sign_in("ben").await,
        node.sign_in("ben").await,
        node.sign_in("ben").await,
    );
    let newer = Session {
        epoch: early.session.epoch + 1,
        ..early.session.clone()
    };
    let sessions = node.sessions();
    let update = SessionUpdate::Epoch {
        expected: early.session.epoch,
    };
    assert!(sessions.update(&newer, update).await.unwrap());
    change(&node, &node.of(&this), PASSWORD, OTHER_PASSWORD)
        .await
        .unwrap();
    node.check(&early).await.unwrap();
    node.check(&this).await.unwrap();
    assert_err!(node.check(&old).await, Error::InvalidToken);
    node.mails().await;
}
