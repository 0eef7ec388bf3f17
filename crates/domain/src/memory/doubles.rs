//! A deterministic clock and random source. For tests only: a server must not use them.

use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::clock::{Clock, RandomSource};
use crate::values::Digest;

/// A random source that is deterministic for a seed: a counter through SHA-256.
pub struct SeededRandom(Mutex<(u64, u64)>);

impl SeededRandom {
    /// Creates a source from a seed.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new((seed, 0)))
    }
}

impl RandomSource for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for chunk in bytes.chunks_mut(32) {
            state.1 += 1;
            let block = Digest::of(&[state.0.to_le_bytes(), state.1.to_le_bytes()].concat());
            chunk.copy_from_slice(&block.as_bytes()[..chunk.len()]);
        }
    }
}

/// A clock that moves only when it is advanced.
pub struct SteppedClock(Mutex<Timestamp>);

impl SteppedClock {
    /// Creates a clock that is set to `now`.
    pub fn new(now: Timestamp) -> Self {
        Self(Mutex::new(now))
    }

    /// Advances the clock.
    pub fn advance(&self, by: SignedDuration) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now += by;
    }
}

impl Clock for SteppedClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
