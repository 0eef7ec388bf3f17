//! Idle timeout of sessions.

use doorward_domain::Error;
use jiff::SignedDuration;

use crate::world::*;

async fn idle(users: i64, admins: i64) -> World {
    World::with(|policy| {
        policy.session_idle = minutes(users);
        policy.admin_session_idle = minutes(admins);
    })
    .await
}

fn back(by: SignedDuration) -> SignedDuration {
    SignedDuration::ZERO - by
}

/// S-04: to the microsecond if it was never used, in every method that takes a session.
#[tokio::test]
async fn an_idle_session_ends() {
    let world = idle(60, 0).await;
    world.active("ben").await;
    let session = world.sign_in("ben").await;
    world.advance(hours(1) - MICROSECOND);
    let open = world
        .doorward
        .sessions
        .list_sessions(&world.of(&session), "me")
        .await;
    assert_eq!(open.unwrap().len(), 1);
    world.advance(MICROSECOND);
    assert_err!(world.check(&session).await, Error::InvalidToken);
    assert_err!(world.renew(&session).await, Error::InvalidToken);
    let ctx = world.of(&session);
    let open = world
        .doorward
        .sessions
        .list_sessions(&ctx, "me")
        .await
        .unwrap();
    assert!(open.is_empty());
    let id = session.session.id.to_string();
    let gone = world
        .doorward
        .sessions
        .revoke_session(&ctx, "me", &id)
        .await;
    assert_err!(gone, Error::NotFound);
    // It has ended for another node too, and the checks have not prolonged it.
    world.doorward.housekeeping.write_last_seen().await.unwrap();
    let other = world.beside(9).await;
    assert_err!(other.check(&session).await, Error::InvalidToken);
    world.advance(back(MICROSECOND));
    world.check(&session).await.unwrap();
}

/// S-04: a use counts on this node at once, and on others once it is stored. It prolongs no session beyond its
/// lifetime.
#[tokio::test]
async fn each_use_extends_the_idle_timeout() {
    let world = idle(60, 0).await;
    world.active("ben").await;
    let session = world.sign_in("ben").await;
    for _ in 0..23 {
        world.advance(minutes(59));
        world.check(&session).await.unwrap();
    }
    let other = world.beside(9).await;
    world.doorward.housekeeping.write_last_seen().await.unwrap();
    other.check(&session).await.unwrap();
    world.advance(hours(1));
    assert_err!(other.check(&session).await, Error::InvalidToken);
    assert_err!(world.check(&session).await, Error::InvalidToken);
    let again = world.sign_in("ben").await;
    world.advance(minutes(59));
    world.check(&again).await.unwrap();
    for _ in 0..24 {
        world.advance(minutes(58));
        world.check(&again).await.ok();
    }
    assert_err!(world.check(&again).await, Error::InvalidToken);
}

/// S-04: a short failure of the store ends no session that is in use. The use is stored later.
#[tokio::test]
async fn a_use_counts_even_if_it_could_not_be_stored() {
    let world = idle(60, 0).await;
    world.active("ben").await;
    let session = world.sign_in("ben").await;
    world.advance(minutes(40));
    world.check(&session).await.unwrap();
    world.spy.fail("write sessions");
    assert!(world.doorward.housekeeping.write_last_seen().await.is_err());
    world.spy.clear_failures();
    world.advance(minutes(40));
    let ctx = world.of(&session);
    let open = world
        .doorward
        .sessions
        .list_sessions(&ctx, "me")
        .await
        .unwrap();
    assert_eq!(open.len(), 1);
    world.doorward.housekeeping.write_last_seen().await.unwrap();
    let other = world.beside(9).await;
    other.check(&session).await.unwrap();
    // It was written once.
    world.spy.take_calls();
    world.doorward.housekeeping.write_last_seen().await.unwrap();
    assert!(!world.spy.take_calls().contains(&"apply"));
}

/// S-04: admins have the shorter of the two timeouts; 0 means none.
#[tokio::test]
async fn admins_can_have_their_own_idle_timeout() {
    for (users, admins, of_admins, of_users) in [
        (0, 60, Some(60), None),
        (30, 60, Some(30), Some(30)),
        (60, 30, Some(30), Some(60)),
        (0, 0, None, None),
    ] {
        let world = idle(users, admins).await;
        world.admin("ada").await;
        world.active("ben").await;
        for (name, limit) in [("ada", of_admins), ("ben", of_users)] {
            let session = world.sign_in(name).await;
            let unused = limit.map_or(hours(24), minutes) - seconds(1);
            world.advance(unused);
            let before = world.check(&session).await.is_ok();
            assert!(before, "{name} {users} {admins}");
            let session = world.sign_in(name).await;
            world.advance(limit.map_or(hours(24), minutes));
            assert!(world.check(&session).await.is_err(), "{name}");
        }
    }
}
