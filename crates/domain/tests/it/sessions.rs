//! Sessions: lifetime, number, ending them, and how fast that takes effect.

use doorward_domain::Error;
use doorward_domain::model::Status;
use doorward_domain::store::Store;
use doorward_domain::values::SessionId;

use crate::test_node::*;

/// S-03, S-04: 24 hours from sign-in, to the microsecond, regardless of use.
#[tokio::test]
async fn a_session_expires_after_a_day_regardless_of_its_use() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let signed_in = node.sign_in("ben").await;
    for _ in 0..23 {
        node.advance(hours(1));
        node.check(&signed_in).await.unwrap();
    }
    node.advance(hours(1) - MICROSECOND);
    node.check(&signed_in).await.unwrap();
    node.advance(MICROSECOND);
    assert_err!(node.check(&signed_in).await, Error::InvalidToken);
}

/// A token's expiry is in whole seconds, so one created between two seconds ends a little early, not late.
#[tokio::test]
async fn a_session_opened_between_two_seconds_expires_within_a_day() {
    let node = TestNode::new().await;
    node.active("ben").await;
    node.advance(seconds(1) - MICROSECOND);
    let signed_in = node.sign_in("ben").await;
    node.advance(hours(24) - seconds(1));
    node.check(&signed_in).await.unwrap();
    node.advance(seconds(1));
    assert_err!(node.check(&signed_in).await, Error::InvalidToken);
}

#[tokio::test]
async fn a_truncated_modified_or_invented_token_is_invalid() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let signed_in = node.sign_in("ben").await;
    let token = signed_in.token.expose();
    node.check(&signed_in).await.unwrap();
    let middle = token.len() / 2;
    let mut wrong: Vec<String> = (0..token.len())
        .step_by(7)
        .map(|cut| token[..cut].to_owned())
        .collect();
    wrong.extend([
        token.to_uppercase(),
        format!("{token}="),
        format!(" {token}"),
        format!("{token}\n"),
        format!("{}A{}", &token[..middle], &token[middle + 1..]),
        token.repeat(20),
        "null".to_owned(),
    ]);
    for wrong in wrong {
        let refused = node
            .doorward
            .session_check
            .authenticate(&node.anonymous(), &wrong)
            .await;
        assert_err!(refused, Error::InvalidToken);
    }
}

/// S-08: at most fifty; the oldest ends.
#[tokio::test]
async fn the_fifty_first_session_ends_the_oldest() {
    let node = TestNode::new().await;
    node.list_at_once();
    node.active("ben").await;
    let mut all = Vec::new();
    for _ in 0..50 {
        all.push(node.sign_in("ben").await);
        node.advance(seconds(1));
    }
    node.check(&all[0]).await.unwrap();
    let newest = node.sign_in("ben").await;
    assert_err!(node.check(&all[0]).await, Error::InvalidToken);
    node.check(&all[1]).await.unwrap();
    let listed = node
        .doorward
        .sessions
        .list(&node.of(&newest), "me")
        .await
        .unwrap();
    assert_eq!(listed.len(), 50);
    assert_eq!(listed[0].id, newest.session.id, "newest first");
}

/// S-08: also for concurrent sign-ins.
#[tokio::test]
async fn concurrent_sign_ins_leave_at_most_fifty_sessions() {
    let node = TestNode::with(|policy| policy.throttle = false).await;
    node.list_at_once();
    node.active("ben").await;
    for _ in 0..45 {
        node.sign_in("ben").await;
    }
    node.spy.yield_once();
    let all = (0..20).map(|_| node.sign_in("ben"));
    let last = futures_util::future::join_all(all).await.pop().unwrap();
    let listed = node.doorward.sessions.list(&node.of(&last), "me").await;
    assert_eq!(listed.unwrap().len(), 50);
}

/// S-01: the store has only a digest, from which no token can be made.
#[tokio::test]
async fn the_store_contains_no_usable_token() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    let signed_in = node.sign_in("ben").await;
    let kept = node.sessions().list(ben.id, node.now()).await.unwrap();
    let kept = format!("{kept:?}");
    let part = signed_in.token.expose().split('.').nth(1).unwrap();
    assert!(!kept.contains(part));
    assert!(
        !format!("{signed_in:?}").contains(part),
        "nor does a Debug print it"
    );
}

/// Invariant 7: within a second a check calls no store.
#[tokio::test]
async fn a_session_check_is_cached_for_a_second() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let signed_in = node.sign_in("ben").await;
    node.check(&signed_in).await.unwrap();
    node.clear_cache();
    node.advance(seconds(1) - MICROSECOND);
    node.check(&signed_in).await.unwrap();
    assert!(node.spy.take_calls().is_empty());
    node.advance(MICROSECOND);
    node.check(&signed_in).await.unwrap();
    assert_eq!(node.spy.take_calls(), ["sessions", "users"]);
}

