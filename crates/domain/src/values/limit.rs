//! Rate limits as values: a budget or a backoff, and the key that it counts under.

use crate::values::{Rate, UserId};

/// The name of the backoff limit.
pub const GUESS: &str = "guess";

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
