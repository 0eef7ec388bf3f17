//! Rate limits: no more than the limit, however many attempts run in parallel.

use std::sync::Arc;
use std::time::Duration;

use doorward_domain::limits::{Decision, KeyedLimit, RateLimits};
use doorward_domain::values::Rate;
use jiff::{SignedDuration, Timestamp};

use super::race;
use crate::fixtures;

/// One attempt becomes available every twenty minutes.
const RATE: Rate = Rate::new(3, 3600);

const LOCKED_OUT: Decision = Decision::Denied { retry_after: None };

fn at(seconds: i64) -> Timestamp {
    fixtures::now() + SignedDuration::from_secs(seconds)
}

fn key() -> String {
    format!("key-{}", fixtures::unique())
}

fn budget(burst: u32) -> KeyedLimit {
    KeyedLimit::budget("test", Rate { burst, ..RATE }, key())
}

fn backoff() -> KeyedLimit {
    KeyedLimit::backoff(Some(100), key())
}

fn allowed(remaining: u32) -> Decision {
    Decision::Allowed { remaining }
}

fn denied(seconds: u64) -> Decision {
    let retry_after = Some(Duration::from_secs(seconds));
    Decision::Denied { retry_after }
}

async fn acquire(port: &Arc<dyn RateLimits>, limit: &KeyedLimit, seconds: i64) -> Decision {
    port.acquire(limit, at(seconds)).await.unwrap()
}

async fn release(port: &Arc<dyn RateLimits>, limit: &KeyedLimit, seconds: i64) {
    port.release(limit, at(seconds)).await.unwrap();
}

/// Records this many failures, far enough apart that none is delayed.
async fn fail(port: &Arc<dyn RateLimits>, limit: &KeyedLimit, times: u32) -> i64 {
    let mut seconds = 0;
    for number in 1..=times {
        let decision = acquire(port, limit, seconds).await;
        assert_eq!(decision, allowed(100 - number), "attempt {number}");
        seconds += 10;
    }
    seconds
}

/// The decisions of 200 parallel attempts.
async fn acquire_in_parallel(
    port: &Arc<dyn RateLimits>,
    limit: &KeyedLimit,
    seconds: i64,
) -> Vec<Decision> {
    let attempts = race(200, |_| {
        let (port, limit) = (port.clone(), limit.clone());
        async move { acquire(&port, &limit, seconds).await }
    });
    attempts.await
}

pub async fn a_budget_is_used_up_and_refills_gradually(port: Arc<dyn RateLimits>) {
    let limit = budget(3);
    let acquire = async |seconds| acquire(&port, &limit, seconds).await;
    for remaining in [2, 1, 0] {
        assert_eq!(acquire(0).await, allowed(remaining));
    }
    assert_eq!(acquire(0).await, denied(1200));
    assert_eq!(acquire(600).await, denied(600));
    assert_eq!(acquire(1200).await, allowed(0));
    assert_eq!(acquire(1200).await, denied(1200));
    assert_eq!(acquire(9000).await, allowed(2));
}

pub async fn two_hundred_parallel_attempts_get_exactly_the_burst(port: Arc<dyn RateLimits>) {
    let limit = budget(17);
    let decisions = acquire_in_parallel(&port, &limit, 0).await;
    let allowed = decisions.iter().filter(|decision| decision.is_allowed());
    assert_eq!(allowed.count(), 17);
}

pub async fn a_denial_uses_up_nothing(port: Arc<dyn RateLimits>) {
    let budget = budget(1);
    assert_eq!(acquire(&port, &budget, 0).await, allowed(0));
    let backoff = backoff();
    let last = fail(&port, &backoff, 3).await - 10;
    for _ in 0..10 {
        assert_eq!(acquire(&port, &budget, 0).await, denied(3600));
        assert_eq!(acquire(&port, &backoff, last).await, denied(1));
    }
    assert_eq!(acquire(&port, &budget, 3600).await, allowed(0));
    assert_eq!(acquire(&port, &backoff, last + 1).await, allowed(96));
}

pub async fn what_is_released_does_not_count(port: Arc<dyn RateLimits>) {
    for (limit, remaining) in [(budget(3), 2), (backoff(), 99)] {
        for _ in 0..200 {
            assert_eq!(acquire(&port, &limit, 0).await, allowed(remaining));
            release(&port, &limit, 0).await;
        }
        // Releasing more than was acquired is no credit.
        release(&port, &limit, 0).await;
        assert_eq!(acquire(&port, &limit, 0).await, allowed(remaining));
    }
    // The last of a hundred failures is released: one more attempt, then the lockout.
    let limit = backoff();
    let seconds = fail(&port, &limit, 99).await;
    assert_eq!(acquire(&port, &limit, seconds).await, allowed(0));
    release(&port, &limit, seconds).await;
    assert_eq!(acquire(&port, &limit, seconds).await, allowed(0));
    assert_eq!(acquire(&port, &limit, seconds + 10).await, LOCKED_OUT);
}

