//! Creates the components that the configuration chooses: stores, mail, keys.
//!
//! A new kind of store needs its arm in [`open_database`] (or [`open_sessions`]), its scheme in
//! `config::values`, and its migration in `commands::migrate`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use doorward_domain::ctx::{Actor, Ctx};
use doorward_domain::limits::{FallbackRateLimits, MemoryRateLimits};
use doorward_domain::memory::MemoryStore;
use doorward_domain::passwords::{Breached, Hasher, HasherSettings, Peppers, UnreadableHash};
use doorward_domain::ports::{Client, Clock, NoMetrics, RateLimits, Secrets, Sessions, Store};
use doorward_domain::tokens::{CounterNames, Keyring, MasterKey};
use doorward_domain::values::{NewPassword, PasswordRules, Secret};
use doorward_domain::{Accounts, Policy, Ports};
use doorward_mail::{Inbox, MailSettings, TemplateMailer, TransportSettings, parse_transport};
use doorward_store_redis::{RedisSettings, RedisStore};
use doorward_store_sql::{SqlSettings, SqlStore};
use doorward_web::{App, AppParts, Choices, IfMatchRule, Stopping};
use futures_util::future::BoxFuture;
use jiff::SignedDuration;
use tokio::sync::watch;

use crate::breached::Filter;
use crate::config::{Config, host_of};
use crate::inbox::inbox;
use crate::listener::certificate::Files;
use crate::listener::{ConnectionLimits, file_descriptors};
use crate::master_key;
use crate::system::{SystemClock, SystemSecrets};
use crate::telemetry::{self, Metrics};

/// Maximum number of rate limit counters in memory.
const RATE_LIMIT_KEYS: usize = 200_000;

/// Time limit of a check for connecting to a database.
const CHECK_CONNECT_SECONDS: u64 = 2;

/// The components of commands and of the server.
pub struct Components {
    /// The service.
    pub accounts: Arc<Accounts>,
    /// The clock, which the worker adjusts to the store's.
    pub clock: Arc<SystemClock>,
    /// Random source.
    pub secrets: Arc<dyn Secrets>,
    /// The built-in inbox; `None` if mail is delivered elsewhere.
    pub inbox: Option<Inbox>,
    /// Metrics; `None` if neither metrics nor traces are configured.
    pub metrics: Option<Arc<Metrics>>,
    database: Database,
}

/// An open database of any kind.
struct Database {
    store: Arc<dyn Store>,
    /// Sessions in the same database.
    sessions: Arc<dyn Sessions>,
    close: Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>,
}

/// Creates all components. `listening` is the listen address, for the public URL.
pub async fn build(config: &Config, listening: SocketAddr) -> anyhow::Result<Components> {
    let clock = Arc::new(SystemClock::default());
    let secrets: Arc<dyn Secrets> = Arc::new(SystemSecrets::new());
    master_key::make_data_dir(&config.data_dir)?;
    let master = master_key::load(config, &*secrets)?;
    let database = open_database(config, &*clock).await?;
    // Before any timestamp is stored.
    clock
        .follow(database.store.server_time())
        .await
        .context("cannot read the database's clock")?;
    let metrics = telemetry::metrics(config, &*clock);
    let counters = CounterNames::of(&master);
    let (sessions, rate_limits) =
        open_sessions(config, &database, counters, metrics.as_ref()).await?;
    let stores = Stores {
        database,
        sessions,
        rate_limits,
        metrics,
    };
    assemble(config, listening, master, stores, clock, secrets)
}

/// Like [`build`], but in memory: creates no folder and no file, and contacts no other server.
pub fn build_in_memory(config: &Config, listening: SocketAddr) -> anyhow::Result<Components> {
    let clock = Arc::new(SystemClock::default());
    let memory = Arc::new(MemoryStore::new());
    let database = Database {
        store: memory.clone(),
        sessions: memory,
        close: Box::new(|| Box::pin(async {})),
    };
    assemble_alone(config, listening, database, clock)
}

