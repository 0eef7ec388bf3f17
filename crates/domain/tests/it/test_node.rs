//! The environment of one test: one or more nodes, their store, clock, test mailer and users.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use doorward_domain::access::Action;
use doorward_domain::clock::Clock;
use doorward_domain::ctx::{KnownDevice, session_actor};
use doorward_domain::invitation::NewInvitation;
use doorward_domain::keys::{Keyring, MasterKey};
use doorward_domain::memory::{MemoryStore, SteppedClock};
use doorward_domain::metric_event::{MetricEvent, MetricsRecorder};
use doorward_domain::model::{
    AuditEvent, AuditKind, Link, Lockout, MailJob, MailKind, Outcome, Purpose, User, Version,
};
use doorward_domain::outbox::{DeliveryCounts, Mail, MailError, MailText, Mailer};
use doorward_domain::passwords::hashing::{Cost, Engine, Hasher, HasherSettings, Peppers};
use doorward_domain::sessions::SessionStore;
use doorward_domain::sessions::{SeparateSessions, SignedIn};
use doorward_domain::sign_in::{self, Identifier, Proof};
use doorward_domain::sign_up::NewSignUp;
use doorward_domain::store::{Records, Store, Write};
use doorward_domain::users::NewUser;
use doorward_domain::values::{
    Data, EmailAddress, NewPassword, Password, Role, Secret, Token, Username,
};
use doorward_domain::{Actor, Ctx, Doorward, Error, Policy, Ports};
use jiff::{SignedDuration, Timestamp};

use crate::spy::{Spy, SpyRandom, SpyRateLimits};

/// Ids of a node do not repeat those before its restart.
static RESTARTS: AtomicU64 = AtomicU64::new(0);

pub const PASSWORD: &str = "plum cake on sundays";
pub const OTHER_PASSWORD: &str = "two boats and a lamp";

/// Asserts that the result is this error.
macro_rules! assert_err {
    ($result:expr, $refusal:pat $(if $guard:expr)?) => {{
        let result = $result.map(|_| ());
        assert!(matches!(&result, Err($refusal) $(if $guard)?), "{result:?}");
    }};
}

/// One node and its dependencies. [`TestNode::second_node`] creates another on the same store.
pub struct TestNode {
    pub spy: Arc<Spy>,
    pub store: Arc<MemoryStore>,
    pub clock: Arc<SteppedClock>,
    pub mailer: Arc<TestMailer>,
    pub random: Arc<SpyRandom>,
    pub throttle: Arc<SpyRateLimits>,
    pub doorward: Doorward,
    pub recorded: Arc<RecordedEvents>,
}

/// Recorded metric events.
#[derive(Default)]
pub struct RecordedEvents(Mutex<Vec<MetricEvent>>);

impl MetricsRecorder for RecordedEvents {
    fn record(&self, event: MetricEvent) {
        self.0.lock().unwrap().push(event);
    }
}

impl RecordedEvents {
    /// Events since the last time, without audit events and hash durations.
    pub fn take(&self) -> Vec<MetricEvent> {
        let mut all = std::mem::take(&mut *self.0.lock().unwrap());
        all.retain(|one| {
            !matches!(
                one,
                MetricEvent::AuditEventWritten(..) | MetricEvent::Hashed { .. }
            )
        });
        all
    }
}

impl TestNode {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// A world that stores sessions apart from the main store.
    pub async fn with_separate_sessions() -> Self {
        let spy = Arc::new(Spy::default());
        Self::start(spy.clone(), Some(spy), |_| {}).await
    }

    /// Creates a world with a changed policy.
    pub async fn with(choose: impl FnOnce(&mut Policy)) -> Self {
        Self::start(Arc::new(Spy::default()), None, choose).await
    }

    async fn start(
        spy: Arc<Spy>,
        sessions: Option<Arc<Spy>>,
        choose: impl FnOnce(&mut Policy),
    ) -> Self {
        let start = "2026-11-21T08:00:00Z".parse().unwrap();
        let sessions = sessions.map(|sessions| -> Arc<dyn SeparateSessions> { sessions });
        let clock = Arc::new(SteppedClock::new(start));
        let mut policy = Policy::new("https://accounts.example/");
        choose(&mut policy);
        let throttle = Arc::new(SpyRateLimits::new());
        let node = Self::other_node(spy, sessions, clock, throttle, policy, 1, &[7; 32]);
        node.doorward.keys.ensure(&node.worker()).await.unwrap();
        node.store.set_late_lists(true);
        node.clear_cache();
        node
    }

