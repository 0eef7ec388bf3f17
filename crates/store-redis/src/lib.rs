//! Sessions and throttle counters on Redis or Valkey, single node and Cluster.
//!
//! Redis may forget, and may remember what it was told to forget: whatever must hold for good is
//! in the database, and [`Sessions::may_rewind`](doorward_domain::ports::Sessions::may_rewind) says
//! so. The crate knows no rule of the domain; it keeps, finds and counts.
//!
//! - `url`: what an operator writes, taken apart. - `connect`: from there to a connection that is
//!   fit for use. - `link`: the connection as it comes and goes. - `keys`: what things are called.
//! - `primaries`: whether all of it is there. - `sessions`, `throttle`: the two ports; their scripts
//!   are in `scripts/`. - `durability` and `examine`: what an operator should know about the server.
//!
//! To add a step that must be atomic: a script whose every key is declared and has one hash tag
//! (so that it runs on a Cluster), an expiry on all it writes, and a case in `testkit::contract`.

mod connect;
mod durability;
mod examine;
mod fault;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod keys;
mod link;
mod primaries;
mod record;
mod request;
mod sessions;
mod throttle;
mod url;

use std::sync::Arc;

use doorward_domain::ports::Clock;
use doorward_domain::tokens::CounterNames;

pub use crate::url::RedisUrl;
pub use examine::examine;
pub use fault::Fault;

/// How to reach Redis, and how to name things there.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    /// Where it is.
    pub url: RedisUrl,
    /// What every key begins with, such as `doorward:`.
    pub prefix: String,
}

impl RedisSettings {
    /// Says what is wrong with them, as far as can be told without asking anybody.
    pub fn check(&self) -> Result<(), Fault> {
        connect::check(&self.url)
    }

    /// The prefix where none is chosen.
    pub const PREFIX: &str = "doorward:";

    /// Says what is wrong with a prefix. Braces would take the place of our own hash tags.
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

/// Sessions and throttles on one Redis. A clone speaks over the same connection.
#[derive(Clone)]
pub struct RedisStore {
    link: link::Link,
    keys: Arc<keys::Keys>,
    clock: Arc<dyn Clock>,
    time: throttle::Time,
}

impl RedisStore {
    /// Takes note of where Redis is; speaks to nobody yet. The clock is the one that the callers'
    /// `now` comes from; the names are those of all nodes that count together.
    pub fn open(
        settings: RedisSettings,
        counters: CounterNames,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Fault> {
        settings.check()?;
        Ok(Self {
            link: link::Link::new(settings.url),
            keys: Arc::new(keys::Keys::new(settings.prefix, counters)),
            clock,
            time: throttle::Time::Servers,
        })
    }

    /// Counts by its callers' moments alone, in place of the server's time. For tests, whose time goes on in steps
    /// however slow the machine is: nodes whose clocks differ would no longer count together.
    #[doc(hidden)]
    #[must_use]
    pub fn told_the_time(self) -> Self {
        let time = throttle::Time::Callers;
        Self { time, ..self }
    }

    /// Connects for the first time, and logs what there is to know. Redis may be away, which is
    /// logged and mends itself; an error is one that time will not mend.
    pub async fn greet(&self) -> Result<(), Fault> {
        match self.link.connection().await {
            Err(fault @ Fault::Unfit(_)) => Err(fault),
            _ => Ok(()),
        }
    }
}
