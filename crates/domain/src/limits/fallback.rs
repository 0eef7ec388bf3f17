//! Counters that nodes share, and this node's own while the shared ones are unavailable.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use jiff::Timestamp;

use super::MemoryRateLimits;
use crate::ports::{Decision, KeyedLimit, RateLimits, StoreError};

/// Counts on the shared store, and on this node while that fails: rate limits never fail open.
pub struct FallbackRateLimits {
    shared: Arc<dyn RateLimits>,
    local: MemoryRateLimits,
    is_local: AtomicBool,
}

impl FallbackRateLimits {
    /// Combines the two.
    pub fn new(shared: Arc<dyn RateLimits>, local: MemoryRateLimits) -> Self {
        Self {
            shared,
            local,
            is_local: AtomicBool::new(false),
        }
    }
}

#[async_trait]
impl RateLimits for FallbackRateLimits {
    async fn acquire(&self, limits: &[KeyedLimit], now: Timestamp) -> Result<Decision, StoreError> {
        match self.shared.acquire(limits, now).await {
            Ok(decision) => {
                if self.is_local.swap(false, Ordering::Relaxed) {
                    tracing::info!("shared throttle store available again");
                }
                Ok(decision)
            }
            Err(error) => {
                if !self.is_local.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        error = %error.cause,
                        "shared throttle store unavailable; counting on this node only"
                    );
                }
                Ok(self.local.acquire_now(limits, now))
            }
        }
    }

    /// An attempt that was counted on one store and cannot be released there stays counted: the client waits a
    /// little longer, which is safer than resetting an attacker's count.
    async fn release(&self, limits: &[KeyedLimit], now: Timestamp) -> Result<(), StoreError> {
        match self.is_local.load(Ordering::Relaxed) {
            true => self.local.release(limits, now).await,
            false => {
                let _ = self.shared.release(limits, now).await;
                Ok(())
            }
        }
    }

    async fn clear(&self, limits: &[KeyedLimit]) -> Result<(), StoreError> {
        let _ = self.shared.clear(limits).await;
        self.local.clear(limits).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Rate;

    /// Counts in memory, or fails.
    struct SharedStore {
        counters: MemoryRateLimits,
        is_down: AtomicBool,
    }

    impl SharedStore {
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
            limits: &[KeyedLimit],
            now: Timestamp,
        ) -> Result<Decision, StoreError> {
            self.check()?;
            self.counters.acquire(limits, now).await
        }

        async fn release(&self, limits: &[KeyedLimit], now: Timestamp) -> Result<(), StoreError> {
            self.check()?;
            self.counters.release(limits, now).await
        }

        async fn clear(&self, limits: &[KeyedLimit]) -> Result<(), StoreError> {
            self.check()?;
            self.counters.clear(limits).await
        }
    }

    /// attempts are limited during an outage of the shared store, and a correct password clears both
    /// counters.
    #[tokio::test]
    async fn this_node_counts_while_the_shared_store_is_down() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let shared = Arc::new(SharedStore {
            counters: MemoryRateLimits::new(100),
            is_down: AtomicBool::new(true),
        });
        let limits = FallbackRateLimits::new(shared.clone(), MemoryRateLimits::new(100));
        let budget = [KeyedLimit::budget(
            "test",
            Rate::new(3, 60),
            "key".to_owned(),
        )];
        let backoff = [KeyedLimit::backoff(Some(100), "ben".to_owned())];
        let acquire = async |limit: &[KeyedLimit]| {
            let decision = limits.acquire(limit, now).await.unwrap();
            matches!(decision, Decision::Allowed { .. })
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
}
