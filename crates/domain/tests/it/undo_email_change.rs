//! Undoing an email change from the old mailbox.

mod delayed_confirmation;

use doorward_domain::Error;
use doorward_domain::model::{Link, Purpose, Status, User};
use doorward_domain::ports::{Mail, MailTemplate};
use doorward_domain::sessions::SignedIn;
use doorward_domain::store::Records;
use doorward_domain::values::Token;
use jiff::SignedDuration;

use crate::world::*;

const OLD: &str = "ben@example.com";
const NEW: &str = "thief@example.org";

/// A thief who knows Ben's password and has a session.
async fn thief() -> (World, User, SignedIn) {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let session = world.sign_in("ben").await;
    (world, ben, session)
}

async fn ask(world: &World, session: &SignedIn, new: &str, shown: &str) -> Vec<Mail> {
    let (new, shown) = (email(new), password(shown));
    let ctx = world.of(session);
    let asked = world
        .doorward
        .email
        .change_email(&ctx, "me", &new, Some(&shown), None)
        .await;
    asked.unwrap();
    world.mails().await
}

fn of<'a>(mails: &'a [Mail], to: &str, template: MailTemplate) -> &'a Mail {
    let fits = |mail: &&Mail| mail.to.as_str() == to && mail.template == template;
    let found = mails.iter().find(fits);
    found.unwrap_or_else(|| panic!("{to}: {:?}", summary(mails)))
}

/// Moves the account to the thief's mailbox. Returns Ben's undo link.
async fn moved(world: &World, session: &SignedIn) -> Token {
    let mails = ask(world, session, NEW, PASSWORD).await;
    let undo = token_in(of(&mails, OLD, MailTemplate::EmailChangeUndo));
    confirm(world, of(&mails, NEW, MailTemplate::EmailChange)).await;
    undo
}

/// Confirms the new mailbox by this mail. Returns the undo link that the old mailbox then gets.
async fn confirm(world: &World, mail: &Mail) -> Token {
    let confirm = token_in(mail);
    let confirmed = world.doorward.email.confirm(&world.anon(), &confirm).await;
    confirmed.unwrap();
    let told = world.one_mail().await;
    let expected = (OLD, MailTemplate::EmailChanged);
    assert_eq!((told.to.as_str(), told.template), expected);
    token_in(&told)
}

/// Requests the confirmation again, without a session.
async fn ask_again(world: &World, new: &str) -> Vec<Mail> {
    let (anon, new) = (world.anon(), email(new));
    let asked = world.doorward.email.request_confirmation(&anon, &new).await;
    asked.unwrap();
    world.mails().await
}

/// Requests a change while no mail can be delivered, so that its mails are late.
async fn request_with_slow_mail(world: &World, session: &SignedIn, new: &str) {
    world.mailer.refuse(Some(MailRefusal::Temporary));
    ask(world, session, new, PASSWORD).await;
    world.mailer.refuse(None);
    world.advance(seconds(1));
}

/// The undo link in the late mail.
async fn slow_mail_token(world: &World) -> Token {
    world.advance(hours(1));
    let mails = world.mails().await;
    token_in(of(&mails, OLD, MailTemplate::EmailChangeUndo))
}

/// Asserts that the queued undo mail to the thief's mailbox is never sent.
async fn assert_no_mail(world: &World) {
    world.advance(hours(1));
    let mails = world.mails().await;
    let undoes = |mail: &Mail| mail.template == MailTemplate::EmailChangeUndo;
    assert!(!mails.iter().any(undoes), "{:?}", summary(&mails));
}

async fn undo(world: &World, token: &Token) -> Result<(), Error> {
    world
        .doorward
        .email
        .undo_email_change(&world.anon(), token)
        .await
}

