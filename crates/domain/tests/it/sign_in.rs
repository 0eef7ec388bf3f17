//! Signing in: who gets a session, what errors reveal, and the limits on attempts.

use doorward_domain::Error;
use doorward_domain::model::{Credential, LastSignIn, MailKind, Status};
use doorward_domain::store::{Records, Store, Write};

use crate::test_node::*;

#[tokio::test]
async fn username_and_address_identify_the_account_in_any_letter_case() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    for name in ["ben", "BEN", "ben@example.com", "Ben@EXAMPLE.com"] {
        let signed_in = node.sign_in(name).await;
        assert_eq!(signed_in.user.id, ben.id);
        assert_eq!(node.check(&signed_in).await.unwrap().id, ben.id);
    }
}

/// S-02: each sign-in has its own token.
#[tokio::test]
async fn every_sign_in_has_its_own_session_and_token() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let (one, other) = (node.sign_in("ben").await, node.sign_in("ben").await);
    assert_ne!(one.session.id, other.session.id);
    assert_ne!(one.session.digest, other.session.digest);
    assert_ne!(one.token.expose(), other.token.expose());
}

/// the account's state is revealed only with the right password.
#[tokio::test]
async fn the_state_of_an_account_is_revealed_with_its_password_only() {
    let node = TestNode::new().await;
    node.list_at_once();
    node.active("sound").await;
    let pending = node.pending("pending").await;
    node.active("disabled").await;
    node.active("deleted").await;
    let operator = node.operator();
    node.doorward
        .admin
        .disable(&operator, "disabled", None)
        .await
        .unwrap();
    node.doorward
        .deletion
        .delete(&operator, "deleted", None)
        .await
        .unwrap();
    for name in ["sound", "pending", "disabled", "deleted", "unknown"] {
        for name in [name.to_owned(), format!("{name}@example.com")] {
            let refused = node.try_sign_in(&name, OTHER_PASSWORD).await;
            assert_err!(refused, Error::InvalidCredentials);
        }
    }
    for name in ["pending@example.com"] {
        assert_err!(
            node.try_sign_in(name, PASSWORD).await,
            Error::EmailUnconfirmed
        );
    }
    for name in ["disabled", "disabled@example.com"] {
        assert_err!(
            node.try_sign_in(name, PASSWORD).await,
            Error::AccountDisabled
        );
    }
    let id = pending.id.to_string();
    node.doorward
        .admin
        .disable(&operator, &id, None)
        .await
        .unwrap();
    assert_err!(
        node.try_sign_in("pending@example.com", PASSWORD).await,
        Error::AccountDisabled
    );
    for name in ["deleted", "deleted@example.com", "unknown"] {
        assert_err!(
            node.try_sign_in(name, PASSWORD).await,
            Error::InvalidCredentials
        );
    }
}

#[tokio::test]
async fn without_enumeration_protection_an_unknown_user_and_a_wrong_password_differ() {
    let node = TestNode::with(|policy| policy.enumeration_protection = false).await;
    node.active("ben").await;
    assert_err!(
        node.try_sign_in("ben", OTHER_PASSWORD).await,
        Error::WrongPassword
    );
    assert_err!(
        node.try_sign_in("eve", OTHER_PASSWORD).await,
        Error::UnknownAccount
    );
}

/// sign-in with an unconfirmed address fails.
#[tokio::test]
async fn a_pending_address_does_not_sign_in_to_an_active_account() {
    let node = TestNode::new().await;
    node.list_at_once();
    let ben = node.active("ben").await;
    let session = node.sign_in("ben").await;
    let new = email("new@example.com");
    let shown = proof(PASSWORD);
    let ctx = node.of(&session);
    let asked = change_email(&node.doorward, &ctx, "me", &new, Some(&shown), None);
    asked.await.unwrap();
    let refused = node.try_sign_in("new@example.com", PASSWORD).await;
    assert_err!(refused, Error::EmailUnconfirmed);
    let refused = node.try_sign_in("new@example.com", OTHER_PASSWORD).await;
    assert_err!(refused, Error::InvalidCredentials);
    assert_eq!(node.stored_user(&ben).await.status, Status::Active);
}

