//! Sessions: lifetime, number, ending them, and how fast that takes effect.

use doorward_domain::Error;
use doorward_domain::changes::Change;
use doorward_domain::model::Status;
use doorward_domain::ports::{Sessions, Store};
use doorward_domain::values::SessionId;

use crate::world::*;

/// S-03, S-04: 24 hours from sign-in, to the microsecond, regardless of use.
#[tokio::test]
async fn a_session_lives_for_a_day_however_much_it_is_used() {
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
async fn a_session_opened_between_two_seconds_ends_no_later_than_a_day_on() {
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
async fn a_token_cut_changed_or_made_up_opens_nothing() {
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
        let refused = world.accounts.authenticate(&world.anon(), &wrong).await;
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
        .accounts
        .list_sessions(&world.of(&newest), "me")
        .await
        .unwrap();
    assert_eq!(listed.len(), 50);
    assert_eq!(listed[0].id, newest.session.id, "newest first");
}

/// S-08: also for concurrent sign-ins.
#[tokio::test]
async fn no_burst_of_sign_ins_leaves_more_than_fifty() {
    let world = World::with(|policy| policy.throttle = false).await;
    world.active("ben").await;
    for _ in 0..45 {
        world.sign_in("ben").await;
    }
    world.spy.give_way();
    let all = (0..20).map(|_| world.sign_in("ben"));
    let last = futures_util::future::join_all(all).await.pop().unwrap();
    let listed = world.accounts.list_sessions(&world.of(&last), "me").await;
    assert_eq!(listed.unwrap().len(), 50);
}

/// S-01: the store has only a digest, from which no token can be made.
#[tokio::test]
async fn the_store_keeps_nothing_that_opens_a_session() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let signed_in = world.sign_in("ben").await;
    let kept = world
        .store
        .list_sessions(ben.id, world.now())
        .await
        .unwrap();
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
async fn a_check_is_believed_for_a_second_and_asks_the_store_then() {
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
    assert_eq!(world.spy.take_calls(), ["find_session", "find_user"]);
}

/// S-06: at once on the node that ended it, within a second on every other.
#[tokio::test]
async fn an_ended_session_is_dead_at_once_here_and_within_a_second_elsewhere() {
    let here = World::new().await;
    let there = here.beside(2).await;
    here.active("ben").await;
    let signed_in = here.sign_in("ben").await;
    here.check(&signed_in).await.unwrap();
    there.check(&signed_in).await.unwrap();
    here.accounts
        .revoke_sessions(&here.of(&signed_in), "me")
        .await
        .unwrap();
    assert_err!(here.check(&signed_in).await, Error::InvalidToken);
    here.advance(seconds(1));
    assert_err!(there.check(&signed_in).await, Error::InvalidToken);
}

/// A node whose clock was two minutes fast has sessions in its cache with times in the future.
#[tokio::test]
async fn what_was_looked_up_by_a_wrong_clock_is_not_believed_later() {
    let here = World::new().await;
    let there = here.beside(2).await;
    here.active("ben").await;
    let signed_in = here.sign_in("ben").await;
    here.advance(seconds(120));
    there.check(&signed_in).await.unwrap();
    here.advance(seconds(-120));
    there.accounts.time_was_moved();
    here.accounts
        .revoke_sessions(&here.of(&signed_in), "me")
        .await
        .unwrap();
    here.advance(seconds(120));
    assert_err!(there.check(&signed_in).await, Error::InvalidToken);
}

/// S-06, Z-04: every change in the store takes effect within a second.
#[tokio::test]
async fn a_change_by_another_node_bites_within_a_second() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let signed_in = world.sign_in("ben").await;
    world.check(&signed_in).await.unwrap();
    let mut disabled = world.kept_user(&ben).await;
    let expected = disabled.version;
    disabled.status = Status::Disabled;
    disabled.version = expected.next();
    let user = Box::new(disabled);
    world
        .store
        .apply(vec![Change::UpdateUser { user, expected }])
        .await
        .unwrap();
    world.advance(seconds(1));
    assert_err!(world.check(&signed_in).await, Error::InvalidToken);
}

/// Invariant 5: a session store restored from an old snapshot revives no session.
#[tokio::test]
async fn a_session_of_an_older_epoch_is_dead_wherever_it_comes_back_from() {
    let world = World::new().await;
    world.active("ben").await;
    let signed_in = world.sign_in("ben").await;
    let operator = world.operator();
    world
        .accounts
        .set_password(&operator, "ben", &secret(OTHER_PASSWORD))
        .await
        .unwrap();
    world
        .store
        .insert_session(&signed_in.session)
        .await
        .unwrap();
    assert_err!(world.check(&signed_in).await, Error::InvalidToken);
    let newer = world.try_sign_in("ben", OTHER_PASSWORD).await.unwrap();
    let listed = world
        .accounts
        .list_sessions(&world.of(&newer), "me")
        .await
        .unwrap();
    assert_eq!(listed.len(), 1, "nor is it shown as open");
}

/// S-07: listing the sessions, and ending one.
#[tokio::test]
async fn people_see_their_sessions_and_end_one() {
    let world = World::new().await;
    world.active("ben").await;
    let one = world.sign_in("ben").await;
    world.advance(seconds(1));
    let other = world.sign_in("ben").await;
    let ctx = world.of(&other);
    let id = one.session.id.to_string();
    world.audited();
    world
        .accounts
        .revoke_session(&ctx, "me", &id)
        .await
        .unwrap();
    assert_eq!(world.audited(), ["sessions-revoked"]);
    assert_err!(world.check(&one).await, Error::InvalidToken);
    world.check(&other).await.unwrap();
    let again = world.accounts.revoke_session(&ctx, "me", &id).await;
    assert_err!(again, Error::NotFound);
    assert!(world.audited().is_empty());
    let nonsense = world.accounts.revoke_session(&ctx, "me", "nonsense").await;
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
        world.accounts.revoke_session(&ctx, "me", &id).await,
        Error::NotFound
    );
    assert_err!(
        world.accounts.revoke_session(&ctx, "ben", &id).await,
        Error::Forbidden
    );
    assert_err!(
        world.accounts.list_sessions(&ctx, "ben").await,
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
        .accounts
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
async fn when_a_session_was_last_used_is_written_down_now_and_then() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let signed_in = world.sign_in("ben").await;
    world.advance(seconds(59));
    world.check(&signed_in).await.unwrap();
    world.forget();
    world.accounts.write_last_seen().await.unwrap();
    assert!(world.spy.take_calls().is_empty(), "nothing to write yet");
    world.advance(seconds(1));
    world.check(&signed_in).await.unwrap();
    world.accounts.write_last_seen().await.unwrap();
    let kept = world
        .store
        .list_sessions(ben.id, world.now())
        .await
        .unwrap();
    assert_eq!(kept[0].last_seen_at, world.now());
    assert_eq!(kept[0].expires_at, signed_in.session.expires_at);
}

/// A session check fails while a store does not respond.
#[tokio::test]
async fn a_store_that_does_not_answer_opens_nothing_and_ends_nothing() {
    let world = World::new().await;
    world.active("ben").await;
    let signed_in = world.sign_in("ben").await;
    for operation in ["find_session", "find_user"] {
        world.spy.fail(operation);
        assert_err!(world.check(&signed_in).await, Error::Store(_));
        world.spy.clear_failures();
        world.check(&signed_in).await.unwrap();
        world.advance(seconds(1));
    }
}

#[tokio::test]
async fn an_id_has_one_spelling() {
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
async fn a_token_made_under_another_url_opens_nothing() {
    let world = World::new().await;
    let elsewhere = world.moved_to("https://elsewhere.example").await;
    world.active("ben").await;
    let signed_in = world.sign_in("ben").await;
    assert_err!(elsewhere.check(&signed_in).await, Error::InvalidToken);
    world.check(&signed_in).await.unwrap();
}

/// S-07: ending all sessions updates the account's time of last change.
#[tokio::test]
async fn ending_all_sessions_changes_the_account() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    world.advance(hours(1));
    let operator = world.operator();
    let ended = world.accounts.revoke_sessions(&operator, "ben").await;
    ended.unwrap();
    assert_eq!(world.kept_user(&ben).await.updated_at, world.now());
}