/// everything the thief had is invalid, and access is possible only through a mail to the old address.
#[tokio::test]
async fn the_old_mailbox_can_undo_a_change() {
    let (world, ben, session) = thief().await;
    let token = moved(&world, &session).await;
    let thiefs = world.sign_in(NEW).await;
    // A thief who also requests a recovery and changes the password gains nothing.
    world.advance(minutes(3));
    let anon = world.anon();
    let asked = world
        .doorward
        .recovery
        .request_recovery(&anon, &email(NEW))
        .await;
    asked.unwrap();
    let recovery = token_in(&world.one_mail().await);
    world.audited();
    undo(&world, &token).await.unwrap();
    assert_eq!(world.audited(), ["email-change-undone"]);
    let kept = world.kept_user(&ben).await;
    assert_eq!((kept.email, kept.pending_email), (Some(email(OLD)), None));
    for open in [&session, &thiefs] {
        assert_err!(world.check(open).await, Error::InvalidToken);
    }
    for name in ["ben", NEW, OLD] {
        let shown = world.try_sign_in(name, PASSWORD).await;
        assert_err!(shown, Error::InvalidCredentials);
    }
    let new = secret(OTHER_PASSWORD);
    let late = world
        .doorward
        .recovery
        .recover(&anon, &recovery, &new)
        .await;
    assert_err!(late, Error::LinkExpired);
    let mails = world.mails().await;
    let expected = [
        (OLD.to_owned(), MailTemplate::Recover),
        (NEW.to_owned(), MailTemplate::EmailChangeUndone),
    ];
    assert_eq!(summary(&mails), expected);
    let recovery = token_in(of(&mails, OLD, MailTemplate::Recover));
    world
        .doorward
        .recovery
        .recover(&anon, &recovery, &new)
        .await
        .unwrap();
    world.try_sign_in(OLD, OTHER_PASSWORD).await.unwrap();
}

/// also before the new address is confirmed; the confirmation then fails.
#[tokio::test]
async fn an_unconfirmed_change_is_cancelled() {
    let (world, ben, session) = thief().await;
    let mails = ask(&world, &session, NEW, PASSWORD).await;
    let token = token_in(of(&mails, OLD, MailTemplate::EmailChangeUndo));
    let confirm = token_in(of(&mails, NEW, MailTemplate::EmailChange));
    undo(&world, &token).await.unwrap();
    let late = world.doorward.email.confirm(&world.anon(), &confirm).await;
    assert_err!(late, Error::LinkExpired);
    assert_eq!(world.kept_user(&ben).await.email, Some(email(OLD)));
    assert_eq!(world.one_mail().await.template, MailTemplate::Recover);
}

/// viewing changes nothing, and the link works once, even for concurrent requests.
#[tokio::test]
async fn the_link_works_once() {
    let (world, ben, session) = thief().await;
    let token = moved(&world, &session).await;
    let before = world.kept_user(&ben).await;
    for _ in 0..5 {
        let viewed = world
            .doorward
            .email
            .view_email_undo(&world.anon(), &token)
            .await;
        assert_eq!(viewed.unwrap().email, email(OLD));
    }
    assert_eq!(world.kept_user(&ben).await, before);
    let (one, other) = tokio::join!(undo(&world, &token), undo(&world, &token));
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    assert_err!(undo(&world, &token).await, Error::LinkExpired);
    let viewed = world
        .doorward
        .email
        .view_email_undo(&world.anon(), &token)
        .await;
    assert_err!(viewed, Error::LinkExpired);
}

/// seven days by the clock, regardless of sweeps.
#[tokio::test]
async fn the_link_is_valid_for_a_week() {
    for (after, works) in [
        (hours(7 * 24) - seconds(1), true),
        (hours(7 * 24) + seconds(1), false),
    ] {
        let (world, _, session) = thief().await;
        let token = moved(&world, &session).await;
        world.advance(after);
        assert_eq!(undo(&world, &token).await.is_ok(), works, "{after}");
    }
}

