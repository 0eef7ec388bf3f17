//! What goes wrong with Redis, in words for an operator.

use std::sync::Arc;

use redis::{ErrorKind, RedisError, ServerErrorKind};

/// Why Redis did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Fault {
    /// It can be reached and cannot be used, until somebody changes something.
    #[error("{0}")]
    Unfit(String),
    /// There is no way to it now.
    #[error("Redis cannot be reached: {0}")]
    Unreachable(Arc<str>),
    /// It was asked and said nothing for too long.
    #[error("Redis did not answer in time")]
    Silent,
    /// It refused.
    #[error("Redis refused: {0}")]
    Refused(#[source] RedisError),
    /// What it keeps is not what we wrote.
    #[error("Redis holds something that cannot be read: {0}")]
    Nonsense(&'static str),
}

impl Fault {
    /// What an error while connecting means.
    pub(crate) fn connecting(error: &RedisError) -> Self {
        match error.kind() {
            ErrorKind::AuthenticationFailed => Self::Unreachable(
                "it does not take this user name and password: see the URL, and `ACL LIST` there"
                    .into(),
            ),
            ErrorKind::InvalidClientConfig => Self::Unfit(error.to_string()),
            _ => Self::Unreachable(error.to_string().into()),
        }
    }
}

/// Whether the connection that gave this error had better be replaced.
pub(crate) fn spoils_connection(error: &RedisError) -> bool {
    match error.kind() {
        // A primary that has become a replica: the new one is found by connecting anew.
        ErrorKind::Server(ServerErrorKind::ReadOnly) => true,
        ErrorKind::Io => true,
        _ => error.is_unrecoverable_error(),
    }
}
