//! Which events void a mailed link: every event against every kind of link.

use doorward_domain::Error;
use doorward_domain::model::User;
use doorward_domain::ports::{Mail, MailTemplate};
use doorward_domain::values::Token;

use crate::world::*;

const KINDS: [MailTemplate; 3] = [
    MailTemplate::EmailChange,
    MailTemplate::Recover,
    MailTemplate::EmailChangeUndo,
];

/// Events, and the kinds of link that each leaves valid.
const EVENTS: [(&str, &[MailTemplate]); 12] = [
    (
        "a new recovery link",
        &[MailTemplate::EmailChange, MailTemplate::EmailChangeUndo],
    ),
    (
        "another e-mail change",
        &[MailTemplate::Recover, MailTemplate::EmailChangeUndo],
    ),
    // A thief can do these: the owner's undo link stays.
    (
        "the e-mail change confirmed",
        &[MailTemplate::EmailChangeUndo],
    ),
    (
        "a password change",
        &[MailTemplate::EmailChange, MailTemplate::EmailChangeUndo],
    ),
    ("a recovery", &[MailTemplate::EmailChangeUndo]),
    (
        "a password set by the operator",
        &[MailTemplate::EmailChangeUndo],
    ),
    (
        "all sessions ended",
        &[MailTemplate::EmailChange, MailTemplate::EmailChangeUndo],
    ),
    ("the e-mail change undone", &[]),
    ("switched off", &[]),
    ("switched off and on", &[]),
    ("deleted", &[]),
    ("deleted and signed up again", &[]),
];

fn token(mails: &[Mail], template: MailTemplate) -> Token {
    let found = mails.iter().find(|mail| mail.template == template);
    token_in(found.unwrap_or_else(|| panic!("{template:?}: {:?}", summary(mails))))
}

/// Ben, with a pending address change and a link of each kind.
async fn with_links() -> (World, [Token; 3]) {
    let world = World::with(|policy| policy.throttle = false).await;
    world.active("ben").await;
    let mut mails = change_email(&world, "new@example.org").await;
    mails.extend(ask_recovery(&world).await);
    let tokens = KINDS.map(|kind| token(&mails, kind));
    (world, tokens)
}

async fn change_email(world: &World, new: &str) -> Vec<Mail> {
    let session = world.sign_in("ben").await;
    let (ctx, new, shown) = (world.of(&session), email(new), password(PASSWORD));
    let asked = world
        .doorward
        .email
        .change_email(&ctx, "me", &new, Some(&shown), None)
        .await;
    asked.unwrap();
    world.mails().await
}

async fn ask_recovery(world: &World) -> Vec<Mail> {
    let address = email("ben@example.com");
    let asked = world
        .doorward
        .recovery
        .request_recovery(&world.anon(), &address)
        .await;
    asked.unwrap();
    world.mails().await
}

async fn happen(world: &World, what: &str, [confirm, recover, undo]: &[Token; 3]) {
    let (doorward, anon, operator) = (&world.doorward, world.anon(), world.operator());
    let new = secret(OTHER_PASSWORD);
    match what {
        "a new recovery link" => drop(ask_recovery(world).await),
        "another e-mail change" => drop(change_email(world, "third@example.org").await),
        "the e-mail change confirmed" => {
            drop(doorward.email.confirm(&anon, confirm).await.unwrap());
        }
        "a password change" => {
            let session = world.sign_in("ben").await;
            let current = password(PASSWORD);
            let changed = doorward
                .password
                .change_password(&world.of(&session), None, &current, &new)
                .await;
            changed.unwrap();
        }
        "a recovery" => doorward
            .recovery
            .recover(&anon, recover, &new)
            .await
            .unwrap(),
        "a password set by the operator" => {
            doorward
                .password
                .set_password(&operator, "ben", &new)
                .await
                .unwrap();
        }
        "all sessions ended" => doorward
            .sessions
            .revoke_sessions(&operator, "ben")
            .await
            .unwrap(),
        "the e-mail change undone" => doorward.email.undo_email_change(&anon, undo).await.unwrap(),
        "switched off" => drop(
            doorward
                .admin
                .disable(&operator, "ben", None)
                .await
                .unwrap(),
        ),
        "switched off and on" => {
            doorward
                .admin
                .disable(&operator, "ben", None)
                .await
                .unwrap();
            doorward.admin.enable(&operator, "ben", None).await.unwrap();
        }
        _ => {
            doorward
                .profile
                .delete_account(&operator, "ben", None)
                .await
                .unwrap();
            if what == "deleted and signed up again" {
                world.active("ben").await;
            }
        }
    }
}

