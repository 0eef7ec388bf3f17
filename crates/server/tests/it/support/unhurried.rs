//! Counters in Redis that do not hear how long a test takes.
//!
//! Redis counts by its own time, moved by how far the caller's moment lies from the caller's clock. Here that
//! clock stands while a counter is asked, as the test's own does, and runs in between: so for the counters no
//! time passes between two questions, however slow the machine, but for the steps of the test's clock.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use doorward_domain::ports::{Allowance, Charge, Clock, StoreError, Throttle};
use jiff::{SignedDuration, Timestamp};

/// The clock that Redis's counters are given.
pub struct Between {
    start: Timestamp,
    state: Mutex<State>,
}

struct State {
    asking: usize,
    /// How long nobody was asking, and since when it is so again.
    idle: Duration,
    since: Instant,
}

impl Between {
    pub fn new(start: Timestamp) -> Self {
        let state = State {
            asking: 0,
            idle: Duration::ZERO,
            since: Instant::now(),
        };
        Self {
            start,
            state: Mutex::new(state),
        }
    }
}

impl Clock for Between {
    fn now(&self) -> Timestamp {
        let state = self.state.lock().unwrap();
        let idle = match state.asking {
            0 => state.idle + state.since.elapsed(),
            _ => state.idle,
        };
        self.start + SignedDuration::from_micros(i64::try_from(idle.as_micros()).unwrap())
    }
}

/// While there is one, a counter is being asked.
struct Asking<'a>(&'a Between);

impl<'a> Asking<'a> {
    fn of(clock: &'a Between) -> Self {
        let mut state = clock.state.lock().unwrap();
        let idle = state.since.elapsed();
        if state.asking == 0 {
            state.idle += idle;
        }
        state.asking += 1;
        Self(clock)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock().unwrap();
        state.asking -= 1;
        state.since = Instant::now();
    }
}

/// The counters, whose clock knows when they are asked.
pub struct Unhurried {
    pub counters: Arc<dyn Throttle>,
    pub clock: Arc<Between>,
}

#[async_trait]
impl Throttle for Unhurried {
    async fn take(&self, charges: &[Charge], now: Timestamp) -> Result<Vec<Allowance>, StoreError> {
        let _asking = Asking::of(&self.clock);
        self.counters.take(charges, now).await
    }

    async fn give_back(&self, charges: &[Charge], now: Timestamp) -> Result<(), StoreError> {
        let _asking = Asking::of(&self.clock);
        self.counters.give_back(charges, now).await
    }

    async fn clear(&self, charges: &[Charge], now: Timestamp) -> Result<(), StoreError> {
        let _asking = Asking::of(&self.clock);
        self.counters.clear(charges, now).await
    }
}
