//! Reauthentication of a user with a second factor.

use crate::test_node::change_email;
use doorward_domain::access::Action;
use doorward_domain::model::{AuthMethod, Version};
use doorward_domain::sign_in::Proof;
use doorward_domain::values::{Digest, FactorKind};
use doorward_domain::{Actor, Ctx, Error};

use super::*;

const ACTS: [&str; 6] = ["email", "password", "delete", "add", "remove", "codes"];

/// Does something sensitive to the actor's own account, with a proof in the request.
async fn act(
    node: &TestNode,
    user: &TwoFactorUser,
    ctx: &Ctx,
    act: &str,
    proof: &Proof,
) -> Result<(), Error> {
    let (doorward, new) = (&node.doorward, email("new@example.org"));
    let reauthenticated = async |action| {
        let reauthentication = &doorward.reauthentication;
        let proved = reauthentication.reauthenticate(ctx, action, "me", Some(proof));
        proved.await.map(|proved| proved.ctx)
    };
    match act {
        "email" => change_email(doorward, ctx, "me", &new, Some(proof), None).await,
        "password" => {
            let new = secret(OTHER_PASSWORD);
            doorward
                .passwords
                .change(ctx, None, proof, &new, None)
                .await
        }
        "delete" => {
            let ctx = reauthenticated(Action::DeleteUser).await?;
            doorward.deletion.delete(&ctx, "me", None).await.map(drop)
        }
        "add" => {
            let ctx = reauthenticated(Action::AddFactor).await?;
            let name = FactorName::default();
            doorward
                .factor_enrolment
                .begin(&ctx, "me", &name)
                .await
                .map(drop)
        }
        "remove" => {
            let ctx = reauthenticated(Action::RemoveFactor).await?;
            doorward.factor_removal.remove(&ctx, "me", &user.id).await
        }
        _ => {
            let ctx = reauthenticated(Action::RenewRecoveryCodes).await?;
            let renewed = doorward
                .factor_enrolment
                .renew_recovery_codes(&ctx, "me")
                .await;
            renewed.map(drop)
        }
    }
}

/// A thief with a session and the password is stopped: the code is needed, and a wrong one does not do.
#[tokio::test]
async fn the_password_alone_does_not_strengthen_a_session() {
    for one in ACTS {
        let (node, ben) = ben().await;
        let session = sign_in(&node, &ben).await.unwrap();
        node.advance(minutes(6));
        let ctx = node.of(&session);
        let alone = proof(PASSWORD);
        let wrong = Proof {
            code: Some(ben.app.wrong(&node)),
            ..alone.clone()
        };
        let refused = act(&node, &ben, &ctx, one, &alone).await;
        assert_err!(refused, Error::ReauthenticationRequired);
        assert_err!(
            act(&node, &ben, &ctx, one, &wrong).await,
            Error::InvalidCode
        );
        act(&node, &ben, &ctx, one, &ben.proof(&node))
            .await
            .unwrap();
    }
}

/// a proof with a code makes the session one with a second factor, for five minutes.
#[tokio::test]
async fn a_recorded_proof_with_a_code_counts_for_the_session() {
    let (node, ben) = ben().await;
    // From before the factor was added.
    let session = &ben.session;
    let proved = node.record_proof(session, &ben.proof(&node)).await.unwrap();
    let expected = AuthMethod::with_factor(FactorKind::Totp);
    assert_eq!(proved.session.amr, expected);
    let renew = async || {
        let ctx = node.of(&proved);
        let enrolment = &node.doorward.factor_enrolment;
        enrolment.renew_recovery_codes(&ctx, "me").await
    };
    node.advance(minutes(5));
    renew().await.unwrap();
    node.advance(MICROSECOND);
    assert_err!(renew().await, Error::ReauthenticationRequired);
}

