//! Sign-in in two steps.

use doorward_domain::Error;
use doorward_domain::factors::FactorKind;
use doorward_domain::metric_event::{MetricEvent, SignInOutcome};
use doorward_domain::model::{AuthMethod, MailKind};
use doorward_domain::policy::FactorsRequired;
use doorward_domain::sign_in::NextStep;
use doorward_domain::values::Token;

use super::*;

#[tokio::test]
async fn the_password_gives_a_challenge_and_the_code_a_session() {
    let (node, ben) = ben().await;
    node.recorded.take();
    let next = first_step(&node, &node.anonymous(), "ben").await.unwrap();
    let kinds = vec![FactorKind::Totp, FactorKind::RecoveryCode];
    assert_eq!(next.step, NextStep::Factor(kinds));
    assert_eq!(next.expires_in, minutes(5));
    let token = Token::parse(next.challenge.expose()).unwrap();
    let session = answer(&node, &token, &ben.app.code_at(node.now())).await;
    let session = session.unwrap();
    assert_eq!(
        session.session.amr,
        [
            AuthMethod::Password,
            AuthMethod::OneTimeCode,
            AuthMethod::MultiFactor
        ]
    );
    assert_eq!(node.check(&session).await.unwrap().id, session.user.id);
    assert_eq!(
        node.recorded.take(),
        [
            MetricEvent::SignIn(SignInOutcome::FactorRequired),
            MetricEvent::SessionIssued,
            MetricEvent::SignIn(SignInOutcome::Success),
        ]
    );
}

/// before the code, nothing is cleared, no one is notified, and no session exists. The audit log has it.
#[tokio::test]
async fn the_first_step_notifies_no_one_and_opens_nothing() {
    let (node, _) = ben().await;
    let mut ctx = node.anonymous();
    ctx.client.user_agent = Some("evil/1".to_owned());
    first_step(&node, &ctx, "ben").await.unwrap();
    assert_eq!(node.audited(), ["second-factor-requested"]);
    assert_eq!(summary(&node.mails().await), []);
    let listed = node.doorward.sessions.list(&node.operator(), "ben").await;
    assert_eq!(
        listed.unwrap().len(),
        1,
        "the one in which the app was added"
    );
}

/// M-01: a code and those before it never work again, one step of drift does.
/// The correct password then counts as a wrong one.
#[tokio::test]
async fn a_rate_limit_that_cannot_be_released_stops_no_sign_in() {
    let (node, _) = ben().await;
    node.throttle.fail_releases();
    node.throttle.take_asked();
    let next = first_step(&node, &node.anonymous(), "ben").await;
    assert!(matches!(next.unwrap().step, NextStep::Factor(_)));
    let asked = node.throttle.take_asked();
    assert!(asked.iter().any(|(operation, _)| *operation == "release"));
}

#[tokio::test]
async fn a_code_works_once_and_within_one_step() {
    for (drift, is_valid) in [
        (-60, false),
        (-30, true),
        (0, true),
        (30, true),
        (60, false),
    ] {
        let (node, ben) = ben().await;
        let code = ben.app.code_at(node.now() + seconds(drift));
        let token = challenge(&node, "ben").await;
        match answer(&node, &token, &code).await {
            Ok(_) => assert!(is_valid, "{drift}"),
            Err(error) => assert!(!is_valid && matches!(error, Error::InvalidCode), "{drift}"),
        }
        let older = ben.app.code_at(node.now() + seconds(drift - 30));
        for used in [code, older].into_iter().filter(|_| is_valid) {
            let token = challenge(&node, "ben").await;
            assert_err!(answer(&node, &token, &used).await, Error::InvalidCode);
        }
        node.advance(minutes(2));
        sign_in(&node, &ben).await.unwrap();
    }
}

