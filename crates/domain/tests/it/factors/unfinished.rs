//! Enrolments that wait for their first code: how many there are, and when they go.

use doorward_domain::Error;
use doorward_domain::factors::{FactorName, MAX_FACTORS};

use futures_util::future::join_all;

use super::*;

/// Maximum number of enrolments of an account that wait for their first code.
const MAX_PENDING: usize = 5;

/// The limit is part of the write.
#[tokio::test]
async fn enrolments_begun_below_the_limit_do_not_exceed_it_together() {
    let (node, ben) = ben().await;
    let mut begun = Vec::new();
    let mut last = sign_in(&node, &ben).await.unwrap();
    for _ in 0..3 {
        begun.push(begin(&node, &last).await.unwrap());
        node.advance(STEP);
        last = sign_in(&node, &ben).await.unwrap();
    }
    for number in 2..MAX_FACTORS {
        add_app(&node, &node.of(&last), &number.to_string()).await;
    }
    finish(&node, &last, &begun[0]).await.unwrap();
    for begun in &begun[1..] {
        let refused = finish(&node, &last, begun).await;
        assert_err!(refused, Error::Invalid(_));
    }
    let listed = node.doorward.factors.list(&node.of(&last), "me").await;
    let listed = listed.unwrap().factors;
    assert_eq!(
        listed.iter().filter(|app| app.is_active).count(),
        MAX_FACTORS
    );
}

#[tokio::test]
async fn each_session_has_one_unfinished_enrolment_and_an_account_five() {
    let node = TestNode::new().await;
    node.list_at_once();
    node.active("ben").await;
    let mut sessions = Vec::new();
    for _ in 0..=MAX_PENDING {
        sessions.push(node.sign_in("ben").await);
    }
    let last = sessions.pop().unwrap();
    let own = begin(&node, &sessions[0]).await.unwrap();
    let mut replaced = Vec::new();
    for session in &sessions[1..] {
        replaced.push(begin(&node, session).await.unwrap());
        begin(&node, session).await.unwrap();
    }
    assert_eq!(stored_apps(&node), MAX_PENDING);
    assert_err!(begin(&node, &last).await, Error::Invalid(_));
    for begun in &replaced {
        assert_err!(finish(&node, &last, begun).await, Error::NotFound);
    }
    begin(&node, &sessions[1]).await.unwrap();
    finish(&node, &sessions[0], &own).await.unwrap();
}

/// Lists are late and the requests run in step: each session has one enrolment, and the user five.
#[tokio::test]
async fn parallel_requests_do_not_exceed_the_unfinished_enrolments() {
    for (count, expected) in [(1, 1), (3, 3), (8, MAX_PENDING)] {
        let node = TestNode::new().await;
        node.active("ben").await;
        let mut sessions = Vec::new();
        for _ in 0..count {
            sessions.push(node.sign_in("ben").await);
        }
        node.spy.yield_once();
        let requests = (0..24).map(|number| begin(&node, &sessions[number % count]));
        for outcome in join_all(requests).await {
            match outcome {
                Ok(_) => {}
                Err(error) => {
                    assert!(count > MAX_PENDING, "{error:?}");
                    assert_err!(Err::<(), _>(error), Error::Invalid(_));
                }
            }
        }
        assert_eq!(stored_apps(&node), expected);
    }
}

#[tokio::test]
async fn the_enrolment_of_another_session_stays_when_a_challenge_begins_one() {
    let node = TestNode::with(|policy| policy.factors_required = FactorsRequired::Everyone).await;
    node.list_at_once();
    node.active("ben").await;
    let mut actors = Vec::new();
    for _ in 0..2 {
        let (ctx, next) = (
            node.anonymous(),
            first_step(&node, &node.anonymous(), "ben").await,
        );
        let secret = Token::parse(next.unwrap().challenge.expose()).unwrap();
        let actor = node.doorward.second_step.enrolling(&ctx, &secret).await;
        actors.push(node.ctx(actor.unwrap()));
    }
    let (factor_enrolment, name) = (&node.doorward.factor_enrolment, FactorName::default());
    for ctx in [&actors[0], &actors[1], &actors[1]] {
        factor_enrolment.begin(ctx, "me", &name).await.unwrap();
    }
    assert_eq!(stored_apps(&node), 2);
}

#[tokio::test]
async fn an_expired_enrolment_is_exported_until_the_next_write_deletes_it() {
    let node = TestNode::new().await;
    node.list_at_once();
    node.active("ben").await;
    let (one, other) = (node.sign_in("ben").await, node.sign_in("ben").await);
    begin(&node, &one).await.unwrap();
    begin(&node, &other).await.unwrap();
    node.advance(hours(1) + MICROSECOND);
    let exported = node
        .doorward
        .personal_export
        .export(&node.of(&one), "me")
        .await;
    assert_eq!(exported.unwrap().factors.factors.len(), 2);
    let listed = node.doorward.factors.list(&node.of(&one), "me").await;
    assert_eq!(listed.unwrap().factors, []);
    let fresh = node.sign_in("ben").await;
    add_app(&node, &node.of(&fresh), "Phone").await;
    assert_eq!(stored_apps(&node), 1);
}
