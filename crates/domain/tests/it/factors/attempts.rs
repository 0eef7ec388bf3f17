//! How codes are counted: which stay counted, which are released, and under which keys.

use doorward_domain::Error;
use doorward_domain::access::Action;
use doorward_domain::policy::FactorsRequired;

use super::*;

/// a correct code that the server could not use up is not a wrong one, and clears nothing.
#[tokio::test]
async fn an_outage_neither_counts_nor_clears_codes() {
    for fails in ["write sessions", "write audit_events", "write credentials"] {
        let (node, ben) = ben().await;
        for _ in 0..2 {
            let token = challenge(&node, "ben").await;
            let wrong = answer(&node, &token, &ben.app.wrong(&node)).await;
            assert_err!(wrong, Error::InvalidCode);
        }
        for _ in 0..4 {
            let token = challenge(&node, "ben").await;
            node.spy.fail(fails);
            let correct = answer(&node, &token, &ben.app.code_at(node.now())).await;
            assert_err!(correct, Error::Store(_));
            node.spy.clear_failures();
        }
        // The third wrong code: two were counted before.
        let token = challenge(&node, "ben").await;
        let wrong = answer(&node, &token, &ben.app.wrong(&node)).await;
        assert_err!(wrong, Error::InvalidCode);
        let delayed = answer(&node, &token, &ben.app.code_at(node.now())).await;
        assert_err!(delayed, Error::TooManyAttempts { .. });
        node.advance(minutes(1));
        sign_in(&node, &ben).await.unwrap();
    }
}

/// a code that was not compared is not counted.
#[tokio::test]
async fn a_code_that_was_not_compared_is_not_counted() {
    let (node, ben) = ben().await;
    for _ in 0..5 {
        let token = challenge(&node, "ben").await;
        // The set of factors can be read, the authenticators cannot.
        node.spy.fail_after("credentials", 1);
        let wrong = answer(&node, &token, &ben.app.wrong(&node)).await;
        assert_err!(wrong, Error::Store(_));
        node.spy.fail_after("credentials", usize::MAX);
    }
    sign_in(&node, &ben).await.unwrap();
}

/// a wrong code stays counted if its audit event cannot be written.
#[tokio::test]
async fn a_wrong_code_stays_counted_in_an_outage() {
    let (node, ben) = ben().await;
    let token = challenge(&node, "ben").await;
    node.spy.fail("write audit_events");
    for _ in 0..3 {
        let wrong = answer(&node, &token, &ben.app.wrong(&node)).await;
        assert_err!(wrong, Error::Store(_));
    }
    let delayed = answer(&node, &token, &ben.app.wrong(&node)).await;
    assert_err!(delayed, Error::TooManyAttempts { .. });
}

/// A challenge in which the user adds a factor takes no code at this route: it is neither compared nor counted.
#[tokio::test]
async fn a_code_for_the_challenge_of_an_enrolment_is_not_counted() {
    let node = TestNode::with(|policy| policy.factors_required = FactorsRequired::Everyone).await;
    node.active("ben").await;
    let token = challenge(&node, "ben").await;
    node.clear_cache();
    for _ in 0..5 {
        let refused = answer(&node, &token, &code("123456")).await;
        assert_err!(refused, Error::ChallengeExpired);
    }
    assert_eq!(node.throttle.take_asked(), []);
}

/// The same for a code of a step-up.
#[tokio::test]
async fn an_outage_does_not_count_the_code_of_a_step_up() {
    let (node, ben) = ben().await;
    let renew = async || {
        let ctx = node.of(&ben.session);
        let (action, shown) = (Action::RenewRecoveryCodes, ben.proof(&node));
        let sign_in = &node.doorward.sign_in;
        let proved = sign_in.reauthenticate(&ctx, action, "me", Some(&shown));
        proved.await.map(drop)
    };
    node.spy.fail("write credentials");
    for _ in 0..5 {
        assert_err!(renew().await, Error::Store(_));
    }
    node.spy.clear_failures();
    renew().await.unwrap();
}
