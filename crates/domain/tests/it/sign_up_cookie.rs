//! Signed in right after a sign-up: at once, or in the browser that confirms the address.

use doorward_domain::email::Confirmed;
use doorward_domain::factors::FactorKind;
use doorward_domain::metric_event::{MetricEvent, SignInOutcome};
use doorward_domain::model::{AuthMethod, Credential, Device, LastSignIn, Status, User};
use doorward_domain::outbox::Mail;
use doorward_domain::sessions::SignedIn;
use doorward_domain::sign_in::{NextStep, Outcome};
use doorward_domain::sign_up::{BrowserSignUp, CompletedSignUp, NewSignUp};
use doorward_domain::store::{Records, Store, Write};
use doorward_domain::values::{Secret, Token};
use doorward_domain::{Error, FactorsRequired};

use crate::factors::add_app;
use crate::test_node::*;

async fn start(node: &TestNode, wanted: NewSignUp) -> BrowserSignUp {
    let sign_up = &node.doorward.sign_up;
    sign_up
        .start_in_browser(&node.anonymous(), wanted)
        .await
        .unwrap()
}

/// The cookie of a sign-up with `name@example.com`.
async fn cookie(node: &TestNode, name: &str) -> Secret<String> {
    let address = format!("{name}@example.com");
    match start(node, sign_up(None, Some(&address))).await {
        BrowserSignUp::Unconfirmed { email, cookie } => {
            assert_eq!(email.as_str(), address);
            cookie
        }
        BrowserSignUp::Completed(_) => panic!("the address is not confirmed"),
    }
}

/// The cookie and the mailed link of a sign-up.
async fn signed_up(node: &TestNode, name: &str) -> (Secret<String>, Token) {
    let cookie = cookie(node, name).await;
    (cookie, token_in(&node.one_mail().await))
}

async fn try_confirm(
    node: &TestNode,
    link: &Token,
    cookie: &str,
    shown: Option<&str>,
) -> Result<Confirmed, Error> {
    let (ctx, shown) = (node.anonymous(), shown.map(password));
    let confirmation = &node.doorward.confirmation;
    confirmation
        .confirm_in_browser(&ctx, link, shown.as_ref(), Some(cookie))
        .await
}

/// Confirms the address. Returns the sign-up that the cookie completes, if it is valid.
async fn confirm(node: &TestNode, link: &Token, cookie: &str) -> Option<CompletedSignUp> {
    match try_confirm(node, link, cookie, None).await.unwrap() {
        Confirmed::SignUp(sign_up) => Some(sign_up),
        Confirmed::Address(user) | Confirmed::Changed(user) => {
            assert_eq!(user.status, Status::Active);
            None
        }
    }
}

async fn sign_in(node: &TestNode, sign_up: &CompletedSignUp) -> SignedIn {
    let service = &node.doorward.sign_in;
    let outcome = service.after_sign_up(&node.anonymous(), sign_up).await;
    match outcome.unwrap() {
        Outcome::Session(signed_in) => *signed_in,
        Outcome::NextFactor(next) => panic!("the sign-in needs {:?}", next.step),
    }
}

/// `auth_time` is the time at which the password was entered.
#[tokio::test]
async fn confirming_in_the_browser_of_the_sign_up_signs_in() {
    let node = TestNode::new().await;
    let entered_at = node.now();
    let (cookie, link) = signed_up(&node, "ben").await;
    node.advance(minutes(10));
    node.audited();
    node.recorded.take();
    let sign_up = confirm(&node, &link, cookie.expose()).await.unwrap();
    let signed_in = sign_in(&node, &sign_up).await;
    assert_eq!(node.audited(), ["email-confirmed", "sign-in"]);
    let success = MetricEvent::SignIn(SignInOutcome::Success);
    assert!(node.recorded.take().contains(&success));
    let session = &signed_in.session;
    assert_eq!(session.amr, [AuthMethod::Password]);
    assert_eq!(
        (session.auth_time, session.created_at),
        (entered_at, node.now())
    );
    let user = node.check(&signed_in).await.unwrap();
    assert_eq!(user.email, Some(email("ben@example.com")));
    let last: Option<LastSignIn> = node.store.get(user.id).await.unwrap();
    assert_eq!(last.unwrap().at, node.now());
    assert_eq!(node.store.all::<Device>().len(), 1);
    assert_eq!(node.mails().await.len(), 0, "a first sign-in is usual");
    // The password is not recent enough for a sensitive action.
    let ctx = node.of(&signed_in);
    let deleted = node.doorward.deletion.delete(&ctx, "me", None).await;
    assert_err!(deleted, Error::ReauthenticationRequired);
}

