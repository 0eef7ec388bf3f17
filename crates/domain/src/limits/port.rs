//! The port of the counters of rate limits.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::store::StoreError;
use crate::values::KeyedLimit;

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
