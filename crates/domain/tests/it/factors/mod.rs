//! Second factors: `sign_in` in two steps, `step_up` with a code, `attempts`: how codes are counted, `manage`: adding,
//! renewing and removing, `races`: a write while the user adds their first factor, `unfinished`: enrolments that wait for
//! their first code, `undo`: the link that undoes the first factor.

mod attempts;
mod manage;
mod races;
mod sign_in;
mod step_up;
mod undo;
mod unfinished;

use doorward_domain::Ctx;
use doorward_domain::factors::{Enrolment, FactorCode, FactorKind, FactorName};
use doorward_domain::model::{Credential, CredentialKind};
use doorward_domain::sessions::SignedIn;
use doorward_domain::sign_in::{NextFactor, Outcome, Proof};
use doorward_domain::values::{Secret, Token};
use doorward_domain::{Error, FactorsRequired, Policy};
use jiff::{SignedDuration, Timestamp};
use ring::hmac;

use crate::test_node::*;

/// An authenticator app: computes codes as RFC 6238 says.
pub struct App(Vec<u8>);

impl App {
    /// Reads the secret as a user types it in.
    pub fn new(secret: &Secret<String>) -> Self {
        let secret = totp_rs::Secret::try_from_base32(secret.expose()).unwrap();
        Self(secret.as_bytes().to_vec())
    }

    pub fn text_at(&self, at: Timestamp) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let step = u64::try_from(at.as_second()).unwrap() / 30;
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let offset = usize::from(tag.as_ref()[19] & 15);
        let word = tag.as_ref()[offset..offset + 4].try_into().unwrap();
        let number = u32::from_be_bytes(word) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }

    pub fn code_at(&self, at: Timestamp) -> FactorCode {
        code(&self.text_at(at))
    }

    /// A code that is wrong now.
    pub fn wrong(&self, node: &TestNode) -> FactorCode {
        let near = [-60, -30, 0, 30, 60].map(|by| self.text_at(node.now() + seconds(by)));
        let wrong = (0..10).map(|digit| format!("{digit}00000"));
        code(&wrong.into_iter().find(|text| !near.contains(text)).unwrap())
    }
}

pub fn code(text: &str) -> FactorCode {
    FactorCode::parse(text).unwrap()
}

/// A user with an authenticator.
pub struct TwoFactorUser {
    pub name: &'static str,
    pub app: App,
    pub id: String,
    pub recovery_codes: Vec<FactorCode>,
    /// The session in which it was added.
    pub session: SignedIn,
}

impl TwoFactorUser {
    /// The proof for a step-up, with the code of this moment.
    pub fn proof(&self, node: &TestNode) -> Proof {
        Proof {
            password: password(PASSWORD),
            code: Some(self.app.code_at(node.now())),
        }
    }
}

/// Adds an authenticator to the account of a session.
pub async fn add_app(
    node: &TestNode,
    ctx: &Ctx,
    name: &str,
) -> (App, String, Option<Vec<FactorCode>>) {
    let factor_enrolment = &node.doorward.factor_enrolment;
    let name = FactorName::parse(name).unwrap();
    let begun = factor_enrolment.begin(ctx, "me", &name).await.unwrap();
    let (app, id) = (App::new(&begun.secret), begun.factor.id.to_string());
    let first = app.code_at(ctx.now);
    let added = factor_enrolment
        .finish(ctx, "me", &id, &first)
        .await
        .unwrap();
    let codes = added.recovery_codes;
    let codes = codes.map(|codes| codes.iter().map(|text| code(text.expose())).collect());
    (app, id, codes)
}

/// An active user with an authenticator, one minute after the enrolment.
pub async fn two_factor_user(node: &TestNode, name: &'static str) -> TwoFactorUser {
    node.active(name).await;
    let session = node.sign_in(name).await;
    let (app, id, codes) = add_app(node, &node.of(&session), "Phone").await;
    node.advance(minutes(1));
    node.mails().await;
    node.clear_cache();
    TwoFactorUser {
        name,
        app,
        id,
        recovery_codes: codes.unwrap(),
        session,
    }
}

/// The first step of a sign-in that needs another.
pub async fn first_step(node: &TestNode, ctx: &Ctx, name: &str) -> Result<NextFactor, Error> {
    let (named, shown) = (identifier(name), password(PASSWORD));
    match node.doorward.sign_in.start(ctx, &named, &shown).await? {
        Outcome::NextFactor(next) => Ok(next),
        Outcome::Session(_) => panic!("the sign-in of {name} needs no second factor"),
    }
}

/// A challenge for this user.
pub async fn challenge(node: &TestNode, name: &str) -> Token {
    let next = first_step(node, &node.anonymous(), name).await.unwrap();
    Token::parse(next.challenge.expose()).unwrap()
}

/// Answers a challenge with a code, whose form tells its kind.
pub async fn answer(
    node: &TestNode,
    challenge: &Token,
    code: &FactorCode,
) -> Result<SignedIn, Error> {
    let second_step = &node.doorward.second_step;
    second_step
        .answer(&node.anonymous(), challenge, None, code)
        .await
}

/// Signs in with the code of this moment.
pub async fn sign_in(node: &TestNode, user: &TwoFactorUser) -> Result<SignedIn, Error> {
    let challenge = challenge(node, user.name).await;
    answer(node, &challenge, &user.app.code_at(node.now())).await
}

/// One node with Ben, who has an authenticator.
pub async fn ben() -> (TestNode, TwoFactorUser) {
    let node = TestNode::new().await;
    let ben = two_factor_user(&node, "ben").await;
    (node, ben)
}

pub async fn ben_with(choose: impl FnOnce(&mut Policy)) -> (TestNode, TwoFactorUser) {
    let node = TestNode::with(choose).await;
    let ben = two_factor_user(&node, "ben").await;
    (node, ben)
}

pub const STEP: SignedDuration = SignedDuration::from_secs(30);
pub const TOTP: Option<FactorKind> = Some(FactorKind::Totp);

/// Begins to add an authenticator to the account of this session.
async fn begin(node: &TestNode, session: &SignedIn) -> Result<Enrolment, Error> {
    let (ctx, name) = (node.of(session), FactorName::default());
    node.doorward
        .factor_enrolment
        .begin(&ctx, "me", &name)
        .await
}

/// Enters its first code.
async fn finish(node: &TestNode, session: &SignedIn, begun: &Enrolment) -> Result<(), Error> {
    let (id, app) = (begun.factor.id.to_string(), App::new(&begun.secret));
    let (ctx, code) = (node.of(session), app.code_at(node.now()));
    let finished = node
        .doorward
        .factor_enrolment
        .finish(&ctx, "me", &id, &code);
    finished.await.map(|_| ())
}

/// Number of stored authenticators, active or not.
fn stored_apps(node: &TestNode) -> usize {
    let all: Vec<Credential> = node.store.all();
    let is_totp = |one: &&Credential| one.kind == CredentialKind::Totp;
    all.iter().filter(is_totp).count()
}
