//! Throttles: how often is too often.
//!
//! Budgets are leaky buckets counted by the generic cell rate algorithm (GCRA): one time stamp a
//! key, so that the same arithmetic runs here and in one script on Redis. Guesses at a password
//! are counted by account, and slow down with every failure. Both tables are bounded: what was
//! used least lately and least often is forgotten first. `fallback` puts two of them together.

mod fallback;

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use quick_cache::sync::Cache;

use crate::ports::{Allowance, Budget, StoreError, Throttle};

pub use fallback::FallbackThrottle;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Sign-ins and password changes from one network address.
pub const SIGN_IN: Budget = Budget {
    name: "sign-in",
    burst: 30,
    window: MINUTE,
};
/// Sign-ups from one network address.
pub const SIGN_UP: Budget = Budget {
    name: "sign-up",
    burst: 20,
    window: HOUR,
};
/// Mails asked for from one network address.
pub const MAIL_REQUEST: Budget = Budget {
    name: "mail-request",
    burst: 20,
    window: HOUR,
};
/// Links tried from one network address.
pub const LINK: Budget = Budget {
    name: "link",
    burst: 10,
    window: MINUTE,
};
/// Renewals and audience tokens from one network address.
pub const TOKEN: Budget = Budget {
    name: "token",
    burst: 120,
    window: MINUTE,
};
/// Mails to one mailbox, in the long run.
pub const MAILBOX: Budget = Budget {
    name: "mailbox",
    burst: 3,
    window: HOUR,
};
/// Mails to one mailbox, in a row.
pub const MAILBOX_PAUSE: Budget = Budget {
    name: "mailbox-pause",
    burst: 1,
    window: Duration::from_secs(180),
};

/// Every budget there is.
pub const BUDGETS: [&Budget; 7] = [
    &SIGN_IN,
    &SIGN_UP,
    &MAIL_REQUEST,
    &LINK,
    &TOKEN,
    &MAILBOX,
    &MAILBOX_PAUSE,
];
/// What the pauses after wrong guesses are called beside the budgets.
pub const GUESS: &str = "guess";

/// After so many wrong guesses in a row, so many seconds between two tries.
const DELAYS: [(u32, u64); 4] = [(3, 1), (9, 3), (25, 5), (50, 10)];
/// From so many wrong guesses on, one try an hour, until the password is recovered by mail or they
/// are forgotten: in memory when the process ends, on Redis 25 to 30 days after the last of them.
const STOP: (u32, u64) = (100, 3600);

/// The key of a network address: IPv6 by the /64 that one customer has.
pub fn address_key(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => v4.to_string(),
            None => {
                let [a, b, c, d, ..] = v6.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
        },
    }
}

/// Throttles of one node, in its memory.
pub struct MemoryThrottle {
    arrivals: Cache<String, Timestamp>,
    guesses: Cache<String, Guesses>,
}

#[derive(Debug, Clone, Copy)]
struct Guesses {
    count: u32,
    next_at: Timestamp,
}

impl MemoryThrottle {
    /// Keeps at most `capacity` keys of each table, some 200 bytes a key.
    pub fn new(capacity: usize) -> Self {
        Self {
            arrivals: Cache::new(capacity),
            guesses: Cache::new(capacity),
        }
    }
}

#[async_trait]
impl Throttle for MemoryThrottle {
    async fn take(
        &self,
        budget: &Budget,
        key: &str,
        now: Timestamp,
    ) -> Result<Allowance, StoreError> {
        let key = format!("{}/{key}", budget.name);
        let mut answer = Allowance::Allowed { remaining: 0 };
        // The whole decision happens under the entry's lock, so that two takes cannot both have
        // the last one.
        let decide = |kept: Option<Timestamp>| {
            let (allowance, next) = gcra(budget, kept, now);
            answer = allowance;
            next
        };
        update(&self.arrivals, &key, decide);
        Ok(answer)
    }

    async fn reserve_guess(&self, key: &str, now: Timestamp) -> Result<Allowance, StoreError> {
        let mut answer = Allowance::Allowed { remaining: 0 };
        let decide = |kept: Option<Guesses>| {
            let (allowance, next) = guess(kept, now);
            answer = allowance;
            next
        };
        update(&self.guesses, key, decide);
        Ok(answer)
    }

    async fn release_guess(&self, key: &str, now: Timestamp) -> Result<(), StoreError> {
        let given_back = |kept: Option<Guesses>| Guesses {
            count: kept.map_or(0, |kept| kept.count.saturating_sub(1)),
            next_at: now,
        };
        update(&self.guesses, key, given_back);
        Ok(())
    }

    async fn clear_guesses(&self, key: &str) -> Result<(), StoreError> {
        self.guesses.remove(key);
        Ok(())
    }
}

/// Replaces an entry by what `decide` makes of it, in one step.
fn update<V: Clone>(cache: &Cache<String, V>, key: &str, mut decide: impl FnMut(Option<V>) -> V) {
    use quick_cache::sync::EntryAction;
    let outcome = cache.entry(key, None, |_, kept| {
        *kept = decide(Some(kept.clone()));
        EntryAction::Retain(())
    });
    if let quick_cache::sync::EntryResult::Vacant(guard) = outcome {
        let _ = guard.insert(decide(None));
    }
}

/// How far apart a budget's tries come back, to the microsecond.
pub fn spacing(budget: &Budget) -> Duration {
    let micros = budget.window.as_micros() / u128::from(budget.burst.max(1));
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX).max(1))
}