/// Creates the components with one database, a random master key and no other storage.
fn assemble_alone(
    config: &Config,
    listening: SocketAddr,
    database: Database,
    clock: Arc<SystemClock>,
) -> anyhow::Result<Components> {
    let secrets: Arc<dyn Secrets> = Arc::new(SystemSecrets::new());
    let mut key = vec![0; MasterKey::MIN_BYTES];
    secrets.fill(&mut key);
    let master = MasterKey::from_secret(Secret::new(key)).context("the master key is too short")?;
    let stores = Stores {
        sessions: database.sessions.clone(),
        database,
        rate_limits: Arc::new(MemoryRateLimits::new(RATE_LIMIT_KEYS)),
        metrics: None,
    };
    assemble(config, listening, master, stores, clock, secrets)
}

/// The open stores.
struct Stores {
    database: Database,
    sessions: Arc<dyn Sessions>,
    rate_limits: Arc<dyn RateLimits>,
    metrics: Option<Arc<Metrics>>,
}

fn assemble(
    config: &Config,
    listening: SocketAddr,
    master: MasterKey,
    stores: Stores,
    clock: Arc<SystemClock>,
    secrets: Arc<dyn Secrets>,
) -> anyhow::Result<Components> {
    let mailer = open_mailer(config, listening, clock.clone())?;
    let inbox = mailer.inbox();
    let settings = HasherSettings {
        cost: config.hashing_cost,
        engine: config.hashing_engine,
        threads: config.hashing_threads,
        queue: config.hashing_queue_limit,
    };
    let peppers = Peppers::new(config.pepper.as_ref(), &config.previous_peppers);
    let hasher = Hasher::start_with(&settings, secrets.clone(), peppers)?;
    let ports = Ports {
        store: stores.database.store.clone(),
        sessions: stores.sessions,
        rate_limits: stores.rate_limits,
        mailer: Arc::new(mailer),
        clock: clock.clone(),
        secrets: secrets.clone(),
        recorder: Arc::new(NoMetrics),
    };
    let ports = match &stores.metrics {
        Some(metrics) => telemetry::measured(ports, metrics),
        None => ports,
    };
    let accounts = Accounts::new(
        ports,
        policy(config, listening)?,
        hasher,
        Keyring::new(master),
    );
    Ok(Components {
        accounts: Arc::new(accounts),
        clock,
        secrets,
        inbox,
        metrics: stores.metrics,
        database: stores.database,
    })
}

/// Creates the web application. Requests that wait for mail in the inbox end when `stop` becomes true.
pub fn app(
    components: &Components,
    config: &Config,
    stopping: Stopping,
    stop: &watch::Receiver<bool>,
) -> App {
    App::new(AppParts {
        accounts: components.accounts.clone(),
        secrets: components.secrets.clone(),
        stopping,
        observer: telemetry::observer(components),
        inbox: inbox(components, stop),
        trusted_proxies: config
            .trusted_proxies
            .clone()
            .naming_clients_in(config.trusted_proxy_header),
        choices: Choices {
            cors_origins: config.cors_origins.clone(),
            return_origins: config.return_origins.clone(),
            if_match: match config.require_if_match {
                true => IfMatchRule::Required,
                false => IfMatchRule::Optional,
            },
        },
    })
}

