//! All settings, one row each. `docs/CONFIGURATION.md` is generated from them (C-10).
//!
//! To add a setting, add its row. Its value goes to the settings of a component ([`Policy`], [`HasherSettings`],
//! [`WebOptions`]), which have the default, or to a field of [`Config`] with a default in this file. The row checks the
//! value; `validation` checks combinations.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

use doorward_domain::passwords::hashing::{Cost, Engine, HasherSettings};
use doorward_domain::values::{EmailAddress, Locale, Secret};
use doorward_domain::{FactorsRequired, Policy, SignUpPolicy};
use doorward_store_redis::RedisSettings;
use doorward_web::{ForwardedBy, IfMatchRule, TrustedProxies, WebOptions};
use jiff::SignedDuration;

use super::values::{
    LogFormat, boolean, collector, database, days, display_path, engine, engine_name, filled,
    issuer, log_filter, log_format, minutes, otlp_headers, page_url, parse, parse_in_range, path,
    pepper, ratio, redis, support_url, text, transport, url, whole_days,
};

/// The configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// Settings of the rules. `wiring` adds the public URL and the breached-password filter.
    pub policy: Policy,
    /// Settings of password hashing.
    pub hashing: HasherSettings,
    /// Settings of the API.
    pub options: WebOptions,
    /// Listen address.
    pub listen: SocketAddr,
    /// Public URL; `None` is `http://localhost` with the port of `listen`.
    pub public_url: Option<String>,
    /// `true` if a `public_url` may have no TLS.
    pub allow_http: bool,
    /// Reverse proxies in front.
    pub trusted_proxies: TrustedProxies,
    /// Header in which they send the client address.
    pub trusted_proxy_header: ForwardedBy,
    /// PEM file with the certificate and its chain; `None` is plain HTTP.
    pub tls_certificate: Option<PathBuf>,
    /// PEM file with the key of the certificate.
    pub tls_key: Option<PathBuf>,
    /// `true` to use TLS with the development certificate.
    pub development_tls: bool,
    /// Seconds to serve requests after a stop was requested.
    pub shutdown_drain_seconds: u64,
    /// Maximum number of connections.
    pub connections: usize,
    /// Maximum number of connections per address, if set: [`Config::connections_per_address`].
    pub address_connections: Option<usize>,
    /// Folder of the embedded database and the master key.
    pub data_dir: PathBuf,
    /// URL of the database; `None` is SQLite in the data folder.
    pub database_url: Option<Secret<String>>,
    /// Maximum number of database connections.
    pub database_connections: u32,
    /// Time limit for connecting to it.
    pub database_connect_seconds: u64,
    /// Time limit of a statement.
    pub database_statement_seconds: u64,
    /// `true` to apply pending migrations.
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
    /// Breached-password filter.
    pub breached_filter: Option<PathBuf>,
    /// Current pepper.
    pub pepper: Option<Secret<String>>,
    /// Peppers of older hashes.
    pub previous_peppers: Vec<Secret<String>>,
    /// Secret that encrypts signing keys; `None` is a file in the data folder.
    pub master_key: Option<Secret<String>>,
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
    /// Key of the inbox of a demo (`serve --demo`); `None` if this is none.
    pub demo_key: Option<Secret<String>>,
    /// Files that it was read from.
    pub files: BTreeSet<PathBuf>,
    /// Files among them that contain a secret.
    pub secret_files: BTreeSet<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self {
            policy: Policy {
                admin_session_idle_timeout: SignedDuration::from_hours(1),
                ..Policy::new("")
            },
            hashing: HasherSettings {
                cost: Cost::MINIMUM,
                engine: Engine::Fast,
                threads: cores,
                queue_limit: 256,
            },
            options: WebOptions::default(),
            listen: SocketAddr::from(([127, 0, 0, 1], 8000)),
            public_url: None,
            allow_http: false,
            trusted_proxies: TrustedProxies::default(),
            trusted_proxy_header: ForwardedBy::default(),
            tls_certificate: None,
            tls_key: None,
            development_tls: false,
            shutdown_drain_seconds: 0,
            connections: 4096,
            address_connections: None,
            data_dir: PathBuf::from("doorward-data"),
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
            breached_filter: None,
            pepper: None,
            previous_peppers: Vec::new(),
            master_key: None,
            admin_password: None,
            admin_email: None,
            log_filter: "info".to_owned(),
            log_format: LogFormat::Auto,
            metrics_listen: None,
            traces_endpoint: None,
            traces_url: None,
            traces_headers: None,
            traces_sample_ratio: 1.0,
            demo_key: None,
            files: BTreeSet::new(),
            secret_files: BTreeSet::new(),
        }
    }
}

