//! Managing other users: role, status, list.

use doorward_domain::Error;
use doorward_domain::model::{Status, UserCursor, UserFilter};
use doorward_domain::store::Order;
use doorward_domain::users::ProfileUpdate;
use doorward_domain::values::{Data, Role};

use crate::test_node::*;

/// Z-04: a role change takes effect at the next request.
#[tokio::test]
async fn a_role_change_applies_at_once() {
    let node = TestNode::new().await;
    node.admin("ada").await;
    node.active("ben").await;
    let (adas, bens) = (node.sign_in("ada").await, node.sign_in("ben").await);
    node.check(&bens).await.unwrap();
    node.audited();
    let given = node
        .doorward
        .admin
        .change_role(&node.of(&adas), "ben", Role::Admin, None)
        .await;
    assert_eq!(given.unwrap().role, Role::Admin);
    assert_eq!(node.audited(), ["role-changed"]);
    assert_eq!(node.check(&bens).await.unwrap().role, Role::Admin);
    let taken = node
        .doorward
        .admin
        .change_role(&node.of(&adas), "ben", Role::User, None)
        .await;
    taken.unwrap();
    assert_eq!(node.check(&bens).await.unwrap().role, Role::User);
}

#[tokio::test]
async fn setting_the_same_role_changes_nothing() {
    let node = TestNode::new().await;
    let ada = node.admin("ada").await;
    node.clear_cache();
    let same = node
        .doorward
        .admin
        .change_role(&node.operator(), "ada", Role::Admin, None)
        .await;
    assert_eq!(same.unwrap().version, ada.version);
    assert!(node.audited().is_empty());
}

/// API.md: the last active admin cannot be demoted, disabled or deleted.
#[tokio::test]
async fn the_last_active_admin_cannot_be_demoted_or_disabled() {
    let node = TestNode::new().await;
    let ada = node.admin("ada").await;
    let session = node.sign_in("ada").await;
    node.admin("off").await;
    node.doorward
        .admin
        .disable(&node.operator(), "off", None)
        .await
        .unwrap();
    for ctx in [node.of(&session), node.operator()] {
        let demoted = node
            .doorward
            .admin
            .change_role(&ctx, "ada", Role::User, None)
            .await;
        assert_err!(demoted, Error::LastAdmin);
        let disabled = node.doorward.admin.disable(&ctx, "ada", None).await;
        assert_err!(disabled, Error::LastAdmin);
    }
    assert_eq!(node.stored_user(&ada).await, ada);
    node.check(&session).await.unwrap();
}

#[tokio::test]
async fn one_of_two_admins_who_demote_each_other_stays_admin() {
    let node = TestNode::new().await;
    node.admin("ada").await;
    node.admin("zoe").await;
    let (adas, zoes) = (node.sign_in("ada").await, node.sign_in("zoe").await);
    let (ada, zoe) = (node.of(&adas), node.of(&zoes));
    node.spy.yield_once();
    let (one, other) = tokio::join!(
        node.doorward
            .admin
            .change_role(&ada, "zoe", Role::User, None),
        node.doorward
            .admin
            .change_role(&zoe, "ada", Role::User, None)
    );
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    assert!(node.has_admin().await);
}

#[tokio::test]
async fn one_of_two_admins_stays_if_one_is_demoted_and_the_other_disabled() {
    let node = TestNode::new().await;
    node.admin("ada").await;
    node.admin("zoe").await;
    let (adas, zoes) = (node.sign_in("ada").await, node.sign_in("zoe").await);
    let (ada, zoe) = (node.of(&adas), node.of(&zoes));
    node.spy.yield_once();
    let (one, other) = tokio::join!(
        node.doorward
            .admin
            .change_role(&ada, "zoe", Role::User, None),
        node.doorward.admin.disable(&zoe, "ada", None)
    );
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    assert!(node.has_admin().await);
}

