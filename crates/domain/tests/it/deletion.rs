//! Deletion after some days: what it ends at once, who can cancel it and how, the reminder and the deletion.

use doorward_domain::Error;
use doorward_domain::Policy;
use doorward_domain::factors::FactorCode;
use doorward_domain::model::{AuditKind, MailKind, User};
use doorward_domain::outbox::Mail;
use doorward_domain::sessions::SignedIn;
use doorward_domain::sign_in::Proof;
use doorward_domain::values::{DeletionReason, Role, Token};
use jiff::SignedDuration;

use crate::factors::{add_app, answer, ben as ben_with_app, challenge, first_step};
use crate::test_node::*;

fn days(days: i64) -> SignedDuration {
    hours(days * 24)
}

async fn request(node: &TestNode, session: &SignedIn, named: &str) -> Result<User, Error> {
    let ctx = node.of(session);
    node.doorward
        .deletion
        .request(&ctx, named, None, None)
        .await
}

/// Ben, who has asked for the deletion, and the link in the mail about it.
async fn leaving() -> (TestNode, User, Token) {
    let node = TestNode::new().await;
    node.active("ben").await;
    let session = node.sign_in("ben").await;
    node.clear_cache();
    let user = request(&node, &session, "me").await.unwrap();
    let mail = node.one_mail().await;
    assert_eq!(mail.kind, MailKind::DeletionRequested);
    let token = token_in(&mail);
    (node, user, token)
}

async fn cancel(node: &TestNode, shown: Proof) -> Result<User, Error> {
    let (ctx, ben) = (node.anonymous(), identifier("ben"));
    let deletion = &node.doorward.deletion;
    let named = ("me", &ben);
    deletion.cancel_with_proof(&ctx, named, &shown, None).await
}

async fn undo(node: &TestNode, token: &Token) -> Result<(), Error> {
    let ctx = node.anonymous();
    node.doorward.deletion.undo(&ctx, token).await
}

async fn sweep(node: &TestNode) {
    let swept = node.doorward.housekeeping.sweep(&node.worker()).await;
    swept.unwrap();
}

fn kinds(mails: &[Mail]) -> Vec<MailKind> {
    mails.iter().map(|mail| mail.kind).collect()
}

#[tokio::test]
async fn a_request_ends_the_sessions_and_keeps_the_account_for_two_weeks() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    let session = node.sign_in("ben").await;
    node.audited();
    let user = request(&node, &session, "me").await.unwrap();
    let deletion_at = node.now() + days(14);
    assert_eq!(user.deletion.unwrap().at, deletion_at);
    assert_eq!(node.stored_user(&ben).await, user);
    assert_eq!(node.audited(), ["deletion-requested"]);
    assert_err!(node.check(&session).await, Error::InvalidToken);
    let mail = node.one_mail().await;
    assert_eq!(mail.to, email("ben@example.com"));
    assert_eq!(mail.deletion_at, Some(deletion_at));
    // The names stay taken.
    let again = node.try_sign_up(sign_up(Some("ben"), None)).await;
    assert_err!(again, Error::UsernameTaken);
}

/// The log keeps it, although the account is deleted at once.
#[tokio::test]
async fn the_reason_is_the_detail_of_the_audit_event() {
    for (grace, kind) in [
        (14, AuditKind::DeletionRequested),
        (0, AuditKind::UserDeleted),
    ] {
        let node = TestNode::with(|policy| policy.deletion_grace = days(grace)).await;
        node.active("ben").await;
        let session = node.sign_in("ben").await;
        let (ctx, deletion) = (node.of(&session), &node.doorward.deletion);
        let reason = Some(DeletionReason::Privacy);
        deletion.request(&ctx, "me", reason, None).await.unwrap();
        let events = node.spy.take_audited();
        let written = events.iter().find(|event| event.event == kind).unwrap();
        assert_eq!(written.detail.as_deref(), Some("privacy"));
    }
}

#[tokio::test]
async fn only_the_right_password_reveals_that_the_account_will_be_deleted() {
    let (node, user, _) = leaving().await;
    node.audited();
    for name in ["ben", "ben@example.com"] {
        let wrong = node.try_sign_in(name, OTHER_PASSWORD).await;
        assert_err!(wrong, Error::InvalidCredentials);
        let right = node.try_sign_in(name, PASSWORD).await;
        assert_err!(right, Error::DeletionPending { at } if *at == user.deletion.unwrap().at);
    }
    let [wrong, right] = ["sign-in!wrong password", "sign-in!deletion pending"];
    assert_eq!(node.audited(), [wrong, right, wrong, right]);
}

