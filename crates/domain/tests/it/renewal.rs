//! Renewing a session: the new token, the grace period of the old one, and reuse detection.

use doorward_domain::Error;
use doorward_domain::model::User;
use doorward_domain::sessions::SignedIn;
use doorward_domain::store::Store;

use crate::factors::{self, two_factor_user};
use crate::test_node::*;

#[tokio::test]
async fn a_renewal_extends_the_session_with_a_new_token() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    let old = node.sign_in("ben").await;
    node.advance(hours(23));
    let new = node.renew(&old).await.unwrap();
    assert_ne!(new.token.expose(), old.token.expose());
    assert_eq!(new.session.id, old.session.id);
    assert_eq!(new.session.expires_at, node.now() + hours(24));
    node.advance(hours(23));
    assert_eq!(node.check(&new).await.unwrap().id, ben.id);
}

/// The old token works for 30 seconds, to the microsecond.
#[tokio::test]
async fn the_old_token_expires_after_its_grace_period() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let old = node.sign_in("ben").await;
    let new = node.renew(&old).await.unwrap();
    node.advance(seconds(30));
    node.check(&old).await.unwrap();
    node.check(&new).await.unwrap();
    node.advance(MICROSECOND);
    assert_err!(node.check(&old).await, Error::InvalidToken);
}

/// J-08: reuse of a spent token ends the whole session, once.
#[tokio::test]
async fn a_spent_token_that_is_sent_again_ends_the_session() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let old = node.sign_in("ben").await;
    let other = node.sign_in("ben").await;
    let new = node.renew(&old).await.unwrap();
    node.advance(seconds(31));
    node.check(&new).await.unwrap();
    node.audited();
    assert_err!(node.check(&old).await, Error::InvalidToken);
    assert_eq!(node.audited(), ["token-reuse!session ended"]);
    assert_err!(node.check(&new).await, Error::InvalidToken);
    assert_err!(node.check(&old).await, Error::InvalidToken);
    assert!(node.audited().is_empty(), "it ends once");
    node.check(&other).await.unwrap();
}

#[tokio::test]
async fn a_token_two_renewals_old_ends_the_session_at_once() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let first = node.sign_in("ben").await;
    let second = node.renew(&first).await.unwrap();
    node.advance(seconds(31));
    let third = node.renew(&second).await.unwrap();
    node.check(&second).await.unwrap();
    assert_err!(node.renew(&first).await, Error::InvalidToken);
    assert_err!(node.check(&third).await, Error::InvalidToken);
}

/// Two renewals in a row must not make a client's first token look stolen.
#[tokio::test]
async fn renewing_the_newest_token_within_the_grace_period_spends_no_token() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let first = node.sign_in("ben").await;
    let second = node.renew(&first).await.unwrap();
    node.advance(seconds(30));
    let third = node.renew(&second).await.unwrap();
    for token in [&first, &second, &third] {
        node.check(token).await.unwrap();
    }
    node.advance(MICROSECOND);
    node.check(&second).await.unwrap();
    let fourth = node.renew(&third).await.unwrap();
    assert_eq!(fourth.session.generation, third.session.generation + 1);
}

/// A client that lost the response retries. Two tabs that renew at once both continue.
#[tokio::test]
async fn renewing_the_old_token_within_its_grace_period_joins_the_same_renewal() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let old = node.sign_in("ben").await;
    let new = node.renew(&old).await.unwrap();
    node.advance(seconds(29));
    let again = node.renew(&old).await.unwrap();
    assert_eq!(again.session.generation, new.session.generation);
    assert_eq!(again.session.expires_at, new.session.expires_at);
    node.advance(minutes(5));
    node.check(&new).await.unwrap();
    node.check(&again).await.unwrap();
}

#[tokio::test]
async fn two_concurrent_renewals_are_one() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    let old = node.sign_in("ben").await;
    node.check(&old).await.unwrap();
    node.spy.yield_once();
    let (one, other) = tokio::join!(node.renew(&old), node.renew(&old));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one.session.generation, 2);
    assert_eq!(other.session.generation, 2);
    node.advance(minutes(5));
    node.check(&one).await.unwrap();
    node.check(&other).await.unwrap();
    let open = node.sessions().list(ben.id, node.now()).await.unwrap();
    assert_eq!(open.len(), 1);
}

/// Two nodes, both with the session in their cache.
#[tokio::test]
async fn concurrent_renewals_on_two_nodes_are_one() {
    let here = TestNode::new().await;
    let there = here.second_node(2).await;
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
    let node = TestNode::new().await;
    node.active("ben").await;
    let mut signed_in = node.sign_in("ben").await;
    let end = node.now() + hours(30 * 24);
    for _ in 0..30 {
        node.advance(hours(23));
        signed_in = node.renew(&signed_in).await.unwrap();
        assert!(signed_in.session.expires_at <= end);
    }
    node.advance(hours(23));
    signed_in = node.renew(&signed_in).await.unwrap();
    assert_eq!(signed_in.session.expires_at, end);
    node.advance(end.duration_since(node.now()) - MICROSECOND);
    node.check(&signed_in).await.unwrap();
    node.renew(&signed_in).await.unwrap();
    node.advance(MICROSECOND);
    assert_err!(node.renew(&signed_in).await, Error::InvalidToken);
}

