//! Time and randomness from the operating system, for the ports [`Clock`] and [`RandomSource`], and the name of the machine.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use doorward_domain::clock::{Clock, RandomSource};
use jiff::{SignedDuration, Timestamp};
use ring::rand::{SecureRandom, SystemRandom};

/// Smaller differences from the store's clock are ignored, so that the time does not fluctuate.
const TOLERANCE: SignedDuration = SignedDuration::from_millis(500);
/// A slower reply is too inaccurate to adjust the clock.
const MAX_ROUND_TRIP: Duration = Duration::from_secs(2);
/// A larger adjustment needs [`CONFIRMATIONS`] consecutive replies with the same time: the store may have failed over
/// to a machine whose clock is wrong.
const LARGE_STEP: SignedDuration = SignedDuration::from_mins(10);
const CONFIRMATIONS: u32 = 3;
/// Time after such an adjustment in which nothing is deleted by age.
const DISTRUST_PERIOD: Duration = Duration::from_secs(3600);
/// A larger difference of the clocks is logged as a warning.
const WARN_THRESHOLD: SignedDuration = SignedDuration::from_secs(5);

/// The time of this node: the system's clock, adjusted to the store's, so that nodes with different clocks agree
/// on expiry times (`docs/decisions/0014-one-clock.md`).
#[derive(Debug, Default)]
pub struct SystemClock {
    /// Offset of the store's clock from the system's, in microseconds.
    offset_micros: AtomicI64,
    has_warned: AtomicBool,
    large_steps: Mutex<LargeSteps>,
}

/// State of large adjustments, which are not accepted at once.
#[derive(Debug, Default)]
struct LargeSteps {
    is_synced: bool,
    /// The last offset that was too large, and the number of consecutive replies with it.
    observed: Option<(SignedDuration, u32)>,
    stepped_at: Option<Instant>,
}

/// Result of a comparison of the clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncResult {
    /// The clocks agree, or the store has no clock.
    InSync,
    /// The time of this node was adjusted, forwards or back.
    Stepped,
}

impl SystemClock {
    /// Queries the store's time and adjusts the clock to it. Ignores a difference that the duration of the query
    /// can explain.
    pub async fn follow<E>(
        &self,
        ask: impl Future<Output = Result<Option<Timestamp>, E>>,
    ) -> Result<SyncResult, E> {
        let started = Instant::now();
        let Some(theirs) = ask.await? else {
            return Ok(SyncResult::InSync);
        };
        let took = started.elapsed();
        let comparison = self.compare(theirs, took, system_time());
        if comparison == SyncResult::Stepped {
            tracing::info!(
                clock.offset_ms = self.offset_micros.load(Ordering::Relaxed) / 1000,
                "clock adjusted to the database's"
            );
        }
        Ok(comparison)
    }

    /// `theirs` was received after `took`, at the system time `ours`.
    fn compare(&self, theirs: Timestamp, took: Duration, ours: Timestamp) -> SyncResult {
        let half_way = SignedDuration::try_from(took).unwrap_or(SignedDuration::MAX) / 2;
        let measured = theirs.duration_since(ours).saturating_add(half_way);
        self.warn_about(measured);
        let current = SignedDuration::from_micros(self.offset_micros.load(Ordering::Relaxed));
        let error = measured.saturating_sub(current).abs();
        let tolerated = TOLERANCE.max(half_way);
        let mut far = self
            .large_steps
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let is_first = !std::mem::replace(&mut far.is_synced, true);
        if error <= tolerated {
            far.observed = None;
            return SyncResult::InSync;
        }
        if took > MAX_ROUND_TRIP && !is_first {
            return SyncResult::InSync;
        }
        if error > LARGE_STEP {
            if !is_first && !far.is_confirmed(measured, tolerated) {
                return SyncResult::InSync;
            }
            far.stepped_at = Some(Instant::now());
        }
        far.observed = None;
        let micros = i64::try_from(measured.as_micros()).unwrap_or_default();
        self.offset_micros.store(micros, Ordering::Relaxed);
        SyncResult::Stepped
    }

    /// Returns `true` if expired data may be deleted: not for an hour after a large adjustment.
    pub fn is_trusted(&self) -> bool {
        let far = self
            .large_steps
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        far.stepped_at
            .is_none_or(|at| at.elapsed() > DISTRUST_PERIOD)
    }

    /// Logs a warning once, until the clocks agree again.
    fn warn_about(&self, difference: SignedDuration) {
        let is_worth_it = difference.abs() > WARN_THRESHOLD;
        if self.has_warned.swap(is_worth_it, Ordering::Relaxed) || !is_worth_it {
            return;
        }
        let side = if difference.is_negative() {
            "ahead of"
        } else {
            "behind"
        };
        tracing::warn!(
            "clock skew: this machine is {} s {side} the database; using the database's time. Check NTP on both machines",
            difference.abs().as_secs()
        );
    }
}

impl LargeSteps {
    /// Returns `true` if the store has returned this time often enough.
    fn is_confirmed(&mut self, measured: SignedDuration, tolerated: SignedDuration) -> bool {
        let times = match self.observed {
            Some((said, times)) if said.saturating_sub(measured).abs() <= tolerated * 2 => {
                times + 1
            }
            _ => 1,
        };
        self.observed = Some((measured, times));
        if times == 1 {
            tracing::error!(
                clock.offset_s = measured.as_secs(),
                "the database's clock jumped; the new time is adopted if it persists for a minute. Check NTP on the database host"
            );
        }
        times >= CONFIRMATIONS
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let ahead = SignedDuration::from_micros(self.offset_micros.load(Ordering::Relaxed));
        let now = system_time();
        now.checked_add(ahead).unwrap_or(now)
    }
}

