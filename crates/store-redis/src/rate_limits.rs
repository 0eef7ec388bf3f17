//! Rate limit counters that all nodes share: the arithmetic of `doorward_domain::limits`, in scripts.
//!
//! Time is the caller's, which all nodes take from the database. Every key expires. All keys of one attempt
//! are in one slot of a cluster, so that one script decides on them.

use std::sync::LazyLock;
use std::time::Duration;

use async_trait::async_trait;
use doorward_domain::limits::{BACKOFF_DELAYS, FAILURE_MEMORY, FAILURE_MEMORY_MAX, interval};
use doorward_domain::ports::{Decision, KeyedLimit, Limit, RateLimits, StoreError};
use jiff::Timestamp;

use crate::RedisStore;
use crate::keys::Keys;
use crate::script::{Lua, ScriptCall};

static ACQUIRE: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("scripts/acquire.lua")));
static RELEASE: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("scripts/release.lua")));

#[async_trait]
impl RateLimits for RedisStore {
    async fn acquire(&self, limits: &[KeyedLimit], now: Timestamp) -> Result<Decision, StoreError> {
        let operation = "acquire rate limits";
        let call = ACQUIRE
            .call(names(&self.keys, limits))
            .arg(now.as_microsecond())
            .arg(micros(FAILURE_MEMORY))
            .arg(micros(FAILURE_MEMORY_MAX))
            .arg(BACKOFF_DELAYS.len());
        let call = BACKOFF_DELAYS.iter().fold(call, |call, (from, delay)| {
            call.arg(*from).arg(micros(*delay))
        });
        let call = limits.iter().fold(call, |call, limit| match limit.limit {
            Limit::Budget { .. } => budget(call, limit),
            Limit::Backoff { lockout_after } => {
                let lockout_after = lockout_after.unwrap_or(u32::MAX);
                call.arg("backoff").arg(lockout_after)
            }
        });
        let answer: Vec<i64> = self.connection.ask(operation, call).await?;
        decision(&answer, limits.len())
            .ok_or_else(|| StoreError::new(operation, "unexpected reply of the script"))
    }

    async fn release(&self, limits: &[KeyedLimit], now: Timestamp) -> Result<(), StoreError> {
        let call = RELEASE
            .call(names(&self.keys, limits))
            .arg(now.as_microsecond());
        let call = limits.iter().fold(call, |call, limit| match limit.limit {
            Limit::Budget { .. } => budget(call, limit),
            Limit::Backoff { .. } => call.arg("backoff"),
        });
        let operation = "release rate limits";
        self.connection.ask(operation, call).await
    }

    async fn clear(&self, limits: &[KeyedLimit]) -> Result<(), StoreError> {
        let mut delete = redis::cmd("DEL");
        delete.arg(names(&self.keys, limits));
        let operation = "clear rate limits";
        let _: i64 = self.connection.ask(operation, delete).await?;
        Ok(())
    }
}

fn names(keys: &Keys, limits: &[KeyedLimit]) -> Vec<String> {
    limits
        .iter()
        .map(|limit| keys.rate_limit(limit.limit.name(), &limit.key))
        .collect()
}

fn budget(call: ScriptCall, limit: &KeyedLimit) -> ScriptCall {
    let Limit::Budget { rate, .. } = limit.limit else {
        return call;
    };
    call.arg("budget")
        .arg(micros(rate.window))
        .arg(micros(interval(rate)))
}

fn decision(answer: &[i64], limits: usize) -> Option<Decision> {
    match answer {
        [0, index, wait] => Some(Decision::Denied {
            index: usize::try_from(*index)
                .ok()
                .filter(|index| *index < limits)?,
            retry_after: u64::try_from(*wait).ok().map(Duration::from_micros),
        }),
        [1, remaining @ ..] if remaining.len() == limits => {
            let remaining = remaining
                .iter()
                .map(|left| u32::try_from(*left).unwrap_or(u32::MAX));
            Some(Decision::Allowed {
                remaining: remaining.collect(),
            })
        }
        _ => None,
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use doorward_domain::limits::{MemoryRateLimits, Rate};
    use doorward_domain::tokens::CounterNames;
    use doorward_testkit::{fixtures, servers};
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;
    use crate::RedisSettings;

    #[derive(Debug, Clone, Copy)]
    enum Step {
        AcquireBudget,
        AcquireBackoff,
        AcquireAll,
        Release,
        Clear,
    }

    /// Steps, and the microseconds that pass before each; the clock is sometimes set back.
    fn steps() -> impl Strategy<Value = Vec<(Step, i64)>> {
        let step = prop_oneof![
            3 => Just(Step::AcquireBudget),
            6 => Just(Step::AcquireBackoff),
            3 => Just(Step::AcquireAll),
            1 => Just(Step::Release),
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

    async fn compare(
        store: &RedisStore,
        burst: u32,
        lockout_after: Option<u32>,
        steps: &[(Step, i64)],
    ) {
        let unique = fixtures::unique();
        let budget =
            |name, burst| KeyedLimit::budget(name, Rate::new(burst, 3607), format!("key-{unique}"));
        let backoff = KeyedLimit::backoff(lockout_after, format!("key-{unique}"));
        let memory = MemoryRateLimits::new(10);
        let mut now = fixtures::now();
        for (number, (step, passed)) in steps.iter().enumerate() {
            now += SignedDuration::from_micros(*passed);
            let limits = match step {
                Step::AcquireBudget => vec![budget("one", burst)],
                Step::AcquireBackoff => vec![backoff.clone()],
                _ => vec![budget("one", burst), backoff.clone(), budget("other", 7)],
            };
            match step {
                Step::Release => {
                    store.release(&limits, now).await.unwrap();
                    memory.release(&limits, now).await.unwrap();
                }
                Step::Clear => {
                    store.clear(&limits).await.unwrap();
                    memory.clear(&limits).await.unwrap();
                }
                _ => {
                    let decision = store.acquire(&limits, now).await.unwrap();
                    let expected = memory.acquire(&limits, now).await.unwrap();
                    assert_eq!(decision, expected, "step {number}, {step:?}");
                }
            }
        }
    }

    /// the scripts and the memory store return the same decisions.
    #[test]
    fn the_scripts_compute_what_the_memory_store_does() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let place = runtime.block_on(servers::redis());
        let settings = RedisSettings {
            url: place.url.parse().unwrap(),
            prefix: place.prefix,
        };
        let store = RedisStore::open(settings, CounterNames::for_trials()).unwrap();
        let config = ProptestConfig::with_cases(100);
        let lockout = prop_oneof![Just(None), Just(Some(10)), Just(Some(100))];
        proptest!(config, |(burst in 1u32..50, lockout_after in lockout, steps in steps())| {
            runtime.block_on(compare(&store, burst, lockout_after, &steps));
        });
    }
}
