//! One answer to a Prometheus: the figures that were told of, and those that have to be asked for.
//!
//! The outbox, and what of the audit log waits for its seal (L-01), are asked for every few seconds at
//! most, however many ask, and for no longer than a scrape can wait; a database that is away costs their
//! figures and no other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use doorward_domain::Accounts;
use doorward_domain::ports;
use jiff::Timestamp;
use tokio::sync::{Mutex, watch};
use tokio::time::timeout;

use super::Figures;

/// How old a look at the database may be.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// How long a look may take. Prometheus waits ten seconds.
const PATIENCE: Duration = Duration::from_secs(3);

/// Answers scrapes.
pub struct Scrape {
    figures: Arc<Figures>,
    accounts: Arc<Accounts>,
    /// When the certificate ends, where one is shown.
    certificate_ends: Option<watch::Receiver<Timestamp>>,
    looked_at: Mutex<Option<Instant>>,
}

impl Scrape {
    /// Puts them together.
    pub fn new(
        figures: Arc<Figures>,
        accounts: Arc<Accounts>,
        certificate_ends: Option<watch::Receiver<Timestamp>>,
    ) -> Self {
        Self {
            figures,
            accounts,
            certificate_ends,
            looked_at: Mutex::default(),
        }
    }

    /// All figures, as of now.
    pub async fn text(&self) -> String {
        let signed = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let (queue, limit) = (
            self.accounts.hashing_queue_depth(),
            self.accounts.hashing_queue_capacity(),
        );
        self.figures.hash_queue.set(signed(queue));
        self.figures.hash_queue_limit.set(signed(limit));
        if let Some(ends_at) = &self.certificate_ends {
            let gauge = &self.figures.certificate_ends;
            let ends_at = ends_at.borrow().as_second() as f64;
            gauge.with_label_values::<&str>(&[]).set(ends_at);
        }
        self.look_at_database().await;
        self.figures.text()
    }

    /// Whoever comes while another looks waits for what that one sees.
    async fn look_at_database(&self) {
        let mut looked_at = self.looked_at.lock().await;
        if looked_at.is_some_and(|at| at.elapsed() < LOOK_EVERY) {
            return;
        }
        let look =
            async { tokio::try_join!(self.accounts.outbox(), self.accounts.unsealed_audit()) };
        let unsealed = &self.figures.audit_unsealed;
        let cause = match timeout(PATIENCE, look).await {
            Ok(Ok((outbox, audit))) => {
                let now = self.accounts.now();
                self.figures.outbox.show(&outbox, now);
                let age = seconds_since(audit.oldest, now);
                unsealed.with_label_values::<&str>(&[]).set(age);
                None
            }
            Ok(Err(error)) => Some(format!("{:#}", anyhow::Error::from(error))),
            Err(_) => Some(format!("no response within {} s", PATIENCE.as_secs())),
        };
        if let Some(error) = cause {
            tracing::debug!(error, "failed to read metrics from the database");
            self.figures.scrape_errors.inc();
            self.figures.outbox.hide();
            unsealed.reset();
        }
        *looked_at = Some(Instant::now());
    }
}

/// Nothing where there is nothing, or it is of a time to come.
fn seconds_since(at: Option<Timestamp>, now: Timestamp) -> f64 {
    at.map_or(0.0, |at| now.duration_since(at).as_secs_f64().max(0.0))
}

impl super::figures::Outbox {
    fn show(&self, outbox: &ports::Outbox, now: Timestamp) {
        for (gauge, value) in [
            (&self.waiting, outbox.waiting as f64),
            (&self.oldest_seconds, seconds_since(outbox.oldest_at, now)),
            (&self.overdue_seconds, seconds_since(outbox.due_at, now)),
            (&self.failed, outbox.failed as f64),
        ] {
            gauge.with_label_values::<&str>(&[]).set(value);
        }
    }

    /// A value of an earlier look would look like one of now.
    fn hide(&self) {
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
