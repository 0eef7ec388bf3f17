//! Rate limits: no more than the limit, however many attempts run in parallel.

use std::sync::Arc;
use std::time::Duration;

use doorward_domain::limits::Rate;
use doorward_domain::ports::{Decision, KeyedLimit, RateLimits};
use jiff::{SignedDuration, Timestamp};

use super::race;
use crate::fixtures;

/// One attempt becomes available every twenty minutes.
const RATE: Rate = Rate::new(3, 3600);

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

fn allowed(remaining: &[u32]) -> Decision {
    Decision::Allowed {
        remaining: remaining.to_vec(),
    }
}

fn denied(index: usize, seconds: u64) -> Decision {
    Decision::Denied {
        index,
        retry_after: Some(Duration::from_secs(seconds)),
    }
}

async fn acquire(port: &Arc<dyn RateLimits>, limits: &[KeyedLimit], seconds: i64) -> Decision {
    port.acquire(limits, at(seconds)).await.unwrap()
}

/// Records this many failures, far enough apart that none is delayed.
async fn fail(port: &Arc<dyn RateLimits>, limit: &KeyedLimit, times: u32) -> i64 {
    let mut seconds = 0;
    for number in 1..=times {
        let decision = acquire(port, std::slice::from_ref(limit), seconds).await;
        assert_eq!(decision, allowed(&[100 - number]), "attempt {number}");
        seconds += 10;
    }
    seconds
}

pub async fn a_budget_is_used_up_and_refills_gradually(port: Arc<dyn RateLimits>) {
    let limit = [budget(3)];
    let acquire = async |seconds| acquire(&port, &limit, seconds).await;
    for remaining in [2, 1, 0] {
        assert_eq!(acquire(0).await, allowed(&[remaining]));
    }
    assert_eq!(acquire(0).await, denied(0, 1200));
    assert_eq!(acquire(600).await, denied(0, 600));
    assert_eq!(acquire(1200).await, allowed(&[0]));
    assert_eq!(acquire(1200).await, denied(0, 1200));
    assert_eq!(acquire(9000).await, allowed(&[2]));
}

pub async fn two_hundred_parallel_attempts_get_exactly_the_burst(port: Arc<dyn RateLimits>) {
    let both = [budget(30), budget(17)];
    let decisions = race(200, |_| {
        let (port, limits) = (port.clone(), both.clone());
        async move { port.acquire(&limits, at(0)).await.unwrap() }
    });
    let is_allowed = |decision: &Decision| matches!(decision, Decision::Allowed { .. });
    let decisions = decisions.await;
    assert_eq!(decisions.into_iter().filter(is_allowed).count(), 17);
    // An attempt that the second limit denied is not counted by the first.
    assert_eq!(acquire(&port, &both[..1], 0).await, allowed(&[12]));
}

pub async fn a_denial_takes_nothing(port: Arc<dyn RateLimits>) {
    let all = [budget(3), budget(1), backoff()];
    assert_eq!(acquire(&port, &all, 0).await, allowed(&[2, 0, 99]));
    for _ in 0..10 {
        assert_eq!(acquire(&port, &all, 0).await, denied(1, 3600));
    }
    assert_eq!(acquire(&port, &all[..1], 0).await, allowed(&[1]));
    assert_eq!(acquire(&port, &all[2..], 0).await, allowed(&[98]));
}

pub async fn what_is_released_does_not_count(port: Arc<dyn RateLimits>) {
    let both = [budget(3), backoff()];
    for _ in 0..200 {
        assert_eq!(acquire(&port, &both, 0).await, allowed(&[2, 99]));
        port.release(&both, at(0)).await.unwrap();
    }
    // Releasing more than was acquired is no credit.
    port.release(&both, at(0)).await.unwrap();
    assert_eq!(acquire(&port, &both, 0).await, allowed(&[2, 99]));
    // The last of a hundred failures is released: one more attempt, then the lockout.
    let limit = backoff();
    let seconds = fail(&port, &limit, 99).await;
    let last = [limit];
    assert_eq!(acquire(&port, &last, seconds).await, allowed(&[0]));
    port.release(&last, at(seconds)).await.unwrap();
    assert_eq!(acquire(&port, &last, seconds).await, allowed(&[0]));
    let locked_out = Decision::Denied {
        index: 0,
        retry_after: None,
    };
    assert_eq!(acquire(&port, &last, seconds + 10).await, locked_out);
}

