//! The limit of mails in the outbox (H-05).
//!
//! While the outbox is full, requests that send mail are rejected, regardless of the address. Notices to users
//! about their own accounts are always accepted: there is one for each action of the user.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use jiff::{SignedDuration, Timestamp};

use crate::core::Core;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::model::{Job, MailJob};

/// Interval between counts of the outbox.
const REFRESH_INTERVAL: SignedDuration = SignedDuration::from_secs(3);

/// The state of the outbox, as this node knows it.
#[derive(Debug, Default)]
pub(crate) struct OutboxLimit {
    waiting: AtomicU64,
    was_full: AtomicBool,
    counted_at: Mutex<Option<Timestamp>>,
}

impl OutboxLimit {
    /// Adds mails that this node has written.
    pub(crate) fn add(&self, mails: usize) {
        self.waiting.fetch_add(mails as u64, Ordering::Relaxed);
    }

    /// Returns `true` if the outbox is due to be counted. The caller must then count it.
    fn is_due(&self, now: Timestamp) -> bool {
        let mut counted_at = self
            .counted_at
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let is_due = counted_at.is_none_or(|at| {
            let age = now.duration_since(at);
            age.is_negative() || age >= REFRESH_INTERVAL
        });
        if is_due {
            *counted_at = Some(now);
        }
        is_due
    }
}

impl Core {
    /// Rejects a request that would write a mail while the outbox is full.
    pub(crate) fn ensure_outbox_not_full(&self) -> Result<(), Error> {
        match self.outbox_limit.waiting.load(Ordering::Relaxed) < self.policy.max_outbox {
            true => Ok(()),
            false => Err(Error::Overloaded),
        }
    }

    /// Counts the queued mails. The worker calls this, so that requests do not query the outbox.
    pub(crate) async fn refresh_outbox_limit(&self, ctx: &Ctx) -> Result<(), Error> {
        let limit = &self.outbox_limit;
        if !limit.is_due(ctx.now) {
            return Ok(());
        }
        let waiting = self
            .ports
            .store
            .count_rows(Job::waiting().only(MailJob::is_mail()))
            .await?;
        limit.waiting.store(waiting, Ordering::Relaxed);
        let (max, is_full) = (self.policy.max_outbox, waiting >= self.policy.max_outbox);
        if limit.was_full.swap(is_full, Ordering::Relaxed) != is_full {
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