/// otherwise requests that another limit denies would end the delays after wrong passwords.
pub async fn a_release_keeps_the_delay_of_a_later_attempt(port: Arc<dyn RateLimits>) {
    let limit = backoff();
    let first = fail(&port, &limit, 3).await;
    assert_eq!(acquire(&port, &limit, first).await, allowed(96));
    assert_eq!(acquire(&port, &limit, first + 5).await, allowed(95));
    release(&port, &limit, first).await;
    assert_eq!(acquire(&port, &limit, first + 5).await, denied(1));
    assert_eq!(acquire(&port, &limit, first + 6).await, allowed(95));
}

/// parallel requests that are released leave the whole limit.
pub async fn two_hundred_parallel_releases_leave_nothing(port: Arc<dyn RateLimits>) {
    for (limit, remaining) in [(budget(17), 16), (backoff(), 99)] {
        let attempts = race(200, |_| {
            let (port, limit) = (port.clone(), limit.clone());
            async move {
                if acquire(&port, &limit, 0).await.is_allowed() {
                    release(&port, &limit, 0).await;
                }
            }
        });
        attempts.await;
        assert_eq!(acquire(&port, &limit, 0).await, allowed(remaining));
    }
}

pub async fn limits_and_keys_are_independent(port: Arc<dyn RateLimits>) {
    let first = budget(1);
    assert_eq!(acquire(&port, &first, 0).await, allowed(0));
    assert_eq!(acquire(&port, &first, 0).await, denied(3600));
    let other_name = KeyedLimit::budget("other", Rate { burst: 1, ..RATE }, first.key.clone());
    for limit in [budget(1), other_name] {
        assert_eq!(acquire(&port, &limit, 0).await, allowed(0));
    }
    let backoff = KeyedLimit::backoff(None, first.key);
    let unlimited = allowed(u32::MAX - 1);
    assert_eq!(acquire(&port, &backoff, 0).await, unlimited);
}

/// 1 s after 3 failures, 3 s after 9, 5 s after 25, 10 s after 50; a success clears them.
pub async fn failures_delay_the_next_attempt(port: Arc<dyn RateLimits>) {
    for (failures, delay) in [(3, 1), (8, 1), (9, 3), (25, 5), (50, 10), (99, 10)] {
        let limit = backoff();
        let last = fail(&port, &limit, failures).await - 10;
        assert_eq!(acquire(&port, &limit, last).await, denied(delay));
        port.clear(&limit).await.unwrap();
        for remaining in [99, 98, 97] {
            assert_eq!(acquire(&port, &limit, last).await, allowed(remaining));
        }
        assert_eq!(acquire(&port, &limit, last).await, denied(1));
    }
}

/// expired windows re-arm.
pub async fn failures_are_forgotten_after_a_while(port: Arc<dyn RateLimits>) {
    let limit = backoff();
    fail(&port, &limit, 3).await;
    let day = 24 * 3600;
    assert_eq!(acquire(&port, &limit, day).await, allowed(99));
}

pub async fn the_hundredth_failure_locks_out(port: Arc<dyn RateLimits>) {
    let limit = backoff();
    fail(&port, &limit, 100).await;
    for days in [1, 10, 24] {
        let decision = acquire(&port, &limit, days * 24 * 3600).await;
        assert_eq!(decision, LOCKED_OUT, "after {days} days");
    }
    port.clear(&limit).await.unwrap();
    assert_eq!(acquire(&port, &limit, 2000).await, allowed(99));
}

pub async fn two_hundred_parallel_failures_count(port: Arc<dyn RateLimits>) {
    let limit = backoff();
    let seconds = fail(&port, &limit, 99).await;
    let decisions = acquire_in_parallel(&port, &limit, seconds).await;
    let allowed = decisions.iter().filter(|decision| decision.is_allowed());
    assert_eq!(allowed.count(), 1);
}

pub async fn any_text_is_a_key(port: Arc<dyn RateLimits>) {
    for key in ["", "{a}b", "a b\r\n", "grün 🌿", &"long ".repeat(20_000)] {
        for (limit, remaining) in [
            (KeyedLimit::budget("test", RATE, key.to_owned()), 2),
            (KeyedLimit::backoff(Some(100), key.to_owned()), 99),
        ] {
            assert_eq!(acquire(&port, &limit, 0).await, allowed(remaining));
            release(&port, &limit, 0).await;
            port.clear(&limit).await.unwrap();
        }
    }
}
