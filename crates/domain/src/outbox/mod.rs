//! Sends the mails in the outbox. The worker runs this.
//!
//! A mail is claimed under a lease, resolved to its current recipient and template, given its link, rendered,
//! sent, and marked as done. After a failure it stays in the outbox and is retried: delivery is at least once, and
//! exactly once if nothing fails.

use std::sync::Arc;

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};

use crate::core::Core;
use crate::ctx::Ctx;
use crate::error::{Error, WriteError};
use crate::limits::Rate;
use crate::metric_event::{MailFate, MetricEvent};
use crate::model::{Event, Link, MailJob, MailKind, Purpose, Status, User};
use crate::ports::{KeyedLimit, MAIL_TIMEOUT, Mail, MailError, MailTemplate, OutboxStats};
use crate::store::{Claim, Record, Records, Row, Write};
use crate::values::{EmailAddress, MailJobId, Name, Token, UserId, Username};

/// Limit of mails about a new password of one account.
const PASSWORD_NOTICES: Rate = Rate::new(10, 24 * 3600);
/// Duration of a worker's lease on a mail: longer than the timeout of a send. After a node is killed, other nodes
/// wait for it to expire before they send that node's mails.
const LEASE: SignedDuration = SignedDuration::from_mins(2);
const _: () = assert!(MAIL_TIMEOUT.as_secs() + 20 <= LEASE.as_secs().unsigned_abs());
/// Number of leases that one write ends.
const EXPIRED_AT_ONCE: usize = 100;
/// Minimum and maximum delay between two attempts.
const SHORTEST_PAUSE_SECONDS: i64 = 2;
const LONGEST_PAUSE_SECONDS: i64 = 1800;
/// Maximum number of users that one request for the confirmation mail reaches, newest first.
const MAX_RESENT: usize = 3;
/// Maximum length of a username in a mail to an unconfirmed address. A longer one could carry a message.
const LONGEST_MERE_NAME: usize = 24;

/// Result of one run of the worker: numbers of mails.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Delivered {
    /// Accepted by the mail server.
    pub sent: usize,
    /// To be retried.
    pub deferred: usize,
    /// Failed permanently.
    pub failed: usize,
    /// Dropped: without a recipient, or over the mailbox limit.
    pub dropped: usize,
}

impl Delivered {
    /// Returns `true` if there was no mail to process.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.deferred += other.deferred;
        self.failed += other.failed;
        self.dropped += other.dropped;
    }
}

/// Sends the mails in the outbox.
pub struct Outbox {
    pub(crate) core: Arc<Core>,
}

impl Outbox {
    /// Sends up to `limit` due mails concurrently. One run of the worker.
    pub async fn deliver_mail(&self, ctx: &Ctx, limit: usize) -> Result<Delivered, Error> {
        self.core.refresh_outbox_room(ctx).await?;
        let jobs: Vec<MailJob> = self
            .core
            .ports
            .store
            .claim(Claim {
                table: MailJob::TABLE,
                kinds: MailJob::kinds(),
                now: ctx.now,
                lease_until: ctx.now + LEASE,
                limit,
            })
            .await?;
        self.core.mail_leases.insert(&jobs, ctx.now);
        let mut done = Delivered::default();
        let runs = jobs.iter().map(|job| self.deliver_one(ctx, job));
        for delivered in join_all(runs).await {
            done.add(delivered?);
        }
        Ok(done)
    }

    /// Releases the leases on mails whose delivery was interrupted, so that another node, or the next start, sends
    /// them at once. Returns their number.
    pub async fn return_mail_leases(&self) -> Result<usize, Error> {
        let now = self.core.now();
        let ids = self.core.mail_leases.take(now);
        for id in &ids {
            self.retry_mail(*id, now).await?;
        }
        Ok(ids.len())
    }