/// A setting.
pub struct Setting {
    /// Its key in `doorward.toml`; `DOORWARD_SECTION__KEY` in the environment.
    pub key: &'static str,
    /// Another name of its environment variable, if one is common.
    pub alias: Option<&'static str>,
    /// `true` if its value is masked.
    pub secret: bool,
    /// Description of the default if it depends on the machine.
    pub default_shown: Option<&'static str>,
    /// Meaning and allowed values.
    pub help: &'static str,
    /// Parses a value; the error states what it must be.
    pub set: fn(&mut Config, &str) -> Result<(), String>,
    /// The value as text, empty if there is none.
    pub show: fn(&Config) -> String,
}

const fn plain(
    key: &'static str,
    help: &'static str,
    set: fn(&mut Config, &str) -> Result<(), String>,
    show: fn(&Config) -> String,
) -> Setting {
    Setting {
        key,
        alias: None,
        secret: false,
        default_shown: None,
        help,
        set,
        show,
    }
}

const fn with_alias(alias: &'static str, setting: Setting) -> Setting {
    Setting {
        alias: Some(alias),
        ..setting
    }
}

const fn secret(setting: Setting) -> Setting {
    Setting {
        secret: true,
        ..setting
    }
}

const fn machine_dependent(default_shown: &'static str, setting: Setting) -> Setting {
    Setting {
        default_shown: Some(default_shown),
        ..setting
    }
}