/// Truncated to microseconds, the precision of all stores.
#[expect(clippy::disallowed_methods, reason = "the one clock")]
fn system_time() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}

/// The system's random source, the only one in Doorward (C-04).
pub struct SystemRandomSource(SystemRandom);

impl SystemRandomSource {
    /// Opens the source.
    pub fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl RandomSource for SystemRandomSource {
    fn fill(&self, bytes: &mut [u8]) {
        // Nothing is safe without randomness, so the request fails.
        self.0.fill(bytes).expect("the system gives random bytes");
    }
}

/// The name of this machine, as its kernel has it.
pub fn host_name() -> String {
    let name = rustix::system::uname();
    name.nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Timestamp = Timestamp::constant(1_800_000_000, 0);
    const AT_ONCE: Duration = Duration::ZERO;

    fn ahead(clock: &SystemClock) -> i64 {
        clock.offset_micros.load(Ordering::Relaxed)
    }

    fn millis(millis: i64) -> SignedDuration {
        SignedDuration::from_millis(millis)
    }

    #[test]
    fn a_small_clock_difference_is_ignored_and_a_large_one_applied() {
        let clock = SystemClock::default();
        for difference in [0, 500, -500] {
            let outcome = clock.compare(OURS + millis(difference), AT_ONCE, OURS);
            assert_eq!(outcome, SyncResult::InSync, "{difference}");
        }
        assert_eq!(ahead(&clock), 0);
        for difference in [501, -120_000, 120_000] {
            let outcome = clock.compare(OURS + millis(difference), AT_ONCE, OURS);
            assert_eq!(outcome, SyncResult::Stepped, "{difference}");
            assert_eq!(ahead(&clock), difference * 1000);
        }
        // A small difference is measured from the adjusted time.
        let outcome = clock.compare(OURS + millis(119_600), AT_ONCE, OURS);
        assert_eq!((outcome, ahead(&clock)), (SyncResult::InSync, 120_000_000));
    }

    #[test]
    fn half_of_the_round_trip_is_subtracted() {
        let clock = SystemClock::default();
        // A reply from the middle of two seconds, by a clock that agrees.
        let took = Duration::from_secs(2);
        assert_eq!(
            clock.compare(OURS - millis(1000), took, OURS),
            SyncResult::InSync
        );
        // A difference within the duration may be the duration.
        assert_eq!(clock.compare(OURS, took, OURS), SyncResult::InSync);
        assert_eq!(
            clock.compare(OURS + millis(60_000), took, OURS),
            SyncResult::Stepped
        );
        assert_eq!(ahead(&clock), 61_000_000);
    }

    #[test]
    fn a_jump_is_believed_when_it_was_said_three_times_and_nothing_is_deleted_then() {
        let clock = SystemClock::default();
        let hear = |seconds: i64| clock.compare(OURS + millis(seconds * 1000), AT_ONCE, OURS);
        assert_eq!(hear(120), SyncResult::Stepped);
        for jump in [3600, 3600, 120, 3600, 7200, 3600, 3600] {
            assert_eq!(hear(jump), SyncResult::InSync, "{jump}");
            assert!(clock.is_trusted());
        }
        assert_eq!(hear(3600), SyncResult::Stepped);
        assert_eq!(ahead(&clock), 3_600_000_000);
        assert!(!clock.is_trusted());
    }

    #[test]
    fn at_the_start_a_far_clock_is_followed_at_once_and_not_trusted_with_deletions() {
        let clock = SystemClock::default();
        let far = clock.compare(OURS + millis(86_400_000), AT_ONCE, OURS);
        assert_eq!((far, clock.is_trusted()), (SyncResult::Stepped, false));
        let near = SystemClock::default();
        let moved = near.compare(OURS + millis(600_000), AT_ONCE, OURS);
        assert_eq!((moved, near.is_trusted()), (SyncResult::Stepped, true));
    }

    #[test]
    fn an_answer_that_took_long_moves_nothing_once_time_is_followed() {
        let clock = SystemClock::default();
        clock.compare(OURS, AT_ONCE, OURS);
        let slow = clock.compare(OURS + millis(60_000), Duration::from_secs(3), OURS);
        assert_eq!(slow, SyncResult::InSync);
    }

    #[tokio::test]
    async fn a_store_without_a_clock_leaves_the_system_s() {
        let clock = SystemClock::default();
        let none = clock.follow(async { Ok::<_, ()>(None) }).await;
        assert_eq!((none, ahead(&clock)), (Ok(SyncResult::InSync), 0));
        assert_eq!(clock.follow(async { Err(()) }).await, Err(()));
    }

    #[tokio::test]
    async fn time_is_the_store_s() {
        let clock = SystemClock::default();
        let theirs = OURS + SignedDuration::from_hours(24 * 365);
        let moved = clock.follow(async { Ok::<_, ()>(Some(theirs)) }).await;
        assert_eq!(moved, Ok(SyncResult::Stepped));
        assert!(clock.now().duration_since(theirs).abs() < SignedDuration::from_secs(60));
    }
}