    /// Schedules the next attempt of a mail, unless it was deleted.
    async fn retry_mail(&self, id: MailJobId, due_at: Timestamp) -> Result<(), Error> {
        match self.core.apply(vec![MailJob::retry_at(id, due_at)]).await {
            Ok(()) | Err(WriteError::Stale) => Ok(()),
            Err(other) => Err(other.into()),
        }
    }

    /// Ends all leases on mails. Only for the start of a process that has the database to itself: any lease then
    /// belongs to a process that died.
    pub async fn expire_mail_leases(&self, ctx: &Ctx) -> Result<(), Error> {
        let leased = MailJob::waiting().above(ctx.now).at_most(ctx.now + LEASE);
        let leased: Vec<MailJob> = self.core.ports.store.list_readable(leased).await?;
        for batch in leased.chunks(EXPIRED_AT_ONCE) {
            let expire = batch.iter().map(|job| job.expire_lease(ctx.now));
            match self.core.apply(expire.collect()).await {
                // Another process holds or deleted one of them. The leases end by themselves.
                Ok(()) | Err(WriteError::Stale) => {}
                Err(other) => return Err(other.into()),
            }
        }
        Ok(())
    }

    /// Delivers one mail, in a separate trace: the request that queued it has already ended.
    #[tracing::instrument(
        name = "deliver_mail",
        level = "trace",
        skip_all,
        fields(doorward.mail.kind = job.kind.as_str(), doorward.mail.attempt = job.attempts)
    )]
    async fn deliver_one(&self, ctx: &Ctx, job: &MailJob) -> Result<Delivered, Error> {
        if job.kind == MailKind::ConfirmationResend && job.user_id.is_none() {
            let delivered = self.resend_confirmation(ctx, job).await?;
            self.core.mail_leases.remove(job.id);
            return Ok(delivered);
        }
        self.deliver_resolved(ctx, job).await
    }

    async fn deliver_resolved(&self, ctx: &Ctx, job: &MailJob) -> Result<Delivered, Error> {
        let delivered = match self.resolve_mail(job).await? {
            Some(mail) => self.deliver_outgoing(ctx, job, &mail).await?,
            None => self.drop_mail(job).await?,
        };
        self.core.mail_leases.remove(job.id);
        Ok(delivered)
    }

    /// Replaces a request for the confirmation mail by one mail for each of the newest users with this pending
    /// address, and delivers them. This worker has the leases on the new mails.
    async fn resend_confirmation(&self, ctx: &Ctx, job: &MailJob) -> Result<Delivered, Error> {
        let store = &self.core.ports.store;
        let key = job.email.key();
        let pending = User::with_pending_email(key).limit(MAX_RESENT);
        let mut users: Vec<User> = store.list_readable(pending).await?;
        let owner: Option<User> = store.find(User::EMAIL_KEY, key).await?;
        if owner.is_some() {
            users.clear();
        }
        if users.is_empty() {
            return self.drop_mail(job).await;
        }
        let mails = users.into_iter().map(|user| MailJob {
            id: MailJobId::generate(ctx.now, &*self.core.ports.secrets),
            user_id: Some(user.id),
            attempts: 1,
            due_at: self.core.now() + LEASE,
            ..job.clone()
        });
        let mails: Vec<_> = mails.collect();
        let mut changes = vec![
            Write::check::<MailJob>(job.id, Vec::new()),
            Write::delete::<MailJob>(job.id),
        ];
        changes.extend(mails.iter().map(Write::insert));
        match self.core.apply(changes).await {
            Ok(()) => {}
            // Another worker has replaced it after the lease expired.
            Err(WriteError::Stale) => return Ok(Delivered::default()),
            Err(other) => return Err(other.into()),
        }
        self.core.mail_leases.insert(&mails, ctx.now);
        let mut done = Delivered::default();
        let runs = mails.iter().map(|mail| self.deliver_resolved(ctx, mail));
        for delivered in join_all(runs).await {
            done.add(delivered?);
        }
        Ok(done)
    }

    async fn deliver_outgoing(
        &self,
        ctx: &Ctx,
        job: &MailJob,
        mail: &OutgoingMail,
    ) -> Result<Delivered, Error> {
        if self.is_one_too_many(job).await? {
            tracing::warn!(mail.id = %job.id, mail.kind = job.kind.as_str(), "mail dropped: mailbox limit reached");
            return self.drop_mail(job).await;
        }
        let Some(composed) = self.compose(ctx, job, mail).await? else {
            return self.drop_mail(job).await;
        };
        if let Err(error) = self.core.ports.mailer.send(&composed).await {
            return self.send_failed(ctx, job, &error).await;
        }
        let mut changes = vec![Write::delete::<MailJob>(job.id)];
        if job.kind == MailKind::Recovery {
            let user_id = Some(mail.user.id);
            let detail = job.audit_detail();
            changes.push(
                self.core
                    .audit_detail(ctx, Event::RecoveryMailed, user_id, &detail),
            );
        }
        self.core.apply(changes).await?;
        self.core
            .record(MetricEvent::Mail(job.kind, MailFate::Sent));
        tracing::info!(mail.id = %job.id, mail.kind = job.kind.as_str(), mail.attempt = job.attempts, "mail sent");
        Ok(Delivered {
            sent: 1,
            ..Delivered::default()
        })
    }

    async fn drop_mail(&self, job: &MailJob) -> Result<Delivered, Error> {
        let delete = Write::delete::<MailJob>(job.id);
        self.core.apply(vec![delete]).await?;
        self.core
            .record(MetricEvent::Mail(job.kind, MailFate::Dropped));
        Ok(Delivered {
            dropped: 1,
            ..Delivered::default()
        })
    }

    /// Counts the mail and returns `true` if its limit is exceeded: sign-ups must not flood another person's
    /// mailbox, and repeated password changes must not flood the owner's. The sign-up itself is not
    /// rejected, since that would reveal other sign-ups. The user can request the mail again later.
    async fn is_one_too_many(&self, job: &MailJob) -> Result<bool, Error> {
        // A retry after a failed send is not counted again.
        if !self.core.policy.throttle || job.attempts > 1 {
            return Ok(false);
        }
        match (job.kind, job.user_id) {
            (MailKind::SignUp, _) => self.core.has_mail_enough(job.kind, &job.email).await,
            (MailKind::PasswordChanged, Some(user_id)) => {
                self.has_password_notices_enough(user_id).await
            }
            _ => Ok(false),
        }
    }

    async fn send_failed(
        &self,
        ctx: &Ctx,
        job: &MailJob,
        error: &MailError,
    ) -> Result<Delivered, Error> {
        let cause = chain(error);
        let now = self.core.now();
        if error.permanent || now.duration_since(job.created_at) >= self.core.policy.mail_lifetime {
            tracing::error!(mail.id = %job.id, mail.kind = job.kind.as_str(), mail.attempt = job.attempts, error = %cause, "mail failed permanently");
            let detail = format!("{} after {} attempts", job.kind.as_str(), job.attempts);
            let failed = self.core.apply(vec![
                job.fail(now),
                self.core
                    .audit_failure(ctx, Event::MailFailed, job.user_id, &detail),
            ]);
            match failed.await {
                Ok(()) => {}
                // The mail was deleted with its user.
                Err(WriteError::Stale) => return self.drop_mail(job).await,
                Err(other) => return Err(other.into()),
            }
            self.core
                .record(MetricEvent::Mail(job.kind, MailFate::Failed));
            return Ok(Delivered {
                failed: 1,
                ..Delivered::default()
            });
        }
        let due_at = now + pause_after(now.duration_since(job.created_at));
        self.retry_mail(job.id, due_at).await?;
        self.core
            .record(MetricEvent::Mail(job.kind, MailFate::Deferred));
        tracing::warn!(mail.id = %job.id, mail.kind = job.kind.as_str(), mail.attempt = job.attempts, mail.due_at = %due_at, error = %cause, "mail deferred");
        Ok(Delivered {
            deferred: 1,
            ..Delivered::default()
        })
    }

    /// Resolves the current recipient and template of a mail; `None` if there is no recipient. Mail goes to the
    /// stored address of the account, never to the spelling in a request.
    async fn resolve_mail(&self, job: &MailJob) -> Result<Option<OutgoingMail>, Error> {
        let store = &self.core.ports.store;
        let user: Option<User> = match job.user_id {
            Some(id) => store.get(id).await?,
            None => None,
        };
        let owner: Option<User> = store.find(User::EMAIL_KEY, job.email.key()).await?;
        Ok(match job.kind {
            MailKind::SignUp | MailKind::EmailChange | MailKind::ConfirmationResend => {
                match (owner, user) {
                    (None, Some(user)) => confirmation(user, &job.email),
                    (Some(owner), Some(user))
                        if owner.id != user.id && job.kind != MailKind::ConfirmationResend =>
                    {
                        notice(owner, MailTemplate::AlreadyRegistered)
                    }
                    _ => None,
                }
            }
            MailKind::Recovery => owner
                .filter(|owner| owner.status == Status::Active)
                .and_then(|owner| linked(owner, MailTemplate::Recover, Purpose::Recovery)),
            MailKind::PasswordChanged => {
                user.and_then(|user| notice(user, MailTemplate::PasswordChanged))
            }
            // Sent to the old address even if the new one is confirmed by now: an attacker who changes the address
            // must not be able to prevent the notice.
            MailKind::EmailChangeNotice => user.map(|user| {
                outgoing_mail(
                    job.email.clone(),
                    user,
                    MailTemplate::EmailChangeNotice,
                    None,
                )
            }),
            MailKind::EmailChangeUndo => undo_link(job, user, MailTemplate::EmailChangeUndo),
            MailKind::EmailChanged => undo_link(job, user, MailTemplate::EmailChanged),
            // Sent to the address that the undo removed, which may be the owner's.
            MailKind::EmailChangeUndone => user.map(|user| {
                outgoing_mail(
                    job.email.clone(),
                    user,
                    MailTemplate::EmailChangeUndone,
                    None,
                )
            }),
            MailKind::NewSignIn => about_sign_in(user, MailTemplate::NewSignIn),
            MailKind::SignInAfterFailures => about_sign_in(user, MailTemplate::SignInAfterFailures),
            // A job for an address has no user, so that queueing it costs the same with or without an account
            //
            MailKind::Lockout => about_sign_in(user.or(owner), MailTemplate::Lockout),
        })
    }

    /// Composes the mail and generates the secret of its link. Only the digest is stored. Returns `None` if the
    /// mail is no longer in the outbox.
    async fn compose(
        &self,
        ctx: &Ctx,
        job: &MailJob,
        mail: &OutgoingMail,
    ) -> Result<Option<Mail>, Error> {
        let user = &mail.user;
        let base = &self.core.policy.public_url;
        let (url, valid_minutes) = match mail.purpose {
            None if mail.template == MailTemplate::Lockout => (format!("{base}/recovery"), None),
            None => (base.clone(), None),
            Some(purpose) => {
                let lifetime = self.link_lifetime(mail);
                let secret = Token::generate(&*self.core.ports.secrets);
                let link = Link {
                    digest: secret.digest(),
                    user_id: user.id,
                    purpose,
                    email: mail.to.clone(),
                    epoch: user.session_epoch,
                    requested_at: requested_at(mail, job),
                    created_at: ctx.now,
                    expires_at: ctx.now + lifetime,
                    used_at: None,
                };
                if !self.put_link(job, link).await? {
                    return Ok(None);
                }
                let page = purpose.as_str();
                (
                    format!("{base}/{page}/{}", secret.expose()),
                    Some(lifetime.as_mins()),
                )
            }
        };
        let (name, username) = names(mail);
        Ok(Some(Mail {
            template: mail.template,
            to: mail.to.clone(),
            locale: user.locale,
            greeting: name,
            username,
            url,
            valid_minutes,
            at: match mail.template {
                MailTemplate::Confirm => requested_at(mail, job),
                _ => job.created_at,
            },
            new_email: new_email(mail).map(masked),
            device: job.device.clone(),
            message_id: message_id(mail, job),
        }))
    }

    /// Stores the link. Returns `false` if the mail is no longer in the outbox. A new recovery link replaces older
    /// ones.
    async fn put_link(&self, job: &MailJob, link: Link) -> Result<bool, Error> {
        let changes = vec![
            Write::check::<MailJob>(job.id, Vec::new()),
            Write::put(&link),
        ];
        match self.core.apply(changes).await {
            Ok(()) => Ok(true),
            Err(WriteError::Stale) => Ok(false),
            Err(other) => Err(other.into()),
        }
    }

    fn link_lifetime(&self, mail: &OutgoingMail) -> SignedDuration {
        match mail.template {
            MailTemplate::Recover => self.core.policy.recovery_lifetime,
            MailTemplate::EmailChange => self.core.policy.email_change_lifetime,
            MailTemplate::EmailChangeUndo | MailTemplate::EmailChanged => {
                self.core.policy.email_undo_lifetime
            }
            _ => self.core.policy.confirmation_lifetime,
        }
    }

    /// Counts a mail about a new password. Returns `true` if the limit is exceeded.
    async fn has_password_notices_enough(&self, user_id: UserId) -> Result<bool, Error> {
        let key = format!("user/{user_id}");
        let limit = KeyedLimit::budget("password-notice", PASSWORD_NOTICES, key);
        Ok(!self.core.try_acquire(limit, self.core.now()).await?)
    }

    /// Counts the mails in the outbox.
    pub async fn outbox(&self) -> Result<OutboxStats, Error> {
        let store = &self.core.ports.store;
        // The rows, since a mail of a kind that only a newer release can read waits, too.
        let oldest = store.list_rows(MailJob::oldest_waiting()).await?;
        let next = store.list_rows(MailJob::waiting().limit(1)).await?;
        let time = |rows: &[Row], column| rows.first().and_then(|row| row.get(column).as_time());
        Ok(OutboxStats {
            waiting: store.count(MailJob::waiting()).await?,
            oldest_at: time(&oldest, "created_at"),
            due_at: time(&next, "due_at"),
            failed: store.count(MailJob::failed()).await?,
        })
    }

    /// Waits until this node has added a mail to the outbox. For the worker.
    pub async fn mail_waiting(&self) {
        self.core.mail_waiting.notified().await;
    }
}

