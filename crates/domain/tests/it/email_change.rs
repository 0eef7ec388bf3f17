//! Changing the address: the new one replaces the old one once confirmed, and the old one is notified.

use doorward_domain::Error;
use doorward_domain::model::{MailKind, Status, User};
use doorward_domain::outbox::Mail;
use doorward_domain::sessions::SignedIn;

use crate::test_node::*;

async fn ask(node: &TestNode, session: &SignedIn, new: &str) -> Result<(), Error> {
    let (new, shown) = (email(new), proof(PASSWORD));
    let ctx = node.of(session);
    change_email(&node.doorward, &ctx, "me", &new, Some(&shown), None).await
}

fn to<'a>(mails: &'a [Mail], address: &str) -> &'a Mail {
    let found = mails.iter().find(|mail| mail.to.as_str() == address);
    found.unwrap_or_else(|| panic!("no mail to {address}: {:?}", summary(mails)))
}

async fn ben() -> (TestNode, User, SignedIn) {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    let session = node.sign_in("ben").await;
    (node, ben, session)
}

/// the old address stays until the new one is confirmed, and is notified at once.
#[tokio::test]
async fn a_confirmed_address_replaces_the_old_one_which_is_notified() {
    let (node, ben, session) = ben().await;
    node.audited();
    ask(&node, &session, "New@example.com").await.unwrap();
    assert_eq!(node.audited(), ["email-change-requested"]);
    let mails = node.mails().await;
    node.list_at_once();
    let expected = [
        ("New@example.com".to_owned(), MailKind::EmailChange),
        ("ben@example.com".to_owned(), MailKind::EmailChangeUndo),
    ];
    assert_eq!(summary(&mails), expected);
    let notice = to(&mails, "ben@example.com");
    assert_eq!(notice.new_email.as_deref(), Some("N***@example.com"));
    let kept = node.stored_user(&ben).await;
    assert_eq!(kept.email, Some(email("ben@example.com")));
    let token = token_in(to(&mails, "New@example.com"));
    let moved = node
        .doorward
        .confirmation
        .confirm(&node.anonymous(), &token)
        .await
        .unwrap();
    assert_eq!(
        (moved.email, moved.pending_email),
        (Some(email("New@example.com")), None)
    );
    assert_eq!(node.audited(), ["email-confirmed"]);
    assert_err!(node.check(&session).await, Error::InvalidToken);
    let open = node.sessions().list(ben.id, node.now()).await;
    assert!(open.unwrap().is_empty());
    node.sign_in("new@example.com").await;
    let old = node.try_sign_in("ben@example.com", PASSWORD).await;
    assert_err!(old, Error::InvalidCredentials);
}

/// one hour.
#[tokio::test]
async fn the_link_to_the_new_address_expires_after_exactly_an_hour() {
    for (age, lives) in [(hours(1) - MICROSECOND, true), (hours(1), false)] {
        let (node, _, session) = ben().await;
        ask(&node, &session, "new@example.com").await.unwrap();
        let token = token_in(to(&node.mails().await, "new@example.com"));
        node.advance(age);
        let confirmed = node
            .doorward
            .confirmation
            .confirm(&node.anonymous(), &token)
            .await;
        assert_eq!(confirmed.is_ok(), lives);
    }
}

/// a change needs the current password, and a wrong one counts as a failed attempt.
#[tokio::test]
async fn changing_your_own_address_requires_the_password() {
    let (node, _, session) = ben().await;
    let ctx = node.of(&session);
    let new = email("new@example.com");
    for named in ["me", "ben", "BEN"] {
        let refused = change_email(&node.doorward, &ctx, named, &new, None, None).await;
        assert_err!(refused, Error::Invalid(fields) if fields[0].invalid.code == "missing");
    }
    node.audited();
    let wrong = proof(OTHER_PASSWORD);
    let refused = change_email(&node.doorward, &ctx, "me", &new, Some(&wrong), None).await;
    assert_err!(refused, Error::InvalidCredentials);
    assert_eq!(node.audited(), ["email-change-requested!wrong password"]);
    assert!(node.mails().await.is_empty());
}

/// An admin can look the owner up; a user learns nothing.
#[tokio::test]
async fn an_admin_cannot_choose_an_address_that_another_user_has() {
    let node = TestNode::new().await;
    node.admin("ada").await;
    node.active("ben").await;
    node.active("cleo").await;
    let admin = node.of(&node.sign_in("ada").await);
    let doorward = &node.doorward;
    let taken = email("cleo@example.com");
    let refused = change_email(doorward, &admin, "ben", &taken, None, None).await;
    assert_err!(refused, Error::EmailTaken);
    let (own, shown) = (node.of(&node.sign_in("ben").await), proof(PASSWORD));
    let accepted = change_email(doorward, &own, "me", &taken, Some(&shown), None).await;
    accepted.unwrap();
    node.mails().await;
}

