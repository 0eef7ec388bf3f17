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
