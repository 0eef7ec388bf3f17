//! Reauthentication for the actions that would help a thief most.

use doorward_domain::access::{Action, NO_USER};
use doorward_domain::model::{AuthMethod, Status};
use doorward_domain::values::Role;
use doorward_domain::{Ctx, Error};
use jiff::SignedDuration;

use crate::test_node::*;

const ACTS: [&str; 7] = [
    "role",
    "disable",
    "enable",
    "delete",
    "delete-own",
    "email",
    "invite-admin",
];

fn action(act: &str) -> Action {
    match act {
        "role" => Action::ChangeRole,
        "disable" | "enable" => Action::ChangeStatus,
        "email" => Action::ChangeEmail,
        "invite-admin" => Action::Invite,
        _ => Action::DeleteUser,
    }
}

fn named(act: &str) -> &'static str {
    match act {
        "delete-own" => "me",
        "invite-admin" => NO_USER,
        _ => "ben",
    }
}

async fn act(node: &TestNode, ctx: &Ctx, act: &str) -> Result<(), Error> {
    let (doorward, named) = (&node.doorward, named(act));
    match act {
        "role" => doorward
            .admin
            .change_role(ctx, named, Role::Admin, None)
            .await
            .map(drop),
        "disable" => doorward.admin.disable(ctx, named, None).await.map(drop),
        "enable" => doorward.admin.enable(ctx, named, None).await.map(drop),
        "email" => {
            let new = email("new@example.org");
            change_email(doorward, ctx, named, &new, None, None).await
        }
        "invite-admin" => {
            let wanted = invited(None, Some("new@example.org"), Role::Admin);
            doorward.invitations.invite(ctx, wanted).await.map(drop)
        }
        _ => doorward.deletion.delete(ctx, named, None).await.map(drop),
    }
}

/// Two admins and Ben, in the same state before each act.
async fn admins() -> TestNode {
    let node = TestNode::new().await;
    node.admin("zoe").await;
    node.admin("ada").await;
    node.active("ben").await;
    node
}

/// A-13, Z-05: five minutes after sign-in, to the microsecond. Each refusal has an audit event and changes
/// nothing.
#[tokio::test]
async fn the_password_must_have_been_entered_recently() {
    for one in ACTS {
        let node = admins().await;
        let session = node.sign_in("ada").await;
        let ben = node.doorward.operator.find_by_name("ben").await.unwrap();
        node.advance(minutes(5) + MICROSECOND);
        node.audited();
        let refused = act(&node, &node.of(&session), one).await;
        assert_err!(refused, Error::ReauthenticationRequired);
        assert_eq!(node.audited().len(), 1, "{one}");
        assert_eq!(node.stored_user(&ben).await, ben, "{one}");
        node.advance(SignedDuration::ZERO - MICROSECOND);
        act(&node, &node.of(&session), one).await.unwrap();
    }
}

/// the password can be in the request itself. A wrong one is a failed sign-in, and changes nothing.
#[tokio::test]
async fn the_password_can_come_with_the_request() {
    for one in ACTS {
        let node = admins().await;
        let session = node.sign_in("ada").await;
        node.advance(hours(1));
        let ctx = node.of(&session);
        let (right, wrong) = (proof(PASSWORD), proof(OTHER_PASSWORD));
        let show = async |shown| {
            node.doorward
                .reauthentication
                .reauthenticate(&ctx, action(one), named(one), Some(shown))
                .await
        };
        node.audited();
        assert_err!(show(&wrong).await, Error::InvalidCredentials);
        let audited = node.audited();
        assert!(
            audited.len() == 1 && audited[0].ends_with("!wrong password"),
            "{one}: {audited:?}"
        );
        let shown = show(&right).await.unwrap();
        act(&node, &shown.ctx, one).await.unwrap();
    }
}

/// A-13, S-02: a recorded proof counts for five minutes, and the earlier token, which a thief may have copied, is invalid.
#[tokio::test]
async fn a_recorded_proof_counts_for_the_session() {
    let node = admins().await;
    let session = node.sign_in("ada").await;
    node.advance(hours(1));
    let proved = node.record_proof(&session, &proof(PASSWORD)).await.unwrap();
    assert_eq!(proved.session.id, session.session.id);
    assert_eq!(proved.session.expires_at, session.session.expires_at);
    assert_eq!(proved.session.amr, [AuthMethod::Password]);
    assert_err!(node.check(&session).await, Error::InvalidToken);
    node.check(&proved).await.unwrap();
    node.advance(minutes(5));
    act(&node, &node.of(&proved), "role").await.unwrap();
    node.advance(MICROSECOND);
    let refused = act(&node, &node.of(&proved), "disable").await;
    assert_err!(refused, Error::ReauthenticationRequired);
}

/// a wrong password counts against the limits of the sign-in.
#[tokio::test]
async fn a_session_has_the_password_limits_of_sign_in() {
    let node = admins().await;
    let session = node.sign_in("ada").await;
    let wrong = proof(OTHER_PASSWORD);
    for _ in 0..3 {
        let ctx = node.of(&session);
        let doorward = &node.doorward;
        let refused = doorward
            .reauthentication
            .reauthenticate(&ctx, Action::ChangeRole, "ben", Some(&wrong))
            .await;
        assert_err!(refused, Error::InvalidCredentials);
    }
    let refused = node.try_sign_in("ada", PASSWORD).await;
    assert_err!(refused, Error::TooManyAttempts { .. });
    let (ctx, right) = (node.of(&session), proof(PASSWORD));
    let refused = node
        .doorward
        .reauthentication
        .reauthenticate(&ctx, Action::ChangeRole, "ben", Some(&right))
        .await;
    assert_err!(refused, Error::TooManyAttempts { .. });
}

/// a renewal is not a reauthentication.
#[tokio::test]
async fn a_renewal_does_not_count_as_a_password() {
    let node = admins().await;
    let session = node.sign_in("ada").await;
    node.advance(minutes(6));
    let renewed = node.renew(&session).await.unwrap();
    let refused = act(&node, &node.of(&renewed), "role").await;
    assert_err!(refused, Error::ReauthenticationRequired);
}

/// Z-02: an unauthorized user is refused, regardless of the password.
#[tokio::test]
async fn a_password_does_not_give_a_user_more_rights() {
    let node = admins().await;
    let session = node.sign_in("ben").await;
    node.advance(hours(1));
    let ctx = node.of(&session);
    for shown in [PASSWORD, OTHER_PASSWORD] {
        let doorward = &node.doorward;
        let shown = proof(shown);
        let refused = doorward
            .reauthentication
            .reauthenticate(&ctx, Action::ChangeRole, "ada", Some(&shown))
            .await;
        assert_err!(refused, Error::Forbidden);
    }
    assert_err!(act(&node, &ctx, "role").await, Error::Forbidden);
}

/// the operator can disable it. The command line is always exempt.
#[tokio::test]
async fn reauthentication_can_be_disabled() {
    let node = TestNode::with(|policy| policy.reauthenticate_after = SignedDuration::ZERO).await;
    node.admin("ada").await;
    node.active("ben").await;
    let session = node.sign_in("ada").await;
    node.advance(hours(23));
    act(&node, &node.of(&session), "role").await.unwrap();
    let operator = node.operator();
    let off = node
        .doorward
        .admin
        .disable(&operator, "ben", None)
        .await
        .unwrap();
    assert_eq!(off.status, Status::Disabled);
}
