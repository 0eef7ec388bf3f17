//! Counters that nodes share, and this node's own while the shared ones are unavailable.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use super::MemoryRateLimits;
use crate::limits::{Decision, KeyedLimit, RateLimits};
use crate::store::StoreError;

/// Counts on the shared store, and on this node while that fails: rate limits never fail open. The shared store
/// logs its outages.
///
/// A release applies to both: a store that is full rejects what an acquire writes and accepts a release. So a count of this
/// node that remains from an outage can be one less.
pub struct FallbackRateLimits {
    shared: Arc<dyn RateLimits>,
    local: MemoryRateLimits,
}

impl FallbackRateLimits {
    /// Combines the two.
    pub fn new(shared: Arc<dyn RateLimits>, local: MemoryRateLimits) -> Self {
        Self { shared, local }
    }
}

#[async_trait]
impl RateLimits for FallbackRateLimits {
    async fn acquire(&self, limit: &KeyedLimit, now: Timestamp) -> Result<Decision, StoreError> {
        match self.shared.acquire(limit, now).await {
            Ok(decision) => Ok(decision),
            Err(error) => {
                tracing::debug!(error = %error.cause, "counting on this node only");
                self.local.acquire(limit, now).await
            }
        }
    }

    async fn release(&self, limit: &KeyedLimit, now: Timestamp) -> Result<(), StoreError> {
        // A failure is logged by the store.
        drop(self.shared.release(limit, now).await);
        self.local.release(limit, now).await
    }

    async fn clear(&self, limit: &KeyedLimit) -> Result<u32, StoreError> {
        let shared = self.shared.clear(limit).await.unwrap_or(0);
        Ok(self.local.clear(limit).await?.max(shared))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::values::Rate;

    /// Counts in memory, or fails.
    struct SharedStore {
        counters: MemoryRateLimits,
        is_down: AtomicBool,
        /// Acquires fail, because they write.
        is_full: AtomicBool,
    }

    impl SharedStore {
        fn new() -> Arc<Self> {
            Arc::new(Self {
                counters: MemoryRateLimits::new(100),
                is_down: AtomicBool::new(false),
                is_full: AtomicBool::new(false),
            })
        }

        fn check(&self) -> Result<(), StoreError> {
            match self.is_down.load(Ordering::Relaxed) {
                true => Err(StoreError::new("test", "down")),
                false => Ok(()),
            }
        }
    }

    #[async_trait]
    impl RateLimits for SharedStore {
        async fn acquire(
            &self,
            limit: &KeyedLimit,
            now: Timestamp,
        ) -> Result<Decision, StoreError> {
            self.check()?;
            if self.is_full.load(Ordering::Relaxed) {
                return Err(StoreError::new("test", "full"));
            }
            self.counters.acquire(limit, now).await
        }

        async fn release(&self, limit: &KeyedLimit, now: Timestamp) -> Result<(), StoreError> {
            self.check()?;
            self.counters.release(limit, now).await
        }

        async fn clear(&self, limit: &KeyedLimit) -> Result<u32, StoreError> {
            self.check()?;
            self.counters.clear(limit).await
        }
    }

    /// attempts are limited during an outage of the shared store, and a correct password clears both
    /// counters.
    #[tokio::test]
    async fn this_node_counts_while_the_shared_store_is_down() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let shared = SharedStore::new();
        shared.is_down.store(true, Ordering::Relaxed);
        let limits = FallbackRateLimits::new(shared.clone(), MemoryRateLimits::new(100));
        let budget = KeyedLimit::budget("test", Rate::new(3, 60), "key".to_owned());
        let backoff = KeyedLimit::backoff(Some(100), "ben".to_owned());
        let acquire = async |limit| {
            let decision = limits.acquire(limit, now).await;
            decision.unwrap().is_allowed()
        };
        for _ in 0..3 {
            assert!(acquire(&budget).await);
            assert!(acquire(&backoff).await);
        }
        assert!(!acquire(&budget).await);
        assert!(!acquire(&backoff).await);
        limits.release(&budget, now).await.unwrap();
        assert!(acquire(&budget).await, "released on this node");
        shared.is_down.store(false, Ordering::Relaxed);
        assert!(
            acquire(&budget).await,
            "the shared store has counted nothing"
        );
        limits.clear(&backoff).await.unwrap();
        shared.is_down.store(true, Ordering::Relaxed);
        assert!(!acquire(&budget).await, "this node still counts");
        assert!(acquire(&backoff).await, "cleared on both");
    }

    /// a full store rejects what an acquire writes, and accepts a release.
    #[tokio::test]
    async fn a_release_counts_while_the_shared_store_is_full() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let shared = SharedStore::new();
        shared.is_full.store(true, Ordering::Relaxed);
        let limits = FallbackRateLimits::new(shared, MemoryRateLimits::new(100));
        let backoff = KeyedLimit::backoff(Some(10), "ben".to_owned());
        for _ in 0..20 {
            let decision = limits.acquire(&backoff, now).await.unwrap();
            assert!(decision.is_allowed());
            limits.release(&backoff, now).await.unwrap();
        }
    }
}