/// The limits of the listener: fewer connections than configured if the system allows too few file descriptors.
pub fn limits(config: &Config) -> ConnectionLimits {
    let connections = file_descriptors::allow(config.connections);
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

/// Returns all reasons why a server would not start with this configuration. Creates nothing.
pub fn check(config: &Config) -> Vec<String> {
    let outcomes = [
        check_mail(config),
        check_redis(config),
        check_tls(config),
        check_breached(config),
        check_admin_password(config),
    ];
    let faults = outcomes.into_iter().filter_map(Result::err);
    faults.map(|error| format!("{error:#}")).collect()
}

fn check_mail(config: &Config) -> anyhow::Result<()> {
    let mut mail = mail_settings(config, config.listen)?;
    if matches!(mail.transport, TransportSettings::Folder(_)) {
        // Opening a folder would create it.
        mail.transport = TransportSettings::Log;
    }
    TemplateMailer::open(&mail, Arc::new(SystemClock::default()))
        .map(drop)
        .context("mail cannot be set up")
}

fn check_redis(config: &Config) -> anyhow::Result<()> {
    if let Some(settings) = redis_settings(config)? {
        settings.check()?;
    }
    Ok(())
}

fn check_tls(config: &Config) -> anyhow::Result<()> {
    match Files::of(config) {
        // The server creates the development certificate at its start.
        Some(files) if !config.development_tls => files.load().map(drop),
        _ => Ok(()),
    }
}

/// Opens the breached-password filter, if one is configured.
fn check_breached(config: &Config) -> anyhow::Result<()> {
    match &config.breached_filter {
        Some(path) => Filter::open(path).map(drop),
        None => Ok(()),
    }
}

/// Checks that stored passwords can be verified with the configured peppers. Users that cannot be read are
/// skipped, so that they do not prevent a start.
pub async fn ensure_peppers(components: &Components) -> anyhow::Result<()> {
    match components.accounts.missing_pepper().await {
        Ok(None) => Ok(()),
        Ok(Some(missing)) => anyhow::bail!(missing_pepper(&missing)),
        Err(error) => {
            tracing::warn!(
                %error,
                "cannot read some users; skipped the pepper check for them"
            );
            Ok(())
        }
    }
}

/// Result of a check of the stored passwords against the configured peppers.
pub enum PepperCheck {
    /// No pepper is missing, or there are no passwords.
    Passed,
    /// A pepper is missing, so a server would not start.
    Missing(String),
    /// The passwords could not be read, and why.
    Unreadable(String),
}

/// Checks the peppers against an existing database, and creates nothing. A database that does not respond is not a
/// fault of the configuration: a check may run on another machine.
pub async fn check_peppers(config: &Config) -> PepperCheck {
    let settings = sql_settings(config);
    if settings.file().is_some_and(|file| !file.is_file()) {
        return PepperCheck::Passed;
    }
    let quiet = Config {
        database_migrate: false,
        database_connections: 1,
        database_connect_seconds: config.database_connect_seconds.min(CHECK_CONNECT_SECONDS),
        hashing_threads: 1,
        // These are not needed, and opening a folder of mails would create it.
        mail_url: Some(Secret::new("log:".to_owned())),
        breached_filter: None,
        redis_url: None,
        ..config.clone()
    };
    let looked = async {
        let clock = Arc::new(SystemClock::default());
        let database = open_database(&quiet, &*clock).await?;
        let components = assemble_alone(&quiet, quiet.listen, database, clock)?;
        let missing = components.accounts.missing_pepper().await;
        components.close().await;
        anyhow::Ok(missing?)
    };
    match looked.await {
        Ok(None) => PepperCheck::Passed,
        Ok(Some(missing)) => PepperCheck::Missing(missing_pepper(&missing)),
        Err(error) => PepperCheck::Unreadable(format!("{error:#}")),
    }
}

fn missing_pepper(missing: &UnreadableHash) -> String {
    format!("a {missing}; until then its owner cannot sign in")
}

/// Checks the configured password of the first admin.
pub fn check_admin_password(config: &Config) -> anyhow::Result<()> {
    if let Some(password) = &config.admin_password {
        let rules = policy(config, config.listen)?.password_rules;
        NewPassword::parse(password.expose(), &rules, &["admin"]).map_err(|invalid| {
            anyhow::anyhow!("ADMIN_PASSWORD is not allowed: {}", invalid.detail)
        })?;
    }
    Ok(())
}

async fn open_database(config: &Config, clock: &dyn Clock) -> anyhow::Result<Database> {
    let sql = SqlStore::connect(&sql_settings(config), clock.now())
        .await
        .context("the database cannot be opened")?;
    let sql = Arc::new(sql);
    Ok(Database {
        store: sql.clone(),
        sessions: sql.clone(),
        close: Box::new(move || {
            let sql = sql.clone();
            Box::pin(async move { sql.close().await })
        }),
    })
}

/// Sessions and rate limits: on Redis if it is configured; else in the database and in this process.
async fn open_sessions(
    config: &Config,
    database: &Database,
    counters: CounterNames,
    metrics: Option<&Arc<Metrics>>,
) -> anyhow::Result<(Arc<dyn Sessions>, Arc<dyn RateLimits>)> {
    let local = MemoryRateLimits::new(RATE_LIMIT_KEYS);
    let Some(settings) = redis_settings(config)? else {
        return Ok((database.sessions.clone(), Arc::new(local)));
    };
    let redis = RedisStore::open(settings, counters).context("Redis cannot be used")?;
    redis.connect().await.context("Redis cannot be used")?;
    let redis = Arc::new(redis);
    let shared = telemetry::measured_rate_limits(redis.clone(), metrics);
    let rate_limits = FallbackRateLimits::new(shared, local);
    Ok((redis, Arc::new(rate_limits)))
}

/// Settings of the Redis store; `None` if it is not configured.
pub fn redis_settings(config: &Config) -> anyhow::Result<Option<RedisSettings>> {
    let Some(url) = &config.redis_url else {
        return Ok(None);
    };
    let url = url.expose().parse();
    Ok(Some(RedisSettings {
        url: url.map_err(|wrong: String| anyhow::anyhow!("`redis.url` {wrong}"))?,
        prefix: config.redis_prefix.clone(),
    }))
}

/// Settings of the database.
pub fn sql_settings(config: &Config) -> SqlSettings {
    SqlSettings {
        max_connections: config.database_connections,
        migrate: config.database_migrate,
        connect_timeout: Duration::from_secs(config.database_connect_seconds),
        statement_timeout: Duration::from_secs(config.database_statement_seconds),
        ..SqlSettings::new(config.database_url())
    }
}

fn open_mailer(
    config: &Config,
    listening: SocketAddr,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<TemplateMailer> {
    let settings = mail_settings(config, listening)?;
    TemplateMailer::open(&settings, clock).context("mail cannot be set up")
}

/// Settings of the mailer.
pub fn mail_settings(config: &Config, listening: SocketAddr) -> anyhow::Result<MailSettings> {
    let transport = parse_transport(&config.mail_url())?;
    Ok(MailSettings {
        templates: config.mail_templates.clone(),
        ..MailSettings::new(config.mail_from(listening), transport)
    })
}

fn policy(config: &Config, listening: SocketAddr) -> anyhow::Result<Policy> {
    let public_url = config.public_url(listening);
    let host = host_of(&public_url);
    let first_label = host.split('.').next().unwrap_or_default();
    let breached = match &config.breached_filter {
        Some(path) => Breached::of(Arc::new(Filter::open(path)?)),
        None => Breached::default(),
    };
    Ok(Policy {
        enumeration_protection: config.enumeration_protection,
        confirm_email: config.confirm_email,
        password_rules: PasswordRules {
            min_length: config.password_min_length,
            context: vec![
                "doorward".to_owned(),
                host.to_owned(),
                first_label.to_owned(),
            ],
            breached,
        },
        throttle: config.throttle,
        max_outbox: config.outbox,
        limits: config.throttle_limits.clone(),
        key_lifetime: SignedDuration::from_hours(24 * config.key_days),
        audit_retention: (config.audit_retention_days > 0)
            .then(|| SignedDuration::from_hours(24 * config.audit_retention_days)),
        reauthenticate_after: SignedDuration::from_mins(
            config.session_reauthenticate_after_minutes,
        ),
        session_idle: SignedDuration::from_mins(config.session_idle_timeout_minutes),
        admin_session_idle: SignedDuration::from_mins(config.session_admin_idle_timeout_minutes),
        confirmation_requires_password: config.confirmation_require_password,
        sign_in_notices: config.mail_sign_in_notices,
        ..Policy::new(&public_url)
    })
}

impl Components {
    /// Waits for operations in progress and closes the database.
    pub async fn close(&self) {
        (self.database.close)().await;
    }

    /// The context of a command or of a run of the worker.
    pub fn ctx(&self, actor: Actor) -> Ctx {
        let mut id = [0; 8];
        self.secrets.fill(&mut id);
        Ctx {
            actor,
            client: Client::default(),
            request_id: format!("{:016x}", u64::from_le_bytes(id)),
            now: self.accounts.now(),
        }
    }
}
