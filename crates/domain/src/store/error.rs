//! Errors of stores.

use std::borrow::Cow;

/// A store did not respond, or its response cannot be read.
///
/// Nothing was changed, unless [`is_outcome_unknown`](Self::is_outcome_unknown) is set.
#[derive(Debug, thiserror::Error)]
#[error("store unavailable: {operation}")]
pub struct StoreError {
    /// The operation that failed, for the log.
    pub operation: Cow<'static, str>,
    /// The underlying error.
    #[source]
    pub cause: Box<dyn std::error::Error + Send + Sync>,
    /// `true` if the write may have been committed.
    pub is_outcome_unknown: bool,
}

impl StoreError {
    /// Wraps a driver's error with the name of the operation.
    pub fn new(
        operation: impl Into<Cow<'static, str>>,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            operation: operation.into(),
            cause: cause.into(),
            is_outcome_unknown: false,
        }
    }

    /// Wraps the error of a write that was sent but not confirmed.
    pub fn outcome_unknown(
        operation: impl Into<Cow<'static, str>>,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            is_outcome_unknown: true,
            ..Self::new(operation, cause)
        }
    }

    /// This error with the name of a larger operation.
    #[must_use]
    pub fn during(self, operation: String) -> Self {
        Self {
            operation: operation.into(),
            ..self
        }
    }
}

/// Why a batch was not applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Another row has the same value in this unique column, or the same key.
    #[error("taken: {0}")]
    Taken(&'static str),
    /// A stored row is not as a write expects: read it again and retry.
    #[error("stale")]
    Stale,
    /// The batch has more writes than [`Limits`](super::Limits) allow. Nothing was sent.
    #[error("the batch is too large")]
    TooLarge,
    /// The store did not respond, and nothing was changed.
    #[error(transparent)]
    Store(StoreError),
    /// The commit was sent but not confirmed: all writes were applied, or none.
    #[error("outcome unknown: {0}")]
    OutcomeUnknown(#[source] StoreError),
}

impl From<StoreError> for ApplyError {
    fn from(error: StoreError) -> Self {
        match error.is_outcome_unknown {
            true => Self::OutcomeUnknown(error),
            false => Self::Store(error),
        }
    }
}
