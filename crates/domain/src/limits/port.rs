//! The port of the counters of rate limits.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::GUESS;
use crate::store::StoreError;
use crate::values::{Rate, UserId};

/// Counters of rate limits, with the arithmetic of [`crate::limits`].
#[async_trait]
pub trait RateLimits: Send + Sync {
    /// Acquires one, or nothing if the limit denies. Atomic, so that parallel attempts do not exceed the limit
    ///
    async fn acquire(&self, limit: &KeyedLimit, now: Timestamp) -> Result<Decision, StoreError>;
    /// Releases what was acquired at this time for an attempt that was not made. Atomic. Delays that a later
    /// attempt has caused remain.
    async fn release(&self, limit: &KeyedLimit, now: Timestamp) -> Result<(), StoreError>;
    /// Deletes the counter of this key. Returns the number of failures that a backoff had counted; 0 for a budget.
    async fn clear(&self, limit: &KeyedLimit) -> Result<u32, StoreError>;
}

/// A limit with the key it counts under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedLimit {
    /// The limit.
    pub limit: Limit,
    /// For example a network prefix.
    pub key: String,
}

/// A rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// A number of events per window.
    Budget {
        /// The name in `RateLimit` headers, metrics and the audit log.
        name: &'static str,
        /// Number of events per window.
        rate: Rate,
    },
    /// Growing delays after consecutive failures ([`crate::limits::BACKOFF_DELAYS`]).
    Backoff {
        /// After this many failures, every attempt is denied; `None` for delays only.
        lockout_after: Option<u32>,
    },
}

impl Limit {
    /// The name in `RateLimit` headers, metrics and the audit log.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Budget { name, .. } => name,
            Self::Backoff { .. } => GUESS,
        }
    }
}

impl KeyedLimit {
    /// A budget for one key.
    pub fn budget(name: &'static str, rate: Rate, key: String) -> Self {
        let limit = Limit::Budget { name, rate };
        Self { limit, key }
    }

    /// A budget of one user.
    pub(crate) fn for_user(name: &'static str, rate: Rate, user_id: UserId) -> Self {
        Self::budget(name, rate, format!("user/{user_id}"))
    }

    /// A backoff for one key.
    pub fn backoff(lockout_after: Option<u32>, key: String) -> Self {
        let limit = Limit::Backoff { lockout_after };
        Self { limit, key }
    }
}

/// Result of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The limit allows it; one was acquired.
    Allowed {
        /// Number of further attempts that the limit allows at once; for a backoff, until the lockout.
        remaining: u32,
    },
    /// The limit denies it; nothing was acquired.
    Denied {
        /// Time until it allows the next attempt; `None` if the key is locked out.
        retry_after: Option<Duration>,
    },
}

impl Decision {
    /// Returns `true` if one was acquired.
    pub fn is_allowed(self) -> bool {
        matches!(self, Self::Allowed { .. })
    }
}