/// The grace period does not extend a token's own lifetime.
#[tokio::test]
async fn an_expired_token_is_invalid_even_within_its_grace_period() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let old = node.sign_in("ben").await;
    node.advance(hours(24) - seconds(10));
    let new = node.renew(&old).await.unwrap();
    node.advance(seconds(10));
    assert_err!(node.check(&old).await, Error::InvalidToken);
    node.check(&new).await.unwrap();
}

#[tokio::test]
async fn an_ended_session_cannot_be_renewed() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let signed_in = node.sign_in("ben").await;
    node.check(&signed_in).await.unwrap();
    node.doorward
        .sessions
        .revoke_all(&node.operator(), "ben")
        .await
        .unwrap();
    assert_err!(node.renew(&signed_in).await, Error::InvalidToken);
    node.advance(hours(24));
    let expired = node.sign_in("ben").await;
    node.advance(hours(24));
    assert_err!(node.renew(&expired).await, Error::InvalidToken);
}

/// S-06: the session was ended by another node, and this node still has it cached.
#[tokio::test]
async fn a_renewal_does_not_revive_a_session_that_another_node_ended() {
    let here = TestNode::new().await;
    let there = here.second_node(2).await;
    here.active("ben").await;
    let signed_in = here.sign_in("ben").await;
    there.check(&signed_in).await.unwrap();
    here.doorward
        .sessions
        .revoke_all(&here.operator(), "ben")
        .await
        .unwrap();
    assert_err!(there.renew(&signed_in).await, Error::InvalidToken);
    assert_err!(here.check(&signed_in).await, Error::InvalidToken);
}

/// S-06: the other node renews from its cache, where the session has the epoch of before the change.
#[tokio::test]
async fn a_session_kept_by_a_password_change_survives_its_renewal_on_another_node() {
    let here = TestNode::new().await;
    let there = here.second_node(2).await;
    here.active("ben").await;
    let kept = here.sign_in("ben").await;
    there.check(&kept).await.unwrap();
    change_password(&here, &kept, PASSWORD, OTHER_PASSWORD).await;
    let renewed = there.renew(&kept).await.unwrap();
    here.advance(seconds(2));
    for node in [&here, &there] {
        node.check(&renewed).await.unwrap();
    }
}

/// S-06: the other node changes the password from its cache, where the session has the epoch of before the first change.
#[tokio::test]
async fn a_session_kept_by_a_password_change_survives_the_next_one_on_another_node() {
    let here = TestNode::new().await;
    let there = here.second_node(2).await;
    here.active("ben").await;
    let kept = here.sign_in("ben").await;
    there.check(&kept).await.unwrap();
    change_password(&here, &kept, PASSWORD, OTHER_PASSWORD).await;
    change_password(&there, &kept, OTHER_PASSWORD, PASSWORD).await;
    here.advance(seconds(2));
    for node in [&here, &there] {
        node.check(&kept).await.unwrap();
    }
}

/// S-06: two changes at the same time keep one session: both succeed, and the session stays.
#[tokio::test]
async fn a_session_kept_by_two_changes_at_once_stays() {
    for separate in [false, true] {
        let node = match separate {
            true => TestNode::with_separate_sessions().await,
            false => TestNode::new().await,
        };
        let ben = two_factor_user(&node, "ben").await;
        let kept = factors::sign_in(&node, &ben).await.unwrap();
        node.spy.yield_once();
        let (ctx, new) = (node.of(&kept), secret(OTHER_PASSWORD));
        let (service, current) = (&node.doorward.passwords, proof(PASSWORD));
        let (removed, changed) = tokio::join!(
            node.doorward.factor_removal.remove(&ctx, "me", &ben.id),
            service.change(&ctx, None, &current, &new, None),
        );
        removed.unwrap();
        changed.unwrap();
        node.advance(seconds(2));
        node.check(&kept).await.unwrap();
    }
}

/// S-06: a password change from the cache of another node keeps no session of an older epoch.
#[tokio::test]
async fn a_password_change_on_another_node_revives_no_session_of_an_older_epoch() {
    let here = TestNode::new().await;
    let there = here.second_node(2).await;
    let ben = here.active("ben").await;
    let ended = here.sign_in("ben").await;
    there.check(&ended).await.unwrap();
    raise_epoch(&here, &ben).await;
    change_password(&there, &ended, PASSWORD, OTHER_PASSWORD).await;
    here.advance(seconds(2));
    for node in [&here, &there] {
        assert_err!(node.check(&ended).await, Error::InvalidToken);
    }
}

