//! Throttles that all nodes share: the arithmetic of `doorward_domain::throttle`, in scripts.
//!
//! Time is the server's own, so that nodes whose clocks differ share one. Every key expires: a
//! bucket when it would be empty, and the failures of an account the later the more there are.

use std::sync::LazyLock;
use std::time::Duration;

use async_trait::async_trait;
use doorward_domain::ports::{Allowance, Budget, StoreError, Throttle};
use doorward_domain::throttle;
use jiff::Timestamp;

use crate::RedisStore;
use crate::request::{Lua, Repeat, ScriptCall};

static TAKE: LazyLock<Lua> = LazyLock::new(|| timed(include_str!("scripts/take.lua")));
static RESERVE: LazyLock<Lua> = LazyLock::new(|| timed(include_str!("scripts/reserve_guess.lua")));
static RELEASE: LazyLock<Lua> = LazyLock::new(|| timed(include_str!("scripts/release_guess.lua")));

/// How long each failure is remembered: what a stranger can make us keep is bounded by what they
/// can make us hash.
const REMEMBERED: Duration = Duration::from_secs(6 * 3600);
/// How long all of them together are.
const REMEMBERED_AT_MOST: Duration = Duration::from_secs(30 * 24 * 3600);

/// A script that knows what time it is.
fn timed(code: &str) -> Lua {
    Lua::new(&[include_str!("scripts/now.lua"), code].concat())
}

#[async_trait]
impl Throttle for RedisStore {
    async fn take(
        &self,
        budget: &Budget,
        key: &str,
        now: Timestamp,
    ) -> Result<Allowance, StoreError> {
        let call = take(
            vec![self.keys.bucket(budget.name, key)],
            &TAKE,
            budget,
            self.elapsed(now),
        );
        let answer = self
            .link
            .ask("take from a budget", call, Repeat::Never)
            .await?;
        Ok(allowance(answer))
    }

    async fn reserve_guess(&self, key: &str, now: Timestamp) -> Result<Allowance, StoreError> {
        let call = reserve(vec![self.keys.guesses(key)], &RESERVE, self.elapsed(now));
        let answer = self
            .link
            .ask("reserve a guess", call, Repeat::Never)
            .await?;
        Ok(allowance(answer))
    }

    async fn release_guess(&self, key: &str, now: Timestamp) -> Result<(), StoreError> {
        let call = RELEASE
            .call(vec![self.keys.guesses(key)])
            .arg(self.elapsed(now));
        self.link.ask("release a guess", call, Repeat::Never).await
    }

    async fn clear_guesses(&self, key: &str) -> Result<(), StoreError> {
        let mut command = redis::cmd("DEL");
        command.arg(self.keys.guesses(key));
        self.link
            .ask("clear guesses", command, Repeat::Harmless)
            .await
    }
}

impl RedisStore {
    /// How far the caller's moment lies from the clock it comes from, in microseconds.
    fn elapsed(&self, now: Timestamp) -> i64 {
        now.as_microsecond()
            .saturating_sub(self.clock.now().as_microsecond())
    }
}

fn take(keys: Vec<String>, script: &'static Lua, budget: &Budget, time: i64) -> ScriptCall {
    script
        .call(keys)
        .arg(time)
        .arg(micros(budget.window))
        .arg(micros(throttle::spacing(budget)))
}

fn reserve(keys: Vec<String>, script: &'static Lua, time: i64) -> ScriptCall {
    let call = script
        .call(keys)
        .arg(time)
        .arg(millis(REMEMBERED))
        .arg(millis(REMEMBERED_AT_MOST));
    throttle::pauses().fold(call, |call, (failures, pause)| {
        call.arg(failures).arg(micros(pause))
    })
}

fn allowance((is_allowed, number): (bool, u64)) -> Allowance {
    match is_allowed {
        true => Allowance::Allowed {
            remaining: u32::try_from(number).unwrap_or(u32::MAX),
        },
        false => Allowance::Denied {
            retry_after: Duration::from_micros(number),
        },
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use doorward_domain::throttle::MemoryThrottle;
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
    static TOLD_RESERVE: LazyLock<Lua> =
        LazyLock::new(|| told_time(include_str!("scripts/reserve_guess.lua")));
    static TOLD_RELEASE: LazyLock<Lua> =
        LazyLock::new(|| told_time(include_str!("scripts/release_guess.lua")));

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Take,
        Reserve,
        Release,
    }

    /// What happens, and how many microseconds after the step before; the clock is put back too.
    fn steps() -> impl Strategy<Value = Vec<(Step, i64)>> {
        let step = prop_oneof![
            4 => Just(Step::Take),
            4 => Just(Step::Reserve),
            1 => Just(Step::Release),
        ];
        let passed = prop_oneof![
            4 => Just(0),
            4 => 0..30_000_000i64,
            2 => 0..4_000_000_000i64,
            1 => -4_000_000_000i64..0,
        ];
        prop::collection::vec((step, passed), 1..120)
    }

    async fn compare(link: &Link, prefix: &str, burst: u32, steps: &[(Step, i64)]) {
        let budget = Budget {
            name: "test",
            burst,
            window: Duration::from_secs(3607),
        };
        let key = |kind| vec![format!("{prefix}{kind}:{}", fixtures::unique())];
        let (bucket, guesses) = (key("take"), key("guess"));
        let memory = MemoryThrottle::new(10);
        let mut now = fixtures::now();
        for (number, (step, passed)) in steps.iter().enumerate() {
            now += SignedDuration::from_micros(*passed);
            let time = now.as_microsecond();
            let (call, expected) = match step {
                Step::Take => (
                    take(bucket.clone(), &TOLD_TAKE, &budget, time),
                    memory.take(&budget, "key", now).await.unwrap(),
                ),
                Step::Reserve => (
                    reserve(guesses.clone(), &TOLD_RESERVE, time),
                    memory.reserve_guess("key", now).await.unwrap(),
                ),
                Step::Release => {
                    let call = TOLD_RELEASE.call(guesses.clone()).arg(time);
                    let () = link.ask("test", call, Repeat::Never).await.unwrap();
                    memory.release_guess("key", now).await.unwrap();
                    continue;
                }
            };
            let answer = link.ask("test", call, Repeat::Never).await.unwrap();
            assert_eq!(allowance(answer), expected, "step {number}, {step:?}");
        }
    }

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
