//! The link in the mail about a first factor, with which the owner gets the account back from a thief who added it (M-02).

use crate::test_node::change_email;
use doorward_domain::Error;
use doorward_domain::ctx::KnownDevice;
use doorward_domain::factors::FactorKind;
use doorward_domain::model::{Credential, CredentialKind, MailKind, User};
use doorward_domain::outbox::Mail;
use doorward_domain::sessions::SignedIn;
use doorward_domain::sign_in::NextStep;
use doorward_domain::store::{Store, Write};
use jiff::SignedDuration;

use super::attempts::cookie_of;
use super::*;

const OWN: &str = "ben@example.com";
const THIEFS: &str = "thief@example.org";
/// How long a device must have been known before the factor.
const KNOWN_FOR: SignedDuration = SignedDuration::from_hours(3 * 24);

/// A thief who knows Ben's password and has added the first factor.
struct Stolen {
    node: TestNode,
    ben: User,
    /// Ben's session, from before.
    bens: SignedIn,
    /// The thief's session.
    thiefs: SignedIn,
    app: App,
    /// The link in Ben's mailbox.
    link: Token,
}

async fn stolen() -> Stolen {
    stolen_after(KNOWN_FOR + SignedDuration::from_secs(1)).await
}

/// Ben's device has been known for this time when the thief adds the factor.
async fn stolen_after(known_for: SignedDuration) -> Stolen {
    let node = TestNode::new().await;
    let ben = node.active("ben").await;
    let bens = node.sign_in("ben").await;
    node.advance(known_for);
    let thiefs = node.sign_in("ben").await;
    let (app, ..) = add_app(&node, &node.of(&thiefs), "Thief's").await;
    let link = token_in(of(&node.mails().await, OWN, MailKind::FirstFactorAdded));
    node.advance(minutes(1));
    node.clear_cache();
    Stolen {
        node,
        ben,
        bens,
        thiefs,
        app,
        link,
    }
}

fn of<'a>(mails: &'a [Mail], to: &str, kind: MailKind) -> &'a Mail {
    let fits = |mail: &&Mail| mail.to.as_str() == to && mail.kind == kind;
    let found = mails.iter().find(fits);
    found.unwrap_or_else(|| panic!("{to}: {:?}", summary(mails)))
}

async fn undo(node: &TestNode, link: &Token) -> Result<(), Error> {
    let factor_undo = &node.doorward.factor_undo;
    factor_undo.undo(&node.anonymous(), link).await
}

async fn view(node: &TestNode, link: &Token) -> Result<(), Error> {
    let factor_undo = &node.doorward.factor_undo;
    factor_undo
        .view_undo(&node.anonymous(), link)
        .await
        .map(|_| ())
}

impl Stolen {
    /// Signs in with the password and the code of the thief's app, on this device.
    async fn sign_in_on(&self, device: Option<&SignedIn>) -> SignedIn {
        let node = &self.node;
        let mut ctx = node.anonymous();
        let device = device.map(|session| KnownDevice::from_session(&session.session));
        ctx.client.known = device.into_iter().collect();
        let next = first_step(node, &ctx, "ben").await.unwrap();
        let challenge = Token::parse(next.challenge.expose()).unwrap();
        let code = self.app.code_at(node.now());
        let answered = node
            .doorward
            .second_step
            .answer(&ctx, &challenge, None, &code);
        answered.await.unwrap()
    }

    /// The thief requests the change of the address to their own. Returns Ben's undo link, and the confirmation.
    async fn request_change(&self) -> (Token, Token) {
        let proof = Proof {
            password: password(PASSWORD),
            code: Some(self.app.code_at(self.node.now())),
        };
        let (ctx, new) = (self.node.of(&self.thiefs), email(THIEFS));
        let asked = change_email(&self.node.doorward, &ctx, "me", &new, Some(&proof), None);
        asked.await.unwrap();
        let mails = self.node.mails().await;
        let undo = token_in(of(&mails, OWN, MailKind::EmailChangeUndo));
        (undo, token_in(of(&mails, THIEFS, MailKind::EmailChange)))
    }

    async fn confirm(&self, link: &Token) {
        let (service, anonymous) = (&self.node.doorward.confirmation, self.node.anonymous());
        service.confirm(&anonymous, link).await.unwrap();
        self.node.mails().await;
    }

    /// The owner sets a password by this link, and signs in with it alone.
    async fn recover(&self, recovery: &Token) {
        let (anonymous, new) = (self.node.anonymous(), secret(OTHER_PASSWORD));
        let service = &self.node.doorward.recovery;
        service.finish(&anonymous, recovery, &new).await.unwrap();
        self.node.try_sign_in(OWN, OTHER_PASSWORD).await.unwrap();
    }
}