/// later actions of the thief do not void the owner's link, and give the thief no link that reverts the
/// undo.
#[tokio::test]
async fn later_actions_of_a_thief_do_not_void_the_link() {
    let (world, ben, session) = thief().await;
    let token = moved(&world, &session).await;
    let again = world.sign_in(NEW).await;
    let (current, next) = (password(PASSWORD), secret(OTHER_PASSWORD));
    let ctx = world.of(&again);
    let changed = world
        .doorward
        .password
        .change_password(&ctx, None, &current, &next)
        .await;
    changed.unwrap();
    world.mails().await;
    world.advance(minutes(4));
    let again = world.try_sign_in(NEW, OTHER_PASSWORD).await.unwrap();
    let mails = ask(&world, &again, "third@example.org", OTHER_PASSWORD).await;
    let thiefs = token_in(of(&mails, NEW, MailTemplate::EmailChangeUndo));
    // Another change is requested, and its mail is queued while the owner acts.
    world.advance(minutes(4));
    let ctx = world.of(&again);
    let (fourth, shown) = (email("fourth@example.org"), password(OTHER_PASSWORD));
    let asked = world
        .doorward
        .email
        .change_email(&ctx, "me", &fourth, Some(&shown), None)
        .await;
    asked.unwrap();
    undo(&world, &token).await.unwrap();
    assert_err!(undo(&world, &thiefs).await, Error::LinkExpired);
    assert_no_mail(&world).await;
    assert_eq!(world.kept_user(&ben).await.email, Some(email(OLD)));
}

/// a thief whose mailbox has a link, for a later change, uses it first. The owner's link still undoes
/// everything, and all earlier and later links of the thief's mailbox are void.
#[tokio::test]
async fn the_link_of_a_later_change_does_not_void_earlier_ones() {
    let (world, ben, session) = thief().await;
    let owners = moved(&world, &session).await;
    world.advance(minutes(4));
    let again = world.sign_in(NEW).await;
    let mails = ask(&world, &again, "third@example.org", PASSWORD).await;
    let thiefs = token_in(of(&mails, NEW, MailTemplate::EmailChangeUndo));
    undo(&world, &thiefs).await.unwrap();
    assert_eq!(world.kept_user(&ben).await.email, Some(email(NEW)));
    let recovery = token_in(of(&world.mails().await, NEW, MailTemplate::Recover));
    let new = secret(OTHER_PASSWORD);
    let recovered = world
        .doorward
        .recovery
        .recover(&world.anon(), &recovery, &new)
        .await;
    recovered.unwrap();
    world.advance(minutes(4));
    let again = world.try_sign_in(NEW, OTHER_PASSWORD).await.unwrap();
    let mails = ask(&world, &again, "fourth@example.org", OTHER_PASSWORD).await;
    let thiefs = token_in(of(&mails, NEW, MailTemplate::EmailChangeUndo));
    undo(&world, &owners).await.unwrap();
    assert_eq!(world.kept_user(&ben).await.email, Some(email(OLD)));
    assert_err!(undo(&world, &thiefs).await, Error::LinkExpired);
}

/// earlier voided ranges do not grow: a link that was mailed after the account was disabled and enabled
/// survives the undo of a later change.
#[tokio::test]
async fn an_undo_keeps_links_mailed_after_an_earlier_disabling() {
    let (world, ben, _) = thief().await;
    let operator = world.operator();
    world
        .doorward
        .admin
        .disable(&operator, "ben", None)
        .await
        .unwrap();
    world
        .doorward
        .admin
        .enable(&operator, "ben", None)
        .await
        .unwrap();
    world.advance(minutes(4));
    let session = world.sign_in("ben").await;
    let owners = moved(&world, &session).await;
    world.advance(minutes(4));
    let again = world.sign_in(NEW).await;
    let mails = ask(&world, &again, "third@example.org", PASSWORD).await;
    let thiefs = token_in(of(&mails, NEW, MailTemplate::EmailChangeUndo));
    undo(&world, &thiefs).await.unwrap();
    world.mails().await;
    undo(&world, &owners).await.unwrap();
    assert_eq!(world.kept_user(&ben).await.email, Some(email(OLD)));
}