#[tokio::test]
async fn a_link_without_the_cookie_signs_no_one_in() {
    let node = TestNode::new().await;
    let (_, link) = signed_up(&node, "ben").await;
    let confirmation = &node.doorward.confirmation;
    let confirmed = confirmation
        .confirm_in_browser(&node.anonymous(), &link, None, None)
        .await;
    assert!(matches!(confirmed.unwrap(), Confirmed::Address(_)));
}

/// nothing but the `POST` of its own link takes the cookie.
#[tokio::test]
async fn a_stolen_cookie_is_worth_nothing_without_the_link() {
    let node = TestNode::new().await;
    let (cookie, _) = signed_up(&node, "ben").await;
    let (_, of_zoe) = signed_up(&node, "zoe").await;
    assert!(confirm(&node, &of_zoe, cookie.expose()).await.is_none());
    let guessed = Token::generate(&*node.random);
    let guessed = try_confirm(&node, &guessed, cookie.expose(), None).await;
    assert_err!(guessed, Error::LinkExpired);
    let (ctx, session_check) = (node.anonymous(), &node.doorward.session_check);
    let checked = session_check.authenticate(&ctx, cookie.expose()).await;
    assert_err!(checked, Error::InvalidToken);
}

#[tokio::test]
async fn the_cookie_is_valid_for_an_hour() {
    for (age, is_valid) in [(hours(1) - MICROSECOND, true), (hours(1), false)] {
        let node = TestNode::new().await;
        let (cookie, link) = signed_up(&node, "ben").await;
        node.advance(age);
        let sign_up = confirm(&node, &link, cookie.expose()).await;
        assert_eq!(sign_up.is_some(), is_valid);
    }
}

/// of concurrent requests, too.
#[tokio::test]
async fn the_cookie_is_used_once() {
    let node = TestNode::new().await;
    let (cookie, link) = signed_up(&node, "ben").await;
    node.spy.yield_once();
    let (one, other) = tokio::join!(
        confirm(&node, &link, cookie.expose()),
        confirm(&node, &link, cookie.expose())
    );
    assert!(one.is_some() != other.is_some());
    assert!(confirm(&node, &link, cookie.expose()).await.is_none());
}

/// A browser has the cookie of its last sign-up only, and each is bound to its own user.
#[tokio::test]
async fn a_new_sign_up_with_the_same_address_does_not_take_the_cookie_of_the_first() {
    for takes_first_link in [true, false] {
        let node = TestNode::new().await;
        let first = signed_up(&node, "ben").await;
        let second = signed_up(&node, "ben").await;
        let (link, cookie) = match takes_first_link {
            true => (first.1, second.0),
            false => (second.1, first.0),
        };
        assert!(confirm(&node, &link, cookie.expose()).await.is_none());
    }
}

/// Cut, modified, longer, something else, or sealed with the master key of another server.
#[tokio::test]
async fn a_value_that_is_not_the_cookie_is_ignored() {
    let modified: [fn(&str) -> String; 5] = [
        |_| String::new(),
        |_| "\u{e9}".to_owned(),
        |text| text[4..].to_owned(),
        |text| format!("{text}AAAA"),
        |text| {
            let other = if &text[40..41] == "A" { "B" } else { "A" };
            format!("{}{other}{}", &text[..40], &text[41..])
        },
    ];
    for modify in modified {
        let node = TestNode::new().await;
        let (cookie, link) = signed_up(&node, "ben").await;
        let value = modify(cookie.expose());
        assert!(confirm(&node, &link, &value).await.is_none(), "{value}");
    }
    let node = TestNode::new().await;
    let (cookie, link) = signed_up(&node, "ben").await;
    let other = node.cold_node(9, &[8; 32]);
    assert!(confirm(&other, &link, cookie.expose()).await.is_none());
}

