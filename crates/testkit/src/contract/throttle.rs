//! Throttles: so many and no more, however many ask at once; and the longer, the more often one failed.
//!
//! A store whose time is its own goes on while a case runs, so a wait is only known to be no longer
//! than the case reckons; each case leaves so much room that a slow machine changes nothing.

use std::sync::Arc;
use std::time::Duration;

use doorward_domain::ports::{Allowance, Budget, Charge, Throttle};
use doorward_domain::throttle::Limits;
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

/// After so many guesses: so many more there may be before the stop.
fn left(guesses: i64) -> Allowance {
    let remaining = u32::try_from(100 - guesses).unwrap();
    Allowance::Allowed { remaining }
}

fn at(seconds: i64) -> Timestamp {
    fixtures::now() + SignedDuration::from_secs(seconds)
}

fn key() -> String {
    format!("key-{}", fixtures::unique())
}

fn one(budget: Budget, key: &str) -> Charge {
    Charge::budget(budget, key.to_owned())
}

/// A guess by a stranger at an account that cannot be recovered by mail.
fn guess(key: &str) -> Charge {
    Charge::guess(&Arc::new(Limits::default().slowing()), key.to_owned())
}

async fn taken(port: &Arc<dyn Throttle>, charge: &Charge, seconds: i64) -> Allowance {
    let charges = std::slice::from_ref(charge);
    let answers = port.take(charges, at(seconds)).await.unwrap();
    assert_eq!(answers.len(), 1);
    answers[0]
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
    let charge = one(BUDGET, &key());
    let take = async |seconds| taken(&port, &charge, seconds).await;
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
    let narrow = Budget {
        burst: 17,
        ..BUDGET
    };
    let wide = Budget {
        name: "wide",
        burst: 30,
        ..BUDGET
    };
    let both = [one(wide, &key()), one(narrow, &key())];
    let answers = race(200, |_| {
        let (port, charges) = (port.clone(), both.clone());
        async move { port.take(&charges, at(0)).await.unwrap() }
    });
    let allowed = answers
        .await
        .into_iter()
        .filter(|answers| answers.iter().all(is_allowed));
    assert_eq!(allowed.count(), 17);
    // What the narrow one refused was not taken from the wide one.
    assert_eq!(
        taken(&port, &both[0], 0).await,
        Allowance::Allowed { remaining: 12 }
    );
}

fn is_allowed(allowance: &Allowance) -> bool {
    matches!(allowance, Allowance::Allowed { .. })
}

pub async fn all_are_taken_from_or_none(port: Arc<dyn Throttle>) {
    let once = Budget { burst: 1, ..BUDGET };
    let (bucket, other, ben) = (one(BUDGET, &key()), one(once, &key()), guess(&key()));
    let all = [bucket.clone(), other.clone(), ben.clone()];
    let answers = port.take(&all, at(0)).await.unwrap();
    assert_eq!(
        answers,
        [Allowance::Allowed { remaining: 2 }, ALLOWED, left(1)]
    );
    for _ in 0..10 {
        let answers = port.take(&all, at(0)).await.unwrap();
        assert_eq!(answers[0], Allowance::Allowed { remaining: 1 });
        assert_waits(answers[1], 3600);
        assert_eq!(answers[2], left(2));
    }
    assert_eq!(port.take(&[], at(0)).await.unwrap(), []);
    // Given back, the budget is as it was, and the guess was none.
    port.give_back(&all, at(0)).await.unwrap();
    let answers = port.take(&all, at(0)).await.unwrap();
    assert_eq!(
        answers,
        [Allowance::Allowed { remaining: 2 }, ALLOWED, left(1)]
    );
    // A good one gives back too, and clears the guesses.
    for number in 2..4 {
        assert_eq!(taken(&port, &ben, 0).await, left(number));
    }
    assert!(!is_allowed(&taken(&port, &ben, 0).await));
    port.clear(&all, at(0)).await.unwrap();
    let answers = port.take(&all, at(0)).await.unwrap();
    assert!(answers.iter().all(is_allowed), "{answers:?}");
    // More is not given back than was taken.
    for _ in 0..5 {
        port.give_back(&all, at(0)).await.unwrap();
    }
    assert_eq!(
        taken(&port, &bucket, 0).await,
        Allowance::Allowed { remaining: 2 }
    );
}

