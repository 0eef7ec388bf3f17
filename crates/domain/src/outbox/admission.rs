//! The limits of mails, checked when a mail is sent.
//!
//! A mailbox has a limit on mails, regardless of who requests them. A mail above this ceiling waits, since the
//! owner of the mailbox may have requested it: the newest request is sent first, one at a time as the limit refills. It
//! replaces older waiting mails of the same account and kind.

use std::sync::Arc;

use jiff::Timestamp;

use crate::clock::Clock;
use crate::error::Error;
use crate::limits::{Decision, KeyedLimit, MAILBOX_CEILING, MailboxLimits, RateLimiter, interval};
use crate::model::{Job, MailJob, MailKind, MailLimit, Purpose};
use crate::policy::Policy;
use crate::store::{Condition, ReadStore, Records, Write};
use crate::writer::Writer;

/// Maximum number of mails that wait for one mailbox. The oldest above it are dropped: an attacker must neither fill the
/// outbox nor flood the mailbox for days.
const MAX_WAITING: usize = 10;
/// Number of mails to one mailbox that are read to find those that wait.
const MAX_READ: usize = 50;

/// Whether a mail may be sent.
pub(super) enum Admission {
    /// It may be sent now.
    Granted,
    /// It waits in the outbox until this time.
    WaitsUntil(Timestamp),
    /// It must be dropped.
    Dropped,
}

/// Decides whether a mail may be sent now.
pub(crate) struct MailAdmission {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) rate_limiter: Arc<RateLimiter>,
    pub(crate) mailbox_limits: Arc<MailboxLimits>,
    pub(crate) writer: Arc<Writer>,
}

impl MailAdmission {
    /// Counts a mail and decides whether it may be sent. `kind` is the mail that the recipient gets. The request that
    /// caused it is never rejected: that would reveal other sign-ups.
    pub(super) async fn admit(&self, job: &MailJob, kind: MailKind) -> Result<Admission, Error> {
        // A retry after a failed send is not counted again.
        if !self.policy.throttle || job.attempts > 1 {
            return Ok(Admission::Granted);
        }
        match (job.kind.row().limit, job.user_id) {
            (Some(MailLimit::Mailbox), _) => self.admit_to_mailbox(job, kind).await,
            (Some(MailLimit::User(name, rate)), Some(user_id)) => {
                let limit = KeyedLimit::for_user(name, rate, user_id);
                match self
                    .rate_limiter
                    .try_acquire(&limit, self.clock.now())
                    .await?
                {
                    Decision::Allowed { .. } => Ok(Admission::Granted),
                    Decision::Denied { .. } => Ok(Admission::Dropped),
                }
            }
            _ => Ok(Admission::Granted),
        }
    }

    async fn admit_to_mailbox(&self, job: &MailJob, kind: MailKind) -> Result<Admission, Error> {
        let Some(purpose) = limited_purpose(job) else {
            return Ok(Admission::Granted);
        };
        let now = self.clock.now();
        let ceiling = self
            .mailbox_limits
            .acquire_ceiling(purpose, &job.email, now)
            .await?;
        match ceiling {
            Decision::Allowed { .. } => Ok(Admission::Granted),
            Decision::Denied { retry_after } => {
                let next = now + retry_after.unwrap_or_else(|| interval(MAILBOX_CEILING));
                self.wait(job, kind, purpose, next).await
            }
        }
    }

    /// Schedules the waiting mails of the mailbox, including this one: the newest at `next`, and each older one an
    /// interval of the limit after the one before it.
    async fn wait(
        &self,
        job: &MailJob,
        kind: MailKind,
        purpose: Purpose,
        next: Timestamp,
    ) -> Result<Admission, Error> {
        let waiting = self.waiting_with(job, purpose).await?;
        let is_resend = |mail: &MailJob| mail.kind == MailKind::ConfirmationResend;
        let is_replaced_by = |older: &MailJob, newer: &MailJob| match kind {
            // The address has an owner: each of these mails says the same, except a resend, which is dropped when it is due.
            MailKind::AlreadyRegistered => !is_resend(older) && !is_resend(newer),
            _ => older.kind == newer.kind && older.user_id == newer.user_id,
        };
        let mut admission = Admission::Dropped;
        let (mut due_at, mut kept) = (next, 0);
        for (index, one) in waiting.iter().enumerate() {
            let is_replaced = waiting[..index]
                .iter()
                .any(|newer| is_replaced_by(one, newer));
            let is_kept = !is_replaced && kept < MAX_WAITING;
            // A write is stale if another worker has leased or deleted the mail.
            if one.id == job.id && is_kept {
                let postpone = Job::postpone(one.id, due_at, Vec::new());
                self.writer.apply_unless_stale(vec![postpone]).await?;
                admission = Admission::WaitsUntil(due_at);
            } else if one.id < job.id {
                let write = match is_kept {
                    true => Job::postpone(one.id, due_at, unleased_since(one)),
                    false => Write::delete_if::<Job>(one.id, unleased_since(one)),
                };
                self.writer.apply_unless_stale(vec![write]).await?;
            }
            if is_kept {
                kept += 1;
                due_at += interval(MAILBOX_CEILING);
            }
        }
        Ok(admission)
    }

    /// The mails of this purpose to the mailbox of `job` that were not sent yet, newest first, including `job`.
    async fn waiting_with(&self, job: &MailJob, purpose: Purpose) -> Result<Vec<MailJob>, Error> {
        let mails = Job::with_lookup(job.email.key())
            .only(MailJob::is_mail())
            .descending()
            .limit(MAX_READ);
        let mut mails: Vec<MailJob> = self.store.list_readable(mails).await?;
        mails.retain(|other| {
            // A mail with a second attempt was admitted.
            let is_new = other.attempts <= 1 && other.failed_at.is_none();
            is_new && other.id != job.id && limited_purpose(other) == Some(purpose)
        });
        mails.push(job.clone());
        mails.sort_by_key(|mail| std::cmp::Reverse(mail.id));
        Ok(mails)
    }
}

/// Purpose of the link, if the ceiling of the mailbox applies. A request for confirmation mails, which has no user, is not
/// a mail: each of the mails that replace it is counted.
fn limited_purpose(job: &MailJob) -> Option<Purpose> {
    let is_mail = job.kind != MailKind::ConfirmationResend || job.user_id.is_some();
    job.kind.mailbox_purpose().filter(|_| is_mail)
}

/// No worker has leased the mail since it was read.
fn unleased_since(read: &MailJob) -> Vec<Condition> {
    vec![
        Condition::is("attempts", 0),
        Condition::is("due_at", read.due_at),
    ]
}
