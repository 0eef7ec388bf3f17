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
use crate::request::{Lua, Repeat, ScriptCall};

static TAKE: LazyLock<Lua> = LazyLock::new(|| timed(include_str!("scripts/take.lua")));
static GIVE_BACK: LazyLock<Lua> = LazyLock::new(|| timed(include_str!("scripts/give_back.lua")));

/// A script that knows what time it is.
fn timed(code: &str) -> Lua {
    Lua::new(&[include_str!("scripts/now.lua"), code].concat())
}

#[async_trait]
impl Throttle for RedisStore {
    async fn take(&self, charges: &[Charge], now: Timestamp) -> Result<Vec<Allowance>, StoreError> {
        if charges.is_empty() {
            return Ok(Vec::new());
        }
        let call = take(&TAKE, &self.keys, charges, self.elapsed(now));
        let answers: Vec<u64> = self.link.ask("count attempts", call, Repeat::Never).await?;
        let answers = allowances(&answers);
        match answers.len() == charges.len() {
            true => Ok(answers),
            false => Err(StoreError::new("count attempts", "not an answer a charge")),
        }
    }

    async fn give_back(&self, charges: &[Charge], now: Timestamp) -> Result<(), StoreError> {
        let call = give_back(&GIVE_BACK, &self.keys, charges, self.elapsed(now), "guess");
        self.link
            .ask("give attempts back", call, Repeat::Never)
            .await
    }

    async fn clear(&self, charges: &[Charge], now: Timestamp) -> Result<(), StoreError> {
        let call = give_back(&GIVE_BACK, &self.keys, charges, self.elapsed(now), "right");
        self.link.ask("clear attempts", call, Repeat::Never).await
    }
}

impl RedisStore {
    /// How far the caller's moment lies from the clock it comes from, in microseconds.
    fn elapsed(&self, now: Timestamp) -> i64 {
        now.as_microsecond()
            .saturating_sub(self.clock.now().as_microsecond())
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

    use doorward_domain::ports::Budget;
    use doorward_domain::throttle::{Limits, MemoryThrottle};
    use doorward_domain::tokens::CounterNames;
    use doorward_testkit::{fixtures, servers};
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;
    use crate::link::Link;

    /// The scripts with the time they are told in place of the server's.
    fn told_time(code: &str) -> Lua {
        Lua::new(&["local now = tonumber(ARGV[1])\n", code].concat())
    }

    static TOLD_TAKE: LazyLock<Lua> = LazyLock::new(|| told_time(include_str!("scripts/take.lua")));
    static TOLD_GIVE_BACK: LazyLock<Lua> =
        LazyLock::new(|| told_time(include_str!("scripts/give_back.lua")));

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
            let back = |guess| give_back(&TOLD_GIVE_BACK, &keys, &charges, time, guess);
            match step {
                Step::GiveBack => {
                    let () = link
                        .ask("test", back("guess"), Repeat::Never)
                        .await
                        .unwrap();
                    memory.give_back(&charges, now).await.unwrap();
                }
                Step::Clear => {
                    let () = link
                        .ask("test", back("right"), Repeat::Never)
                        .await
                        .unwrap();
                    memory.clear(&charges, now).await.unwrap();
                }
                _ => {
                    let call = take(&TOLD_TAKE, &keys, &charges, time);
                    let answers: Vec<u64> = link.ask("test", call, Repeat::Never).await.unwrap();
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
}
