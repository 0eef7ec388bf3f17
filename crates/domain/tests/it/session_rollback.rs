//! A session store that loses writes: restored from an old snapshot, or unavailable when a session ends. Ended
//! sessions stay ended.

use doorward_domain::Error;
use doorward_domain::model::{Session, User};
use doorward_domain::sessions::SignedIn;

use crate::world::*;

async fn store_with_rollback() -> (World, User) {
    let world = World::with_separate_sessions().await;
    let ben = world.active("ben").await;
    (world, ben)
}

async fn snapshot(world: &World, user: &User) -> Vec<Session> {
    let open = world.spy.separate().list(user.id, world.now()).await;
    open.unwrap()
}

/// Restores the session store from the snapshot, and lets all caches expire.
async fn rewind(world: &World, user: &User, snapshot: &[Session]) {
    for session in self::snapshot(world, user).await {
        let separate = world.spy.separate();
        separate.delete(user.id, session.id).await.unwrap();
    }
    for session in snapshot {
        let restored = world.spy.separate();
        restored.open(session, Vec::new()).await.unwrap();
    }
    world.advance(seconds(2));
}

async fn assert_ended(world: &World, signed_in: &SignedIn) {
    assert_err!(world.check(signed_in).await, Error::InvalidToken);
    let other = world.sign_in("ben").await;
    let listed = world
        .doorward
        .sessions
        .list_sessions(&world.of(&other), "me")
        .await;
    let ids: Vec<_> = listed.unwrap().iter().map(|session| session.id).collect();
    assert!(!ids.contains(&signed_in.session.id));
}

#[tokio::test]
async fn a_signed_out_session_stays_ended() {
    let (world, ben) = store_with_rollback().await;
    let (out, on) = (world.sign_in("ben").await, world.sign_in("ben").await);
    let before = snapshot(&world, &ben).await;
    let authenticated = world
        .doorward
        .sessions
        .authenticate(&world.anon(), out.token.expose())
        .await
        .unwrap();
    world
        .doorward
        .sessions
        .sign_out(&world.of(&out), &authenticated)
        .await
        .unwrap();
    rewind(&world, &ben, &before).await;
    assert_ended(&world, &out).await;
    world.check(&on).await.unwrap();
}

#[tokio::test]
async fn a_session_ended_from_the_list_stays_ended() {
    let (world, ben) = store_with_rollback().await;
    let (ended, on) = (world.sign_in("ben").await, world.sign_in("ben").await);
    let before = snapshot(&world, &ben).await;
    let (ctx, id) = (world.of(&on), ended.session.id.to_string());
    world
        .doorward
        .sessions
        .revoke_session(&ctx, "me", &id)
        .await
        .unwrap();
    rewind(&world, &ben, &before).await;
    assert_ended(&world, &ended).await;
    world.check(&on).await.unwrap();
    let again = world
        .doorward
        .sessions
        .revoke_session(&ctx, "me", &id)
        .await;
    assert_err!(again, Error::NotFound);
}

#[tokio::test]
async fn the_evicted_oldest_session_stays_ended() {
    let (world, ben) = store_with_rollback().await;
    let oldest = world.sign_in("ben").await;
    for _ in 1..50 {
        world.advance(seconds(1));
        world.sign_in("ben").await;
    }
    let before = snapshot(&world, &ben).await;
    world.sign_in("ben").await;
    rewind(&world, &ben, &before).await;
    assert_err!(world.check(&oldest).await, Error::InvalidToken);
}

#[tokio::test]
async fn a_session_ended_by_token_reuse_stays_ended() {
    let (world, ben) = store_with_rollback().await;
    let first = world.sign_in("ben").await;
    let second = world.renew(&first).await.unwrap();
    world.advance(seconds(31));
    let before = snapshot(&world, &ben).await;
    assert_err!(world.check(&first).await, Error::InvalidToken);
    assert_err!(world.check(&second).await, Error::InvalidToken);
    rewind(&world, &ben, &before).await;
    assert_ended(&world, &second).await;
}

/// The newest token proves that the store lost a renewal. The older one might be a thief's.
#[tokio::test]
async fn a_renewal_that_the_store_lost_ends_the_session() {
    let (world, ben) = store_with_rollback().await;
    let first = world.sign_in("ben").await;
    let before = snapshot(&world, &ben).await;
    world.advance(hours(1));
    let second = world.renew(&first).await.unwrap();
    rewind(&world, &ben, &before).await;
    assert_err!(world.check(&second).await, Error::InvalidToken);
    assert_err!(world.check(&first).await, Error::InvalidToken);
    rewind(&world, &ben, &before).await;
    assert_ended(&world, &first).await;
}

/// The database records the end before the session store is called.
#[tokio::test]
async fn a_session_can_end_while_its_store_is_down() {
    let (world, ben) = store_with_rollback().await;
    let signed_in = world.sign_in("ben").await;
    let authenticated = world
        .doorward
        .sessions
        .authenticate(&world.anon(), signed_in.token.expose())
        .await
        .unwrap();
    world.spy.fail("delete_session");
    world
        .doorward
        .sessions
        .sign_out(&world.of(&signed_in), &authenticated)
        .await
        .unwrap();
    world.spy.clear_failures();
    assert_eq!(snapshot(&world, &ben).await.len(), 1, "it is still stored");
    assert_err!(world.check(&signed_in).await, Error::InvalidToken);
    assert_ended(&world, &signed_in).await;
}

/// A store that cannot rewind needs no second record.
#[tokio::test]
async fn a_durable_store_needs_no_second_record() {
    let world = World::new().await;
    world.active("ben").await;
    let signed_in = world.sign_in("ben").await;
    world.forget();
    world.check(&signed_in).await.unwrap();
    let calls = world.spy.take_calls();
    assert!(!calls.contains(&"ended_sessions"), "{calls:?}");
}
