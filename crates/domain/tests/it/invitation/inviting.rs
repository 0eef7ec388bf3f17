//! What an admin does: invites, sends an invitation again, revokes it, and lists invitations.

use crate::test_node::change_email;
use std::net::IpAddr;

use doorward_domain::model::{InvitationStatus, Link, MailKind, Status};

use super::*;

/// a new link replaces the previous one.
#[tokio::test]
async fn an_invitation_that_is_sent_again_is_valid_for_another_week() {
    let (node, ada) = with_admin().await;
    for (first, is_mailed) in [(by_mail(), true), (by_link(), false)] {
        let (ctx, service) = (node.of(&ada), &node.doorward.invitations);
        let invited = invite(&node, &ctx, first).await.unwrap();
        let old = match is_mailed {
            true => token_in(&node.one_mail().await),
            false => token_of(&invited),
        };
        node.advance(hours(8 * 24));
        assert_void(&node, &old).await;
        let ada = node.sign_in("ada").await;
        node.mails().await;
        node.audited();
        let again = resend(&node, &node.of(&ada), &invited.user).await.unwrap();
        assert_eq!(node.audited(), ["invited"]);
        let new = match is_mailed {
            true => token_in(&node.one_mail().await),
            false => token_of(&again),
        };
        assert_ne!(old.digest(), new.digest());
        node.advance(hours(6 * 24));
        assert_void(&node, &old).await;
        let accepted = accept(&node, &new).await;
        let named = accepted.id.to_string();
        for result in [
            service.resend(&node.operator(), &named).await.map(drop),
            service.revoke(&node.operator(), &named).await,
        ] {
            assert_err!(result, Error::NotFound);
        }
        let (ctx, deletion) = (node.operator(), &node.doorward.deletion);
        deletion.delete(&ctx, &named, None).await.unwrap();
    }
}

#[tokio::test]
async fn a_revoked_invitation_leaves_nothing() {
    let (node, ada) = with_admin().await;
    let (ben, link) = shown(&node, &ada).await;
    node.audited();
    let service = &node.doorward.invitations;
    service.revoke(&node.of(&ada), "ben").await.unwrap();
    assert_eq!(node.audited(), ["invitation-revoked"]);
    assert_void(&node, &link).await;
    assert_eq!(node.stored_session(&ben).await, None);
    assert_eq!(node.store.all::<Link>(), []);
    // The names are free.
    shown(&node, &ada).await;
}

#[tokio::test]
async fn a_queued_mail_of_a_revoked_invitation_is_not_sent() {
    let (node, ada) = with_admin().await;
    let invited = invite(&node, &node.of(&ada), by_mail()).await.unwrap();
    let named = invited.user.id.to_string();
    let service = &node.doorward.invitations;
    service.revoke(&node.of(&ada), &named).await.unwrap();
    assert!(node.mails().await.is_empty());
}

#[tokio::test]
async fn a_name_or_an_address_in_use_is_not_invited() {
    let (node, ada) = with_admin().await;
    node.active("ben").await;
    node.audited();
    let ctx = node.of(&ada);
    for (wanted, is_address) in [
        (by_mail(), true),
        (invited(Some("Ben"), None, Role::User), false),
    ] {
        match invite(&node, &ctx, wanted).await {
            Err(Error::EmailTaken) => assert!(is_address),
            Err(Error::UsernameTaken) => assert!(!is_address),
            other => panic!("{other:?}"),
        }
    }
    assert!(node.audited().is_empty());
    assert!(node.mails().await.is_empty());
}

/// Nothing else confirms the address, and a link without a username leads to an account that no one can sign in to.
#[tokio::test]
async fn an_invitation_needs_a_way_to_the_user_and_a_name_to_sign_in_with() {
    let (node, ada) = with_admin().await;
    for (name, address, delivery, field) in [
        (None, None, None, "username"),
        (Some("ben"), None, Some(InvitationDelivery::Mail), "email"),
        (
            None,
            Some(ADDRESS),
            Some(InvitationDelivery::Link),
            "username",
        ),
    ] {
        let wanted = NewInvitation {
            delivery,
            ..invited(name, address, Role::User)
        };
        let refused = invite(&node, &node.of(&ada), wanted).await;
        assert_err!(refused, Error::Invalid(fields) if fields[0].field == field);
    }
}

