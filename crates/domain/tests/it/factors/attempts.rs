//! How codes are counted: which stay counted, which are released, and under which keys.

use doorward_domain::Error;
use doorward_domain::access::Action;
use doorward_domain::ctx::KnownDevice;
use doorward_domain::limits::{KeyedLimit, RateLimits};
use doorward_domain::model::{Credential, CredentialKind, MailKind};
use doorward_domain::policy::FactorsRequired;
use doorward_domain::store::{Store, Write};
use doorward_domain::values::{Digest, Rate};

use super::*;

/// a correct code that the server could not use up is not a wrong one, and clears nothing.
#[tokio::test]
async fn an_outage_neither_counts_nor_clears_codes() {
    for fails in ["write sessions", "write audit_events", "write credentials"] {
        let (node, ben) = ben().await;
        for _ in 0..2 {
            let token = challenge(&node, "ben").await;
            let wrong = answer(&node, &token, &ben.app.wrong(&node)).await;
            assert_err!(wrong, Error::InvalidCode);
        }
        for _ in 0..4 {
            let token = challenge(&node, "ben").await;
            node.spy.fail(fails);
            let correct = answer(&node, &token, &ben.app.code_at(node.now())).await;
            assert_err!(correct, Error::Store(_));
            node.spy.clear_failures();
        }
        // The third wrong code: two were counted before.
        let token = challenge(&node, "ben").await;
        let wrong = answer(&node, &token, &ben.app.wrong(&node)).await;
        assert_err!(wrong, Error::InvalidCode);
        let delayed = answer(&node, &token, &ben.app.code_at(node.now())).await;
        assert_err!(delayed, Error::TooManyAttempts { .. });
        node.advance(minutes(1));
        sign_in(&node, &ben).await.unwrap();
    }
}

/// a code that was not compared is not counted.
#[tokio::test]
async fn a_code_that_was_not_compared_is_not_counted() {
    let (node, ben) = ben().await;
    for _ in 0..5 {
        let token = challenge(&node, "ben").await;
        // The set of factors can be read, the authenticators cannot.
        node.spy.fail_after("credentials", 1);
        let wrong = answer(&node, &token, &ben.app.wrong(&node)).await;
        assert_err!(wrong, Error::Store(_));
        node.spy.fail_after("credentials", usize::MAX);
    }
    sign_in(&node, &ben).await.unwrap();
}

/// a wrong code stays counted if its audit event cannot be written.
#[tokio::test]
async fn a_wrong_code_stays_counted_in_an_outage() {
    let (node, ben) = ben().await;
    let token = challenge(&node, "ben").await;
    node.spy.fail("write audit_events");
    for _ in 0..3 {
        let wrong = answer(&node, &token, &ben.app.wrong(&node)).await;
        assert_err!(wrong, Error::Store(_));
    }
    let delayed = answer(&node, &token, &ben.app.wrong(&node)).await;
    assert_err!(delayed, Error::TooManyAttempts { .. });
}

/// A challenge in which the user adds a factor takes no code at this route: it is neither compared nor counted.
#[tokio::test]
async fn a_code_for_the_challenge_of_an_enrolment_is_not_counted() {
    let node = TestNode::with(|policy| policy.factors_required = FactorsRequired::Everyone).await;
    node.active("ben").await;
    let token = challenge(&node, "ben").await;
    node.clear_cache();
    for _ in 0..5 {
        let refused = answer(&node, &token, &code("123456")).await;
        assert_err!(refused, Error::ChallengeExpired);
    }
    assert_eq!(node.throttle.take_asked(), []);
}

/// The same for a code of a step-up.
#[tokio::test]
async fn an_outage_does_not_count_the_code_of_a_step_up() {
    let (node, ben) = ben().await;
    let renew = async || {
        let ctx = node.of(&ben.session);
        let (action, shown) = (Action::RenewRecoveryCodes, ben.proof(&node));
        let reauthentication = &node.doorward.reauthentication;
        let proved = reauthentication.reauthenticate(&ctx, action, "me", Some(&shown));
        proved.await.map(drop)
    };
    node.spy.fail("write credentials");
    for _ in 0..5 {
        assert_err!(renew().await, Error::Store(_));
    }
    node.spy.clear_failures();
    renew().await.unwrap();
}