/// A mail and its recipient, before its link is created.
struct OutgoingMail {
    user: User,
    to: EmailAddress,
    template: MailTemplate,
    purpose: Option<Purpose>,
}

/// A mail to the confirmed address, without a secret link.
fn notice(user: User, template: MailTemplate) -> Option<OutgoingMail> {
    let to = user.mail_address().cloned()?;
    Some(outgoing_mail(to, user, template, None))
}

/// A mail to the confirmed address, with a secret link.
fn linked(user: User, template: MailTemplate, purpose: Purpose) -> Option<OutgoingMail> {
    let to = user.mail_address().cloned()?;
    Some(outgoing_mail(to, user, template, Some(purpose)))
}

/// A mail about a sign-in or an attempt. `None` if the account is not active.
fn about_sign_in(user: Option<User>, template: MailTemplate) -> Option<OutgoingMail> {
    let user = user.filter(|user| user.status == Status::Active)?;
    notice(user, template)
}

/// A mail with an undo link to the old address. `None` if the link would be void.
fn undo_link(job: &MailJob, user: Option<User>, template: MailTemplate) -> Option<OutgoingMail> {
    let user = user.filter(|user| !user.undo_link_is_void(job.created_at))?;
    let purpose = Some(Purpose::EmailUndo);
    Some(outgoing_mail(job.email.clone(), user, template, purpose))
}

