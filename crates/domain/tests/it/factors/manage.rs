//! Adding, listing, renewing and removing second factors.

use doorward_domain::Error;
use doorward_domain::factors::MAX_FACTORS;
use doorward_domain::model::{Credential, MailKind};
use doorward_domain::store::Records;

use super::*;

/// A new factor counts after its first code, comes with ten recovery codes, and is reported by mail.
#[tokio::test]
async fn an_authenticator_is_added_with_its_first_code() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let session = node.sign_in("ben").await;
    let (ctx, factor_enrolment) = (node.of(&session), &node.doorward.factor_enrolment);
    let name = FactorName::parse(" Phone ").unwrap();
    let begun = factor_enrolment.begin(&ctx, "me", &name).await.unwrap();
    assert!(!begun.factor.is_active);
    assert_eq!(begun.secret.expose().len(), 32);
    assert_eq!(
        begun.uri.expose().split('?').next(),
        Some("otpauth://totp/accounts.example:ben%40example.com")
    );
    let id = begun.factor.id.to_string();
    let app = App::new(&begun.secret);
    let wrong = factor_enrolment
        .finish(&ctx, "me", &id, &app.wrong(&node))
        .await;
    assert_err!(wrong, Error::InvalidCode);
    node.sign_in("ben").await;
    node.clear_cache();
    let first = app.code_at(node.now());
    let added = factor_enrolment
        .finish(&ctx, "me", &id, &first)
        .await
        .unwrap();
    assert!(added.factor.is_active && added.factor.name == "Phone");
    assert_eq!(added.recovery_codes.unwrap().len(), 10);
    assert_eq!(node.audited(), ["factor-added"]);
    assert_eq!(node.one_mail().await.kind, MailKind::FirstFactorAdded);
    let again = factor_enrolment.finish(&ctx, "me", &id, &first).await;
    assert_err!(again, Error::NotFound);
    // The first code is used up.
    let token = challenge(&node, "ben").await;
    assert_err!(answer(&node, &token, &first).await, Error::InvalidCode);
}

#[tokio::test]
async fn an_enrolment_is_replaced_by_the_next_and_expires_after_an_hour() {
    let node = TestNode::new().await;
    node.list_at_once();
    node.active("ben").await;
    let session = node.sign_in("ben").await;
    let begin = async || {
        let ctx = node.of(&session);
        let begun = node
            .doorward
            .factor_enrolment
            .begin(&ctx, "me", &FactorName::default())
            .await;
        begun.unwrap()
    };
    let (first, second) = (begin().await, begin().await);
    let finish = async |begun: &Enrolment| {
        let (id, app) = (begun.factor.id.to_string(), App::new(&begun.secret));
        let code = app.code_at(node.now());
        node.doorward
            .factor_enrolment
            .finish(&node.of(&session), "me", &id, &code)
            .await
    };
    assert_err!(finish(&first).await, Error::NotFound);
    let listed = node
        .doorward
        .factors
        .list(&node.of(&session), "me")
        .await
        .unwrap();
    assert_eq!((listed.factors.len(), listed.recovery_codes), (1, None));
    node.advance(hours(1) + MICROSECOND);
    let listed = node
        .doorward
        .factors
        .list(&node.of(&session), "me")
        .await
        .unwrap();
    assert_eq!(listed.factors, []);
    assert_err!(finish(&second).await, Error::NotFound);
}

/// Several authenticators work, each with its name; only the first comes with recovery codes.
#[tokio::test]
async fn each_authenticator_signs_in_until_it_is_removed() {
    let (node, ben) = ben().await;
    let session = sign_in(&node, &ben).await.unwrap();
    let ctx = node.of(&session);
    let (tablet, id, codes) = add_app(&node, &ctx, "Tablet").await;
    assert!(codes.is_none());
    node.advance(minutes(1));
    for app in [&ben.app, &tablet] {
        let token = challenge(&node, "ben").await;
        answer(&node, &token, &app.code_at(node.now()))
            .await
            .unwrap();
    }
    let listed = node.doorward.factors.list(&ctx, "me").await.unwrap();
    let names: Vec<_> = listed.factors.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["Phone", "Tablet"]);
    assert!(
        listed
            .factors
            .iter()
            .all(|one| one.last_used_at == Some(node.now()))
    );
    assert_eq!(listed.recovery_codes, Some(10));
    // Without one of them, the sign-in still needs the other.
    let ctx = node.of(&session);
    node.doorward
        .factor_removal
        .remove(&ctx, "me", &ben.id)
        .await
        .unwrap();
    node.advance(STEP);
    let token = challenge(&node, "ben").await;
    let removed = answer(&node, &token, &ben.app.code_at(node.now())).await;
    assert_err!(removed, Error::InvalidCode);
    answer(&node, &token, &tablet.code_at(node.now()))
        .await
        .unwrap();
    assert_ne!(id, ben.id);
}

