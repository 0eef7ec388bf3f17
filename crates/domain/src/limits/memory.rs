//! Rate limit counters of one node, in memory, and the arithmetic.
//!
//! `store-dynamo` uses the same functions. The scripts in `store-redis/src/scripts/` compute the same on Redis; a property
//! test there compares the two.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use quick_cache::unsync::Cache;

use super::{BACKOFF_DELAYS, FAILURE_MEMORY, FAILURE_MEMORY_MAX};
use crate::limits::{Decision, KeyedLimit, Limit, RateLimits};
use crate::store::StoreError;
use crate::values::Rate;

/// Counters of one node. If it is full, the key used least recently and least often is evicted.
pub struct MemoryRateLimits(Mutex<Cache<String, Counter>>);

/// The state of a limit for one key.
#[derive(Debug, Clone, Copy)]
pub enum Counter {
    /// A budget.
    Budget {
        /// When all of it is available again: the theoretical arrival time of GCRA.
        full_at: Timestamp,
    },
    /// A backoff.
    Backoff(Failures),
}

/// Consecutive wrong passwords or codes.
#[derive(Debug, Clone, Copy)]
pub struct Failures {
    /// Their number.
    pub count: u32,
    /// When the last one happened; [`Timestamp::UNIX_EPOCH`] if it was released.
    pub failed_at: Timestamp,
    /// When they are forgotten.
    pub expires_at: Timestamp,
}

