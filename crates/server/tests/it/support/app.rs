//! `TestApp`: the real router over real stores, with a manual clock.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use axum::Router;
use doorward_domain::clock::Clock;
use doorward_domain::keys::{Keyring, MasterKey};
use doorward_domain::memory::{SeededRandom, SteppedClock};
use doorward_domain::metric_event::NoMetrics;
use doorward_domain::model::{AuditEvent, AuditKind, MailJob, Node, Outcome, User};
use doorward_domain::outbox::Mail;
use doorward_domain::passwords::hashing::{Cost, Engine, Hasher, HasherSettings, Peppers};
use doorward_domain::sessions::SeparateSessions;
use doorward_domain::store::{Claim, Record, Store, Write};
use doorward_domain::users::NewUser;
use doorward_domain::values::{AuditEventId, EmailAddress, Role, Secret, Username};
use doorward_domain::{Actor, Ctx, Doorward, Policy, Ports};
use doorward_web::{
    App, AppParts, Brand, Diagnose, InboxSource, NoObserver, ShutdownFlag, Texts, TrustedProxies,
    WebOptions,
};
use jiff::SignedDuration;
use serde_json::json;
use tempfile::TempDir;

use super::faults::{FaultyStore, StoreMode};
use super::stores::{Combination, Stores};
use super::test_mailer::{MailServer, TestMailer};
use super::{Client, PASSWORD, PUBLIC_URL, path_in};

/// The lowest cost of a real hash.
const CHEAP: Cost = Cost {
    memory_kib: 8,
    passes: 1,
    lanes: 1,
};

/// What a test can change.
pub struct Options {
    pub policy: Policy,
    /// `None` for empty stores of this run's kind.
    pub stores: Option<Stores>,
    pub hashing_threads: usize,
    pub hashing_queue: usize,
    pub hashing_cost: Cost,
    pub inbox: Option<Arc<dyn InboxSource>>,
    pub trusted_proxies: TrustedProxies,
    pub options: WebOptions,
    pub diagnose: Option<Diagnose>,
    pub node: Option<Node>,
}

/// One node. Dropping it fails the test if the outbox is not empty.
pub struct TestApp {
    pub doorward: Arc<Doorward>,
    pub clock: Arc<SteppedClock>,
    store: Arc<FaultyStore>,
    mailer: Arc<TestMailer>,
    router: Router,
    next_address: AtomicU32,
    allow_unread_mail: AtomicBool,
    _folder: TempDir,
}

impl TestApp {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// An application with changed options.
    pub async fn with(choose: impl FnOnce(&mut Options)) -> Self {
        let mut options = Options {
            // Every client has its own network, so each sign-in would cause a notice.
            policy: Policy {
                sign_in_notices: false,
                ..Policy::new(PUBLIC_URL)
            },
            stores: None,
            hashing_threads: 1,
            hashing_queue: 256,
            hashing_cost: CHEAP,
            inbox: None,
            trusted_proxies: TrustedProxies::default(),
            options: WebOptions::default(),
            diagnose: None,
            node: None,
        };
        choose(&mut options);
        // In memory, if there is such a folder: `e2e` tests crashes.
        let folder = tempfile::tempdir_in("/dev/shm")
            .or_else(|_| tempfile::tempdir())
            .unwrap();
        let start = "2026-11-21T08:00:00Z".parse().unwrap();
        let clock = Arc::new(SteppedClock::new(start));
        let stores = match options.stores {
            Some(stores) => stores,
            None => Stores::open(Combination::chosen(), &folder, start).await,
        };
        let has_separate_sessions = stores.sessions.is_some();
        let store = Arc::new(FaultyStore::new(stores.store, stores.sessions));
        let random = Arc::new(SeededRandom::new(1));
        let mailer = Arc::new(TestMailer::default());
        let hasher = HasherSettings {
            cost: options.hashing_cost,
            engine: Engine::Fast,
            threads: options.hashing_threads,
            queue_limit: options.hashing_queue,
        };
        let hasher = Hasher::start(&hasher, random.clone(), Peppers::default()).unwrap();
        let ports = Ports {
            store: store.clone(),
            sessions: has_separate_sessions.then(|| -> Arc<dyn SeparateSessions> { store.clone() }),
            rate_limits: stores.rate_limits,
            mailer: mailer.clone(),
            clock: clock.clone(),
            random: random.clone(),
            recorder: Arc::new(NoMetrics),
        };
        let master = MasterKey::from_secret(Secret::new(vec![7; 32])).unwrap();
        let doorward = Doorward::new(ports, options.policy, hasher, Keyring::new(master));
        let doorward = Arc::new(doorward);
        let app = App::new(AppParts {
            observer: Arc::new(NoObserver),
            diagnose: options.diagnose,
            node: options.node,
            doorward: doorward.clone(),
            random,
            inbox: options.inbox,
            trusted_proxies: options.trusted_proxies,
            brand: Brand::open(&options.options.brand).unwrap(),
            texts: Texts::open(options.options.texts.as_deref()).unwrap(),
            options: options.options,
            shutdown: ShutdownFlag::default(),
        });
        let app = Self {
            doorward,
            clock,
            store,
            mailer,
            router: doorward_web::router(app),
            next_address: AtomicU32::new(0),
            allow_unread_mail: AtomicBool::new(false),
            _folder: folder,
        };
        app.doorward
            .keys
            .ensure(&app.ctx(Actor::Worker))
            .await
            .unwrap();
        app
    }

    /// An unknown client, with an address in a separate network.
    pub fn anonymous(&self) -> Client {
        let number = self.next_address.fetch_add(1, Ordering::Relaxed);
        let [_, _, a, b] = number.to_be_bytes();
        Client::new(self.router.clone(), IpAddr::from([10, a, b, 1]))
    }

