//! Undoing an email change from the old mailbox.

mod delayed_confirmation;

use doorward_domain::Error;
use doorward_domain::model::{Link, MailKind, Purpose, Status, User};
use doorward_domain::outbox::Mail;
use doorward_domain::sessions::SignedIn;
use doorward_domain::store::Records;
use doorward_domain::values::Token;
use jiff::SignedDuration;

use crate::test_node::*;

const OLD: &str = "ben@example.com";
const NEW: &str = "thief@example.org";

/// A thief who knows Ben's password and has a session.
async fn thief() -> (TestNode, User, SignedIn) {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    let session = node.sign_in("ben").await;
    (node, ben, session)
}

async fn ask(node: &TestNode, session: &SignedIn, new: &str, shown: &str) -> Vec<Mail> {
    let (new, shown) = (email(new), proof(shown));
    let ctx = node.of(session);
    let asked = change_email(&node.doorward, &ctx, "me", &new, Some(&shown), None).await;
    asked.unwrap();
    node.mails().await
}

fn of<'a>(mails: &'a [Mail], to: &str, template: MailKind) -> &'a Mail {
    let fits = |mail: &&Mail| mail.to.as_str() == to && mail.kind == template;
    let found = mails.iter().find(fits);
    found.unwrap_or_else(|| panic!("{to}: {:?}", summary(mails)))
}

/// Moves the account to the thief's mailbox. Returns Ben's undo link.
async fn moved(node: &TestNode, session: &SignedIn) -> Token {
    let mails = ask(node, session, NEW, PASSWORD).await;
    let undo = token_in(of(&mails, OLD, MailKind::EmailChangeUndo));
    confirm(node, of(&mails, NEW, MailKind::EmailChange)).await;
    undo
}

/// Confirms the new mailbox by this mail. Returns the undo link that the old mailbox then gets.
async fn confirm(node: &TestNode, mail: &Mail) -> Token {
    let confirm = token_in(mail);
    let confirmed = node
        .doorward
        .confirmation
        .confirm(&node.anonymous(), &confirm)
        .await;
    confirmed.unwrap();
    let told = node.one_mail().await;
    let expected = (OLD, MailKind::EmailChanged);
    assert_eq!((told.to.as_str(), told.kind), expected);
    token_in(&told)
}

/// Requests the confirmation again, without a session.
async fn ask_again(node: &TestNode, new: &str) -> Vec<Mail> {
    let (anonymous, new) = (node.anonymous(), email(new));
    let asked = node
        .doorward
        .confirmation
        .request_confirmation(&anonymous, &new, None)
        .await;
    asked.unwrap();
    node.mails().await
}

/// Requests a change while no mail can be delivered, so that its mails are late.
async fn request_with_slow_mail(node: &TestNode, session: &SignedIn, new: &str) {
    node.mailer.refuse(Some(MailRefusal::Temporary));
    ask(node, session, new, PASSWORD).await;
    node.mailer.refuse(None);
    node.advance(seconds(1));
}

/// The undo link in the late mail.
async fn slow_mail_token(node: &TestNode) -> Token {
    node.advance(hours(1));
    let mails = node.mails().await;
    token_in(of(&mails, OLD, MailKind::EmailChangeUndo))
}

/// Asserts that the queued undo mail to the thief's mailbox is never sent.
async fn assert_no_mail(node: &TestNode) {
    node.advance(hours(1));
    let mails = node.mails().await;
    let undoes = |mail: &Mail| mail.kind == MailKind::EmailChangeUndo;
    assert!(!mails.iter().any(undoes), "{:?}", summary(&mails));
}

async fn undo(node: &TestNode, token: &Token) -> Result<(), Error> {
    node.doorward
        .email_undo
        .undo_change(&node.anonymous(), token)
        .await
        .map(drop)
}