    /// Lets later lists contain every write, for a test of what a list contains.
    pub fn list_at_once(&self) {
        self.store.set_late_lists(false);
    }

    /// Creates another node on the same store, with keys loaded.
    pub async fn second_node(&self, seed: u64) -> Self {
        let other_node = self.cold_node(seed, &[7; 32]);
        other_node
            .doorward
            .keys
            .ensure(&other_node.worker())
            .await
            .unwrap();
        other_node
    }

    /// The node after a restart: counters in memory are lost.
    pub async fn restart(&self) -> Self {
        let policy = self.doorward.policy().clone();
        let spy = Arc::new(Spy::on(self.store.clone()));
        let throttle = Arc::new(SpyRateLimits::new());
        let seed = 4 + RESTARTS.fetch_add(1, Ordering::Relaxed);
        let other_node = Self::other_node(
            spy,
            None,
            self.clock.clone(),
            throttle,
            policy,
            seed,
            &[7; 32],
        );
        other_node
            .doorward
            .keys
            .ensure(&other_node.worker())
            .await
            .unwrap();
        other_node.clear_cache();
        other_node
    }

    /// Creates another node on the same store, with another public URL.
    pub async fn at_address(&self, url: &str) -> Self {
        let policy = Policy::new(url);
        let spy = Arc::new(Spy::on(self.store.clone()));
        let throttle = self.throttle.clone();
        let other_node =
            Self::other_node(spy, None, self.clock.clone(), throttle, policy, 3, &[7; 32]);
        other_node
            .doorward
            .keys
            .ensure(&other_node.worker())
            .await
            .unwrap();
        other_node
    }

    /// Creates another node on the same store, with no keys loaded.
    pub fn cold_node(&self, seed: u64, master: &[u8; 32]) -> Self {
        let policy = self.doorward.policy().clone();
        let spy = Arc::new(Spy::on(self.store.clone()));
        let throttle = self.throttle.clone();
        Self::other_node(
            spy,
            None,
            self.clock.clone(),
            throttle,
            policy,
            seed,
            master,
        )
    }

    fn other_node(
        spy: Arc<Spy>,
        sessions: Option<Arc<dyn SeparateSessions>>,
        clock: Arc<SteppedClock>,
        throttle: Arc<SpyRateLimits>,
        policy: Policy,
        seed: u64,
        master: &[u8; 32],
    ) -> Self {
        let random = Arc::new(SpyRandom::new(seed));
        let mailer = Arc::new(TestMailer::default());
        let recorded = Arc::new(RecordedEvents::default());
        let settings = HasherSettings {
            cost: CHEAP,
            engine: Engine::Fast,
            threads: 1,
            queue_limit: 64,
        };
        let hasher = Hasher::start(&settings, random.clone(), Peppers::default()).unwrap();
        let master = MasterKey::from_secret(Secret::new(master.to_vec())).unwrap();
        let ports = Ports {
            store: spy.clone(),
            sessions,
            rate_limits: throttle.clone(),
            mailer: mailer.clone(),
            clock: clock.clone(),
            random: random.clone(),
            recorder: recorded.clone(),
        };
        Self {
            store: spy.store.clone(),
            spy,
            clock,
            mailer,
            random,
            throttle,
            recorded,
            doorward: Doorward::new(ports, policy, hasher, Keyring::new(master)),
        }
    }

