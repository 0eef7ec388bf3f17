//! Sessions: lifetime, number, ending them, and how fast that takes effect.

use doorward_domain::Error;
use doorward_domain::model::Status;
use doorward_domain::ports::Store;
use doorward_domain::values::SessionId;

use crate::world::*;

/// S-03, S-04: 24 hours from sign-in, to the microsecond, regardless of use.
#[tokio::test]
async fn a_session_expires_after_a_day_regardless_of_its_use() {
    let world = World::new().await;
    world.active("ben").await;
    let signed_in = world.sign_in("ben").await;
    for _ in 0..23 {
        world.advance(hours(1));
        world.check(&signed_in).await.unwrap();
    }
    world.advance(hours(1) - MICROSECOND);
    world.check(&signed_in).await.unwrap();
    world.advance(MICROSECOND);
    assert_err!(world.check(&signed_in).await, Error::InvalidToken);
}

/// A token's expiry is in whole seconds, so one created between two seconds ends a little early, not late.
#[tokio::test]
async fn a_session_opened_between_two_seconds_expires_within_a_day() {
    let world = World::new().await;
    world.active("ben").await;
    world.advance(seconds(1) - MICROSECOND);
    let signed_in = world.sign_in("ben").await;
    world.advance(hours(24) - seconds(1));
    world.check(&signed_in).await.unwrap();
    world.advance(seconds(1));
    assert_err!(world.check(&signed_in).await, Error::InvalidToken);
}

#[tokio::test]
async fn a_truncated_modified_or_invented_token_is_invalid() {
    let world = World::new().await;
    world.active("ben").await;
    let signed_in = world.sign_in("ben").await;
    let token = signed_in.token.expose();
    world.check(&signed_in).await.unwrap();
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
        let refused = world
            .doorward
            .sessions
            .authenticate(&world.anon(), &wrong)
            .await;
        assert_err!(refused, Error::InvalidToken);
    }
}

/// S-08: at most fifty; the oldest ends.
#[tokio::test]
async fn the_fifty_first_session_ends_the_oldest() {
    let world = World::new().await;
    world.active("ben").await;
    let mut all = Vec::new();
    for _ in 0..50 {
        all.push(world.sign_in("ben").await);
        world.advance(seconds(1));
    }
    world.check(&all[0]).await.unwrap();
    let newest = world.sign_in("ben").await;
    assert_err!(world.check(&all[0]).await, Error::InvalidToken);
    world.check(&all[1]).await.unwrap();
    let listed = world
        .doorward
        .sessions
        .list_sessions(&world.of(&newest), "me")
        .await
        .unwrap();
    assert_eq!(listed.len(), 50);
    assert_eq!(listed[0].id, newest.session.id, "newest first");
}

/// S-08: also for concurrent sign-ins.
#[tokio::test]
async fn concurrent_sign_ins_leave_at_most_fifty_sessions() {
    let world = World::with(|policy| policy.throttle = false).await;
    world.active("ben").await;
    for _ in 0..45 {
        world.sign_in("ben").await;
    }
    world.spy.yield_once();
    let all = (0..20).map(|_| world.sign_in("ben"));
    let last = futures_util::future::join_all(all).await.pop().unwrap();
    let listed = world
        .doorward
        .sessions
        .list_sessions(&world.of(&last), "me")
        .await;
    assert_eq!(listed.unwrap().len(), 50);
}

/// S-01: the store has only a digest, from which no token can be made.
#[tokio::test]
async fn the_store_contains_no_usable_token() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let signed_in = world.sign_in("ben").await;
    let kept = world.sessions().list(ben.id, world.now()).await.unwrap();
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
    let world = World::new().await;
    world.active("ben").await;
    let signed_in = world.sign_in("ben").await;
    world.check(&signed_in).await.unwrap();
    world.forget();
    world.advance(seconds(1) - MICROSECOND);
    world.check(&signed_in).await.unwrap();
    assert!(world.spy.take_calls().is_empty());
    world.advance(MICROSECOND);
    world.check(&signed_in).await.unwrap();
    assert_eq!(world.spy.take_calls(), ["sessions", "users"]);
}

