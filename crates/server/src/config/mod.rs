//! The configuration: defaults, then `doorward.toml`, then `.env`, then the environment.
//!
//! Every setting is one row of [`SETTINGS`]. An unknown key is an error that names the nearest known one. No other
//! module reads the environment. The methods of [`Config`] here are values that several settings decide.

mod dotenv;
mod ephemeral;
mod file_permissions;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
#[cfg(feature = "aws")]
mod lambda;
mod redaction;
mod settings;
mod shown;
mod sources;
mod validation;
mod values;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use doorward_mail::{MailBrand, MailSettings, TransportSettings, parse_transport};
use doorward_store_redis::RedisSettings;
use doorward_web::Brand;

pub use doorward_web::{host_of, is_loopback_url};
#[cfg(feature = "aws")]
pub use lambda::LambdaEnvironment;
pub use redaction::redact;
pub use settings::{Config, SETTINGS, Setting};
pub use shown::shown_settings;
#[cfg(feature = "aws")]
pub use sources::load_lambda;
pub use sources::{
    FlagOverride, InvalidConfig, LoadedConfig, load, load_demo, load_ephemeral, values_of,
};
pub use values::{LogFormat, otlp_headers};

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
            .unwrap_or_else(|| format!("{} <no-reply@{host}>", self.sender_name()))
    }

    /// Settings of the Redis store; `None` if it is not configured.
    pub fn redis_settings(&self) -> anyhow::Result<Option<RedisSettings>> {
        let Some(url) = &self.redis_url else {
            return Ok(None);
        };
        let url = url.expose().parse();
        Ok(Some(RedisSettings {
            url: url.map_err(|wrong: String| anyhow::anyhow!("`redis.url` {wrong}"))?,
            prefix: self.redis_prefix.clone(),
        }))
    }

    /// Name of the default sender: that of the service, in quotes if it is more than words (RFC 5322, 3.2.4).
    fn sender_name(&self) -> String {
        let name = self.options.brand.name.as_deref().unwrap_or("Doorward");
        match name.chars().all(|c| c.is_alphanumeric() || c == ' ') {
            true => name.to_owned(),
            false => format!("{name:?}"),
        }
    }

    /// Settings of the mailer.
    pub fn mail_settings(&self, listening: SocketAddr) -> anyhow::Result<MailSettings> {
        let transport = parse_transport(&self.mail_url())?;
        let brand = Brand::open(&self.options.brand)?;
        let public_url = self.public_url(listening);
        let url = |path| format!("{public_url}{path}");
        Ok(MailSettings {
            brand: MailBrand {
                name: brand.name().to_owned(),
                accent: brand.mail_accent(),
                logo_url: brand.mail_logo().map(url),
                logo_dark_url: brand.mail_logo_dark().map(url),
            },
            templates: self.mail_templates.clone(),
            ..MailSettings::new(self.mail_from(listening), transport)
        })
    }
}