    /// The mails in the outbox, oldest first.
    pub fn mail_jobs(&self) -> Vec<MailJob> {
        self.store.all()
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn advance(&self, by: SignedDuration) {
        self.clock.advance(by);
    }

    /// Clears the records of calls, changes, hashes and audit events.
    pub fn clear_cache(&self) {
        self.spy.take_calls();
        self.spy.take_writes();
        self.throttle.take_asked();
        self.spy.take_audited();
        self.random.take_hashes();
    }

    pub fn ctx(&self, actor: Actor) -> Ctx {
        Ctx {
            actor,
            client: doorward_domain::ctx::Client::default(),
            request_id: "request-1".to_owned(),
            now: self.now(),
        }
    }

    pub fn anonymous(&self) -> Ctx {
        self.ctx(Actor::Anonymous)
    }

    pub fn worker(&self) -> Ctx {
        self.ctx(Actor::Worker)
    }

    pub fn operator(&self) -> Ctx {
        self.ctx(Actor::CommandLine)
    }

    /// A request in this session.
    pub fn of(&self, signed_in: &SignedIn) -> Ctx {
        let session = &signed_in.session;
        let mut ctx = self.ctx(session_actor(&signed_in.user, session));
        ctx.client.known = vec![KnownDevice::from_session(session)];
        ctx
    }

    pub async fn try_sign_up(&self, wanted: NewSignUp) -> Result<User, Error> {
        self.doorward.sign_up.start(&self.anonymous(), wanted).await
    }

    /// A user signs up with an address alone, `name@example.com`, and has not confirmed it; the mail is queued.
    pub async fn pending(&self, name: &str) -> User {
        let email = format!("{name}@example.com");
        self.try_sign_up(sign_up(None, Some(&email))).await.unwrap()
    }

    /// A user signs up with a username and `name@example.com`, and has not confirmed it; the mail is queued.
    pub async fn unconfirmed(&self, name: &str) -> User {
        let email = format!("{name}@example.com");
        let wanted = sign_up(Some(name), Some(&email));
        self.try_sign_up(wanted).await.unwrap()
    }

    /// A user who signed up with both names and confirmed by the mailed link. Other queued mails are sent as well,
    /// and discarded.
    pub async fn active(&self, name: &str) -> User {
        let user = self.unconfirmed(name).await;
        let mails = self.mails().await;
        let is_theirs = |mail: &&Mail| Some(&mail.to) == user.pending_address();
        let token = token_in(mails.iter().find(is_theirs).unwrap());
        self.doorward
            .confirmation
            .confirm(&self.anonymous(), &token)
            .await
            .unwrap()
    }

    /// A user who has only a username.
    pub async fn user_without_mailbox(&self, name: &str) -> User {
        self.try_sign_up(sign_up(Some(name), None)).await.unwrap()
    }

    /// An admin, created on the command line.
    pub async fn admin(&self, name: &str) -> User {
        let wanted = NewUser {
            username: Some(username(name)),
            email: Some(email(&format!("{name}@example.com"))),
            name: None,
            password: new_password(PASSWORD),
            role: Role::Admin,
        };
        let created = self
            .doorward
            .operator
            .create_user(&self.operator(), wanted)
            .await;
        created.unwrap()
    }

    pub async fn try_sign_in(&self, name: &str, shown: &str) -> Result<SignedIn, Error> {
        let (ctx, shown) = (self.anonymous(), password(shown));
        self.start_sign_in(&ctx, &identifier(name), &shown).await
    }

    /// Signs in with a password alone.
    pub async fn start_sign_in(
        &self,
        ctx: &Ctx,
        identifier: &Identifier,
        shown: &Password,
    ) -> Result<SignedIn, Error> {
        match self.doorward.sign_in.start(ctx, identifier, shown).await? {
            sign_in::Outcome::Session(signed_in) => Ok(*signed_in),
            sign_in::Outcome::NextFactor(next) => panic!("the sign-in needs {:?}", next.step),
        }
    }

    pub async fn sign_in(&self, name: &str) -> SignedIn {
        self.try_sign_in(name, PASSWORD).await.unwrap()
    }

    /// Requests a recovery mail, without a session.
    pub async fn ask_recovery(&self, address: &str) {
        let (anonymous, address) = (self.anonymous(), email(address));
        let asked = self.doorward.recovery.request(&anonymous, &address, None);
        asked.await.unwrap();
    }

    /// Returns the user if the token is valid.
    pub async fn check(&self, signed_in: &SignedIn) -> Result<User, Error> {
        let token = signed_in.token.expose();
        let opened = self
            .doorward
            .session_check
            .authenticate(&self.anonymous(), token)
            .await?;
        Ok(opened.user().clone())
    }

    pub async fn renew(&self, signed_in: &SignedIn) -> Result<SignedIn, Error> {
        let token = signed_in.token.expose();
        self.doorward.renewal.renew(&self.anonymous(), token).await
    }

    /// Replaces the session's token, as after a password change.
    pub async fn replace(&self, signed_in: &SignedIn) -> Result<SignedIn, Error> {
        let token = signed_in.token.expose();
        self.doorward
            .renewal
            .replace_token(&self.anonymous(), token)
            .await
    }

    /// Verifies this proof for the deletion of the own account, and records it in the session.
    pub async fn record_proof(&self, of: &SignedIn, shown: &Proof) -> Result<SignedIn, Error> {
        let (ctx, doorward) = (self.of(of), &self.doorward);
        let proved = doorward
            .reauthentication
            .reauthenticate(&ctx, Action::DeleteUser, "me", Some(shown))
            .await?;
        let methods = proved.recordable.expect("a new proof");
        let token = of.token.expose();
        doorward
            .renewal
            .record_proof(&proved.ctx, token, methods)
            .await
    }

    pub async fn deliver(&self) -> DeliveryCounts {
        let turn = self.doorward.outbox.deliver(&self.worker(), 100).await;
        turn.unwrap()
    }

    /// Mails that the next run of the worker sends.
    pub async fn mails(&self) -> Vec<Mail> {
        self.deliver().await;
        self.mailer.take()
    }

    /// The one mail that the next run of the worker sends.
    pub async fn one_mail(&self) -> Mail {
        let mails = self.mails().await;
        assert_eq!(mails.len(), 1, "{:?}", summary(&mails));
        mails.into_iter().next().unwrap()
    }

    /// Stores a link directly, like one created at a bad moment.
    pub async fn link(&self, user: &User, purpose: Purpose, address: &str) -> Token {
        let token = Token::generate(&*self.random);
        let stored = self.stored_user(user).await;
        let pending = stored
            .pending_email
            .filter(|_| purpose == Purpose::Confirmation);
        let link = Link {
            digest: token.digest(),
            user_id: user.id,
            purpose,
            email: Some(email(address)),
            epoch: stored.security_epoch,
            requested_at: pending.map_or(self.now(), |pending| pending.requested_at),
            created_at: self.now(),
            expires_at: self.now() + hours(1),
            used_at: None,
        };
        let put = self.store.apply(vec![Write::put(&link)]).await;
        put.unwrap();
        token
    }

    /// The stored user.
    pub async fn stored_session(&self, user: &User) -> Option<User> {
        self.store.get(user.id).await.unwrap()
    }

    /// The stored user, who must exist.
    pub async fn stored_user(&self, user: &User) -> User {
        self.stored_session(user).await.unwrap()
    }

    /// The sessions in the main store.
    pub fn sessions(&self) -> SessionStore {
        SessionStore::new(self.store.clone(), None)
    }

    pub async fn has_admin(&self) -> bool {
        self.doorward.operator.has_admin().await.unwrap()
    }

    /// Returns `true` if unknown clients are locked out of the account.
    pub async fn is_locked_out(&self, user: &User) -> bool {
        let lockout: Option<Lockout> = self.store.get(user.id).await.unwrap();
        let user = self.stored_user(user).await;
        lockout.is_some_and(|lockout| lockout.applies_to(&user))
    }

    /// The audit events since the last time, but for those of accepted mails: `event`, or `event!reason` if it was refused.
    pub fn audited(&self) -> Vec<String> {
        let events = self.spy.take_audited();
        let acts = events
            .iter()
            .filter(|event| event.event != AuditKind::MailSent);
        acts.map(line).collect()
    }
}

/// Cheap, since the rules do not depend on the cost.
pub const CHEAP: Cost = Cost {
    memory_kib: 8,
    passes: 1,
    lanes: 1,
};

fn line(event: &AuditEvent) -> String {
    match event.outcome {
        Outcome::Success => event.event.as_str().to_owned(),
        Outcome::Failure => {
            let why = event.detail.as_deref().unwrap_or_default();
            format!("{}!{why}", event.event.as_str())
        }
    }
}

/// A mail server that stores its mails, and rejects them on demand.
#[derive(Default)]
pub struct TestMailer {
    sent: Mutex<Vec<Mail>>,
    refuses: Mutex<Option<MailRefusal>>,
    full: Mutex<Option<String>>,
    thinks: Mutex<Duration>,
    defer: Mutex<Option<String>>,
}

#[derive(Clone, Copy)]
pub enum MailRefusal {
    Temporary,
    Permanent,
}

impl TestMailer {
    pub fn take(&self) -> Vec<Mail> {
        std::mem::take(&mut self.sent.lock().unwrap())
    }

