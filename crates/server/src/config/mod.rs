//! The configuration: defaults, then `doorward.toml`, then `.env`, then the environment.
//!
//! Every setting is one row of [`settings::SETTINGS`]. An unknown key is an error that names the nearest known
//! one. No other module reads the environment.

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

use doorward_domain::limits::ThrottleLimits;
use doorward_domain::passwords::{Cost, Engine};
use doorward_domain::values::Secret;
use doorward_mail::{TransportSettings, parse_transport};
use doorward_store_redis::RedisSettings;
use doorward_web::{ForwardedBy, Origins, TrustedProxies};

pub use commented::commented;
pub use doorward_web::{host_of, is_loopback_url};
pub use masked::masked;
pub use settings::{SETTINGS, Setting};
pub use sources::{Flag, InvalidConfig, LoadedConfig, load, load_ephemeral};

/// The configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// Listen address.
    pub listen: SocketAddr,
    /// Public URL; `None` is `http://localhost` with the port of `listen`.
    pub public_url: Option<String>,
    /// Whether a `public_url` may have no TLS.
    pub allow_http: bool,
    /// Reverse proxies in front.
    pub trusted_proxies: TrustedProxies,
    /// Header in which they send the client address.
    pub trusted_proxy_header: ForwardedBy,
    /// Origins whose scripts may call the API.
    pub cors_origins: Origins,
    /// Origins that `return_to` may lead to.
    pub return_origins: Origins,
    /// Whether writes require `If-Match`.
    pub require_if_match: bool,
    /// PEM file with the certificate and its chain; `None` is plain HTTP.
    pub tls_certificate: Option<PathBuf>,
    /// PEM file with the key of the certificate.
    pub tls_key: Option<PathBuf>,
    /// Whether to use TLS with the development certificate.
    pub development_tls: bool,
    /// Seconds to serve requests after a stop was requested.
    pub shutdown_drain_seconds: u64,
    /// Maximum number of connections.
    pub connections: usize,
    /// Maximum number of connections per address, if set: [`Config::connections_per_address`].
    pub address_connections: Option<usize>,
    /// Maximum number of mails in the outbox.
    pub outbox: u64,
    /// Folder of the embedded database and the master key.
    pub data_dir: PathBuf,
    /// Whether responses hide which addresses have an account.
    pub enumeration_protection: bool,
    /// Whether an address must be confirmed before it belongs to a new account.
    pub confirm_email: bool,
    /// URL of the database; `None` is SQLite in the data folder.
    pub database_url: Option<Secret<String>>,
    /// Maximum number of database connections.
    pub database_connections: u32,
    /// Time limit for connecting to it.
    pub database_connect_seconds: u64,
    /// Time limit of a statement.
    pub database_statement_seconds: u64,
    /// Whether to apply pending migrations.
    pub database_migrate: bool,
    /// URL of Redis for sessions and rate limit counters; `None` is the database and memory.
    pub redis_url: Option<Secret<String>>,
    /// Prefix of all keys on Redis.
    pub redis_prefix: String,
    /// URL of the mail transport; `None` is the built-in inbox.
    pub mail_url: Option<Secret<String>>,
    /// Sender of mails; `None` is `no-reply` at the public host.
    pub mail_from: Option<String>,
    /// Folder with templates that replace built-in ones.
    pub mail_templates: Option<PathBuf>,
    /// Whether to mail users about sign-ins from new devices.
    pub mail_sign_in_notices: bool,
    /// Minutes after which sensitive actions require the password again.
    pub session_reauthenticate_after_minutes: i64,
    /// Idle timeout of sessions in minutes; 0 is none.
    pub session_idle_timeout_minutes: i64,
    /// Idle timeout of admin sessions in minutes, if shorter.
    pub session_admin_idle_timeout_minutes: i64,
    /// Whether confirming an address requires the password.
    pub confirmation_require_password: bool,
    /// Minimum length of a password.
    pub password_min_length: usize,
    /// Breached-password filter.
    pub breached_filter: Option<PathBuf>,
    /// Current pepper.
    pub pepper: Option<Secret<String>>,
    /// Peppers of older hashes.
    pub previous_peppers: Vec<Secret<String>>,
    /// Cost of a password hash.
    pub hashing_cost: Cost,
    /// Implementation of the hash.
    pub hashing_engine: Engine,
    /// Number of hashing threads.
    pub hashing_threads: usize,
    /// Maximum number of passwords that wait for a thread.
    pub hashing_queue_limit: usize,
    /// Days after which a signing key is replaced.
    pub key_days: i64,
    /// Retention of audit events in days; 0 is unlimited.
    pub audit_retention_days: i64,
    /// Secret that encrypts signing keys; `None` is a file in the data folder.
    pub master_key: Option<Secret<String>>,
    /// Whether rate limits are enabled.
    pub throttle: bool,
    /// Rate limits.
    pub throttle_limits: ThrottleLimits,
    /// Password of the first admin; `None` is a random one.
    pub admin_password: Option<Secret<String>>,
    /// Email address of the first admin.
    pub admin_email: Option<String>,
    /// Log filter.
    pub log_filter: String,
    /// Log format.
    pub log_format: LogFormat,
    /// Listen address of the metrics.
    pub metrics_listen: Option<SocketAddr>,
    /// URL of an OTLP collector.
    pub traces_endpoint: Option<String>,
    /// Complete URL for traces; overrides `traces_endpoint`.
    pub traces_url: Option<String>,
    /// Headers for the collector.
    pub traces_headers: Option<Secret<String>>,
    /// Fraction of traces to record.
    pub traces_sample_ratio: f64,
    /// Files that it was read from.
    pub files: BTreeSet<PathBuf>,
    /// Files among them that contain a secret.
    pub secret_files: BTreeSet<PathBuf>,
}