/// All settings.
#[rustfmt::skip]
pub static SETTINGS: &[Setting] = &[
    plain("listen", "Address and port to listen on.",
        |c, v| parse(v, "an address and a port, such as 127.0.0.1:8000").map(|v| c.listen = v), |c| c.listen.to_string()),
    plain("public_url", "URL that users reach the server at; links in mails begin with it. Required unless `listen` is a loopback address.",
        |c, v| url(v).map(|v| c.public_url = Some(v)), |c| c.public_url.clone().unwrap_or_default()),
    plain("allow_http", "Allow a `public_url` without TLS that is not on loopback: true or false.",
        |c, v| boolean(v).map(|v| c.allow_http = v), |c| c.allow_http.to_string()),
    plain("trusted_proxies", "Addresses or networks of the reverse proxies, separated by commas, such as 127.0.0.1, 10.0.0.0/8. The client address they send is used for rate limits and the audit log.",
        |c, v| v.parse().map(|v| c.trusted_proxies = v), |c| c.trusted_proxies.to_string()),
    plain("trusted_proxy_header", "Header that they send it in: x-forwarded-for, or forwarded (RFC 7239). They must set it themselves; the other header is ignored.",
        |c, v| v.parse().map(|v| c.trusted_proxy_header = v), |c| c.trusted_proxy_header.to_string()),
    plain("cors.origins", "Origins whose scripts may call the API with a bearer token, separated by commas, such as https://app.example.com; none if not set. The session cookie does not work for them.",
        |c, v| v.parse().map(|v| c.options.cors_origins = v), |c| c.options.cors_origins.to_string()),
    plain("return_to.origins", "Origins that `return_to` may lead to after a sign-in, in addition to paths of this server, separated by commas, such as https://app.example.com.",
        |c, v| v.parse().map(|v| c.options.return_origins = v), |c| c.options.return_origins.to_string()),
    plain("brand.name", "Name of the service on pages, in mails and in authenticator apps, up to 64 characters without a colon; Doorward if not set.",
        |c, v| issuer(v).map(|v| c.options.brand.name = Some(v)), |c| c.options.brand.name.clone().unwrap_or_default()),
    plain("brand.accent", "Colour of links and buttons, such as #17614e. It is made darker on light pages and lighter on dark ones until text in it can be read.",
        |c, v| v.parse().map(|v| c.options.brand.accent = Some(v)), |c| c.options.brand.accent.map(|v| v.to_string()).unwrap_or_default()),
    plain("brand.logo", "Logo at the top of pages instead of the name: a PNG, WebP or SVG file of up to 100 KB. A PNG is in mails, too.",
        |c, v| path(v).map(|v| c.options.brand.logo = Some(v)), |c| display_path(c.options.brand.logo.as_ref())),
    plain("brand.logo_dark", "Logo on dark pages, if `brand.logo` does not suit them.",
        |c, v| path(v).map(|v| c.options.brand.logo_dark = Some(v)), |c| display_path(c.options.brand.logo_dark.as_ref())),
    plain("brand.icon", "Icon in the browser's tab: a PNG, WebP or SVG file of up to 100 KB.",
        |c, v| path(v).map(|v| c.options.brand.icon = Some(v)), |c| display_path(c.options.brand.icon.as_ref())),
    plain("brand.terms_url", "Page of the terms of use (https), which sign-up names.",
        |c, v| page_url(v).map(|v| c.options.brand.terms_url = Some(v)), |c| c.options.brand.terms_url.clone().unwrap_or_default()),
    plain("brand.privacy_url", "Page about privacy (https), linked from every page.",
        |c, v| page_url(v).map(|v| c.options.brand.privacy_url = Some(v)), |c| c.options.brand.privacy_url.clone().unwrap_or_default()),
    plain("brand.support", "Page (https) or address (mailto:) of the support, linked from every page.",
        |c, v| support_url(v).map(|v| c.options.brand.support = Some(v)), |c| c.options.brand.support.clone().unwrap_or_default()),
    plain("pages.language", "Language of pages and mails for users who have chosen none and whose browsers ask for none that there is, such as en.",
        |c, v| Locale::from_tag(v).map(|v| c.options.language = v).ok_or_else(|| format!("must be one of {}", Locale::ALL.map(Locale::tag).join(", "))), |c| c.options.language.tag().to_owned()),
    plain("pages.texts", "Folder with LANGUAGE.ftl files that replace single texts of pages.",
        |c, v| path(v).map(|v| c.options.texts = Some(v)), |c| display_path(c.options.texts.as_ref())),
    plain("console.enabled", "Whether admins have the pages at `/admin`: true or false.",
        |c, v| boolean(v).map(|v| c.options.console.enabled = v), |c| c.options.console.enabled.to_string()),
    plain("console.networks", "Addresses or networks of the clients that reach `/admin`, separated by commas, such as 127.0.0.1, 10.0.0.0/8; all if not set. The others get 404.",
        |c, v| v.parse().map(|v| c.options.console.networks = v), |c| c.options.console.networks.to_string()),
    plain("api.require_if_match", "Require `If-Match` on writes to a user, and respond with 428 otherwise: true or false.",
        |c, v| boolean(v).map(|v| c.options.if_match = if v { IfMatchRule::Required } else { IfMatchRule::Optional }), |c| (c.options.if_match == IfMatchRule::Required).to_string()),
    plain("tls.certificate", "PEM file of the server's certificate and its chain; the server then uses TLS itself. Reloaded when it changes.",
        |c, v| path(v).map(|v| c.tls_certificate = Some(v)), |c| display_path(c.tls_certificate.as_ref())),
    plain("tls.key", "PEM file of the certificate's key, without a passphrase (PKCS#8, PKCS#1 or SEC1).",
        |c, v| path(v).map(|v| c.tls_key = Some(v)), |c| display_path(c.tls_key.as_ref())),
    plain("tls.development", "Use TLS with a self-signed certificate for development, as `serve --dev-tls` does, at 127.0.0.1:9443 unless `listen` is set: true or false.",
        |c, v| boolean(v).map(|v| c.development_tls = v), |c| c.development_tls.to_string()),
    plain("shutdown.drain_seconds", "Seconds to serve requests after a stop was requested, while `/readyz` returns 503 so that load balancers stop sending requests, 0 to 300.",
        |c, v| parse_in_range(v, 0, 300).map(|v| c.shutdown_drain_seconds = v), |c| c.shutdown_drain_seconds.to_string()),
    plain("limits.connections", "Maximum number of open connections, 16 to 100000. More are closed at once.",
        |c, v| parse_in_range(v, 16, 100_000).map(|v| c.connections = v), |c| c.connections.to_string()),
    plain("limits.connections_per_address", "Maximum number of open connections per address (IPv6: per /64 network), 1 to 100000; no limit for `trusted_proxies`. At most a quarter of `limits.connections` if not set.",
        |c, v| parse_in_range(v, 1, 100_000).map(|v| c.address_connections = Some(v)), |c| c.connections_per_address(c.connections).to_string()),
    plain("limits.outbox", "Maximum number of mails in the outbox, 100 to 1000000. While it is full, requests that send mail get 503.",
        |c, v| parse_in_range(v, 100, 1_000_000).map(|v| c.policy.max_outbox = v), |c| c.policy.max_outbox.to_string()),
    plain("data_dir", "Folder of the embedded database and the master key; created with mode 0700.",
        |c, v| path(v).map(|v| c.data_dir = v), |c| c.data_dir.display().to_string()),
    plain("enumeration_protection", "Whether responses and their timing hide which addresses have an account: true or false.",
        |c, v| boolean(v).map(|v| c.policy.enumeration_protection = v), |c| c.policy.enumeration_protection.to_string()),
    plain("sign_up.confirm_email", "Whether a new account's address must be confirmed by mail: true or false. For closed networks and tests, false stores addresses as confirmed; requires `enumeration_protection = false`.",
        |c, v| boolean(v).map(|v| c.policy.confirm_email = v), |c| c.policy.confirm_email.to_string()),
    plain("sign_up.policy", "Who may sign up: open (anyone), invitation (users whom an admin has invited) or closed (no one; create accounts with `doorward user create` or an import, or invite users).",
        |c, v| SignUpPolicy::from_name(v).map(|who| c.policy.sign_up = who).ok_or_else(|| "must be open, invitation or closed".to_owned()), |c| c.policy.sign_up.as_str().to_owned()),
    plain("sign_up.domains", "Domains of the addresses that users may sign up with or change to, separated by commas: example.com, or .example.com to include its subdomains; all if not set. A sign-up then needs an address. They do not apply to an address that an admin sets for another user or invites, to `doorward user create` or to imports.",
        |c, v| v.parse().map(|v| c.policy.email_domains = v), |c| c.policy.email_domains.to_string()),
    secret(with_alias("DATABASE_URL", plain("database.url", "Database URL: sqlite:PATH, postgres://…, mysql:// or mariadb://…, with one host, or dynamodb://REGION/TABLE. SQLite in the data folder if not set.",
        |c, v| database(v).map(|v| c.database_url = Some(Secret::new(v))), |c| text(c.database_url.as_ref())))),
    plain("database.max_connections", "Maximum number of connections to the database, 1 to 500.",
        |c, v| parse_in_range(v, 1, 500).map(|v| c.database_connections = v), |c| c.database_connections.to_string()),
    plain("database.connect_timeout_seconds", "How long to wait for a free connection from the pool, and for a new one to open, 1 to 60.",
        |c, v| parse_in_range(v, 1, 60).map(|v| c.database_connect_seconds = v), |c| c.database_connect_seconds.to_string()),
    plain("database.statement_timeout_seconds", "How long one statement may take, 1 to 60. An operation takes at most two seconds longer, and its commit another two.",
        |c, v| parse_in_range(v, 1, 60).map(|v| c.database_statement_seconds = v), |c| c.database_statement_seconds.to_string()),
    plain("database.migrate", "Apply pending migrations at the start: true or false.",
        |c, v| boolean(v).map(|v| c.database_migrate = v), |c| c.database_migrate.to_string()),
    secret(with_alias("REDIS_URL", plain("redis.url", "redis://user:password@host:6379/0, rediss://… (TLS; `?ca=FILE` names a private authority) or redis+unix:///PATH; several hosts of a Cluster, separated by commas. Sessions are in the database if not set.",
        |c, v| redis(v).map(|v| c.redis_url = Some(Secret::new(v))), |c| text(c.redis_url.as_ref())))),
    plain("redis.prefix", "Prefix of all keys on Redis, so that other programs can use it too.",
        |c, v| RedisSettings::check_prefix(v).map(|()| c.redis_prefix = v.to_owned()), |c| c.redis_prefix.clone()),
    secret(with_alias("SMTP_URL", plain("mail.url", "smtp://user:password@host:587, smtps://…, folder:PATH, log: or inbox:; the built-in inbox if not set.",
        |c, v| transport(v).map(|v| c.mail_url = Some(Secret::new(v))), |c| text(c.mail_url.as_ref())))),
    plain("mail.from", "Sender of mails, such as Doorward <no-reply@example.com>; no-reply at the public host if not set.",
        |c, v| filled(v).map(|v| c.mail_from = Some(v)), |c| c.mail_from.clone().unwrap_or_default()),
    plain("mail.templates", "Folder with mail templates that replace built-in ones of the same name, and LANGUAGE.ftl files that replace single texts.",
        |c, v| path(v).map(|v| c.mail_templates = Some(v)), |c| display_path(c.mail_templates.as_ref())),
    plain("mail.sign_in_notices", "Mail users about a sign-in from a new device or network: true or false.",
        |c, v| boolean(v).map(|v| c.policy.sign_in_notices = v), |c| c.policy.sign_in_notices.to_string()),
    plain("session.reauthenticate_after_minutes", "Minutes after which a change of role, status, address or factors, or a deletion, requires the password again, with a code if the account has a second factor, 0 to 1440. 0: never because of age; a session opened without the factor still needs a code.",
        |c, v| parse_in_range(v, 0, 1440).map(|v| c.policy.reauthenticate_after = minutes(v)), |c| c.policy.reauthenticate_after.as_mins().to_string()),
    plain("session.idle_timeout_minutes", "Minutes without a request after which a session ends, accurate to ten seconds, 0 to 43200; 0 is no idle timeout.",
        |c, v| parse_in_range(v, 0, 43_200).map(|v| c.policy.session_idle_timeout = minutes(v)), |c| c.policy.session_idle_timeout.as_mins().to_string()),
    plain("session.admin_idle_timeout_minutes", "The same for sessions of admins, if shorter, 0 to 43200; 0 is the timeout of all users.",
        |c, v| parse_in_range(v, 0, 43_200).map(|v| c.policy.admin_session_idle_timeout = minutes(v)), |c| c.policy.admin_session_idle_timeout.as_mins().to_string()),
    plain("factors.required", "Who must have a second factor: none, admins or everyone. A user who has none adds one at the next sign-in.",
        |c, v| FactorsRequired::from_name(v).map(|who| c.policy.factors_required = who).ok_or_else(|| "must be none, admins or everyone".to_owned()), |c| c.policy.factors_required.as_str().to_owned()),
    plain("factors.issuer", "Name that authenticator apps show for this server, up to 64 characters without a colon; `brand.name` if not set, else the public host.",
        |c, v| issuer(v).map(|v| c.policy.factors_issuer = v), |c| c.policy.factors_issuer.clone()),
    plain("account.deletion_days", "Days between the request to delete an account and its deletion, in which the request can be cancelled, 0 to 90. 0 deletes at once.",
        |c, v| parse_in_range(v, 0, 90).map(|v| c.policy.deletion_grace = days(v)), |c| whole_days(c.policy.deletion_grace)),
    plain("confirmation.require_password", "Require the password of the account to confirm an email address: true or false.",
        |c, v| boolean(v).map(|v| c.policy.confirmation_requires_password = v), |c| c.policy.confirmation_requires_password.to_string()),
    plain("password.min_length", "Minimum number of characters of a password, 8 to 64.",
        |c, v| parse_in_range(v, 8, 64).map(|v| c.policy.password_rules.min_length = v), |c| c.policy.password_rules.min_length.to_string()),
    plain("password.breached_filter", "Breached-password filter, built by `doorward passwords build-filter`; new passwords in it are rejected. Opened at the start. Common passwords are rejected without it.",
        |c, v| path(v).map(|v| c.breached_filter = Some(v)), |c| display_path(c.breached_filter.as_ref())),
    secret(plain("password.pepper", "Secret of at least 32 characters, without commas, that passwords are keyed with before hashing (HMAC-SHA-256), so that the database alone cannot verify a password. If it is lost, all users have to reset their password.",
        |c, v| pepper(v).map(|v| c.pepper = Some(v)), |c| text(c.pepper.as_ref()))),
    secret(plain("password.previous_peppers", "Earlier peppers, separated by commas: a correct password is then hashed again with the current pepper.",
        |c, v| v.split(',').map(pepper).collect::<Result<_, _>>().map(|v| c.previous_peppers = v), |c| c.previous_peppers.iter().map(|v| v.expose().as_str()).collect::<Vec<_>>().join(", "))),
    plain("hashing.memory_kib", "Memory of one Argon2id hash in KiB, 19456 to 262144.",
        |c, v| parse_in_range(v, Cost::MINIMUM.memory_kib, Cost::MAXIMUM.memory_kib).map(|v| c.hashing.cost.memory_kib = v), |c| c.hashing.cost.memory_kib.to_string()),
    plain("hashing.passes", "Passes of one Argon2id hash, 2 to 10.",
        |c, v| parse_in_range(v, Cost::MINIMUM.passes, Cost::MAXIMUM.passes).map(|v| c.hashing.cost.passes = v), |c| c.hashing.cost.passes.to_string()),
    plain("hashing.lanes", "Lanes of one Argon2id hash, 1 to 8; computed one after the other.",
        |c, v| parse_in_range(v, Cost::MINIMUM.lanes, Cost::MAXIMUM.lanes).map(|v| c.hashing.cost.lanes = v), |c| c.hashing.cost.lanes.to_string()),
    plain("hashing.engine", "Implementation of Argon2id: fast (SIMD) or portable (RustCrypto).",
        |c, v| engine(v).map(|v| c.hashing.engine = v), |c| engine_name(c.hashing.engine).to_owned()),
    machine_dependent("number of cores", plain("hashing.threads", "Number of hashing threads, 1 to 256; the number of cores if not set.",
        |c, v| parse_in_range(v, 1, 256).map(|v| c.hashing.threads = v), |c| c.hashing.threads.to_string())),
    plain("hashing.queue_limit", "Maximum number of passwords of known clients that wait to be hashed, and of unknown clients, 1 to 10000; further requests get 503.",
        |c, v| parse_in_range(v, 1, 10_000).map(|v| c.hashing.queue_limit = v), |c| c.hashing.queue_limit.to_string()),
    plain("audit.retention_days", "Days after which audit events are deleted, 1 to 36500; 0 keeps them forever.",
        |c, v| parse_in_range(v, 0, 36500).map(|v| c.policy.audit_retention = (v > 0).then(|| days(v))), |c| c.policy.audit_retention.map_or_else(|| "0".to_owned(), whole_days)),
    plain("keys.rotate_after_days", "Days after which a new signing key is created, 1 to 3650.",
        |c, v| parse_in_range(v, 1, 3650).map(|v| c.policy.key_lifetime = days(v)), |c| whole_days(c.policy.key_lifetime)),
    secret(with_alias("JWT_SECRET_KEY", plain("keys.master_key", "Secret of at least 32 characters that encrypts signing keys; a file in the data folder if not set.",
        |c, v| { c.master_key = Some(Secret::new(v.to_owned())); Ok(()) }, |c| text(c.master_key.as_ref())))),
    plain("throttle.enabled", "Enables rate limits; disable only for load tests: true or false.",
        |c, v| boolean(v).map(|v| c.policy.throttle = v), |c| c.policy.throttle.to_string()),
    plain("throttle.sign_in", "Password attempts from one network (IPv4 /32, IPv6 /64), or from one account's known devices: a number and a time (s, m, h or d; at most 1d), such as 30/1m.",
        |c, v| v.parse().map(|v| c.policy.limits.sign_in = v), |c| c.policy.limits.sign_in.to_string()),
    plain("throttle.sign_up", "Sign-ups from one network.",
        |c, v| v.parse().map(|v| c.policy.limits.sign_up = v), |c| c.policy.limits.sign_up.to_string()),
    plain("throttle.mail", "Requests for a recovery or confirmation mail from one network.",
        |c, v| v.parse().map(|v| c.policy.limits.mail = v), |c| c.policy.limits.mail.to_string()),
    plain("throttle.global", "Password attempts of all unknown clients together. Known devices and sessions do not count.",
        |c, v| v.parse().map(|v| c.policy.limits.global = v), |c| c.policy.limits.global.to_string()),
    plain("throttle.lockout_after", "Consecutive wrong passwords, 10 to 100, after which an account is locked out until it is recovered by mail, and consecutive wrong codes of a second factor, after which none is accepted. Known devices are not affected (for codes, those that have entered one before); recovery codes are accepted, and a recovery by mail grants five codes. An account without a confirmed address is only delayed for passwords.",
        |c, v| parse_in_range(v, 10, 100).map(|v| c.policy.limits.lockout_after = v), |c| c.policy.limits.lockout_after.to_string()),
    secret(with_alias("ADMIN_PASSWORD", plain("admin.password", "Password of the first admin, who is created if there is none; random and printed once if not set.",
        |c, v| { c.admin_password = Some(Secret::new(v.to_owned())); Ok(()) }, |c| text(c.admin_password.as_ref())))),
    with_alias("ADMIN_EMAIL", plain("admin.email", "Email address of the first admin.",
        |c, v| EmailAddress::parse(v).map(|v| c.admin_email = Some(v.to_string())).map_err(|e| e.detail), |c| c.admin_email.clone().unwrap_or_default())),
    plain("log.filter", "Log level, such as info or info,doorward_mail=debug.",
        |c, v| log_filter(v).map(|v| c.log_filter = v), |c| c.log_filter.clone()),
    plain("log.format", "Log format: auto (text on a terminal, JSON elsewhere), text or json.",
        |c, v| log_format(v).map(|v| c.log_format = v), |c| format!("{:?}", c.log_format).to_lowercase()),
    plain("metrics.listen", "Address and port that serve `/metrics` to Prometheus, such as 127.0.0.1:9464; none if not set. It has no authentication.",
        |c, v| parse(v, "an address and a port, such as 127.0.0.1:9464").map(|v| c.metrics_listen = Some(v)), |c| c.metrics_listen.map(|v| v.to_string()).unwrap_or_default()),
    with_alias("OTEL_EXPORTER_OTLP_ENDPOINT", plain("traces.endpoint", "URL of an OpenTelemetry collector that accepts traces by OTLP over HTTP, such as http://localhost:4318; no traces if not set.",
        |c, v| collector(v).map(|v| c.traces_endpoint = Some(v)), |c| c.traces_endpoint.clone().unwrap_or_default())),
    with_alias("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", plain("traces.url", "Complete URL for traces, if it is not `traces.endpoint` with /v1/traces added; overrides `traces.endpoint`.",
        |c, v| collector(v).map(|v| c.traces_url = Some(v)), |c| c.traces_url.clone().unwrap_or_default())),
    secret(with_alias("OTEL_EXPORTER_OTLP_HEADERS", plain("traces.headers", "Headers for the collector, such as authorization=Bearer%20secret: name=value, separated by commas, values percent-encoded.",
        |c, v| otlp_headers(v).map(|_| c.traces_headers = Some(Secret::new(v.to_owned()))), |c| text(c.traces_headers.as_ref())))),
    plain("traces.sample_ratio", "Fraction of traces to record, 0 to 1; a proxy of `trusted_proxies` that sends `traceparent` decides for its requests.",
        |c, v| ratio(v).map(|v| c.traces_sample_ratio = v), |c| c.traces_sample_ratio.to_string()),
];

impl Setting {
    /// The setting with this key.
    pub fn find(key: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.key == key)
    }

    /// Name of its environment variable.
    pub fn env_var(&self) -> String {
        format!("DOORWARD_{}", self.key.replace('.', "__").to_uppercase())
    }
}

#[cfg(test)]
mod tests;
