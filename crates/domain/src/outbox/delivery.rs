//! Delivers one mail: sends it, or drops it, and decides about the next attempt.

use std::sync::Arc;

use futures_util::future::join_all;
use jiff::SignedDuration;

use super::admission::{Admission, MailAdmission};
use super::content::{MailContent, Outgoing};
use crate::clock::{Clock, RandomSource};
use crate::ctx::Ctx;
use crate::error::{Error, chain};
use crate::events::Event;
use crate::jobs::queue::JobQueue;
use crate::limits::{MAILBOX, MAILBOX_CEILING};
use crate::metric_event::{MailFate, MetricEvent};
use crate::model::{Job, LEASE_DURATION, MailJob, MailKind, User};
use crate::outbox::{Mail, MailError, Mailer};
use crate::policy::Policy;
use crate::store::{ReadStore, Records, Write};
use crate::values::JobId;
use crate::writer::Writer;

/// Minimum and maximum delay between two attempts.
const MIN_RETRY_SECONDS: i64 = 2;
const MAX_RETRY_SECONDS: i64 = 1800;
/// Maximum number of users that one request for the confirmation mail reaches, newest first.
const MAX_RESENT: usize = 3;
/// One network cannot use up the ceiling of a mailbox. Both limits refill in the same time, so that holds at any moment.
const _: () = assert!(MAILBOX.burst as usize * MAX_RESENT < MAILBOX_CEILING.burst as usize);

/// Delivers mails.
pub(crate) struct MailDelivery {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) random: Arc<dyn RandomSource>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) mailer: Arc<dyn Mailer>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) job_queue: Arc<JobQueue>,
    pub(crate) mail_content: Arc<MailContent>,
    pub(crate) mail_admission: Arc<MailAdmission>,
    pub(crate) writer: Arc<Writer>,
}

impl MailDelivery {
    /// Delivers one mail, in a separate trace: the request that queued it has already ended.
    #[tracing::instrument(
        name = "deliver_mail",
        level = "trace",
        skip_all,
        fields(doorward.mail.kind = job.kind.as_str(), doorward.mail.attempt = job.attempts)
    )]
    pub(super) async fn deliver_one(
        &self,
        ctx: &Ctx,
        job: &MailJob,
    ) -> Result<Vec<MailFate>, Error> {
        let fates = match (job.kind, job.user_id) {
            (MailKind::ConfirmationResend, None) => self.resend_confirmation(ctx, job).await?,
            _ => vec![self.deliver_resolved(ctx, job).await?],
        };
        self.job_queue.done(job.id);
        Ok(fates)
    }

    async fn deliver_resolved(&self, ctx: &Ctx, job: &MailJob) -> Result<MailFate, Error> {
        let fate = match self.mail_content.resolve(job).await? {
            Some(mail) => self.send(ctx, job, &mail).await?,
            None => self.drop_mail(job).await?,
        };
        self.job_queue.done(job.id);
        Ok(fate)
    }

    /// Replaces a request for the confirmation mail by one mail for each of the newest users with this pending
    /// address, and delivers them. This worker has the leases on the new mails.
    async fn resend_confirmation(&self, ctx: &Ctx, job: &MailJob) -> Result<Vec<MailFate>, Error> {
        let store = &self.store;
        let key = job.email.key();
        let pending = User::with_pending_email(key).limit(MAX_RESENT);
        let users: Vec<User> = store.list_readable(pending).await?;
        let owner: Option<User> = store.find(User::EMAIL_KEY, key).await?;
        if owner.is_some() || users.is_empty() {
            return Ok(vec![self.drop_mail(job).await?]);
        }
        // Their ids have the same time, so waiting mails are sent in random order: repeated resends do not always delay
        // the same user.
        let mails = users.into_iter().map(|user| MailJob {
            id: JobId::generate(ctx.now, &*self.random),
            user_id: Some(user.id),
            attempts: 1,
            due_at: self.clock.now() + LEASE_DURATION,
            ..job.clone()
        });
        let mails: Vec<_> = mails.collect();
        let mut changes = vec![
            Write::check::<MailJob>(job.id, Vec::new()),
            Write::delete::<MailJob>(job.id),
        ];
        changes.extend(mails.iter().map(Write::insert));
        if !self.writer.apply_unless_stale(changes).await? {
            // Another worker has replaced it after the lease expired.
            return Ok(Vec::new());
        }
        self.job_queue.hold(ctx, mails.iter().map(MailJob::lease));
        let runs = mails.iter().map(|mail| self.deliver_resolved(ctx, mail));
        join_all(runs).await.into_iter().collect()
    }

    async fn send(&self, ctx: &Ctx, job: &MailJob, mail: &Outgoing) -> Result<MailFate, Error> {
        if let Some(fate) = self.hold_back(job, mail.kind).await? {
            return Ok(fate);
        }
        let Some(composed) = self.mail_content.compose(ctx, job, mail).await? else {
            return self.drop_mail(job).await;
        };
        if let Err(error) = self.mailer.send(&composed).await {
            return self.send_failed(ctx, job, &composed, &error).await;
        }
        let mut changes = vec![Write::delete::<MailJob>(job.id)];
        let user_id = mail.user.id;
        self.writer
            .emit(ctx, Event::MailSent { user_id, job }, &mut changes);
        if job.kind == MailKind::Recovery {
            let mailed = Event::RecoveryMailed {
                user_id,
                mail: job.id,
            };
            self.writer.emit(ctx, mailed, &mut changes);
        }
        self.writer.apply(changes).await?;
        tracing::info!(mail.id = %job.id, mail.kind = job.kind.as_str(), mail.attempt = job.attempts, "mail sent");
        Ok(self.record(job, MailFate::Sent))
    }

    /// Lets a mail above its limit wait, or drops it. Returns `None` if it may be sent.
    async fn hold_back(&self, job: &MailJob, kind: MailKind) -> Result<Option<MailFate>, Error> {
        match self.mail_admission.admit(job, kind).await? {
            Admission::Granted => Ok(None),
            Admission::WaitsUntil(due_at) => {
                tracing::warn!(mail.id = %job.id, mail.kind = job.kind.as_str(), mail.due_at = %due_at, "mail waits: limit of its mailbox reached");
                Ok(Some(self.record(job, MailFate::Deferred)))
            }
            Admission::Dropped => {
                tracing::warn!(mail.id = %job.id, mail.kind = job.kind.as_str(), "mail dropped: limit reached");
                self.drop_mail(job).await.map(Some)
            }
        }
    }

    async fn send_failed(
        &self,
        ctx: &Ctx,
        job: &MailJob,
        mail: &Mail,
        error: &MailError,
    ) -> Result<MailFate, Error> {
        let (cause, reply) = (without_secret(chain(error), mail), chain(&*error.cause));
        let reply = without_secret(reply, mail);
        let now = self.clock.now();
        let age = now.duration_since(job.created_at);
        if error.permanent || age >= self.policy.mail_lifetime {
            tracing::error!(mail.id = %job.id, mail.kind = job.kind.as_str(), mail.attempt = job.attempts, error = %cause, "mail failed permanently");
            return self.fail(ctx, job, &reply).await;
        }
        let due_at = now + retry_delay(age);
        let retry = Job::retry_at(job.id, due_at, job.failed_attempt(&reply));
        self.job_queue.update(retry).await?;
        tracing::warn!(mail.id = %job.id, mail.kind = job.kind.as_str(), mail.attempt = job.attempts, mail.due_at = %due_at, error = %cause, "mail deferred");
        Ok(self.record(job, MailFate::Deferred))
    }

    async fn fail(&self, ctx: &Ctx, job: &MailJob, reply: &str) -> Result<MailFate, Error> {
        let fail = Job::fail(job.id, self.clock.now(), job.failed_attempt(reply));
        let mut failed = vec![fail];
        self.writer
            .emit(ctx, Event::MailFailed { job }, &mut failed);
        match self.writer.apply_unless_stale(failed).await? {
            true => Ok(self.record(job, MailFate::Failed)),
            // The mail was deleted with its user.
            false => self.drop_mail(job).await,
        }
    }

    async fn drop_mail(&self, job: &MailJob) -> Result<MailFate, Error> {
        let delete = Write::delete::<MailJob>(job.id);
        self.writer.apply(vec![delete]).await?;
        Ok(self.record(job, MailFate::Dropped))
    }

    fn record(&self, job: &MailJob, fate: MailFate) -> MailFate {
        self.writer.record(MetricEvent::Mail(job.kind, fate));
        fate
    }
}