    /// Defers mails to this mailbox only.
    pub fn is_full(&self, address: &str) {
        *self.full.lock().unwrap() = Some(address.to_owned());
    }

    /// Defers mails to this user only.
    pub fn defer(&self, username: Option<&str>) {
        *self.defer.lock().unwrap() = username.map(str::to_owned);
    }

    /// Sets the time that each mail takes.
    pub fn delay(&self, time: Duration) {
        *self.thinks.lock().unwrap() = time;
    }

    pub fn refuse(&self, refusal: Option<MailRefusal>) {
        *self.refuses.lock().unwrap() = refusal;
    }
}

#[async_trait]
impl Mailer for TestMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let thinks = *self.thinks.lock().unwrap();
        tokio::time::sleep(thinks).await;
        let is_full = self.full.lock().unwrap().as_deref() == Some(mail.to.as_str());
        let defer = self.defer.lock().unwrap().clone();
        let is_deferred = defer.is_some() && defer == mail.username;
        let refusal = (is_full || is_deferred).then_some(MailRefusal::Temporary);
        if let Some(refusal) = refusal.or(*self.refuses.lock().unwrap()) {
            return Err(MailError {
                permanent: matches!(refusal, MailRefusal::Permanent),
                cause: format!("configured to reject {}", mail.url).into(),
            });
        }
        self.sent.lock().unwrap().push(mail.clone());
        Ok(())
    }

    /// The kind and the link.
    fn preview(&self, mail: &Mail) -> Result<MailText, MailError> {
        Ok(MailText {
            subject: mail.kind.as_str().to_owned(),
            text: mail.url.clone(),
        })
    }
}

