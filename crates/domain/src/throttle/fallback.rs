//! Counters that nodes share, and this node's own for as long as those cannot be asked.
//!
//! Which counter raised a count is remembered, so that no other lowers it. To change when an operator
//! hears of an outage: [`Reach`] alone.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use quick_cache::sync::Cache;

use super::MemoryThrottle;
use crate::ports::{Allowance, Charge, Counted, StoreError, Throttle};

/// So long without a failure, and the shared counters are back. A Redis whose memory is full refuses
/// some requests and answers others, and must not be told of at each.
const QUIET: SignedDuration = SignedDuration::from_secs(10);
/// How many charges that this node alone has counted are known as such; they are given back, if at
/// all, within moments.
const REMEMBERED: usize = 10_000;

/// Counters that nodes share, and those of this node alone for as long as the others cannot be asked:
/// attempts are slowed down even then, and what needs no session goes on.
pub struct FallbackThrottle {
    shared: Arc<dyn Throttle>,
    local: MemoryThrottle,
    reach: Mutex<Reach>,
    /// What was taken here: key and moment.
    taken_here: Cache<(String, Timestamp), ()>,
}

impl FallbackThrottle {
    /// Puts the two together.
    pub fn new(shared: Arc<dyn Throttle>, local: MemoryThrottle) -> Self {
        Self {
            shared,
            local,
            reach: Mutex::default(),
            taken_here: Cache::new(REMEMBERED),
        }
    }

    /// Whether these were taken here; asked once.
    fn was_taken_here(&self, charges: &[Charge], now: Timestamp) -> bool {
        let forget = |charge: &Charge| self.taken_here.remove(&(charge.key.clone(), now));
        let found = charges.iter().filter_map(forget);
        found.count() > 0
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
    async fn take(&self, charges: &[Charge], now: Timestamp) -> Result<Vec<Allowance>, StoreError> {
        if let Some(answers) = self.heard(self.shared.take(charges, now).await, now) {
            return Ok(answers);
        }
        let answers = self.local.take_now(charges, now);
        let is_denied = |answer: &Allowance| matches!(answer, Allowance::Denied { .. });
        if !answers.iter().any(is_denied) {
            for charge in charges {
                self.taken_here.insert((charge.key.clone(), now), ());
            }
        }
        Ok(answers)
    }

    /// What was taken from the others and cannot be given back there counts: that slows somebody down
    /// for a while, and the other way round lets a guesser begin anew.
    async fn give_back(&self, charges: &[Charge], now: Timestamp) -> Result<(), StoreError> {
        match self.was_taken_here(charges, now) {
            true => self.local.give_back(charges, now).await,
            false => {
                self.heard(self.shared.give_back(charges, now).await, now);
                Ok(())
            }
        }
    }

    /// Both forget. Whether the others did is not asked: the question before this has told.
    async fn clear(&self, charges: &[Charge], now: Timestamp) -> Result<(), StoreError> {
        let was_taken_here = self.was_taken_here(charges, now);
        let (guesses, budgets): (Vec<_>, Vec<_>) = charges
            .iter()
            .cloned()
            .partition(|charge| matches!(charge.counted, Counted::Guess(_)));
        let everywhere = if was_taken_here { &guesses } else { charges };
        let _ = self.shared.clear(everywhere, now).await;
        if was_taken_here {
            self.local.give_back(&budgets, now).await?;
        }
        self.local.clear(&guesses, now).await
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
    use crate::ports::Budget;
    use crate::throttle::Limits;

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
            charges: &[Charge],
            now: Timestamp,
        ) -> Result<Vec<Allowance>, StoreError> {
            self.with(|kept| kept.take_now(charges, now))
        }

        async fn give_back(&self, charges: &[Charge], now: Timestamp) -> Result<(), StoreError> {
            self.with(|kept| now_or_never(kept.give_back(charges, now)))?
        }

        async fn clear(&self, charges: &[Charge], now: Timestamp) -> Result<(), StoreError> {
            self.with(|kept| now_or_never(kept.clear(charges, now)))?
        }
    }

    fn bucket() -> Vec<Charge> {
        vec![Charge::budget(BUDGET, "key".to_owned())]
    }

    fn ben() -> Vec<Charge> {
        let ladder = Arc::new(Limits::default().slowing());
        vec![Charge::guess(&ladder, "ben".to_owned())]
    }

    async fn takes(throttle: &FallbackThrottle, charges: &[Charge], now: Timestamp) -> bool {
        is_allowed(throttle.take(charges, now).await.unwrap()[0])
    }

    fn is_allowed(allowance: Allowance) -> bool {
        matches!(allowance, Allowance::Allowed { .. })
    }

    #[tokio::test]
    async fn while_the_shared_counters_are_away_this_node_counts() {
        let shared = Arc::new(Shared::default());
        let throttle = FallbackThrottle::new(shared.clone(), MemoryThrottle::new(100));
        let (bucket, ben) = (bucket(), ben());
        let take = async || takes(&throttle, &bucket, at(0)).await;
        let guess = async || takes(&throttle, &ben, at(0)).await;
        for _ in 0..3 {
            assert!(take().await);
            assert!(guess().await);
        }
        assert!(!take().await);
        assert!(!guess().await);
        shared.swap(Some(MemoryThrottle::new(100)));
        assert!(take().await, "the shared ones know of nothing");
        throttle.clear(&ben, at(1)).await.unwrap();
        shared.swap(None);
        assert!(!take().await, "this node has not forgotten");
        assert!(guess().await, "the right password came between");
        throttle.give_back(&ben, at(0)).await.unwrap();
        throttle.clear(&ben, at(0)).await.unwrap();
    }

    /// else whoever guesses while Redis comes and goes has tries for nothing.
    #[tokio::test]
    async fn a_guess_is_given_back_where_it_was_counted() {
        let shared = Arc::new(Shared::there());
        let throttle = FallbackThrottle::new(shared.clone(), MemoryThrottle::new(100));
        let ben = ben();
        let guess = async |now| takes(&throttle, &ben, now).await;
        let release = async |now| throttle.give_back(&ben, now).await.unwrap();
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