/// M-01: the same code at the same time on two nodes.
#[tokio::test]
async fn of_two_requests_with_one_code_one_succeeds() {
    let (node, ben) = ben().await;
    let other = node.second_node(2).await;
    let code = ben.app.code_at(node.now());
    let (one, two) = (challenge(&node, "ben").await, challenge(&node, "ben").await);
    let results = tokio::join!(answer(&node, &one, &code), answer(&other, &two, &code));
    let successes = [results.0.is_ok(), results.1.is_ok()];
    assert!(successes[0] ^ successes[1], "{successes:?}");
    let refused = [results.0, results.1].into_iter().find_map(Result::err);
    assert!(matches!(refused, Some(Error::InvalidCode)), "{refused:?}");
}

/// M-02.
#[tokio::test]
async fn a_recovery_code_works_once_and_is_reported() {
    let (node, ben) = ben().await;
    let code = &ben.recovery_codes[3];
    let session = answer(&node, &challenge(&node, "ben").await, code)
        .await
        .unwrap();
    assert_eq!(
        session.session.amr,
        [AuthMethod::Password, AuthMethod::MultiFactor]
    );
    assert_eq!(
        node.audited(),
        ["second-factor-requested", "recovery-code-used", "sign-in"]
    );
    assert_eq!(node.one_mail().await.kind, MailKind::RecoveryCodeUsed);
    let again = answer(&node, &challenge(&node, "ben").await, code).await;
    assert_err!(again, Error::InvalidCode);
    assert_eq!(
        node.audited(),
        ["second-factor-requested", "sign-in!wrong code"]
    );
}

#[tokio::test]
async fn the_mail_about_the_eighth_recovery_code_asks_for_new_ones() {
    let (node, ben) = ben_with(|policy| policy.throttle = false).await;
    let mut kinds = Vec::new();
    for code in &ben.recovery_codes {
        answer(&node, &challenge(&node, "ben").await, code)
            .await
            .unwrap();
        kinds.push(node.one_mail().await.kind);
    }
    let few = kinds.split_off(7);
    assert_eq!(kinds, [MailKind::RecoveryCodeUsed; 7]);
    assert_eq!(few, [MailKind::RecoveryCodesLow; 3]);
    let next = first_step(&node, &node.anonymous(), "ben").await.unwrap();
    assert_eq!(next.step, NextStep::Factor(vec![FactorKind::Totp]));
}

/// A challenge accepts five codes, also if they come at the same time; then a correct one is too late.
#[tokio::test]
async fn five_wrong_codes_end_a_challenge() {
    let (node, ben) = ben_with(|policy| policy.throttle = false).await;
    let token = challenge(&node, "ben").await;
    let wrong = ben.app.wrong(&node);
    let eight = (0..8).map(|_| answer(&node, &token, &wrong));
    let results = futures_util::future::join_all(eight).await;
    let wrong = |result: &&Result<_, Error>| matches!(result, Err(Error::InvalidCode));
    assert_eq!(results.iter().filter(wrong).count(), 5);
    let late = answer(&node, &token, &ben.app.code_at(node.now())).await;
    assert_err!(late, Error::ChallengeExpired);
    sign_in(&node, &ben).await.unwrap();
}

/// A throttled code does not use up the challenge.
#[tokio::test]
async fn throttled_codes_do_not_end_a_challenge() {
    let (node, ben) = ben().await;
    let token = challenge(&node, "ben").await;
    for _ in 0..3 {
        let wrong = answer(&node, &token, &ben.app.wrong(&node)).await;
        assert_err!(wrong, Error::InvalidCode);
    }
    for _ in 0..5 {
        let throttled = answer(&node, &token, &ben.app.wrong(&node)).await;
        assert_err!(throttled, Error::TooManyAttempts { .. });
    }
    node.advance(minutes(1));
    let code = ben.app.code_at(node.now());
    answer(&node, &token, &code).await.unwrap();
}

