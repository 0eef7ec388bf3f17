//! A change of address whose confirmation is waited with.

use super::*;

/// a thief waits with the confirmation. Whenever it is, the old mailbox is told, and has seven days from
/// then on.
#[tokio::test]
async fn the_days_of_the_old_mailbox_begin_with_the_confirmation() {
    let week = hours(7 * 24);
    for (after, works) in [(week - seconds(1), true), (week, false)] {
        let (world, ben, session) = thief().await;
        let mails = ask(&world, &session, NEW, PASSWORD).await;
        let first = token_in(of(&mails, OLD, MailTemplate::EmailChangeUndo));
        world.advance(hours(24) - seconds(1));
        let mails = ask_again(&world, NEW).await;
        let again = of(&mails, NEW, MailTemplate::EmailChange);
        let fresh = confirm(&world, again).await;
        world.advance(after);
        assert_err!(undo(&world, &first).await, Error::LinkExpired);
        assert_eq!(undo(&world, &fresh).await.is_ok(), works);
        let left = [NEW, OLD][usize::from(works)];
        assert_eq!(world.kept_user(&ben).await.email, Some(email(left)));
    }
}

/// a change of address ends by itself: from a day on nobody gets another link for it, neither by
/// asking nor from a mail server that was away. Asked for anew it goes on, and its old mailbox hears of it.
#[tokio::test]
async fn nobody_renews_a_change_of_address_for_long() {
    for is_away in [false, true] {
        let (world, ben, session) = thief().await;
        world.postbox.refuse(is_away.then_some(Refusal::ForNow));
        ask(&world, &session, NEW, PASSWORD).await;
        world.postbox.refuse(None);
        for later in [hours(24), hours(7 * 24)] {
            world.advance(later);
            let mails = ask_again(&world, NEW).await;
            let is_new = |mail: &Mail| mail.to.as_str() == NEW;
            assert!(!mails.iter().any(is_new), "{:?}", summary(&mails));
        }
        let session = world.sign_in("ben").await;
        let mails = ask(&world, &session, NEW, PASSWORD).await;
        of(&mails, OLD, MailTemplate::EmailChangeUndo);
        confirm(&world, of(&mails, NEW, MailTemplate::EmailChange)).await;
        assert_eq!(world.kept_user(&ben).await.email, Some(email(NEW)));
    }
}

/// what a node of an older release has asked for says not when: its own mail confirms it, and no other.
#[tokio::test]
async fn a_change_of_which_nothing_is_known_is_not_renewed() {
    let (world, ben, session) = thief().await;
    let (new, shown) = (email(NEW), password(PASSWORD));
    let ctx = world.of(&session);
    let accounts = &world.accounts;
    let asked = accounts.change_email(&ctx, "me", &new, Some(&shown), None);
    asked.await.unwrap();
    let kept = world.kept_user(&ben).await;
    let older = User {
        email_change: None,
        version: kept.version.next(),
        ..kept.clone()
    };
    let written = Change::UpdateUser {
        user: Box::new(older),
        expected: kept.version,
    };
    world.store.apply(vec![written]).await.unwrap();
    let mails = world.mails().await;
    let own = of(&mails, NEW, MailTemplate::EmailChange);
    assert!(ask_again(&world, NEW).await.is_empty());
    confirm(&world, own).await;
}
