//! Counters that nodes share, and this node's own for as long as those cannot be asked.
//!
//! Which counter raised a count is remembered, so that no other lowers it. To change when an operator
//! hears of an outage: [`Reach`] alone.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use quick_cache::sync::Cache;

use super::MemoryThrottle;
use crate::ports::{Allowance, Budget, StoreError, Throttle};

/// So long without a failure, and the shared counters are back. A Redis whose memory is full refuses
/// some requests and answers others, and must not be told of at each.
const QUIET: SignedDuration = SignedDuration::from_secs(10);
/// How many guesses that this node alone has counted are known as such; they are taken back, if at
/// all, within moments.
const REMEMBERED: usize = 10_000;

/// Counters that nodes share, and those of this node alone for as long as the others cannot be asked:
/// attempts are slowed down even then, and what needs no session goes on.
pub struct FallbackThrottle {
    shared: Arc<dyn Throttle>,
    local: MemoryThrottle,
    reach: Mutex<Reach>,
    /// The guesses that were reserved here: key and moment.
    reserved_here: Cache<(String, Timestamp), ()>,
}

impl FallbackThrottle {
    /// Puts the two together.
    pub fn new(shared: Arc<dyn Throttle>, local: MemoryThrottle) -> Self {
        Self {
            shared,
            local,
            reach: Mutex::default(),
            reserved_here: Cache::new(REMEMBERED),
        }
    }

    /// What the shared ones answered, where they did; says once when they go and when they are back.
    fn heard<T>(&self, answer: Result<T, StoreError>, now: Timestamp) -> Option<T> {
        let mut reach = self.reach.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = reach.hear(answer.is_ok(), now);
        drop(reach);
        match (turn, &answer) {
            (Some(Turn::Away), Err(error)) => {
                tracing::warn!(error = %error.cause, "attempts are counted by this node alone for now");
            }
            (Some(Turn::Back), _) => {
                tracing::info!("attempts are counted for all nodes together again");
            }
            _ => {}
        }
        answer.ok()
    }
}

#[async_trait]
impl Throttle for FallbackThrottle {
    async fn take(
        &self,
        budget: &Budget,
        key: &str,
        now: Timestamp,
    ) -> Result<Allowance, StoreError> {
        match self.heard(self.shared.take(budget, key, now).await, now) {
            Some(answer) => Ok(answer),
            None => self.local.take(budget, key, now).await,
        }
    }

    async fn reserve_guess(&self, key: &str, now: Timestamp) -> Result<Allowance, StoreError> {
        if let Some(answer) = self.heard(self.shared.reserve_guess(key, now).await, now) {
            return Ok(answer);
        }
        let allowance = self.local.reserve_guess(key, now).await?;
        if matches!(allowance, Allowance::Allowed { .. }) {
            self.reserved_here.insert((key.to_owned(), now), ());
        }
        Ok(allowance)
    }

    /// One that was reserved on the others and cannot be given back there counts: that slows
    /// somebody down for a while, and the other way round lets a guesser begin anew.
    async fn release_guess(&self, key: &str, now: Timestamp) -> Result<(), StoreError> {
        if self.reserved_here.remove(&(key.to_owned(), now)).is_some() {
            return self.local.release_guess(key, now).await;
        }
        self.heard(self.shared.release_guess(key, now).await, now);
        Ok(())
    }

    /// Both forget. Whether the others did is not asked: the guess before this has told.
    async fn clear_guesses(&self, key: &str) -> Result<(), StoreError> {
        let _ = self.shared.clear_guesses(key).await;
        self.local.clear_guesses(key).await
    }
}

/// Whether the shared counters can be asked, as an operator shall hear it.
#[derive(Debug, Default)]
struct Reach {
    /// The last failure, while they are away.
    failed_at: Option<Timestamp>,
}

/// What an operator shall hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Away,
    Back,
}