/// Z-04: a node may cache the acting user for up to a second. Writes check the stored role.
#[tokio::test]
async fn an_admin_demoted_on_another_node_cannot_write() {
    let node = TestNode::new().await;
    node.admin("ada").await;
    let zoe = node.admin("zoe").await;
    let ben = node.active("ben").await;
    let (zoes, bens) = (node.sign_in("zoe").await, node.sign_in("ben").await);
    let other = node.second_node(2).await;
    assert_eq!(other.check(&zoes).await.unwrap().role, Role::Admin);
    let stale = other.of(&zoes);
    let demoted = node
        .doorward
        .admin
        .change_role(&node.operator(), "zoe", Role::User, None)
        .await;
    demoted.unwrap();
    let before = node.stored_user(&ben).await;

    let doorward = &other.doorward;
    let update = ProfileUpdate::Replace {
        name: None,
        data: Data::default(),
        locale: None,
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
            .deletion
            .delete(&stale, "ben", None)
            .await
            .map(drop),
        change_email(doorward, &stale, "ben", &new, None, None).await,
        doorward.sessions.revoke_all(&stale, "ben").await,
        doorward.sessions.revoke(&stale, "ben", &session).await,
        doorward
            .profile
            .update(&stale, "ben", &update, None)
            .await
            .map(drop),
    ];
    for (number, result) in refused.into_iter().enumerate() {
        assert!(
            matches!(result, Err(Error::Forbidden)),
            "{number}: {result:?}"
        );
    }
    assert_eq!(node.stored_user(&zoe).await.role, Role::User);
    assert_eq!(node.stored_user(&ben).await, before);
    node.check(&bens).await.unwrap();
    assert_eq!(other.check(&zoes).await.unwrap().role, Role::User);
}

/// Z-04, S-06.
#[tokio::test]
async fn an_admin_disabled_on_another_node_cannot_write() {
    let node = TestNode::new().await;
    node.admin("ada").await;
    let zoe = node.admin("zoe").await;
    let zoes = node.sign_in("zoe").await;
    let other = node.second_node(2).await;
    other.check(&zoes).await.unwrap();
    let stale = other.of(&zoes);
    let disabled = node
        .doorward
        .admin
        .disable(&node.operator(), "zoe", None)
        .await;
    disabled.unwrap();
    let enabled = other.doorward.admin.enable(&stale, "me", None).await;
    assert_err!(enabled, Error::InvalidToken);
    assert_eq!(node.stored_user(&zoe).await.status, Status::Disabled);
    assert_err!(other.check(&zoes).await, Error::InvalidToken);
}

/// Z-04: a repeated demotion changes nothing, but the node that handles it drops its cached user.
#[tokio::test]
async fn a_node_that_repeats_a_change_drops_its_cached_user() {
    let node = TestNode::new().await;
    node.admin("ada").await;
    node.admin("zoe").await;
    let zoes = node.sign_in("zoe").await;
    let other = node.second_node(2).await;
    for other_node in [&node, &other] {
        other_node.check(&zoes).await.unwrap();
        let demoted = other_node
            .doorward
            .admin
            .change_role(&other_node.operator(), "zoe", Role::User, None)
            .await;
        demoted.unwrap();
        assert_eq!(other_node.check(&zoes).await.unwrap().role, Role::User);
    }
}

/// No link of a disabled account works, so the new address could not be confirmed.
#[tokio::test]
async fn the_address_of_a_disabled_user_cannot_be_changed() {
    let node = TestNode::new().await;
    node.admin("ada").await;
    node.active("ben").await;
    let adas = node.sign_in("ada").await;
    let operator = node.operator();
    node.doorward
        .admin
        .disable(&operator, "ben", None)
        .await
        .unwrap();
    let new = email("new@example.com");
    let refused = change_email(&node.doorward, &node.of(&adas), "ben", &new, None, None).await;
    assert_err!(refused, Error::Invalid(fields)
        if fields[0].field == "email" && fields[0].invalid.code == "account-disabled");
}