#[tokio::test]
async fn with_a_factor_only_password_and_code_reveal_it() {
    let (node, ben) = ben_with_app().await;
    let session = crate::factors::sign_in(&node, &ben).await.unwrap();
    request(&node, &session, "me").await.unwrap();
    node.advance(minutes(1));
    let open = challenge(&node, "ben").await;
    let wrong = answer(&node, &open, &ben.app.wrong(&node)).await;
    assert_err!(wrong, Error::InvalidCode);
    let right = answer(&node, &open, &ben.app.code_at(node.now())).await;
    assert_err!(right, Error::DeletionPending { .. });
}

/// A user who must have a factor and has none does not add one for an account that will be deleted.
#[tokio::test]
async fn no_factor_is_added_while_a_deletion_is_pending() {
    let require = |policy: &mut Policy| {
        policy.factors_required = doorward_domain::FactorsRequired::Everyone;
    };
    let node = TestNode::with(require).await;
    node.active("ben").await;
    let operator = node.operator();
    let deletion = &node.doorward.deletion;
    deletion
        .request(&operator, "ben", None, None)
        .await
        .unwrap();
    let refused = first_step(&node, &node.anonymous(), "ben").await;
    assert_err!(refused, Error::DeletionPending { .. });
}

#[tokio::test]
async fn the_password_keeps_the_account() {
    let (node, _, token) = leaving().await;
    node.audited();
    let wrong = cancel(&node, proof(OTHER_PASSWORD)).await;
    assert_err!(wrong, Error::InvalidCredentials);
    let kept = cancel(&node, proof(PASSWORD)).await.unwrap();
    assert_eq!(kept.deletion, None);
    let [wrong, right] = ["deletion-cancelled!wrong password", "deletion-cancelled"];
    assert_eq!(node.audited(), [wrong, right]);
    let mail = node.one_mail().await;
    assert_eq!(mail.kind, MailKind::DeletionCancelled);
    node.sign_in("ben").await;
    assert_err!(undo(&node, &token).await, Error::LinkExpired);
    assert_err!(cancel(&node, proof(PASSWORD)).await, Error::NotFound);
}

#[tokio::test]
async fn with_a_factor_the_password_alone_does_not_keep_the_account() {
    let (node, ben) = ben_with_app().await;
    let session = crate::factors::sign_in(&node, &ben).await.unwrap();
    request(&node, &session, "me").await.unwrap();
    node.advance(minutes(1));
    let with = |code: Option<FactorCode>| Proof {
        password: password(PASSWORD),
        code,
    };
    let alone = cancel(&node, with(None)).await;
    assert_err!(alone, Error::ReauthenticationRequired);
    let wrong = cancel(&node, with(Some(ben.app.wrong(&node)))).await;
    assert_err!(wrong, Error::InvalidCode);
    node.advance(minutes(1));
    cancel(&node, ben.proof(&node)).await.unwrap();
}

/// Each request and each cancellation mails a notice: in a loop they would fill the outbox.
#[tokio::test]
async fn a_user_requests_the_deletion_five_times_an_hour() {
    let node = TestNode::new().await;
    node.active("ben").await;
    for _ in 0..5 {
        let session = node.sign_in("ben").await;
        request(&node, &session, "me").await.unwrap();
        cancel(&node, proof(PASSWORD)).await.unwrap();
    }
    let session = node.sign_in("ben").await;
    let refused = request(&node, &session, "me").await;
    assert!(
        matches!(refused, Err(Error::TooManyAttempts { .. })),
        "{refused:?}"
    );
    // An admin still can.
    node.admin("ada").await;
    let admin = node.sign_in("ada").await;
    request(&node, &admin, "ben").await.unwrap();
}

/// the mailed link keeps the account, once, also after a change of the password.
#[tokio::test]
async fn the_mailed_link_keeps_the_account_once() {
    let (node, ben, token) = leaving().await;
    let operator = node.operator();
    let passwords = &node.doorward.passwords;
    let new = secret(OTHER_PASSWORD);
    passwords.set(&operator, "ben", &new).await.unwrap();
    node.mails().await;
    node.advance(days(14) - MICROSECOND);
    let before = node.stored_user(&ben).await;
    let (deletion, ctx) = (&node.doorward.deletion, node.anonymous());
    let link = deletion.view_undo(&ctx, &token).await.unwrap();
    assert_eq!(link.expires_at, ben.deletion.unwrap().at);
    assert_eq!(node.stored_user(&ben).await, before);
    let (one, other) = tokio::join!(undo(&node, &token), undo(&node, &token));
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    node.try_sign_in("ben", OTHER_PASSWORD).await.unwrap();
}

