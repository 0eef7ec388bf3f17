//! Renewing a session: the new token, the grace period of the old one, and reuse detection.

use doorward_domain::Error;

use crate::world::*;

#[tokio::test]
async fn a_renewal_extends_the_session_with_a_new_token() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let old = world.sign_in("ben").await;
    world.advance(hours(23));
    let new = world.renew(&old).await.unwrap();
    assert_ne!(new.token.expose(), old.token.expose());
    assert_eq!(new.session.id, old.session.id);
    assert_eq!(new.session.expires_at, world.now() + hours(24));
    world.advance(hours(23));
    assert_eq!(world.check(&new).await.unwrap().id, ben.id);
}

/// The old token works for 30 seconds, to the microsecond.
#[tokio::test]
async fn the_old_token_expires_after_its_grace_period() {
    let world = World::new().await;
    world.active("ben").await;
    let old = world.sign_in("ben").await;
    let new = world.renew(&old).await.unwrap();
    world.advance(seconds(30));
    world.check(&old).await.unwrap();
    world.check(&new).await.unwrap();
    world.advance(MICROSECOND);
    assert_err!(world.check(&old).await, Error::InvalidToken);
}

/// J-08: reuse of a spent token ends the whole session, once.
#[tokio::test]
async fn a_spent_token_that_is_sent_again_ends_the_session() {
    let world = World::new().await;
    world.active("ben").await;
    let old = world.sign_in("ben").await;
    let other = world.sign_in("ben").await;
    let new = world.renew(&old).await.unwrap();
    world.advance(seconds(31));
    world.check(&new).await.unwrap();
    world.audited();
    assert_err!(world.check(&old).await, Error::InvalidToken);
    assert_eq!(world.audited(), ["token-reuse!session ended"]);
    assert_err!(world.check(&new).await, Error::InvalidToken);
    assert_err!(world.check(&old).await, Error::InvalidToken);
    assert!(world.audited().is_empty(), "it ends once");
    world.check(&other).await.unwrap();
}

#[tokio::test]
async fn a_token_two_renewals_old_ends_the_session_at_once() {
    let world = World::new().await;
    world.active("ben").await;
    let first = world.sign_in("ben").await;
    let second = world.renew(&first).await.unwrap();
    world.advance(seconds(31));
    let third = world.renew(&second).await.unwrap();
    world.check(&second).await.unwrap();
    assert_err!(world.renew(&first).await, Error::InvalidToken);
    assert_err!(world.check(&third).await, Error::InvalidToken);
}

/// Two renewals in a row must not make a client's first token look stolen.
#[tokio::test]
async fn renewing_the_newest_token_within_the_grace_period_spends_no_token() {
    let world = World::new().await;
    world.active("ben").await;
    let first = world.sign_in("ben").await;
    let second = world.renew(&first).await.unwrap();
    world.advance(seconds(30));
    let third = world.renew(&second).await.unwrap();
    for token in [&first, &second, &third] {
        world.check(token).await.unwrap();
    }
    world.advance(MICROSECOND);
    world.check(&second).await.unwrap();
    let fourth = world.renew(&third).await.unwrap();
    assert_eq!(fourth.session.generation, third.session.generation + 1);
}

/// A client that lost the response retries. Two tabs that renew at once both continue.
#[tokio::test]
async fn renewing_the_old_token_within_its_grace_period_joins_the_same_renewal() {
    let world = World::new().await;
    world.active("ben").await;
    let old = world.sign_in("ben").await;
    let new = world.renew(&old).await.unwrap();
    world.advance(seconds(29));
    let again = world.renew(&old).await.unwrap();
    assert_eq!(again.session.generation, new.session.generation);
    assert_eq!(again.session.expires_at, new.session.expires_at);
    world.advance(minutes(5));
    world.check(&new).await.unwrap();
    world.check(&again).await.unwrap();
}