/// everything the thief had is invalid, and access is possible only through a mail to the old address.
#[tokio::test]
async fn the_old_mailbox_can_undo_a_change() {
    let (node, ben, session) = thief().await;
    let token = moved(&node, &session).await;
    let thiefs = node.sign_in(NEW).await;
    // A thief who also requests a recovery and changes the password gains nothing.
    node.advance(minutes(3));
    let anonymous = node.anonymous();
    let asked = node
        .doorward
        .recovery
        .request(&anonymous, &email(NEW), None)
        .await;
    asked.unwrap();
    let recovery = token_in(&node.one_mail().await);
    node.audited();
    undo(&node, &token).await.unwrap();
    assert_eq!(node.audited(), ["email-change-undone"]);
    let kept = node.stored_user(&ben).await;
    assert_eq!((kept.email, kept.pending_email), (Some(email(OLD)), None));
    for open in [&session, &thiefs] {
        assert_err!(node.check(open).await, Error::InvalidToken);
    }
    for name in ["ben", NEW, OLD] {
        let shown = node.try_sign_in(name, PASSWORD).await;
        assert_err!(shown, Error::InvalidCredentials);
    }
    let new = secret(OTHER_PASSWORD);
    let late = node
        .doorward
        .recovery
        .finish(&anonymous, &recovery, &new)
        .await;
    assert_err!(late, Error::LinkExpired);
    let mails = node.mails().await;
    let expected = [
        (OLD.to_owned(), MailKind::Recovery),
        (NEW.to_owned(), MailKind::EmailChangeUndone),
    ];
    assert_eq!(summary(&mails), expected);
    let recovery = token_in(of(&mails, OLD, MailKind::Recovery));
    node.doorward
        .recovery
        .finish(&anonymous, &recovery, &new)
        .await
        .unwrap();
    node.try_sign_in(OLD, OTHER_PASSWORD).await.unwrap();
}

/// also before the new address is confirmed; the confirmation then fails.
#[tokio::test]
async fn an_unconfirmed_change_is_cancelled() {
    let (node, ben, session) = thief().await;
    let mails = ask(&node, &session, NEW, PASSWORD).await;
    let token = token_in(of(&mails, OLD, MailKind::EmailChangeUndo));
    let confirm = token_in(of(&mails, NEW, MailKind::EmailChange));
    undo(&node, &token).await.unwrap();
    let late = node
        .doorward
        .confirmation
        .confirm(&node.anonymous(), &confirm)
        .await;
    assert_err!(late, Error::LinkExpired);
    assert_eq!(node.stored_user(&ben).await.email, Some(email(OLD)));
    assert_eq!(node.one_mail().await.kind, MailKind::Recovery);
}

/// viewing changes nothing, and the link works once, even for concurrent requests.
#[tokio::test]
async fn the_link_works_once() {
    let (node, ben, session) = thief().await;
    let token = moved(&node, &session).await;
    let before = node.stored_user(&ben).await;
    for _ in 0..5 {
        let viewed = node
            .doorward
            .email_undo
            .view_undo(&node.anonymous(), &token)
            .await;
        assert_eq!(viewed.unwrap().email, Some(email(OLD)));
    }
    assert_eq!(node.stored_user(&ben).await, before);
    let (one, other) = tokio::join!(undo(&node, &token), undo(&node, &token));
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    assert_err!(undo(&node, &token).await, Error::LinkExpired);
    let viewed = node
        .doorward
        .email_undo
        .view_undo(&node.anonymous(), &token)
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
        let (node, _, session) = thief().await;
        let token = moved(&node, &session).await;
        node.advance(after);
        assert_eq!(undo(&node, &token).await.is_ok(), works, "{after}");
    }
}