#[tokio::test]
async fn the_link_ends_with_the_deletion() {
    let (node, _, token) = leaving().await;
    node.advance(days(14));
    assert_err!(undo(&node, &token).await, Error::LinkExpired);
}

#[tokio::test]
async fn the_link_of_an_earlier_request_and_that_of_a_disabled_account_are_void() {
    let (node, _, earlier) = leaving().await;
    cancel(&node, proof(PASSWORD)).await.unwrap();
    node.mails().await;
    node.advance(minutes(1));
    let session = node.sign_in("ben").await;
    request(&node, &session, "me").await.unwrap();
    let token = token_in(&node.one_mail().await);
    assert_err!(undo(&node, &earlier).await, Error::LinkExpired);
    node.advance(minutes(1));
    let (operator, admin) = (node.operator(), &node.doorward.admin);
    admin.disable(&operator, "ben", None).await.unwrap();
    assert_err!(undo(&node, &token).await, Error::LinkExpired);
    admin.enable(&operator, "ben", None).await.unwrap();
    assert_err!(undo(&node, &token).await, Error::LinkExpired);
    let right = node.try_sign_in("ben", PASSWORD).await;
    assert_err!(right, Error::DeletionPending { .. });
}

#[tokio::test]
async fn the_user_is_reminded_the_day_before_and_then_deleted() {
    let (node, ben, _) = leaving().await;
    node.audited();
    node.advance(days(13) - MICROSECOND);
    sweep(&node).await;
    assert!(node.mails().await.is_empty());
    node.advance(MICROSECOND);
    sweep(&node).await;
    sweep(&node).await;
    let reminder = node.one_mail().await;
    assert_eq!(reminder.kind, MailKind::DeletionReminder);
    node.advance(days(1) - MICROSECOND);
    sweep(&node).await;
    assert!(node.stored_session(&ben).await.is_some());
    node.advance(MICROSECOND);
    sweep(&node).await;
    assert_eq!(node.stored_session(&ben).await, None);
    assert_eq!(node.audited(), ["user-deleted"]);
    node.active("ben").await;
}

#[tokio::test]
async fn the_link_in_the_reminder_keeps_the_account() {
    let (node, ben, first) = leaving().await;
    node.advance(days(13));
    sweep(&node).await;
    let token = token_in(&node.one_mail().await);
    undo(&node, &token).await.unwrap();
    assert_err!(undo(&node, &first).await, Error::LinkExpired);
    node.advance(days(2));
    sweep(&node).await;
    assert_eq!(node.stored_user(&ben).await.deletion, None);
}

/// The sweep has read the user before the deletion was cancelled.
#[tokio::test]
async fn a_user_who_is_kept_during_the_sweep_is_not_deleted() {
    let (node, ben, _) = leaving().await;
    node.advance(days(14));
    let read = node.stored_user(&ben).await;
    let kept = User {
        deletion: None,
        version: read.version.next(),
        ..read.clone()
    };
    node.spy.interleave(kept.replace(&read));
    sweep(&node).await;
    assert_eq!(node.stored_user(&ben).await, kept);
}

#[tokio::test]
async fn a_reminder_that_waits_is_not_sent_once_the_account_is_kept() {
    let (node, ..) = leaving().await;
    node.advance(days(13));
    sweep(&node).await;
    cancel(&node, proof(PASSWORD)).await.unwrap();
    let sent = node.one_mail().await;
    assert_eq!(sent.kind, MailKind::DeletionCancelled);
}

#[tokio::test]
async fn a_deletion_after_one_day_has_no_reminder_and_one_after_none_is_immediate() {
    let node = TestNode::with(|policy| policy.deletion_grace = days(1)).await;
    node.active("ben").await;
    let session = node.sign_in("ben").await;
    request(&node, &session, "me").await.unwrap();
    sweep(&node).await;
    assert_eq!(kinds(&node.mails().await), [MailKind::DeletionRequested]);

    let node = TestNode::with(|policy| policy.deletion_grace = days(0)).await;
    let ben = node.active("ben").await;
    let session = node.sign_in("ben").await;
    let deleted = request(&node, &session, "me").await.unwrap();
    assert_eq!((deleted.id, deleted.deletion), (ben.id, None));
    assert_eq!(node.stored_session(&ben).await, None);
    assert!(node.mails().await.is_empty());
}