/// S-06: at once on the node that ended it, within a second on every other.
#[tokio::test]
async fn an_ended_session_is_invalid_at_once_here_and_within_a_second_elsewhere() {
    let here = World::new().await;
    let there = here.beside(2).await;
    here.active("ben").await;
    let signed_in = here.sign_in("ben").await;
    here.check(&signed_in).await.unwrap();
    there.check(&signed_in).await.unwrap();
    here.doorward
        .sessions
        .revoke_sessions(&here.of(&signed_in), "me")
        .await
        .unwrap();
    assert_err!(here.check(&signed_in).await, Error::InvalidToken);
    here.advance(seconds(1));
    assert_err!(there.check(&signed_in).await, Error::InvalidToken);
}

/// A node whose clock was two minutes fast has sessions in its cache with times in the future.
#[tokio::test]
async fn a_cached_session_from_a_wrong_clock_is_not_used_later() {
    let here = World::new().await;
    let there = here.beside(2).await;
    here.active("ben").await;
    let signed_in = here.sign_in("ben").await;
    here.advance(seconds(120));
    there.check(&signed_in).await.unwrap();
    here.advance(seconds(-120));
    there.doorward.housekeeping.time_was_moved();
    here.doorward
        .sessions
        .revoke_sessions(&here.of(&signed_in), "me")
        .await
        .unwrap();
    here.advance(seconds(120));
    assert_err!(there.check(&signed_in).await, Error::InvalidToken);
}

/// S-06, Z-04: every change in the store takes effect within a second.
#[tokio::test]
async fn a_change_by_another_node_applies_within_a_second() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let signed_in = world.sign_in("ben").await;
    world.check(&signed_in).await.unwrap();
    let read = world.kept_user(&ben).await;
    let mut disabled = read.clone();
    disabled.status = Status::Disabled;
    disabled.version = read.version.next();
    world.store.apply(disabled.replace(&read)).await.unwrap();
    world.advance(seconds(1));
    assert_err!(world.check(&signed_in).await, Error::InvalidToken);
}

/// Invariant 5: a session store restored from an old snapshot revives no session.
#[tokio::test]
async fn a_restored_session_of_an_older_epoch_is_invalid() {
    let world = World::new().await;
    world.active("ben").await;
    let signed_in = world.sign_in("ben").await;
    let operator = world.operator();
    world
        .doorward
        .password
        .set_password(&operator, "ben", &secret(OTHER_PASSWORD))
        .await
        .unwrap();
    let sessions = world.sessions();
    sessions.open(&signed_in.session, Vec::new()).await.unwrap();
    assert_err!(world.check(&signed_in).await, Error::InvalidToken);
    let newer = world.try_sign_in("ben", OTHER_PASSWORD).await.unwrap();
    let listed = world
        .doorward
        .sessions
        .list_sessions(&world.of(&newer), "me")
        .await
        .unwrap();
    assert_eq!(listed.len(), 1, "nor is it shown as open");
}

/// S-07: listing the sessions, and ending one.
#[tokio::test]
async fn a_user_lists_their_sessions_and_ends_one() {
    let world = World::new().await;
    world.active("ben").await;
    let one = world.sign_in("ben").await;
    world.advance(seconds(1));
    let other = world.sign_in("ben").await;
    let ctx = world.of(&other);
    let id = one.session.id.to_string();
    world.audited();
    world
        .doorward
        .sessions
        .revoke_session(&ctx, "me", &id)
        .await
        .unwrap();
    assert_eq!(world.audited(), ["sessions-revoked"]);
    assert_err!(world.check(&one).await, Error::InvalidToken);
    world.check(&other).await.unwrap();
    let again = world
        .doorward
        .sessions
        .revoke_session(&ctx, "me", &id)
        .await;
    assert_err!(again, Error::NotFound);
    assert!(world.audited().is_empty());
    let nonsense = world
        .doorward
        .sessions
        .revoke_session(&ctx, "me", "nonsense")
        .await;
    assert_err!(nonsense, Error::NotFound);
}