#[tokio::test]
async fn the_owner_gets_the_account_back_from_a_thief_who_added_the_first_factor() {
    let stolen = stolen().await;
    let node = &stolen.node;
    let thiefs = stolen.sign_in_on(None).await;
    node.advance(STEP);
    stolen.request_change().await;
    // Another app waits for its first code.
    let (ctx, name) = (node.of(&thiefs), FactorName::default());
    node.doorward
        .factor_enrolment
        .begin(&ctx, "me", &name)
        .await
        .unwrap();
    node.advance(STEP);
    node.list_at_once();
    node.audited();
    let before = node.stored_user(&stolen.ben).await;
    undo(node, &stolen.link).await.unwrap();
    assert_eq!(node.audited(), ["factors-undone"]);
    assert_eq!(stored_apps(node), 0);
    let after = node.stored_user(&stolen.ben).await;
    assert_eq!(after.security_epoch, before.security_epoch + 1);
    assert_eq!((after.email, after.pending_email), (Some(email(OWN)), None));
    for open in [&stolen.bens, &stolen.thiefs, &thiefs] {
        assert_err!(node.check(open).await, Error::InvalidToken);
    }
    let shown = node.try_sign_in("ben", PASSWORD).await;
    assert_err!(shown, Error::InvalidCredentials);
    let mails = node.mails().await;
    assert_eq!(summary(&mails), [(OWN.to_owned(), MailKind::Recovery)]);
    stolen.recover(&token_in(&mails[0])).await;
}

/// viewing changes nothing, and the link works once, even for concurrent requests.
#[tokio::test]
async fn the_link_works_once() {
    let stolen = stolen().await;
    let (node, link) = (&stolen.node, &stolen.link);
    let before = node.stored_user(&stolen.ben).await;
    for _ in 0..5 {
        view(node, link).await.unwrap();
    }
    assert_eq!(node.stored_user(&stolen.ben).await, before);
    node.spy.yield_once();
    let (one, other) = tokio::join!(undo(node, link), undo(node, link));
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    assert_err!(undo(node, link).await, Error::LinkExpired);
    assert_err!(view(node, link).await, Error::LinkExpired);
}

#[tokio::test]
async fn the_link_works_for_three_days() {
    let stolen = stolen().await;
    stolen
        .node
        .advance(hours(3 * 24) - minutes(1) - MICROSECOND);
    view(&stolen.node, &stolen.link).await.unwrap();
    stolen.node.advance(MICROSECOND);
    assert_err!(undo(&stolen.node, &stolen.link).await, Error::LinkExpired);
}

/// A thief can do these.
#[tokio::test]
async fn the_link_survives_security_events_and_an_address_change_by_the_user() {
    for event in ["password", "recovery", "sessions", "address"] {
        let stolen = stolen().await;
        let (node, doorward) = (&stolen.node, &stolen.node.doorward);
        let (new, anonymous) = (secret(OTHER_PASSWORD), node.anonymous());
        match event {
            "password" => {
                let signed_in = stolen.sign_in_on(None).await;
                let (ctx, current) = (node.of(&signed_in), proof(PASSWORD));
                let changed = doorward
                    .passwords
                    .change(&ctx, None, &current, &new, None)
                    .await;
                changed.unwrap();
            }
            "recovery" => {
                node.ask_recovery(OWN).await;
                let recovery = token_in(&node.one_mail().await);
                let done = doorward.recovery.finish(&anonymous, &recovery, &new).await;
                done.unwrap();
            }
            "sessions" => {
                let ctx = node.of(&stolen.thiefs);
                doorward.sessions.revoke_all(&ctx, "me").await.unwrap();
            }
            _ => {
                let (_, confirmation) = stolen.request_change().await;
                stolen.confirm(&confirmation).await;
            }
        }
        view(node, &stolen.link).await.unwrap();
        undo(node, &stolen.link).await.unwrap();
        assert_eq!(stored_apps(node), 0, "{event}");
    }
}

