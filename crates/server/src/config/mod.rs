//! The configuration: defaults, then `doorward.toml`, then `.env`, then the environment.
//!
//! Every setting is one row of [`settings::SETTINGS`]: its key, what else it is called, what it
//! means, and how a text becomes a value. A key that nobody knows is fatal and names the nearest
//! known one. No other module reads the environment.

mod commented;
mod dotenv;
mod ephemeral;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod masked;
mod rights;
mod settings;
mod sources;
mod together;
mod values;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use doorward_domain::passwords::{Cost, Engine};
use doorward_domain::policy::Disclosure;
use doorward_domain::throttle;
use doorward_domain::values::Secret;
use doorward_mail::{TransportSettings, parse_transport};
use doorward_store_redis::RedisSettings;
use doorward_web::{ForwardedBy, Origins, TrustedProxies};

pub use commented::commented;
pub use doorward_web::{host_of, is_loopback_url};
pub use masked::masked;
pub use settings::{SETTINGS, Setting};
pub use sources::{Flag, Loaded, Refused, load, load_ephemeral};

/// Everything that can be chosen.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the server listens.
    pub listen: SocketAddr,
    /// Where people reach it; none is `http://localhost` at the port listened on.
    pub public_url: Option<String>,
    /// Whether a `public_url` without TLS is fine off loopback.
    pub allow_http: bool,
    /// Whose word on the client's address is believed.
    pub trusted_proxies: TrustedProxies,
    /// In which field they name it.
    pub trusted_proxy_header: ForwardedBy,
    /// Whose scripts may read answers, with a bearer token.
    pub cors_origins: Origins,
    /// Where people may be sent on to, beside paths of the server itself.
    pub return_origins: Origins,
    /// Whether a write must say which version it is of.
    pub require_if_match: bool,
    /// The server's certificate and those that signed it, in PEM; none is plain HTTP.
    pub tls_certificate: Option<PathBuf>,
    /// The certificate's key.
    pub tls_key: Option<PathBuf>,
    /// Whether TLS is spoken with the certificate for development.
    pub development_tls: bool,
    /// How long everything is still served after a stop was asked for, while `/readyz` says so.
    pub shutdown_drain_seconds: u64,
    /// How many connections are open at once.
    pub connections: usize,
    /// How many of one address, where that is set: [`Config::connections_per_address`].
    pub address_connections: Option<usize>,
    /// How many mails may wait.
    pub outbox: u64,
    /// Where the embedded database and the master key are.
    pub data_dir: PathBuf,
    /// What a stranger can learn.
    pub disclosure: Disclosure,
    /// The database's URL; none is SQLite in the data folder.
    pub database_url: Option<Secret<String>>,
    /// How many connections to the database.
    pub database_connections: u32,
    /// How long to wait for a connection to it.
    pub database_connect_seconds: u64,
    /// How long one statement may take.
    pub database_statement_seconds: u64,
    /// Whether `serve` brings the schema up to date.
    pub database_migrate: bool,
    /// Where sessions and throttle counters are; none is in the database and in memory.
    pub redis_url: Option<Secret<String>>,
    /// What every key on Redis begins with.
    pub redis_prefix: String,
    /// How mail leaves; none is the built-in inbox.
    pub mail_url: Option<Secret<String>>,
    /// Whom mail comes from; none is `no-reply` at the public host.
    pub mail_from: Option<String>,
    /// A folder of templates that replace the built-in ones.
    pub mail_templates: Option<PathBuf>,
    /// Whether a sign-in from an unknown device is told by mail.
    pub mail_sign_in_notices: bool,
    /// How long ago the password may have been shown for what matters most, in minutes.
    pub session_reauthenticate_minutes: i64,
    /// After how many minutes without use a session ends; 0 is not before its time.
    pub session_idle_minutes: i64,
    /// The same for admins, where shorter.
    pub session_admin_idle_minutes: i64,
    /// Whether confirming a sign-up takes its password.
    pub confirmation_ask_password: bool,
    /// The fewest characters of a password.
    pub password_min_length: usize,
    /// The file of breached passwords; none is the common ones alone.
    pub breached_filter: Option<PathBuf>,
    /// The key that passwords are seasoned with before they are hashed; none is no pepper.
    pub pepper: Option<Secret<String>>,
    /// Those that kept hashes may still be made with.
    pub old_peppers: Vec<Secret<String>>,
    /// What a password hash costs.
    pub hashing_cost: Cost,
    /// Which implementation computes it.
    pub hashing_engine: Engine,
    /// On how many threads.
    pub hashing_threads: usize,
    /// How many may wait.
    pub hashing_queue: usize,
    /// How old a signing key gets, in days.
    pub key_days: i64,
    /// How many days the audit log is kept; 0 is for ever.
    pub audit_keep_days: i64,
    /// The secret that signing keys are sealed with; none is a file in the data folder.
    pub master_key: Option<Secret<String>>,
    /// Whether throttles are on.
    pub throttle: bool,
    /// How often is too often.
    pub throttle_limits: throttle::Limits,
    /// The first admin's password; none is a random one.
    pub admin_password: Option<Secret<String>>,
    /// The first admin's address.
    pub admin_email: Option<String>,
    /// What is logged.
    pub log_filter: String,
    /// How it is logged.
    pub log_format: LogFormat,
    /// Where a Prometheus finds metrics; none is nowhere.
    pub metrics_listen: Option<SocketAddr>,
    /// The URL of an OTLP collector that takes traces; none is no traces.
    pub traces_endpoint: Option<String>,
    /// The whole URL where it takes them; none is the one above with its usual path.
    pub traces_url: Option<String>,
    /// Headers that the collector asks for, as OpenTelemetry spells them.
    pub traces_headers: Option<Secret<String>>,
    /// Which part of the traces that no trusted proxy has begun is kept.
    pub traces_ratio: f64,
    /// The files that it was read from, for `rights`.
    pub files: BTreeSet<PathBuf>,
    /// Those of them with a secret in them that counts.
    pub secret_files: BTreeSet<PathBuf>,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8000)),
            public_url: None,
            allow_http: false,
            trusted_proxies: TrustedProxies::default(),
            trusted_proxy_header: ForwardedBy::default(),
            cors_origins: Origins::default(),
            return_origins: Origins::default(),
            require_if_match: false,
            tls_certificate: None,
            tls_key: None,
            development_tls: false,
            shutdown_drain_seconds: 0,
            connections: 4096,
            address_connections: None,
            outbox: 10_000,
            data_dir: PathBuf::from("doorward-data"),
            disclosure: Disclosure::Private,
            database_url: None,
            database_connections: 10,
            database_connect_seconds: 5,
            database_statement_seconds: 10,
            database_migrate: true,
            redis_url: None,
            redis_prefix: RedisSettings::PREFIX.to_owned(),
            mail_url: None,
            mail_from: None,
            mail_templates: None,
            mail_sign_in_notices: true,
            session_reauthenticate_minutes: 5,
            session_idle_minutes: 0,
            session_admin_idle_minutes: 0,
            confirmation_ask_password: false,
            password_min_length: 8,
            breached_filter: None,
            pepper: None,
            old_peppers: Vec::new(),
            hashing_cost: Cost::MINIMUM,
            hashing_engine: Engine::Fast,
            hashing_threads: cores,
            hashing_queue: 256,
            key_days: 90,
            audit_keep_days: 400,
            master_key: None,
            throttle: true,
            throttle_limits: throttle::Limits::default(),
            admin_password: None,
            admin_email: None,
            log_filter: "info".to_owned(),
            log_format: LogFormat::Auto,
            metrics_listen: None,
            traces_endpoint: None,
            traces_url: None,
            traces_headers: None,
            traces_ratio: 1.0,
            files: BTreeSet::new(),
            secret_files: BTreeSet::new(),
        }
    }
}