/// what an admin does to the account voids the link.
#[tokio::test]
async fn a_change_of_the_account_by_an_admin_voids_the_link() {
    let (node, ada) = with_admin().await;
    let (ben, link) = mailed(&node, &ada).await;
    let (named, admin) = (ben.id.to_string(), &node.doorward.admin);
    admin.disable(&node.of(&ada), &named, None).await.unwrap();
    assert_void(&node, &link).await;
    let refused = resend(&node, &node.of(&ada), &ben).await;
    assert_err!(refused, Error::NotFound);
    let enabled = admin.enable(&node.of(&ada), &named, None).await.unwrap();
    assert_eq!(enabled.status, Status::Pending);
    assert_void(&node, &link).await;
    resend(&node, &node.of(&ada), &ben).await.unwrap();
    let link = token_in(&node.one_mail().await);

    // The new address gets an invitation of its own.
    let new = email("ben@example.org");
    let ctx = node.of(&ada);
    let changed = change_email(&node.doorward, &ctx, &named, &new, None, None).await;
    changed.unwrap();
    assert_void(&node, &link).await;
    let mail = node.one_mail().await;
    assert_eq!((mail.kind, &mail.to), (MailKind::Invitation, &new));
    assert_eq!(accept(&node, &token_in(&mail)).await.email, Some(new));
}

/// The mail is the same invitation; one that is shown is never mailed.
#[tokio::test]
async fn a_request_for_the_confirmation_mail_sends_the_invitation_again() {
    for is_mailed in [true, false] {
        let (node, ada) = with_admin().await;
        let (ben, link) = match is_mailed {
            true => mailed(&node, &ada).await,
            false => shown(&node, &ada).await,
        };
        let (ctx, address) = (node.anonymous(), email(ADDRESS));
        let service = &node.doorward.confirmation;
        service
            .request_confirmation(&ctx, &address, None)
            .await
            .unwrap();
        let kinds: Vec<_> = node.mails().await.iter().map(|mail| mail.kind).collect();
        let expected: &[_] = if is_mailed {
            &[MailKind::Invitation]
        } else {
            &[]
        };
        assert_eq!(kinds, expected);
        assert_eq!(node.stored_user(&ben).await, ben);
        match is_mailed {
            true => assert_void(&node, &link).await,
            false => drop(accept(&node, &link).await),
        }
    }
}

/// as for other mails, three an hour from one network to one mailbox.
#[tokio::test]
async fn a_mailbox_gets_few_invitations() {
    let (node, ada) = with_admin().await;
    let mut ctx = node.of(&ada);
    ctx.client.address = Some(IpAddr::from([203, 0, 113, 1]));
    let ben = invite(&node, &ctx, by_mail()).await.unwrap().user;
    for _ in 0..2 {
        resend(&node, &ctx, &ben).await.unwrap();
    }
    let refused = resend(&node, &ctx, &ben).await;
    assert_err!(refused, Error::TooManyAttempts { .. });
    // A failed invitation does not count.
    for _ in 0..5 {
        let taken = invited(Some("ada"), Some("eve@example.com"), Role::User);
        assert_err!(invite(&node, &ctx, taken).await, Error::UsernameTaken);
    }
}