#[tokio::test]
async fn a_user_has_at_most_ten_authenticators() {
    let node = TestNode::with(|policy| policy.reauthenticate_after = SignedDuration::ZERO).await;
    node.active("ben").await;
    let session = node.sign_in("ben").await;
    // Reauthentication is off, but a session without the factor never counts as recent.
    let ctx = node.of(&session);
    let (app, ..) = add_app(&node, &ctx, "1").await;
    let refused = node
        .doorward
        .factor_enrolment
        .begin(&ctx, "me", &FactorName::default())
        .await;
    assert_err!(refused, Error::ReauthenticationRequired);
    node.advance(minutes(1));
    let token = challenge(&node, "ben").await;
    let session = answer(&node, &token, &app.code_at(node.now())).await;
    let ctx = node.of(&session.unwrap());
    for number in 2..=MAX_FACTORS {
        add_app(&node, &ctx, &number.to_string()).await;
    }
    let refused = node
        .doorward
        .factor_enrolment
        .begin(&ctx, "me", &FactorName::default())
        .await;
    assert_err!(refused, Error::Invalid(_));
}

/// No one adds a factor for another user, an admin neither.
#[tokio::test]
async fn a_factor_is_added_by_its_user_only() {
    let node = TestNode::new().await;
    node.admin("ada").await;
    node.active("ben").await;
    let name = FactorName::default();
    for (who, whose) in [("ada", "ben"), ("ben", "ada")] {
        let ctx = node.of(&node.sign_in(who).await);
        let refused = node
            .doorward
            .factor_enrolment
            .begin(&ctx, whose, &name)
            .await;
        assert_err!(refused, Error::Forbidden);
    }
}

/// A secret is sealed: neither it nor a recovery code is stored as it is.
#[tokio::test]
async fn no_secret_is_stored_in_plain_text() {
    let node = TestNode::new().await;
    node.list_at_once();
    node.active("ben").await;
    let session = node.sign_in("ben").await;
    let (ctx, factor_enrolment) = (node.of(&session), &node.doorward.factor_enrolment);
    let begun = factor_enrolment
        .begin(&ctx, "me", &FactorName::default())
        .await
        .unwrap();
    let (app, id) = (App::new(&begun.secret), begun.factor.id.to_string());
    let code = app.code_at(node.now());
    let added = factor_enrolment
        .finish(&ctx, "me", &id, &code)
        .await
        .unwrap();
    let stored: Vec<Credential> = node
        .store
        .list(Credential::of_user(session.user.id))
        .await
        .unwrap();
    // The password, the set, the authenticator and the list of enrolments.
    assert_eq!(stored.len(), 4);
    let secrets = [begun.secret.expose().clone()].into_iter().chain(
        added
            .recovery_codes
            .unwrap()
            .into_iter()
            .map(|code| code.expose().clone()),
    );
    for secret in secrets {
        for credential in &stored {
            let data = credential.data.expose();
            assert!(!data.contains(&secret) && !data.contains(&secret.replace('-', "")));
        }
    }
}

#[tokio::test]
async fn new_recovery_codes_void_the_old_ones() {
    let (node, ben) = ben().await;
    let session = sign_in(&node, &ben).await.unwrap();
    node.clear_cache();
    let renewed = node
        .doorward
        .factor_enrolment
        .renew_recovery_codes(&node.of(&session), "me")
        .await
        .unwrap();
    assert_eq!(node.audited(), ["recovery-codes-renewed"]);
    assert_eq!(node.one_mail().await.kind, MailKind::RecoveryCodesRenewed);
    let token = challenge(&node, "ben").await;
    let old = answer(&node, &token, &ben.recovery_codes[0]).await;
    assert_err!(old, Error::InvalidCode);
    answer(&node, &token, &code(renewed[0].expose()))
        .await
        .unwrap();
}