#[tokio::test]
async fn an_admin_voids_the_link() {
    for event in ["address", "disabled", "enabled again", "deleted"] {
        let stolen = stolen().await;
        let (node, doorward) = (&stolen.node, &stolen.node.doorward);
        let operator = node.operator();
        if event == "address" {
            let new = email("new@example.com");
            let changed = change_email(doorward, &operator, "ben", &new, None, None);
            changed.await.unwrap();
            let mails = node.mails().await;
            let link = token_in(of(&mails, "new@example.com", MailKind::EmailChange));
            stolen.confirm(&link).await;
        } else {
            doorward
                .admin
                .disable(&operator, "ben", None)
                .await
                .unwrap();
        }
        if event == "enabled again" {
            doorward.admin.enable(&operator, "ben", None).await.unwrap();
        }
        if event == "deleted" {
            let deleted = doorward.deletion.delete(&operator, "ben", None).await;
            deleted.unwrap();
        }
        assert_err!(undo(node, &stolen.link).await, Error::LinkExpired);
    }
}

/// A thief has a session, too, when they add the factor: the device that added it is not known before.
#[tokio::test]
async fn a_sign_in_with_the_code_on_a_device_known_before_voids_the_link() {
    let stolen = stolen().await;
    let node = &stolen.node;
    for device in [None, Some(&stolen.thiefs)] {
        let later = stolen.sign_in_on(device).await;
        node.advance(STEP);
        stolen.sign_in_on(Some(&later)).await;
        node.advance(STEP);
        view(node, &stolen.link).await.unwrap();
    }
    let mut ctx = node.anonymous();
    ctx.client.known = vec![KnownDevice::from_session(&stolen.bens.session)];
    first_step(node, &ctx, "ben").await.unwrap();
    view(node, &stolen.link).await.unwrap();
    stolen.sign_in_on(Some(&stolen.bens)).await;
    assert_err!(view(node, &stolen.link).await, Error::LinkExpired);
    assert_err!(undo(node, &stolen.link).await, Error::LinkExpired);
    node.advance(STEP);
    stolen.sign_in_on(Some(&stolen.bens)).await;
}

/// A thief who signs in twice with one browser does not keep the owner out. The cookie of a device has whole seconds.
#[tokio::test]
async fn a_device_known_for_less_than_three_days_leaves_the_link_valid() {
    let day = SignedDuration::from_hours(24);
    for known_for in [SignedDuration::from_secs(1), day, KNOWN_FOR] {
        let stolen = stolen_after(known_for).await;
        stolen.sign_in_on(Some(&stolen.bens)).await;
        view(&stolen.node, &stolen.link).await.unwrap();
    }
}

/// The cookie of a device has whole seconds: one of the same second may be later than the factor.
#[tokio::test]
async fn a_device_known_since_the_second_of_the_enrolment_leaves_the_link_valid() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let thiefs = node.sign_in("ben").await;
    node.advance(SignedDuration::from_millis(700));
    let (app, _, codes) = add_app(&node, &node.of(&thiefs), "Thief's").await;
    let link = token_in(of(&node.mails().await, OWN, MailKind::FirstFactorAdded));
    let token = challenge(&node, "ben").await;
    let later = answer(&node, &token, &codes.unwrap()[0]).await.unwrap();
    let known = cookie_of(&node, &later);
    node.advance(minutes(1));
    let mut ctx = node.anonymous();
    ctx.client.known = known;
    let next = first_step(&node, &ctx, "ben").await.unwrap();
    let challenge = Token::parse(next.challenge.expose()).unwrap();
    let second_step = &node.doorward.second_step;
    let code = app.code_at(node.now());
    let answered = second_step.answer(&ctx, &challenge, None, &code).await;
    answered.unwrap();
    view(&node, &link).await.unwrap();
}

/// The device of a sign-in in which a required factor was added is not known before, either.
#[tokio::test]
async fn a_sign_in_on_the_device_that_added_a_required_factor_leaves_the_link_valid() {
    let node = TestNode::with(|policy| policy.factors_required = FactorsRequired::Everyone).await;
    node.active("ben").await;
    let next = first_step(&node, &node.anonymous(), "ben").await.unwrap();
    let challenge = Token::parse(next.challenge.expose()).unwrap();
    let second_step = &node.doorward.second_step;
    let actor = second_step.enrolling(&node.anonymous(), &challenge).await;
    let enrolling = node.ctx(actor.unwrap());
    let (app, ..) = add_app(&node, &enrolling, "Thief's").await;
    let session = second_step
        .finish_enrolling(&enrolling, FactorKind::Totp)
        .await
        .unwrap();
    let link = token_in(of(&node.mails().await, OWN, MailKind::FirstFactorAdded));
    node.advance(minutes(1));
    let mut ctx = node.anonymous();
    ctx.client.known = vec![KnownDevice::from_session(&session.session)];
    let next = first_step(&node, &ctx, "ben").await.unwrap();
    let challenge = Token::parse(next.challenge.expose()).unwrap();
    let code = app.code_at(node.now());
    let answered = second_step.answer(&ctx, &challenge, None, &code).await;
    answered.unwrap();
    view(&node, &link).await.unwrap();
}

