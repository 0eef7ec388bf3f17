//! Deleting an account: at once, irreversibly, and never the last admin.

use doorward_domain::Error;
use doorward_domain::model::{Credential, Roster, User};
use doorward_domain::store::Records;
use doorward_domain::values::Role;

use crate::test_node::*;

/// L-05: no personal data remains.
#[tokio::test]
async fn deleting_an_account_deletes_all_its_data() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    let session = node.sign_in("ben").await;
    let ctx = node.of(&session);
    let (new, shown) = (email("new@example.com"), proof(PASSWORD));
    change_email(&node.doorward, &ctx, "me", &new, Some(&shown), None)
        .await
        .unwrap();
    assert_eq!(node.mail_jobs().len(), 2);
    node.audited();
    node.doorward
        .deletion
        .delete(&ctx, "me", None)
        .await
        .unwrap();
    assert_eq!(node.audited(), ["user-deleted"]);
    assert_eq!(node.stored_session(&ben).await, None);
    assert!(
        node.store
            .get::<Credential>(ben.id)
            .await
            .unwrap()
            .is_none()
    );
    assert!(node.mail_jobs().is_empty());
    let open = node.sessions().list(ben.id, node.now()).await.unwrap();
    assert!(open.is_empty());
    assert_err!(node.check(&session).await, Error::InvalidToken);
    assert_err!(
        node.try_sign_in("ben", PASSWORD).await,
        Error::InvalidCredentials
    );
}

/// A client that receives an error finds the account unchanged.
#[tokio::test]
async fn a_failed_deletion_leaves_the_account() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    node.ask_recovery("ben@example.com").await;
    for operation in ["users", "jobs", "apply"] {
        node.spy.fail(operation);
        let ctx = node.operator();
        let deletion = &node.doorward.deletion;
        let failed = deletion.delete(&ctx, "ben", None).await;
        assert_err!(failed, Error::Store(_));
        node.spy.clear_failures();
        assert!(node.stored_session(&ben).await.is_some(), "{operation}");
    }
    assert_eq!(node.mail_jobs().len(), 1);
}

/// its links stay invalid.
#[tokio::test]
async fn links_of_a_deleted_account_stay_invalid_after_a_new_sign_up() {
    let node = TestNode::new().await;
    node.active("ben").await;
    node.ask_recovery("ben@example.com").await;
    let token = token_in(&node.one_mail().await);
    node.doorward
        .deletion
        .delete(&node.operator(), "ben", None)
        .await
        .unwrap();
    node.active("ben").await;
    let ctx = node.anonymous();
    let refused = node
        .doorward
        .recovery
        .finish(&ctx, &token, &secret(OTHER_PASSWORD))
        .await;
    assert_err!(refused, Error::LinkExpired);
    node.sign_in("ben").await;
}

/// Z-04: demotion and disabling are tested in `admin`; this is deletion.
#[tokio::test]
async fn the_last_active_admin_cannot_be_deleted() {
    let node = TestNode::new().await;
    let ada = node.admin("ada").await;
    let session = node.sign_in("ada").await;
    let ctx = node.of(&session);
    for ctx in [&ctx, &node.operator()] {
        let refused = node.doorward.deletion.delete(ctx, "ada", None).await;
        assert_err!(refused, Error::LastAdmin);
    }
    node.check(&session).await.unwrap();
    let zoe = node.admin("zoe").await;
    node.doorward
        .admin
        .disable(&node.operator(), "zoe", None)
        .await
        .unwrap();
    let refused = node.doorward.deletion.delete(&ctx, "me", None).await;
    assert_err!(refused, Error::LastAdmin);
    node.doorward
        .admin
        .enable(&node.operator(), "zoe", None)
        .await
        .unwrap();
    node.doorward
        .deletion
        .delete(&ctx, "me", None)
        .await
        .unwrap();
    assert_eq!(node.stored_session(&ada).await, None);
    assert!(node.stored_session(&zoe).await.is_some());
}

/// Z-04: the user becomes the only admin between the check and the deletion.
#[tokio::test]
async fn a_user_who_concurrently_became_the_last_admin_is_not_deleted() {
    let node = TestNode::new().await;
    let ada = node.admin("ada").await;
    let ben = node.active("ben").await;
    let set_role = |read: User, role| {
        let version = read.version.next();
        let changed = User {
            role,
            version,
            ..read.clone()
        };
        changed.replace(&read)
    };
    let session = node.sign_in("ben").await;
    let roster: Roster = node.store.get(Roster::ADMINS).await.unwrap().unwrap();
    let handed_over = [
        set_role(node.stored_user(&ben).await, Role::Admin),
        set_role(node.stored_user(&ada).await, Role::User),
        roster.changed([ben.id], Some(ada.id)).unwrap(),
    ]
    .concat();
    node.spy.interleave(handed_over);
    let refused = node
        .doorward
        .deletion
        .delete(&node.of(&session), "me", None)
        .await;
    assert_err!(refused, Error::LastAdmin);
    assert!(node.has_admin().await);
}

#[tokio::test]
async fn one_of_two_admins_who_delete_each_other_stays() {
    let node = TestNode::new().await;
    node.admin("ada").await;
    node.admin("zoe").await;
    let (adas, zoes) = (node.sign_in("ada").await, node.sign_in("zoe").await);
    let (ada, zoe) = (node.of(&adas), node.of(&zoes));
    node.spy.yield_once();
    let (one, other) = tokio::join!(
        node.doorward.deletion.delete(&ada, "zoe", None),
        node.doorward.deletion.delete(&zoe, "ada", None)
    );
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    assert!(node.has_admin().await);
}

#[tokio::test]
async fn a_stale_version_is_rejected() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    let operator = node.operator();
    let stale = node
        .doorward
        .deletion
        .delete(&operator, "ben", Some(ben.version.next()));
    assert_err!(stale.await, Error::PreconditionFailed);
    node.doorward
        .deletion
        .delete(&operator, "ben", Some(ben.version))
        .await
        .unwrap();
    let gone = node.doorward.deletion.delete(&operator, "ben", None).await;
    assert_err!(gone, Error::NotFound);
}

/// L-05: mails that were requested by address only are deleted as well, including failed ones. Mails to an address
/// that is also pending for another user stay.
#[tokio::test]
async fn mails_requested_by_address_are_deleted_with_the_account() {
    let node = TestNode::new().await;
    node.active("ben").await;
    node.pending("eve").await;
    node.mails().await;
    let session = node.sign_in("ben").await;
    let (ctx, shown) = (node.of(&session), proof(PASSWORD));
    let shared = email("eve@example.com");
    let asked = change_email(&node.doorward, &ctx, "me", &shared, Some(&shown), None);
    asked.await.unwrap();
    node.advance(minutes(4));
    let anonymous = node.anonymous();
    for address in ["BEN@example.com", "eve@example.com"] {
        let address = email(address);
        node.doorward
            .recovery
            .request(&anonymous, &address, None)
            .await
            .unwrap();
    }
    assert_eq!(node.mail_jobs().len(), 4);
    let deleted = node.doorward.deletion.delete(&ctx, "me", None);
    deleted.await.unwrap();
    let left = node.mail_jobs();
    let left: Vec<_> = left.iter().map(|job| job.email.as_str()).collect();
    assert_eq!(left, ["eve@example.com"]);
}
