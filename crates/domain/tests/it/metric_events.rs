//! Metric events: each is recorded once, where it happens.

use doorward_domain::Error;
use doorward_domain::limits::GUESS;
use doorward_domain::metric_event::MetricEvent::{
    Mail, SessionIssued, SessionRenewed, SessionsEnded, SignIn, Throttled,
};
use doorward_domain::metric_event::{MailFate, SessionEnd, SignInOutcome};
use doorward_domain::model::MailKind;

use crate::world::*;

#[tokio::test]
async fn each_sign_in_is_recorded_once_with_its_outcome() {
    let world = World::new().await;
    world.active("ben").await;
    world.pending("ann").await;
    world.recorded.take();
    world.sign_in("ben").await;
    let opened = [SessionIssued, SignIn(SignInOutcome::Success)];
    assert_eq!(world.recorded.take(), opened);
    for name in ["ben", "nobody"] {
        let refused = world.try_sign_in(name, OTHER_PASSWORD).await;
        assert_err!(refused, Error::InvalidCredentials);
        let wrong = [SignIn(SignInOutcome::InvalidCredentials)];
        assert_eq!(world.recorded.take(), wrong);
    }
    let refused = world.try_sign_in("ann@example.com", PASSWORD).await;
    assert_err!(refused, Error::EmailUnconfirmed);
    assert_eq!(
        world.recorded.take(),
        [SignIn(SignInOutcome::EmailUnconfirmed)]
    );
    for _ in 0..3 {
        let _ = world.try_sign_in("ben", OTHER_PASSWORD).await;
    }
    world.recorded.take();
    let refused = world.try_sign_in("ben", PASSWORD).await;
    assert_err!(refused, Error::TooManyAttempts { .. });
    let throttled = [Throttled(GUESS), SignIn(SignInOutcome::Throttled)];
    assert_eq!(world.recorded.take(), throttled);
}

#[tokio::test]
async fn the_end_of_a_session_is_recorded_with_its_reason() {
    let world = World::with(|policy| policy.max_sessions = 2).await;
    world.active("ben").await;
    let first = world.sign_in("ben").await;
    world.advance(seconds(1));
    let second = world.sign_in("ben").await;
    world.advance(seconds(1));
    world.recorded.take();
    let third = world.sign_in("ben").await;
    assert!(world.check(&first).await.is_err());
    assert!(
        world
            .recorded
            .take()
            .contains(&SessionsEnded(SessionEnd::SessionLimit, 1))
    );

    let renewed = world.renew(&second).await.unwrap();
    world.advance(minutes(5));
    let renewed = world.renew(&renewed).await.unwrap();
    assert_eq!(world.recorded.take(), [SessionRenewed, SessionRenewed]);
    assert_err!(world.renew(&second).await, Error::InvalidToken);
    assert!(world.check(&renewed).await.is_err());
    assert_eq!(
        world.recorded.take(),
        [SessionsEnded(SessionEnd::TokenReuse, 1)]
    );

    let actor = world.of(&third);
    world
        .doorward
        .sessions
        .revoke_sessions(&actor, "me")
        .await
        .unwrap();
    assert_eq!(
        world.recorded.take(),
        [SessionsEnded(SessionEnd::Revoked, 1)]
    );
}

/// Here the sessions end one by one; a database deletes them with their user.
#[tokio::test]
async fn sessions_that_end_with_their_account_are_recorded_once() {
    let world = World::with_separate_sessions().await;
    world.active("ben").await;
    world.sign_in("ben").await;
    let last = world.sign_in("ben").await;
    let actor = world.of(&last);
    world.recorded.take();
    let deleted = world
        .doorward
        .profile
        .delete_account(&actor, "me", None)
        .await;
    deleted.unwrap();
    let ended = SessionsEnded(SessionEnd::AccountChanged, 1);
    assert_eq!(world.recorded.take(), [ended, ended]);
}

/// Sessions that ended before the store failed are recorded.
#[tokio::test]
async fn ended_sessions_are_recorded_even_if_others_could_not_be_ended() {
    let world = World::with_separate_sessions().await;
    world.active("ben").await;
    let mut last = world.sign_in("ben").await;
    for _ in 0..4 {
        last = world.sign_in("ben").await;
    }
    let actor = world.of(&last);
    world.recorded.take();
    world.spy.fail_after("delete_session", 2);
    world
        .doorward
        .sessions
        .revoke_sessions(&actor, "me")
        .await
        .unwrap();
    let ended: usize = world
        .recorded
        .take()
        .into_iter()
        .map(|one| match one {
            SessionsEnded(SessionEnd::Revoked, count) => count,
            other => panic!("{other:?}"),
        })
        .sum();
    assert_eq!(ended, 2);
}

#[tokio::test]
async fn every_delivery_attempt_is_recorded() {
    let world = World::new().await;
    world.recorded.take();
    world.pending("ben").await;
    world.mailer.refuse(Some(MailRefusal::Temporary));
    world.deliver().await;
    world.mailer.refuse(Some(MailRefusal::Permanent));
    world.advance(minutes(1));
    world.deliver().await;
    let turns = [MailFate::Deferred, MailFate::Failed].map(|fate| Mail(MailKind::SignUp, fate));
    assert_eq!(world.recorded.take(), turns);
    world.mailer.refuse(None);
    world.pending("ann").await;
    world.deliver().await;
    assert_eq!(
        world.recorded.take(),
        [Mail(MailKind::SignUp, MailFate::Sent)]
    );
}
