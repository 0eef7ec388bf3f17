//! Errors of Redis, with messages for operators.

use std::sync::Arc;

use redis::{ErrorKind, RedisError};

/// Reason why a call to Redis failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RedisFault {
    /// The URL or the server must be changed.
    #[error("{0}")]
    Unusable(String),
    /// No connection.
    #[error("cannot connect to Redis: {0}")]
    Unreachable(Arc<str>),
    /// No connection or no reply in time.
    #[error("Redis did not reply in time")]
    Timeout,
    /// The server replied with an error, or the connection broke.
    #[error("Redis call failed: {0}")]
    Refused(#[source] RedisError),
    /// A stored value is invalid.
    #[error("Redis contains an invalid value: {0}")]
    InvalidValue(&'static str),
}

impl RedisFault {
    /// Converts an error that happened while connecting.
    pub(crate) fn from_connect(error: RedisError) -> Self {
        match error.kind() {
            _ if error.is_timeout() => Self::Timeout,
            ErrorKind::InvalidClientConfig => Self::Unusable(error.to_string()),
            _ => Self::Unreachable(error.to_string().into()),
        }
    }
}
