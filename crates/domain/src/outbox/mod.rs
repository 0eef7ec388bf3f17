//! Sends the mails in the outbox. The worker runs this.
//!
//! A mail is claimed under a lease, resolved to its current recipient and content, given its link, rendered, sent,
//! and deleted (`delivery`, `content`). A mail above the limit of its mailbox waits (`admission`). After a failure it stays
//! in the outbox and is retried: delivery is at least once, and exactly once if nothing fails. `model/mail_kind.rs` declares
//! what differs between the mails. `subscriber` queues the mails of an event, `queued_mails` limits their number. `manage` is what admins do with queued mails.

pub(crate) mod admission;
pub(crate) mod content;
pub(crate) mod delivery;
mod manage;
mod port;
mod queued_mails;
pub(crate) mod subscriber;

use std::sync::Arc;

use futures_util::future::join_all;

use crate::ctx::Ctx;
use crate::error::Error;
use crate::jobs::queue::JobQueue;
use crate::metric_event::MailFate;
use crate::model::{Job, LEASE_DURATION, MailJob};
use crate::store::{ReadStore, Row};

use delivery::MailDelivery;
pub use manage::{UnsentMails, ViewedMail};
pub use port::{MAIL_TIMEOUT, Mail, MailError, MailText, Mailer, OutboxStats};
pub(crate) use queued_mails::QueuedMails;

const _: () = assert!(MAIL_TIMEOUT.as_secs() + 20 <= LEASE_DURATION.as_secs().unsigned_abs());

/// Result of one run of the worker: numbers of mails.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryCounts {
    /// Accepted by the mail server.
    pub sent: usize,
    /// To be retried.
    pub deferred: usize,
    /// Failed permanently.
    pub failed: usize,
    /// Dropped: without a recipient, or over a limit.
    pub dropped: usize,
}

impl DeliveryCounts {
    /// Returns `true` if there was no mail to process.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn count(&mut self, fate: MailFate) {
        match fate {
            MailFate::Sent => self.sent += 1,
            MailFate::Deferred => self.deferred += 1,
            MailFate::Failed => self.failed += 1,
            MailFate::Dropped => self.dropped += 1,
        }
    }
}

/// Sends the mails in the outbox.
pub struct Outbox {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) job_queue: Arc<JobQueue>,
    pub(crate) queued_mails: Arc<QueuedMails>,
    pub(crate) mail_delivery: Arc<MailDelivery>,
}

impl Outbox {
    /// Sends up to `limit` due mails concurrently. One run of the worker.
    pub async fn deliver(&self, ctx: &Ctx, limit: usize) -> Result<DeliveryCounts, Error> {
        self.queued_mails.refresh(ctx).await?;
        let jobs: Vec<MailJob> = self.job_queue.claim(ctx, MailJob::kinds(), limit).await?;
        self.job_queue.hold(ctx, jobs.iter().map(MailJob::lease));
        if !jobs.is_empty() {
            // There may be more, for a task that waits.
            self.queued_mails.wake();
        }
        let mut delivered = DeliveryCounts::default();
        let runs = jobs
            .iter()
            .map(|job| self.mail_delivery.deliver_one(ctx, job));
        for fates in join_all(runs).await {
            fates?.into_iter().for_each(|fate| delivered.count(fate));
        }
        Ok(delivered)
    }

    /// Releases the leases on mails whose delivery was interrupted, so that another node, or the next start, sends
    /// them at once. Returns their number.
    pub async fn release_leases(&self) -> Result<usize, Error> {
        self.job_queue.release_leases().await
    }

    /// Ends all leases on mails. Only for the start of a process that has the database to itself: any lease then
    /// belongs to a process that died.
    pub async fn expire_leases(&self, ctx: &Ctx) -> Result<(), Error> {
        self.job_queue.expire_leases(ctx, MailJob::is_mail()).await
    }

    /// Counts the mails in the outbox.
    pub async fn stats(&self) -> Result<OutboxStats, Error> {
        let store = &self.store;
        let (waiting, failed) = (
            Job::waiting().only(MailJob::is_mail()),
            Job::failed().only(MailJob::is_mail()),
        );
        let oldest = Job::oldest_waiting().only(MailJob::is_mail());
        let oldest = store.list_rows(oldest).await?;
        let next = store.list_rows(waiting.clone().limit(1)).await?;
        let time = |rows: &[Row], column| rows.first().and_then(|row| row.get(column).as_time());
        Ok(OutboxStats {
            waiting: store.count_rows(waiting).await?,
            oldest_at: time(&oldest, "created_at"),
            due_at: time(&next, "due_at"),
            failed: store.count_rows(failed).await?,
        })
    }

    /// Counts the queued mails for the limit of the outbox, unless they were counted in the last seconds. Only for a process
    /// that does not [deliver](Self::deliver).
    pub async fn refresh_limit(&self, ctx: &Ctx) -> Result<(), Error> {
        self.queued_mails.refresh(ctx).await
    }

    /// Waits until this node has added a mail, or has found one that is due. For the worker.
    pub async fn mail_enqueued(&self) {
        self.queued_mails.enqueued().await;
    }
}