#[tokio::test]
async fn two_concurrent_renewals_are_one() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let old = world.sign_in("ben").await;
    world.check(&old).await.unwrap();
    world.spy.yield_once();
    let (one, other) = tokio::join!(world.renew(&old), world.renew(&old));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one.session.generation, 2);
    assert_eq!(other.session.generation, 2);
    world.advance(minutes(5));
    world.check(&one).await.unwrap();
    world.check(&other).await.unwrap();
    let open = world.sessions().list(ben.id, world.now()).await.unwrap();
    assert_eq!(open.len(), 1);
}

/// Two nodes, both with the session in their cache.
#[tokio::test]
async fn concurrent_renewals_on_two_nodes_are_one() {
    let here = World::new().await;
    let there = here.beside(2).await;
    here.active("ben").await;
    let old = here.sign_in("ben").await;
    here.check(&old).await.unwrap();
    there.check(&old).await.unwrap();
    let one = here.renew(&old).await.unwrap();
    let other = there.renew(&old).await.unwrap();
    assert_eq!(one.session.generation, other.session.generation);
    here.advance(minutes(5));
    there.check(&one).await.unwrap();
    here.check(&other).await.unwrap();
}

/// S-04: thirty days from sign-in, regardless of renewals.
#[tokio::test]
async fn no_renewal_extends_a_session_past_thirty_days() {
    let world = World::new().await;
    world.active("ben").await;
    let mut signed_in = world.sign_in("ben").await;
    let end = world.now() + hours(30 * 24);
    for _ in 0..30 {
        world.advance(hours(23));
        signed_in = world.renew(&signed_in).await.unwrap();
        assert!(signed_in.session.expires_at <= end);
    }
    world.advance(hours(23));
    signed_in = world.renew(&signed_in).await.unwrap();
    assert_eq!(signed_in.session.expires_at, end);
    world.advance(end.duration_since(world.now()) - MICROSECOND);
    world.check(&signed_in).await.unwrap();
    world.renew(&signed_in).await.unwrap();
    world.advance(MICROSECOND);
    assert_err!(world.renew(&signed_in).await, Error::InvalidToken);
}

/// The grace period does not extend a token's own lifetime.
#[tokio::test]
async fn an_expired_token_is_invalid_even_within_its_grace_period() {
    let world = World::new().await;
    world.active("ben").await;
    let old = world.sign_in("ben").await;
    world.advance(hours(24) - seconds(10));
    let new = world.renew(&old).await.unwrap();
    world.advance(seconds(10));
    assert_err!(world.check(&old).await, Error::InvalidToken);
    world.check(&new).await.unwrap();
}

#[tokio::test]
async fn an_ended_session_cannot_be_renewed() {
    let world = World::new().await;
    world.active("ben").await;
    let signed_in = world.sign_in("ben").await;
    world.check(&signed_in).await.unwrap();
    world
        .doorward
        .sessions
        .revoke_sessions(&world.operator(), "ben")
        .await
        .unwrap();
    assert_err!(world.renew(&signed_in).await, Error::InvalidToken);
    world.advance(hours(24));
    let expired = world.sign_in("ben").await;
    world.advance(hours(24));
    assert_err!(world.renew(&expired).await, Error::InvalidToken);
}

/// S-06: the session was ended by another node, and this node still has it cached.
#[tokio::test]
async fn a_renewal_does_not_revive_a_session_that_another_node_ended() {
    let here = World::new().await;
    let there = here.beside(2).await;
    here.active("ben").await;
    let signed_in = here.sign_in("ben").await;
    there.check(&signed_in).await.unwrap();
    here.doorward
        .sessions
        .revoke_sessions(&here.operator(), "ben")
        .await
        .unwrap();
    assert_err!(there.renew(&signed_in).await, Error::InvalidToken);
    assert_err!(here.check(&signed_in).await, Error::InvalidToken);
}

/// One node knows of two renewals, the other has the session of before both cached.
#[tokio::test]
async fn a_token_two_renewals_old_is_not_renewed_by_a_node_with_an_old_cache() {
    let here = World::new().await;
    let there = here.beside(2).await;
    here.active("ben").await;
    let first = here.sign_in("ben").await;
    there.check(&first).await.unwrap();
    let second = here.renew(&first).await.unwrap();
    here.advance(seconds(31));
    here.renew(&second).await.unwrap();
    assert_err!(there.renew(&first).await, Error::InvalidToken);
}

