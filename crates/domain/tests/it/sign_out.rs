//! Signing out: success means that the token is invalid.

use doorward_domain::Error;

use crate::test_node::*;

async fn sign_out(node: &TestNode, token: &str) -> Result<(), Error> {
    let opened = node
        .doorward
        .session_check
        .authenticate(&node.anonymous(), token)
        .await?;
    node.doorward
        .sessions
        .sign_out(&node.anonymous(), &opened)
        .await
}

#[tokio::test]
async fn signing_out_ends_only_the_current_session() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let (one, other) = (node.sign_in("ben").await, node.sign_in("ben").await);
    node.audited();
    sign_out(&node, one.token.expose()).await.unwrap();
    assert_eq!(node.audited(), ["sign-out"]);
    assert_err!(node.check(&one).await, Error::InvalidToken);
    assert_err!(node.renew(&one).await, Error::InvalidToken);
    node.check(&other).await.unwrap();
    assert_err!(
        sign_out(&node, one.token.expose()).await,
        Error::InvalidToken
    );
}

/// S-05: every token of the session, including the one before the newest.
#[tokio::test]
async fn signing_out_with_a_renewed_token_invalidates_the_old_one() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let old = node.sign_in("ben").await;
    let new = node.renew(&old).await.unwrap();
    sign_out(&node, new.token.expose()).await.unwrap();
    assert_err!(node.check(&old).await, Error::InvalidToken);
}

/// S-05: if the store does not respond, the sign-out fails.
#[tokio::test]
async fn a_sign_out_fails_while_the_store_does_not_respond() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let signed_in = node.sign_in("ben").await;
    node.spy.fail("write sessions");
    let refused = sign_out(&node, signed_in.token.expose()).await;
    assert_err!(refused, Error::Store(_));
    node.spy.clear_failures();
    node.check(&signed_in).await.unwrap();
}