/// Removes the secret of the mail's link from an error: a server can quote the mail that it rejects.
fn without_secret(error: String, mail: &Mail) -> String {
    match mail.kind.has_secret_link() {
        true => without_secret_of(&mail.url, error),
        false => error,
    }
}

/// Removes the secret at the end of a link. The last link may have only a part of it, since long replies are cut.
fn without_secret_of(link: &str, error: String) -> String {
    let Some(length) = link.rfind('/').map(|slash| slash + 1) else {
        return error;
    };
    let (page, secret) = link.split_at(length);
    let error = error.replace(secret, "***");
    let is_in_secrets = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    match error.rsplit_once(page) {
        Some((before, rest)) if rest.starts_with(is_in_secrets) => format!("{before}{page}***"),
        _ => error,
    }
}

/// Returns the delay before the next attempt: a quarter of the mail's age, from 2 seconds to 30 minutes. After a
/// short outage delivery resumes soon, and a long outage causes few attempts.
fn retry_delay(waited: SignedDuration) -> SignedDuration {
    let quarter = waited.as_secs() / 4;
    SignedDuration::from_secs(quarter.clamp(MIN_RETRY_SECONDS, MAX_RETRY_SECONDS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_removed_from_an_error_also_if_it_is_cut() {
        let link = "https://accounts.example/confirmation/abcdef";
        for (error, shown) in [
            ("451 try later", "451 try later"),
            (
                "550 https://accounts.example/confirmation/abcdef is refused",
                "550 https://accounts.example/confirmation/*** is refused",
            ),
            (
                "550 https://accounts.example/confirmation/abc…",
                "550 https://accounts.example/confirmation/***",
            ),
            (
                "550 https://accounts.example/confirmation/abcdef and https://accounts.example/confirmation/abc",
                "550 https://accounts.example/confirmation/*** and https://accounts.example/confirmation/***",
            ),
            (
                "550 links to https://accounts.example/confirmation/ are refused",
                "550 links to https://accounts.example/confirmation/ are refused",
            ),
        ] {
            assert_eq!(without_secret_of(link, error.to_owned()), shown);
        }
    }
}
