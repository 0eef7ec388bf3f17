//! The service: its ports, and the steps that all flows share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;

use crate::access::{self, Action, Target};
use crate::changes::{ApplyError, Change, Changes};
use crate::ctx::{Actor, Ctx};
use crate::error::{Error, FieldError};
use crate::flows::deliver_mail::MailLeases;
use crate::flows::keys::KeyRefreshes;
use crate::flows::suppressed::Suppressed;
use crate::limits::{AuditThrottle, DeviceCookies};
use crate::metric_event::MetricEvent;
use crate::model::{AuditEvent, Event, MailJob, MailKind, Outcome, Role, User};
use crate::outbox_room::OutboxRoom;
use crate::passwords::Hasher;
use crate::policy::Policy;
use crate::ports::{
    Clock, LastSeen, Mailer, MetricsRecorder, OutboxStats, RateLimits, Secrets, Sessions, Store,
};
use crate::readiness::Readiness;
use crate::session_cache::SessionCache;
use crate::store::{Record, Records, Row, Write};
use crate::tokens::Keyring;
use crate::values::{
    AuditEventIds, EmailAddress, Locale, MailJobId, NewPassword, SessionId, UserId, Username,
};

/// Maximum number of attempts of a flow whose write is stale because of a concurrent write. After that it returns
/// [`Error::Overloaded`].
pub(crate) const ATTEMPTS: usize = 64;
/// Size of this node's session cache: about 20,000 sessions of users with little data (H-05).
const CACHED_SESSION_BYTES: u64 = 48 * 1024 * 1024;

/// The external dependencies of the rules.
pub struct Ports {
    /// Users and their data.
    pub store: Arc<dyn Store>,
    /// Open sessions.
    pub sessions: Arc<dyn Sessions>,
    /// Counters of rate limits.
    pub rate_limits: Arc<dyn RateLimits>,
    /// Sends mail.
    pub mailer: Arc<dyn Mailer>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Random source.
    pub secrets: Arc<dyn Secrets>,
    /// Metrics recorder.
    pub recorder: Arc<dyn MetricsRecorder>,
}

/// The service that the web layer, the worker and the command line call. The flows are its methods, in
/// [`crate::flows`].
pub struct Accounts {
    pub(crate) ports: Ports,
    pub(crate) policy: Policy,
    pub(crate) hasher: Hasher,
    pub(crate) keyring: Keyring,
    pub(crate) cache: SessionCache,
    pub(crate) seen: Mutex<HashMap<SessionId, LastSeen>>,
    /// Locked while the keys are loaded.
    pub(crate) key_refreshes: tokio::sync::Mutex<KeyRefreshes>,
    pub(crate) readiness: Readiness,
    pub(crate) device_cookies: DeviceCookies,
    pub(crate) audit_throttle: AuditThrottle,
    /// The audit events that were counted instead of written.
    pub(crate) suppressed: Suppressed,
    pub(crate) outbox_room: OutboxRoom,
    pub(crate) mail_leases: MailLeases,
    mail_waiting: Notify,
    audit_ids: AuditEventIds,
}

impl Accounts {
    /// Creates the service. Does no I/O.
    pub fn new(ports: Ports, policy: Policy, hasher: Hasher, keyring: Keyring) -> Self {
        Self {
            hasher: hasher.with_recorder(ports.recorder.clone()),
            audit_throttle: AuditThrottle::default(),
            suppressed: Suppressed::default(),
            ports,
            policy,
            device_cookies: DeviceCookies::new(keyring.mac_key("device")),
            keyring,
            cache: SessionCache::new(CACHED_SESSION_BYTES),
            seen: Mutex::new(HashMap::new()),
            key_refreshes: tokio::sync::Mutex::default(),
            readiness: Readiness::default(),
            outbox_room: OutboxRoom::default(),
            mail_leases: MailLeases::default(),
            mail_waiting: Notify::new(),
            audit_ids: AuditEventIds::default(),
        }
    }

    /// The settings of the rules.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The current time.
    pub fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// Clears the session cache after this node's clock was set, because the age of its entries is unknown.
    pub fn time_was_moved(&self) {
        self.cache.clear();
    }

    /// Number of passwords that wait for hashing or are being hashed.
    pub fn hashing_queue_depth(&self) -> usize {
        self.hasher.queued()
    }

    /// Maximum number of passwords that wait for hashing or are being hashed.
    pub fn hashing_queue_capacity(&self) -> usize {
        self.hasher.capacity()
    }