/// T-IDOR: a session is looked up together with its user.
#[tokio::test]
async fn a_user_cannot_end_another_users_session() {
    let world = World::new().await;
    world.active("ben").await;
    world.active("eve").await;
    let bens = world.sign_in("ben").await;
    let eves = world.sign_in("eve").await;
    let ctx = world.of(&eves);
    let id = bens.session.id.to_string();
    assert_err!(
        world
            .doorward
            .sessions
            .revoke_session(&ctx, "me", &id)
            .await,
        Error::NotFound
    );
    assert_err!(
        world
            .doorward
            .sessions
            .revoke_session(&ctx, "ben", &id)
            .await,
        Error::Forbidden
    );
    assert_err!(
        world.doorward.sessions.list_sessions(&ctx, "ben").await,
        Error::Forbidden
    );
    world.check(&bens).await.unwrap();
}

#[tokio::test]
async fn an_admin_ends_all_sessions_of_a_user() {
    let world = World::new().await;
    world.active("ben").await;
    world.admin("ada").await;
    let bens = [world.sign_in("ben").await, world.sign_in("ben").await];
    let adas = world.sign_in("ada").await;
    world
        .doorward
        .sessions
        .revoke_sessions(&world.of(&adas), "ben")
        .await
        .unwrap();
    for session in &bens {
        assert_err!(world.check(session).await, Error::InvalidToken);
    }
    world.check(&adas).await.unwrap();
    world.sign_in("ben").await;
}

#[tokio::test]
async fn the_last_use_of_a_session_is_stored_periodically() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let signed_in = world.sign_in("ben").await;
    world.advance(seconds(59));
    world.check(&signed_in).await.unwrap();
    world.forget();
    world.doorward.housekeeping.write_last_seen().await.unwrap();
    assert!(world.spy.take_calls().is_empty(), "nothing to write yet");
    world.advance(seconds(1));
    world.check(&signed_in).await.unwrap();
    world.doorward.housekeeping.write_last_seen().await.unwrap();
    let kept = world.sessions().list(ben.id, world.now()).await.unwrap();
    assert_eq!(kept[0].last_seen_at, world.now());
    assert_eq!(kept[0].expires_at, signed_in.session.expires_at);
}

/// A session check fails while a store does not respond.
#[tokio::test]
async fn a_failing_store_opens_and_ends_no_session() {
    let world = World::new().await;
    world.active("ben").await;
    let signed_in = world.sign_in("ben").await;
    for operation in ["sessions", "users"] {
        world.spy.fail(operation);
        assert_err!(world.check(&signed_in).await, Error::Store(_));
        world.spy.clear_failures();
        world.check(&signed_in).await.unwrap();
        world.advance(seconds(1));
    }
}

#[tokio::test]
async fn an_id_has_only_one_spelling() {
    let world = World::new().await;
    let ben = world.active("ben").await;
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
    let world = World::new().await;
    let elsewhere = world.at_address("https://elsewhere.example").await;
    world.active("ben").await;
    let signed_in = world.sign_in("ben").await;
    assert_err!(elsewhere.check(&signed_in).await, Error::InvalidToken);
    world.check(&signed_in).await.unwrap();
}

/// S-07: ending all sessions updates the account's time of last change.
#[tokio::test]
async fn ending_all_sessions_updates_the_account() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    world.advance(hours(1));
    let operator = world.operator();
    let ended = world
        .doorward
        .sessions
        .revoke_sessions(&operator, "ben")
        .await;
    ended.unwrap();
    assert_eq!(world.kept_user(&ben).await.updated_at, world.now());
}
