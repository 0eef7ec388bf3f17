//! What an admin sees of failed sign-ins and of a lockout.

use doorward_domain::users::SignInFailures;
use doorward_domain::users::ViewedUser;
use doorward_domain::{Ctx, Error};

use crate::test_node::*;

async fn failures(node: &TestNode, admin: &Ctx) -> SignInFailures {
    let account = node.doorward.accounts.view_account(admin, "ben").await;
    account.unwrap().sign_in_failures
}

async fn viewed(node: &TestNode, ctx: &Ctx) -> ViewedUser {
    node.doorward.profile.view(ctx, "ben").await.unwrap()
}

/// Enters wrong passwords, without delays.
async fn fail(node: &TestNode, times: u32) {
    for _ in 0..times {
        node.advance(seconds(10));
        let wrong = node.try_sign_in("ben", OTHER_PASSWORD).await;
        assert_err!(wrong, Error::InvalidCredentials);
    }
}

async fn node_with_ben() -> (TestNode, Ctx) {
    let node = TestNode::with(|policy| policy.limits.lockout_after = 10).await;
    node.list_at_once();
    node.active("ben").await;
    node.admin("root").await;
    let admin = node.of(&node.sign_in("root").await);
    (node, admin)
}

#[tokio::test]
async fn failed_sign_ins_are_counted_since_the_last_sign_in() {
    let (node, admin) = node_with_ben().await;
    assert_eq!(failures(&node, &admin).await.count, 0);
    fail(&node, 3).await;
    let seen = failures(&node, &admin).await;
    let last = seen.last.unwrap();
    assert_eq!((seen.count, last.at), (3, node.now()));
    assert_eq!(last.detail.as_deref(), Some("wrong password"));
    assert!(!seen.is_locked_out);
    node.advance(seconds(10));
    node.sign_in("ben").await;
    assert_eq!(failures(&node, &admin).await.count, 0);
    fail(&node, 1).await;
    assert_eq!(failures(&node, &admin).await.count, 1);
}

///
#[tokio::test]
async fn an_admin_sees_a_lockout_and_since_when_until_a_new_password() {
    let (node, admin) = node_with_ben().await;
    fail(&node, 9).await;
    assert!(!failures(&node, &admin).await.is_locked_out);
    assert!(!viewed(&node, &admin).await.is_locked_out);
    fail(&node, 1).await;
    let began = node.now();
    node.advance(hours(3));
    let denied = node.try_sign_in("ben", PASSWORD).await;
    assert_err!(denied, Error::TooManyAttempts { .. });
    let seen = failures(&node, &admin).await;
    assert!(seen.is_locked_out);
    assert_eq!((seen.count, seen.locked_out_at), (10, Some(began)));
    assert!(viewed(&node, &admin).await.is_locked_out);
    let (operator, new) = (node.operator(), secret(OTHER_PASSWORD));
    let set = node.doorward.passwords.set(&operator, "ben", &new).await;
    set.unwrap();
    let seen = failures(&node, &admin).await;
    assert_eq!((seen.is_locked_out, seen.locked_out_at), (false, None));
    assert_eq!(seen.count, 0);
    assert!(!viewed(&node, &admin).await.is_locked_out);
    node.mails().await;
}