#[tokio::test]
async fn a_challenge_is_valid_for_five_minutes_and_one_sign_in() {
    // The first has not expired when it is used again.
    for (age, is_valid) in [
        (minutes(1), true),
        (minutes(5) - MICROSECOND, true),
        (minutes(5), false),
    ] {
        let (node, ben) = ben().await;
        let token = challenge(&node, "ben").await;
        node.advance(age);
        let answered = answer(&node, &token, &ben.app.code_at(node.now())).await;
        match is_valid {
            true => drop(answered.unwrap()),
            false => assert_err!(answered, Error::ChallengeExpired),
        }
        node.advance(STEP);
        let again = answer(&node, &token, &ben.app.code_at(node.now())).await;
        assert_err!(again, Error::ChallengeExpired);
    }
    let (node, ben) = ben().await;
    let unknown = Token::parse(&"A".repeat(43)).unwrap();
    let answered = answer(&node, &unknown, &ben.app.code_at(node.now())).await;
    assert_err!(answered, Error::ChallengeExpired);
}

/// every security event voids a challenge.
#[tokio::test]
async fn a_security_event_ends_a_challenge() {
    for event in ["password", "sessions", "factor", "disabled", "deleted"] {
        let (node, ben) = ben().await;
        let token = challenge(&node, "ben").await;
        let (operator, doorward) = (node.operator(), &node.doorward);
        match event {
            "password" => {
                let new = secret(OTHER_PASSWORD);
                doorward
                    .passwords
                    .set(&operator, "ben", &new)
                    .await
                    .unwrap();
            }
            "sessions" => doorward
                .sessions
                .revoke_all(&operator, "ben")
                .await
                .unwrap(),
            "factor" => {
                let removed = doorward
                    .factor_removal
                    .remove_by_name(&operator, "ben", None);
                assert_eq!(removed.await.unwrap(), 1);
            }
            "disabled" => drop(
                doorward
                    .admin
                    .disable(&operator, "ben", None)
                    .await
                    .unwrap(),
            ),
            _ => drop(
                doorward
                    .deletion
                    .delete(&operator, "ben", None)
                    .await
                    .unwrap(),
            ),
        }
        let late = answer(&node, &token, &ben.app.code_at(node.now())).await;
        assert_err!(late, Error::ChallengeExpired);
    }
}

/// A challenge belongs to the account and the program that entered the password.
#[tokio::test]
async fn a_challenge_works_for_its_account_and_its_program_only() {
    let (node, ben) = ben().await;
    let ada = two_factor_user(&node, "ada").await;
    let token = challenge(&node, "ada").await;
    let other = answer(&node, &token, &ben.app.code_at(node.now())).await;
    assert_err!(other, Error::InvalidCode);
    let mut ctx = node.anonymous();
    ctx.client.user_agent = Some("evil/1".to_owned());
    let code = ada.app.code_at(node.now());
    let elsewhere = node
        .doorward
        .second_step
        .answer(&ctx, &token, TOTP, &code)
        .await;
    assert_err!(elsewhere, Error::ChallengeExpired);
    answer(&node, &token, &code).await.unwrap();
}

/// wrong codes are counted for the user, over all challenges; correct passwords do not clear them.
#[tokio::test]
async fn guessing_with_the_password_is_slowed_down_and_locked_out() {
    let (node, ben) = ben_with(|policy| policy.limits.lockout_after = 6).await;
    let guess = async |token: &Token| answer(&node, token, &ben.app.wrong(&node)).await;
    let first = challenge(&node, "ben").await;
    for _ in 0..3 {
        assert_err!(guess(&first).await, Error::InvalidCode);
    }
    assert_err!(guess(&first).await, Error::TooManyAttempts { .. });
    let second = challenge(&node, "ben").await;
    assert_err!(guess(&second).await, Error::TooManyAttempts { .. });
    for _ in 0..3 {
        node.advance(minutes(1));
        assert_err!(guess(&second).await, Error::InvalidCode);
    }
    node.advance(minutes(10));
    assert_err!(sign_in(&node, &ben).await, Error::CodesLockedOut);
    // A recovery code cannot be guessed: it ends the lockout.
    node.advance(minutes(1));
    let token = challenge(&node, "ben").await;
    answer(&node, &token, &ben.recovery_codes[0]).await.unwrap();
    sign_in(&node, &ben).await.unwrap();
}