async fn resent(node: &TestNode) -> Mail {
    let (ctx, address) = (node.anonymous(), email("ben@example.com"));
    let asked = node
        .doorward
        .confirmation
        .request_confirmation(&ctx, &address, None);
    asked.await.unwrap();
    node.one_mail().await
}

/// A mail that was sent again has another link of the same sign-up.
#[tokio::test]
async fn the_link_of_a_repeated_mail_signs_in_too() {
    let node = TestNode::new().await;
    let (cookie, _) = signed_up(&node, "ben").await;
    let link = token_in(&resent(&node).await);
    assert!(confirm(&node, &link, cookie.expose()).await.is_some());
}

fn only_user(node: &TestNode) -> User {
    node.store.all().pop().unwrap()
}

/// the operator can set the password of a pending user.
#[tokio::test]
async fn a_new_password_voids_the_cookie() {
    let node = TestNode::new().await;
    let (cookie, link) = signed_up(&node, "ben").await;
    let id = only_user(&node).id.to_string();
    let (operator, new) = (node.operator(), secret(OTHER_PASSWORD));
    let set = node.doorward.passwords.set(&operator, &id, &new);
    set.await.unwrap();
    assert!(confirm(&node, &link, cookie.expose()).await.is_none());
}

/// The password is bound by itself, not only by the epoch that a change of it raises.
#[tokio::test]
async fn the_cookie_is_bound_to_the_password_and_to_the_epoch() {
    for is_epoch in [true, false] {
        let node = TestNode::new().await;
        let (cookie, link) = signed_up(&node, "ben").await;
        let user = only_user(&node);
        let other = Credential::password(user.id, secret("$another$hash"), node.now());
        let raised = User {
            security_epoch: user.security_epoch + 1,
            ..user.clone()
        };
        let write = match is_epoch {
            true => Write::put(&raised),
            false => Write::put(&other),
        };
        node.store.apply(vec![write]).await.unwrap();
        assert!(confirm(&node, &link, cookie.expose()).await.is_none());
    }
}

/// Z-04: a disabled user is not signed in, whenever that happens; enabling does not restore the cookie.
#[tokio::test]
async fn a_disabled_user_is_not_signed_in() {
    let node = TestNode::new().await;
    let (operator, admin) = (node.operator(), &node.doorward.admin);
    let (cookie, link) = signed_up(&node, "ben").await;
    let id = only_user(&node).id.to_string();
    admin.disable(&operator, &id, None).await.unwrap();
    let refused = try_confirm(&node, &link, cookie.expose(), None).await;
    assert_err!(refused, Error::LinkExpired);
    admin.enable(&operator, &id, None).await.unwrap();
    assert!(confirm(&node, &link, cookie.expose()).await.is_none());

    let node = TestNode::new().await;
    let (cookie, link) = signed_up(&node, "zoe").await;
    let sign_up = confirm(&node, &link, cookie.expose()).await.unwrap();
    let (operator, id) = (node.operator(), sign_up.user().id.to_string());
    let disabled = node.doorward.admin.disable(&operator, &id, None).await;
    disabled.unwrap();
    let late = sign_in(&node, &sign_up).await;
    assert_err!(node.check(&late).await, Error::InvalidToken);
}

///
#[tokio::test]
async fn the_cookie_is_void_after_the_sign_up_was_cancelled() {
    let node = TestNode::new().await;
    let (cookie, link) = signed_up(&node, "ben").await;
    let confirmation = &node.doorward.confirmation;
    let cancelled = confirmation
        .cancel_confirmation(&node.anonymous(), &link)
        .await;
    cancelled.unwrap();
    let refused = try_confirm(&node, &link, cookie.expose(), None).await;
    assert_err!(refused, Error::LinkExpired);
    let (_, link) = signed_up(&node, "ben").await;
    assert!(confirm(&node, &link, cookie.expose()).await.is_none());
}