/// S-06: all other sessions stay ended, also if another node renews one from its cache before it is deleted.
#[tokio::test]
async fn a_renewal_on_another_node_revives_no_session_of_an_older_epoch() {
    let here = TestNode::new().await;
    let there = here.second_node(2).await;
    let ben = here.active("ben").await;
    let ended = here.sign_in("ben").await;
    there.check(&ended).await.unwrap();
    raise_epoch(&here, &ben).await;
    let renewed = there.renew(&ended).await.unwrap();
    here.advance(seconds(2));
    for node in [&here, &there] {
        assert_err!(node.check(&ended).await, Error::InvalidToken);
        assert_err!(node.check(&renewed).await, Error::InvalidToken);
    }
}

/// S-06: a node that loses the race to renew joins a renewal only if the session is still valid in the store.
#[tokio::test]
async fn a_renewal_that_comes_second_authenticates_again_from_the_store() {
    let here = TestNode::new().await;
    let there = here.second_node(2).await;
    let ben = here.active("ben").await;
    let ended = here.sign_in("ben").await;
    there.check(&ended).await.unwrap();
    here.renew(&ended).await.unwrap();
    raise_epoch(&here, &ben).await;
    assert_err!(there.renew(&ended).await, Error::InvalidToken);
}

/// A security event whose node has not deleted the ended sessions yet.
async fn raise_epoch(node: &TestNode, user: &User) {
    let read = node.stored_user(user).await;
    let changed = User {
        security_epoch: read.security_epoch + 1,
        version: read.version.next(),
        ..read.clone()
    };
    node.store.apply(changed.replace(&read)).await.unwrap();
}

async fn change_password(node: &TestNode, signed_in: &SignedIn, current: &str, new: &str) {
    let (ctx, new) = (node.of(signed_in), secret(new));
    let passwords = &node.doorward.passwords;
    passwords
        .change(&ctx, None, &proof(current), &new, None)
        .await
        .unwrap();
}

/// One node knows of two renewals, the other has the session of before both cached.
#[tokio::test]
async fn a_token_two_renewals_old_is_not_renewed_by_a_node_with_an_old_cache() {
    let here = TestNode::new().await;
    let there = here.second_node(2).await;
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
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    let first = node.sign_in("ben").await;
    let second = node.renew(&first).await.unwrap();
    node.advance(seconds(1));
    let replaced = node.replace(&second).await.unwrap();
    assert_eq!(replaced.session.expires_at, second.session.expires_at);
    node.audited();
    for wait in [seconds(0), seconds(31), hours(1)] {
        node.advance(wait);
        for old in [&first, &second] {
            assert_err!(node.check(old).await, Error::InvalidToken);
            assert_err!(node.renew(old).await, Error::InvalidToken);
            assert_err!(node.replace(old).await, Error::InvalidToken);
        }
        assert_eq!(node.check(&replaced).await.unwrap().id, ben.id);
    }
    assert!(node.audited().is_empty());
}

/// J-08, S-02: later renewals have their grace period and reuse detection as usual.
#[tokio::test]
async fn a_session_whose_token_was_replaced_can_be_renewed() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let first = node.sign_in("ben").await;
    let replaced = node.replace(&first).await.unwrap();
    let again = node.replace(&replaced).await.unwrap();
    assert_err!(node.check(&replaced).await, Error::InvalidToken);
    let renewed = node.renew(&again).await.unwrap();
    assert_eq!(renewed.session.generation, again.session.generation + 1);
    for old in [&first, &replaced] {
        assert_err!(node.check(old).await, Error::InvalidToken);
    }
    node.advance(seconds(30));
    node.check(&again).await.unwrap();
    node.advance(MICROSECOND);
    assert_err!(node.check(&again).await, Error::InvalidToken);
    assert_err!(node.check(&renewed).await, Error::InvalidToken);
}

/// S-02: a copy that is renewed at the same moment is useless, in either order, and ends no session.
#[tokio::test]
async fn a_copied_token_renewed_concurrently_is_invalid() {
    for copy_is_first in [true, false] {
        let here = TestNode::new().await;
        let there = here.second_node(2).await;
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
    let node = TestNode::with_separate_sessions().await;
    node.active("ben").await;
    let old = node.sign_in("ben").await;
    let new = node.renew(&old).await.unwrap();
    node.advance(seconds(31));
    node.audited();
    node.spy.hang_on("delete_session");
    tokio::select! {
        biased;
        ended = node.check(&old) => panic!("{ended:?}"),
        () = std::future::ready(()) => {}
    }
    assert_eq!(node.audited(), ["token-reuse!session ended"]);
    for token in [&old, &new] {
        assert_err!(node.check(token).await, Error::InvalidToken);
    }
    assert!(node.audited().is_empty());
}