/// Enters wrong codes with the password, as an unknown client, until no code of such a client is accepted.
async fn lock_out(node: &TestNode, ben: &TwoFactorUser) {
    for _ in 0..1000 {
        let token = challenge(node, "ben").await;
        match answer(node, &token, &ben.app.wrong(node)).await {
            Err(Error::CodesLockedOut) => return node.clear_cache(),
            other => assert_err!(other, Error::InvalidCode),
        }
        node.advance(minutes(1));
    }
    panic!("no code is ever locked out");
}

/// The page of the user in the console answers why they cannot sign in.
#[tokio::test]
async fn an_admin_sees_a_lockout_of_codes_until_a_sign_in() {
    let (node, ben) = ben().await;
    node.list_at_once();
    node.admin("root").await;
    let admin = node.of(&node.sign_in("root").await);
    let locked_out_at = async || {
        let account = node.doorward.accounts.view_account(&admin, "ben").await;
        account.unwrap().sign_in_failures.codes_locked_out_at
    };
    assert_eq!(locked_out_at().await, None);
    lock_out(&node, &ben).await;
    assert!(locked_out_at().await.is_some());
    let token = challenge(&node, "ben").await;
    answer(&node, &token, &ben.recovery_codes[0]).await.unwrap();
    assert_eq!(locked_out_at().await, None);
    node.mails().await;
}

/// A sign-in on this device with this code.
async fn sign_in_on(
    node: &TestNode,
    device: &[KnownDevice],
    code: &FactorCode,
) -> Result<SignedIn, Error> {
    let mut ctx = node.anonymous();
    ctx.client.known = device.to_vec();
    let next = first_step(node, &ctx, "ben").await?;
    let token = Token::parse(next.challenge.expose()).unwrap();
    let second_step = &node.doorward.second_step;
    second_step.answer(&ctx, &token, TOTP, code).await
}

/// The device of the cookie that this sign-in has set.
pub(super) fn cookie_of(node: &TestNode, signed_in: &SignedIn) -> Vec<KnownDevice> {
    let (ctx, session) = (node.anonymous(), &signed_in.session);
    let devices = &node.doorward.devices;
    let made_by = (&session.digest, session.amr.as_slice());
    let cookie = devices.device_cookie(&ctx, None, &signed_in.user, made_by);
    devices.known_devices(&ctx, cookie.expose())
}

async fn step_up(node: &TestNode, session: &SignedIn, code: FactorCode) -> Result<(), Error> {
    let ctx = node.of(session);
    let shown = Proof {
        code: Some(code),
        ..proof(PASSWORD)
    };
    let reauthentication = &node.doorward.reauthentication;
    let action = Action::RenewRecoveryCodes;
    let proved = reauthentication.reauthenticate(&ctx, action, "me", Some(&shown));
    proved.await.map(drop)
}

async fn recover(node: &TestNode) -> Result<(), Error> {
    node.mails().await;
    node.ask_recovery("ben@example.com").await;
    let (link, new) = (token_in(&node.one_mail().await), secret(PASSWORD));
    let recovery = &node.doorward.recovery;
    recovery.finish(&node.anonymous(), &link, &new).await
}

/// someone who knows only the password locks out neither the sessions nor the devices that have passed the factor,
/// whether at sign-in, by a step-up, or by adding it.
#[tokio::test]
async fn wrong_codes_of_others_do_not_lock_out_a_known_device() {
    for device in ["cookie", "enrolled", "password only"] {
        let (node, ben) = ben_with(|policy| policy.limits.lockout_after = 6).await;
        let session = sign_in(&node, &ben).await.unwrap();
        lock_out(&node, &ben).await;
        let code = ben.app.code_at(node.now());
        let known = match device {
            "cookie" => cookie_of(&node, &session),
            "enrolled" => cookie_of(&node, &ben.session),
            _ => {
                let digest = Digest::of(b"another sign-in");
                let (ctx, devices) = (node.anonymous(), &node.doorward.devices);
                let cookie = devices.device_cookie(&ctx, None, &session.user, (&digest, &[]));
                devices.known_devices(&ctx, cookie.expose())
            }
        };
        let unknown = sign_in_on(&node, &[], &code).await;
        assert_err!(unknown, Error::CodesLockedOut);
        match (device, sign_in_on(&node, &known, &code).await) {
            ("password only", refused) => assert_err!(refused, Error::CodesLockedOut),
            (_, signed_in) => drop(signed_in.unwrap()),
        }
    }
}

