//! Invitations: an admin creates a pending user, who accepts with a link and chooses a password.

use std::net::IpAddr;

use doorward_domain::invitation::{Acceptance, Invited, NewInvitation};
use doorward_domain::model::{
    InvitationDelivery, InvitationStatus, Link, MailKind, Purpose, Role, Status, User,
};
use doorward_domain::ports::Store;
use doorward_domain::sessions::SignedIn;
use doorward_domain::sign_in::Outcome;
use doorward_domain::sign_up::CompletedSignUp;
use doorward_domain::values::{LanguageTag, Locale, Name, Token};
use doorward_domain::{Ctx, Error};

use crate::test_node::*;

const ADDRESS: &str = "ben@example.com";

/// A node with the admin Ada, and her session.
async fn with_admin() -> (TestNode, SignedIn) {
    let node = TestNode::new().await;
    node.admin("ada").await;
    let session = node.sign_in("ada").await;
    node.mails().await;
    node.audited();
    (node, session)
}

async fn invite(node: &TestNode, ctx: &Ctx, wanted: NewInvitation) -> Result<Invited, Error> {
    node.doorward.invitations.invite(ctx, wanted).await
}

fn by_mail() -> NewInvitation {
    invited(None, Some(ADDRESS), Role::User)
}

fn by_link() -> NewInvitation {
    NewInvitation {
        delivery: Some(InvitationDelivery::Link),
        ..invited(Some("ben"), Some(ADDRESS), Role::User)
    }
}

/// Ben, whom Ada has invited by mail, and the link.
async fn mailed(node: &TestNode, ada: &SignedIn) -> (User, Token) {
    let invited = invite(node, &node.of(ada), by_mail()).await.unwrap();
    assert!(invited.url.is_none());
    (invited.user, token_in(&node.one_mail().await))
}

/// Ben, whom Ada has invited by a link that she passes on.
async fn shown(node: &TestNode, ada: &SignedIn) -> (User, Token) {
    let invited = invite(node, &node.of(ada), by_link()).await.unwrap();
    let link = token_of(&invited);
    (invited.user, link)
}

fn token_of(invited: &Invited) -> Token {
    let url = invited.url.as_ref().unwrap().expose();
    let token = url.strip_prefix("https://accounts.example/invitation/");
    Token::parse(token.unwrap()).unwrap()
}

async fn try_accept(node: &TestNode, link: &Token, shown: &str) -> Result<CompletedSignUp, Error> {
    let acceptance = Acceptance {
        password: secret(shown),
        name: None,
    };
    let service = &node.doorward.invitations;
    service.accept(&node.anonymous(), link, &acceptance).await
}

async fn accept(node: &TestNode, link: &Token) -> User {
    let accepted = try_accept(node, link, PASSWORD).await.unwrap();
    accepted.user().clone()
}

async fn assert_void(node: &TestNode, link: &Token) {
    let (ctx, service) = (node.anonymous(), &node.doorward.invitations);
    assert_err!(service.view(&ctx, link).await, Error::LinkExpired);
    assert_err!(try_accept(node, link, PASSWORD).await, Error::LinkExpired);
}

async fn resend(node: &TestNode, ctx: &Ctx, user: &User) -> Result<Invited, Error> {
    let named = user.id.to_string();
    node.doorward.invitations.resend(ctx, &named).await
}

async fn demote_ada(node: &TestNode) -> Result<User, Error> {
    let (ctx, admin) = (node.operator(), &node.doorward.admin);
    admin.change_role(&ctx, "ada", Role::User, None).await
}

async fn sweep(node: &TestNode) {
    let housekeeping = &node.doorward.housekeeping;
    housekeeping.sweep(&node.worker()).await.unwrap();
}

async fn listed(node: &TestNode, status: InvitationStatus) -> Vec<User> {
    let (ctx, service) = (node.operator(), &node.doorward.invitations);
    service.list(&ctx, status, None, 10).await.unwrap()
}

/// viewing changes nothing. R-05: the link works once.
#[tokio::test]
async fn a_mailed_link_confirms_the_address_and_sets_the_password() {
    let (node, ada) = with_admin().await;
    let wanted = NewInvitation {
        name: Some(Name::parse("Ben").unwrap()),
        locale: Some(LanguageTag::parse("de").unwrap()),
        ..by_mail()
    };
    let ben = invite(&node, &node.of(&ada), wanted).await.unwrap().user;
    assert_eq!(node.audited(), ["invited"]);
    assert_eq!((ben.status, ben.role), (Status::Pending, Role::User));
    let mail = node.one_mail().await;
    let sent = (mail.kind, mail.to.as_str(), mail.locale, mail.valid_minutes);
    let expected = (MailKind::Invitation, ADDRESS, Locale::De, Some(7 * 24 * 60));
    assert_eq!(sent, expected);
    let link = token_in(&mail);
    let service = &node.doorward.invitations;
    for _ in 0..2 {
        let viewed = service.view(&node.anonymous(), &link).await.unwrap();
        assert_eq!(viewed, ben);
    }
    assert_eq!(node.stored_user(&ben).await, ben);

    let accepted = accept(&node, &link).await;
    assert_eq!(node.audited(), ["invitation-accepted"]);
    assert_eq!(node.stored_user(&ben).await, accepted);
    assert_eq!(accepted.status, Status::Active);
    assert_eq!(accepted.email, Some(email(ADDRESS)));
    assert_eq!(accepted.pending_email, None);
    assert_eq!(accepted.name, ben.name);
    node.sign_in(ADDRESS).await;
    assert_void(&node, &link).await;
}

