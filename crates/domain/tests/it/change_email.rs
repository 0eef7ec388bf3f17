//! Changing the address: the new one replaces the old one once confirmed, and the old one is notified.

use doorward_domain::Error;
use doorward_domain::model::{Status, User};
use doorward_domain::ports::{Mail, MailTemplate};
use doorward_domain::sessions::SignedIn;

use crate::world::*;

async fn ask(world: &World, session: &SignedIn, new: &str) -> Result<(), Error> {
    let (new, shown) = (email(new), password(PASSWORD));
    let ctx = world.of(session);
    world
        .doorward
        .email
        .change_email(&ctx, "me", &new, Some(&shown), None)
        .await
}

fn to<'a>(mails: &'a [Mail], address: &str) -> &'a Mail {
    let found = mails.iter().find(|mail| mail.to.as_str() == address);
    found.unwrap_or_else(|| panic!("no mail to {address}: {:?}", summary(mails)))
}

async fn ben() -> (World, User, SignedIn) {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let session = world.sign_in("ben").await;
    (world, ben, session)
}

/// the old address stays until the new one is confirmed, and is notified at once.
#[tokio::test]
async fn a_confirmed_address_replaces_the_old_one_which_is_notified() {
    let (world, ben, session) = ben().await;
    world.audited();
    ask(&world, &session, "New@example.com").await.unwrap();
    assert_eq!(world.audited(), ["email-change-requested"]);
    let mails = world.mails().await;
    let expected = [
        ("New@example.com".to_owned(), MailTemplate::EmailChange),
        ("ben@example.com".to_owned(), MailTemplate::EmailChangeUndo),
    ];
    assert_eq!(summary(&mails), expected);
    let notice = to(&mails, "ben@example.com");
    assert_eq!(notice.new_email.as_deref(), Some("N***@example.com"));
    let kept = world.kept_user(&ben).await;
    assert_eq!(kept.email, Some(email("ben@example.com")));
    let token = token_in(to(&mails, "New@example.com"));
    let moved = world
        .doorward
        .email
        .confirm(&world.anon(), &token)
        .await
        .unwrap();
    assert_eq!(
        (moved.email, moved.pending_email),
        (Some(email("New@example.com")), None)
    );
    assert_eq!(world.audited(), ["email-confirmed"]);
    assert_err!(world.check(&session).await, Error::InvalidToken);
    let open = world.sessions().list(ben.id, world.now()).await;
    assert!(open.unwrap().is_empty());
    world.sign_in("new@example.com").await;
    let old = world.try_sign_in("ben@example.com", PASSWORD).await;
    assert_err!(old, Error::InvalidCredentials);
}

/// one hour.
#[tokio::test]
async fn the_link_to_the_new_address_expires_after_exactly_an_hour() {
    for (age, lives) in [(hours(1) - MICROSECOND, true), (hours(1), false)] {
        let (world, _, session) = ben().await;
        ask(&world, &session, "new@example.com").await.unwrap();
        let token = token_in(to(&world.mails().await, "new@example.com"));
        world.advance(age);
        let confirmed = world.doorward.email.confirm(&world.anon(), &token).await;
        assert_eq!(confirmed.is_ok(), lives);
    }
}

/// a change needs the current password, and a wrong one counts as a failed attempt.
#[tokio::test]
async fn changing_your_own_address_requires_the_password() {
    let (world, _, session) = ben().await;
    let ctx = world.of(&session);
    let new = email("new@example.com");
    for named in ["me", "ben", "BEN"] {
        let refused = world
            .doorward
            .email
            .change_email(&ctx, named, &new, None, None)
            .await;
        assert_err!(refused, Error::Invalid(fields) if fields[0].invalid.code == "missing");
    }
    world.audited();
    let wrong = password(OTHER_PASSWORD);
    let refused = world
        .doorward
        .email
        .change_email(&ctx, "me", &new, Some(&wrong), None)
        .await;
    assert_err!(refused, Error::InvalidCredentials);
    assert_eq!(world.audited(), ["email-change-requested!wrong password"]);
    assert!(world.mails().await.is_empty());
}