/// A removal is a security event: other sessions end, the mail goes out, and the recovery codes are void.
#[tokio::test]
async fn a_removed_factor_ends_the_other_sessions() {
    let (node, ben) = ben().await;
    let session = sign_in(&node, &ben).await.unwrap();
    let ctx = node.of(&session);
    node.clear_cache();
    node.doorward
        .factor_removal
        .remove(&ctx, "me", &ben.id)
        .await
        .unwrap();
    assert_eq!(node.audited(), ["factor-removed"]);
    assert_eq!(node.one_mail().await.kind, MailKind::FactorRemoved);
    node.check(&session).await.unwrap();
    assert_err!(node.check(&ben.session).await, Error::InvalidToken);
    // A new first factor comes with new codes; the old ones stay void.
    let session = node.sign_in("ben").await;
    add_app(&node, &node.of(&session), "New").await;
    node.advance(minutes(1));
    let token = challenge(&node, "ben").await;
    let old = answer(&node, &token, &ben.recovery_codes[0]).await;
    assert_err!(old, Error::InvalidCode);
    let gone = node
        .doorward
        .factor_removal
        .remove(&node.operator(), "ben", &ben.id)
        .await;
    assert_err!(gone, Error::NotFound);
}

/// S-06: the other node removes a factor from its cache, where the session has the epoch of before the first removal.
#[tokio::test]
async fn a_session_kept_by_a_removal_survives_the_next_one_on_another_node() {
    let (node, ben) = ben().await;
    let there = node.second_node(2).await;
    let session = sign_in(&node, &ben).await.unwrap();
    let ctx = node.of(&session);
    let (_, second, _) = add_app(&node, &ctx, "Tablet").await;
    for (node, id) in [(&node, &ben.id), (&there, &second)] {
        let removed = node.doorward.factor_removal.remove(&ctx, "me", id).await;
        removed.unwrap();
    }
    node.advance(seconds(2));
    for node in [&node, &there] {
        node.check(&session).await.unwrap();
    }
}

/// An admin sees and removes the factors of others, and no one else does.
#[tokio::test]
async fn an_admin_removes_the_factor_of_another_user() {
    let (node, ben) = ben().await;
    node.admin("ada").await;
    node.active("eve").await;
    let eve = node.of(&node.sign_in("eve").await);
    assert_err!(
        node.doorward.factors.list(&eve, "ben").await,
        Error::Forbidden
    );
    assert_err!(
        node.doorward
            .factor_removal
            .remove(&eve, "ben", &ben.id)
            .await,
        Error::Forbidden
    );
    let ada = node.of(&node.sign_in("ada").await);
    assert_eq!(
        node.doorward
            .factors
            .list(&ada, "ben")
            .await
            .unwrap()
            .factors
            .len(),
        1
    );
    node.mails().await;
    node.doorward
        .factor_removal
        .remove(&ada, "ben", &ben.id)
        .await
        .unwrap();
    let mails = node.mails().await;
    assert_eq!(
        summary(&mails),
        [("ben@example.com".to_owned(), MailKind::FactorRemoved)]
    );
    assert_err!(node.check(&ben.session).await, Error::InvalidToken);
    node.sign_in("ben").await;
}

/// The operator removes them on the command line, by any name of the user.
#[tokio::test]
async fn the_operator_removes_all_factors() {
    let (node, _) = ben().await;
    let operator = node.operator();
    let listed = node
        .doorward
        .factors
        .list_by_name(&operator, "ben@example.com")
        .await;
    assert_eq!(listed.unwrap().factors.len(), 1);
    let removed = node
        .doorward
        .factor_removal
        .remove_by_name(&operator, "ben@example.com", None)
        .await;
    assert_eq!(removed.unwrap(), 1);
    let again = node
        .doorward
        .factor_removal
        .remove_by_name(&operator, "ben", None)
        .await;
    assert_err!(again, Error::NotFound);
    node.sign_in("ben").await;
}

/// Two authenticators that are finished at the same time are both added, with one set of recovery codes.
#[tokio::test]
async fn two_enrolments_at_once_are_both_added() {
    let (node, ben) = ben().await;
    let other = node.second_node(2).await;
    let first = sign_in(&node, &ben).await.unwrap();
    node.advance(STEP);
    let session = sign_in(&node, &ben).await.unwrap();
    let ctx = node.of(&session);
    // Each session has one unfinished enrolment.
    let one = begin(&node, &first).await.unwrap();
    let two = begin(&node, &session).await.unwrap();
    let finish = async |node: &TestNode, begun: &Enrolment| {
        let id = begun.factor.id.to_string();
        let code = App::new(&begun.secret).code_at(ctx.now);
        node.doorward
            .factor_enrolment
            .finish(&ctx, "me", &id, &code)
            .await
    };
    let (first, second) = tokio::join!(finish(&node, &one), finish(&other, &two));
    assert!(first.unwrap().recovery_codes.is_none());
    assert!(second.unwrap().recovery_codes.is_none());
    let listed = node.doorward.factors.list(&ctx, "me").await.unwrap();
    assert_eq!(listed.factors.len(), 3);
}