#[tokio::test]
async fn wrong_codes_of_others_do_not_lock_out_a_live_session() {
    let (node, ben) = ben_with(|policy| policy.limits.lockout_after = 6).await;
    let other = sign_in(&node, &ben).await.unwrap();
    let stolen = {
        let digest = Digest::of(b"a session with the password only");
        let mut session = ben.session.session.clone();
        session.digest = digest;
        SignedIn {
            session,
            user: ben.session.user.clone(),
            token: secret(""),
        }
    };
    lock_out(&node, &ben).await;
    for session in [&ben.session, &other] {
        node.advance(minutes(6));
        let code = ben.app.code_at(node.now());
        step_up(&node, session, code).await.unwrap();
    }
    node.advance(minutes(6));
    let refused = step_up(&node, &stolen, ben.app.code_at(node.now())).await;
    assert_err!(refused, Error::CodesLockedOut);
}

/// A session from before the factor is known once a code was accepted in it.
#[tokio::test]
async fn a_session_that_has_passed_a_step_up_is_known() {
    let node = TestNode::with(|policy| policy.limits.lockout_after = 6).await;
    node.active("ben").await;
    let old = node.sign_in("ben").await;
    let ben = add_app_in_another_session(&node).await;
    step_up(&node, &old, ben.app.code_at(node.now()))
        .await
        .unwrap();
    lock_out(&node, &ben).await;
    step_up(&node, &old, ben.app.code_at(node.now()))
        .await
        .unwrap();
}

async fn add_app_in_another_session(node: &TestNode) -> TwoFactorUser {
    let session = node.sign_in("ben").await;
    let (app, id, codes) = add_app(node, &node.of(&session), "Phone").await;
    node.advance(minutes(1));
    TwoFactorUser {
        name: "ben",
        app,
        id,
        recovery_codes: codes.unwrap(),
        session,
    }
}

/// of two requests with different codes, neither is refused because the other one was first.
#[tokio::test]
async fn a_correct_code_is_accepted_although_another_was_used_concurrently() {
    let (node, ben) = ben().await;
    let app = || {
        let all: Vec<Credential> = node.store.all();
        all.into_iter()
            .find(|one| one.kind == CredentialKind::Totp)
            .unwrap()
    };
    let unused = app();
    node.advance(minutes(6));
    let code = ben.app.code_at(node.now());
    step_up(&node, &ben.session, code).await.unwrap();
    let used = app();
    node.store.apply(vec![Write::put(&unused)]).await.unwrap();
    node.advance(minutes(6));
    node.spy.interleave(vec![Write::put(&used)]);
    let code = ben.app.code_at(node.now());
    step_up(&node, &ben.session, code).await.unwrap();
}

/// after ten wrong codes, the codes of a stolen cookie are counted with those of all other clients.
#[tokio::test]
async fn a_device_with_ten_wrong_codes_is_no_longer_known() {
    let (node, ben) = ben_with(|policy| policy.limits.lockout_after = 12).await;
    let session = sign_in(&node, &ben).await.unwrap();
    let known = cookie_of(&node, &session);
    let mut checked = 0;
    while let Err(Error::InvalidCode) = sign_in_on(&node, &known, &ben.app.wrong(&node)).await {
        checked += 1;
        assert!(checked < 100, "wrong codes have no limit");
        node.advance(minutes(1));
    }
    assert_eq!(checked, 10 + 12);
    let refused = sign_in_on(&node, &known, &ben.app.code_at(node.now())).await;
    assert_err!(refused, Error::CodesLockedOut);
}

/// each recovery grants five codes for its password.
#[tokio::test]
async fn a_recovery_grants_five_codes() {
    let (node, ben) = ben().await;
    lock_out(&node, &ben).await;
    for recovery in 0..4 {
        recover(&node).await.unwrap();
        for number in 0..6 {
            let token = challenge(&node, "ben").await;
            let refused = answer(&node, &token, &ben.app.wrong(&node)).await;
            match recovery < 3 && number < 5 {
                true => assert_err!(refused, Error::InvalidCode),
                false => assert_err!(refused, Error::CodesLockedOut),
            }
            node.advance(minutes(4));
        }
    }
    node.advance(hours(24));
    recover(&node).await.unwrap();
    sign_in(&node, &ben).await.unwrap();
    // The correct code has cleared the wrong ones.
    sign_in(&node, &ben).await.unwrap_err();
    node.advance(STEP);
    sign_in(&node, &ben).await.unwrap();
}