/// only the link of an account without a password is shown.
#[tokio::test]
async fn a_link_that_is_shown_leaves_the_address_pending() {
    let (node, ada) = with_admin().await;
    let (ben, link) = shown(&node, &ada).await;
    assert!(node.mails().await.is_empty());
    node.advance(hours(6 * 24));
    let accepted = accept(&node, &link).await;
    assert_eq!((accepted.status, &accepted.email), (Status::Active, &None));
    node.sign_in("ben").await;
    // The address has three days from now, as after a sign-up.
    let mail = node.one_mail().await;
    assert_eq!((mail.kind, mail.to.as_str()), (MailKind::SignUp, ADDRESS));
    sweep(&node).await;
    let (ctx, service) = (node.anonymous(), &node.doorward.email);
    let confirmed = service.confirm(&ctx, &token_in(&mail)).await.unwrap();
    assert_eq!(confirmed.email, Some(email(ADDRESS)));
    assert!(resend(&node, &node.of(&ada), &ben).await.is_err());
    node.ask_recovery(ADDRESS).await;
    assert_eq!(node.one_mail().await.kind, MailKind::Recovery);
}

/// the password was entered in the request that accepts.
#[tokio::test]
async fn the_browser_that_accepts_can_be_signed_in() {
    let (node, ada) = with_admin().await;
    let (_, link) = mailed(&node, &ada).await;
    let accepted = try_accept(&node, &link, PASSWORD).await.unwrap();
    let service = &node.doorward.sign_in;
    let outcome = service.after_sign_up(&node.anonymous(), &accepted).await;
    let Outcome::Session(signed_in) = outcome.unwrap() else {
        panic!("no second factor is needed");
    };
    assert_eq!(signed_in.session.auth_time, node.now());
    node.check(&signed_in).await.unwrap();
}

#[tokio::test]
async fn the_user_can_choose_the_name() {
    let (node, ada) = with_admin().await;
    let (_, link) = mailed(&node, &ada).await;
    let acceptance = Acceptance {
        password: secret(PASSWORD),
        name: Some(Name::parse("Benjamin").unwrap()),
    };
    let service = &node.doorward.invitations;
    let accepted = service.accept(&node.anonymous(), &link, &acceptance).await;
    assert_eq!(accepted.unwrap().user().name, acceptance.name);
}

/// P-06: also the name that the user enters is no password.
#[tokio::test]
async fn a_rejected_password_does_not_use_the_link() {
    let (node, ada) = with_admin().await;
    let (_, link) = mailed(&node, &ada).await;
    for weak in ["password1", ADDRESS, "short"] {
        let refused = try_accept(&node, &link, weak).await;
        assert_err!(refused, Error::Invalid(fields) if fields[0].field == "password");
    }
    let acceptance = Acceptance {
        password: secret("Benjamin Button"),
        name: Some(Name::parse("Benjamin Button").unwrap()),
    };
    let service = &node.doorward.invitations;
    let refused = service.accept(&node.anonymous(), &link, &acceptance).await;
    assert_err!(refused, Error::Invalid(_));
    accept(&node, &link).await;
}

/// two concurrent requests set one password.
#[tokio::test]
async fn two_concurrent_uses_set_one_password() {
    let (node, ada) = with_admin().await;
    let (_, link) = mailed(&node, &ada).await;
    node.audited();
    node.spy.yield_once();
    let (one, other) = tokio::join!(
        try_accept(&node, &link, PASSWORD),
        try_accept(&node, &link, OTHER_PASSWORD)
    );
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    assert_eq!(node.audited(), ["invitation-accepted"]);
    let right = if one.is_ok() {
        PASSWORD
    } else {
        OTHER_PASSWORD
    };
    node.try_sign_in(ADDRESS, right).await.unwrap();
}