/// A confirmation mail. `None` if the address is no longer the user's pending address, or the user is disabled.
fn confirmation(user: User, email: &EmailAddress) -> Option<OutgoingMail> {
    let to = user
        .pending_address()
        .filter(|pending| pending.key() == email.key())?
        .clone();
    if user.status == Status::Disabled {
        return None;
    }
    let template = match user.email {
        None => MailTemplate::Confirm,
        Some(_) => MailTemplate::EmailChange,
    };
    Some(outgoing_mail(
        to,
        user,
        template,
        Some(Purpose::Confirmation),
    ))
}

fn outgoing_mail(
    to: EmailAddress,
    user: User,
    template: MailTemplate,
    purpose: Option<Purpose>,
) -> OutgoingMail {
    OutgoingMail {
        user,
        to,
        template,
        purpose,
    }
}

/// Returns the time that the mail's link is bound to: when the pending address was requested, else when the mail
/// was queued.
fn requested_at(mail: &OutgoingMail, job: &MailJob) -> Timestamp {
    match (mail.purpose, &mail.user.pending_email) {
        (Some(Purpose::Confirmation), Some(pending)) => pending.requested_at,
        _ => job.created_at,
    }
}

/// Returns the greeting and the username for a mail. A mail to an unconfirmed address contains neither a name nor
/// a username that could carry a message from an unknown client. The page behind the link shows them.
fn names(mail: &OutgoingMail) -> (Option<String>, Option<String>) {
    let user = &mail.user;
    let username = user.username.as_ref().map(Username::as_str);
    if mail.purpose == Some(Purpose::Confirmation) {
        let plain = username.filter(|name| is_mere_name(name));
        return (None, plain.map(str::to_owned));
    }
    let name = user.name.as_ref().map(Name::as_str).or(username);
    (name.map(str::to_owned), username.map(str::to_owned))
}