#[tokio::test]
async fn an_admin_needs_the_password_only_for_their_own_address() {
    let (node, ben, _) = ben().await;
    node.admin("ada").await;
    let session = node.sign_in("ada").await;
    let ctx = node.of(&session);
    let new = email("new@example.com");
    change_email(&node.doorward, &ctx, "ben", &new, None, None)
        .await
        .unwrap();
    let mails = node.mails().await;
    to(&mails, "ben@example.com");
    let kept = node.stored_user(&ben).await;
    assert_eq!(
        kept.email,
        Some(email("ben@example.com")),
        "R-12: only its mailbox confirms it"
    );
    let own = change_email(&node.doorward, &ctx, "ada", &new, None, None).await;
    assert_err!(own, Error::Invalid(_));
}

/// The former address may be why an admin has changed it.
#[tokio::test]
async fn an_address_that_an_admin_has_changed_is_not_reported_to_the_former_one_once_it_is_confirmed()
 {
    let (node, ben, _) = ben().await;
    node.admin("ada").await;
    let ctx = node.of(&node.sign_in("ada").await);
    let new = email("new@example.com");
    change_email(&node.doorward, &ctx, "ben", &new, None, None)
        .await
        .unwrap();
    let token = token_in(to(&node.mails().await, "new@example.com"));
    node.doorward
        .confirmation
        .confirm(&node.anonymous(), &token)
        .await
        .unwrap();
    assert_eq!(node.stored_user(&ben).await.email, Some(new));
    assert_eq!(summary(&node.mails().await), []);
}

/// a link confirms only the address that it was created for.
#[tokio::test]
async fn a_second_change_voids_the_link_of_the_first() {
    let (node, ben, session) = ben().await;
    ask(&node, &session, "first@example.com").await.unwrap();
    let first = token_in(to(&node.mails().await, "first@example.com"));
    ask(&node, &session, "second@example.com").await.unwrap();
    let refused = node
        .doorward
        .confirmation
        .confirm(&node.anonymous(), &first)
        .await;
    assert_err!(refused, Error::LinkExpired);
    let second = token_in(to(&node.mails().await, "second@example.com"));
    node.doorward
        .confirmation
        .confirm(&node.anonymous(), &second)
        .await
        .unwrap();
    assert_eq!(
        node.stored_user(&ben).await.email,
        Some(email("second@example.com"))
    );
}

/// also if the first address is requested again.
#[tokio::test]
async fn an_address_requested_again_is_confirmed_only_by_its_new_link() {
    let (node, _, session) = ben().await;
    ask(&node, &session, "first@example.com").await.unwrap();
    let old = token_in(to(&node.mails().await, "first@example.com"));
    ask(&node, &session, "second@example.com").await.unwrap();
    node.advance(minutes(3));
    ask(&node, &session, "first@example.com").await.unwrap();
    let refused = node
        .doorward
        .confirmation
        .confirm(&node.anonymous(), &old)
        .await;
    assert_err!(refused, Error::LinkExpired);
}

#[tokio::test]
async fn requesting_a_taken_address_only_notifies_its_owner() {
    let (node, ben, session) = ben().await;
    node.active("eve").await;
    ask(&node, &session, "eve@example.com").await.unwrap();
    let mails = node.mails().await;
    let told = to(&mails, "eve@example.com");
    assert_eq!(told.kind, MailKind::AlreadyRegistered);
    assert_eq!(told.url, "https://accounts.example");
    assert_eq!(
        node.stored_user(&ben).await.email,
        Some(email("ben@example.com"))
    );
}

#[tokio::test]
async fn without_enumeration_protection_a_taken_address_is_rejected() {
    let node = TestNode::with(|policy| policy.enumeration_protection = false).await;
    node.active("ben").await;
    node.active("eve").await;
    let session = node.sign_in("ben").await;
    assert_err!(
        ask(&node, &session, "eve@example.com").await,
        Error::EmailTaken
    );
    let same = ask(&node, &session, "Ben@example.com").await;
    assert_err!(same, Error::Invalid(fields) if fields[0].invalid.code == "unchanged");
}

