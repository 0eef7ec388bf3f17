//! Signing out: success means that the token is invalid.

use doorward_domain::Error;

use crate::world::*;

async fn sign_out(world: &World, token: &str) -> Result<(), Error> {
    let opened = world.accounts.authenticate(&world.anon(), token).await?;
    world.accounts.sign_out(&world.anon(), &opened).await
}

#[tokio::test]
async fn signing_out_ends_this_session_alone() {
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
async fn signing_out_with_a_renewed_token_kills_the_one_in_its_grace() {
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
    world.spy.fail("delete_session");
    let refused = sign_out(&world, signed_in.token.expose()).await;
    assert_err!(refused, Error::Store(_));
    world.spy.clear_failures();
    world.check(&signed_in).await.unwrap();
}