pub async fn limits_and_keys_are_independent(port: Arc<dyn RateLimits>) {
    let first = budget(1);
    let other_key = budget(1);
    let other_name = KeyedLimit::budget("other", Rate { burst: 1, ..RATE }, first.key.clone());
    let backoff = KeyedLimit::backoff(None, first.key.clone());
    assert_eq!(
        acquire(&port, std::slice::from_ref(&first), 0).await,
        allowed(&[0])
    );
    assert_eq!(acquire(&port, &[first], 0).await, denied(0, 3600));
    for limit in [other_key, other_name] {
        assert_eq!(acquire(&port, &[limit], 0).await, allowed(&[0]));
    }
    let unlimited = allowed(&[u32::MAX - 1]);
    assert_eq!(acquire(&port, &[backoff], 0).await, unlimited);
}

/// 1 s after 3 failures, 3 s after 9, 5 s after 25, 10 s after 50; a success clears them.
pub async fn failures_delay_the_next_attempt(port: Arc<dyn RateLimits>) {
    for (failures, delay) in [(3, 1), (8, 1), (9, 3), (25, 5), (50, 10), (99, 10)] {
        let limit = backoff();
        let last = fail(&port, &limit, failures).await - 10;
        let limit = [limit];
        assert_eq!(acquire(&port, &limit, last).await, denied(0, delay));
        port.clear(&limit).await.unwrap();
        for remaining in [99, 98, 97] {
            assert_eq!(acquire(&port, &limit, last).await, allowed(&[remaining]));
        }
        assert_eq!(acquire(&port, &limit, last).await, denied(0, 1));
    }
}

/// expired windows re-arm.
pub async fn failures_are_forgotten_after_a_while(port: Arc<dyn RateLimits>) {
    let limit = backoff();
    fail(&port, &limit, 3).await;
    let day = 24 * 3600;
    assert_eq!(acquire(&port, &[limit], day).await, allowed(&[99]));
}

pub async fn the_hundredth_failure_locks_out(port: Arc<dyn RateLimits>) {
    let limit = backoff();
    fail(&port, &limit, 100).await;
    let locked_out = Decision::Denied {
        index: 0,
        retry_after: None,
    };
    let limit = [limit];
    for days in [1, 10, 24] {
        let decision = acquire(&port, &limit, days * 24 * 3600).await;
        assert_eq!(decision, locked_out, "after {days} days");
    }
    port.clear(&limit).await.unwrap();
    assert_eq!(acquire(&port, &limit, 2000).await, allowed(&[99]));
}

pub async fn two_hundred_parallel_failures_count(port: Arc<dyn RateLimits>) {
    let limit = backoff();
    let seconds = fail(&port, &limit, 99).await;
    let decisions = race(200, |_| {
        let (port, limit) = (port.clone(), [limit.clone()]);
        async move { acquire(&port, &limit, seconds).await }
    });
    let decisions = decisions.await;
    let is_allowed = |decision: &Decision| *decision == allowed(&[0]);
    assert_eq!(decisions.into_iter().filter(is_allowed).count(), 1);
}

pub async fn any_text_is_a_key(port: Arc<dyn RateLimits>) {
    for key in ["", "{a}b", "a b\r\n", "grün 🌿", &"long ".repeat(20_000)] {
        let limits = [
            KeyedLimit::budget("test", RATE, key.to_owned()),
            KeyedLimit::backoff(Some(100), key.to_owned()),
        ];
        assert_eq!(acquire(&port, &limits, 0).await, allowed(&[2, 99]));
        port.release(&limits, at(0)).await.unwrap();
        port.clear(&limits).await.unwrap();
    }
}