/// a change that a request with a later time has written is voided by the undo of an earlier one, too.
#[tokio::test]
async fn a_slow_undo_voids_changes_requested_after_it_started() {
    let (world, _, session) = thief().await;
    let owners = moved(&world, &session).await;
    world.advance(minutes(4));
    let began = world.anon();
    world.advance(SignedDuration::from_secs(1));
    let again = world.sign_in(NEW).await;
    let mails = ask(&world, &again, "third@example.org", PASSWORD).await;
    let thiefs = token_in(of(&mails, NEW, MailTemplate::EmailChangeUndo));
    let undone = world
        .doorward
        .email
        .undo_email_change(&began, &owners)
        .await;
    undone.unwrap();
    assert_err!(undo(&world, &thiefs).await, Error::LinkExpired);
}

/// the owner's mail is late, and a thief's later link is used before it arrives: the owner's link works.
#[tokio::test]
async fn a_delayed_mail_survives_the_undo_of_a_later_change() {
    let (world, ben, session) = thief().await;
    request_with_slow_mail(&world, &session, NEW).await;
    let later = world.link(&ben, Purpose::EmailUndo, NEW).await;
    undo(&world, &later).await.unwrap();
    undo(&world, &slow_mail_token(&world).await).await.unwrap();
    assert_eq!(world.kept_user(&ben).await.email, Some(email(OLD)));
}

/// the old mailbox undoes the change while another undo mail is being sent. No link of that mail works, and no
/// later mail has one.
#[tokio::test]
async fn a_mail_that_is_being_composed_is_cancelled() {
    let (world, ben, session) = thief().await;
    let owners = moved(&world, &session).await;
    world.advance(minutes(4));
    let again = world.sign_in(NEW).await;
    let (ctx, third) = (world.of(&again), email("third@example.org"));
    let shown = password(PASSWORD);
    let asked = world
        .doorward
        .email
        .change_email(&ctx, "me", &third, Some(&shown), None);
    asked.await.unwrap();
    // The worker looks the user up, and the undo comes before it stores the link.
    undo(&world, &owners).await.unwrap();
    let user = world.kept_user(&ben).await;
    let late = world.link(&user, Purpose::EmailUndo, NEW).await;
    assert_err!(undo(&world, &late).await, Error::LinkExpired);
    world.mails().await;
    assert_eq!(valid_link_count(&world, &ben).await, 0);
}

/// a queued mail to the thief, who undoes a change of their own in the meantime, does not void the owner's
/// link.
#[tokio::test]
async fn a_delayed_mail_keeps_older_links() {
    let (world, ben, session) = thief().await;
    let owners = moved(&world, &session).await;
    world.advance(minutes(4));
    let again = world.sign_in(NEW).await;
    let mails = ask(&world, &again, "third@example.org", PASSWORD).await;
    let thiefs = token_in(of(&mails, NEW, MailTemplate::EmailChangeUndo));
    world.advance(minutes(4));
    let again = world.sign_in(NEW).await;
    request_with_slow_mail(&world, &again, "fourth@example.org").await;
    undo(&world, &thiefs).await.unwrap();
    assert_no_mail(&world).await;
    undo(&world, &owners).await.unwrap();
    assert_eq!(world.kept_user(&ben).await.email, Some(email(OLD)));
}

/// a delayed mail does not void the link of a later change, since its own link was voided before that.
#[tokio::test]
async fn a_delayed_mail_keeps_newer_links() {
    let (world, ben, session) = thief().await;
    let owners = moved(&world, &session).await;
    world.advance(minutes(4));
    let again = world.sign_in(NEW).await;
    request_with_slow_mail(&world, &again, "third@example.org").await;
    undo(&world, &owners).await.unwrap();
    // Later, and before the mail is retried.
    world.advance(SignedDuration::from_millis(1));
    let changed = secret(OTHER_PASSWORD);
    let (operator, doorward) = (world.operator(), &world.doorward);
    doorward
        .password
        .set_password(&operator, "ben", &changed)
        .await
        .unwrap();
    let back = world.try_sign_in("ben", OTHER_PASSWORD).await.unwrap();
    world.mailer.refuse(None);
    let mails = ask(&world, &back, "fourth@example.org", OTHER_PASSWORD).await;
    let newer = token_in(of(&mails, OLD, MailTemplate::EmailChangeUndo));
    assert_no_mail(&world).await;
    undo(&world, &newer).await.unwrap();
    assert_eq!(world.kept_user(&ben).await.email, Some(email(OLD)));
}