impl MemoryRateLimits {
    /// Holds at most `capacity` keys, about 200 bytes each.
    pub fn new(capacity: usize) -> Self {
        Self(Mutex::new(Cache::new(capacity)))
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Returns `true` if there is no key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// See [`RateLimits::acquire`].
    pub(crate) fn acquire_now(&self, limit: &KeyedLimit, now: Timestamp) -> Decision {
        let key = counter_key(limit);
        let mut counters = self.lock();
        match take(&limit.limit, counters.get(&key).copied(), now) {
            Ok((counter, remaining)) => {
                counters.insert(key, counter);
                Decision::Allowed { remaining }
            }
            Err(retry_after) => Decision::Denied { retry_after },
        }
    }

    /// See [`RateLimits::release`].
    pub(crate) fn release_now(&self, limit: &KeyedLimit, now: Timestamp) {
        let key = counter_key(limit);
        let mut counters = self.lock();
        let counter = counters.get(&key).copied();
        match counter.and_then(|counter| restored(&limit.limit, counter, now)) {
            Some(counter) => counters.insert(key, counter),
            None => drop(counters.remove(&key)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Cache<String, Counter>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl RateLimits for MemoryRateLimits {
    async fn acquire(&self, limit: &KeyedLimit, now: Timestamp) -> Result<Decision, StoreError> {
        Ok(self.acquire_now(limit, now))
    }

    async fn release(&self, limit: &KeyedLimit, now: Timestamp) -> Result<(), StoreError> {
        self.release_now(limit, now);
        Ok(())
    }

    async fn clear(&self, limit: &KeyedLimit) -> Result<u32, StoreError> {
        Ok(match self.lock().remove(&counter_key(limit)) {
            Some((_, Counter::Backoff(failures))) => failures.count,
            _ => 0,
        })
    }
}

fn counter_key(limit: &KeyedLimit) -> String {
    format!("{}/{}", limit.limit.name(), limit.key)
}

/// The time between two events of a rate that is used up, to the microsecond.
pub fn interval(rate: Rate) -> Duration {
    let micros = rate.window.as_micros() / u128::from(rate.burst.max(1));
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX).max(1))
}

/// Returns the next state and the number of remaining attempts, or the time to wait. `None` for a lockout.
pub fn take(
    limit: &Limit,
    counter: Option<Counter>,
    now: Timestamp,
) -> Result<(Counter, u32), Option<Duration>> {
    match (limit, counter) {
        (Limit::Budget { rate, .. }, Some(Counter::Budget { full_at })) => {
            take_budget(*rate, full_at, now)
        }
        (Limit::Budget { rate, .. }, _) => take_budget(*rate, now, now),
        (Limit::Backoff { lockout_after }, counter) => {
            let failures = match counter {
                Some(Counter::Backoff(failures)) if failures.expires_at > now => Some(failures),
                _ => None,
            };
            take_backoff(*lockout_after, failures, now)
        }
    }
}

fn take_budget(
    rate: Rate,
    full_at: Timestamp,
    now: Timestamp,
) -> Result<(Counter, u32), Option<Duration>> {
    let (interval, window) = (signed(interval(rate)), signed(rate.window));
    // Later than `now + window` only if the clock was set back since.
    let full_at = full_at.max(now).min(now + window) + interval;
    let left = window - full_at.duration_since(now);
    if left.is_negative() {
        return Err(Some(left.unsigned_abs()));
    }
    let left = u32::try_from(left.as_micros() / interval.as_micros()).unwrap_or(0);
    Ok((Counter::Budget { full_at }, left))
}

fn take_backoff(
    lockout_after: Option<u32>,
    failures: Option<Failures>,
    now: Timestamp,
) -> Result<(Counter, u32), Option<Duration>> {
    let (before, failed_at) = failures.map_or((0, now), |last| (last.count, last.failed_at));
    let lockout_after = lockout_after.unwrap_or(u32::MAX);
    if before >= lockout_after {
        return Err(None);
    }
    // Later than `now` only if the clock was set back since.
    let wait = signed(delay(before)) - now.duration_since(failed_at.min(now));
    if wait.is_positive() {
        return Err(Some(wait.unsigned_abs()));
    }
    let count = before.saturating_add(1);
    let memory = FAILURE_MEMORY.saturating_mul(count).min(FAILURE_MEMORY_MAX);
    let failures = Failures {
        count,
        failed_at: now,
        expires_at: now + signed(memory),
    };
    Ok((Counter::Backoff(failures), lockout_after - count))
}

/// The delay after this many failures.
fn delay(failures: u32) -> Duration {
    let step = BACKOFF_DELAYS.iter().rfind(|(from, _)| failures >= *from);
    step.map_or(Duration::ZERO, |(_, delay)| *delay)
}

/// The state without an attempt that was acquired at `now`; `None` if nothing is left to count. If another attempt
/// has failed since, its delay remains.
pub fn restored(limit: &Limit, counter: Counter, now: Timestamp) -> Option<Counter> {
    match (limit, counter) {
        (Limit::Budget { rate, .. }, Counter::Budget { full_at }) => {
            let full_at = full_at.min(now + signed(rate.window)) - signed(interval(*rate));
            (full_at > now).then_some(Counter::Budget { full_at })
        }
        (_, Counter::Backoff(failures)) if failures.count > 1 => Some(Counter::Backoff(Failures {
            count: failures.count - 1,
            failed_at: match failures.failed_at == now {
                true => Timestamp::UNIX_EPOCH,
                false => failures.failed_at,
            },
            ..failures
        })),
        _ => None,
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + seconds).unwrap()
    }

    fn limits() -> [KeyedLimit; 2] {
        [
            KeyedLimit::budget("test", Rate::new(3, 60), "key".to_owned()),
            KeyedLimit::backoff(Some(100), "ben".to_owned()),
        ]
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_prolong_a_wait() {
        let store = MemoryRateLimits::new(100);
        for (limit, seconds) in limits().iter().zip([20, 1]) {
            for _ in 0..3 {
                assert!(store.acquire_now(limit, at(100_000)).is_allowed());
            }
            let retry_after = Some(Duration::from_secs(seconds));
            let denied = Decision::Denied { retry_after };
            assert_eq!(store.acquire_now(limit, at(0)), denied);
        }
    }

    /// any number of names and addresses does not exceed the capacity.
    #[test]
    fn many_keys_stay_within_bounds() {
        let store = MemoryRateLimits::new(1000);
        for number in 0..100_000 {
            for mut limit in limits() {
                limit.key = format!("{}/{number}", limit.key);
                store.acquire_now(&limit, at(0));
            }
        }
        assert!((1..=1000).contains(&store.len()), "{}", store.len());
    }
}