/// usernames and addresses are two name spaces, each with its own column.
#[tokio::test]
async fn an_identifier_is_looked_up_in_one_column() {
    let node = TestNode::new().await;
    node.active("ben").await;
    node.clear_cache();
    node.sign_in("ben").await;
    assert!(!node.spy.take_calls().contains(&"find_user_by_email"));
    node.sign_in("ben@example.com").await;
    assert!(!node.spy.take_calls().contains(&"find_user_by_username"));
}

/// P-04: composed and decomposed forms are the same password; nothing else is.
#[tokio::test]
async fn a_password_is_compared_after_normalisation_only() {
    let node = TestNode::new().await;
    let mut wanted = sign_up(Some("ben"), None);
    wanted.password = new_password("caf\u{e9} fin Arles ");
    node.try_sign_up(wanted).await.unwrap();
    node.try_sign_in("ben", "cafe\u{301} fin Arles ")
        .await
        .unwrap();
    for other in [
        "café fin arles ",
        "café fin Arles",
        " café fin Arles ",
        "cafe fin Arles ",
        "café \u{fb01}n Arles ",
    ] {
        node.advance(seconds(10));
        assert_err!(
            node.try_sign_in("ben", other).await,
            Error::InvalidCredentials
        );
    }
}

/// P-02: the whole password counts.
#[tokio::test]
async fn passwords_that_differ_only_in_the_last_byte_are_different() {
    for length in [65, 73, 129, 256] {
        let node = TestNode::new().await;
        let (one, other) = ("x".repeat(length - 1) + "y", "x".repeat(length - 1) + "z");
        let mut wanted = sign_up(Some("ben"), None);
        wanted.password = new_password(&one);
        node.try_sign_up(wanted).await.unwrap();
        assert_err!(
            node.try_sign_in("ben", &other).await,
            Error::InvalidCredentials
        );
        node.try_sign_in("ben", &one).await.unwrap();
    }
}

/// P-07: replaced at the first right password, unchanged by a wrong one.
#[tokio::test]
async fn an_imported_hash_is_rehashed_at_the_first_sign_in() {
    let node = TestNode::new().await;
    let user = node.active("ben").await;
    // bcrypt of `U*U`, from the test vectors of crypt_blowfish.
    let imported = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    let credential = Credential::password(user.id, secret(imported), node.now());
    node.store
        .apply(vec![Write::put(&credential)])
        .await
        .unwrap();
    let kept = async || {
        let kept = node
            .store
            .get::<Credential>(user.id)
            .await
            .unwrap()
            .unwrap();
        kept.data.expose().clone()
    };
    assert_err!(
        node.try_sign_in("ben", "U*V").await,
        Error::InvalidCredentials
    );
    assert_eq!(kept().await, imported);
    node.try_sign_in("ben", "U*U").await.unwrap();
    let replaced = kept().await;
    assert!(replaced.starts_with("$argon2id$"), "{replaced}");
    node.try_sign_in("ben", "U*U").await.unwrap();
    assert_eq!(
        kept().await,
        replaced,
        "what is as it should be is left alone"
    );
}

