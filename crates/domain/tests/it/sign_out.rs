//! Signing out: success means that the token is invalid.

use doorward_domain::Error;

use crate::world::*;

async fn sign_out(world: &World, token: &str) -> Result<(), Error> {
    let opened = world
        .doorward
        .sessions
        .authenticate(&world.anon(), token)
        .await?;
    world
        .doorward
        .sessions
        .sign_out(&world.anon(), &opened)
        .await
}

#[tokio::test]
async fn signing_out_ends_only_the_current_session() {
    let world = World::new().await;
    world.active("ben").await;
    let (one, other) = (world.sign_in("ben").await, world.sign_in("ben").await);
    world.audited();
    sign_out(&world, one.token.expose()).await.unwrap();
    assert_eq!(world.audited(), ["sign-out"]);
    assert_err!(world.check(&one).await, Error::InvalidToken);
    assert_err!(world.renew(&one).await, Error::InvalidToken);
    world.check(&other).await.unwrap();
    assert_err!(
        sign_out(&world, one.token.expose()).await,
        Error::InvalidToken
    );
}

/// S-05: every token of the session, including the one before the newest.
#[tokio::test]
async fn signing_out_with_a_renewed_token_invalidates_the_old_one() {
    let world = World::new().await;
    world.active("ben").await;
    let old = world.sign_in("ben").await;
    let new = world.renew(&old).await.unwrap();
    sign_out(&world, new.token.expose()).await.unwrap();
    assert_err!(world.check(&old).await, Error::InvalidToken);
}

/// S-05: if the store does not respond, the sign-out fails.
#[tokio::test]
async fn a_sign_out_fails_while_the_store_does_not_respond() {
    let world = World::new().await;
    world.active("ben").await;
    let signed_in = world.sign_in("ben").await;
    world.spy.fail("write sessions");
    let refused = sign_out(&world, signed_in.token.expose()).await;
    assert_err!(refused, Error::Store(_));
    world.spy.clear_failures();
    world.check(&signed_in).await.unwrap();
}