/// S-06, R-06: disabling ends sessions, links and sign-in. Enabling restores none of them.
#[tokio::test]
async fn disabling_ends_sessions_and_links_and_enabling_restores_none() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    let session = node.sign_in("ben").await;
    node.check(&session).await.unwrap();
    let (new, shown) = (email("new@example.com"), proof(PASSWORD));
    let ctx = node.of(&session);
    change_email(&node.doorward, &ctx, "me", &new, Some(&shown), None)
        .await
        .unwrap();
    let mails = node.mails().await;
    let token = token_in(mails.iter().find(|mail| mail.to == new).unwrap());
    let operator = node.operator();
    node.audited();
    let off = node
        .doorward
        .admin
        .disable(&operator, "ben", None)
        .await
        .unwrap();
    assert_eq!(off.status, Status::Disabled);
    assert_eq!(node.audited(), ["status-changed"]);
    assert_err!(node.check(&session).await, Error::InvalidToken);
    assert_err!(
        node.try_sign_in("ben", PASSWORD).await,
        Error::AccountDisabled
    );
    let on = node
        .doorward
        .admin
        .enable(&operator, "ben", None)
        .await
        .unwrap();
    assert_eq!((on.status, on.email), (Status::Active, ben.email));
    assert_err!(node.check(&session).await, Error::InvalidToken);
    let late = node
        .doorward
        .confirmation
        .confirm(&node.anonymous(), &token)
        .await;
    assert_err!(late, Error::LinkExpired);
    node.sign_in("ben").await;
}

/// enabling confirms no address.
#[tokio::test]
async fn a_pending_user_stays_pending_after_disabling_and_enabling() {
    let node = TestNode::new().await;
    node.list_at_once();
    let id = node.pending("ben").await.id.to_string();
    let token = token_in(&node.one_mail().await);
    let (doorward, operator) = (&node.doorward, node.operator());
    let pending = doorward.admin.enable(&operator, &id, None).await;
    assert_err!(pending, Error::Invalid(fields) if fields[0].invalid.code == "unconfirmed");
    doorward.admin.disable(&operator, &id, None).await.unwrap();
    let disabled = doorward
        .confirmation
        .confirm(&node.anonymous(), &token)
        .await;
    assert_err!(disabled, Error::LinkExpired);
    let enabled = doorward.admin.enable(&operator, &id, None).await.unwrap();
    assert_eq!(enabled.status, Status::Pending);
    assert_err!(
        node.try_sign_in("ben@example.com", PASSWORD).await,
        Error::EmailUnconfirmed
    );
    doorward
        .confirmation
        .confirm(&node.anonymous(), &token)
        .await
        .unwrap();
}

#[tokio::test]
async fn disabling_twice_is_the_same_as_once() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let operator = node.operator();
    let once = node
        .doorward
        .admin
        .disable(&operator, "ben", None)
        .await
        .unwrap();
    node.audited();
    let twice = node
        .doorward
        .admin
        .disable(&operator, "ben", None)
        .await
        .unwrap();
    assert_eq!(once, twice);
    assert!(node.audited().is_empty());
}

#[tokio::test]
async fn a_stale_version_is_rejected() {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    let operator = node.operator();
    let stale = Some(ben.version.next());
    let refused = node
        .doorward
        .admin
        .change_role(&operator, "ben", Role::Admin, stale)
        .await;
    assert_err!(refused, Error::PreconditionFailed);
    let refused = node.doorward.admin.disable(&operator, "ben", stale).await;
    assert_err!(refused, Error::PreconditionFailed);
}