/// The cached user of a session has no time of the last sign-in until it is viewed, and is then viewed without a read.
#[tokio::test]
async fn the_own_user_is_viewed_with_at_most_one_read_a_second() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let signed_in = node.sign_in("ben").await;
    let (ctx, token) = (node.of(&signed_in), signed_in.token.expose());
    let viewer = node.doorward.session_check.authenticate(&ctx, token).await;
    let viewer = viewer.unwrap();
    node.clear_cache();
    for _ in 0..2 {
        let profile = &node.doorward.profile;
        let viewed = profile.view_in_session(&ctx, &viewer, "me").await.unwrap();
        assert_eq!(viewed.last_sign_in_at, Some(node.now()));
    }
    assert_eq!(node.spy.take_calls(), ["last_sign_ins"]);
}

/// S-06: at once on the node that ended it, within a second on every other.
#[tokio::test]
async fn an_ended_session_is_invalid_at_once_here_and_within_a_second_elsewhere() {
    let here = TestNode::new().await;
    let there = here.second_node(2).await;
    here.active("ben").await;
    let signed_in = here.sign_in("ben").await;
    here.check(&signed_in).await.unwrap();
    there.check(&signed_in).await.unwrap();
    here.doorward
        .sessions
        .revoke_all(&here.of(&signed_in), "me")
        .await
        .unwrap();
    assert_err!(here.check(&signed_in).await, Error::InvalidToken);
    here.advance(seconds(1));
    assert_err!(there.check(&signed_in).await, Error::InvalidToken);
}

/// A node whose clock was two minutes fast has sessions in its cache with times in the future.
#[tokio::test]
async fn a_cached_session_from_a_wrong_clock_is_not_used_later() {
    let here = TestNode::new().await;
    let there = here.second_node(2).await;
    here.active("ben").await;
    let signed_in = here.sign_in("ben").await;
    here.advance(seconds(120));
    there.check(&signed_in).await.unwrap();
    here.advance(seconds(-120));
    there.doorward.session_check.on_clock_adjusted();
    here.doorward
        .sessions
        .revoke_all(&here.of(&signed_in), "me")
        .await
        .unwrap();
    here.advance(seconds(120));
    assert_err!(there.check(&signed_in).await, Error::InvalidToken);
}

/// S-06, Z-04: every change in the store takes effect within a second.
#[tokio::test]
async fn a_change_by_another_node_applies_within_a_second() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    let signed_in = node.sign_in("ben").await;
    node.check(&signed_in).await.unwrap();
    let read = node.stored_user(&ben).await;
    let mut disabled = read.clone();
    disabled.status = Status::Disabled;
    disabled.version = read.version.next();
    node.store.apply(disabled.replace(&read)).await.unwrap();
    node.advance(seconds(1));
    assert_err!(node.check(&signed_in).await, Error::InvalidToken);
}

/// Invariant 5: a session store restored from an old snapshot revives no session.
#[tokio::test]
async fn a_restored_session_of_an_older_epoch_is_invalid() {
    let node = TestNode::new().await;
    node.list_at_once();
    node.active("ben").await;
    let signed_in = node.sign_in("ben").await;
    let operator = node.operator();
    node.doorward
        .passwords
        .set(&operator, "ben", &secret(OTHER_PASSWORD))
        .await
        .unwrap();
    let sessions = node.sessions();
    sessions.open(&signed_in.session, Vec::new()).await.unwrap();
    assert_err!(node.check(&signed_in).await, Error::InvalidToken);
    let newer = node.try_sign_in("ben", OTHER_PASSWORD).await.unwrap();
    let listed = node
        .doorward
        .sessions
        .list(&node.of(&newer), "me")
        .await
        .unwrap();
    assert_eq!(listed.len(), 1, "nor is it shown as open");
}

/// S-07: listing the sessions, and ending one.
#[tokio::test]
async fn a_user_lists_their_sessions_and_ends_one() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let one = node.sign_in("ben").await;
    node.advance(seconds(1));
    let other = node.sign_in("ben").await;
    let ctx = node.of(&other);
    let id = one.session.id.to_string();
    node.audited();
    node.doorward
        .sessions
        .revoke(&ctx, "me", &id)
        .await
        .unwrap();
    assert_eq!(node.audited(), ["sessions-revoked"]);
    assert_err!(node.check(&one).await, Error::InvalidToken);
    node.check(&other).await.unwrap();
    let again = node.doorward.sessions.revoke(&ctx, "me", &id).await;
    assert_err!(again, Error::NotFound);
    assert!(node.audited().is_empty());
    let nonsense = node.doorward.sessions.revoke(&ctx, "me", "nonsense").await;
    assert_err!(nonsense, Error::NotFound);
}

