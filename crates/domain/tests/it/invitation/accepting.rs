//! Accepting an invitation with its link.

use doorward_domain::model::{MailKind, Purpose, Status};
use doorward_domain::sign_in::Outcome;
use doorward_domain::values::{LanguageTag, Locale, Name};

use super::*;

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
    let service = &node.doorward.invitation_acceptance;
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
    let (ctx, service) = (node.anonymous(), &node.doorward.confirmation);
    let confirmed = service.confirm(&ctx, &token_in(&mail)).await.unwrap();
    assert_eq!(confirmed.email, Some(email(ADDRESS)));
    assert!(resend(&node, &node.of(&ada), &ben).await.is_err());
    node.ask_recovery(ADDRESS).await;
    assert_eq!(node.one_mail().await.kind, MailKind::Recovery);
}

#[tokio::test]
async fn an_address_needs_no_confirmation_before_the_invitation_is_accepted() {
    let (node, ada) = with_admin().await;
    let (ben, link) = shown(&node, &ada).await;
    assert_eq!(ben.pending_address(), Some(&email(ADDRESS)));
    assert_eq!(ben.unconfirmed_address(), None);
    let accepted = accept(&node, &link).await;
    assert_eq!(accepted.unconfirmed_address(), Some(&email(ADDRESS)));
    let confirmed = node.active("eve").await;
    assert_eq!(confirmed.unconfirmed_address(), None);
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
    let service = &node.doorward.invitation_acceptance;
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
    let service = &node.doorward.invitation_acceptance;
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
        let confirmed = doorward.confirmation.confirm(&ctx, token).await;
        assert_err!(confirmed, Error::LinkExpired);
        let recovered = doorward.recovery.view(&ctx, token).await;
        assert_err!(recovered, Error::LinkExpired);
    }
    assert_void(&node, &confirmation).await;
    assert_void(&node, &Token::generate(&*node.random)).await;
    accept(&node, &link).await;
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