/// the codes of a recovery stay used, although a backoff forgets wrong ones.
#[tokio::test]
async fn a_recovery_grants_no_more_codes_after_a_pause() {
    let (node, ben) = ben().await;
    lock_out(&node, &ben).await;
    recover(&node).await.unwrap();
    for number in 0..6 {
        node.advance(hours(31));
        let token = challenge(&node, "ben").await;
        let refused = answer(&node, &token, &ben.app.wrong(&node)).await;
        match number < 5 {
            true => assert_err!(refused, Error::InvalidCode),
            false => assert_err!(refused, Error::CodesLockedOut),
        }
    }
}

/// in any 24 hours, no more than three recoveries grant codes.
#[tokio::test]
async fn three_recoveries_in_any_24_hours_grant_codes() {
    let (node, ben) = ben().await;
    lock_out(&node, &ben).await;
    let mut granted = Vec::new();
    for _ in 0..100 {
        recover(&node).await.unwrap();
        let token = challenge(&node, "ben").await;
        let now = node.now();
        match answer(&node, &token, &ben.app.wrong(&node)).await {
            Err(Error::InvalidCode) => granted.push(now),
            refused => assert_err!(refused, Error::CodesLockedOut),
        }
        node.advance(hours(1));
    }
    assert!(granted[2].duration_since(granted[0]) < hours(3));
    assert!(granted.len() > 5, "each day has one: {granted:?}");
    for four in granted.windows(4) {
        assert!(four[3].duration_since(four[0]) >= hours(24), "{granted:?}");
    }
}

/// without a correct code, there are ten grants. A recovery code ends the lockout.
#[tokio::test]
async fn ten_recoveries_in_a_row_grant_codes() {
    let (node, ben) = ben().await;
    lock_out(&node, &ben).await;
    for recovery in 0..12 {
        recover(&node).await.unwrap();
        let token = challenge(&node, "ben").await;
        let refused = answer(&node, &token, &ben.app.wrong(&node)).await;
        match recovery < 10 {
            true => assert_err!(refused, Error::InvalidCode),
            false => assert_err!(refused, Error::CodesLockedOut),
        }
        node.advance(hours(24));
    }
    let token = challenge(&node, "ben").await;
    answer(&node, &token, &ben.recovery_codes[0]).await.unwrap();
    lock_out(&node, &ben).await;
    recover(&node).await.unwrap();
    sign_in(&node, &ben).await.unwrap();
}

/// The grant belongs to the password of the recovery: it outlives the sessions, and not the password.
#[tokio::test]
async fn a_grant_ends_with_the_password_of_the_recovery() {
    let (node, ben) = ben().await;
    lock_out(&node, &ben).await;
    recover(&node).await.unwrap();
    let (operator, doorward) = (node.operator(), &node.doorward);
    let ended = doorward.sessions.revoke_all(&operator, "ben").await;
    ended.unwrap();
    let token = challenge(&node, "ben").await;
    let wrong = answer(&node, &token, &ben.app.wrong(&node)).await;
    assert_err!(wrong, Error::InvalidCode);
    let new = secret(PASSWORD);
    doorward
        .passwords
        .set(&operator, "ben", &new)
        .await
        .unwrap();
    assert_err!(sign_in(&node, &ben).await, Error::CodesLockedOut);
}

/// A recovery that fails does not use up a grant.
#[tokio::test]
async fn a_failed_recovery_is_no_grant() {
    let (node, ben) = ben().await;
    lock_out(&node, &ben).await;
    node.spy.fail("write credentials");
    for _ in 0..3 {
        assert_err!(recover(&node).await, Error::Store(_));
    }
    node.spy.clear_failures();
    node.advance(hours(1));
    recover(&node).await.unwrap();
    sign_in(&node, &ben).await.unwrap();
}

/// A new first factor starts at zero, also on a node that did not see the removal.
#[tokio::test]
async fn a_new_first_factor_has_no_wrong_codes() {
    let (node, ben) = ben_with(|policy| policy.limits.lockout_after = 6).await;
    lock_out(&node, &ben).await;
    let other = node.restart().await;
    let factor_removal = &other.doorward.factor_removal;
    let removed = factor_removal
        .remove_by_name(&other.operator(), "ben", None)
        .await;
    removed.unwrap();
    let new = add_app_in_another_session(&node).await;
    sign_in(&node, &new).await.unwrap();
}

