//! Throttles of one node, in its memory, and the arithmetic that those on Redis share.
//!
//! Both tables are bounded: what was used least lately and least often is forgotten first.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use quick_cache::unsync::Cache;

use super::ladder::Ladder;
use crate::ports::{Allowance, Budget, Charge, Counted, StoreError, Throttle};

/// Throttles of one node, in its memory.
pub struct MemoryThrottle(Mutex<Tables>);

struct Tables {
    /// When each bucket is empty again.
    buckets: Cache<String, Timestamp>,
    guesses: Cache<String, Guesses>,
}

#[derive(Debug, Clone, Copy)]
struct Guesses {
    count: u32,
    next_at: Timestamp,
    forget_at: Timestamp,
}

/// What is written down once all charges are allowed.
enum Entry {
    Bucket(String, Timestamp),
    Guess(String, Guesses),
}

impl MemoryThrottle {
    /// Keeps at most `capacity` keys of each table, some 200 bytes a key.
    pub fn new(capacity: usize) -> Self {
        Self(Mutex::new(Tables {
            buckets: Cache::new(capacity),
            guesses: Cache::new(capacity),
        }))
    }

    /// How many keys are kept.
    pub fn len(&self) -> usize {
        self.with(|tables| tables.buckets.len() + tables.guesses.len())
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes all or none. The whole decision happens under one lock, so that two cannot both have the
    /// last one; it takes a microsecond, and what it guards costs a hash or a mail.
    pub(crate) fn take_now(&self, charges: &[Charge], now: Timestamp) -> Vec<Allowance> {
        self.with(|tables| {
            let (answers, entries): (Vec<_>, Vec<_>) = charges
                .iter()
                .map(|charge| tables.decide(charge, now))
                .unzip();
            let is_denied = |answer: &Allowance| matches!(answer, Allowance::Denied { .. });
            if !answers.iter().any(is_denied) {
                entries.into_iter().for_each(|entry| tables.write(entry));
            }
            answers
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Tables) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Throttle for MemoryThrottle {
    async fn take(&self, charges: &[Charge], now: Timestamp) -> Result<Vec<Allowance>, StoreError> {
        Ok(self.take_now(charges, now))
    }

    async fn give_back(&self, charges: &[Charge], now: Timestamp) -> Result<(), StoreError> {
        self.with(|tables| {
            for charge in charges {
                match &charge.counted {
                    Counted::Budget(budget) => tables.refill(budget, &charge.key, now),
                    Counted::Guess(_) => tables.take_back(&charge.key, now),
                }
            }
        });
        Ok(())
    }

    async fn clear(&self, charges: &[Charge], now: Timestamp) -> Result<(), StoreError> {
        self.with(|tables| {
            for charge in charges {
                match &charge.counted {
                    Counted::Budget(budget) => tables.refill(budget, &charge.key, now),
                    Counted::Guess(_) => drop(tables.guesses.remove(&charge.key)),
                }
            }
        });
        Ok(())
    }
}

impl Tables {
    fn decide(&self, charge: &Charge, now: Timestamp) -> (Allowance, Entry) {
        match &charge.counted {
            Counted::Budget(budget) => {
                let key = bucket_key(budget, &charge.key);
                let (answer, next) = gcra(budget, self.buckets.get(&key).copied(), now);
                (answer, Entry::Bucket(key, next))
            }
            Counted::Guess(ladder) => {
                let kept = self.guesses.get(&charge.key).copied();
                let (answer, next) = guess(ladder, kept, now);
                (answer, Entry::Guess(charge.key.clone(), next))
            }
        }
    }

    fn write(&mut self, entry: Entry) {
        match entry {
            Entry::Bucket(key, next) => self.buckets.insert(key, next),
            Entry::Guess(key, next) => self.guesses.insert(key, next),
        }
    }

    fn refill(&mut self, budget: &Budget, key: &str, now: Timestamp) {
        let key = bucket_key(budget, key);
        let Some(kept) = self.buckets.get(&key).copied() else {
            return;
        };
        let next = kept.min(now + signed(budget.window)) - signed(spacing(budget));
        match next > now {
            true => self.buckets.insert(key, next),
            false => drop(self.buckets.remove(&key)),
        }
    }

    fn take_back(&mut self, key: &str, now: Timestamp) {
        let Some(kept) = self.guesses.get(key).copied() else {
            return;
        };
        match kept.count {
            0 | 1 => drop(self.guesses.remove(key)),
            count => self.guesses.insert(
                key.to_owned(),
                Guesses {
                    count: count - 1,
                    next_at: now,
                    ..kept
                },
            ),
        }
    }
}

fn bucket_key(budget: &Budget, key: &str) -> String {
    format!("{}/{key}", budget.name)
}

/// How far apart a budget's tries come back, to the microsecond.
pub fn spacing(budget: &Budget) -> Duration {
    let micros = budget.window.as_micros() / u128::from(budget.burst.max(1));
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX).max(1))
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

fn guess(ladder: &Ladder, kept: Option<Guesses>, now: Timestamp) -> (Allowance, Guesses) {
    let before = kept.filter(|kept| kept.forget_at > now).unwrap_or(Guesses {
        count: 0,
        next_at: now,
        forget_at: now,
    });
    // Further off than its pause: the clock was put back since.
    let next_at = before.next_at.min(now + signed(ladder.pause(before.count)));
    if next_at > now {
        let retry_after = Duration::try_from(next_at.duration_since(now)).unwrap_or_default();
        return (Allowance::Denied { retry_after }, before);
    }
    let count = before.count.saturating_add(1);
    let next = Guesses {
        count,
        next_at: now + signed(ladder.pause(count)),
        forget_at: now + signed(ladder.memory(count)),
    };
    let remaining = ladder.remaining(count);
    (Allowance::Allowed { remaining }, next)
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::throttle::Limits;

    const BUDGET: Budget = Budget {
        name: "test",
        burst: 3,
        window: Duration::from_secs(60),
    };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + seconds).unwrap()
    }

    fn taken(throttle: &MemoryThrottle, charge: &Charge, now: Timestamp) -> Allowance {
        throttle.take_now(std::slice::from_ref(charge), now)[0]
    }

    fn denied(seconds: u64) -> Allowance {
        Allowance::Denied {
            retry_after: Duration::from_secs(seconds),
        }
    }

    const ALLOWED: Allowance = Allowance::Allowed { remaining: 0 };

    fn guess_at(name: &str) -> Charge {
        Charge::guess(&Arc::new(Limits::default().slowing()), name.to_owned())
    }

    /// expired windows re-arm, bit by bit.
    #[test]
    fn a_budget_is_used_up_and_comes_back_bit_by_bit() {
        let throttle = MemoryThrottle::new(100);
        let charge = Charge::budget(BUDGET, "key".to_owned());
        let takes = |seconds| taken(&throttle, &charge, at(seconds));
        for remaining in [2, 1, 0] {
            assert_eq!(takes(0), Allowance::Allowed { remaining });
        }
        assert_eq!(takes(0), denied(20));
        assert_eq!(takes(19), denied(1));
        assert_eq!(takes(20), ALLOWED);
        assert_eq!(takes(21), denied(19));
        assert_eq!(takes(1000), Allowance::Allowed { remaining: 2 });
    }

    /// a right guess forgets the failures; and they are forgotten by themselves after a while.
    #[test]
    fn guesses_slow_down_and_are_forgotten_in_the_end() {
        let throttle = MemoryThrottle::new(100);
        let ben = guess_at("ben");
        let guess = |seconds| taken(&throttle, &ben, at(seconds));
        for remaining in [99, 98, 97] {
            assert_eq!(guess(0), Allowance::Allowed { remaining });
        }
        assert_eq!(guess(0), denied(1));
        for remaining in [99, 98, 97] {
            let answer = guess(18 * 3600);
            assert_eq!(
                answer,
                Allowance::Allowed { remaining },
                "three are remembered so long"
            );
        }
    }

    #[test]
    fn a_clock_that_is_put_back_locks_nobody_out_for_long() {
        let throttle = MemoryThrottle::new(100);
        let (charge, ben) = (Charge::budget(BUDGET, "key".to_owned()), guess_at("ben"));
        for _ in 0..3 {
            taken(&throttle, &charge, at(100_000));
            taken(&throttle, &ben, at(100_000));
        }
        assert_eq!(taken(&throttle, &charge, at(0)), denied(20));
        assert_eq!(taken(&throttle, &ben, at(0)), denied(1));
    }

    /// a million names and addresses, and no more is kept than there is room for.
    #[test]
    fn a_million_keys_stay_within_bounds() {
        let throttle = MemoryThrottle::new(10_000);
        let ladder = Arc::new(Limits::default().slowing());
        for number in 0..1_000_000 {
            let charges = [
                Charge::budget(BUDGET, format!("10.{number}")),
                Charge::guess(&ladder, format!("username/{number}")),
            ];
            throttle.take_now(&charges, at(0));
        }
        assert!(throttle.len() <= 20_000, "{}", throttle.len());
    }
}