/// an invited user is like an unknown one until then. A-06: wrong passwords before the acceptance do not count.
#[tokio::test]
async fn no_one_signs_in_before_the_invitation_is_accepted() {
    let (node, ada) = with_admin().await;
    let (_, link) = shown(&node, &ada).await;
    for name in ["ben", ADDRESS] {
        for _ in 0..20 {
            let refused = node.try_sign_in(name, PASSWORD).await;
            assert!(refused.is_err());
            node.advance(seconds(30));
        }
        let refused = node.try_sign_in(name, PASSWORD).await;
        assert_err!(refused, Error::InvalidCredentials);
    }
    accept(&node, &link).await;
    node.sign_in("ben").await;
}

/// the link is bound to its purpose.
#[tokio::test]
async fn another_link_accepts_no_invitation() {
    let (node, ada) = with_admin().await;
    let (ben, link) = mailed(&node, &ada).await;
    // An older node sends the confirmation of a sign-up.
    let confirmation = node.link(&ben, Purpose::Confirmation, ADDRESS).await;
    let (ctx, doorward) = (node.anonymous(), &node.doorward);
    for token in [&confirmation, &link] {
        let confirmed = doorward.email.confirm(&ctx, token).await;
        assert_err!(confirmed, Error::LinkExpired);
        let recovered = doorward.recovery.view(&ctx, token).await;
        assert_err!(recovered, Error::LinkExpired);
    }
    assert_void(&node, &confirmation).await;
    assert_void(&node, &Token::generate(&*node.random)).await;
    accept(&node, &link).await;
}

/// seven days, by the clock. A pending sign-up would be deleted after three.
#[tokio::test]
async fn an_invitation_expires_and_is_deleted_a_week_later() {
    let (node, ada) = with_admin().await;
    let (ben, link) = mailed(&node, &ada).await;
    node.audited();
    node.advance(hours(7 * 24) - MICROSECOND);
    sweep(&node).await;
    let service = &node.doorward.invitations;
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
        let (ctx, profile) = (node.operator(), &node.doorward.profile);
        profile.delete(&ctx, &named, None).await.unwrap();
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

/// the first to confirm an address gets it, and an invitation does not block its owner.
#[tokio::test]
async fn the_owner_of_the_address_can_sign_up_in_the_meantime() {
    let (node, ada) = with_admin().await;
    let (invited, link) = mailed(&node, &ada).await;
    let own = node.active("ben").await;
    assert_eq!(own.email, Some(email(ADDRESS)));
    assert_void(&node, &link).await;
    assert_eq!(node.stored_session(&invited).await, None);

    // The other way round.
    let other = NewInvitation {
        email: Some(email("eve@example.com")),
        ..by_mail()
    };
    let pending = node.pending("eve").await;
    node.mails().await;
    invite(&node, &node.of(&ada), other).await.unwrap();
    let link = token_in(&node.one_mail().await);
    accept(&node, &link).await;
    assert_eq!(node.stored_session(&pending).await, None);
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
    let (ctx, service) = (node.of(&ada), &node.doorward.email);
    let changed = service.change(&ctx, &named, &new, None, None).await;
    changed.unwrap();
    assert_void(&node, &link).await;
    let mail = node.one_mail().await;
    assert_eq!((mail.kind, &mail.to), (MailKind::Invitation, &new));
    assert_eq!(accept(&node, &token_in(&mail)).await.email, Some(new));
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
        let service = &node.doorward.email;
        service.request_confirmation(&ctx, &address).await.unwrap();
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

/// sending it again gives the role as well.
#[tokio::test]
async fn an_invited_admin_joins_the_admins_with_the_acceptance() {
    let (node, ada) = with_admin().await;
    let wanted = invited(Some("zoe"), None, Role::Admin);
    let zoe = invite(&node, &node.of(&ada), wanted).await.unwrap();
    node.advance(minutes(6));
    let refused = resend(&node, &node.of(&ada), &zoe.user).await;
    assert_err!(refused, Error::ReauthenticationRequired);
    assert_err!(demote_ada(&node).await, Error::LastAdmin);
    accept(&node, &token_of(&zoe)).await;
    demote_ada(&node).await.unwrap();
    assert!(node.has_admin().await);
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

/// L-05.
#[tokio::test]
async fn an_invited_user_can_be_exported_and_deleted() {
    let (node, ada) = with_admin().await;
    let (ben, link) = shown(&node, &ada).await;
    let (ctx, profile) = (node.of(&ada), &node.doorward.profile);
    let data = profile.export(&ctx, "ben").await.unwrap();
    assert_eq!(data.links.len(), 1);
    assert!(data.password.is_none());
    profile.delete(&ctx, "ben", None).await.unwrap();
    assert_void(&node, &link).await;
    assert_eq!(node.stored_session(&ben).await, None);
}

#[tokio::test]
async fn the_secret_of_a_link_is_not_in_debug_output() {
    let (node, ada) = with_admin().await;
    let invited = invite(&node, &node.of(&ada), by_link()).await.unwrap();
    let secret = token_of(&invited).expose();
    assert!(!format!("{invited:?}").contains(&secret));
}