/// Recipient and template of each mail, in order of address.
pub fn summary(mails: &[Mail]) -> Vec<(String, MailKind)> {
    let mut all: Vec<_> = mails
        .iter()
        .map(|mail| (mail.to.as_str().to_owned(), mail.kind))
        .collect();
    all.sort_by(|one, other| one.0.cmp(&other.0));
    all
}

/// The token in a mail's link.
pub fn token_in(mail: &Mail) -> Token {
    let (_, text) = mail.url.rsplit_once('/').unwrap();
    Token::parse(text).unwrap()
}

pub fn sign_up(name: Option<&str>, address: Option<&str>) -> NewSignUp {
    NewSignUp {
        username: name.map(username),
        email: address.map(email),
        password: new_password(PASSWORD),
        name: None,
        data: Data::default(),
    }
}

/// An invitation, by mail if there is an address.
pub fn invited(name: Option<&str>, address: Option<&str>, role: Role) -> NewInvitation {
    NewInvitation {
        username: name.map(username),
        email: address.map(email),
        name: None,
        role,
        locale: None,
        delivery: None,
    }
}

pub fn identifier(name: &str) -> Identifier {
    match name.contains('@') {
        true => Identifier::Email(email(name)),
        false => Identifier::Username(username(name)),
    }
}

pub fn username(text: &str) -> Username {
    Username::parse(text).unwrap()
}

pub fn email(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

pub fn password(text: &str) -> Password {
    Password::parse(text).unwrap()
}

pub fn proof(text: &str) -> Proof {
    password(text).into()
}

pub fn new_password(text: &str) -> NewPassword {
    NewPassword::parse(text, &Policy::new("https://x.example").password_rules, &[]).unwrap()
}

pub fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

pub fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

pub fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

pub fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

pub const MICROSECOND: SignedDuration = SignedDuration::from_micros(1);

/// Verifies the proof, and requests the change of an address.
pub async fn change_email(
    doorward: &Doorward,
    ctx: &Ctx,
    named: &str,
    new: &EmailAddress,
    shown: Option<&Proof>,
    expected: Option<Version>,
) -> Result<(), Error> {
    let reauthentication = &doorward.reauthentication;
    let request = reauthentication
        .reauthenticate(ctx, Action::ChangeEmail, named, shown)
        .await?;
    let service = &doorward.email_change;
    service.change(&request, named, new, expected).await
}
