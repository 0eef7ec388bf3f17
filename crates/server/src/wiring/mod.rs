//! Creates the components that the configuration chooses: stores, mail, keys. `check` tries them without a server,
//! `bootstrap` creates the first admin.
//!
//! A new kind of database needs its arms in `database.rs`, a new store of sessions its arm in [`open_sessions`].

pub mod bootstrap;
pub mod check;
mod inbox;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use doorward_domain::clock::{Clock, RandomSource};
use doorward_domain::ctx::{Actor, Client, Ctx};
use doorward_domain::keys::{CounterKeys, Keyring, MasterKey};
use doorward_domain::limits::{FallbackRateLimits, MemoryRateLimits, RateLimits};
use doorward_domain::metric_event::NoMetrics;
use doorward_domain::model::{Node, SigningKey};
use doorward_domain::passwords::hashing::{Hasher, Peppers};
use doorward_domain::sessions::SeparateSessions;
use doorward_domain::store::{Records, Store};
use doorward_domain::values::{BreachedPasswords, Secret};
use doorward_domain::{Doorward, Policy, Ports};
use doorward_mail::{Inbox, TemplateMailer};
use doorward_store_redis::RedisStore;
use doorward_web::{App, AppParts, Brand, Diagnose, ShutdownFlag, Texts};
use tokio::sync::watch;

use crate::breached::Filter;
use crate::config::{Config, host_of};
use crate::data_dir::master_key;
use crate::database::Database;
use crate::listener::{ConnectionLimits, file_descriptors};
use crate::system::{SystemClock, SystemRandomSource};
use crate::telemetry::{self, Metrics};

/// Maximum number of rate limit counters in memory.
const RATE_LIMIT_KEYS: usize = 200_000;

/// The components of commands and of the server.
pub struct Components {
    /// The service.
    pub doorward: Arc<Doorward>,
    /// The clock, which the worker adjusts to the store's.
    pub clock: Arc<SystemClock>,
    /// Random source.
    pub random: Arc<dyn RandomSource>,
    /// The built-in inbox; `None` if mail is delivered elsewhere.
    pub inbox: Option<Inbox>,
    /// Metrics; `None` if neither metrics nor traces are configured.
    pub metrics: Option<Arc<Metrics>>,
    database: Database,
    brand: Brand,
    texts: Texts,
}

/// Creates the data folder and all components. `listening` is the listen address, for the public URL.
pub async fn build(config: &Config, listening: SocketAddr) -> anyhow::Result<Components> {
    master_key::make_data_dir(&config.data_dir)?;
    build_in_folder(config, listening).await
}

/// Creates all components. The data folder must exist, unless nothing of the configuration is in it.
pub async fn build_in_folder(config: &Config, listening: SocketAddr) -> anyhow::Result<Components> {
    let clock = Arc::new(SystemClock::default());
    let random: Arc<dyn RandomSource> = Arc::new(SystemRandomSource::new());
    let known_key = master_key::find(config)?;
    let database = Database::open(config, &*clock).await?;
    // Before any timestamp is stored.
    clock
        .follow(database.store().server_time())
        .await
        .context("cannot read the database's clock")?;
    let master = match known_key {
        Some(master) => master,
        None => new_master_key(config, &**database.store(), &*random).await?,
    };
    let metrics = telemetry::metrics(config, &*clock);
    let counters = CounterKeys::from_master_key(&master);
    let (sessions, rate_limits) =
        open_sessions(config, &database, counters, metrics.as_ref()).await?;
    let stores = Stores {
        database,
        sessions,
        rate_limits,
        metrics,
    };
    assemble(config, listening, master, stores, clock, random)
}

/// Creates the master key of a new database. If the database is in use, its master key is missing: fails, and writes
/// nothing, since a new key would open none of its signing keys.
async fn new_master_key(
    config: &Config,
    store: &dyn Store,
    random: &dyn RandomSource,
) -> anyhow::Result<MasterKey> {
    let signing_keys: Vec<SigningKey> = store
        .list(SigningKey::newest_first())
        .await
        .context("cannot read the signing keys")?;
    if signing_keys.is_empty() {
        return master_key::load(config, random);
    }
    // Another process may have created both in the meantime.
    master_key::find(config)?.with_context(|| {
        format!(
            "the signing keys in the database are sealed with another master key, and this node has none. Restore {}, or set JWT_SECRET_KEY to the master key of the other nodes. Only if that key is lost, stop all nodes, set a new one on all of them and run `doorward keys rotate`",
            master_key::path(&config.data_dir).display()
        )
    })
}

/// Like [`build`], but in memory: creates no folder and no file, and contacts no other server.
pub fn build_in_memory(config: &Config, listening: SocketAddr) -> anyhow::Result<Components> {
    let clock = Arc::new(SystemClock::default());
    assemble_alone(config, listening, Database::in_memory(), clock)
}

/// Creates the components with one database, a random master key and no other storage.
fn assemble_alone(
    config: &Config,
    listening: SocketAddr,
    database: Database,
    clock: Arc<SystemClock>,
) -> anyhow::Result<Components> {
    let random: Arc<dyn RandomSource> = Arc::new(SystemRandomSource::new());
    let mut key = vec![0; MasterKey::MIN_BYTES];
    random.fill(&mut key);
    let master = MasterKey::from_secret(Secret::new(key)).context("the master key is too short")?;
    let stores = Stores {
        sessions: None,
        database,
        rate_limits: Arc::new(MemoryRateLimits::new(RATE_LIMIT_KEYS)),
        metrics: None,
    };
    assemble(config, listening, master, stores, clock, random)
}