/// later actions of the thief do not void the owner's link, and give the thief no link that reverts the
/// undo.
#[tokio::test]
async fn later_actions_of_a_thief_do_not_void_the_link() {
    let (node, ben, session) = thief().await;
    let token = moved(&node, &session).await;
    let again = node.sign_in(NEW).await;
    let (current, next) = (proof(PASSWORD), secret(OTHER_PASSWORD));
    let ctx = node.of(&again);
    let changed = node
        .doorward
        .passwords
        .change(&ctx, None, &current, &next, None)
        .await;
    changed.unwrap();
    node.mails().await;
    node.advance(minutes(4));
    let again = node.try_sign_in(NEW, OTHER_PASSWORD).await.unwrap();
    let mails = ask(&node, &again, "third@example.org", OTHER_PASSWORD).await;
    let thiefs = token_in(of(&mails, NEW, MailKind::EmailChangeUndo));
    // Another change is requested, and its mail is queued while the owner acts.
    node.advance(minutes(4));
    let ctx = node.of(&again);
    let (fourth, shown) = (email("fourth@example.org"), proof(OTHER_PASSWORD));
    let asked = change_email(&node.doorward, &ctx, "me", &fourth, Some(&shown), None).await;
    asked.unwrap();
    undo(&node, &token).await.unwrap();
    assert_err!(undo(&node, &thiefs).await, Error::LinkExpired);
    assert_no_mail(&node).await;
    assert_eq!(node.stored_user(&ben).await.email, Some(email(OLD)));
}

/// a thief whose mailbox has a link, for a later change, uses it first. The owner's link still undoes
/// everything, and all earlier and later links of the thief's mailbox are void.
#[tokio::test]
async fn the_link_of_a_later_change_does_not_void_earlier_ones() {
    let (node, ben, session) = thief().await;
    let owners = moved(&node, &session).await;
    node.advance(minutes(4));
    let again = node.sign_in(NEW).await;
    let mails = ask(&node, &again, "third@example.org", PASSWORD).await;
    let thiefs = token_in(of(&mails, NEW, MailKind::EmailChangeUndo));
    undo(&node, &thiefs).await.unwrap();
    assert_eq!(node.stored_user(&ben).await.email, Some(email(NEW)));
    let recovery = token_in(of(&node.mails().await, NEW, MailKind::Recovery));
    let new = secret(OTHER_PASSWORD);
    let recovered = node
        .doorward
        .recovery
        .finish(&node.anonymous(), &recovery, &new)
        .await;
    recovered.unwrap();
    node.advance(minutes(4));
    let again = node.try_sign_in(NEW, OTHER_PASSWORD).await.unwrap();
    let mails = ask(&node, &again, "fourth@example.org", OTHER_PASSWORD).await;
    let thiefs = token_in(of(&mails, NEW, MailKind::EmailChangeUndo));
    undo(&node, &owners).await.unwrap();
    assert_eq!(node.stored_user(&ben).await.email, Some(email(OLD)));
    assert_err!(undo(&node, &thiefs).await, Error::LinkExpired);
}

/// earlier voided ranges do not grow: a link that was mailed after the account was disabled and enabled
/// survives the undo of a later change.
#[tokio::test]
async fn an_undo_keeps_links_mailed_after_an_earlier_disabling() {
    let (node, ben, _) = thief().await;
    let operator = node.operator();
    node.doorward
        .admin
        .disable(&operator, "ben", None)
        .await
        .unwrap();
    node.doorward
        .admin
        .enable(&operator, "ben", None)
        .await
        .unwrap();
    node.advance(minutes(4));
    let session = node.sign_in("ben").await;
    let owners = moved(&node, &session).await;
    node.advance(minutes(4));
    let again = node.sign_in(NEW).await;
    let mails = ask(&node, &again, "third@example.org", PASSWORD).await;
    let thiefs = token_in(of(&mails, NEW, MailKind::EmailChangeUndo));
    undo(&node, &thiefs).await.unwrap();
    node.mails().await;
    undo(&node, &owners).await.unwrap();
    assert_eq!(node.stored_user(&ben).await.email, Some(email(OLD)));
}

