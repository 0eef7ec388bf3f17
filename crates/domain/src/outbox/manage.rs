//! What admins do with queued mails: list, view, retry and delete them, and send a test mail.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::access::{Access, Action, NO_USER};
use crate::clock::RandomSource;
use crate::ctx::Ctx;
use crate::error::{Error, WriteError, chain};
use crate::events::Event;
use crate::model::{Job, MailFilter, MailJob, User};
use crate::outbox::content::MailContent;
use crate::outbox::{MailText, Mailer, QueuedMails};
use crate::store::{ReadStore, Record, Records, readable};
use crate::values::{EmailAddress, Invalid, JobId, UserId};
use crate::writer::{MAX_WRITE_ATTEMPTS, Writer};

/// A queued mail, and its content.
pub struct ViewedMail {
    /// The mail.
    pub mail: MailJob,
    /// Subject and text as if it was sent now, with a link that does not work. `None` if it would be dropped, or replaced by
    /// others.
    pub text: Option<MailText>,
}

/// Lists, shows, retries and deletes queued mails, and sends test mails.
pub struct UnsentMails {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) random: Arc<dyn RandomSource>,
    pub(crate) mailer: Arc<dyn Mailer>,
    pub(crate) access: Arc<Access>,
    pub(crate) queued_mails: Arc<QueuedMails>,
    pub(crate) mail_content: Arc<MailContent>,
    pub(crate) writer: Arc<Writer>,
}

impl UnsentMails {
    /// Lists the queued mails that match the filter, newest first.
    #[tracing::instrument(name = "list_mails", level = "trace", skip_all)]
    pub async fn list(&self, ctx: &Ctx, filter: &MailFilter) -> Result<Vec<MailJob>, Error> {
        self.access.authorize(ctx, Action::ReadOutbox).await?;
        let mails = self.store.list_readable(filter.query()).await?;
        self.writer.emit_view(ctx, Event::OutboxListed).await?;
        Ok(mails)
    }

    /// Returns a queued mail with its content.
    #[tracing::instrument(name = "view_mail", level = "trace", skip_all)]
    pub async fn view(&self, ctx: &Ctx, id: JobId) -> Result<ViewedMail, Error> {
        self.access.authorize(ctx, Action::ReadOutbox).await?;
        let job = self.find(id).await?;
        let outgoing = self.mail_content.resolve(&job).await?;
        let preview =
            outgoing.and_then(|outgoing| self.mail_content.compose_preview(ctx, &job, &outgoing));
        let text = preview.map(|mail| self.mailer.preview(&mail));
        let text = text.transpose().map_err(|error| {
            tracing::error!(mail.kind = job.kind.as_str(), error = %chain(&error), "mail cannot be rendered");
            Error::Internal("a mail cannot be rendered")
        })?;
        let viewed = Event::MailViewed { job: &job };
        self.writer.emit_view(ctx, viewed).await?;
        Ok(ViewedMail { mail: job, text })
    }

    /// Returns the users of these mails. The user of a mail that was requested by address is the one who has confirmed the
    /// address. A mail without an account is omitted. Reads one user for each such address: pass one page of mails.
    pub async fn users_of(
        &self,
        ctx: &Ctx,
        mails: &[MailJob],
    ) -> Result<BTreeMap<JobId, User>, Error> {
        self.access.authorize(ctx, Action::ReadOutbox).await?;
        let store = &self.store;
        let ids: BTreeSet<UserId> = mails.iter().filter_map(|mail| mail.user_id).collect();
        let mut users: Vec<User> = store.get_all(ids).await?;
        let by_address = mails.iter().filter(|mail| mail.user_id.is_none());
        let keys: BTreeSet<&str> = by_address.map(|mail| mail.email.key()).collect();
        for key in keys {
            users.extend(store.find::<User>(User::EMAIL_KEY, key).await?);
        }
        let user_of = |mail: &MailJob| {
            let is_user = |user: &&User| match mail.user_id {
                Some(id) => user.id == id,
                None => user.email.as_ref().map(EmailAddress::key) == Some(mail.email.key()),
            };
            let user = users.iter().find(is_user)?;
            Some((mail.id, user.clone()))
        };
        Ok(mails.iter().filter_map(user_of).collect())
    }

    /// Makes a queued mail due, also one that failed permanently, which gets one more attempt. Does nothing while a worker is
    /// sending it. Returns the mail.
    #[tracing::instrument(name = "retry_mail", level = "trace", skip_all)]
    pub async fn retry(&self, ctx: &Ctx, id: JobId) -> Result<MailJob, Error> {
        self.access.authorize(ctx, Action::ManageOutbox).await?;
        for _ in 0..MAX_WRITE_ATTEMPTS {
            let job = self.find(id).await?;
            if job.is_leased(ctx.now) {
                return Ok(job);
            }
            let mut batch = self.access.admin_check(ctx);
            batch.push(job.retry(ctx.now));
            let retried = Event::MailRetried { job: &job };
            self.writer.emit(ctx, retried, &mut batch);
            // It is stale if a worker has leased the mail.
            if self.writer.apply_unless_stale(batch).await? {
                self.queued_mails.wake();
                return Ok(job.retried(ctx.now));
            }
        }
        Err(Error::Overloaded)
    }

    /// Deletes a queued mail: it is not sent. Requires a recent proof, since a thief could hide the notices about what they do
    /// . A mail that a worker is sending at this moment may still be sent.
    #[tracing::instrument(name = "delete_mail", level = "trace", skip_all)]
    pub async fn delete(&self, ctx: &Ctx, id: JobId) -> Result<(), Error> {
        self.access
            .ensure_reauthenticated(ctx, Action::DeleteMail, NO_USER)
            .await?;
        let job = self.find(id).await?;
        let mut batch = self.access.admin_check(ctx);
        batch.push(job.delete());
        let deleted = Event::MailDeleted { job: &job };
        self.writer.emit(ctx, deleted, &mut batch);
        match self.writer.apply(batch).await {
            Err(WriteError::Stale) => Err(Error::NotFound),
            other => Ok(other?),
        }
    }

    /// Queues a test mail to the admin who asks for it, like any other mail. Returns its id.
    #[tracing::instrument(name = "send_test_mail", level = "trace", skip_all)]
    pub async fn send_test(&self, ctx: &Ctx) -> Result<JobId, Error> {
        self.access.authorize(ctx, Action::ManageOutbox).await?;
        let store = &self.store;
        let own: Option<User> = match ctx.actor.user_id() {
            Some(id) => store.get(id).await?,
            None => None,
        };
        let user = own.ok_or(Error::Forbidden)?;
        if user.mail_address().is_none() {
            let missing = Invalid::new("missing", "Your account has no confirmed email address.");
            return Err(Error::invalid("email", missing));
        }
        self.queued_mails.ensure_not_full()?;
        let mail = JobId::generate(ctx.now, &*self.random);
        let mut batch = self.access.admin_check(ctx);
        let requested = Event::TestMailRequested { user: &user, mail };
        self.writer.emit(ctx, requested, &mut batch);
        self.writer.apply(batch).await?;
        Ok(mail)
    }

    /// Reads a mail. A job that is not a mail, or of a kind that only a newer release knows, is not found.
    async fn find(&self, id: JobId) -> Result<MailJob, Error> {
        let store = &self.store;
        let found = store.get_rows(Job::TABLE, vec![id.into()]).await?;
        let mail = found.first().and_then(readable::<MailJob>);
        mail.ok_or(Error::NotFound)
    }
}