#[tokio::test]
async fn admins_list_and_search_users() {
    let node = TestNode::new().await;
    node.admin("ada").await;
    node.active("ben").await;
    node.pending("eve").await;
    let session = node.sign_in("ada").await;
    let ctx = node.of(&session);
    let named = async |filter: UserFilter| {
        let page = node
            .doorward
            .user_list
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

/// Both a list and a search lead from page to page, and back with the opposite order.
#[tokio::test]
async fn a_list_and_a_search_are_paged_in_both_orders() {
    let node = TestNode::new().await;
    node.admin("ada").await;
    for number in 0..7 {
        node.advance(seconds(1));
        node.active(&format!("ben{number}")).await;
    }
    let session = node.sign_in("ada").await;
    let ctx = node.of(&session);
    let page = async |text: Option<&str>, order: Order, after: Option<UserCursor>| {
        let filter = UserFilter {
            text: text.map(str::to_owned),
            order,
            after,
            limit: 3,
            ..UserFilter::default()
        };
        let page = node
            .doorward
            .user_list
            .list_users(&ctx, &filter)
            .await
            .unwrap();
        let names = page.users.iter().flat_map(|user| &user.username);
        let names: Vec<_> = names.map(|name| name.as_str().to_owned()).collect();
        (names.join(" "), page.start, page.next)
    };
    for (text, order, pages) in [
        (
            None,
            Order::Descending,
            ["ben6 ben5 ben4", "ben3 ben2 ben1", "ben0 ada"],
        ),
        (
            Some("ben"),
            Order::Ascending,
            ["ben0 ben1 ben2", "ben3 ben4 ben5", "ben6"],
        ),
    ] {
        let (names, start, next) = page(text, order, None).await;
        assert_eq!(names, pages[0]);
        let (_, _, before) = page(text, order.reversed(), start).await;
        assert_eq!(before, None);
        let (names, start, next) = page(text, order, next).await;
        assert_eq!(names, pages[1]);
        let (names, _, last) = page(text, order, next).await;
        assert_eq!((names.as_str(), last), (pages[2], None));
        // Back to the first page, and from there to the second one.
        let (names, start, before) = page(text, order.reversed(), start).await;
        let names: Vec<_> = names.split(' ').rev().collect();
        assert_eq!((names.join(" ").as_str(), before), (pages[0], None));
        assert_eq!(page(text, order, start).await.0, pages[1]);
    }
}

#[tokio::test]
async fn an_admin_sees_which_users_need_attention() {
    let node = TestNode::new().await;
    node.list_at_once();
    node.admin("ada").await;
    for number in 0..7 {
        node.advance(seconds(1));
        node.active(&format!("ben{number}")).await;
    }
    let session = node.sign_in("ada").await;
    let ctx = node.of(&session);
    let names = |users: &[doorward_domain::model::User]| {
        let names = users.iter().flat_map(|user| &user.username);
        let names: Vec<_> = names.map(|name| name.as_str().to_owned()).collect();
        names.join(" ")
    };
    let deletion = &node.doorward.deletion;
    for name in ["ben3", "ben1"] {
        let requested = deletion.request(&node.operator(), name, None, None).await;
        assert!(requested.unwrap().deletion.is_some());
        node.advance(seconds(1));
    }
    let found = node.doorward.overview.attention(&ctx).await.unwrap();
    assert_eq!(names(&found.newest), "ben6 ben5 ben4 ben3 ben2");
    assert_eq!(names(&found.deletions), "ben3 ben1");
    assert_eq!(names(&found.admins_without_factor), "ada");
    let ben = node.sign_in("ben0").await;
    let refused = node.doorward.overview.attention(&node.of(&ben)).await;
    assert_err!(refused, Error::Forbidden);
}

/// L-01, Z-02.
#[tokio::test]
async fn an_account_is_viewed_by_admins_with_one_audit_event() {
    let node = TestNode::new().await;
    node.list_at_once();
    node.admin("ada").await;
    node.active("ben").await;
    let (ada, session) = (node.sign_in("ada").await, node.sign_in("ben").await);
    let (ada, ben) = (node.of(&ada), node.of(&session));
    let accounts = &node.doorward.accounts;
    node.audited();
    let account = accounts.view_account(&ada, "ben").await.unwrap();
    assert_eq!(account.sessions.len(), 1);
    assert_eq!(account.user.id, account.sessions[0].user_id);
    assert_eq!(
        account.people[&account.user.id].username,
        account.user.username
    );
    assert_eq!(node.audited(), ["user-viewed"]);
    accounts.view_account(&ada, "me").await.unwrap();
    assert_eq!(node.audited(), Vec::<String>::new());
    for named in ["me", "ben", "ada", "nobody"] {
        let refused = accounts.view_account(&ben, named).await;
        assert_err!(refused, Error::Forbidden);
    }
}
