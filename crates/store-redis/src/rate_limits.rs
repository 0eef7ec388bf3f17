//! Rate limit counters that all nodes share: the arithmetic of `doorward_domain::limits`, in scripts.
//!
//! Time is the caller's, which all nodes take from the database. Every key expires. A script uses one key, so a
//! Cluster spreads the keys over its nodes.

use std::sync::LazyLock;
use std::time::Duration;

use async_trait::async_trait;
use doorward_domain::limits::{
    BACKOFF_DELAYS, Decision, FAILURE_MEMORY, FAILURE_MEMORY_MAX, KeyedLimit, Limit, RateLimits,
    interval,
};
use doorward_domain::store::StoreError;
use doorward_domain::values::Rate;
use jiff::Timestamp;

use crate::RedisStore;
use crate::script::{Lua, ScriptCall};

static CLEAR: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("scripts/clear.lua")));
static ACQUIRE_BUDGET: LazyLock<Lua> =
    LazyLock::new(|| Lua::new(include_str!("scripts/acquire_budget.lua")));
static RELEASE_BUDGET: LazyLock<Lua> =
    LazyLock::new(|| Lua::new(include_str!("scripts/release_budget.lua")));
static ACQUIRE_BACKOFF: LazyLock<Lua> =
    LazyLock::new(|| Lua::new(include_str!("scripts/acquire_backoff.lua")));
static RELEASE_BACKOFF: LazyLock<Lua> =
    LazyLock::new(|| Lua::new(include_str!("scripts/release_backoff.lua")));

#[async_trait]
impl RateLimits for RedisStore {
    async fn acquire(&self, limit: &KeyedLimit, now: Timestamp) -> Result<Decision, StoreError> {
        let call = match limit.limit {
            Limit::Budget { rate, .. } => budget(self.script(&ACQUIRE_BUDGET, limit, now), rate),
            Limit::Backoff { lockout_after } => {
                let call = self.script(&ACQUIRE_BACKOFF, limit, now);
                backoff(call, lockout_after.unwrap_or(u32::MAX))
            }
        };
        let (is_allowed, number): (bool, i64) =
            self.connection.request("acquire rate limit", call).await?;
        Ok(match is_allowed {
            true => Decision::Allowed {
                remaining: u32::try_from(number).unwrap_or(u32::MAX),
            },
            false => Decision::Denied {
                retry_after: u64::try_from(number).ok().map(Duration::from_micros),
            },
        })
    }

    async fn release(&self, limit: &KeyedLimit, now: Timestamp) -> Result<(), StoreError> {
        let call = match limit.limit {
            Limit::Budget { rate, .. } => budget(self.script(&RELEASE_BUDGET, limit, now), rate),
            Limit::Backoff { .. } => self.script(&RELEASE_BACKOFF, limit, now),
        };
        self.connection.request("release rate limit", call).await
    }

    async fn clear(&self, limit: &KeyedLimit) -> Result<u32, StoreError> {
        let call = CLEAR.call(vec![self.counter_key(limit)]);
        self.connection.request("clear rate limit", call).await
    }
}

impl RedisStore {
    fn counter_key(&self, limit: &KeyedLimit) -> String {
        self.keys.rate_limit(limit.limit.name(), &limit.key)
    }

    fn script(&self, script: &'static Lua, limit: &KeyedLimit, now: Timestamp) -> ScriptCall {
        let call = script.call(vec![self.counter_key(limit)]);
        call.arg(now.as_microsecond())
    }
}

fn budget(call: ScriptCall, rate: Rate) -> ScriptCall {
    call.arg(micros(rate.window)).arg(micros(interval(rate)))
}

fn backoff(call: ScriptCall, lockout_after: u32) -> ScriptCall {
    let call = call
        .arg(lockout_after)
        .arg(micros(FAILURE_MEMORY))
        .arg(micros(FAILURE_MEMORY_MAX));
    BACKOFF_DELAYS.iter().fold(call, |call, (from, delay)| {
        call.arg(*from).arg(micros(*delay))
    })
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use doorward_domain::keys::CounterKeys;
    use doorward_domain::limits::MemoryRateLimits;
    use doorward_testkit::{fixtures, servers};
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;
    use crate::RedisSettings;

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Acquire,
        Release,
        Clear,
    }

    /// Steps, and the microseconds that pass before each; the clock is sometimes set back.
    fn steps() -> impl Strategy<Value = Vec<(Step, i64)>> {
        let step = prop_oneof![
            8 => Just(Step::Acquire),
            2 => Just(Step::Release),
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

    fn limits() -> impl Strategy<Value = Limit> {
        prop_oneof![
            (1u32..50).prop_map(|burst| Limit::Budget {
                name: "test",
                rate: Rate::new(burst, 3607),
            }),
            prop_oneof![Just(None), Just(Some(10)), Just(Some(100))]
                .prop_map(|lockout_after| Limit::Backoff { lockout_after }),
        ]
    }

    async fn compare(store: &RedisStore, limit: Limit, steps: &[(Step, i64)]) {
        let key = format!("key-{}", fixtures::unique());
        let limit = KeyedLimit { limit, key };
        let memory = MemoryRateLimits::new(10);
        let mut now = fixtures::now();
        for (number, (step, passed)) in steps.iter().enumerate() {
            now += SignedDuration::from_micros(*passed);
            match step {
                Step::Acquire => {
                    let decision = store.acquire(&limit, now).await.unwrap();
                    let expected = memory.acquire(&limit, now).await.unwrap();
                    assert_eq!(decision, expected, "step {number}");
                }
                Step::Release => {
                    store.release(&limit, now).await.unwrap();
                    memory.release(&limit, now).await.unwrap();
                }
                Step::Clear => {
                    let cleared = store.clear(&limit).await.unwrap();
                    assert_eq!(cleared, memory.clear(&limit).await.unwrap());
                }
            }
        }
    }

    /// the scripts and the memory store return the same decisions.
    #[test]
    fn the_scripts_give_the_results_of_the_memory_store() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let place = runtime.block_on(servers::redis());
        let settings = RedisSettings {
            url: place.url.parse().unwrap(),
            prefix: place.prefix,
        };
        let store = RedisStore::open(settings, CounterKeys::for_probes()).unwrap();
        let config = ProptestConfig::with_cases(150);
        proptest!(config, |(limit in limits(), steps in steps())| {
            runtime.block_on(compare(&store, limit, &steps));
        });
    }
}