#[tokio::test]
async fn an_admin_needs_the_password_only_for_their_own_address() {
    let (world, ben, _) = ben().await;
    world.admin("ada").await;
    let session = world.sign_in("ada").await;
    let ctx = world.of(&session);
    let new = email("new@example.com");
    world
        .doorward
        .email
        .change_email(&ctx, "ben", &new, None, None)
        .await
        .unwrap();
    let mails = world.mails().await;
    to(&mails, "ben@example.com");
    let kept = world.kept_user(&ben).await;
    assert_eq!(
        kept.email,
        Some(email("ben@example.com")),
        "R-12: only its mailbox confirms it"
    );
    let own = world
        .doorward
        .email
        .change_email(&ctx, "ada", &new, None, None)
        .await;
    assert_err!(own, Error::Invalid(_));
}

/// a link confirms only the address that it was created for.
#[tokio::test]
async fn a_second_change_voids_the_link_of_the_first() {
    let (world, ben, session) = ben().await;
    ask(&world, &session, "first@example.com").await.unwrap();
    let first = token_in(to(&world.mails().await, "first@example.com"));
    ask(&world, &session, "second@example.com").await.unwrap();
    let refused = world.doorward.email.confirm(&world.anon(), &first).await;
    assert_err!(refused, Error::LinkExpired);
    let second = token_in(to(&world.mails().await, "second@example.com"));
    world
        .doorward
        .email
        .confirm(&world.anon(), &second)
        .await
        .unwrap();
    assert_eq!(
        world.kept_user(&ben).await.email,
        Some(email("second@example.com"))
    );
}

/// also if the first address is requested again.
#[tokio::test]
async fn an_address_requested_again_is_confirmed_only_by_its_new_link() {
    let (world, _, session) = ben().await;
    ask(&world, &session, "first@example.com").await.unwrap();
    let old = token_in(to(&world.mails().await, "first@example.com"));
    ask(&world, &session, "second@example.com").await.unwrap();
    world.advance(minutes(3));
    ask(&world, &session, "first@example.com").await.unwrap();
    let refused = world.doorward.email.confirm(&world.anon(), &old).await;
    assert_err!(refused, Error::LinkExpired);
}

#[tokio::test]
async fn requesting_a_taken_address_only_notifies_its_owner() {
    let (world, ben, session) = ben().await;
    world.active("eve").await;
    ask(&world, &session, "eve@example.com").await.unwrap();
    let mails = world.mails().await;
    let told = to(&mails, "eve@example.com");
    assert_eq!(told.template, MailTemplate::AlreadyRegistered);
    assert_eq!(told.url, "https://accounts.example");
    assert_eq!(
        world.kept_user(&ben).await.email,
        Some(email("ben@example.com"))
    );
}

#[tokio::test]
async fn without_enumeration_protection_a_taken_address_is_rejected() {
    let world = World::with(|policy| policy.enumeration_protection = false).await;
    world.active("ben").await;
    world.active("eve").await;
    let session = world.sign_in("ben").await;
    assert_err!(
        ask(&world, &session, "eve@example.com").await,
        Error::EmailTaken
    );
    let same = ask(&world, &session, "Ben@example.com").await;
    assert_err!(same, Error::Invalid(fields) if fields[0].invalid.code == "unchanged");
}

/// The owner confirms the address while the change is pending.
#[tokio::test]
async fn an_address_confirmed_first_by_another_user_cannot_be_confirmed() {
    let (world, ben, session) = ben().await;
    ask(&world, &session, "eve@example.com").await.unwrap();
    let late = token_in(to(&world.mails().await, "eve@example.com"));
    world.pending("eve").await;
    let token = token_in(&world.one_mail().await);
    world
        .doorward
        .email
        .confirm(&world.anon(), &token)
        .await
        .unwrap();
    let refused = world.doorward.email.confirm(&world.anon(), &late).await;
    assert_err!(refused, Error::LinkExpired);
    let kept = world.kept_user(&ben).await;
    assert_eq!(
        (kept.email, kept.status),
        (Some(email("ben@example.com")), Status::Active)
    );
}

/// R-10 for an address change: the recipient cancels, and the account keeps its address.
#[tokio::test]
async fn cancelling_a_change_keeps_the_old_address() {
    let (world, ben, session) = ben().await;
    ask(&world, &session, "new@example.com").await.unwrap();
    let token = token_in(to(&world.mails().await, "new@example.com"));
    world
        .doorward
        .email
        .cancel_confirmation(&world.anon(), &token)
        .await
        .unwrap();
    let kept = world.kept_user(&ben).await;
    assert_eq!(
        (kept.email, kept.pending_email),
        (Some(email("ben@example.com")), None)
    );
    world.check(&session).await.unwrap();
    let late = world.doorward.email.confirm(&world.anon(), &token).await;
    assert_err!(late, Error::LinkExpired);
}