/// Returns `true` if the username cannot be read as a web address or a sentence.
fn is_mere_name(name: &str) -> bool {
    let signs = name.chars().filter(|c| !c.is_alphanumeric()).count();
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    name.chars().all(is_plain) && signs <= 1 && name.chars().count() <= LONGEST_MERE_NAME
}

/// The value for the `Message-ID`. A mailbox shows mails with the same id once. Each recovery mail gets its own,
/// because its link voids the link of the previous attempt.
fn message_id(mail: &OutgoingMail, job: &MailJob) -> String {
    let attempt = match mail.template {
        MailTemplate::Recover => job.attempts,
        _ => 0,
    };
    format!("{}.{attempt}", job.id)
}

/// Returns the account's new address for a notice to the old one: the pending address, or the confirmed one once
/// the change is made.
fn new_email(mail: &OutgoingMail) -> Option<&EmailAddress> {
    let moved_to = mail.user.mail_address();
    let moved_to = moved_to.filter(|address| address.key() != mail.to.key());
    match mail.template {
        MailTemplate::EmailChanged | MailTemplate::EmailChangeUndone => moved_to,
        _ => mail.user.pending_address().or(moved_to),
    }
}

/// Returns the delay before the next attempt: a quarter of the mail's age, from 2 seconds to 30 minutes. After a
/// short outage delivery resumes soon, and a long outage causes few attempts.
fn pause_after(waited: SignedDuration) -> SignedDuration {
    let quarter = waited.as_secs() / 4;
    SignedDuration::from_secs(quarter.clamp(SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS))
}

/// Masks an address so that only a user who knows it recognises it.
fn masked(email: &EmailAddress) -> String {
    let first = email.as_str().chars().next().unwrap_or('*');
    let domain = email
        .as_str()
        .rsplit_once('@')
        .map_or("", |(_, domain)| domain);
    format!("{first}***@{domain}")
}

/// Formats an error with all its causes, for one line of the log.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