/// after a proof with a code, the password alone does not make the session recent for longer.
#[tokio::test]
async fn the_password_alone_does_not_extend_a_proof_with_a_code() {
    let (node, ben) = ben().await;
    let session = sign_in(&node, &ben).await.unwrap();
    node.advance(minutes(4));
    let (ctx, alone) = (node.of(&session), proof(PASSWORD));
    let reauthentication = &node.doorward.reauthentication;
    let proved = reauthentication
        .reauthenticate(&ctx, Action::DeleteUser, "me", Some(&alone))
        .await
        .unwrap();
    assert_eq!(proved.recordable, None);
}

/// A session from before the factor was added proves the password only, however recent it is.
#[tokio::test]
async fn a_session_without_the_factor_is_not_recent() {
    for one in ACTS {
        let (node, ben) = ben().await;
        let ctx = node.of(&ben.session);
        let refused = act(&node, &ben, &ctx, one, &proof(PASSWORD)).await;
        assert_err!(refused, Error::ReauthenticationRequired);
        act(&node, &ben, &ctx, one, &ben.proof(&node))
            .await
            .unwrap();
    }
}

/// Five minutes after a sign-in with both factors, the password in the request is enough, or nothing.
#[tokio::test]
async fn a_recent_sign_in_with_both_factors_is_enough() {
    for one in ACTS {
        let (node, ben) = ben().await;
        let session = sign_in(&node, &ben).await.unwrap();
        node.advance(minutes(5));
        let ctx = node.of(&session);
        act(&node, &ben, &ctx, one, &proof(PASSWORD)).await.unwrap();
    }
    let (node, ben) = ben().await;
    let session = sign_in(&node, &ben).await.unwrap();
    let ctx = node.of(&session);
    node.doorward
        .factor_removal
        .remove(&ctx, "me", &ben.id)
        .await
        .unwrap();
}

/// M-01: a code of a step-up does not work again, there or at sign-in.
#[tokio::test]
async fn a_code_of_a_step_up_works_once() {
    let (node, ben) = ben().await;
    let ctx = node.of(&ben.session);
    let shown = ben.proof(&node);
    act(&node, &ben, &ctx, "codes", &shown).await.unwrap();
    assert_err!(
        act(&node, &ben, &ctx, "codes", &shown).await,
        Error::InvalidCode
    );
    assert_err!(sign_in(&node, &ben).await, Error::InvalidCode);
}

/// A step-up has the delays of the second step. The session has passed the factor, so its wrong codes delay no one else.
#[tokio::test]
async fn a_step_up_has_the_limits_of_the_second_step() {
    let (node, ben) = ben().await;
    let ctx = node.of(&ben.session);
    for _ in 0..3 {
        let wrong = Proof {
            code: Some(ben.app.wrong(&node)),
            ..proof(PASSWORD)
        };
        assert_err!(
            act(&node, &ben, &ctx, "codes", &wrong).await,
            Error::InvalidCode
        );
    }
    let delayed = act(&node, &ben, &ctx, "codes", &ben.proof(&node)).await;
    assert_err!(delayed, Error::TooManyAttempts { .. });
    sign_in(&node, &ben).await.unwrap();
}

/// Without a session, the password of an account with a factor cannot be changed: sign in first. A wrong password is
/// refused as for any account.
#[tokio::test]
async fn a_password_is_not_changed_without_a_session() {
    let (node, ben) = ben().await;
    let (named, new) = (identifier("ben"), secret(OTHER_PASSWORD));
    let change = async |shown: &Proof| {
        let passwords = &node.doorward.passwords;
        passwords
            .change(&node.anonymous(), Some(&named), shown, &new, None)
            .await
    };
    for shown in [proof(PASSWORD), ben.proof(&node)] {
        assert_err!(change(&shown).await, Error::ReauthenticationRequired);
    }
    assert_eq!(
        node.audited(),
        [
            "password-changed!second factor required",
            "password-changed!second factor required"
        ]
    );
    assert_err!(
        change(&proof(OTHER_PASSWORD)).await,
        Error::InvalidCredentials
    );
    sign_in(&node, &ben).await.unwrap();
}