/// From how many wrong guesses on which pause follows each, fewest first.
pub fn pauses() -> impl Iterator<Item = (u32, Duration)> {
    let all = DELAYS.into_iter().chain([STOP]);
    all.map(|(failures, seconds)| (failures, Duration::from_secs(seconds)))
}

fn pause(failures: u32) -> SignedDuration {
    let longest = pauses().filter(|(from, _)| failures >= *from).last();
    longest.map_or(SignedDuration::ZERO, |(_, pause)| signed(pause))
}

/// The generic cell rate algorithm: `kept` is when the bucket would be empty again. One that would be
/// fuller than full was written before the clock was put back.
fn gcra(budget: &Budget, kept: Option<Timestamp>, now: Timestamp) -> (Allowance, Timestamp) {
    let (spacing, window) = (signed(spacing(budget)), signed(budget.window));
    let empty_at = kept.unwrap_or(now).max(now).min(now + window);
    let next = empty_at + spacing;
    let over = next.duration_since(now) - window;
    if over.is_positive() {
        let retry_after = Duration::try_from(over).unwrap_or_default();
        return (Allowance::Denied { retry_after }, kept.unwrap_or(now));
    }
    let remaining = u32::try_from((-over).as_micros() / spacing.as_micros()).unwrap_or(0);
    (Allowance::Allowed { remaining }, next)
}

fn guess(kept: Option<Guesses>, now: Timestamp) -> (Allowance, Guesses) {
    let before = kept.unwrap_or(Guesses {
        count: 0,
        next_at: now,
    });
    // Further off than its pause: the clock was put back since.
    let next_at = before.next_at.min(now + pause(before.count));
    if next_at > now {
        let retry_after = Duration::try_from(next_at.duration_since(now)).unwrap_or_default();
        return (Allowance::Denied { retry_after }, before);
    }
    let count = before.count.saturating_add(1);
    let next = Guesses {
        count,
        next_at: now + pause(count),
    };
    (Allowance::Allowed { remaining: 0 }, next)
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: Budget = Budget {
        name: "test",
        burst: 3,
        window: MINUTE,
    };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + seconds).unwrap()
    }

    async fn takes(throttle: &MemoryThrottle, now: Timestamp) -> Allowance {
        throttle.take(&BUDGET, "key", now).await.unwrap()
    }

    #[tokio::test]
    async fn a_budget_is_used_up_and_comes_back_bit_by_bit() {
        let throttle = MemoryThrottle::new(100);
        for remaining in [2, 1, 0] {
            assert_eq!(
                takes(&throttle, at(0)).await,
                Allowance::Allowed { remaining }
            );
        }
        let denied = |seconds| Allowance::Denied {
            retry_after: Duration::from_secs(seconds),
        };
        assert_eq!(takes(&throttle, at(0)).await, denied(20));
        assert_eq!(takes(&throttle, at(19)).await, denied(1));
        assert_eq!(
            takes(&throttle, at(20)).await,
            Allowance::Allowed { remaining: 0 }
        );
        assert_eq!(takes(&throttle, at(21)).await, denied(19));
        assert_eq!(
            takes(&throttle, at(1000)).await,
            Allowance::Allowed { remaining: 2 }
        );
    }

    #[tokio::test]
    async fn guesses_slow_down_and_a_right_one_forgets() {
        let throttle = MemoryThrottle::new(100);
        let guess = async |now| throttle.reserve_guess("ben", now).await.unwrap();
        let allowed = Allowance::Allowed { remaining: 0 };
        for _ in 0..3 {
            assert_eq!(guess(at(0)).await, allowed);
        }
        let one_second = Allowance::Denied {
            retry_after: Duration::from_secs(1),
        };
        assert_eq!(guess(at(0)).await, one_second);
        assert_eq!(guess(at(1)).await, allowed);
        throttle.clear_guesses("ben").await.unwrap();
        assert_eq!(guess(at(1)).await, allowed);
    }

    #[tokio::test]
    async fn a_guess_that_was_never_looked_at_does_not_count() {
        let throttle = MemoryThrottle::new(100);
        for _ in 0..200 {
            let allowance = throttle.reserve_guess("ben", at(0)).await.unwrap();
            assert_eq!(allowance, Allowance::Allowed { remaining: 0 });
            throttle.release_guess("ben", at(0)).await.unwrap();
        }
    }

    #[tokio::test]
    async fn the_hundredth_guess_stops_the_guessing() {
        let throttle = MemoryThrottle::new(100);
        let mut now = at(0);
        for _ in 0..100 {
            assert_eq!(
                throttle.reserve_guess("ben", now).await.unwrap(),
                Allowance::Allowed { remaining: 0 }
            );
            now += SignedDuration::from_secs(10);
        }
        assert!(matches!(
            throttle.reserve_guess("ben", now).await.unwrap(),
            Allowance::Denied { .. }
        ));
    }

    #[tokio::test]
    async fn a_clock_that_is_put_back_locks_nobody_out_for_long() {
        let throttle = MemoryThrottle::new(100);
        for _ in 0..3 {
            takes(&throttle, at(100_000)).await;
            throttle.reserve_guess("ben", at(100_000)).await.unwrap();
        }
        let wait = Duration::from_secs(20);
        let denied = Allowance::Denied { retry_after: wait };
        assert_eq!(takes(&throttle, at(0)).await, denied);
        let guessed = throttle.reserve_guess("ben", at(0)).await.unwrap();
        let retry_after = Duration::from_secs(1);
        assert_eq!(guessed, Allowance::Denied { retry_after });
    }

    #[test]
    fn one_customer_one_key() {
        for (address, key) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ] {
            assert_eq!(address_key(address.parse().unwrap()), key);
        }
    }
}