/// the cookie does not replace a password that the policy requires.
#[tokio::test]
async fn a_required_password_has_to_be_entered_again() {
    let node = TestNode::with(|policy| policy.confirmation_requires_password = true).await;
    let (cookie, link) = signed_up(&node, "ben").await;
    let missing = try_confirm(&node, &link, cookie.expose(), None).await;
    assert_err!(missing, Error::Invalid(_));
    let wrong = try_confirm(&node, &link, cookie.expose(), Some(OTHER_PASSWORD)).await;
    assert_err!(wrong, Error::InvalidCredentials);
    let right = try_confirm(&node, &link, cookie.expose(), Some(PASSWORD)).await;
    assert!(matches!(right, Ok(Confirmed::SignUp(_))));
}

/// `auth_time` stays that of the password.
#[tokio::test]
async fn a_required_factor_is_added_before_the_first_session_of_a_sign_up() {
    for has_address in [true, false] {
        let required = FactorsRequired::Everyone;
        let node = TestNode::with(|policy| policy.factors_required = required).await;
        let entered_at = node.now();
        let sign_up = match has_address {
            true => {
                let (cookie, link) = signed_up(&node, "ben").await;
                node.advance(minutes(10));
                confirm(&node, &link, cookie.expose()).await.unwrap()
            }
            false => completed(start(&node, sign_up(Some("ben"), None)).await),
        };
        let outcome = node
            .doorward
            .sign_in
            .after_sign_up(&node.anonymous(), &sign_up)
            .await;
        let Outcome::NextFactor(next) = outcome.unwrap() else {
            panic!("the policy requires a factor");
        };
        assert_eq!(next.step, NextStep::Enrol);
        let challenge = Token::parse(next.challenge.expose()).unwrap();
        let actor = node
            .doorward
            .second_step
            .enrolling(&node.anonymous(), &challenge)
            .await;
        let ctx = node.ctx(actor.unwrap());
        add_app(&node, &ctx, "Phone").await;
        let signed_in = node
            .doorward
            .second_step
            .finish_enrolling(&ctx, FactorKind::Totp)
            .await
            .unwrap();
        assert!(signed_in.session.amr.contains(&AuthMethod::MultiFactor));
        assert_eq!(signed_in.session.auth_time, entered_at);
        node.mails().await;
    }
}

fn completed(sign_up: BrowserSignUp) -> CompletedSignUp {
    match sign_up {
        BrowserSignUp::Completed(sign_up) => *sign_up,
        BrowserSignUp::Unconfirmed { .. } => panic!("the account is active"),
    }
}

/// With a username, or if addresses are not confirmed.
#[tokio::test]
async fn the_user_of_an_active_account_is_signed_in_at_once() {
    for (name, address, confirms) in [
        (Some("ben"), None, true),
        (Some("ben"), Some("ben@example.com"), true),
        (None, Some("ben@example.com"), false),
    ] {
        let node = TestNode::with(|policy| policy.confirm_email = confirms).await;
        let sign_up = completed(start(&node, sign_up(name, address)).await);
        let signed_in = sign_in(&node, &sign_up).await;
        assert_eq!(node.audited(), ["sign-up", "sign-in"]);
        let user = node.check(&signed_in).await.unwrap();
        assert_eq!(user.id, sign_up.user().id);
        assert_eq!(signed_in.session.auth_time, node.now());
        node.mails().await;
    }
}

/// an address that is in use gets a cookie as well, which no link takes.
#[tokio::test]
async fn the_cookie_does_not_reveal_that_an_address_is_in_use() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let mut lengths = Vec::new();
    for name in ["ben", "zoe", "a.much.longer.name"] {
        lengths.push(cookie(&node, name).await.expose().len());
        node.mails().await;
    }
    assert_eq!(lengths, [lengths[0]; 3]);
}