/// Correct codes are not counted as wrong ones, however many there are.
#[tokio::test]
async fn correct_codes_of_step_ups_lock_no_one_out() {
    let (node, ben) = ben_with(|policy| policy.limits.lockout_after = 3).await;
    for _ in 0..5 {
        let ctx = node.of(&ben.session);
        act(&node, &ben, &ctx, "codes", &ben.proof(&node))
            .await
            .unwrap();
        node.advance(minutes(1));
    }
    sign_in(&node, &ben).await.unwrap();
}

/// A new password that the rules reject does not use up the code, and neither does an outdated version (H-07).
#[tokio::test]
async fn a_rejected_password_does_not_use_up_the_code() {
    let (node, ben) = ben().await;
    let (ctx, passwords) = (node.of(&ben.session), &node.doorward.passwords);
    let shown = ben.proof(&node);
    let (short, new) = (secret("short"), secret(OTHER_PASSWORD));
    let rejected = passwords.change(&ctx, None, &shown, &short, None).await;
    assert_err!(rejected, Error::Invalid(_));
    let read = node.stored_user(&ben.session.user).await.version;
    let outdated = Some(Version(read.0 - 1));
    let rejected = passwords.change(&ctx, None, &shown, &new, outdated).await;
    assert_err!(rejected, Error::PreconditionFailed);
    let changed = passwords.change(&ctx, None, &shown, &new, Some(read)).await;
    changed.unwrap();
}

/// The recovery codes are renewed by their user only, in a session.
#[tokio::test]
async fn a_challenge_renews_no_recovery_codes() {
    let (node, ben) = ben().await;
    let ctx = node.ctx(Actor::Enrolling {
        id: ben.session.user.id,
        username_key: None,
        challenge: Digest::of(b"unknown"),
    });
    let factor_enrolment = &node.doorward.factor_enrolment;
    let refused = factor_enrolment.renew_recovery_codes(&ctx, "me").await;
    assert_err!(refused, Error::Forbidden);
    let refused = factor_enrolment
        .begin(&ctx, "me", &FactorName::default())
        .await;
    assert_err!(refused, Error::ChallengeExpired);
    node.admin("ada").await;
    let ada = node.of(&node.sign_in("ada").await);
    let refused = factor_enrolment.renew_recovery_codes(&ada, "ben").await;
    assert_err!(refused, Error::Forbidden);
}

/// L-01: a client that repeats refused actions writes sixty audit events an hour for its user, for all actions together.
#[tokio::test]
async fn refused_actions_do_not_flood_the_audit_log() {
    let (node, ben) = ben().await;
    let (ctx, doorward) = (node.of(&ben.session), &node.doorward);
    for _ in 0..70 {
        let refused = doorward.deletion.delete(&ctx, "me", None).await;
        assert_err!(refused, Error::ReauthenticationRequired);
        let refused = doorward.factor_removal.remove(&ctx, "me", &ben.id).await;
        assert_err!(refused, Error::ReauthenticationRequired);
    }
    let audited = node.audited();
    let deleted = "user-deleted!reauthentication required";
    let removed = "factor-removed!reauthentication required";
    assert_eq!(audited, [deleted, removed].repeat(30));
    let housekeeping = &doorward.housekeeping;
    housekeeping.write_suppressed(&node.worker()).await.unwrap();
    let mut audited = node.audited();
    audited.sort();
    let removed = "events-suppressed!factor-removed 40";
    assert_eq!(audited, [removed, "events-suppressed!user-deleted 40"]);
    node.advance(hours(1));
    let ctx = node.of(&ben.session);
    let refused = doorward.deletion.delete(&ctx, "me", None).await;
    assert_err!(refused, Error::ReauthenticationRequired);
    assert_eq!(node.audited(), [deleted]);
}
