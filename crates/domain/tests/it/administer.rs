//! Managing other users: role, status, list.

use doorward_domain::Error;
use doorward_domain::model::{Role, Status, UserFilter};
use doorward_domain::profile::ProfileUpdate;
use doorward_domain::values::Data;

use crate::world::*;

/// Z-04: a role change takes effect at the next request.
#[tokio::test]
async fn a_role_change_applies_at_once() {
    let world = World::new().await;
    world.admin("ada").await;
    world.active("ben").await;
    let (adas, bens) = (world.sign_in("ada").await, world.sign_in("ben").await);
    world.check(&bens).await.unwrap();
    world.audited();
    let given = world
        .doorward
        .admin
        .change_role(&world.of(&adas), "ben", Role::Admin, None)
        .await;
    assert_eq!(given.unwrap().role, Role::Admin);
    assert_eq!(world.audited(), ["role-changed"]);
    assert_eq!(world.check(&bens).await.unwrap().role, Role::Admin);
    let taken = world
        .doorward
        .admin
        .change_role(&world.of(&adas), "ben", Role::User, None)
        .await;
    taken.unwrap();
    assert_eq!(world.check(&bens).await.unwrap().role, Role::User);
}

#[tokio::test]
async fn setting_the_same_role_changes_nothing() {
    let world = World::new().await;
    let ada = world.admin("ada").await;
    world.forget();
    let same = world
        .doorward
        .admin
        .change_role(&world.operator(), "ada", Role::Admin, None)
        .await;
    assert_eq!(same.unwrap().version, ada.version);
    assert!(world.audited().is_empty());
}

/// API.md: the last active admin cannot be demoted, disabled or deleted.
#[tokio::test]
async fn the_last_active_admin_cannot_be_demoted_or_disabled() {
    let world = World::new().await;
    let ada = world.admin("ada").await;
    let session = world.sign_in("ada").await;
    world.admin("off").await;
    world
        .doorward
        .admin
        .disable(&world.operator(), "off", None)
        .await
        .unwrap();
    for ctx in [world.of(&session), world.operator()] {
        let demoted = world
            .doorward
            .admin
            .change_role(&ctx, "ada", Role::User, None)
            .await;
        assert_err!(demoted, Error::LastAdmin);
        let disabled = world.doorward.admin.disable(&ctx, "ada", None).await;
        assert_err!(disabled, Error::LastAdmin);
    }
    assert_eq!(world.kept_user(&ada).await, ada);
    world.check(&session).await.unwrap();
}

#[tokio::test]
async fn one_of_two_admins_who_demote_each_other_stays_admin() {
    let world = World::new().await;
    world.admin("ada").await;
    world.admin("zoe").await;
    let (adas, zoes) = (world.sign_in("ada").await, world.sign_in("zoe").await);
    let (ada, zoe) = (world.of(&adas), world.of(&zoes));
    world.spy.yield_once();
    let (one, other) = tokio::join!(
        world
            .doorward
            .admin
            .change_role(&ada, "zoe", Role::User, None),
        world
            .doorward
            .admin
            .change_role(&zoe, "ada", Role::User, None)
    );
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    assert!(world.has_admin().await);
}

#[tokio::test]
async fn one_of_two_admins_stays_if_one_is_demoted_and_the_other_disabled() {
    let world = World::new().await;
    world.admin("ada").await;
    world.admin("zoe").await;
    let (adas, zoes) = (world.sign_in("ada").await, world.sign_in("zoe").await);
    let (ada, zoe) = (world.of(&adas), world.of(&zoes));
    world.spy.yield_once();
    let (one, other) = tokio::join!(
        world
            .doorward
            .admin
            .change_role(&ada, "zoe", Role::User, None),
        world.doorward.admin.disable(&zoe, "ada", None)
    );
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    assert!(world.has_admin().await);
}

