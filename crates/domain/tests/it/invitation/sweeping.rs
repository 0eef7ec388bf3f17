//! Invitations that are not accepted in time, or that an older node has settled.

use doorward_domain::model::{Link, Status};
use doorward_domain::store::Store;

use super::*;

/// seven days, by the clock. A pending sign-up would be deleted after three.
#[tokio::test]
async fn an_invitation_expires_and_is_deleted_a_week_later() {
    let (node, ada) = with_admin().await;
    let (ben, link) = mailed(&node, &ada).await;
    node.audited();
    node.advance(hours(7 * 24) - MICROSECOND);
    sweep(&node).await;
    let service = &node.doorward.invitation_acceptance;
    service.view(&node.anonymous(), &link).await.unwrap();
    node.advance(MICROSECOND);
    assert_void(&node, &link).await;
    node.advance(hours(7 * 24));
    sweep(&node).await;
    assert_eq!(node.stored_user(&ben).await, ben);
    node.advance(MICROSECOND);
    sweep(&node).await;
    assert_eq!(node.stored_session(&ben).await, None);
    assert_eq!(node.store.all::<Link>(), []);
    assert_eq!(node.audited(), ["sign-up-expired"]);
}

#[tokio::test]
async fn a_change_of_an_account_that_an_older_node_has_activated_settles_its_invitation() {
    let (node, ada) = with_admin().await;
    let (ben, _) = shown(&node, &ada).await;
    let status = |user: &User| user.invitation.unwrap().status(node.now());
    assert_eq!(
        status(&ben.next_version(node.now())),
        InvitationStatus::Pending
    );
    let active = User {
        status: Status::Active,
        ..ben
    };
    let changed = active.next_version(node.now());
    assert_eq!(status(&changed), InvitationStatus::Accepted);
}

/// An older node confirms the address with a link of its own and does not know of the invitation.
#[tokio::test]
async fn an_invited_user_whom_an_older_node_has_activated_stays_after_being_disabled() {
    let (node, ada) = with_admin().await;
    let (ben, _) = shown(&node, &ada).await;
    let active = User {
        status: Status::Active,
        email: Some(email(ADDRESS)),
        pending_email: None,
        ..ben.next_version(node.now())
    };
    node.store.apply(active.replace(&ben)).await.unwrap();
    let (admin, service) = (&node.doorward.admin, &node.doorward.invitations);
    admin.disable(&node.of(&ada), "ben", None).await.unwrap();
    let refused = service.revoke(&node.of(&ada), "ben").await;
    assert_err!(refused, Error::NotFound);
    let enabled = admin.enable(&node.of(&ada), "ben", None).await.unwrap();
    assert_eq!(enabled.status, Status::Active);
    assert_err!(resend(&node, &node.of(&ada), &ben).await, Error::NotFound);
    node.advance(hours(15 * 24));
    sweep(&node).await;
    assert_eq!(node.stored_user(&ben).await, enabled);
}

/// L-05.
#[tokio::test]
async fn an_invited_user_can_be_exported_and_deleted() {
    let (node, ada) = with_admin().await;
    let (ben, link) = shown(&node, &ada).await;
    let ctx = node.of(&ada);
    let data = node
        .doorward
        .personal_export
        .export(&ctx, "ben")
        .await
        .unwrap();
    assert_eq!(data.links.len(), 1);
    assert!(data.password.is_none());
    node.doorward
        .deletion
        .delete(&ctx, "ben", None)
        .await
        .unwrap();
    assert_void(&node, &link).await;
    assert_eq!(node.stored_session(&ben).await, None);
}