impl Reach {
    fn hear(&mut self, is_answered: bool, now: Timestamp) -> Option<Turn> {
        match (self.failed_at, is_answered) {
            (None, true) => None,
            (None, false) => {
                self.failed_at = Some(now);
                Some(Turn::Away)
            }
            // Requests are not heard in the order of their moments; and a clock may be put back.
            (Some(failed_at), true) if now.duration_since(failed_at).abs() < QUIET => None,
            (Some(_), true) => {
                self.failed_at = None;
                Some(Turn::Back)
            }
            (Some(_), false) => {
                self.failed_at = Some(now);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const BUDGET: Budget = Budget {
        name: "test",
        burst: 3,
        window: Duration::from_secs(60),
    };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + seconds).unwrap()
    }

    /// Answers as it is told to.
    #[derive(Default)]
    struct Shared {
        kept: Mutex<Option<MemoryThrottle>>,
    }

    impl Shared {
        fn there() -> Self {
            let kept = Mutex::new(Some(MemoryThrottle::new(100)));
            Self { kept }
        }

        /// Takes them away, or brings what was taken away back.
        fn swap(&self, other: Option<MemoryThrottle>) -> Option<MemoryThrottle> {
            std::mem::replace(&mut self.kept.lock().unwrap(), other)
        }

        fn with<T>(&self, ask: impl FnOnce(&MemoryThrottle) -> T) -> Result<T, StoreError> {
            match &*self.kept.lock().unwrap() {
                Some(kept) => Ok(ask(kept)),
                None => Err(StoreError::new("test", "told to be away")),
            }
        }
    }

    fn now_or_never<T>(future: impl Future<Output = T>) -> T {
        futures_util::FutureExt::now_or_never(future).expect("memory makes nobody wait")
    }

    #[async_trait]
    impl Throttle for Shared {
        async fn take(
            &self,
            budget: &Budget,
            key: &str,
            now: Timestamp,
        ) -> Result<Allowance, StoreError> {
            self.with(|kept| now_or_never(kept.take(budget, key, now)))?
        }

        async fn reserve_guess(&self, key: &str, now: Timestamp) -> Result<Allowance, StoreError> {
            self.with(|kept| now_or_never(kept.reserve_guess(key, now)))?
        }

        async fn release_guess(&self, key: &str, now: Timestamp) -> Result<(), StoreError> {
            self.with(|kept| now_or_never(kept.release_guess(key, now)))?
        }

        async fn clear_guesses(&self, key: &str) -> Result<(), StoreError> {
            self.with(|kept| now_or_never(kept.clear_guesses(key)))?
        }
    }

    fn is_allowed(allowance: Allowance) -> bool {
        matches!(allowance, Allowance::Allowed { .. })
    }

    #[tokio::test]
    async fn while_the_shared_counters_are_away_this_node_counts() {
        let shared = Arc::new(Shared::default());
        let throttle = FallbackThrottle::new(shared.clone(), MemoryThrottle::new(100));
        let take = async || throttle.take(&BUDGET, "key", at(0)).await.unwrap();
        for _ in 0..3 {
            assert!(is_allowed(take().await));
            throttle.reserve_guess("ben", at(0)).await.unwrap();
        }
        assert!(!is_allowed(take().await));
        let guess = async || throttle.reserve_guess("ben", at(0)).await.unwrap();
        assert!(!is_allowed(guess().await));
        shared.swap(Some(MemoryThrottle::new(100)));
        assert!(is_allowed(take().await), "the shared ones know of nothing");
        throttle.clear_guesses("ben").await.unwrap();
        shared.swap(None);
        assert!(!is_allowed(take().await), "this node has not forgotten");
        assert!(is_allowed(guess().await), "the right password came between");
        throttle.release_guess("ben", at(0)).await.unwrap();
        throttle.clear_guesses("ben").await.unwrap();
    }

    /// else whoever guesses while Redis comes and goes has tries for nothing.
    #[tokio::test]
    async fn a_guess_is_given_back_where_it_was_counted() {
        let shared = Arc::new(Shared::there());
        let throttle = FallbackThrottle::new(shared.clone(), MemoryThrottle::new(100));
        let guess = async |now| is_allowed(throttle.reserve_guess("ben", now).await.unwrap());
        let release = async |now| throttle.release_guess("ben", now).await.unwrap();
        // Three wrong ones on the shared counters: from then on there is a pause.
        for second in 0..3 {
            assert!(guess(at(second)).await);
        }
        let kept = shared.swap(None);
        assert!(guess(at(10)).await, "this node knows of none");
        shared.swap(kept);
        release(at(10)).await;
        assert!(!guess(at(2)).await, "the three still count");
        let kept = shared.swap(None);
        for second in 20..22 {
            assert!(guess(at(second)).await);
        }
        shared.swap(kept);
        assert!(guess(at(30)).await, "the fourth, on the shared counters");
        shared.swap(None);
        release(at(30)).await;
        assert!(guess(at(31)).await);
        assert!(!guess(at(31)).await, "three on this node, none given back");
    }

    #[test]
    fn they_are_back_when_nothing_has_failed_for_a_while() {
        let mut reach = Reach::default();
        assert_eq!(reach.hear(true, at(0)), None);
        assert_eq!(reach.hear(false, at(1)), Some(Turn::Away));
        // Full: some requests are answered, others are not.
        for second in 2..60 {
            assert_eq!(reach.hear(second % 2 == 0, at(second)), None, "{second}");
        }
        assert_eq!(reach.hear(true, at(68)), None);
        assert_eq!(reach.hear(true, at(69)), Some(Turn::Back));
        assert_eq!(reach.hear(true, at(70)), None);
        assert_eq!(reach.hear(false, at(71)), Some(Turn::Away));
        assert_eq!(reach.hear(true, at(-100)), Some(Turn::Back), "put back");
    }
}