#[tokio::test]
async fn a_rehash_never_undoes_a_password_change() {
    let node = TestNode::new().await;
    let user = node.active("ben").await;
    let put = |hash: &str| Write::put(&Credential::password(user.id, secret(hash), node.now()));
    let imported = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    node.store.apply(vec![put(imported)]).await.unwrap();
    node.spy.interleave(vec![put("changed meanwhile")]);
    node.try_sign_in("ben", "U*U").await.unwrap();
    let kept = node
        .store
        .get::<Credential>(user.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(kept.data.expose(), "changed meanwhile");
}

/// A hash that cannot be read counts as a wrong password, and causes no panic.
#[tokio::test]
async fn an_unreadable_hash_counts_as_a_wrong_password() {
    let node = TestNode::with(|policy| policy.throttle = false).await;
    let user = node.active("ben").await;
    for garbage in [
        "",
        "$",
        "plain text",
        "$argon2id$v=19$m=4294967295,t=1,p=1$AAAA$AAAA",
    ] {
        let credential = Credential::password(user.id, secret(garbage), node.now());
        node.store
            .apply(vec![Write::put(&credential)])
            .await
            .unwrap();
        assert_err!(
            node.try_sign_in("ben", PASSWORD).await,
            Error::InvalidCredentials
        );
        assert_err!(
            node.try_sign_in("ben", garbage).await,
            Error::InvalidCredentials
        );
    }
}

/// one limit per account, for all spellings of its names. A-05: attempts are counted before the check.
#[tokio::test]
async fn all_identifiers_of_an_account_share_one_failure_count() {
    let node = TestNode::new().await;
    node.active("ben").await;
    for name in ["ben", "BEN", "Ben@example.com"] {
        assert_err!(
            node.try_sign_in(name, OTHER_PASSWORD).await,
            Error::InvalidCredentials
        );
    }
    node.clear_cache();
    for name in ["ben", "ｂｅｎ", "ben@example.com"] {
        let refused = node.try_sign_in(name, PASSWORD).await;
        assert_err!(refused, Error::TooManyAttempts { retry_after } if retry_after.as_secs() == 1);
    }
    assert_eq!(
        node.random.take_hashes(),
        0,
        "who is throttled costs no hash"
    );
    node.advance(seconds(1));
    node.sign_in("ben").await;
}

/// a right password clears the failures. Unknown names have failures, too.
#[tokio::test]
async fn a_correct_password_clears_the_count_and_unknown_names_are_counted() {
    let node = TestNode::new().await;
    node.active("ben").await;
    for _ in 0..4 {
        for _ in 0..2 {
            let refused = node.try_sign_in("ben", OTHER_PASSWORD).await;
            assert_err!(refused, Error::InvalidCredentials);
        }
        node.sign_in("ben").await;
    }
    for _ in 0..3 {
        assert_err!(
            node.try_sign_in("eve", PASSWORD).await,
            Error::InvalidCredentials
        );
    }
    assert_err!(
        node.try_sign_in("EVE", PASSWORD).await,
        Error::TooManyAttempts { .. }
    );
}

/// a hundred wrong passwords lock the account; sessions and recovery still work.
#[tokio::test]
async fn a_hundred_failures_lock_the_account_until_its_recovery() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let session = node.sign_in("ben").await;
    for _ in 0..100 {
        assert_err!(
            node.try_sign_in("ben", OTHER_PASSWORD).await,
            Error::InvalidCredentials
        );
        node.advance(seconds(10));
    }
    assert_err!(
        node.try_sign_in("ben", PASSWORD).await,
        Error::TooManyAttempts { .. }
    );
    node.check(&session).await.unwrap();
    node.ask_recovery("ben@example.com").await;
    let mails = node.mails().await;
    let of = |template| mails.iter().find(|mail| mail.kind == template);
    assert!(of(MailKind::Lockout).is_some(), "it is reported");
    let token = token_in(of(MailKind::Recovery).unwrap());
    let ctx = node.anonymous();
    node.doorward
        .recovery
        .finish(&ctx, &token, &secret(OTHER_PASSWORD))
        .await
        .unwrap();
    node.try_sign_in("ben", OTHER_PASSWORD).await.unwrap();
}