/// Z-04: a node may cache the acting user for up to a second. Writes check the stored role.
#[tokio::test]
async fn an_admin_demoted_on_another_node_cannot_write() {
    let world = World::new().await;
    world.admin("ada").await;
    let zoe = world.admin("zoe").await;
    let ben = world.active("ben").await;
    let (zoes, bens) = (world.sign_in("zoe").await, world.sign_in("ben").await);
    let other = world.beside(2).await;
    assert_eq!(other.check(&zoes).await.unwrap().role, Role::Admin);
    let stale = other.of(&zoes);
    let demoted = world
        .doorward
        .admin
        .change_role(&world.operator(), "zoe", Role::User, None)
        .await;
    demoted.unwrap();
    let before = world.kept_user(&ben).await;

    let doorward = &other.doorward;
    let update = ProfileUpdate::Replace {
        name: None,
        data: Data::default(),
    };
    let new = email("new@example.com");
    let session = bens.session.id.to_string();
    let refused = [
        doorward
            .admin
            .change_role(&stale, "me", Role::Admin, None)
            .await
            .map(drop),
        doorward
            .admin
            .change_role(&stale, "ben", Role::Admin, None)
            .await
            .map(drop),
        doorward.admin.disable(&stale, "ben", None).await.map(drop),
        doorward
            .profile
            .delete_account(&stale, "ben", None)
            .await
            .map(drop),
        doorward
            .email
            .change_email(&stale, "ben", &new, None, None)
            .await,
        doorward.sessions.revoke_sessions(&stale, "ben").await,
        doorward
            .sessions
            .revoke_session(&stale, "ben", &session)
            .await,
        doorward
            .profile
            .update_profile(&stale, "ben", &update, None)
            .await
            .map(drop),
    ];
    for (number, result) in refused.into_iter().enumerate() {
        assert!(
            matches!(result, Err(Error::Forbidden)),
            "{number}: {result:?}"
        );
    }
    assert_eq!(world.kept_user(&zoe).await.role, Role::User);
    assert_eq!(world.kept_user(&ben).await, before);
    world.check(&bens).await.unwrap();
    assert_eq!(other.check(&zoes).await.unwrap().role, Role::User);
}

/// Z-04, S-06.
#[tokio::test]
async fn an_admin_disabled_on_another_node_cannot_write() {
    let world = World::new().await;
    world.admin("ada").await;
    let zoe = world.admin("zoe").await;
    let zoes = world.sign_in("zoe").await;
    let other = world.beside(2).await;
    other.check(&zoes).await.unwrap();
    let stale = other.of(&zoes);
    let disabled = world
        .doorward
        .admin
        .disable(&world.operator(), "zoe", None)
        .await;
    disabled.unwrap();
    let enabled = other.doorward.admin.enable(&stale, "me", None).await;
    assert_err!(enabled, Error::InvalidToken);
    assert_eq!(world.kept_user(&zoe).await.status, Status::Disabled);
    assert_err!(other.check(&zoes).await, Error::InvalidToken);
}

/// Z-04: a repeated demotion changes nothing, but the node that handles it drops its cached user.
#[tokio::test]
async fn a_node_that_repeats_a_change_drops_its_cached_user() {
    let world = World::new().await;
    world.admin("ada").await;
    world.admin("zoe").await;
    let zoes = world.sign_in("zoe").await;
    let other = world.beside(2).await;
    for node in [&world, &other] {
        node.check(&zoes).await.unwrap();
        let demoted = node
            .doorward
            .admin
            .change_role(&node.operator(), "zoe", Role::User, None)
            .await;
        demoted.unwrap();
        assert_eq!(node.check(&zoes).await.unwrap().role, Role::User);
    }
}

/// No link of a disabled account works, so the new address could not be confirmed.
#[tokio::test]
async fn the_address_of_a_disabled_user_cannot_be_changed() {
    let world = World::new().await;
    world.admin("ada").await;
    world.active("ben").await;
    let adas = world.sign_in("ada").await;
    let operator = world.operator();
    world
        .doorward
        .admin
        .disable(&operator, "ben", None)
        .await
        .unwrap();
    let new = email("new@example.com");
    let refused = world
        .doorward
        .email
        .change_email(&world.of(&adas), "ben", &new, None, None)
        .await;
    assert_err!(refused, Error::Invalid(fields)
        if fields[0].field == "email" && fields[0].invalid.code == "account-disabled");
}

