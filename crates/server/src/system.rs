//! Time and chance, from the operating system: the only places that ask it.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use doorward_domain::ports::{Clock, Secrets};
use jiff::{SignedDuration, Timestamp};
use ring::rand::{SecureRandom, SystemRandom};

/// Smaller differences from the store's clock are left alone: time shall not wobble.
const TOLERATED: SignedDuration = SignedDuration::from_millis(500);
/// From here on, somebody should look after the clocks.
const WORTH_A_WARNING: SignedDuration = SignedDuration::from_secs(5);

/// The time that this node goes by: the system's clock, moved to where the store's stands, so that
/// nodes whose clocks differ agree on what has run out (`docs/decisions/0014-one-clock.md`).
#[derive(Debug, Default)]
pub struct SystemClock {
    /// How far the store's clock is ahead of the system's, in microseconds.
    ahead: AtomicI64,
    has_warned: AtomicBool,
}

/// What came of comparing clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// They agree well enough, or there is nothing to compare with.
    InStep,
    /// This node's time has just been moved, forwards or back.
    Moved,
}

impl SystemClock {
    /// Asks for the store's time, and goes by it from now on. A difference that the way there and
    /// back could explain is none.
    pub async fn follow<E>(
        &self,
        ask: impl Future<Output = Result<Option<Timestamp>, E>>,
    ) -> Result<Comparison, E> {
        let asked = Instant::now();
        let Some(theirs) = ask.await? else {
            return Ok(Comparison::InStep);
        };
        let took = asked.elapsed();
        let comparison = self.compare(theirs, took, system_time());
        if comparison == Comparison::Moved {
            tracing::info!(
                clock.ahead_ms = self.ahead.load(Ordering::Relaxed) / 1000,
                "time was moved to the database's"
            );
        }
        Ok(comparison)
    }

    /// `theirs` was answered after `took`, at `ours` by the system's clock.
    fn compare(&self, theirs: Timestamp, took: Duration, ours: Timestamp) -> Comparison {
        let half_way = SignedDuration::try_from(took).unwrap_or(SignedDuration::MAX) / 2;
        let measured = theirs.duration_since(ours).saturating_add(half_way);
        self.warn_of(measured);
        let kept = SignedDuration::from_micros(self.ahead.load(Ordering::Relaxed));
        let error = measured.saturating_sub(kept).abs();
        if error <= TOLERATED.max(half_way) {
            return Comparison::InStep;
        }
        let micros = i64::try_from(measured.as_micros()).unwrap_or_default();
        self.ahead.store(micros, Ordering::Relaxed);
        Comparison::Moved
    }

    /// Once, until the clocks have agreed again.
    fn warn_of(&self, difference: SignedDuration) {
        let is_worth_it = difference.abs() > WORTH_A_WARNING;
        if self.has_warned.swap(is_worth_it, Ordering::Relaxed) || !is_worth_it {
            return;
        }
        let side = if difference.is_negative() {
            "ahead of"
        } else {
            "behind"
        };
        tracing::warn!(
            "this machine's clock is {} s {side} the database's; this server goes by the database's. Let NTP set the clocks of both machines",
            difference.abs().as_secs()
        );
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let ahead = SignedDuration::from_micros(self.ahead.load(Ordering::Relaxed));
        let now = system_time();
        now.checked_add(ahead).unwrap_or(now)
    }
}

/// Cut to microseconds, which is what every store keeps.
#[expect(clippy::disallowed_methods, reason = "the one clock")]
fn system_time() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}

/// The system's randomness.
pub struct SystemSecrets(SystemRandom);

impl SystemSecrets {
    /// Opens the source.
    pub fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl Secrets for SystemSecrets {
    fn fill(&self, bytes: &mut [u8]) {
        // Without randomness nothing safe can be done; the request that asked fails.
        self.0.fill(bytes).expect("the system gives random bytes");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Timestamp = Timestamp::constant(1_800_000_000, 0);
    const AT_ONCE: Duration = Duration::ZERO;

    fn ahead(clock: &SystemClock) -> i64 {
        clock.ahead.load(Ordering::Relaxed)
    }

    fn millis(millis: i64) -> SignedDuration {
        SignedDuration::from_millis(millis)
    }

    #[test]
    fn a_small_difference_is_left_alone_and_a_large_one_is_taken_over() {
        let clock = SystemClock::default();
        for difference in [0, 500, -500] {
            let heard = clock.compare(OURS + millis(difference), AT_ONCE, OURS);
            assert_eq!(heard, Comparison::InStep, "{difference}");
        }
        assert_eq!(ahead(&clock), 0);
        for difference in [501, -120_000, 120_000] {
            let heard = clock.compare(OURS + millis(difference), AT_ONCE, OURS);
            assert_eq!(heard, Comparison::Moved, "{difference}");
            assert_eq!(ahead(&clock), difference * 1000);
        }
        // What is small is measured from where time stands now.
        let heard = clock.compare(OURS + millis(119_600), AT_ONCE, OURS);
        assert_eq!((heard, ahead(&clock)), (Comparison::InStep, 120_000_000));
    }

    #[test]
    fn half_of_the_way_there_and_back_is_taken_off() {
        let clock = SystemClock::default();
        // Answered in the middle of two seconds by a clock that agrees with ours.
        let took = Duration::from_secs(2);
        assert_eq!(
            clock.compare(OURS - millis(1000), took, OURS),
            Comparison::InStep
        );
        // Anything within the way could be the way.
        assert_eq!(clock.compare(OURS, took, OURS), Comparison::InStep);
        assert_eq!(
            clock.compare(OURS + millis(60_000), took, OURS),
            Comparison::Moved
        );
        assert_eq!(ahead(&clock), 61_000_000);
    }

    #[tokio::test]
    async fn a_store_without_a_clock_leaves_the_system_s() {
        let clock = SystemClock::default();
        let none = clock.follow(async { Ok::<_, ()>(None) }).await;
        assert_eq!((none, ahead(&clock)), (Ok(Comparison::InStep), 0));
        assert_eq!(clock.follow(async { Err(()) }).await, Err(()));
    }

    #[tokio::test]
    async fn time_is_the_store_s() {
        let clock = SystemClock::default();
        let theirs = OURS + SignedDuration::from_hours(24 * 365);
        let moved = clock.follow(async { Ok::<_, ()>(Some(theirs)) }).await;
        assert_eq!(moved, Ok(Comparison::Moved));
        assert!(clock.now().duration_since(theirs).abs() < SignedDuration::from_secs(60));
    }
}