/// Both links work, in either order, and only the owner's mailbox opens the account then.
#[tokio::test]
async fn a_factor_and_then_an_address_change_are_undone_in_either_order() {
    for change_first in [true, false] {
        let stolen = stolen().await;
        let node = &stolen.node;
        let (change, confirmation) = stolen.request_change().await;
        stolen.confirm(&confirmation).await;
        let undo_change = async || {
            let service = &node.doorward.email_undo;
            service.undo_change(&node.anonymous(), &change).await
        };
        if change_first {
            node.audited();
            assert!(undo_change().await.unwrap(), "turned off");
            let mut audited = node.audited();
            audited.sort_unstable();
            assert_eq!(audited, ["email-change-undone", "factors-undone"]);
            assert_eq!(stored_apps(node), 0);
            undo(node, &stolen.link).await.unwrap();
        } else {
            undo(node, &stolen.link).await.unwrap();
            assert_eq!(stored_apps(node), 0);
            let mails = node.mails().await;
            let expected = [(THIEFS.to_owned(), MailKind::FactorRemoved)];
            assert_eq!(summary(&mails), expected, "no recovery link for the thief");
            assert!(!undo_change().await.unwrap(), "off already");
        }
        assert_eq!(node.stored_user(&stolen.ben).await.email, Some(email(OWN)));
        let mails = node.mails().await;
        let recovery = mails.iter().rfind(|mail| mail.kind == MailKind::Recovery);
        stolen.recover(&token_in(recovery.unwrap())).await;
    }
}

/// an undone address change removes the factors of the attack, and no older one.
#[tokio::test]
async fn an_undone_address_change_removes_factors_and_codes_since_three_days_before_it() {
    let stolen = stolen().await;
    let node = &stolen.node;
    let added = async |session: &SignedIn, name: &str| {
        let (app, ..) = add_app(node, &node.of(session), name).await;
        app
    };
    node.advance(hours(3 * 24));
    let session = stolen.sign_in_on(None).await;
    added(&session, "before").await;
    let renewed = node
        .doorward
        .factor_enrolment
        .renew_recovery_codes(&node.of(&session), "me")
        .await;
    assert_eq!(renewed.unwrap().len(), 10);
    // The first one was added a minute and three days before the change.
    let proof = Proof {
        password: password(PASSWORD),
        code: Some(stolen.app.code_at(node.now() + STEP)),
    };
    let (ctx, new) = (node.of(&session), email(THIEFS));
    let asked = change_email(&node.doorward, &ctx, "me", &new, Some(&proof), None);
    asked.await.unwrap();
    let change = token_in(of(&node.mails().await, OWN, MailKind::EmailChangeUndo));
    added(&session, "after").await;
    assert_eq!(stored_apps(node), 3);
    let undone = node
        .doorward
        .email_undo
        .undo_change(&node.anonymous(), &change)
        .await;
    assert!(!undone.unwrap(), "one app is left");
    assert_eq!(stored_apps(node), 1);
    let listed = node
        .doorward
        .factors
        .list(&node.operator(), "ben")
        .await
        .unwrap();
    assert_eq!(listed.factors[0].name, "Thief's");
    assert_eq!(listed.recovery_codes, Some(0));
}

/// Changes the address in this session, with the app, and undoes it.
async fn change_and_undo(stolen: &Stolen, session: &SignedIn) {
    let node = &stolen.node;
    let proof = Proof {
        password: password(PASSWORD),
        code: Some(stolen.app.code_at(node.now() + STEP)),
    };
    let (ctx, new) = (node.of(session), email(THIEFS));
    let asked = change_email(&node.doorward, &ctx, "me", &new, Some(&proof), None);
    asked.await.unwrap();
    let change = token_in(of(&node.mails().await, OWN, MailKind::EmailChangeUndo));
    let undone = node
        .doorward
        .email_undo
        .undo_change(&node.anonymous(), &change)
        .await;
    undone.unwrap();
}

/// recovery codes from more than three days before the change stay. An unfinished enrolment is removed.
#[tokio::test]
async fn an_undone_address_change_keeps_older_codes_and_removes_unfinished_enrolments() {
    let stolen = stolen().await;
    let node = &stolen.node;
    node.list_at_once();
    node.advance(hours(3 * 24));
    let session = stolen.sign_in_on(None).await;
    begin(node, &session).await.unwrap();
    assert_eq!(stored_apps(node), 2);
    change_and_undo(&stolen, &session).await;
    let listed = node.doorward.factors.list(&node.operator(), "ben").await;
    let listed = listed.unwrap();
    assert_eq!((stored_apps(node), listed.factors.len()), (1, 1));
    assert_eq!(listed.recovery_codes, Some(10));
}

