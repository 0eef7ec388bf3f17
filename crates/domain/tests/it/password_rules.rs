//! Password rules: a rejected password is not hashed.

use std::sync::Arc;

use doorward_domain::Error;
use doorward_domain::values::{BreachedList, BreachedPasswords};

use crate::test_node::*;

/// P-02: a password above 1,024 bytes is never hashed.
#[tokio::test]
async fn an_overlong_password_is_never_hashed() {
    let node = TestNode::new().await;
    let user = node.active("ben").await;
    let session = node.sign_in("ben").await;
    let long = "é".repeat(512) + "x";
    assert_eq!(long.len(), 1025);
    node.clear_cache();
    let refused = node.doorward.passwords.check_rules(&long, &[]);
    assert_eq!(refused.unwrap_err().code, "too-long");
    assert!(doorward_domain::values::Password::parse(&long).is_err());
    let link = node
        .link(
            &user,
            doorward_domain::model::Purpose::Recovery,
            "ben@example.com",
        )
        .await;
    node.clear_cache();
    let (anonymous, long) = (node.anonymous(), secret(&long));
    let recovered = node.doorward.recovery.finish(&anonymous, &link, &long);
    assert_err!(recovered.await, Error::Invalid(_));
    assert_eq!(node.random.take_hashes(), 0);
    // The current password is checked first, which is one hash. The new one is not hashed.
    let (ctx, shown) = (node.of(&session), proof(PASSWORD));
    let changed = node
        .doorward
        .passwords
        .change(&ctx, None, &shown, &long, None);
    assert_err!(changed.await, Error::Invalid(_));
    assert_eq!(node.random.take_hashes(), 1);
}

/// Contains every password that starts with `lost `.
struct FakeBreachedList;

impl BreachedList for FakeBreachedList {
    fn contains_password(&self, password: &str) -> bool {
        password.starts_with("lost ")
    }
}

/// P-05: the breached list is queried after NFC, whenever a password is set, and never at sign-in.
#[tokio::test]
async fn the_breached_list_is_checked_wherever_a_password_is_set() {
    let node = TestNode::with(|policy| {
        policy.password_rules.breached = BreachedPasswords::of(Arc::new(FakeBreachedList));
    })
    .await;
    let user = node.active("ben").await;
    let session = node.sign_in("ben").await;
    let judged = node.doorward.passwords.check_rules("lost umbrella", &[]);
    assert_eq!(judged.unwrap_err().code, "breached");
    let (ctx, anonymous) = (node.of(&session), node.anonymous());
    let (shown, lost) = (proof(PASSWORD), secret("lost umbrella"));
    let is_breached = |error: &Error| matches!(error, Error::Invalid(faults) if faults[0].invalid.code == "breached");
    let changed = node
        .doorward
        .passwords
        .change(&ctx, None, &shown, &lost, None);
    assert!(changed.await.is_err_and(|error| is_breached(&error)));
    let link = node
        .link(
            &user,
            doorward_domain::model::Purpose::Recovery,
            "ben@example.com",
        )
        .await;
    let recovered = node.doorward.recovery.finish(&anonymous, &link, &lost);
    assert!(recovered.await.is_err_and(|error| is_breached(&error)));
    assert_err!(
        node.try_sign_in("ben", "lost umbrella").await,
        Error::InvalidCredentials
    );
}