/// An admin may set another domain for another user.
#[tokio::test]
async fn users_change_only_to_an_address_at_an_allowed_domain() {
    let node = TestNode::with(|policy| policy.email_domains = "example.com".parse().unwrap()).await;
    node.active("ben").await;
    let session = node.sign_in("ben").await;
    let refused = ask(&node, &session, "ben@example.org").await;
    assert_err!(refused, Error::Invalid(fields) if fields[0].invalid.code == "domain-not-allowed");
    ask(&node, &session, "new@example.com").await.unwrap();
    node.admin("root").await;
    let ctx = node.of(&node.sign_in("root").await);
    let (new, shown) = (email("ben@example.org"), proof(PASSWORD));
    let changed = change_email(&node.doorward, &ctx, "ben", &new, Some(&shown), None);
    changed.await.unwrap();
    let own = change_email(&node.doorward, &ctx, "me", &new, Some(&shown), None);
    assert_err!(own.await, Error::Invalid(fields) if fields[0].invalid.code == "domain-not-allowed");
}

/// The owner confirms the address while the change is pending.
#[tokio::test]
async fn an_address_confirmed_first_by_another_user_cannot_be_confirmed() {
    let (node, ben, session) = ben().await;
    ask(&node, &session, "eve@example.com").await.unwrap();
    let late = token_in(to(&node.mails().await, "eve@example.com"));
    node.pending("eve").await;
    let token = token_in(&node.one_mail().await);
    node.doorward
        .confirmation
        .confirm(&node.anonymous(), &token)
        .await
        .unwrap();
    let refused = node
        .doorward
        .confirmation
        .confirm(&node.anonymous(), &late)
        .await;
    assert_err!(refused, Error::LinkExpired);
    let kept = node.stored_user(&ben).await;
    assert_eq!(
        (kept.email, kept.status),
        (Some(email("ben@example.com")), Status::Active)
    );
}

/// R-10 for an address change: the recipient cancels, and the account keeps its address.
#[tokio::test]
async fn cancelling_a_change_keeps_the_old_address() {
    let (node, ben, session) = ben().await;
    ask(&node, &session, "new@example.com").await.unwrap();
    let token = token_in(to(&node.mails().await, "new@example.com"));
    node.doorward
        .confirmation
        .cancel_confirmation(&node.anonymous(), &token)
        .await
        .unwrap();
    let kept = node.stored_user(&ben).await;
    assert_eq!(
        (kept.email, kept.pending_email),
        (Some(email("ben@example.com")), None)
    );
    node.check(&session).await.unwrap();
    let late = node
        .doorward
        .confirmation
        .confirm(&node.anonymous(), &token)
        .await;
    assert_err!(late, Error::LinkExpired);
}

/// a fast confirmation does not suppress the notice to the old address.
#[tokio::test]
async fn the_old_address_is_notified_even_if_the_new_one_is_confirmed_first() {
    let (node, _, session) = ben().await;
    ask(&node, &session, "new@example.com").await.unwrap();
    node.mailer.is_full("ben@example.com");
    let token = token_in(&node.one_mail().await);
    node.doorward
        .confirmation
        .confirm(&node.anonymous(), &token)
        .await
        .unwrap();
    node.mailer.is_full("nobody's");
    node.advance(minutes(1));
    let notices = node.mails().await;
    let told = |template| ("ben@example.com".to_owned(), template);
    let expected = [MailKind::EmailChangeUndo, MailKind::EmailChanged].map(told);
    let mut seen = summary(&notices);
    seen.sort_by_key(|(_, template)| *template == MailKind::EmailChanged);
    assert_eq!(seen, expected);
    for notice in notices {
        assert_eq!(notice.new_email.as_deref(), Some("n***@example.com"));
    }
}

#[tokio::test]
async fn a_user_with_only_a_username_can_add_an_address() {
    let node = TestNode::new().await;
    let ben = node.user_without_mailbox("ben").await;
    let session = node.sign_in("ben").await;
    ask(&node, &session, "ben@example.com").await.unwrap();
    assert_eq!(node.stored_user(&ben).await.status, Status::Active);
    let token = token_in(&node.one_mail().await);
    let moved = node
        .doorward
        .confirmation
        .confirm(&node.anonymous(), &token)
        .await
        .unwrap();
    assert_eq!(moved.email, Some(email("ben@example.com")));
}

/// S-06, R-06: the password was checked before a concurrent recovery replaced the epoch.
#[tokio::test]
async fn a_recovery_cancels_a_pending_change() {
    let (node, ben, session) = ben().await;
    let read = node.stored_user(&ben).await;
    let mut raised = read.clone();
    raised.security_epoch += 1;
    raised.version = read.version.next();
    node.spy.interleave(raised.replace(&read));
    let refused = ask(&node, &session, "new@example.com").await;
    assert_err!(refused, Error::PreconditionFailed);
    assert_eq!(node.stored_user(&ben).await.pending_email, None);
}