/// S-02, S-04: a replaced token is invalid at once and cannot be renewed, nor can its predecessor in its grace
/// period. Its use does not count as reuse, and does not prolong the session.
#[tokio::test]
async fn a_replaced_token_is_invalid_at_once_and_ends_no_session() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let first = world.sign_in("ben").await;
    let second = world.renew(&first).await.unwrap();
    world.advance(seconds(1));
    let replaced = world.replace(&second).await.unwrap();
    assert_eq!(replaced.session.expires_at, second.session.expires_at);
    world.audited();
    for wait in [seconds(0), seconds(31), hours(1)] {
        world.advance(wait);
        for old in [&first, &second] {
            assert_err!(world.check(old).await, Error::InvalidToken);
            assert_err!(world.renew(old).await, Error::InvalidToken);
            assert_err!(world.replace(old).await, Error::InvalidToken);
        }
        assert_eq!(world.check(&replaced).await.unwrap().id, ben.id);
    }
    assert!(world.audited().is_empty());
}

/// J-08, S-02: later renewals have their grace period and reuse detection as usual.
#[tokio::test]
async fn a_session_whose_token_was_replaced_can_be_renewed() {
    let world = World::new().await;
    world.active("ben").await;
    let first = world.sign_in("ben").await;
    let replaced = world.replace(&first).await.unwrap();
    let again = world.replace(&replaced).await.unwrap();
    assert_err!(world.check(&replaced).await, Error::InvalidToken);
    let renewed = world.renew(&again).await.unwrap();
    assert_eq!(renewed.session.generation, again.session.generation + 1);
    for old in [&first, &replaced] {
        assert_err!(world.check(old).await, Error::InvalidToken);
    }
    world.advance(seconds(30));
    world.check(&again).await.unwrap();
    world.advance(MICROSECOND);
    assert_err!(world.check(&again).await, Error::InvalidToken);
    assert_err!(world.check(&renewed).await, Error::InvalidToken);
}

/// S-02: a copy that is renewed at the same moment is useless, in either order, and ends no session.
#[tokio::test]
async fn a_copied_token_renewed_concurrently_is_invalid() {
    for copy_is_first in [true, false] {
        let here = World::new().await;
        let there = here.beside(2).await;
        here.active("ben").await;
        let first = here.sign_in("ben").await;
        here.check(&first).await.unwrap();
        there.check(&first).await.unwrap();
        let replaced = if copy_is_first {
            let copied = there.renew(&first).await.unwrap();
            let replaced = here.replace(&first).await.unwrap();
            there.advance(seconds(1));
            assert_err!(there.check(&copied).await, Error::InvalidToken);
            replaced
        } else {
            let replaced = here.replace(&first).await.unwrap();
            assert_err!(there.renew(&first).await, Error::InvalidToken);
            replaced
        };
        assert_err!(here.check(&first).await, Error::InvalidToken);
        there.check(&replaced).await.unwrap();
        here.check(&replaced).await.unwrap();
    }
}

/// L-01, S-01: a client that sends a spent token and disconnects at once ends the session, with one audit event.
#[tokio::test]
async fn a_client_that_disconnects_at_a_reuse_ends_the_session() {
    let world = World::with_separate_sessions().await;
    world.active("ben").await;
    let old = world.sign_in("ben").await;
    let new = world.renew(&old).await.unwrap();
    world.advance(seconds(31));
    world.audited();
    world.spy.hang("delete_session");
    tokio::select! {
        biased;
        ended = world.check(&old) => panic!("{ended:?}"),
        () = std::future::ready(()) => {}
    }
    assert_eq!(world.audited(), ["token-reuse!session ended"]);
    for token in [&old, &new] {
        assert_err!(world.check(token).await, Error::InvalidToken);
    }
    assert!(world.audited().is_empty());
}