impl Config {
    /// How many connections one address may have where nobody says, and there are four times as many.
    const CONNECTIONS_PER_ADDRESS: usize = 256;
    /// Where the certificate for development is shown when nobody says.
    pub const DEVELOPMENT_LISTEN: SocketAddr =
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9443);

    /// How many connections one address may have where so many are open in all. Who sets the one bound leaves
    /// no address all of it (H-05).
    pub fn connections_per_address(&self, connections: usize) -> usize {
        let unset = Self::CONNECTIONS_PER_ADDRESS.min(connections / 4).max(1);
        self.address_connections.unwrap_or(unset)
    }

    /// The database, wherever it is.
    pub fn database_url(&self) -> String {
        match &self.database_url {
            Some(url) => url.expose().clone(),
            None => format!("sqlite:{}", self.data_dir.join("doorward.db").display()),
        }
    }

    /// How mail leaves.
    pub fn mail_url(&self) -> String {
        self.mail_url
            .as_ref()
            .map_or_else(|| "inbox:".to_owned(), |url| url.expose().clone())
    }

    /// Whether mail stays in this process.
    pub fn has_inbox(&self) -> bool {
        // As the mail part reads it, in whatever spelling.
        let transport = parse_transport(&self.mail_url());
        matches!(transport, Ok(TransportSettings::Inbox))
    }

    /// Whether the listener speaks TLS itself.
    pub fn has_tls(&self) -> bool {
        self.tls_certificate.is_some() || self.development_tls
    }

    /// The public URL, once the port is known.
    pub fn public_url(&self, listening: SocketAddr) -> String {
        match &self.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None if self.has_tls() => format!("https://localhost:{}", listening.port()),
            None => format!("http://localhost:{}", listening.port()),
        }
    }

    /// Whom mail comes from.
    pub fn mail_from(&self, listening: SocketAddr) -> String {
        let public_url = self.public_url(listening);
        let host = match host_of(&public_url) {
            address if address.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() => "localhost",
            name => name,
        };
        self.mail_from
            .clone()
            .unwrap_or_else(|| format!("Doorward <no-reply@{host}>"))
    }
}