#[tokio::test]
async fn throttling_can_be_disabled_for_load_tests() {
    let node = TestNode::with(|policy| policy.throttle = false).await;
    node.active("ben").await;
    let (ben, wrong) = (identifier("ben"), password(OTHER_PASSWORD));
    for _ in 0..40 {
        let mut ctx = node.anonymous();
        ctx.client.address = Some([192, 0, 2, 1].into());
        let refused = node.doorward.sign_in.start(&ctx, &ben, &wrong).await;
        assert_err!(refused, Error::InvalidCredentials);
    }
    node.sign_in("ben").await;
}

/// Z-06: no error of the store lets a client in. Only the end of the oldest sessions may fail, which decides nothing
/// (`session_rollback`).
#[tokio::test]
async fn a_failure_of_any_store_call_fails_the_sign_in() {
    let node = TestNode::new().await;
    node.active("ben").await;
    for operation in ["users", "lockouts", "credentials", "devices", "apply"] {
        node.spy.fail(operation);
        let refused = node.try_sign_in("ben@example.com", PASSWORD).await;
        assert_err!(refused, Error::Store(_));
        node.spy.clear_failures();
        node.sign_in("ben@example.com").await;
    }
}

/// The account is disabled between the lookup and the creation of the session.
#[tokio::test]
async fn a_session_opened_while_the_account_is_disabled_is_invalid() {
    let node = TestNode::new().await;
    let user = node.active("ben").await;
    let read = node.stored_user(&user).await;
    let mut disabled = read.clone();
    disabled.status = Status::Disabled;
    disabled.security_epoch += 1;
    disabled.version = read.version.next();
    node.spy.interleave(disabled.replace(&read));
    let signed_in = node.sign_in("ben").await;
    assert_err!(node.check(&signed_in).await, Error::InvalidToken);
}

/// L-01: an attempt that created no session is not audited as a sign-in.
#[tokio::test]
async fn a_sign_in_that_created_no_session_is_not_audited() {
    let node = TestNode::new().await;
    node.active("ben").await;
    node.audited();
    node.spy.fail("write sessions");
    let ctx = node.anonymous();
    let answer = node
        .doorward
        .sign_in
        .start(&ctx, &identifier("ben"), &password(PASSWORD))
        .await;
    assert_err!(answer, Error::Store(_));
    assert!(node.audited().is_empty());
}

/// L-01: the lookup for the owner's notice comes before the session, so its failure leaves no session without an
/// audit event.
#[tokio::test]
async fn a_failed_lookup_for_the_notice_leaves_no_session() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    node.spy.fail("devices");
    let answer = node.try_sign_in("ben", PASSWORD).await;
    assert_err!(answer, Error::Store(_));
    let open = node.sessions().list(ben.id, node.now()).await;
    assert!(open.unwrap().is_empty());
    node.spy.clear_failures();
    node.sign_in("ben").await;
}

/// The time of the sign-in is one more statement of the batch that stores the session.
#[tokio::test]
async fn a_sign_in_stores_its_time_with_the_session_and_only_if_it_succeeds() {
    let node = TestNode::new().await;
    let user = node.active("ben").await;
    node.try_sign_in("ben", OTHER_PASSWORD).await.unwrap_err();
    let stored = async || node.store.get::<LastSignIn>(user.id).await.unwrap();
    assert_eq!(stored().await, None);
    node.clear_cache();
    node.sign_in("ben").await;
    let writes = node.spy.take_writes();
    let of_time = writes
        .iter()
        .filter(|write| write.contains("last_sign_ins"));
    assert_eq!(of_time.count(), 1, "{writes:?}");
    let calls = node.spy.take_calls();
    let applied = calls.iter().filter(|call| **call == "apply");
    assert_eq!(applied.count(), 1, "{calls:?}");
    assert_eq!(stored().await.unwrap().at, node.now());
    let ctx = node.operator();
    node.doorward
        .deletion
        .delete(&ctx, "ben", None)
        .await
        .unwrap();
    assert_eq!(stored().await, None);
}