/// a failed undo voids no queued mail.
#[tokio::test]
async fn a_failed_undo_voids_no_queued_mail() {
    let (world, ben, session) = thief().await;
    world.active("other").await;
    request_with_slow_mail(&world, &session, NEW).await;
    let taken = world.link(&ben, Purpose::EmailUndo, "other@example.com");
    assert_err!(undo(&world, &taken.await).await, Error::LinkExpired);
    undo(&world, &slow_mail_token(&world).await).await.unwrap();
}

/// if the old address now belongs to another account, nothing changes, and that is audited.
#[tokio::test]
async fn an_address_confirmed_by_another_account_cannot_be_restored() {
    let (world, ben, session) = thief().await;
    let token = moved(&world, &session).await;
    let wanted = sign_up(Some("benjamin"), Some(OLD));
    world.try_sign_up(wanted).await.unwrap();
    let confirm = token_in(&world.one_mail().await);
    let other = world
        .doorward
        .email
        .confirm(&world.anon(), &confirm)
        .await
        .unwrap();
    let before = world.kept_user(&ben).await;
    world.audited();
    assert_err!(undo(&world, &token).await, Error::LinkExpired);
    assert_eq!(
        world.audited(),
        ["email-change-undone!address in use by another user"]
    );
    assert_eq!(world.kept_user(&ben).await, before);
    assert_eq!(world.kept_user(&other).await, other);
    world.sign_in(NEW).await;
}

/// bound to its purpose: no other link undoes a change, and an undo link does nothing else.
#[tokio::test]
async fn a_link_of_another_purpose_does_not_undo() {
    let (world, ben, session) = thief().await;
    let token = moved(&world, &session).await;
    let anon = world.anon();
    let doorward = &world.doorward;
    let new = secret(OTHER_PASSWORD);
    assert_err!(
        doorward.email.confirm(&anon, &token).await,
        Error::LinkExpired
    );
    assert_err!(
        doorward.email.cancel_confirmation(&anon, &token).await,
        Error::LinkExpired
    );
    assert_err!(
        doorward.recovery.recover(&anon, &token, &new).await,
        Error::LinkExpired
    );
    for purpose in [Purpose::Confirmation, Purpose::Recovery] {
        let other = world.link(&ben, purpose, OLD).await;
        assert_err!(undo(&world, &other).await, Error::LinkExpired);
    }
    let nobodys = Token::generate(&*world.secrets);
    assert_err!(undo(&world, &nobodys).await, Error::LinkExpired);
    undo(&world, &token).await.unwrap();
}

/// the link of a disabled or deleted account is invalid, even if it is mailed late.
#[tokio::test]
async fn a_change_of_a_disabled_account_cannot_be_undone() {
    let (world, ben, session) = thief().await;
    let token = moved(&world, &session).await;
    let operator = world.operator();
    let off = world
        .doorward
        .admin
        .disable(&operator, "ben", None)
        .await
        .unwrap();
    assert_eq!(off.status, Status::Disabled);
    assert_err!(undo(&world, &token).await, Error::LinkExpired);
    let late = world.link(&ben, Purpose::EmailUndo, OLD).await;
    assert_err!(undo(&world, &late).await, Error::LinkExpired);
    world
        .doorward
        .admin
        .enable(&operator, "ben", None)
        .await
        .unwrap();
    assert_err!(undo(&world, &token).await, Error::LinkExpired);
    let deleted = world
        .doorward
        .profile
        .delete_account(&operator, "ben", None)
        .await;
    deleted.unwrap();
    assert_err!(undo(&world, &late).await, Error::LinkExpired);
}