/// a correct password without the code leaves the wrong ones counted; the complete sign-in clears them.
#[tokio::test]
async fn only_a_complete_sign_in_clears_wrong_passwords() {
    let (node, ben) = ben().await;
    for _ in 0..2 {
        let refused = node.try_sign_in("ben", OTHER_PASSWORD).await;
        assert_err!(refused, Error::InvalidCredentials);
    }
    for _ in 0..5 {
        // A correct password is not counted as a wrong one.
        challenge(&node, "ben").await;
    }
    let refused = node.try_sign_in("ben", OTHER_PASSWORD).await;
    assert_err!(refused, Error::InvalidCredentials);
    let delayed = first_step(&node, &node.anonymous(), "ben").await;
    assert_err!(delayed, Error::TooManyAttempts { .. });
    node.advance(minutes(1));
    sign_in(&node, &ben).await.unwrap();
    for _ in 0..3 {
        let refused = node.try_sign_in("ben", OTHER_PASSWORD).await;
        assert_err!(refused, Error::InvalidCredentials);
    }
}

/// the notice of an unusual sign-in goes out when it is complete.
#[tokio::test]
async fn a_complete_sign_in_from_a_new_place_notifies_the_owner() {
    let (node, ben) = ben().await;
    let mut ctx = node.anonymous();
    ctx.client.user_agent = Some("evil/1".to_owned());
    let next = first_step(&node, &ctx, "ben").await.unwrap();
    let token = Token::parse(next.challenge.expose()).unwrap();
    let code = ben.app.code_at(node.now());
    node.doorward
        .second_step
        .answer(&ctx, &token, TOTP, &code)
        .await
        .unwrap();
    assert_eq!(node.one_mail().await.kind, MailKind::NewSignIn);
}

/// R-08, M-02: a recovery sets a password, and the sign-in still needs the code.
#[tokio::test]
async fn a_recovery_leaves_the_factor_on() {
    let (node, ben) = ben().await;
    node.ask_recovery("ben@example.com").await;
    let token = token_in(&node.one_mail().await);
    let new = secret(PASSWORD);
    node.doorward
        .recovery
        .finish(&node.anonymous(), &token, &new)
        .await
        .unwrap();
    let again = sign_in(&node, &ben).await.unwrap();
    assert!(again.session.amr.contains(&AuthMethod::MultiFactor));
}

/// A policy that requires a factor leads a user without one through the enrolment, which ends signed in.
#[tokio::test]
async fn a_required_factor_is_added_before_the_first_session() {
    for required in FactorsRequired::ALL.iter().copied() {
        let node = TestNode::with(|policy| policy.factors_required = required).await;
        node.admin("ada").await;
        node.active("ben").await;
        for (name, must) in [
            ("ada", required != FactorsRequired::None),
            ("ben", required == FactorsRequired::Everyone),
        ] {
            if !must {
                node.sign_in(name).await;
                continue;
            }
            let next = first_step(&node, &node.anonymous(), name).await.unwrap();
            assert_eq!(next.step, NextStep::Enrol, "{name}");
            let token = Token::parse(next.challenge.expose()).unwrap();
            let second_step = &node.doorward.second_step;
            let actor = second_step
                .enrolling(&node.anonymous(), &token)
                .await
                .unwrap();
            let ctx = node.ctx(actor);
            assert_err!(
                second_step.finish_enrolling(&ctx, FactorKind::Totp).await,
                Error::ChallengeExpired
            );
            // A path may name the user, too.
            node.doorward.factors.list(&ctx, name).await.unwrap();
            let (app, _, codes) = add_app(&node, &ctx, "Phone").await;
            assert_eq!(codes.unwrap().len(), 10);
            let session = second_step
                .finish_enrolling(&ctx, FactorKind::Totp)
                .await
                .unwrap();
            assert!(session.session.amr.contains(&AuthMethod::MultiFactor));
            assert_err!(
                second_step.finish_enrolling(&ctx, FactorKind::Totp).await,
                Error::ChallengeExpired
            );
            // Nor does the challenge replace a code.
            let late = answer(&node, &token, &app.code_at(node.now() + STEP)).await;
            assert_err!(late, Error::ChallengeExpired);
        }
    }
}

