//! Export of all data about a user, for that user (L-05).

use doorward_domain::model::AuditEvent;
use doorward_domain::users::PersonalData;
use doorward_domain::values::EmailAddress;
use doorward_domain::{Ctx, Error};

use crate::test_node::*;

async fn events(node: &TestNode, data: &PersonalData) -> Vec<AuditEvent> {
    let all = node
        .doorward
        .personal_export
        .export_audit_events(data, None, 100);
    all.await.unwrap()
}

/// L-05: sessions, links, mails, password metadata, and the audit log.
#[tokio::test]
async fn an_export_has_all_personal_data_and_no_secret() {
    let node = TestNode::new().await;
    node.list_at_once();
    let ben = node.active("ben").await;
    node.active("eve").await;
    let session = node.sign_in("ben").await;
    node.sign_in("eve").await;
    node.ask_recovery("ben@example.com").await;
    let link = token_in(&node.one_mail().await);
    node.doorward
        .recovery
        .request(&node.anonymous(), &email("ben@EXAMPLE.com"), None)
        .await
        .ok();
    node.advance(seconds(1));
    let ctx = node.of(&session);
    let data = node
        .doorward
        .personal_export
        .export(&ctx, "me")
        .await
        .unwrap();
    assert_eq!(data.user.id, ben.id);
    let password = data.password.as_ref().unwrap();
    assert_eq!(password.scheme, "argon2id");
    assert_eq!(data.sessions.len(), 1);
    let is_there = |digest| data.links.iter().any(|link| link.digest == digest);
    assert!(is_there(link.digest()), "{:?}", data.links);
    assert_eq!(data.mails.len(), node.mail_jobs().len());
    let log = events(&node, &data).await;
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
    let node = TestNode::new().await;
    node.list_at_once();
    let ada = node.admin("ada").await;
    node.active("ben").await;
    let (adas, bens) = (node.sign_in("ada").await, node.sign_in("ben").await);
    let mut ctx = node.of(&adas);
    ctx.client.address = Some("192.0.2.7".parse().unwrap());
    node.doorward
        .admin
        .disable(&ctx, "ben", None)
        .await
        .unwrap();
    let data = node
        .doorward
        .personal_export
        .export(&ctx, "ben")
        .await
        .unwrap();
    let log = events(&node, &data).await;
    let by_ada = |event: &&AuditEvent| event.actor == format!("user:{}", ada.id);
    let by_ada: Vec<_> = log.iter().filter(by_ada).collect();
    assert!(by_ada.len() >= 2, "{log:?}");
    assert!(by_ada.iter().all(|event| event.address.is_none()));
    assert_err!(node.check(&bens).await, Error::InvalidToken);
    let hers = node
        .doorward
        .personal_export
        .export(&ctx, "me")
        .await
        .unwrap();
    let log = events(&node, &hers).await;
    assert!(log.iter().any(|event| event.address.is_some()));
}

/// The audit log is exported page by page, which bounds the memory.
#[tokio::test]
async fn a_long_audit_log_is_paged() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let ctx = node.operator();
    for _ in 0..5 {
        node.advance(seconds(1));
        node.doorward
            .personal_export
            .export_by_name(&node.operator(), "ben")
            .await
            .unwrap();
    }
    let data = node
        .doorward
        .personal_export
        .export_by_name(&ctx, "ben@example.com")
        .await
        .unwrap();
    let all = events(&node, &data).await;
    let mut paged = Vec::new();
    let mut before = None;
    for _ in 0..=all.len() {
        let page = node
            .doorward
            .personal_export
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
    let by_anyone_else = node
        .doorward
        .personal_export
        .export_by_name(&node.anonymous(), "ben")
        .await;
    assert_err!(by_anyone_else, Error::Forbidden);
}

/// Requests an address change, sends its mails, and requests the confirmation again by address.
async fn move_to(node: &TestNode, ctx: &Ctx, new: &EmailAddress) {
    let (doorward, shown) = (&node.doorward, proof(PASSWORD));
    let asked = change_email(doorward, ctx, "me", new, Some(&shown), None);
    asked.await.unwrap();
    node.mails().await;
    let asked = doorward
        .confirmation
        .request_confirmation(&node.anonymous(), new, None)
        .await;
    asked.unwrap();
}

/// L-05: a user's export does not reveal whether a requested address has an account, neither before
/// its mails are sent nor after.
#[tokio::test]
async fn your_own_export_reveals_no_owner_of_an_address() {
    for is_taken in [false, true] {
        let node = TestNode::new().await;
        node.active("ben").await;
        let new = match is_taken {
            true => node.active("eve").await.email.unwrap(),
            false => email("eve@example.com"),
        };
        let session = node.sign_in("ben").await;
        let (doorward, ctx) = (&node.doorward, node.of(&session));
        node.mails().await;
        move_to(&node, &ctx, &new).await;
        let asked = doorward
            .recovery
            .request(&node.anonymous(), &new, None)
            .await;
        asked.unwrap();
        for _ in 0..2 {
            let data = doorward.personal_export.export(&ctx, "me").await.unwrap();
            assert_eq!(data.user.pending_address(), Some(&new));
            assert!(
                data.links
                    .iter()
                    .all(|link| link.email.as_ref() != Some(&new)),
                "taken: {is_taken}"
            );
            assert_eq!(data.mails, [], "taken: {is_taken}");
            node.mails().await;
        }
    }
}

/// the store calls of an export, and so its duration, do not depend on other users of the address.
#[tokio::test]
async fn an_export_costs_the_same_work_for_any_owner_of_a_pending_address() {
    let mut asked = Vec::new();
    for owner in ["nobody", "eve", "a pending user"] {
        let node = TestNode::new().await;
        node.active("ben").await;
        match owner {
            "nobody" => {}
            "eve" => drop(node.active("eve").await),
            _ => drop(node.pending("eve").await),
        }
        let session = node.sign_in("ben").await;
        let ctx = node.of(&session);
        move_to(&node, &ctx, &email("eve@example.com")).await;
        node.mails().await;
        node.clear_cache();
        node.doorward
            .personal_export
            .export(&ctx, "me")
            .await
            .unwrap();
        asked.push((node.spy.take_calls(), node.spy.take_writes()));
    }
    assert_eq!(asked[0], asked[1]);
    assert_eq!(asked[0], asked[2]);
}