/// if an admin changed the address, the old mailbox gets a notice and no undo link.
#[tokio::test]
async fn a_change_by_an_admin_has_no_undo_link() {
    let (world, _, _) = thief().await;
    let operator = world.operator();
    let new = email(NEW);
    let asked = world
        .doorward
        .email
        .change_email(&operator, "ben", &new, None, None)
        .await;
    asked.unwrap();
    let mails = world.mails().await;
    let notice = of(&mails, OLD, MailTemplate::EmailChangeNotice);
    assert_eq!(notice.valid_minutes, None);
}

/// older undo links of the user, mailed or queued, do not undo an admin's change either; but only once it is
/// confirmed, since until then the account may be a thief's.
#[tokio::test]
async fn older_links_do_not_undo_a_change_by_an_admin() {
    for is_confirmed in [true, false] {
        let (world, ben, session) = thief().await;
        let older = moved(&world, &session).await;
        world.advance(minutes(4));
        let again = world.sign_in(NEW).await;
        request_with_slow_mail(&world, &again, "third@example.org").await;
        // Independent of the audit log.
        world.spy.fail("audit_events");
        let (operator, doorward) = (world.operator(), &world.doorward);
        let fourth = email("fourth@example.org");
        let asked = doorward
            .email
            .change_email(&operator, "ben", &fourth, None, None);
        asked.await.unwrap();
        // A wrong password of the thief does not change who requested the change.
        let (fifth, wrong) = (email("fifth@example.org"), password(OTHER_PASSWORD));
        let ctx = world.of(&again);
        for _ in 0..60 {
            let refused = doorward
                .email
                .change_email(&ctx, "me", &fifth, Some(&wrong), None);
            assert!(refused.await.is_err());
            world.advance(seconds(20));
        }
        if is_confirmed {
            let link = world
                .link(&ben, Purpose::Confirmation, fourth.as_str())
                .await;
            doorward.email.confirm(&world.anon(), &link).await.unwrap();
        }
        world.advance(hours(1));
        let mails = world.mails().await;
        let is_late = |mail: &&Mail| mail.template == MailTemplate::EmailChangeUndo;
        let late = mails.iter().find(is_late).map(token_in);
        assert_eq!(late.is_none(), is_confirmed, "{:?}", summary(&mails));
        for link in late.into_iter().chain([older]) {
            assert_eq!(undo(&world, &link).await.is_err(), is_confirmed);
        }
        let left = [OLD, fourth.as_str()][usize::from(is_confirmed)];
        assert_eq!(world.kept_user(&ben).await.email, Some(email(left)));
    }
}

/// five changes an hour, so that links do not flood a mailbox.
#[tokio::test]
async fn address_changes_are_limited() {
    let (world, _, session) = thief().await;
    for number in 0..6 {
        let new = email(&format!("thief{number}@example.org"));
        let shown = password(PASSWORD);
        let ctx = world.of(&session);
        let asked = world
            .doorward
            .email
            .change_email(&ctx, "me", &new, Some(&shown), None)
            .await;
        match number < 5 {
            true => asked.unwrap(),
            false => assert_err!(asked, Error::TooManyAttempts { .. }),
        }
        world.advance(SignedDuration::from_secs(1));
    }
}

async fn valid_link_count(world: &World, user: &User) -> usize {
    let links = world
        .store
        .list::<Link>(Link::of_user(user.id))
        .await
        .unwrap();
    let user = world.kept_user(user).await;
    let is_open = |link: &&Link| {
        let is_void = user.undo_link_is_void(link.requested_at);
        !is_void && link.used_at.is_none() && link.expires_at > world.now()
    };
    let undoing = links
        .iter()
        .filter(|link| link.purpose == Purpose::EmailUndo);
    undoing.filter(is_open).count()
}