/// S-06, R-06: disabling ends sessions, links and sign-in. Enabling restores none of them.
#[tokio::test]
async fn disabling_ends_sessions_and_links_and_enabling_restores_none() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let session = world.sign_in("ben").await;
    world.check(&session).await.unwrap();
    let (new, shown) = (email("new@example.com"), password(PASSWORD));
    let ctx = world.of(&session);
    world
        .doorward
        .email
        .change_email(&ctx, "me", &new, Some(&shown), None)
        .await
        .unwrap();
    let mails = world.mails().await;
    let token = token_in(mails.iter().find(|mail| mail.to == new).unwrap());
    let operator = world.operator();
    world.audited();
    let off = world
        .doorward
        .admin
        .disable(&operator, "ben", None)
        .await
        .unwrap();
    assert_eq!(off.status, Status::Disabled);
    assert_eq!(world.audited(), ["status-changed"]);
    assert_err!(world.check(&session).await, Error::InvalidToken);
    assert_err!(
        world.try_sign_in("ben", PASSWORD).await,
        Error::AccountDisabled
    );
    let on = world
        .doorward
        .admin
        .enable(&operator, "ben", None)
        .await
        .unwrap();
    assert_eq!((on.status, on.email), (Status::Active, ben.email));
    assert_err!(world.check(&session).await, Error::InvalidToken);
    let late = world.doorward.email.confirm(&world.anon(), &token).await;
    assert_err!(late, Error::LinkExpired);
    world.sign_in("ben").await;
}

/// enabling confirms no address.
#[tokio::test]
async fn a_pending_user_stays_pending_after_disabling_and_enabling() {
    let world = World::new().await;
    let id = world.pending("ben").await.id.to_string();
    let token = token_in(&world.one_mail().await);
    let (doorward, operator) = (&world.doorward, world.operator());
    let pending = doorward.admin.enable(&operator, &id, None).await;
    assert_err!(pending, Error::Invalid(fields) if fields[0].invalid.code == "unconfirmed");
    doorward.admin.disable(&operator, &id, None).await.unwrap();
    let disabled = doorward.email.confirm(&world.anon(), &token).await;
    assert_err!(disabled, Error::LinkExpired);
    let enabled = doorward.admin.enable(&operator, &id, None).await.unwrap();
    assert_eq!(enabled.status, Status::Pending);
    assert_err!(
        world.try_sign_in("ben@example.com", PASSWORD).await,
        Error::EmailUnconfirmed
    );
    doorward.email.confirm(&world.anon(), &token).await.unwrap();
}

#[tokio::test]
async fn disabling_twice_is_the_same_as_once() {
    let world = World::new().await;
    world.active("ben").await;
    let operator = world.operator();
    let once = world
        .doorward
        .admin
        .disable(&operator, "ben", None)
        .await
        .unwrap();
    world.audited();
    let twice = world
        .doorward
        .admin
        .disable(&operator, "ben", None)
        .await
        .unwrap();
    assert_eq!(once, twice);
    assert!(world.audited().is_empty());
}

#[tokio::test]
async fn a_stale_version_is_rejected() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    let operator = world.operator();
    let stale = Some(ben.version.next());
    let refused = world
        .doorward
        .admin
        .change_role(&operator, "ben", Role::Admin, stale)
        .await;
    assert_err!(refused, Error::PreconditionFailed);
    let refused = world.doorward.admin.disable(&operator, "ben", stale).await;
    assert_err!(refused, Error::PreconditionFailed);
}

#[tokio::test]
async fn admins_list_and_search_users() {
    let world = World::new().await;
    world.admin("ada").await;
    world.active("ben").await;
    world.pending("eve").await;
    let session = world.sign_in("ada").await;
    let ctx = world.of(&session);
    let named = async |filter: UserFilter| {
        let page = world
            .doorward
            .admin
            .list_users(&ctx, &filter)
            .await
            .unwrap();
        let names = page
            .users
            .iter()
            .map(|user| match (&user.username, user.pending_address()) {
                (Some(username), _) => username.as_str().to_owned(),
                (None, Some(address)) => address.local_part().to_owned(),
                (None, None) => String::new(),
            });
        let mut names: Vec<_> = names.collect();
        names.sort();
        names.join(" ")
    };
    let all = UserFilter {
        limit: 50,
        ..UserFilter::default()
    };
    assert_eq!(named(all.clone()).await, "ada ben eve");
    let by_text = UserFilter {
        text: Some("EVE@".to_owned()),
        ..all.clone()
    };
    assert_eq!(named(by_text).await, "eve");
    let by_status = UserFilter {
        status: Some(Status::Pending),
        ..all.clone()
    };
    assert_eq!(named(by_status).await, "eve");
    let by_role = UserFilter {
        role: Some(Role::Admin),
        ..all
    };
    assert_eq!(named(by_role).await, "ada");
}