/// a change that a request with a later time has written is voided by the undo of an earlier one, too.
#[tokio::test]
async fn a_slow_undo_voids_changes_requested_after_it_started() {
    let (node, _, session) = thief().await;
    let owners = moved(&node, &session).await;
    node.advance(minutes(4));
    let began = node.anonymous();
    node.advance(SignedDuration::from_secs(1));
    let again = node.sign_in(NEW).await;
    let mails = ask(&node, &again, "third@example.org", PASSWORD).await;
    let thiefs = token_in(of(&mails, NEW, MailKind::EmailChangeUndo));
    let undone = node.doorward.email_undo.undo_change(&began, &owners).await;
    undone.unwrap();
    assert_err!(undo(&node, &thiefs).await, Error::LinkExpired);
}

/// the owner's mail is late, and a thief's later link is used before it arrives: the owner's link works.
#[tokio::test]
async fn a_delayed_mail_survives_the_undo_of_a_later_change() {
    let (node, ben, session) = thief().await;
    request_with_slow_mail(&node, &session, NEW).await;
    let later = node.link(&ben, Purpose::EmailUndo, NEW).await;
    undo(&node, &later).await.unwrap();
    undo(&node, &slow_mail_token(&node).await).await.unwrap();
    assert_eq!(node.stored_user(&ben).await.email, Some(email(OLD)));
}

/// the old mailbox undoes the change while another undo mail is being sent. No link of that mail works, and no
/// later mail has one.
#[tokio::test]
async fn a_mail_that_is_being_composed_is_cancelled() {
    let (node, ben, session) = thief().await;
    let owners = moved(&node, &session).await;
    node.advance(minutes(4));
    let again = node.sign_in(NEW).await;
    let (ctx, third) = (node.of(&again), email("third@example.org"));
    let shown = proof(PASSWORD);
    let asked = change_email(&node.doorward, &ctx, "me", &third, Some(&shown), None);
    asked.await.unwrap();
    // The worker looks the user up, and the undo comes before it stores the link.
    undo(&node, &owners).await.unwrap();
    let user = node.stored_user(&ben).await;
    let late = node.link(&user, Purpose::EmailUndo, NEW).await;
    assert_err!(undo(&node, &late).await, Error::LinkExpired);
    node.mails().await;
    assert_eq!(valid_link_count(&node, &ben).await, 0);
}

/// a queued mail to the thief, who undoes a change of their own in the meantime, does not void the owner's
/// link.
#[tokio::test]
async fn a_delayed_mail_keeps_older_links() {
    let (node, ben, session) = thief().await;
    let owners = moved(&node, &session).await;
    node.advance(minutes(4));
    let again = node.sign_in(NEW).await;
    let mails = ask(&node, &again, "third@example.org", PASSWORD).await;
    let thiefs = token_in(of(&mails, NEW, MailKind::EmailChangeUndo));
    node.advance(minutes(4));
    let again = node.sign_in(NEW).await;
    request_with_slow_mail(&node, &again, "fourth@example.org").await;
    undo(&node, &thiefs).await.unwrap();
    assert_no_mail(&node).await;
    undo(&node, &owners).await.unwrap();
    assert_eq!(node.stored_user(&ben).await.email, Some(email(OLD)));
}

/// a delayed mail does not void the link of a later change, since its own link was voided before that.
#[tokio::test]
async fn a_delayed_mail_keeps_newer_links() {
    let (node, ben, session) = thief().await;
    let owners = moved(&node, &session).await;
    node.advance(minutes(4));
    let again = node.sign_in(NEW).await;
    request_with_slow_mail(&node, &again, "third@example.org").await;
    undo(&node, &owners).await.unwrap();
    // Later, and before the mail is retried.
    node.advance(SignedDuration::from_millis(1));
    let changed = secret(OTHER_PASSWORD);
    let (operator, doorward) = (node.operator(), &node.doorward);
    doorward
        .passwords
        .set(&operator, "ben", &changed)
        .await
        .unwrap();
    let back = node.try_sign_in("ben", OTHER_PASSWORD).await.unwrap();
    node.mailer.refuse(None);
    let mails = ask(&node, &back, "fourth@example.org", OTHER_PASSWORD).await;
    let newer = token_in(of(&mails, OLD, MailKind::EmailChangeUndo));
    assert_no_mail(&node).await;
    undo(&node, &newer).await.unwrap();
    assert_eq!(node.stored_user(&ben).await.email, Some(email(OLD)));
}