    /// Counts the mails in the outbox.
    pub async fn outbox(&self) -> Result<OutboxStats, Error> {
        let store = &self.ports.store;
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

    pub(crate) fn record(&self, event: MetricEvent) {
        self.ports.recorder.record(event);
    }

    /// Waits until this node has added a mail to the outbox. For the worker.
    pub async fn mail_waiting(&self) {
        self.mail_waiting.notified().await;
    }

    /// Checks a new password against the rules. `personal` are the user's own names.
    pub fn check_password_rules(
        &self,
        text: &str,
        personal: &[&str],
    ) -> Result<NewPassword, crate::values::Invalid> {
        NewPassword::parse(text, &self.policy.password_rules, personal)
    }

    pub(crate) fn check_password_field(
        &self,
        field: &str,
        text: &str,
        user: &User,
    ) -> Result<NewPassword, Error> {
        self.check_password_rules(text, &user.personal_words())
            .map_err(|invalid| Error::Invalid(vec![FieldError::new(field, invalid)]))
    }

    /// Applies the changes, and invalidates this node's cached sessions of the changed users.
    pub(crate) async fn apply(&self, changes: Changes) -> Result<(), ApplyError> {
        let actor = changes.iter().find_map(checked_actor);
        let touched: Vec<UserId> = changes.iter().filter_map(touched_user).collect();
        let mails = changes.iter().filter(|change| is_mail(change)).count();
        let audited: Vec<MetricEvent> = changes.iter().filter_map(audited).collect();
        let outcome = self.ports.store.apply(changes).await;
        // A failed write may have been applied: its response can be lost.
        for user_id in touched {
            self.cache.user_changed(user_id);
        }
        if let Err(ApplyError::ActorSignedOut | ApplyError::ActorNotAllowed) = outcome
            && let Some(actor) = actor
        {
            self.cache.user_changed(actor);
        }
        if outcome.is_ok() {
            audited.into_iter().for_each(|event| self.record(event));
            self.outbox_room.add(mails);
            if mails > 0 {
                self.mail_waiting.notify_one();
            }
        }
        outcome
    }

    pub(crate) fn new_audit_event(
        &self,
        ctx: &Ctx,
        event: Event,
        user_id: Option<UserId>,
    ) -> AuditEvent {
        let id = self.audit_ids.next(ctx.now, &*self.ports.secrets);
        ctx.audit(id, event, user_id)
    }

    pub(crate) fn audit(&self, ctx: &Ctx, event: Event, user_id: Option<UserId>) -> Change {
        Change::Audit(Box::new(self.new_audit_event(ctx, event, user_id)))
    }

    pub(crate) fn audit_detail(
        &self,
        ctx: &Ctx,
        event: Event,
        user_id: Option<UserId>,
        detail: &str,
    ) -> Change {
        Change::Audit(Box::new(AuditEvent {
            detail: Some(detail.to_owned()),
            ..self.new_audit_event(ctx, event, user_id)
        }))
    }

    pub(crate) fn audit_failure(
        &self,
        ctx: &Ctx,
        event: Event,
        user_id: Option<UserId>,
        detail: &str,
    ) -> Change {
        Change::Audit(Box::new(AuditEvent {
            outcome: Outcome::Failure,
            detail: Some(detail.to_owned()),
            ..self.new_audit_event(ctx, event, user_id)
        }))
    }

    pub(crate) fn mail(
        &self,
        ctx: &Ctx,
        kind: MailKind,
        user_id: Option<UserId>,
        email: &EmailAddress,
        locale: Locale,
    ) -> Change {
        Write::insert(&self.mail_job(ctx, kind, user_id, email, locale)).into()
    }

    pub(crate) fn mail_job(
        &self,
        ctx: &Ctx,
        kind: MailKind,
        user_id: Option<UserId>,
        email: &EmailAddress,
        locale: Locale,
    ) -> MailJob {
        MailJob {
            id: MailJobId::generate(ctx.now, &*self.ports.secrets),
            kind,
            user_id,
            email: email.clone(),
            locale,
            created_at: ctx.now,
            attempts: 0,
            due_at: ctx.now,
            failed_at: None,
        }
    }

    /// The first change of a write to another user's account, or of an action that needs the admin role: this node
    /// may have checked the actor's session up to a second ago (Z-04). `None` for other writes.
    pub(crate) fn check_actor(&self, ctx: &Ctx, action: Action, target: UserId) -> Option<Change> {
        let Actor::User {
            id, session_epoch, ..
        } = &ctx.actor
        else {
            return None;
        };
        let needs_admin = *id != target || access::needs_admin(action);
        needs_admin.then_some(Change::CheckActor {
            user_id: *id,
            role: Role::Admin,
            session_epoch: *session_epoch,
        })
    }

    /// Checks that the actor may do this, and audits a forbidden attempt. Flows call this themselves. A handler
    /// calls it first if it would otherwise validate input before the flow does.
    pub async fn authorize(&self, ctx: &Ctx, action: Action, target: Target) -> Result<(), Error> {
        let result = access::authorize(&ctx.actor, action, target);
        if matches!(result, Err(Error::Forbidden)) {
            self.write_forbidden(ctx, action, None).await?;
        }
        result
    }

    /// Audits a forbidden attempt. Repeated attempts are limited, so that they do not fill the log (L-01).
    async fn write_forbidden(
        &self,
        ctx: &Ctx,
        action: Action,
        user_id: Option<UserId>,
    ) -> Result<(), Error> {
        if self.acquire_audit_slot(ctx, Event::Forbidden) {
            let detail = format!("{action:?}");
            let audit = self.audit_failure(ctx, Event::Forbidden, user_id, &detail);
            self.apply(vec![audit]).await?;
        }
        Ok(())
    }

    /// Audits that the actor viewed another user's data, after authorization (Z-05, L-01).
    pub(crate) async fn audit_view(
        &self,
        ctx: &Ctx,
        event: Event,
        user_id: Option<UserId>,
    ) -> Result<(), Error> {
        let is_own = user_id.is_some() && user_id == ctx.actor.user_id();
        if is_own || ctx.actor == Actor::Worker {
            return Ok(());
        }
        Ok(self.apply(vec![self.audit(ctx, event, user_id)]).await?)
    }

    /// Like [`Self::authorize`], for the user that a path's `{user}` identifies. The name is not looked up (Z-02)
    /// and not logged: the audit event contains only an id.
    pub(crate) async fn authorize_named(
        &self,
        ctx: &Ctx,
        action: Action,
        identifier: &str,
    ) -> Result<(), Error> {
        let is_own = names_actor(&ctx.actor, identifier);
        let target = if is_own { Target::Own } else { Target::Others };
        let result = access::authorize(&ctx.actor, action, target);
        if matches!(result, Err(Error::Forbidden)) {
            let user_id = identifier.parse().ok();
            self.write_forbidden(ctx, action, user_id).await?;
        }
        result
    }

    /// Finds the user that a path's `{user}` identifies. Authorization is checked before the look-up.
    pub(crate) async fn resolve(
        &self,
        ctx: &Ctx,
        action: Action,
        identifier: &str,
    ) -> Result<User, Error> {
        self.authorize_named(ctx, action, identifier).await?;
        let is_own = names_actor(&ctx.actor, identifier);
        let store = &self.ports.store;
        let user = match (ctx.actor.user_id().filter(|_| is_own), identifier.parse()) {
            (Some(own), _) => store.find_user(own).await?,
            (None, Ok(id)) => store.find_user(id).await?,
            (None, Err(())) => match Username::parse(identifier).ok() {
                Some(username) => {
                    let user = store.find_user_by_username(username.key()).await?;
                    self.read_whole(user).await?
                }
                None => None,
            },
        };
        user.ok_or(Error::NotFound)
    }

    /// Reads a user that was found by a name or an address again, including `data`.
    pub(crate) async fn read_whole(&self, user: Option<User>) -> Result<Option<User>, Error> {
        match user {
            Some(user) => Ok(self.ports.store.find_user(user.id).await?),
            None => Ok(None),
        }
    }

    pub(crate) fn record_last_seen(&self, used: LastSeen) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(used.id, used);
    }
}

/// Returns `true` if a path's `{user}` identifies the actor: `me`, their id, or their username in any spelling.
pub(crate) fn names_actor(actor: &Actor, identifier: &str) -> bool {
    let Actor::User {
        id, username_key, ..
    } = actor
    else {
        return false;
    };
    if identifier == "me" || identifier.parse() == Ok(*id) {
        return true;
    }
    match (Username::parse(identifier), username_key) {
        (Ok(username), Some(own)) => username.key() == own,
        _ => false,
    }
}

fn checked_actor(change: &Change) -> Option<UserId> {
    match change {
        Change::CheckActor { user_id, .. } => Some(*user_id),
        _ => None,
    }
}

fn is_mail(change: &Change) -> bool {
    matches!(change, Change::Write(Write::Insert(row)) if row.table == MailJob::TABLE)
}

fn audited(change: &Change) -> Option<MetricEvent> {
    match change {
        Change::Audit(event) => Some(MetricEvent::Audited(event.event, event.outcome)),
        _ => None,
    }
}

fn touched_user(change: &Change) -> Option<UserId> {
    match change {
        Change::UpdateUser { user, .. } => Some(user.id),
        Change::DeleteUser(id) => Some(*id),
        _ => None,
    }
}