pub async fn budgets_and_keys_are_apart(port: Arc<dyn Throttle>) {
    let once = Budget { burst: 1, ..BUDGET };
    let other = Budget {
        name: "other",
        ..once
    };
    let (first, second) = (key(), key());
    let take = async |budget, key: &str| taken(&port, &one(budget, key), 0).await;
    assert_eq!(take(once, &first).await, ALLOWED);
    assert_waits(take(once, &first).await, 3600);
    assert_eq!(take(once, &second).await, ALLOWED);
    assert_eq!(take(other, &first).await, ALLOWED);
    assert_eq!(taken(&port, &guess(&first), 0).await, left(1));
}

pub async fn guesses_slow_down_and_a_right_one_forgets(port: Arc<dyn Throttle>) {
    let ben = guess(&key());
    let guess = async |seconds| taken(&port, &ben, seconds).await;
    // Ten seconds apart, so that each is let in, up to where the pause is longer.
    for number in 0..49 {
        assert_eq!(guess(number * 10).await, left(number + 1));
    }
    assert_eq!(guess(500).await, left(50));
    // Ten seconds of pause from the fiftieth on.
    let Allowance::Denied { retry_after } = guess(500).await else {
        panic!("no pause after fifty failures");
    };
    assert!(retry_after <= Duration::from_secs(10), "{retry_after:?}");
    port.clear(std::slice::from_ref(&ben), at(500))
        .await
        .unwrap();
    for number in 1..4 {
        assert_eq!(guess(500).await, left(number));
    }
}

pub async fn two_hundred_guesses_at_once_count(port: Arc<dyn Throttle>) {
    let ben = guess(&key());
    // As if ninety-nine had failed before, so that the next stops all others for an hour.
    for number in 0..99 {
        assert_eq!(taken(&port, &ben, number * 10).await, left(number + 1));
    }
    let answers = race(200, |_| {
        let (port, ben) = (port.clone(), ben.clone());
        async move { taken(&port, &ben, 1000).await }
    });
    let allowed = answers
        .await
        .into_iter()
        .filter(|answer| *answer == ALLOWED);
    assert_eq!(allowed.count(), 1);
}

pub async fn a_guess_that_was_never_looked_at_does_not_count(port: Arc<dyn Throttle>) {
    let ben = guess(&key());
    let back = async |charge: &Charge, seconds| {
        let charges = std::slice::from_ref(charge);
        port.give_back(charges, at(seconds)).await.unwrap();
    };
    for _ in 0..200 {
        assert_eq!(taken(&port, &ben, 0).await, left(1));
        back(&ben, 0).await;
    }
    back(&guess(&key()), 0).await;
    // One that is taken back leaves those before it.
    for number in 0..99 {
        assert_eq!(taken(&port, &ben, number * 10).await, left(number + 1));
    }
    assert_eq!(taken(&port, &ben, 1000).await, ALLOWED);
    back(&ben, 1000).await;
    assert_eq!(taken(&port, &ben, 1000).await, ALLOWED);
    assert_waits(taken(&port, &ben, 1000).await, 3600);
}

pub async fn the_hundredth_guess_stops_the_guessing(port: Arc<dyn Throttle>) {
    let ben = guess(&key());
    for number in 0..100 {
        assert_eq!(taken(&port, &ben, number * 10).await, left(number + 1));
    }
    let guess = async |seconds| taken(&port, &ben, seconds).await;
    assert_waits(guess(990).await, 3600);
    assert_waits(guess(990 + 1800).await, 1800);
    assert_eq!(guess(990 + 3600).await, ALLOWED);
    assert_waits(guess(990 + 3600).await, 3600);
}

pub async fn where_there_is_a_way_back_the_stop_stays(port: Arc<dyn Throttle>) {
    let ladder = Arc::new(Limits::default().stopping());
    let ben = Charge::guess(&ladder, key());
    for number in 0..100 {
        assert_eq!(taken(&port, &ben, number * 10).await, left(number + 1));
    }
    let day = 24 * 3600;
    for days in [1, 30, 89] {
        let refused = taken(&port, &ben, 990 + days * day).await;
        assert!(!is_allowed(&refused), "after {days} days");
    }
    port.clear(std::slice::from_ref(&ben), at(day))
        .await
        .unwrap();
    assert_eq!(taken(&port, &ben, day).await, left(1));
}

pub async fn any_text_is_a_key(port: Arc<dyn Throttle>) {
    for key in ["", "{a}b", "a b\r\n", "grün 🌿", &"long ".repeat(20_000)] {
        let charges = [one(BUDGET, key), guess(key)];
        let answers = port.take(&charges, at(0)).await.unwrap();
        assert_eq!(answers, [Allowance::Allowed { remaining: 2 }, left(1)]);
        port.give_back(&charges, at(0)).await.unwrap();
        port.clear(&charges, at(0)).await.unwrap();
    }
}
