//! Sessions and throttle counters on Redis or Valkey, single node and Cluster.
//!
//! Redis may lose writes, deletions included, so the database records ended sessions. This crate contains no rule of
//! the domain.
//!
//! - `url`: parses `redis.url`. `connection`: opens and replaces the connection. `script`: commands and
//!   Lua scripts. `keys`: the names of keys.
//! - `sessions`, `rate_limits`: the two ports; their scripts are in `scripts/`.
//! - `durability`, `diagnostics`: checks of the server for the log and `doorward doctor`.
//!
//! To add an atomic step: a script that declares its key, or several keys that share one hash tag (for
//! Cluster), and sets an expiry on each; and a case in `testkit::contract`.

mod connection;
mod diagnostics;
mod durability;
mod fault;
mod keys;
mod rate_limits;
mod record;
mod script;
mod sessions;
mod url;

use std::sync::Arc;

use doorward_domain::keys::CounterKeys;

pub use crate::url::RedisUrl;
pub use diagnostics::diagnose;
pub use fault::RedisFault;

/// The URL of Redis and the prefix of its keys.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    /// URL.
    pub url: RedisUrl,
    /// Prefix of every key, such as `doorward:`.
    pub prefix: String,
}

impl RedisSettings {
    /// Checks the settings without connecting.
    pub fn check(&self) -> Result<(), RedisFault> {
        connection::check(&self.url)
    }

    /// Default prefix.
    pub const PREFIX: &str = "doorward:";

    /// Checks a prefix. Braces are not allowed: they would replace Doorward's hash tags.
    pub fn check_prefix(prefix: &str) -> Result<(), String> {
        let is_plain = |sign: u8| sign.is_ascii_alphanumeric() || b":._-".contains(&sign);
        match prefix.bytes().all(is_plain) && (1..=64).contains(&prefix.len()) {
            true => Ok(()),
            false => {
                Err("must be 1 to 64 letters, digits and signs of `:._-`, such as doorward:".into())
            }
        }
    }
}

/// Sessions and rate limits on one Redis. Clones share its connection.
#[derive(Clone)]
pub struct RedisStore {
    connection: connection::SharedConnection,
    keys: Arc<keys::Keys>,
}

impl RedisStore {
    /// Does not connect yet. `counters` is the same on all nodes that count together.
    pub fn open(settings: RedisSettings, counters: CounterKeys) -> Result<Self, RedisFault> {
        settings.check()?;
        Ok(Self {
            connection: connection::SharedConnection::new(settings.url),
            keys: Arc::new(keys::Keys::new(settings.prefix, counters)),
        })
    }

    /// Connects for the first time. If Redis is down, this is logged and `Ok`: the connection is opened
    /// later. An error means that the URL or the server must be changed.
    pub async fn connect(&self) -> Result<(), RedisFault> {
        match self.connection.connect().await {
            Err(error @ RedisFault::Unusable(_)) => Err(error),
            _ => Ok(()),
        }
    }
}