/// a known device is not charged to its network, where a neighbour could use up the limit.
#[tokio::test]
async fn a_known_device_is_charged_at_the_second_step_as_at_the_first() {
    let (node, ben) = ben().await;
    let session = sign_in(&node, &ben).await.unwrap();
    let attempt = async |known: &[KnownDevice], token: Option<&Token>| {
        let mut ctx = node.anonymous();
        ctx.client.address = Some("192.0.2.1".parse().unwrap());
        ctx.client.known = known.to_vec();
        let token = match token {
            Some(token) => token.clone(),
            None => {
                let next = first_step(&node, &ctx, "ben").await?;
                Token::parse(next.challenge.expose()).unwrap()
            }
        };
        let (second_step, code) = (&node.doorward.second_step, ben.app.code_at(node.now()));
        second_step.answer(&ctx, &token, TOTP, &code).await
    };
    node.advance(minutes(1));
    let network = Rate::new(30, 60);
    let limit = KeyedLimit::budget("sign-in", network, "192.0.2.1".to_owned());
    for _ in 0..30 {
        node.throttle.acquire(&limit, node.now()).await.unwrap();
    }
    let token = challenge(&node, "ben").await;
    let unknown = attempt(&[], Some(&token)).await;
    assert_err!(unknown, Error::TooManyAttempts { .. });
    attempt(&cookie_of(&node, &session), None).await.unwrap();
}

/// the owner is notified when someone with the password has used up the codes, once, and on a known device signs in
/// after them.
#[tokio::test]
async fn wrong_codes_are_reported_to_the_owner() {
    let (node, ben) = ben().await;
    let session = sign_in(&node, &ben).await.unwrap();
    let mut codes = 0;
    while node.mails().await.is_empty() {
        codes += 1;
        assert!(codes < 1000, "wrong codes are not reported");
        let token = challenge(&node, "ben").await;
        node.audited();
        let wrong = answer(&node, &token, &ben.app.wrong(&node)).await;
        assert_err!(wrong, Error::InvalidCode);
        node.advance(minutes(1));
    }
    assert_eq!(codes, 100);
    assert_eq!(
        node.audited(),
        ["sign-in!wrong code", "throttled!code lockout"]
    );
    lock_out(&node, &ben).await;
    let code = ben.app.code_at(node.now());
    let known = cookie_of(&node, &session);
    sign_in_on(&node, &known, &code).await.unwrap();
    let mail = node.one_mail().await;
    assert_eq!(mail.kind, MailKind::SignInAfterFailures);
    node.advance(minutes(1));
    sign_in(&node, &ben).await.unwrap();
    assert_eq!(summary(&node.mails().await), []);
}

#[tokio::test]
async fn a_lockout_by_codes_sends_a_mail_of_its_own_kind() {
    let (node, ben) = ben_with(|policy| policy.limits.lockout_after = 6).await;
    lock_out(&node, &ben).await;
    assert_eq!(node.one_mail().await.kind, MailKind::CodeLockout);
}

/// wrong passwords and wrong codes are added up.
#[tokio::test]
async fn a_sign_in_after_ten_failures_is_reported() {
    for (passwords, codes, is_reported) in [(0, 10, true), (5, 5, true), (5, 4, false)] {
        let (node, ben) = ben().await;
        for _ in 0..codes {
            let token = challenge(&node, "ben").await;
            let wrong = answer(&node, &token, &ben.app.wrong(&node)).await;
            assert_err!(wrong, Error::InvalidCode);
            node.advance(minutes(1));
        }
        for _ in 0..passwords {
            let refused = node.try_sign_in("ben", OTHER_PASSWORD).await;
            assert_err!(refused, Error::InvalidCredentials);
            node.advance(minutes(1));
        }
        sign_in(&node, &ben).await.unwrap();
        let kinds: Vec<_> = node.mails().await.iter().map(|mail| mail.kind).collect();
        let expected = [MailKind::SignInAfterFailures];
        assert_eq!(kinds, expected[..usize::from(is_reported)]);
    }
}

/// L-01: a correct password that stops at the challenge is in the audit log, at most sixty times an hour for a user.
#[tokio::test]
async fn a_correct_password_before_a_code_is_audited_sixty_times_an_hour() {
    let (node, ben) = ben_with(|policy| policy.throttle = false).await;
    let ada = two_factor_user(&node, "ada").await;
    for _ in 0..70 {
        challenge(&node, ben.name).await;
    }
    challenge(&node, ada.name).await;
    assert_eq!(node.audited(), ["second-factor-requested"; 61]);
    let housekeeping = &node.doorward.housekeeping;
    housekeeping.write_suppressed(&node.worker()).await.unwrap();
    let reported = node.spy.take_audited();
    assert_eq!(reported.len(), 1);
    assert_eq!(reported[0].actor, "worker");
    let detail = reported[0].detail.as_deref();
    assert_eq!(detail, Some("second-factor-requested 10"));
}