/// Z-04: an admin who leaves is no admin at once, and the last one cannot leave.
#[tokio::test]
async fn an_admin_who_leaves_does_not_count_until_kept() {
    let node = TestNode::new().await;
    node.admin("ada").await;
    let zoe = node.admin("zoe").await;
    let (adas, zoes) = (node.sign_in("ada").await, node.sign_in("zoe").await);
    request(&node, &zoes, "me").await.unwrap();
    assert_err!(request(&node, &adas, "me").await, Error::LastAdmin);
    let (operator, admin) = (node.operator(), &node.doorward.admin);
    let demote = admin.change_role(&operator, "ada", Role::User, None).await;
    assert_err!(demote, Error::LastAdmin);
    // A role that changes in the meantime is that of the kept account.
    let deletion = &node.doorward.deletion;
    let kept = deletion.cancel(&node.of(&adas), "zoe", None).await.unwrap();
    assert_eq!((kept.id, kept.role), (zoe.id, Role::Admin));
    request(&node, &adas, "me").await.unwrap();
    assert!(node.has_admin().await);
}

#[tokio::test]
async fn a_user_who_becomes_admin_while_leaving_is_one_only_when_kept() {
    let (node, ben, token) = leaving().await;
    let (operator, admin) = (node.operator(), &node.doorward.admin);
    let promote = admin.change_role(&operator, "ben", Role::Admin, None);
    promote.await.unwrap();
    assert!(!node.has_admin().await);
    undo(&node, &token).await.unwrap();
    assert!(node.has_admin().await);
    assert_eq!(node.stored_user(&ben).await.role, Role::Admin);
}

#[tokio::test]
async fn an_admin_cancels_the_deletion_and_a_second_request_changes_nothing() {
    let (node, ben, _) = leaving().await;
    node.admin("ada").await;
    let session = node.sign_in("ada").await;
    node.advance(days(1));
    let operator = node.operator();
    let deletion = &node.doorward.deletion;
    let again = deletion
        .request(&operator, "ben", None, None)
        .await
        .unwrap();
    assert_eq!(again, node.stored_user(&ben).await);
    assert_eq!(again.deletion, ben.deletion);
    // the password of the admin is too old by now.
    let stale = deletion.cancel(&node.of(&session), "ben", None).await;
    assert_err!(stale, Error::ReauthenticationRequired);
    let wrong = Some(again.version.next());
    let stale = deletion.cancel(&operator, "ben", wrong).await;
    assert_err!(stale, Error::PreconditionFailed);
    deletion.cancel(&operator, "ben", None).await.unwrap();
    node.sign_in("ben").await;
    let none = deletion.cancel(&operator, "ben", None).await;
    assert_err!(none, Error::NotFound);
}

///
#[tokio::test]
async fn a_request_needs_a_recent_password() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let session = node.sign_in("ben").await;
    node.advance(minutes(6));
    let stale = request(&node, &session, "me").await;
    assert_err!(stale, Error::ReauthenticationRequired);
    let others = request(&node, &session, "eve").await;
    assert_err!(others, Error::Forbidden);
}

/// R-11, M-02: a thief who also asks for the deletion does not keep the owner from undoing the rest.
#[tokio::test]
async fn undoing_an_address_change_or_a_first_factor_keeps_the_account() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    let session = node.sign_in("ben").await;
    let (ctx, shown) = (node.of(&session), proof(PASSWORD));
    let thiefs = email("thief@example.org");
    let change = change_email(&node.doorward, &ctx, "me", &thiefs, Some(&shown), None);
    change.await.unwrap();
    let mails = node.mails().await;
    let is_undo = |mail: &&Mail| mail.kind == MailKind::EmailChangeUndo;
    let token = token_in(mails.iter().find(is_undo).unwrap());
    request(&node, &session, "me").await.unwrap();
    node.audited();
    let email_undo = &node.doorward.email_undo;
    email_undo
        .undo_change(&node.anonymous(), &token)
        .await
        .unwrap();
    assert_eq!(
        node.audited(),
        ["email-change-undone", "deletion-cancelled"]
    );
    assert_eq!(node.stored_user(&ben).await.deletion, None);

    let eve = node.active("eve").await;
    let session = node.sign_in("eve").await;
    add_app(&node, &node.of(&session), "Phone").await;
    let mails = node.mails().await;
    let is_undo = |mail: &&Mail| mail.kind == MailKind::FirstFactorAdded;
    let token = token_in(mails.iter().find(is_undo).unwrap());
    let operator = node.operator();
    let deletion = &node.doorward.deletion;
    deletion
        .request(&operator, "eve", None, None)
        .await
        .unwrap();
    let factor_undo = &node.doorward.factor_undo;
    factor_undo.undo(&node.anonymous(), &token).await.unwrap();
    assert_eq!(node.stored_user(&eve).await.deletion, None);
}