    /// An unknown client at this address.
    pub fn at(&self, address: IpAddr) -> Client {
        Client::new(self.router.clone(), address)
    }

    /// An active user with this name and an address at example.com, signed in.
    pub async fn user(&self, name: &str) -> Client {
        self.create(name, Role::User).await;
        self.sign_in(name).await
    }

    /// The admin `root`, signed in.
    pub async fn admin(&self) -> Client {
        self.create("root", Role::Admin).await;
        self.sign_in("root").await
    }

    /// An active user created by the operator. No mail is sent.
    pub async fn create(&self, name: &str, role: Role) -> User {
        let wanted = NewUser {
            username: Some(Username::parse(name).unwrap()),
            email: Some(EmailAddress::parse(&format!("{name}@example.com")).unwrap()),
            name: None,
            password: self.doorward.passwords.check_rules(PASSWORD, &[]).unwrap(),
            role,
        };
        let ctx = self.ctx(Actor::CommandLine);
        self.doorward
            .operator
            .create_user(&ctx, wanted)
            .await
            .unwrap()
    }

    /// Signs this user in.
    pub async fn sign_in(&self, name: &str) -> Client {
        let body = json!({"username": name, "password": PASSWORD});
        let anonymous = self.anonymous();
        let answer = anonymous.post("/auth", body).await;
        anonymous.with_token(answer.expect(201).json()["token"].as_str().unwrap())
    }

    /// A user signs up with an address alone, and has not confirmed it. Returns the path of the mailed link.
    pub async fn pending(&self, name: &str) -> String {
        self.signed_up(name, None).await
    }

    /// A user signs up with a username and an address, and has not confirmed it. Returns the path of the mailed
    /// link.
    pub async fn unconfirmed(&self, name: &str) -> String {
        self.signed_up(name, Some(name)).await
    }

    async fn signed_up(&self, name: &str, username: Option<&str>) -> String {
        let email = format!(
            "{}@example.com",
            name.to_lowercase().replace(|c: char| !c.is_ascii(), "e")
        );
        let body = json!({"username": username, "email": email, "password": PASSWORD});
        self.anonymous().post("/user", body).await.expect(201);
        let mails = self.mails().await;
        let mail = mails.iter().find(|mail| mail.to.as_str() == email);
        path_in(mail.expect("a confirmation goes out"))
    }

    /// Runs the worker until no mail is due, and returns the sent mails.
    pub async fn mails(&self) -> Vec<Mail> {
        let ctx = self.ctx(Actor::Worker);
        for _ in 0..1000 {
            let sent = self.doorward.outbox.deliver(&ctx, 100).await.unwrap();
            if sent.is_empty() {
                return self.mailer.take();
            }
        }
        panic!("the outbox is never empty");
    }

    /// Number of mails in the outbox.
    pub fn mails_waiting(&self) -> usize {
        self.store.outbox().len()
    }

    /// The one mail that the worker sends.
    pub async fn one_mail(&self) -> Mail {
        let mut mails = self.mails().await;
        assert_eq!(mails.len(), 1, "{:?}", super::summary(&mails));
        mails.remove(0)
    }

    /// Leases the queued mails for two minutes, like a worker that is sending them.
    pub async fn lease_mails(&self) {
        let now = self.clock.now();
        let claim = Claim {
            table: MailJob::TABLE,
            kinds: MailJob::kinds(),
            now,
            lease_until: now + SignedDuration::from_mins(2),
            limit: 100,
        };
        self.store.claim_rows(claim).await.unwrap();
    }

    /// Chooses what the mail server does with mails.
    pub fn set_mail_server(&self, server: MailServer) {
        self.mailer.set_server(server);
    }

    /// Allows mails in the outbox at the end, for tests that are not about mail.
    pub fn allow_unread_mail(&self) {
        self.allow_unread_mail.store(true, Ordering::Relaxed);
    }

    /// Stores sign-ins of unknown clients in the audit log, each a millisecond before the next.
    pub async fn store_sign_ins(&self, count: i64) {
        let now = self.doorward.now();
        let event = |age: i64| {
            let at = now - SignedDuration::from_millis(age);
            AuditEvent {
                id: AuditEventId::first_at(at),
                at,
                event: AuditKind::SignIn,
                outcome: Outcome::Success,
                actor: "anonymous".to_owned(),
                user_id: None,
                address: Some(IpAddr::from([198, 51, 100, 1])),
                user_agent: None,
                request_id: String::new(),
                detail: None,
            }
        };
        let events: Vec<_> = (1..=count).map(event).collect();
        for some in events.chunks(50) {
            let batch = some.iter().map(Write::insert).collect();
            self.store.apply(batch).await.unwrap();
        }
    }

    pub fn set_store_mode(&self, mode: StoreMode) {
        self.store.set_mode(mode);
    }

    pub fn advance(&self, by: SignedDuration) {
        self.clock.advance(by);
    }

    pub fn advance_seconds(&self, seconds: i64) {
        self.advance(SignedDuration::from_secs(seconds));
    }

    pub fn ctx(&self, actor: Actor) -> Ctx {
        Ctx {
            actor,
            client: doorward_domain::ctx::Client::default(),
            request_id: "test".to_owned(),
            now: self.clock.now(),
        }
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if std::thread::panicking() || self.allow_unread_mail.load(Ordering::Relaxed) {
            return;
        }
        let left = self.store.outbox();
        let kinds: Vec<_> = left
            .iter()
            .map(|job| (job.kind.as_str(), job.email.as_str()))
            .collect();
        assert!(kinds.is_empty(), "mails are left in the outbox: {kinds:?}");
    }
}
