//! Deleting an account: at once, irreversibly, and never the last admin.

use doorward_domain::Error;
use doorward_domain::model::{Credential, Role, Roster, User};
use doorward_domain::store::Records;

use crate::world::*;

/// L-05: no personal data remains.
#[tokio::test]
async fn deleting_an_account_deletes_all_its_data() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let session = world.sign_in("ben").await;
    let ctx = world.of(&session);
    let (new, shown) = (email("new@example.com"), password(PASSWORD));
    world
        .doorward
        .email
        .change_email(&ctx, "me", &new, Some(&shown), None)
        .await
        .unwrap();
    assert_eq!(world.store.mail_jobs().len(), 2);
    world.audited();
    world
        .doorward
        .profile
        .delete_account(&ctx, "me", None)
        .await
        .unwrap();
    assert_eq!(world.audited(), ["user-deleted"]);
    assert_eq!(world.kept(&ben).await, None);
    assert!(
        world
            .store
            .get::<Credential>(ben.id)
            .await
            .unwrap()
            .is_none()
    );
    assert!(world.store.mail_jobs().is_empty());
    let open = world.sessions().list(ben.id, world.now()).await.unwrap();
    assert!(open.is_empty());
    assert_err!(world.check(&session).await, Error::InvalidToken);
    assert_err!(
        world.try_sign_in("ben", PASSWORD).await,
        Error::InvalidCredentials
    );
}

/// A client that is told of a failure finds the account unchanged.
#[tokio::test]
async fn a_failed_deletion_leaves_the_account() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    world.ask_recovery("ben@example.com").await;
    for operation in ["users", "jobs", "apply"] {
        world.spy.fail(operation);
        let ctx = world.operator();
        let profile = &world.doorward.profile;
        let failed = profile.delete_account(&ctx, "ben", None).await;
        assert_err!(failed, Error::Store(_));
        world.spy.clear_failures();
        assert!(world.kept(&ben).await.is_some(), "{operation}");
    }
    assert_eq!(world.store.mail_jobs().len(), 1);
}

/// its links stay invalid.
#[tokio::test]
async fn links_of_a_deleted_account_stay_invalid_after_a_new_sign_up() {
    let world = World::new().await;
    world.active("ben").await;
    world.ask_recovery("ben@example.com").await;
    let token = token_in(&world.one_mail().await);
    world
        .doorward
        .profile
        .delete_account(&world.operator(), "ben", None)
        .await
        .unwrap();
    world.active("ben").await;
    let ctx = world.anon();
    let refused = world
        .doorward
        .recovery
        .recover(&ctx, &token, &secret(OTHER_PASSWORD))
        .await;
    assert_err!(refused, Error::LinkExpired);
    world.sign_in("ben").await;
}

/// Z-04: demotion and disabling are tested in `administer`; this is deletion.
#[tokio::test]
async fn the_last_active_admin_cannot_be_deleted() {
    let world = World::new().await;
    let ada = world.admin("ada").await;
    let session = world.sign_in("ada").await;
    let ctx = world.of(&session);
    for ctx in [&ctx, &world.operator()] {
        let refused = world
            .doorward
            .profile
            .delete_account(ctx, "ada", None)
            .await;
        assert_err!(refused, Error::LastAdmin);
    }
    world.check(&session).await.unwrap();
    let zoe = world.admin("zoe").await;
    world
        .doorward
        .admin
        .disable(&world.operator(), "zoe", None)
        .await
        .unwrap();
    let refused = world
        .doorward
        .profile
        .delete_account(&ctx, "me", None)
        .await;
    assert_err!(refused, Error::LastAdmin);
    world
        .doorward
        .admin
        .enable(&world.operator(), "zoe", None)
        .await
        .unwrap();
    world
        .doorward
        .profile
        .delete_account(&ctx, "me", None)
        .await
        .unwrap();
    assert_eq!(world.kept(&ada).await, None);
    assert!(world.kept(&zoe).await.is_some());
}

/// Z-04: the user becomes the only admin between the check and the deletion.
#[tokio::test]
async fn a_user_who_concurrently_became_the_last_admin_is_not_deleted() {
    let world = World::new().await;
    let ada = world.admin("ada").await;
    let ben = world.active("ben").await;
    let set_role = |read: User, role| {
        let version = read.version.next();
        let changed = User {
            role,
            version,
            ..read.clone()
        };
        changed.replace(&read)
    };
    let session = world.sign_in("ben").await;
    let roster: Roster = world.store.get(Roster::ADMINS).await.unwrap().unwrap();
    let handed_over = [
        set_role(world.kept_user(&ben).await, Role::Admin),
        set_role(world.kept_user(&ada).await, Role::User),
        roster.changed([ben.id], Some(ada.id)).unwrap(),
    ]
    .concat();
    world.spy.interleave(handed_over);
    let refused = world
        .doorward
        .profile
        .delete_account(&world.of(&session), "me", None)
        .await;
    assert_err!(refused, Error::LastAdmin);
    assert!(world.has_admin().await);
}

#[tokio::test]
async fn one_of_two_admins_who_delete_each_other_stays() {
    let world = World::new().await;
    world.admin("ada").await;
    world.admin("zoe").await;
    let (adas, zoes) = (world.sign_in("ada").await, world.sign_in("zoe").await);
    let (ada, zoe) = (world.of(&adas), world.of(&zoes));
    world.spy.yield_once();
    let (one, other) = tokio::join!(
        world.doorward.profile.delete_account(&ada, "zoe", None),
        world.doorward.profile.delete_account(&zoe, "ada", None)
    );
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    assert!(world.has_admin().await);
}

#[tokio::test]
async fn a_stale_version_is_rejected() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let operator = world.operator();
    let stale = world
        .doorward
        .profile
        .delete_account(&operator, "ben", Some(ben.version.next()));
    assert_err!(stale.await, Error::PreconditionFailed);
    world
        .doorward
        .profile
        .delete_account(&operator, "ben", Some(ben.version))
        .await
        .unwrap();
    let gone = world
        .doorward
        .profile
        .delete_account(&operator, "ben", None)
        .await;
    assert_err!(gone, Error::NotFound);
}

/// L-05: mails that were requested by address only are deleted as well, including failed ones. Mails to an address
/// that is also pending for another user stay.
#[tokio::test]
async fn mails_requested_by_address_are_deleted_with_the_account() {
    let world = World::new().await;
    world.active("ben").await;
    world.pending("eve").await;
    world.mails().await;
    let session = world.sign_in("ben").await;
    let (ctx, shown) = (world.of(&session), password(PASSWORD));
    let shared = email("eve@example.com");
    let asked = world
        .doorward
        .email
        .change_email(&ctx, "me", &shared, Some(&shown), None);
    asked.await.unwrap();
    world.advance(minutes(4));
    let anon = world.anon();
    for address in ["BEN@example.com", "eve@example.com"] {
        let address = email(address);
        world
            .doorward
            .recovery
            .request_recovery(&anon, &address)
            .await
            .unwrap();
    }
    assert_eq!(world.store.mail_jobs().len(), 4);
    let deleted = world.doorward.profile.delete_account(&ctx, "me", None);
    deleted.await.unwrap();
    let left = world.store.mail_jobs();
    let left: Vec<_> = left.iter().map(|job| job.email.as_str()).collect();
    assert_eq!(left, ["eve@example.com"]);
}