/// T-IDOR: a session is looked up together with its user.
#[tokio::test]
async fn a_user_cannot_end_another_users_session() {
    let node = TestNode::new().await;
    node.active("ben").await;
    node.active("eve").await;
    let bens = node.sign_in("ben").await;
    let eves = node.sign_in("eve").await;
    let ctx = node.of(&eves);
    let id = bens.session.id.to_string();
    assert_err!(
        node.doorward.sessions.revoke(&ctx, "me", &id).await,
        Error::NotFound
    );
    assert_err!(
        node.doorward.sessions.revoke(&ctx, "ben", &id).await,
        Error::Forbidden
    );
    assert_err!(
        node.doorward.sessions.list(&ctx, "ben").await,
        Error::Forbidden
    );
    node.check(&bens).await.unwrap();
}

#[tokio::test]
async fn an_admin_ends_all_sessions_of_a_user() {
    let node = TestNode::new().await;
    node.active("ben").await;
    node.admin("ada").await;
    let bens = [node.sign_in("ben").await, node.sign_in("ben").await];
    let adas = node.sign_in("ada").await;
    node.doorward
        .sessions
        .revoke_all(&node.of(&adas), "ben")
        .await
        .unwrap();
    for session in &bens {
        assert_err!(node.check(session).await, Error::InvalidToken);
    }
    node.check(&adas).await.unwrap();
    node.sign_in("ben").await;
}

/// S-07.
#[tokio::test]
async fn a_user_ends_all_other_sessions() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let others = [node.sign_in("ben").await, node.sign_in("ben").await];
    let own = node.sign_in("ben").await;
    node.audited();
    let ended = node.doorward.sessions.revoke_others(&node.of(&own)).await;
    ended.unwrap();
    assert_eq!(node.audited(), ["sessions-revoked"]);
    for session in &others {
        assert_err!(node.check(session).await, Error::InvalidToken);
    }
    node.check(&own).await.unwrap();
    // Again, with the raised epoch.
    let ended = node.doorward.sessions.revoke_others(&node.of(&own)).await;
    ended.unwrap();
    node.check(&own).await.unwrap();
}

#[tokio::test]
async fn the_last_use_of_a_session_is_stored_periodically() {
    let node = TestNode::new().await;
    node.list_at_once();
    let ben = node.active("ben").await;
    let signed_in = node.sign_in("ben").await;
    node.advance(seconds(59));
    node.check(&signed_in).await.unwrap();
    node.clear_cache();
    node.doorward.last_seen.write().await.unwrap();
    assert!(node.spy.take_calls().is_empty(), "nothing to write yet");
    node.advance(seconds(1));
    node.check(&signed_in).await.unwrap();
    node.doorward.last_seen.write().await.unwrap();
    let kept = node.sessions().list(ben.id, node.now()).await.unwrap();
    assert_eq!(kept[0].last_seen_at, node.now());
    assert_eq!(kept[0].expires_at, signed_in.session.expires_at);
}

/// A session check fails while a store does not respond.
#[tokio::test]
async fn a_failing_store_opens_and_ends_no_session() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let signed_in = node.sign_in("ben").await;
    for operation in ["sessions", "users"] {
        node.spy.fail(operation);
        assert_err!(node.check(&signed_in).await, Error::Store(_));
        node.spy.clear_failures();
        node.check(&signed_in).await.unwrap();
        node.advance(seconds(1));
    }
}

#[tokio::test]
async fn an_id_has_only_one_spelling() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    let text = ben.id.to_string();
    assert_eq!(text.parse(), Ok(ben.id));
    for other in [
        text.to_uppercase(),
        text.replace('-', ""),
        format!("{{{text}}}"),
        format!("urn:uuid:{text}"),
    ] {
        assert_eq!(other.parse::<SessionId>(), Err(()), "{other}");
    }
}

/// J-03: a token of another issuer is invalid, although the keys are the same.
#[tokio::test]
async fn a_token_of_another_issuer_is_invalid() {
    let node = TestNode::new().await;
    let elsewhere = node.at_address("https://elsewhere.example").await;
    node.active("ben").await;
    let signed_in = node.sign_in("ben").await;
    assert_err!(elsewhere.check(&signed_in).await, Error::InvalidToken);
    node.check(&signed_in).await.unwrap();
}

/// S-07: ending all sessions updates the account's time of last change.
#[tokio::test]
async fn ending_all_sessions_updates_the_account() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    node.advance(hours(1));
    let operator = node.operator();
    let ended = node.doorward.sessions.revoke_all(&operator, "ben").await;
    ended.unwrap();
    assert_eq!(node.stored_user(&ben).await.updated_at, node.now());
}