async fn opens(world: &World, kind: MailTemplate, token: &Token) -> Result<(), Error> {
    let (doorward, anon) = (&world.doorward, world.anon());
    match kind {
        MailTemplate::EmailChange => doorward.email.confirm(&anon, token).await.map(drop),
        MailTemplate::Recover => {
            let newest = secret("a third one for luck");
            doorward.recovery.recover(&anon, token, &newest).await
        }
        _ => doorward.email.undo_email_change(&anon, token).await,
    }
}

/// each event against each kind of link. The undo link of an email change outlives everything that a
/// thief of the password can do.
#[tokio::test]
async fn each_event_voids_exactly_its_links() {
    for (what, spared) in EVENTS {
        for (index, kind) in KINDS.into_iter().enumerate() {
            let (world, tokens) = with_links().await;
            happen(&world, what, &tokens).await;
            // A used confirmation link reports success again until its expiry.
            let is_repeated =
                what == "the e-mail change confirmed" && kind == MailTemplate::EmailChange;
            let expected = spared.contains(&kind) || is_repeated;
            let opened = opens(&world, kind, &tokens[index]).await;
            assert_eq!(opened.is_ok(), expected, "{what}: {kind:?}: {opened:?}");
            if let Err(error) = opened {
                assert!(matches!(error, Error::LinkExpired), "{what}: {error:?}");
            }
        }
    }
}

/// a security event between the lookup of the user and the link voids the link.
#[tokio::test]
async fn a_recovery_link_has_the_epoch_that_was_read() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    world.ask_recovery("ben@example.com").await;
    let raised = User {
        session_epoch: ben.session_epoch + 1,
        version: ben.version.next(),
        ..ben.clone()
    };
    world.spy.interleave(raised.replace(&ben));
    let token = token_in(&world.one_mail().await);
    let new = secret(OTHER_PASSWORD);
    let refused = world
        .doorward
        .recovery
        .recover(&world.anon(), &token, &new)
        .await;
    assert_err!(refused, Error::LinkExpired);
}

/// with the setting, a confirmation needs the password of the account, and a wrong one counts like one at
/// sign-in.
#[tokio::test]
async fn a_confirmation_can_require_the_password() {
    let world = World::with(|policy| policy.confirmation_requires_password = true).await;
    world.unconfirmed("ben").await;
    let link = token_in(&world.one_mail().await);
    let (doorward, anon) = (&world.doorward, world.anon());
    world.audited();
    assert_err!(doorward.email.confirm(&anon, &link).await, Error::Invalid(faults) if faults[0].field == "password");
    assert_eq!(world.audited(), [""; 0]);
    let wrong = password(OTHER_PASSWORD);
    for _ in 0..3 {
        let refused = doorward
            .email
            .confirm_with_password(&anon, &link, Some(&wrong))
            .await;
        assert_err!(refused, Error::InvalidCredentials);
    }
    assert_eq!(world.audited(), ["email-confirmed!wrong password"; 3]);
    let right = password(PASSWORD);
    let confirm = async |ctx| {
        doorward
            .email
            .confirm_with_password(&ctx, &link, Some(&right))
            .await
    };
    assert_err!(confirm(world.anon()).await, Error::TooManyAttempts { .. });
    world.advance(seconds(2));
    let confirmed = confirm(world.anon()).await.unwrap();
    assert_eq!(confirmed.email, Some(email("ben@example.com")));
    // “This wasn't me” needs no password.
    world.pending("eve").await;
    let link = token_in(&world.one_mail().await);
    world
        .doorward
        .email
        .cancel_confirmation(&world.anon(), &link)
        .await
        .unwrap();
    // The user who opens the link of an email change need not be the one who requested it.
    let mails = change_email(&world, "new@example.org").await;
    let link = token(&mails, MailTemplate::EmailChange);
    let anon = world.anon();
    assert_err!(
        doorward.email.confirm(&anon, &link).await,
        Error::Invalid(_)
    );
    let moved = doorward
        .email
        .confirm_with_password(&anon, &link, Some(&right));
    moved.await.unwrap();
}