/// a fast confirmation does not suppress the notice to the old address.
#[tokio::test]
async fn the_old_address_is_notified_even_if_the_new_one_is_confirmed_first() {
    let (world, _, session) = ben().await;
    ask(&world, &session, "new@example.com").await.unwrap();
    world.mailer.is_full("ben@example.com");
    let token = token_in(&world.one_mail().await);
    world
        .doorward
        .email
        .confirm(&world.anon(), &token)
        .await
        .unwrap();
    world.mailer.is_full("nobody's");
    world.advance(minutes(1));
    let notices = world.mails().await;
    let told = |template| ("ben@example.com".to_owned(), template);
    let expected = [MailTemplate::EmailChangeUndo, MailTemplate::EmailChanged].map(told);
    let mut seen = summary(&notices);
    seen.sort_by_key(|(_, template)| *template == MailTemplate::EmailChanged);
    assert_eq!(seen, expected);
    for notice in notices {
        assert_eq!(notice.new_email.as_deref(), Some("n***@example.com"));
    }
}

#[tokio::test]
async fn a_user_with_only_a_username_can_add_an_address() {
    let world = World::new().await;
    let ben = world.user_without_mailbox("ben").await;
    let session = world.sign_in("ben").await;
    ask(&world, &session, "ben@example.com").await.unwrap();
    assert_eq!(world.kept_user(&ben).await.status, Status::Active);
    let token = token_in(&world.one_mail().await);
    let moved = world
        .doorward
        .email
        .confirm(&world.anon(), &token)
        .await
        .unwrap();
    assert_eq!(moved.email, Some(email("ben@example.com")));
}

/// S-06, R-06: the password was checked before a concurrent recovery replaced the epoch.
#[tokio::test]
async fn a_recovery_cancels_a_pending_change() {
    let (world, ben, session) = ben().await;
    let read = world.kept_user(&ben).await;
    let mut raised = read.clone();
    raised.session_epoch += 1;
    raised.version = read.version.next();
    world.spy.interleave(raised.replace(&read));
    let refused = ask(&world, &session, "new@example.com").await;
    assert_err!(refused, Error::PreconditionFailed);
    assert_eq!(world.kept_user(&ben).await.pending_email, None);
}

#[tokio::test]
async fn a_stale_version_is_rejected_and_the_current_one_accepted() {
    let (world, ben, _) = ben().await;
    let operator = world.operator();
    let new = email("new@example.com");
    let version = world.kept_user(&ben).await.version;
    let stale =
        world
            .doorward
            .email
            .change_email(&operator, "ben", &new, None, Some(version.next()));
    assert_err!(stale.await, Error::PreconditionFailed);
    world.advance(minutes(3));
    let operator = world.operator();
    let fresh = world
        .doorward
        .email
        .change_email(&operator, "ben", &new, None, Some(version));
    fresh.await.unwrap();
}

/// L-01, A-06: a throttled change has an audit event.
#[tokio::test]
async fn a_throttled_change_is_audited() {
    let world = World::new().await;
    world.active("ben").await;
    let session = world.sign_in("ben").await;
    let shown = password(PASSWORD);
    let change = async |name: String| {
        let (ctx, to) = (world.of(&session), email(&name));
        let changed = world
            .doorward
            .email
            .change_email(&ctx, "me", &to, Some(&shown), None);
        changed.await
    };
    for number in 0..5 {
        change(format!("ben{number}@example.org")).await.unwrap();
    }
    let refused = change("ben6@example.org".to_owned()).await;
    assert_err!(refused, Error::TooManyAttempts { .. });
    let line = "throttled!email-change".to_owned();
    assert!(world.audited().contains(&line));
}

/// mails about a change are counted by the new mailbox, regardless of the user who requests them.
#[tokio::test]
async fn changes_to_one_address_do_not_flood_its_mailbox() {
    let (world, _, session) = ben().await;
    world.active("eve").await;
    let eves = world.sign_in("eve").await;
    for _ in 0..3 {
        ask(&world, &session, "new@example.com").await.unwrap();
    }
    let refused = ask(&world, &eves, "new@example.com").await;
    assert_err!(refused, Error::TooManyAttempts { retry_after } if retry_after.as_secs() == 1200);
    world.advance(minutes(20));
    ask(&world, &eves, "new@example.com").await.unwrap();
}
