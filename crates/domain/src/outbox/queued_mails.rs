//! The limit of mails in the outbox (H-05).
//!
//! While the outbox is full, requests that send mail are rejected, regardless of the address. Notices to users
//! about their own accounts are always accepted: there is one for each action of the user.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use crate::ctx::Ctx;
use crate::error::Error;
use crate::model::{Job, MailJob};
use crate::store::ReadStore;

/// Interval between counts of the outbox.
const REFRESH_INTERVAL: SignedDuration = SignedDuration::from_secs(3);

/// The number of queued mails, as this node knows it.
pub(crate) struct QueuedMails {
    store: Arc<dyn ReadStore>,
    /// Maximum number of queued mails.
    max: u64,
    waiting: AtomicU64,
    was_full: AtomicBool,
    counted_at: Mutex<Option<Timestamp>>,
    enqueued: Notify,
}

impl QueuedMails {
    /// None are queued yet.
    pub(crate) fn new(store: Arc<dyn ReadStore>, max: u64) -> Self {
        Self {
            store,
            max,
            waiting: AtomicU64::new(0),
            was_full: AtomicBool::new(false),
            counted_at: Mutex::new(None),
            enqueued: Notify::new(),
        }
    }

    /// Adds mails that this node has written, and wakes the worker.
    pub(crate) fn add(&self, mails: usize) {
        self.waiting.fetch_add(mails as u64, Ordering::Relaxed);
        self.wake();
    }

    /// Wakes the worker.
    pub(crate) fn wake(&self) {
        self.enqueued.notify_one();
    }

    /// Waits until the worker is woken.
    pub(crate) async fn enqueued(&self) {
        self.enqueued.notified().await;
    }

    /// Returns `true` if the outbox is due to be counted. The caller must then count it.
    fn is_due(&self, now: Timestamp) -> bool {
        let mut counted_at = self
            .counted_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let is_due = counted_at.is_none_or(|at| {
            let age = now.duration_since(at);
            age.is_negative() || age >= REFRESH_INTERVAL
        });
        if is_due {
            *counted_at = Some(now);
        }
        is_due
    }

    /// Rejects a request that would write a mail while the outbox is full.
    pub(crate) fn ensure_not_full(&self) -> Result<(), Error> {
        match self.waiting.load(Ordering::Relaxed) < self.max {
            true => Ok(()),
            false => Err(Error::Overloaded),
        }
    }

    /// Counts the queued mails. The worker calls this, so that requests do not query the outbox.
    pub(crate) async fn refresh(&self, ctx: &Ctx) -> Result<(), Error> {
        if !self.is_due(ctx.now) {
            return Ok(());
        }
        let waiting = self
            .store
            .count_rows(Job::waiting().only(MailJob::is_mail()))
            .await?;
        self.waiting.store(waiting, Ordering::Relaxed);
        let (max, is_full) = (self.max, waiting >= self.max);
        if self.was_full.swap(is_full, Ordering::Relaxed) != is_full {
            match is_full {
                true => tracing::error!(
                    waiting,
                    limits.outbox = max,
                    "outbox full: requests that send mail are rejected with 503. Check the mail server and the source of the requests"
                ),
                false => tracing::info!(waiting, "outbox no longer full"),
            }
        }
        Ok(())
    }
}
