//! Metric events: each is recorded once, where it happens.

use doorward_domain::Error;
use doorward_domain::limits::GUESS;
use doorward_domain::metric_event::MetricEvent::{
    Mail, SessionEnded, SessionIssued, SessionRenewed, SignIn, Throttled,
};
use doorward_domain::metric_event::{MailFate, SessionEnd, SignInOutcome};
use doorward_domain::model::MailKind;

use crate::test_node::*;

#[tokio::test]
async fn each_sign_in_is_recorded_once_with_its_outcome() {
    let node = TestNode::new().await;
    node.active("ben").await;
    node.pending("ann").await;
    node.recorded.take();
    node.sign_in("ben").await;
    let opened = [SessionIssued, SignIn(SignInOutcome::Success)];
    assert_eq!(node.recorded.take(), opened);
    for name in ["ben", "nobody"] {
        let refused = node.try_sign_in(name, OTHER_PASSWORD).await;
        assert_err!(refused, Error::InvalidCredentials);
        let wrong = [SignIn(SignInOutcome::InvalidCredentials)];
        assert_eq!(node.recorded.take(), wrong);
    }
    let refused = node.try_sign_in("ann@example.com", PASSWORD).await;
    assert_err!(refused, Error::EmailUnconfirmed);
    assert_eq!(
        node.recorded.take(),
        [SignIn(SignInOutcome::EmailUnconfirmed)]
    );
    for _ in 0..3 {
        let _ = node.try_sign_in("ben", OTHER_PASSWORD).await;
    }
    node.recorded.take();
    let refused = node.try_sign_in("ben", PASSWORD).await;
    assert_err!(refused, Error::TooManyAttempts { .. });
    let throttled = [Throttled(GUESS), SignIn(SignInOutcome::Throttled)];
    assert_eq!(node.recorded.take(), throttled);
}

#[tokio::test]
async fn the_end_of_a_session_is_recorded_with_its_reason() {
    let node = TestNode::with(|policy| policy.max_sessions = 2).await;
    node.list_at_once();
    node.active("ben").await;
    let first = node.sign_in("ben").await;
    node.advance(seconds(1));
    let second = node.sign_in("ben").await;
    node.advance(seconds(1));
    node.recorded.take();
    let third = node.sign_in("ben").await;
    assert!(node.check(&first).await.is_err());
    assert!(
        node.recorded
            .take()
            .contains(&SessionEnded(SessionEnd::SessionLimit))
    );

    let renewed = node.renew(&second).await.unwrap();
    node.advance(minutes(5));
    let renewed = node.renew(&renewed).await.unwrap();
    assert_eq!(node.recorded.take(), [SessionRenewed, SessionRenewed]);
    assert_err!(node.renew(&second).await, Error::InvalidToken);
    assert!(node.check(&renewed).await.is_err());
    assert_eq!(node.recorded.take(), [SessionEnded(SessionEnd::TokenReuse)]);

    let actor = node.of(&third);
    node.doorward
        .sessions
        .revoke_all(&actor, "me")
        .await
        .unwrap();
    assert_eq!(node.recorded.take(), [SessionEnded(SessionEnd::Revoked)]);
}

/// Here the sessions end one by one; a database deletes them with their user.
#[tokio::test]
async fn sessions_that_end_with_their_account_are_recorded_once() {
    let node = TestNode::with_separate_sessions().await;
    node.active("ben").await;
    node.sign_in("ben").await;
    let last = node.sign_in("ben").await;
    let actor = node.of(&last);
    node.recorded.take();
    let deleted = node.doorward.deletion.delete(&actor, "me", None).await;
    deleted.unwrap();
    let ended = SessionEnded(SessionEnd::AccountChanged);
    assert_eq!(node.recorded.take(), [ended, ended]);
}

/// Sessions that ended before the store failed are recorded.
#[tokio::test]
async fn ended_sessions_are_recorded_even_if_others_could_not_be_ended() {
    let node = TestNode::with_separate_sessions().await;
    node.active("ben").await;
    let mut last = node.sign_in("ben").await;
    for _ in 0..4 {
        last = node.sign_in("ben").await;
    }
    let actor = node.of(&last);
    node.recorded.take();
    node.spy.fail_after("delete_session", 2);
    node.doorward
        .sessions
        .revoke_all(&actor, "me")
        .await
        .unwrap();
    let ended: usize = node
        .recorded
        .take()
        .into_iter()
        .map(|one| match one {
            SessionEnded(SessionEnd::Revoked) => 1,
            other => panic!("{other:?}"),
        })
        .sum();
    assert_eq!(ended, 2);
}

#[tokio::test]
async fn every_delivery_attempt_is_recorded() {
    let node = TestNode::new().await;
    node.recorded.take();
    node.pending("ben").await;
    node.mailer.refuse(Some(MailRefusal::Temporary));
    node.deliver().await;
    node.mailer.refuse(Some(MailRefusal::Permanent));
    node.advance(minutes(1));
    node.deliver().await;
    let turns = [MailFate::Deferred, MailFate::Failed].map(|fate| Mail(MailKind::SignUp, fate));
    assert_eq!(node.recorded.take(), turns);
    node.mailer.refuse(None);
    node.pending("ann").await;
    node.deliver().await;
    assert_eq!(
        node.recorded.take(),
        [Mail(MailKind::SignUp, MailFate::Sent)]
    );
}