/// The open stores.
struct Stores {
    database: Database,
    /// Sessions apart from the database.
    sessions: Option<Arc<dyn SeparateSessions>>,
    rate_limits: Arc<dyn RateLimits>,
    metrics: Option<Arc<Metrics>>,
}

fn assemble(
    config: &Config,
    listening: SocketAddr,
    master: MasterKey,
    stores: Stores,
    clock: Arc<SystemClock>,
    random: Arc<dyn RandomSource>,
) -> anyhow::Result<Components> {
    let mailer = open_mailer(config, listening, clock.clone())?;
    let inbox = mailer.inbox();
    let peppers = Peppers::new(config.pepper.as_ref(), &config.previous_peppers);
    let hasher = Hasher::start(&config.hashing, random.clone(), peppers)?;
    let ports = Ports {
        store: stores.database.store().clone(),
        sessions: stores.sessions,
        rate_limits: stores.rate_limits,
        mailer: Arc::new(mailer),
        clock: clock.clone(),
        random: random.clone(),
        recorder: Arc::new(NoMetrics),
    };
    let ports = match &stores.metrics {
        Some(metrics) => telemetry::instrumented(ports, metrics),
        None => ports,
    };
    let doorward = Doorward::new(
        ports,
        policy(config, listening)?,
        hasher,
        Keyring::new(master),
    );
    Ok(Components {
        doorward: Arc::new(doorward),
        clock,
        random,
        inbox,
        metrics: stores.metrics,
        database: stores.database,
        brand: Brand::open(&config.options.brand)?,
        texts: Texts::open(config.options.texts.as_deref())?,
    })
}

/// Creates the web application. Requests that wait for mail in the inbox end when `stop` becomes true.
pub fn app(
    components: &Components,
    config: &Config,
    shutdown: ShutdownFlag,
    stop: &watch::Receiver<bool>,
    diagnose: Option<Diagnose>,
    node: Option<&Node>,
) -> App {
    App::new(AppParts {
        doorward: components.doorward.clone(),
        random: components.random.clone(),
        shutdown,
        observer: telemetry::request_observer(components.metrics.clone()),
        diagnose,
        node: node.cloned(),
        inbox: components
            .inbox
            .clone()
            .map(|mails| inbox::source(mails, stop)),
        trusted_proxies: config
            .trusted_proxies
            .clone()
            .with_header(config.trusted_proxy_header),
        brand: components.brand.clone(),
        texts: components.texts.clone(),
        options: config.options.clone(),
    })
}

/// The limits of the listener: fewer connections than configured if the system allows too few file descriptors.
pub fn limits(config: &Config) -> ConnectionLimits {
    let connections = file_descriptors::raise_fd_limit(config.connections);
    if connections < config.connections {
        tracing::warn!(
            connections,
            limits.connections = config.connections,
            "file descriptor limit too low for `limits.connections`. Raise LimitNOFILE= or `ulimit -n`"
        );
    }
    ConnectionLimits {
        connections,
        connections_per_address: config.connections_per_address(connections),
        trusted_proxies: config.trusted_proxies.clone(),
    }
}

/// Sessions and rate limits: on Redis if it is configured; else where the database stores them; else among the records of
/// the database, and in this process.
async fn open_sessions(
    config: &Config,
    database: &Database,
    counters: CounterKeys,
    metrics: Option<&Arc<Metrics>>,
) -> anyhow::Result<(Option<Arc<dyn SeparateSessions>>, Arc<dyn RateLimits>)> {
    let local = MemoryRateLimits::new(RATE_LIMIT_KEYS);
    let (sessions, shared): (Arc<dyn SeparateSessions>, Arc<dyn RateLimits>) =
        match config.redis_settings()? {
            Some(settings) => {
                let redis = RedisStore::open(settings, counters).context("Redis cannot be used")?;
                redis.connect().await.context("Redis cannot be used")?;
                let redis = Arc::new(redis);
                (redis.clone(), redis)
            }
            None => match database.sessions_and_limits(counters) {
                Some(opened) => opened,
                None => return Ok((None, Arc::new(local))),
            },
        };
    let shared = telemetry::instrumented_rate_limits(shared, metrics);
    let rate_limits = FallbackRateLimits::new(shared, local);
    Ok((Some(sessions), Arc::new(rate_limits)))
}

fn open_mailer(
    config: &Config,
    listening: SocketAddr,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<TemplateMailer> {
    let settings = config.mail_settings(listening)?;
    TemplateMailer::open(&settings, clock).context("mail cannot be set up")
}

/// The settings of the rules, with those that depend on the public URL and on files.
fn policy(config: &Config, listening: SocketAddr) -> anyhow::Result<Policy> {
    let mut policy = config.policy.clone();
    policy.public_url = config.public_url(listening);
    let host = host_of(&policy.public_url);
    let first_label = host.split('.').next().unwrap_or_default();
    let name = config.options.brand.name.as_deref();
    let context = ["doorward", host, first_label].into_iter().chain(name);
    policy.password_rules.context = context.map(str::to_owned).collect();
    if let (true, Some(name)) = (policy.factors_issuer.is_empty(), name) {
        policy.factors_issuer = name.to_owned();
    }
    if let Some(path) = &config.breached_filter {
        policy.password_rules.breached = BreachedPasswords::of(Arc::new(Filter::open(path)?));
    }
    Ok(policy)
}

impl Components {
    /// Waits for operations in progress and closes the database.
    pub async fn close(&self) {
        self.database.close().await;
    }

    /// The context of a command or of a run of the worker.
    pub fn ctx(&self, actor: Actor) -> Ctx {
        let mut id = [0; 8];
        self.random.fill(&mut id);
        Ctx {
            actor,
            client: Client::default(),
            request_id: format!("{:016x}", u64::from_le_bytes(id)),
            now: self.doorward.now(),
        }
    }
}
