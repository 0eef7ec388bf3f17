//! Throttles that all nodes share: the arithmetic of `doorward_domain::throttle`, in scripts.
//!
//! Time is the server's own, so that nodes whose clocks differ share one. Every key expires: a
//! bucket when it would be empty, and the failures of an account the later the more there are. All
//! charges of an attempt are one question, so all keys are in one slot of a Cluster.

use std::sync::LazyLock;
use std::time::Duration;

use async_trait::async_trait;
use doorward_domain::ports::{Allowance, Charge, Counted, StoreError, Throttle};
use doorward_domain::throttle::spacing;
use jiff::Timestamp;

use crate::RedisStore;
use crate::keys::Keys;
use crate::script::{Lua, ScriptCall};

/// Whose time is counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Time {
    /// The server's own.
    Servers,
    /// The caller's moments, and nothing else: see [`RedisStore::told_the_time`].
    Callers,
}

/// The scripts, which know what time it is.
struct Scripts {
    take: Lua,
    give_back: Lua,
}

impl Scripts {
    fn after(now: &str) -> Self {
        let script = |code| Lua::new(&[now, code].concat());
        Self {
            take: script(include_str!("scripts/take.lua")),
            give_back: script(include_str!("scripts/give_back.lua")),
        }
    }
}

static BY_THE_SERVER: LazyLock<Scripts> =
    LazyLock::new(|| Scripts::after(include_str!("scripts/now.lua")));
static AS_TOLD: LazyLock<Scripts> =
    LazyLock::new(|| Scripts::after(include_str!("scripts/told.lua")));

#[async_trait]
impl Throttle for RedisStore {
    async fn take(&self, charges: &[Charge], now: Timestamp) -> Result<Vec<Allowance>, StoreError> {
        if charges.is_empty() {
            return Ok(Vec::new());
        }
        let (scripts, time) = self.timed(now);
        let call = take(&scripts.take, &self.keys, charges, time);
        let answers: Vec<u64> = self.link.ask("count attempts", call).await?;
        let answers = allowances(&answers);
        match answers.len() == charges.len() {
            true => Ok(answers),
            false => Err(StoreError::new("count attempts", "not an answer a charge")),
        }
    }

    async fn give_back(&self, charges: &[Charge], now: Timestamp) -> Result<(), StoreError> {
        let (scripts, time) = self.timed(now);
        let call = give_back(&scripts.give_back, &self.keys, charges, time, "guess");
        self.link.ask("give attempts back", call).await
    }

    async fn clear(&self, charges: &[Charge], now: Timestamp) -> Result<(), StoreError> {
        let (scripts, time) = self.timed(now);
        let call = give_back(&scripts.give_back, &self.keys, charges, time, "right");
        self.link.ask("clear attempts", call).await
    }
}

impl RedisStore {
    /// The scripts, and what they are told of the time, in microseconds: how far the caller's moment lies from the
    /// clock it comes from, or the moment itself.
    fn timed(&self, now: Timestamp) -> (&'static Scripts, i64) {
        let moment = now.as_microsecond();
        match self.time {
            Time::Servers => {
                let elapsed = moment.saturating_sub(self.clock.now().as_microsecond());
                (&BY_THE_SERVER, elapsed)
            }
            Time::Callers => (&AS_TOLD, moment),
        }
    }
}

fn names(keys: &Keys, charges: &[Charge]) -> Vec<String> {
    let name = |charge: &Charge| match &charge.counted {
        Counted::Budget(budget) => keys.bucket(budget.name, &charge.key),
        Counted::Guess(_) => keys.guesses(&charge.key),
    };
    charges.iter().map(name).collect()
}

fn take(script: &'static Lua, keys: &Keys, charges: &[Charge], time: i64) -> ScriptCall {
    let call = script.call(names(keys, charges)).arg(time);
    charges
        .iter()
        .fold(call, |call, charge| match &charge.counted {
            Counted::Budget(budget) => call
                .arg("budget")
                .arg(micros(budget.window))
                .arg(micros(spacing(budget))),
            Counted::Guess(ladder) => {
                let call = call
                    .arg("guess")
                    .arg(micros(ladder.remembered))
                    .arg(micros(ladder.at_most))
                    .arg(ladder.steps.len());
                let steps = ladder.steps.iter();
                steps.fold(call, |call, (failures, pause)| {
                    call.arg(*failures).arg(micros(*pause))
                })
            }
        })
}

fn give_back(
    script: &'static Lua,
    keys: &Keys,
    charges: &[Charge],
    time: i64,
    guess: &str,
) -> ScriptCall {
    let call = script.call(names(keys, charges)).arg(time);
    charges
        .iter()
        .fold(call, |call, charge| match &charge.counted {
            Counted::Budget(budget) => call
                .arg("budget")
                .arg(micros(budget.window))
                .arg(micros(spacing(budget))),
            Counted::Guess(_) => call.arg(guess),
        })
}

