//! An address change that is confirmed late.

use super::*;

/// a thief delays the confirmation. The old mailbox is notified when it happens, and has seven days after
/// that.
#[tokio::test]
async fn the_time_to_undo_starts_at_the_confirmation() {
    let week = hours(7 * 24);
    for (after, works) in [(week - seconds(1), true), (week, false)] {
        let (node, ben, session) = thief().await;
        let mails = ask(&node, &session, NEW, PASSWORD).await;
        let first = token_in(of(&mails, OLD, MailKind::EmailChangeUndo));
        node.advance(hours(24) - seconds(1));
        let mails = ask_again(&node, NEW).await;
        let again = of(&mails, NEW, MailKind::EmailChange);
        let fresh = confirm(&node, again).await;
        node.advance(after);
        assert_err!(undo(&node, &first).await, Error::LinkExpired);
        assert_eq!(undo(&node, &fresh).await.is_ok(), works);
        let left = [NEW, OLD][usize::from(works)];
        assert_eq!(node.stored_user(&ben).await.email, Some(email(left)));
    }
}
