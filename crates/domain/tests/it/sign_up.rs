//! Signing up with a username, an address, both, or neither.

use doorward_domain::model::{Credential, MailKind, Status, User};
use doorward_domain::store::{ReadStore, Records};
use doorward_domain::values::{Locale, Role};
use doorward_domain::{Error, SignUpPolicy};

use crate::test_node::*;

#[tokio::test]
async fn a_sign_up_with_only_a_username_is_active_at_once_and_gets_no_mail() {
    let node = TestNode::new().await;
    let user = node.user_without_mailbox("ben").await;
    assert_eq!(user.status, Status::Active);
    assert_eq!(node.stored_user(&user).await, user);
    assert!(node.mails().await.is_empty());
    node.sign_in("ben").await;
}

#[tokio::test]
async fn a_sign_up_with_an_address_is_pending_until_it_is_confirmed() {
    let node = TestNode::new().await;
    let wanted = sign_up(None, Some("Ben@Example.com"));
    let user = node.try_sign_up(wanted).await.unwrap();
    assert_eq!((user.status, user.role), (Status::Pending, Role::User));
    assert_eq!(user.email, None);
    assert_eq!(user.pending_address(), Some(&email("Ben@example.com")));
    let mail = node.one_mail().await;
    assert_eq!(mail.kind, MailKind::SignUp);
    assert_eq!(
        mail.to.as_str(),
        "Ben@example.com",
        "the local part as typed"
    );
}

#[tokio::test]
async fn a_sign_up_needs_a_username_or_an_address() {
    let node = TestNode::new().await;
    let refused = node.try_sign_up(sign_up(None, None)).await;
    assert_err!(refused, Error::Invalid(fields) if fields[0].invalid.code == "missing");
}

#[tokio::test]
async fn a_username_that_looks_like_another_is_taken_and_nothing_is_stored() {
    let node = TestNode::new().await;
    node.user_without_mailbox("Ben").await;
    node.audited();
    for name in ["Ben", "ben", "BEN", "ｂｅｎ"] {
        let wanted = sign_up(Some(name), Some("other@example.com"));
        assert_err!(node.try_sign_up(wanted).await, Error::UsernameTaken);
    }
    assert!(node.mail_jobs().is_empty());
    assert!(node.audited().is_empty());
    let (store, address) = (&node.store, "other@example.com");
    let users = store.count_rows(User::with_pending_email(address));
    assert_eq!(users.await.unwrap(), 0);
}

#[tokio::test]
async fn a_taken_address_gets_the_same_response_and_its_owner_a_notice() {
    let node = TestNode::new().await;
    node.active("ben").await;
    node.clear_cache();
    let known = sign_up(Some("eve"), Some("BEN@example.com"));
    let known = node.try_sign_up(known).await.unwrap();
    let calls = (node.spy.take_calls(), node.random.take_hashes());
    let fresh = sign_up(Some("zoe"), Some("zoe@example.com"));
    let fresh = node.try_sign_up(fresh).await.unwrap();
    assert_eq!(calls, (node.spy.take_calls(), node.random.take_hashes()));
    assert_eq!((known.status, known.email), (fresh.status, fresh.email));
    let expected = [
        ("ben@example.com".to_owned(), MailKind::AlreadyRegistered),
        ("zoe@example.com".to_owned(), MailKind::SignUp),
    ];
    assert_eq!(summary(&node.mails().await), expected);
}

#[tokio::test]
async fn without_enumeration_protection_a_taken_address_is_rejected() {
    let node = TestNode::with(|policy| policy.enumeration_protection = false).await;
    node.active("ben").await;
    let wanted = sign_up(Some("eve"), Some("BEN@example.com"));
    assert_err!(node.try_sign_up(wanted).await, Error::EmailTaken);
}

#[tokio::test]
async fn no_one_can_sign_up_if_the_policy_is_closed_but_the_operator_can_create_accounts() {
    let node = TestNode::with(|policy| policy.sign_up = SignUpPolicy::Closed).await;
    let wanted = sign_up(Some("ben"), Some("ben@example.com"));
    assert_err!(node.try_sign_up(wanted).await, Error::SignUpClosed);
    assert!(node.mail_jobs().is_empty());
    node.admin("root").await;
}

#[tokio::test]
async fn with_allowed_domains_a_sign_up_needs_an_address_at_one_of_them() {
    let node =
        TestNode::with(|policy| policy.email_domains = ".example.org".parse().unwrap()).await;
    for (username, address, code) in [
        (Some("ben"), None, "missing"),
        (Some("ben"), Some("ben@example.com"), "domain-not-allowed"),
    ] {
        let refused = node.try_sign_up(sign_up(username, address)).await;
        assert_err!(refused, Error::Invalid(fields) if (fields[0].field.as_str(), fields[0].invalid.code) == ("email", code));
    }
    let wanted = sign_up(Some("ben"), Some("ben@mail.example.org"));
    node.try_sign_up(wanted).await.unwrap();
    // The operator may use another domain.
    node.admin("root").await;
}

/// P-07: the stored string contains the scheme, its cost and a salt of 16 bytes.
#[tokio::test]
async fn the_password_is_stored_as_a_salted_argon2id_hash() {
    let node = TestNode::new().await;
    let mut hashes = Vec::new();
    for name in ["ben", "eve"] {
        let user = node.user_without_mailbox(name).await;
        let kept = node
            .store
            .get::<Credential>(user.id)
            .await
            .unwrap()
            .unwrap();
        let hash = kept.data.expose().clone();
        assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{hash}");
        assert!(!hash.contains(PASSWORD));
        hashes.push(hash);
    }
    assert_ne!(hashes[0], hashes[1], "one password, two salts");
}

#[tokio::test]
async fn mails_are_in_the_language_of_the_sign_up() {
    let node = TestNode::new().await;
    let mut ctx = node.anonymous();
    ctx.client.locale = Locale::De;
    let wanted = sign_up(None, Some("ben@example.com"));
    node.doorward.sign_up.start(&ctx, wanted).await.unwrap();
    assert_eq!(node.one_mail().await.locale, Locale::De);
}

#[tokio::test]
async fn a_failing_store_stores_neither_user_nor_mail() {
    let node = TestNode::new().await;
    node.spy.fail("apply");
    let wanted = sign_up(Some("ben"), Some("ben@example.com"));
    assert_err!(node.try_sign_up(wanted).await, Error::Store(_));
    node.spy.clear_failures();
    assert!(node.mail_jobs().is_empty());
    let found: Option<User> = node.store.find(User::USERNAME_KEY, "ben").await.unwrap();
    assert_eq!(found, None);
}

/// an id is never reused, and the new user gets nothing of the old one.
#[tokio::test]
async fn a_sign_up_after_a_deletion_creates_another_user() {
    let node = TestNode::new().await;
    let before = node.active("ben").await;
    let session = node.sign_in("ben").await;
    let ctx = node.of(&session);
    node.doorward
        .deletion
        .delete(&ctx, "me", None)
        .await
        .unwrap();
    let after = node.active("ben").await;
    assert_ne!(before.id, after.id);
    assert_err!(node.check(&session).await, Error::InvalidToken);
}