/// Log format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// Text.
    Text,
    /// JSON.
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
            enumeration_protection: true,
            confirm_email: true,
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
            session_reauthenticate_after_minutes: 5,
            session_idle_timeout_minutes: 0,
            session_admin_idle_timeout_minutes: 0,
            confirmation_require_password: false,
            password_min_length: 8,
            breached_filter: None,
            pepper: None,
            previous_peppers: Vec::new(),
            hashing_cost: Cost::MINIMUM,
            hashing_engine: Engine::Fast,
            hashing_threads: cores,
            hashing_queue_limit: 256,
            key_days: 90,
            audit_retention_days: 400,
            master_key: None,
            throttle: true,
            throttle_limits: ThrottleLimits::default(),
            admin_password: None,
            admin_email: None,
            log_filter: "info".to_owned(),
            log_format: LogFormat::Auto,
            metrics_listen: None,
            traces_endpoint: None,
            traces_url: None,
            traces_headers: None,
            traces_sample_ratio: 1.0,
            files: BTreeSet::new(),
            secret_files: BTreeSet::new(),
        }
    }
}

impl Config {
    /// Default maximum number of connections per address; also at most a quarter of all.
    const CONNECTIONS_PER_ADDRESS: usize = 256;
    /// Default listen address with the development certificate.
    pub const DEVELOPMENT_LISTEN: SocketAddr =
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9443);

    /// Maximum number of connections per address if `connections` are allowed in all. If only that number is set,
    /// one address cannot use all of them (H-05).
    pub fn connections_per_address(&self, connections: usize) -> usize {
        let unset = Self::CONNECTIONS_PER_ADDRESS.min(connections / 4).max(1);
        self.address_connections.unwrap_or(unset)
    }

    /// URL of the database.
    pub fn database_url(&self) -> String {
        match &self.database_url {
            Some(url) => url.expose().clone(),
            None => format!("sqlite:{}", self.data_dir.join("doorward.db").display()),
        }
    }

    /// URL of the mail transport.
    pub fn mail_url(&self) -> String {
        self.mail_url
            .as_ref()
            .map_or_else(|| "inbox:".to_owned(), |url| url.expose().clone())
    }

    /// Returns `true` if mails stay in the built-in inbox.
    pub fn has_inbox(&self) -> bool {
        let transport = parse_transport(&self.mail_url());
        matches!(transport, Ok(TransportSettings::Inbox))
    }

    /// Returns `true` if the server uses TLS itself.
    pub fn has_tls(&self) -> bool {
        self.tls_certificate.is_some() || self.development_tls
    }

    /// The public URL of a server with this listen address.
    pub fn public_url(&self, listening: SocketAddr) -> String {
        match &self.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None if self.has_tls() => format!("https://localhost:{}", listening.port()),
            None => format!("http://localhost:{}", listening.port()),
        }
    }

    /// Sender of mails.
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