/// a failed undo voids no queued mail.
#[tokio::test]
async fn a_failed_undo_voids_no_queued_mail() {
    let (node, ben, session) = thief().await;
    node.active("other").await;
    request_with_slow_mail(&node, &session, NEW).await;
    let taken = node.link(&ben, Purpose::EmailUndo, "other@example.com");
    assert_err!(undo(&node, &taken.await).await, Error::LinkExpired);
    undo(&node, &slow_mail_token(&node).await).await.unwrap();
}

/// if the old address now belongs to another account, nothing changes, and that is audited.
#[tokio::test]
async fn an_address_confirmed_by_another_account_cannot_be_restored() {
    let (node, ben, session) = thief().await;
    let token = moved(&node, &session).await;
    let wanted = sign_up(Some("benjamin"), Some(OLD));
    node.try_sign_up(wanted).await.unwrap();
    let confirm = token_in(&node.one_mail().await);
    let other = node
        .doorward
        .confirmation
        .confirm(&node.anonymous(), &confirm)
        .await
        .unwrap();
    let before = node.stored_user(&ben).await;
    node.audited();
    assert_err!(undo(&node, &token).await, Error::LinkExpired);
    assert_eq!(
        node.audited(),
        ["email-change-undone!address in use by another user"]
    );
    assert_eq!(node.stored_user(&ben).await, before);
    assert_eq!(node.stored_user(&other).await, other);
    node.sign_in(NEW).await;
}

/// bound to its purpose: no other link undoes a change, and an undo link does nothing else.
#[tokio::test]
async fn a_link_of_another_purpose_does_not_undo() {
    let (node, ben, session) = thief().await;
    let token = moved(&node, &session).await;
    let anonymous = node.anonymous();
    let doorward = &node.doorward;
    let new = secret(OTHER_PASSWORD);
    assert_err!(
        doorward.confirmation.confirm(&anonymous, &token).await,
        Error::LinkExpired
    );
    assert_err!(
        doorward
            .confirmation
            .cancel_confirmation(&anonymous, &token)
            .await,
        Error::LinkExpired
    );
    assert_err!(
        doorward.recovery.finish(&anonymous, &token, &new).await,
        Error::LinkExpired
    );
    for purpose in [Purpose::Confirmation, Purpose::Recovery] {
        let other = node.link(&ben, purpose, OLD).await;
        assert_err!(undo(&node, &other).await, Error::LinkExpired);
    }
    let nobodys = Token::generate(&*node.random);
    assert_err!(undo(&node, &nobodys).await, Error::LinkExpired);
    undo(&node, &token).await.unwrap();
}

/// the link of a disabled or deleted account is invalid, even if it is mailed late.
#[tokio::test]
async fn a_change_of_a_disabled_account_cannot_be_undone() {
    let (node, ben, session) = thief().await;
    let token = moved(&node, &session).await;
    let operator = node.operator();
    let off = node
        .doorward
        .admin
        .disable(&operator, "ben", None)
        .await
        .unwrap();
    assert_eq!(off.status, Status::Disabled);
    assert_err!(undo(&node, &token).await, Error::LinkExpired);
    let late = node.link(&ben, Purpose::EmailUndo, OLD).await;
    assert_err!(undo(&node, &late).await, Error::LinkExpired);
    node.doorward
        .admin
        .enable(&operator, "ben", None)
        .await
        .unwrap();
    assert_err!(undo(&node, &token).await, Error::LinkExpired);
    let deleted = node.doorward.deletion.delete(&operator, "ben", None).await;
    deleted.unwrap();
    assert_err!(undo(&node, &late).await, Error::LinkExpired);
}

