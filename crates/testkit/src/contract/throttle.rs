//! Throttles: so many and no more, however many ask at once; and the longer, the more often one failed.
//!
//! A store whose time is its own goes on while a case runs, so a wait is only known to be no longer
//! than the case reckons; each case leaves so much room that a slow machine changes nothing.

use std::sync::Arc;
use std::time::Duration;

use doorward_domain::ports::{Allowance, Budget, Throttle};
use jiff::{SignedDuration, Timestamp};

use super::race;
use crate::fixtures;

/// One comes back every twenty minutes.
const BUDGET: Budget = Budget {
    name: "test",
    burst: 3,
    window: Duration::from_secs(3600),
};

const ALLOWED: Allowance = Allowance::Allowed { remaining: 0 };

fn at(seconds: i64) -> Timestamp {
    fixtures::now() + SignedDuration::from_secs(seconds)
}

fn key() -> String {
    format!("key-{}", fixtures::unique())
}

/// It is to wait so long, or so much less as the case may have taken so far.
#[track_caller]
fn assert_waits(allowance: Allowance, seconds: u64) {
    let Allowance::Denied { retry_after } = allowance else {
        panic!("{allowance:?}, not a wait of {seconds} s");
    };
    let longest = Duration::from_secs(seconds);
    let shortest = longest.saturating_sub(Duration::from_secs(60));
    assert!(
        shortest < retry_after && retry_after <= longest,
        "{retry_after:?}, not {longest:?}"
    );
}

pub async fn a_budget_is_used_up_and_comes_back_bit_by_bit(port: Arc<dyn Throttle>) {
    let key = key();
    let take = async |seconds| port.take(&BUDGET, &key, at(seconds)).await.unwrap();
    for remaining in [2, 1, 0] {
        assert_eq!(take(0).await, Allowance::Allowed { remaining });
    }
    assert_waits(take(0).await, 1200);
    assert_waits(take(600).await, 600);
    assert_eq!(take(1200).await, ALLOWED);
    assert_waits(take(1200).await, 1200);
    assert_eq!(take(9000).await, Allowance::Allowed { remaining: 2 });
}

pub async fn two_hundred_at_once_get_exactly_the_burst(port: Arc<dyn Throttle>) {
    let budget = Budget {
        burst: 17,
        ..BUDGET
    };
    let key = key();
    let answers = race(200, |_| {
        let (port, key) = (port.clone(), key.clone());
        async move { port.take(&budget, &key, at(0)).await.unwrap() }
    });
    let allowed = answers
        .await
        .into_iter()
        .filter(|answer| matches!(answer, Allowance::Allowed { .. }));
    assert_eq!(allowed.count(), 17);
}

pub async fn budgets_and_keys_are_apart(port: Arc<dyn Throttle>) {
    let once = Budget { burst: 1, ..BUDGET };
    let other = Budget {
        name: "other",
        ..once
    };
    let (first, second) = (key(), key());
    let take = async |budget: &Budget, key: &str| port.take(budget, key, at(0)).await.unwrap();
    assert_eq!(take(&once, &first).await, ALLOWED);
    assert_waits(take(&once, &first).await, 3600);
    assert_eq!(take(&once, &second).await, ALLOWED);
    assert_eq!(take(&other, &first).await, ALLOWED);
    assert_eq!(port.reserve_guess(&first, at(0)).await.unwrap(), ALLOWED);
}

pub async fn guesses_slow_down_and_a_right_one_forgets(port: Arc<dyn Throttle>) {
    let key = key();
    let guess = async |seconds| port.reserve_guess(&key, at(seconds)).await.unwrap();
    // Ten seconds apart, so that each is let in, up to where the pause is longer.
    for number in 0..49 {
        assert_eq!(guess(number * 10).await, ALLOWED, "guess {number}");
    }
    assert_eq!(guess(500).await, ALLOWED);
    // Ten seconds of pause from the fiftieth on.
    let Allowance::Denied { retry_after } = guess(500).await else {
        panic!("no pause after fifty failures");
    };
    assert!(retry_after <= Duration::from_secs(10), "{retry_after:?}");
    port.clear_guesses(&key).await.unwrap();
    for _ in 0..3 {
        assert_eq!(guess(500).await, ALLOWED);
    }
}

pub async fn two_hundred_guesses_at_once_count(port: Arc<dyn Throttle>) {
    let key = key();
    // As if ninety-nine had failed before, so that the next stops all others for an hour.
    for number in 0..99 {
        let guessed = port.reserve_guess(&key, at(number * 10)).await.unwrap();
        assert_eq!(guessed, ALLOWED);
    }
    let answers = race(200, |_| {
        let (port, key) = (port.clone(), key.clone());
        async move { port.reserve_guess(&key, at(1000)).await.unwrap() }
    });
    let allowed = answers
        .await
        .into_iter()
        .filter(|answer| *answer == ALLOWED);
    assert_eq!(allowed.count(), 1);
}

pub async fn a_guess_that_was_never_looked_at_does_not_count(port: Arc<dyn Throttle>) {
    let key = key();
    for _ in 0..200 {
        assert_eq!(port.reserve_guess(&key, at(0)).await.unwrap(), ALLOWED);
        port.release_guess(&key, at(0)).await.unwrap();
    }
    port.release_guess(&fixtures::unique().to_string(), at(0))
        .await
        .unwrap();
    // One that is taken back leaves those before it.
    for number in 0..99 {
        assert_eq!(
            port.reserve_guess(&key, at(number * 10)).await.unwrap(),
            ALLOWED
        );
    }
    assert_eq!(port.reserve_guess(&key, at(1000)).await.unwrap(), ALLOWED);
    port.release_guess(&key, at(1000)).await.unwrap();
    assert_eq!(port.reserve_guess(&key, at(1000)).await.unwrap(), ALLOWED);
    assert_waits(port.reserve_guess(&key, at(1000)).await.unwrap(), 3600);
}

pub async fn the_hundredth_guess_stops_the_guessing(port: Arc<dyn Throttle>) {
    let key = key();
    for number in 0..100 {
        let guessed = port.reserve_guess(&key, at(number * 10)).await.unwrap();
        assert_eq!(guessed, ALLOWED, "guess {number}");
    }
    let guess = async |seconds| port.reserve_guess(&key, at(seconds)).await.unwrap();
    assert_waits(guess(990).await, 3600);
    assert_waits(guess(990 + 1800).await, 1800);
    assert_eq!(guess(990 + 3600).await, ALLOWED);
    assert_waits(guess(990 + 3600).await, 3600);
}

pub async fn any_text_is_a_key(port: Arc<dyn Throttle>) {
    for key in ["", "{a}b", "a b\r\n", "grün 🌿", &"long ".repeat(20_000)] {
        assert_eq!(
            port.take(&BUDGET, key, at(0)).await.unwrap(),
            Allowance::Allowed { remaining: 2 }
        );
        assert_eq!(port.reserve_guess(key, at(0)).await.unwrap(), ALLOWED);
        port.release_guess(key, at(0)).await.unwrap();
        port.clear_guesses(key).await.unwrap();
    }
}
