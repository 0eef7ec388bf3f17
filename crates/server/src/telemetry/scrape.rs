//! The response to a scrape: metrics that were reported, and metrics that are read from the database.
//!
//! The outbox and the unsealed audit events (L-01) are read at most every few seconds for all scrapes, within a
//! time limit. If the database is down, only their metrics are missing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use doorward_domain::Doorward;
use doorward_domain::outbox::OutboxStats;
use jiff::Timestamp;
use tokio::sync::{Mutex, watch};
use tokio::time::timeout;

use super::Metrics;

/// Maximum age of the values from the database.
const REFRESH_INTERVAL: Duration = Duration::from_secs(3);
/// Time limit for reading them. Prometheus waits ten seconds.
const QUERY_TIMEOUT: Duration = Duration::from_secs(3);

/// Responds to scrapes.
pub struct MetricsEndpoint {
    metrics: Arc<Metrics>,
    doorward: Arc<Doorward>,
    /// Expiry of the served certificate, if there is one.
    certificate_expires: Option<watch::Receiver<Timestamp>>,
    refreshed_at: Mutex<Option<Instant>>,
}

impl MetricsEndpoint {
    /// Creates it; reads nothing yet.
    pub fn new(
        metrics: Arc<Metrics>,
        doorward: Arc<Doorward>,
        certificate_expires: Option<watch::Receiver<Timestamp>>,
    ) -> Self {
        Self {
            metrics,
            doorward,
            certificate_expires,
            refreshed_at: Mutex::default(),
        }
    }

    /// Returns all metrics with their current values.
    pub async fn text(&self) -> String {
        let signed = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let (queue, limit) = (
            self.doorward.passwords.hashing_queue_depth(),
            self.doorward.passwords.hashing_queue_capacity(),
        );
        self.metrics.hash_queue.set(signed(queue));
        self.metrics.hash_queue_limit.set(signed(limit));
        if let Some(ends_at) = &self.certificate_expires {
            let gauge = &self.metrics.certificate_expires;
            let ends_at = ends_at.borrow().as_second() as f64;
            gauge.with_label_values::<&str>(&[]).set(ends_at);
        }
        self.refresh_database_metrics().await;
        self.metrics.text()
    }

    /// Reads the metrics of the database. Concurrent scrapes wait for the same result.
    async fn refresh_database_metrics(&self) {
        let mut refreshed_at = self.refreshed_at.lock().await;
        if refreshed_at.is_some_and(|at| at.elapsed() < REFRESH_INTERVAL) {
            return;
        }
        let look = async {
            tokio::try_join!(
                self.doorward.outbox.stats(),
                self.doorward.audit_chain.unsealed()
            )
        };
        let unsealed = &self.metrics.audit_unsealed;
        let cause = match timeout(QUERY_TIMEOUT, look).await {
            Ok(Ok((outbox, audit))) => {
                let now = self.doorward.now();
                self.metrics.outbox.set(&outbox, now);
                let age = seconds_since(audit.oldest, now);
                unsealed.with_label_values::<&str>(&[]).set(age);
                None
            }
            Ok(Err(error)) => Some(format!("{:#}", anyhow::Error::from(error))),
            Err(_) => Some(format!("no response within {} s", QUERY_TIMEOUT.as_secs())),
        };
        if let Some(error) = cause {
            tracing::debug!(error, "failed to read metrics from the database");
            self.metrics.scrape_errors.inc();
            self.metrics.outbox.clear();
            unsealed.reset();
        }
        *refreshed_at = Some(Instant::now());
    }
}

/// Returns 0 for `None` and for a time in the future.
fn seconds_since(at: Option<Timestamp>, now: Timestamp) -> f64 {
    at.map_or(0.0, |at| now.duration_since(at).as_secs_f64().max(0.0))
}

impl super::metrics::OutboxMetrics {
    fn set(&self, outbox: &OutboxStats, now: Timestamp) {
        for (gauge, value) in [
            (&self.waiting, outbox.waiting as f64),
            (&self.oldest_seconds, seconds_since(outbox.oldest_at, now)),
            (&self.overdue_seconds, seconds_since(outbox.due_at, now)),
            (&self.failed, outbox.failed as f64),
        ] {
            gauge.with_label_values::<&str>(&[]).set(value);
        }
    }

    /// Removes the values, since old ones would look current.
    fn clear(&self) {
        for gauge in [
            &self.waiting,
            &self.oldest_seconds,
            &self.overdue_seconds,
            &self.failed,
        ] {
            gauge.reset();
        }
    }
}
