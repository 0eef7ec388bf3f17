//! The ports for time and randomness.

use jiff::Timestamp;

/// Source of the current time.
pub trait Clock: Send + Sync {
    /// Current time, truncated to microseconds, the precision of every store.
    fn now(&self) -> Timestamp;
}

/// Random source.
pub trait RandomSource: Send + Sync {
    /// Fills `bytes` with cryptographically secure random bytes.
    fn fill(&self, bytes: &mut [u8]);
}
