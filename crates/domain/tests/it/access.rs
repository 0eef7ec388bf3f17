//! Authorization of every method that acts on a user: anonymous, as another user, as the user, as an admin.

use doorward_domain::flows::update_profile::ProfileUpdate;
use doorward_domain::model::{AuditFilter, Role, UserFilter};
use doorward_domain::values::Data;
use doorward_domain::{Ctx, Error};

use crate::world::*;

/// Every method that acts on `{user}`, and whether users may call it for their own account.
const STORIES: [(&str, bool); 14] = [
    ("view", true),
    ("export", true),
    ("update", true),
    ("change e-mail", true),
    ("delete", true),
    ("list sessions", true),
    ("end a session", true),
    ("end sessions", true),
    ("change role", false),
    ("disable", false),
    ("enable", false),
    ("list users", false),
    ("read audit", false),
    ("find audited user", false),
];

async fn tell(world: &World, story: &str, ctx: &Ctx, named: &str) -> Result<(), Error> {
    let accounts = &world.accounts;
    let shown = password(PASSWORD);
    match story {
        "view" => accounts.view_user(ctx, named).await.map(|_| ()),
        "export" => accounts.export_user(ctx, named).await.map(|_| ()),
        "update" => {
            let update = ProfileUpdate::Replace {
                name: None,
                data: Data::default(),
            };
            accounts
                .update_profile(ctx, named, &update, None)
                .await
                .map(|_| ())
        }
        "change e-mail" => {
            let new = email(&format!("{named}.new@example.com"));
            accounts
                .change_email(ctx, named, &new, Some(&shown), None)
                .await
        }
        "delete" => accounts.delete_account(ctx, named, None).await.map(|_| ()),
        "list sessions" => accounts.list_sessions(ctx, named).await.map(|_| ()),
        "end a session" => match accounts.revoke_session(ctx, named, "no session").await {
            // Authorized, but the session does not exist.
            Err(Error::NotFound) => Ok(()),
            other => other,
        },
        "end sessions" => accounts.revoke_sessions(ctx, named).await,
        "change role" => accounts
            .change_role(ctx, named, Role::User, None)
            .await
            .map(|_| ()),
        "disable" => accounts.disable(ctx, named, None).await.map(|_| ()),
        "enable" => accounts.enable(ctx, named, None).await.map(|_| ()),
        "list users" => accounts
            .list_users(ctx, &UserFilter::default())
            .await
            .map(|_| ()),
        "read audit" => {
            let filter = AuditFilter::default();
            accounts.list_audit_events(ctx, &filter).await.map(|_| ())
        }
        _ => accounts.find_user_id(ctx, named).await.map(|_| ()),
    }
}

#[tokio::test]
async fn an_anonymous_client_may_do_nothing() {
    let world = World::new().await;
    world.active("ben").await;
    world.audited();
    for (story, _) in STORIES {
        for named in ["ben", "me", "unknown"] {
            let refused = tell(&world, story, &world.anon(), named).await;
            assert!(
                matches!(refused, Err(Error::AuthenticationRequired)),
                "{story}: {refused:?}"
            );
        }
    }
    assert!(world.audited().is_empty());
}

/// Z-02, T-IDOR: the error is 403, whether or not the user exists. L-01: each refusal has one audit event.
#[tokio::test]
async fn a_user_may_do_nothing_to_another_or_to_one_who_is_not_there() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    world.active("eve").await;
    let session = world.sign_in("eve").await;
    world.audited();
    for (story, _) in STORIES {
        let bens_id = ben.id.to_string();
        for named in ["ben", "BEN", bens_id.as_str(), "unknown"] {
            let refused = tell(&world, story, &world.of(&session), named).await;
            assert!(
                matches!(refused, Err(Error::Forbidden)),
                "{story} {named}: {refused:?}"
            );
            let lines = world.audited();
            assert_eq!(lines.len(), 1, "{story}: {lines:?}");
            assert!(lines[0].starts_with("forbidden!"), "{lines:?}");
        }
    }
    assert_eq!(world.kept_user(&ben).await, ben);
}

#[tokio::test]
async fn a_user_may_do_to_their_own_account_what_is_theirs_by_each_of_their_names() {
    for (story, own_suffices) in STORIES {
        for by in ["me", "name", "Name", "id"] {
            let world = World::new().await;
            let ben = world.active("ben").await;
            let session = world.sign_in("ben").await;
            let id = ben.id.to_string();
            let named = match by {
                "me" => "me",
                "name" => "ben",
                "Name" => "Ben",
                _ => &id,
            };
            let told = tell(&world, story, &world.of(&session), named).await;
            match own_suffices {
                true => assert!(told.is_ok(), "{story} {named}: {told:?}"),
                false => assert!(matches!(told, Err(Error::Forbidden)), "{story}: {told:?}"),
            }
        }
    }
}

#[tokio::test]
async fn an_admin_may_act_on_every_user() {
    for (story, _) in STORIES {
        let world = World::new().await;
        world.admin("ada").await;
        world.active("ben").await;
        let session = world.sign_in("ada").await;
        let told = tell(&world, story, &world.of(&session), "ben").await;
        assert!(told.is_ok(), "{story}: {told:?}");
        if ![
            "list users",
            "read audit",
            "find audited user",
            "end a session",
        ]
        .contains(&story)
        {
            let missing = tell(&world, story, &world.of(&session), "unknown").await;
            assert!(
                matches!(missing, Err(Error::NotFound)),
                "{story}: {missing:?}"
            );
        }
    }
}

/// Z-06: an action is refused even if the audit event of the refusal cannot be written.
#[tokio::test]
async fn a_refusal_that_cannot_be_written_down_is_no_permission() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    world.active("eve").await;
    let session = world.sign_in("eve").await;
    world.spy.fail("apply");
    for (story, _) in STORIES {
        let refused = tell(&world, story, &world.of(&session), "ben").await;
        assert!(
            matches!(refused, Err(Error::Store(_))),
            "{story}: {refused:?}"
        );
    }
    assert_eq!(world.kept_user(&ben).await, ben);
}