/// An enrolment that began without a factor cannot be finished once there is one: it began with the password only.
#[tokio::test]
async fn an_enrolment_without_a_factor_ends_when_one_is_added() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let (stolen, own) = (node.sign_in("ben").await, node.sign_in("ben").await);
    let name = FactorName::default();
    let begun = node
        .doorward
        .factor_enrolment
        .begin(&node.of(&stolen), "me", &name)
        .await
        .unwrap();
    add_app(&node, &node.of(&own), "Phone").await;
    let code = App::new(&begun.secret).code_at(node.now());
    let id = begun.factor.id.to_string();
    for session in [&stolen, &own] {
        let refused = node
            .doorward
            .factor_enrolment
            .finish(&node.of(session), "me", &id, &code)
            .await;
        assert_err!(refused, Error::ReauthenticationRequired);
    }
    let listed = node
        .doorward
        .factors
        .list(&node.of(&own), "me")
        .await
        .unwrap();
    assert_eq!(listed.factors.iter().filter(|app| app.is_active).count(), 1);
}

/// A thief in a session does not flood the mailbox or the outbox: ten completed changes an hour, each with its mail.
#[tokio::test]
async fn a_user_completes_ten_changes_an_hour() {
    let (node, ben) = ben().await;
    let session = sign_in(&node, &ben).await.unwrap();
    let ctx = node.of(&session);
    // Those of this session: what fails or is not written does not count.
    node.spy.fail("write credentials");
    for _ in 0..12 {
        let failed = node
            .doorward
            .factor_enrolment
            .renew_recovery_codes(&ctx, "me")
            .await;
        assert_err!(failed, Error::Store(_));
    }
    node.spy.clear_failures();
    let unknown = node
        .doorward
        .factor_removal
        .remove(&ctx, "me", "unknown")
        .await;
    assert_err!(unknown, Error::NotFound);
    // The first app has counted, one minute ago.
    let (_, tablet, _) = add_app(&node, &ctx, "Tablet").await;
    let mut mails = node.mails().await.len();
    for _ in 0..7 {
        node.doorward
            .factor_enrolment
            .renew_recovery_codes(&ctx, "me")
            .await
            .unwrap();
        mails += node.mails().await.len();
    }
    node.doorward
        .factor_removal
        .remove(&ctx, "me", &tablet)
        .await
        .unwrap();
    mails += node.mails().await.len();
    assert_eq!(mails, 9);
    node.advance(minutes(1));
    let ctx = node.of(&sign_in(&node, &ben).await.unwrap());
    let name = FactorName::default();
    let begun = node
        .doorward
        .factor_enrolment
        .begin(&ctx, "me", &name)
        .await
        .unwrap();
    let (id, app) = (begun.factor.id.to_string(), App::new(&begun.secret));
    let wrong = node
        .doorward
        .factor_enrolment
        .finish(&ctx, "me", &id, &app.wrong(&node))
        .await;
    assert_err!(wrong, Error::InvalidCode);
    for denied in [
        node.doorward
            .factor_enrolment
            .renew_recovery_codes(&ctx, "me")
            .await
            .map(drop),
        node.doorward
            .factor_removal
            .remove(&ctx, "me", &ben.id)
            .await,
        node.doorward
            .factor_enrolment
            .finish(&ctx, "me", &id, &app.code_at(ctx.now))
            .await
            .map(drop),
    ] {
        assert_err!(denied, Error::TooManyAttempts { .. });
    }
    let removed = node
        .doorward
        .factor_removal
        .remove_by_name(&node.operator(), "ben", None)
        .await;
    removed.unwrap();
    assert_eq!(node.one_mail().await.kind, MailKind::FactorRemoved);
}

/// An admin's removals are neither counted nor refused.
#[tokio::test]
async fn an_admin_removes_any_number_of_factors() {
    let node = TestNode::new().await;
    let ada = node.admin("ada").await;
    assert_eq!(ada.role, doorward_domain::values::Role::Admin);
    for name in [
        "bea", "bob", "cid", "dan", "eve", "fay", "gus", "hal", "ian", "jim", "kim", "lee",
    ] {
        let user = two_factor_user(&node, name).await;
        let ctx = node.of(&node.sign_in("ada").await);
        let factor_removal = &node.doorward.factor_removal;
        factor_removal.remove(&ctx, name, &user.id).await.unwrap();
    }
}