#[tokio::test]
async fn a_stale_version_is_rejected_and_the_current_one_accepted() {
    let (node, ben, _) = ben().await;
    let operator = node.operator();
    let new = email("new@example.com");
    let version = node.stored_user(&ben).await.version;
    let stale = change_email(
        &node.doorward,
        &operator,
        "ben",
        &new,
        None,
        Some(version.next()),
    );
    assert_err!(stale.await, Error::PreconditionFailed);
    node.advance(minutes(3));
    let operator = node.operator();
    let fresh = change_email(&node.doorward, &operator, "ben", &new, None, Some(version));
    fresh.await.unwrap();
}

/// L-01, A-06: a throttled change has an audit event.
#[tokio::test]
async fn a_throttled_change_is_audited() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let session = node.sign_in("ben").await;
    let shown = proof(PASSWORD);
    let change = async |name: String| {
        let (ctx, to) = (node.of(&session), email(&name));
        let changed = change_email(&node.doorward, &ctx, "me", &to, Some(&shown), None);
        changed.await
    };
    for number in 0..5 {
        change(format!("ben{number}@example.org")).await.unwrap();
    }
    let refused = change("ben6@example.org".to_owned()).await;
    assert_err!(refused, Error::TooManyAttempts { .. });
    let line = "throttled!email-change".to_owned();
    assert!(node.audited().contains(&line));
}

/// mails about a change are counted by network and new mailbox, regardless of the user who requests them.
#[tokio::test]
async fn changes_to_one_address_do_not_flood_its_mailbox() {
    let (node, _, session) = ben().await;
    node.active("eve").await;
    let eves = node.sign_in("eve").await;
    let ask = async |session: &SignedIn, network: &str| {
        let mut ctx = node.of(session);
        ctx.client.address = Some(network.parse().unwrap());
        let (new, proof) = (email("new@example.com"), proof(PASSWORD));
        change_email(&node.doorward, &ctx, "me", &new, Some(&proof), None).await
    };
    for _ in 0..3 {
        ask(&session, "198.51.100.1").await.unwrap();
    }
    let refused = ask(&eves, "198.51.100.1").await;
    assert_err!(refused, Error::TooManyAttempts { retry_after } if retry_after.as_secs() == 1200);
    ask(&eves, "198.51.100.2").await.unwrap();
    node.advance(minutes(20));
    ask(&eves, "198.51.100.1").await.unwrap();
}

/// a cancelled change cannot be confirmed. Its undo link still works: a thief may have cancelled it.
#[tokio::test]
async fn a_cancelled_change_voids_its_link_but_not_its_undo_link() {
    let (node, user, session) = ben().await;
    ask(&node, &session, "new@example.com").await.unwrap();
    let mails = node.mails().await;
    node.audited();
    let ctx = node.of(&session);
    node.doorward
        .email_change
        .cancel_change(&ctx, "me", None)
        .await
        .unwrap();
    assert_eq!(node.audited(), ["confirmation-cancelled"]);
    let kept = node.stored_user(&user).await;
    assert_eq!(
        (kept.email, kept.pending_email),
        (Some(email("ben@example.com")), None)
    );
    let link = token_in(to(&mails, "new@example.com"));
    let refused = node
        .doorward
        .confirmation
        .confirm(&node.anonymous(), &link)
        .await;
    assert_err!(refused, Error::LinkExpired);
    let undo = token_in(to(&mails, "ben@example.com"));
    node.doorward
        .email_undo
        .view_undo(&node.anonymous(), &undo)
        .await
        .unwrap();
    let again = node
        .doorward
        .email_change
        .cancel_change(&ctx, "me", None)
        .await;
    assert_err!(again, Error::NotFound);
}

/// Cancelling is not risky: an admin needs no recent sign-in for it.
#[tokio::test]
async fn an_admin_cancels_a_change_without_a_proof_but_not_a_sign_up() {
    let (node, user, session) = ben().await;
    ask(&node, &session, "new@example.com").await.unwrap();
    let eve = node.pending("eve").await;
    node.admin("ada").await;
    let ada = node.sign_in("ada").await;
    node.advance(hours(1));
    let ctx = node.of(&ada);
    let service = &node.doorward.email_change;
    service.cancel_change(&ctx, "ben", None).await.unwrap();
    assert_eq!(node.stored_user(&user).await.pending_email, None);
    let of_sign_up = service.cancel_change(&ctx, &eve.id.to_string(), None).await;
    assert_err!(of_sign_up, Error::NotFound);
    node.stored_user(&eve).await;
    let other = node.of(&session);
    let refused = service.cancel_change(&other, "ada", None).await;
    assert_err!(refused, Error::Forbidden);
}