/// The challenge of a user with a factor opens no enrolment: that would replace the code.
#[tokio::test]
async fn a_challenge_for_a_code_does_not_allow_an_enrolment() {
    let (node, _) = ben().await;
    let token = challenge(&node, "ben").await;
    let refused = node
        .doorward
        .second_step
        .enrolling(&node.anonymous(), &token)
        .await;
    assert_err!(refused, Error::InvalidToken);
}

/// a challenge and a mailed link are in one table, and neither replaces the other.
#[tokio::test]
async fn a_challenge_is_no_link_and_a_link_no_challenge() {
    let (node, ben) = ben().await;
    let token = challenge(&node, "ben").await;
    node.ask_recovery("ben@example.com").await;
    let link = token_in(&node.one_mail().await);
    let recovery = &node.doorward.recovery;
    let refused = recovery.view(&node.anonymous(), &token).await;
    assert_err!(refused, Error::LinkExpired);
    let code = ben.app.code_at(node.now());
    assert_err!(answer(&node, &link, &code).await, Error::ChallengeExpired);
    recovery.view(&node.anonymous(), &link).await.unwrap();
    answer(&node, &token, &code).await.unwrap();
}

/// The challenge of an enrolment is void once there is a factor: a sign-in then has to prove it.
#[tokio::test]
async fn a_challenge_of_an_enrolment_ends_when_a_factor_is_added() {
    let required = FactorsRequired::Everyone;
    let node = TestNode::with(|policy| policy.factors_required = required).await;
    node.active("ben").await;
    let tokens = [challenge(&node, "ben").await, challenge(&node, "ben").await];
    let second_step = &node.doorward.second_step;
    let mut ctxs = Vec::new();
    for token in &tokens {
        let actor = second_step
            .enrolling(&node.anonymous(), token)
            .await
            .unwrap();
        ctxs.push(node.ctx(actor));
    }
    let factor_enrolment = &node.doorward.factor_enrolment;
    let name = FactorName::default();
    let begun = factor_enrolment.begin(&ctxs[0], "me", &name).await.unwrap();
    add_app(&node, &ctxs[1], "Phone").await;
    let code = App::new(&begun.secret).code_at(node.now());
    let id = begun.factor.id.to_string();
    let late = factor_enrolment.finish(&ctxs[0], "me", &id, &code).await;
    assert_err!(late, Error::ChallengeExpired);
    let late = factor_enrolment.begin(&ctxs[0], "me", &name).await;
    assert_err!(late, Error::ChallengeExpired);
    let late = second_step.enrolling(&node.anonymous(), &tokens[0]).await;
    assert_err!(late, Error::InvalidToken);
    second_step
        .finish_enrolling(&ctxs[1], FactorKind::Totp)
        .await
        .unwrap();
}

/// Two recovery codes at the same time both sign in.
#[tokio::test]
async fn two_different_codes_at_once_both_sign_in() {
    let (node, ben) = ben().await;
    let other = node.second_node(2).await;
    let (one, two) = (challenge(&node, "ben").await, challenge(&node, "ben").await);
    let (first, second) = tokio::join!(
        answer(&node, &one, &ben.recovery_codes[0]),
        answer(&other, &two, &ben.recovery_codes[1]),
    );
    first.unwrap();
    second.unwrap();
}