/// only the mail that is written counts.
#[tokio::test]
async fn an_invitation_that_could_not_be_sent_again_is_not_counted() {
    let (node, ada) = with_admin().await;
    let mut ctx = node.of(&ada);
    ctx.client.address = Some(IpAddr::from([203, 0, 113, 1]));
    let ben = invite(&node, &ctx, by_mail()).await.unwrap().user;
    node.spy.fail("write jobs");
    for _ in 0..5 {
        assert_err!(resend(&node, &ctx, &ben).await, Error::Store(_));
    }
    node.spy.clear_failures();
    for _ in 0..2 {
        resend(&node, &ctx, &ben).await.unwrap();
    }
    let refused = resend(&node, &ctx, &ben).await;
    assert_err!(refused, Error::TooManyAttempts { .. });
}

/// the mail may be queued.
#[tokio::test]
async fn an_invitation_that_may_have_been_sent_is_counted() {
    let (node, ada) = with_admin().await;
    let mut ctx = node.of(&ada);
    ctx.client.address = Some(IpAddr::from([203, 0, 113, 1]));
    node.spy.lose_reply();
    let lost = invite(&node, &ctx, by_mail()).await;
    assert_err!(lost, Error::OutcomeUnknown(_));
    node.list_at_once();
    let invitations = &node.doorward.invitations;
    let open = invitations.list(&ctx, InvitationStatus::Pending, None, 1);
    let ben = open.await.unwrap().remove(0);
    node.spy.lose_reply();
    let lost = resend(&node, &ctx, &ben).await;
    assert_err!(lost, Error::OutcomeUnknown(_));
    resend(&node, &ctx, &ben).await.unwrap();
    let refused = resend(&node, &ctx, &ben).await;
    assert_err!(refused, Error::TooManyAttempts { .. });
}

/// Z-04: the write checks the stored role of the actor.
#[tokio::test]
async fn an_admin_who_was_demoted_invites_no_one() {
    let (node, ada) = with_admin().await;
    let (ben, _) = shown(&node, &ada).await;
    node.admin("zoe").await;
    let stale = node.of(&ada);
    demote_ada(&node).await.unwrap();
    let service = &node.doorward.invitations;
    let wanted = invited(None, Some("eve@example.com"), Role::User);
    for result in [
        service.invite(&stale, wanted).await.map(drop),
        service.resend(&stale, "ben").await.map(drop),
        service.revoke(&stale, "ben").await,
    ] {
        assert_err!(result, Error::Forbidden);
    }
    assert_eq!(node.stored_user(&ben).await, ben);
    assert!(node.mails().await.is_empty());
}

#[tokio::test]
async fn invitations_are_listed_by_their_status() {
    let (node, ada) = with_admin().await;
    node.list_at_once();
    let mut users = Vec::new();
    for name in ["one", "two", "three"] {
        let wanted = invited(Some(name), None, Role::User);
        users.push(invite(&node, &node.of(&ada), wanted).await.unwrap());
        node.advance(hours(24));
    }
    node.active("eve").await;
    accept(&node, &token_of(&users[0])).await;
    let names = async |status| -> Vec<String> {
        let users = listed(&node, status).await;
        let name = |user: &User| user.username.clone().unwrap().as_str().to_owned();
        users.iter().map(name).collect()
    };
    assert_eq!(names(InvitationStatus::Pending).await, ["three", "two"]);
    node.advance(hours(5 * 24));
    assert_eq!(names(InvitationStatus::Pending).await, ["three"]);
    assert_eq!(names(InvitationStatus::Expired).await, ["two"]);
    assert_eq!(names(InvitationStatus::Accepted).await, ["one"]);
    node.audited();
    let (service, ctx) = (&node.doorward.invitations, node.operator());
    let before = Some(users[2].user.id);
    let page = service.list(&ctx, InvitationStatus::Pending, before, 10);
    assert!(page.await.unwrap().is_empty());
    assert_eq!(node.audited(), ["users-listed"]);
}

#[tokio::test]
async fn the_secret_of_a_link_is_not_in_debug_output() {
    let (node, ada) = with_admin().await;
    let invited = invite(&node, &node.of(&ada), by_link()).await.unwrap();
    let secret = token_of(&invited).expose();
    assert!(!format!("{invited:?}").contains(&secret));
}