/// if an admin changed the address, the old mailbox gets a notice and no undo link.
#[tokio::test]
async fn a_change_by_an_admin_has_no_undo_link() {
    let (node, _, _) = thief().await;
    let operator = node.operator();
    let new = email(NEW);
    let asked = change_email(&node.doorward, &operator, "ben", &new, None, None).await;
    asked.unwrap();
    let mails = node.mails().await;
    let notice = of(&mails, OLD, MailKind::EmailChangeNotice);
    assert_eq!(notice.valid_minutes, None);
}

/// older undo links of the user, mailed or queued, do not undo an admin's change either; but only once it is
/// confirmed, since until then the account may be a thief's.
#[tokio::test]
async fn older_links_do_not_undo_a_change_by_an_admin() {
    for is_confirmed in [true, false] {
        let (node, ben, session) = thief().await;
        let older = moved(&node, &session).await;
        node.advance(minutes(4));
        let again = node.sign_in(NEW).await;
        request_with_slow_mail(&node, &again, "third@example.org").await;
        // Independent of the audit log.
        node.spy.fail("audit_events");
        let (operator, doorward) = (node.operator(), &node.doorward);
        let fourth = email("fourth@example.org");
        let asked = change_email(doorward, &operator, "ben", &fourth, None, None);
        asked.await.unwrap();
        // A wrong password of the thief does not change who requested the change.
        let (fifth, wrong) = (email("fifth@example.org"), proof(OTHER_PASSWORD));
        let ctx = node.of(&again);
        for _ in 0..60 {
            let refused = change_email(doorward, &ctx, "me", &fifth, Some(&wrong), None);
            assert!(refused.await.is_err());
            node.advance(seconds(20));
        }
        if is_confirmed {
            let link = node
                .link(&ben, Purpose::Confirmation, fourth.as_str())
                .await;
            doorward
                .confirmation
                .confirm(&node.anonymous(), &link)
                .await
                .unwrap();
        }
        node.advance(hours(1));
        let mails = node.mails().await;
        let is_late = |mail: &&Mail| mail.kind == MailKind::EmailChangeUndo;
        let late = mails.iter().find(is_late).map(token_in);
        assert_eq!(late.is_none(), is_confirmed, "{:?}", summary(&mails));
        for link in late.into_iter().chain([older]) {
            assert_eq!(undo(&node, &link).await.is_err(), is_confirmed);
        }
        let left = [OLD, fourth.as_str()][usize::from(is_confirmed)];
        assert_eq!(node.stored_user(&ben).await.email, Some(email(left)));
    }
}

/// five changes an hour, so that links do not flood a mailbox.
#[tokio::test]
async fn address_changes_are_limited() {
    let (node, _, session) = thief().await;
    for number in 0..6 {
        let new = email(&format!("thief{number}@example.org"));
        let shown = proof(PASSWORD);
        let ctx = node.of(&session);
        let asked = change_email(&node.doorward, &ctx, "me", &new, Some(&shown), None).await;
        match number < 5 {
            true => asked.unwrap(),
            false => assert_err!(asked, Error::TooManyAttempts { .. }),
        }
        node.advance(SignedDuration::from_secs(1));
    }
}

/// also a link that was requested after the user was disabled, which the void links of that moment do not cover.
#[tokio::test]
async fn no_undo_link_of_a_user_who_is_not_active_is_valid() {
    let (node, ben, _) = thief().await;
    let active = node.stored_user(&ben).await;
    assert!(!active.undo_link_is_void(node.now()));
    for status in [Status::Disabled, Status::Pending] {
        let user = User {
            status,
            ..active.clone()
        };
        assert!(user.undo_link_is_void(node.now()), "{status:?}");
    }
}

async fn valid_link_count(node: &TestNode, user: &User) -> usize {
    let links = node
        .store
        .list::<Link>(Link::of_user(user.id))
        .await
        .unwrap();
    let user = node.stored_user(user).await;
    let is_open = |link: &&Link| {
        let is_void = user.undo_link_is_void(link.requested_at);
        !is_void && link.used_at.is_none() && link.expires_at > node.now()
    };
    let undoing = links
        .iter()
        .filter(|link| link.purpose == Purpose::EmailUndo);
    undoing.filter(is_open).count()
}
