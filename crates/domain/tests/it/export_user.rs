//! Export of all data about a user, for that user (L-05).

use doorward_domain::model::AuditEvent;
use doorward_domain::profile::PersonalData;
use doorward_domain::values::EmailAddress;
use doorward_domain::{Ctx, Error};

use crate::world::*;

async fn events(world: &World, data: &PersonalData) -> Vec<AuditEvent> {
    let all = world.doorward.profile.export_audit_events(data, None, 100);
    all.await.unwrap()
}

/// L-05: sessions, links, mails, password metadata, and the audit log.
#[tokio::test]
async fn an_export_has_all_personal_data_and_no_secret() {
    let world = World::new().await;
    let ben = world.active("ben").await;
    world.active("eve").await;
    let session = world.sign_in("ben").await;
    world.sign_in("eve").await;
    world.ask_recovery("ben@example.com").await;
    let link = token_in(&world.one_mail().await);
    world
        .doorward
        .recovery
        .request_recovery(&world.anon(), &email("ben@EXAMPLE.com"))
        .await
        .ok();
    world.advance(seconds(1));
    let ctx = world.of(&session);
    let data = world
        .doorward
        .profile
        .export_user(&ctx, "me")
        .await
        .unwrap();
    assert_eq!(data.user.id, ben.id);
    let password = data.password.as_ref().unwrap();
    assert_eq!(password.scheme, "argon2id");
    assert_eq!(data.sessions.len(), 1);
    let is_there = |digest| data.links.iter().any(|link| link.digest == digest);
    assert!(is_there(link.digest()), "{:?}", data.links);
    assert_eq!(data.mails.len(), world.store.mail_jobs().len());
    let log = events(&world, &data).await;
    assert_eq!(log[0].event.as_str(), "user-exported");
    let names: Vec<_> = log.iter().map(|event| event.event.as_str()).collect();
    assert!(
        names.contains(&"sign-in") && names.contains(&"sign-up"),
        "{names:?}"
    );
    let is_bens = |event: &AuditEvent| {
        event.user_id == Some(ben.id) || event.actor == format!("user:{}", ben.id)
    };
    assert!(log.iter().all(is_bens));
}

/// L-05: actions of an admin are included, without the admin's address.
#[tokio::test]
async fn an_export_does_not_reveal_the_address_of_an_admin() {
    let world = World::new().await;
    let ada = world.admin("ada").await;
    world.active("ben").await;
    let (adas, bens) = (world.sign_in("ada").await, world.sign_in("ben").await);
    let mut ctx = world.of(&adas);
    ctx.client.address = Some("192.0.2.7".parse().unwrap());
    world
        .doorward
        .admin
        .disable(&ctx, "ben", None)
        .await
        .unwrap();
    let data = world
        .doorward
        .profile
        .export_user(&ctx, "ben")
        .await
        .unwrap();
    let log = events(&world, &data).await;
    let by_ada = |event: &&AuditEvent| event.actor == format!("user:{}", ada.id);
    let by_ada: Vec<_> = log.iter().filter(by_ada).collect();
    assert!(by_ada.len() >= 2, "{log:?}");
    assert!(by_ada.iter().all(|event| event.address.is_none()));
    assert_err!(world.check(&bens).await, Error::InvalidToken);
    let hers = world
        .doorward
        .profile
        .export_user(&ctx, "me")
        .await
        .unwrap();
    let log = events(&world, &hers).await;
    assert!(log.iter().any(|event| event.address.is_some()));
}

/// The audit log is exported page by page, which bounds the memory.
#[tokio::test]
async fn a_long_audit_log_is_paged() {
    let world = World::new().await;
    world.active("ben").await;
    let ctx = world.operator();
    for _ in 0..5 {
        world.advance(seconds(1));
        world
            .doorward
            .profile
            .export_named(&world.operator(), "ben")
            .await
            .unwrap();
    }
    let data = world
        .doorward
        .profile
        .export_named(&ctx, "ben@example.com")
        .await
        .unwrap();
    let all = events(&world, &data).await;
    let mut paged = Vec::new();
    let mut before = None;
    loop {
        let page = world
            .doorward
            .profile
            .export_audit_events(&data, before, 2)
            .await
            .unwrap();
        before = page.last().map(|event| event.id);
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, all);
    let by_anyone_else = world
        .doorward
        .profile
        .export_named(&world.anon(), "ben")
        .await;
    assert_err!(by_anyone_else, Error::Forbidden);
}

/// Requests an address change, sends its mails, and requests the confirmation again by address.
async fn move_to(world: &World, ctx: &Ctx, new: &EmailAddress) {
    let (doorward, shown) = (&world.doorward, password(PASSWORD));
    let asked = doorward
        .email
        .change_email(ctx, "me", new, Some(&shown), None);
    asked.await.unwrap();
    world.mails().await;
    let asked = doorward
        .email
        .request_confirmation(&world.anon(), new)
        .await;
    asked.unwrap();
}

/// L-05: a user's export does not reveal whether a requested address has an account, neither before
/// its mails are sent nor after.
#[tokio::test]
async fn your_own_export_reveals_no_owner_of_an_address() {
    for is_taken in [false, true] {
        let world = World::new().await;
        world.active("ben").await;
        let new = match is_taken {
            true => world.active("eve").await.email.unwrap(),
            false => email("eve@example.com"),
        };
        let session = world.sign_in("ben").await;
        let (doorward, ctx) = (&world.doorward, world.of(&session));
        world.mails().await;
        move_to(&world, &ctx, &new).await;
        let asked = doorward
            .recovery
            .request_recovery(&world.anon(), &new)
            .await;
        asked.unwrap();
        for _ in 0..2 {
            let data = doorward.profile.export_user(&ctx, "me").await.unwrap();
            assert_eq!(data.user.pending_address(), Some(&new));
            assert!(
                data.links.iter().all(|link| link.email != new),
                "taken: {is_taken}"
            );
            assert_eq!(data.mails, [], "taken: {is_taken}");
            world.mails().await;
        }
    }
}

/// the store calls of an export, and so its duration, do not depend on other users of the address.
#[tokio::test]
async fn an_export_costs_the_same_work_for_any_owner_of_a_pending_address() {
    let mut asked = Vec::new();
    for owner in ["nobody", "eve", "a pending user"] {
        let world = World::new().await;
        world.active("ben").await;
        match owner {
            "nobody" => {}
            "eve" => drop(world.active("eve").await),
            _ => drop(world.pending("eve").await),
        }
        let session = world.sign_in("ben").await;
        let ctx = world.of(&session);
        move_to(&world, &ctx, &email("eve@example.com")).await;
        world.mails().await;
        world.forget();
        world
            .doorward
            .profile
            .export_user(&ctx, "me")
            .await
            .unwrap();
        asked.push((world.spy.take_calls(), world.spy.take_changes()));
    }
    assert_eq!(asked[0], asked[1]);
    assert_eq!(asked[0], asked[2]);
}