fn allowances(answers: &[u64]) -> Vec<Allowance> {
    let allowance = |answer: &[u64; 2]| match answer {
        [0, wait] => Allowance::Denied {
            retry_after: Duration::from_micros(*wait),
        },
        [_, remaining] => Allowance::Allowed {
            remaining: u32::try_from(*remaining).unwrap_or(u32::MAX),
        },
    };
    let (pairs, _) = answers.as_chunks();
    pairs.iter().map(allowance).collect()
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use doorward_domain::memory::SteppedClock;
    use doorward_domain::ports::{Budget, Clock};
    use doorward_domain::throttle::{Limits, MemoryThrottle};
    use doorward_domain::tokens::CounterNames;
    use doorward_testkit::{fixtures, servers};
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;
    use crate::RedisSettings;
    use crate::connection::Link;

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Take,
        Guess,
        Both,
        GiveBack,
        Clear,
    }

    /// What happens, and how many microseconds after the step before; the clock is put back too.
    fn steps() -> impl Strategy<Value = Vec<(Step, i64)>> {
        let step = prop_oneof![
            4 => Just(Step::Take),
            4 => Just(Step::Guess),
            4 => Just(Step::Both),
            2 => Just(Step::GiveBack),
            1 => Just(Step::Clear),
        ];
        let passed = prop_oneof![
            4 => Just(0),
            4 => 0..30_000_000i64,
            2 => 0..40_000_000_000i64,
            1 => -4_000_000_000i64..0,
        ];
        prop::collection::vec((step, passed), 1..120)
    }

    async fn compare(link: &Link, prefix: &str, burst: u32, steps: &[(Step, i64)]) {
        let budget = |name, burst| {
            let window = Duration::from_secs(3607);
            let budget = Budget {
                name,
                burst,
                window,
            };
            Charge::budget(budget, "key".to_owned())
        };
        let guess = Charge::guess(&Arc::new(Limits::default().stopping()), "key".to_owned());
        let prefix = format!("{prefix}{}:", fixtures::unique());
        let keys = Keys::new(prefix, CounterNames::for_trials());
        let memory = MemoryThrottle::new(10);
        let mut now = fixtures::now();
        for (number, (step, passed)) in steps.iter().enumerate() {
            now += SignedDuration::from_micros(*passed);
            let time = now.as_microsecond();
            let charges = match step {
                Step::Take => vec![budget("one", burst)],
                Step::Guess => vec![guess.clone()],
                _ => vec![budget("one", burst), guess.clone(), budget("other", 7)],
            };
            let back = |guess| give_back(&AS_TOLD.give_back, &keys, &charges, time, guess);
            match step {
                Step::GiveBack => {
                    let () = link.ask("test", back("guess")).await.unwrap();
                    memory.give_back(&charges, now).await.unwrap();
                }
                Step::Clear => {
                    let () = link.ask("test", back("right")).await.unwrap();
                    memory.clear(&charges, now).await.unwrap();
                }
                _ => {
                    let call = take(&AS_TOLD.take, &keys, &charges, time);
                    let answers: Vec<u64> = link.ask("test", call).await.unwrap();
                    let expected = memory.take(&charges, now).await.unwrap();
                    assert_eq!(allowances(&answers), expected, "step {number}, {step:?}");
                }
            }
        }
    }

    /// whichever counts, the sums are the same.
    #[test]
    fn the_scripts_reckon_as_the_domain_does() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let place = runtime.block_on(servers::redis());
        let link = Link::new(place.url.parse().unwrap());
        let config = ProptestConfig::with_cases(100);
        proptest!(config, |(burst in 1u32..50, steps in steps())| {
            runtime.block_on(compare(&link, &place.prefix, burst, &steps));
        });
    }

    /// A store that is told the time counts by nothing else: neither the server's clock nor the one that the callers'
    /// moments come from, which is put back by a day here.
    #[tokio::test]
    async fn who_is_told_the_time_goes_by_that_alone() {
        let place = servers::redis().await;
        let settings = RedisSettings {
            url: place.url.parse().unwrap(),
            prefix: place.prefix,
        };
        let clock = Arc::new(SteppedClock::new(fixtures::now()));
        let store = RedisStore::open(settings, CounterNames::for_trials(), clock.clone()).unwrap();
        let budget = Budget {
            name: "one",
            burst: 1,
            window: Duration::from_secs(2),
        };
        let told = store.clone().told_the_time();
        for (store, key, goes_by) in [(&told, "told", true), (&store, "server", false)] {
            let charges = [Charge::budget(budget, key.to_owned())];
            let start = clock.now();
            let first = store.take(&charges, start).await.unwrap();
            assert_eq!(first, [Allowance::Allowed { remaining: 0 }]);
            clock.advance(SignedDuration::from_hours(-24));
            let wait = budget.window;
            let denied = [Allowance::Denied { retry_after: wait }];
            let again = store.take(&charges, start).await.unwrap();
            assert_eq!(again == denied, goes_by, "{again:?}");
            if goes_by {
                let later = start + SignedDuration::from_secs(2);
                let after = store.take(&charges, later).await.unwrap();
                assert_eq!(after, first);
            }
        }
    }
}