/// The removal by the link is neither counted nor refused.
#[tokio::test]
async fn the_link_works_when_the_changes_of_factors_are_used_up() {
    let stolen = stolen().await;
    let node = &stolen.node;
    let session = stolen.sign_in_on(None).await;
    let ctx = node.of(&session);
    let mut renewed = 0;
    let refused = loop {
        let codes = node
            .doorward
            .factor_enrolment
            .renew_recovery_codes(&ctx, "me")
            .await;
        match codes {
            Ok(_) => renewed += 1,
            refused => break refused,
        }
    };
    assert_err!(refused, Error::TooManyAttempts { .. });
    assert_eq!(renewed, 9, "the first factor was the tenth change");
    undo(node, &stolen.link).await.unwrap();
    assert_eq!(stored_apps(node), 0);
}

#[tokio::test]
async fn a_required_factor_is_added_at_the_sign_in_after_an_undo() {
    let node = TestNode::with(|policy| policy.factors_required = FactorsRequired::Everyone).await;
    node.active("ben").await;
    let token = challenge(&node, "ben").await;
    let second_step = &node.doorward.second_step;
    let enrolling = second_step.enrolling(&node.anonymous(), &token).await;
    let enrolling = node.ctx(enrolling.unwrap());
    add_app(&node, &enrolling, "Thief's").await;
    second_step
        .finish_enrolling(&enrolling, FactorKind::Totp)
        .await
        .unwrap();
    let link = token_in(of(&node.mails().await, OWN, MailKind::FirstFactorAdded));
    undo(&node, &link).await.unwrap();
    let (recovery, new) = (token_in(&node.one_mail().await), secret(PASSWORD));
    let (anonymous, service) = (node.anonymous(), &node.doorward.recovery);
    service.finish(&anonymous, &recovery, &new).await.unwrap();
    let next = first_step(&node, &node.anonymous(), "ben").await.unwrap();
    assert_eq!(next.step, NextStep::Enrol);
}

#[tokio::test]
async fn an_account_without_a_confirmed_address_gets_no_link() {
    let node = TestNode::new().await;
    node.user_without_mailbox("ben").await;
    let session = node.sign_in("ben").await;
    add_app(&node, &node.of(&session), "Phone").await;
    assert_eq!(node.mails().await.len(), 0);
}

#[tokio::test]
async fn another_factor_is_reported_without_a_link() {
    let (node, ben) = ben().await;
    let session = sign_in(&node, &ben).await.unwrap();
    node.mails().await;
    add_app(&node, &node.of(&session), "Tablet").await;
    let mail = node.one_mail().await;
    assert_eq!(mail.kind, MailKind::FactorAdded);
    assert!(mail.url.ends_with("/recover"), "{}", mail.url);
}

/// The account has no factor while the undo reads it, and a thief's enrolment is finished right before the write.
#[tokio::test]
async fn a_factor_that_is_added_during_the_undo_is_removed_as_well() {
    let stolen = stolen().await;
    let node = &stolen.node;
    let all: Vec<Credential> = node.store.all();
    let is_factor = |one: &&Credential| one.kind != CredentialKind::Password;
    let added: Vec<Credential> = all.iter().filter(is_factor).cloned().collect();
    let delete = added.iter().map(|one| Write::delete::<Credential>(one.id));
    node.store.apply(delete.collect()).await.unwrap();
    node.spy
        .interleave(added.iter().map(Write::insert).collect());
    undo(node, &stolen.link).await.unwrap();
    assert_eq!(stored_apps(node), 0);
    let recovery = token_in(&node.one_mail().await);
    stolen.recover(&recovery).await;
}

#[tokio::test]
async fn a_factor_after_an_undo_is_a_first_one_again() {
    let stolen = stolen().await;
    undo(&stolen.node, &stolen.link).await.unwrap();
    let recovery = token_in(&stolen.node.one_mail().await);
    stolen.recover(&recovery).await;
    let session = stolen.node.try_sign_in(OWN, OTHER_PASSWORD).await.unwrap();
    stolen.node.advance(minutes(1));
    let (_, _, codes) = add_app(&stolen.node, &stolen.node.of(&session), "Own").await;
    assert!(codes.is_some(), "it is a first one again");
    of(&stolen.node.mails().await, OWN, MailKind::FirstFactorAdded);
}
