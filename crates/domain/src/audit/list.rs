//! Reads the audit log.

use std::sync::Arc;

use jiff::Timestamp;

use crate::access::{Access, Action};
use crate::clock::Clock;
use crate::ctx::{Actor, Ctx};
use crate::error::Error;
use crate::events::Event;
use crate::model::{AuditEvent, AuditFilter, AuditPage, AuditVerification, User};
use crate::sessions::LastSeenTimes;
use crate::store::{ReadStore, Records, StoreError};
use crate::users::{People, people_of};
use crate::values::{EmailAddress, UserId};
use crate::writer::Writer;

/// Maximum number of events that are read together if some are skipped.
const AT_ONCE: usize = 200;
/// How often a page reads.
const READS: usize = 5;

/// What the last verification and the workers have found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditStatus {
    /// The last verification; `None` if there was none.
    pub verified: Option<AuditVerification>,
    /// When a worker last found a checkpoint that was modified, if it was in the last 30 days.
    pub broken_at: Option<Timestamp>,
}

/// Lists and downloads the audit log.
pub struct Audit {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) last_seen: Arc<LastSeenTimes>,
    pub(crate) access: Arc<Access>,
    pub(crate) writer: Arc<Writer>,
}

impl Audit {
    /// Writes an audit event about the start of a server. `configuration` must contain no secret value and no
    /// digest of one (L-01).
    pub async fn record_server_start(&self, ctx: &Ctx, configuration: &str) -> Result<(), Error> {
        let started = Event::ServerStarted { configuration };
        Ok(self.writer.emit_now(ctx, started).await?)
    }

    /// Returns a page of the events that match the filter, newest first.
    #[tracing::instrument(name = "list_audit_events", level = "trace", skip_all)]
    pub async fn list(&self, ctx: &Ctx, filter: &AuditFilter) -> Result<AuditPage, Error> {
        let page = self.page(ctx, filter).await?;
        // Written after the read, so that the result does not contain this event.
        self.writer.emit_view(ctx, Event::AuditRead).await?;
        Ok(page)
    }

    /// Writes the audit event of a download. Then [`Self::download_page`] returns what it contains.
    pub async fn start_download(&self, ctx: &Ctx) -> Result<(), Error> {
        self.access.authorize(ctx, Action::ReadAudit).await?;
        let exported = Event::AuditExported { detail: "download" };
        Ok(self.writer.emit_now(ctx, exported).await?)
    }

    /// Like [`Self::list`], as a part of a download that has its audit event. Fails if the admin has signed out, was
    /// disabled or demoted since the download began.
    pub async fn download_page(&self, ctx: &Ctx, filter: &AuditFilter) -> Result<AuditPage, Error> {
        self.ensure_still_admin(ctx).await?;
        self.page(ctx, filter).await
    }

    /// Fails if a user who is the actor has signed out, was disabled or demoted: a download can outlast the session with
    /// which it began.
    async fn ensure_still_admin(&self, ctx: &Ctx) -> Result<(), Error> {
        let Actor::User { id, session_id, .. } = &ctx.actor else {
            return Ok(());
        };
        let user: Option<User> = self.store.get(*id).await?;
        let user = user.ok_or(Error::InvalidToken)?;
        let sessions = self.last_seen.valid_sessions(ctx, &user).await?;
        let mut own = sessions.iter().filter(|session| session.id == *session_id);
        if !own.any(|session| session.expires_at > self.clock.now()) {
            return Err(Error::InvalidToken);
        }
        match user.is_active_admin() {
            true => Ok(()),
            false => Err(Error::Forbidden),
        }
    }

    async fn page(&self, ctx: &Ctx, filter: &AuditFilter) -> Result<AuditPage, Error> {
        self.access.authorize(ctx, Action::ReadAudit).await?;
        let at_once = match filter.skips_events() {
            true => AT_ONCE,
            false => filter.limit.saturating_add(1),
        };
        let (mut events, mut before) = (Vec::new(), filter.before);
        for _ in 0..READS {
            let next = AuditFilter {
                before,
                limit: at_once,
                ..filter.clone()
            };
            let read: Vec<AuditEvent> = self.store.list_readable(next.query()).await?;
            let is_end = read.len() < at_once;
            for event in read {
                if events.len() == filter.limit {
                    let next = before;
                    return Ok(AuditPage { events, next });
                }
                before = Some(event.id);
                events.extend(Some(event).filter(|event| filter.accepts(event)));
            }
            if is_end {
                let next = None;
                return Ok(AuditPage { events, next });
            }
        }
        let next = before;
        Ok(AuditPage { events, next })
    }

    /// Returns what the last verification and the workers have found.
    pub async fn status(&self, ctx: &Ctx) -> Result<AuditStatus, Error> {
        self.access.authorize(ctx, Action::ReadAudit).await?;
        let verified = self.store.get(AuditVerification::LAST).await?;
        let broken_at = AuditFilter::seal_broken_at(&*self.store, ctx.now).await?;
        Ok(AuditStatus {
            verified,
            broken_at,
        })
    }

    /// The users that act in these events, those that the events are about, and those that the filter selects.
    pub async fn people(
        &self,
        ctx: &Ctx,
        filter: &AuditFilter,
        events: &[AuditEvent],
    ) -> Result<People, Error> {
        self.access.authorize(ctx, Action::ListUsers).await?;
        let selected = [filter.user_id, filter.actor_id].into_iter().flatten();
        Ok(people_of(&*self.store, events, selected).await?)
    }

    /// The newest user who has this address as a pending one.
    async fn newest_with_pending(&self, named: &str) -> Result<Option<UserId>, StoreError> {
        let Ok(email) = EmailAddress::parse(named) else {
            return Ok(None);
        };
        let pending = User::with_pending_email(email.key()).limit(1);
        let users: Vec<User> = self.store.list_readable(pending).await?;
        Ok(users.first().map(|user| user.id))
    }

    /// Returns the id of the user that a filter names: an id, a username, an address or `me`. An address that is
    /// not confirmed selects the newest user for whom it is pending. An id is returned without a look-up, so that events about a deleted
    /// user can be found. `None` if no user has the name.
    pub async fn find_user_id(&self, ctx: &Ctx, named: &str) -> Result<Option<UserId>, Error> {
        self.access.authorize(ctx, Action::ReadAudit).await?;
        if named == "me" {
            return Ok(ctx.actor.user_id());
        }
        if let Ok(id) = named.parse() {
            return Ok(Some(id));
        }
        match self.access.find_by_name(named).await {
            Ok(user) => Ok(Some(user.id)),
            Err(Error::NotFound) => Ok(self.newest_with_pending(named).await?),
            Err(error) => Err(error),
        }
    }
}
