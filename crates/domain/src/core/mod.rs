//! The dependencies of all services, and the steps that several of them need. Imports no service.
//!
//! A service holds an [`Arc`](std::sync::Arc) of [`Core`] and calls its methods. A step of two services is a method of
//! `Core`, in this folder or in `limits`; services do not call each other.

pub(crate) mod keys;
pub(crate) mod links;
pub(crate) mod mail_leases;
pub(crate) mod new_password;
pub(crate) mod outbox_room;
pub(crate) mod pending_email;
pub(crate) mod sessions;
pub(crate) mod step_up;
pub(crate) mod suppressed;
pub(crate) mod users;
pub(crate) mod verify_password;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;

use crate::access::{self, Action, Target};
use crate::core::keys::KeyRefreshes;
use crate::core::mail_leases::MailLeases;
use crate::core::outbox_room::OutboxRoom;
use crate::core::suppressed::Suppressed;
use crate::ctx::{Actor, Ctx};
use crate::error::{Error, FieldError, WriteError};
use crate::limits::{AuditThrottle, DeviceCookies};
use crate::metric_event::MetricEvent;
use crate::model::{
    AuditEvent, AuditRecord, Event, LastAdmin, MailJob, MailKind, Outcome, Role, Roster, Status,
    User,
};
use crate::passwords::Hasher;
use crate::policy::Policy;
use crate::ports::{LastSeen, Ports};
use crate::readiness::Readiness;
use crate::session_cache::SessionCache;
use crate::session_store::SessionStore;
use crate::store::{ApplyError, Batch, Condition, Record, Records, Value, Write};
use crate::tokens::Keyring;
use crate::values::{
    AuditEventIds, EmailAddress, Locale, MailJobId, NewPassword, SessionId, UserId, Username,
};

/// Maximum number of attempts of an operation whose write is stale because of a concurrent write. After that it returns
/// [`Error::Overloaded`].
pub(crate) const ATTEMPTS: usize = 64;
/// Size of this node's session cache: about 20,000 sessions of users with little data (H-05).
const CACHED_SESSION_BYTES: u64 = 48 * 1024 * 1024;

/// The ports, the policy and the state of one node.
pub(crate) struct Core {
    pub(crate) ports: Ports,
    pub(crate) sessions: SessionStore,
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
    pub(crate) mail_waiting: Notify,
    audit_ids: AuditEventIds,
}

impl Core {
    /// Creates the state of a node. Does no I/O.
    pub(crate) fn new(ports: Ports, policy: Policy, hasher: Hasher, keyring: Keyring) -> Self {
        Self {
            hasher: hasher.with_recorder(ports.recorder.clone()),
            audit_throttle: AuditThrottle::default(),
            suppressed: Suppressed::default(),
            sessions: SessionStore::new(ports.store.clone(), ports.sessions.clone()),
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

    /// The current time.
    pub(crate) fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    pub(crate) fn record(&self, event: MetricEvent) {
        self.ports.recorder.record(event);
    }

    /// Checks a new password against the rules. `personal` are the user's own names.
    pub(crate) fn check_password_rules(
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

    /// Applies a batch, and invalidates this node's cached sessions of the changed users.
    pub(crate) async fn apply(&self, batch: Batch) -> Result<(), WriteError> {
        let effects = Effects::of(&batch);
        let outcome = self.ports.store.apply(batch).await;
        self.finish(effects, outcome).await
    }

    /// Does what follows a batch, and explains a failed check of the actor.
    pub(crate) async fn finish<T>(
        &self,
        effects: Effects,
        outcome: Result<T, ApplyError>,
    ) -> Result<T, WriteError> {
        // A failed write may have been applied: its response can be lost.
        for user_id in effects.users {
            self.cache.user_changed(user_id);
        }
        if outcome.is_ok() {
            effects
                .audited
                .into_iter()
                .for_each(|event| self.record(event));
            self.outbox_room.add(effects.mails);
            if effects.mails > 0 {
                self.mail_waiting.notify_one();
            }
        }
        match (outcome, effects.actor) {
            (Err(ApplyError::Stale), Some((actor, when))) => {
                self.ensure_actor(actor, &when)
                    .await
                    .map_err(WriteError::Failed)?;
                Err(WriteError::Stale)
            }
            (outcome, _) => Ok(outcome?),
        }
    }

    /// Fails if the actor of a privileged write is not active, has signed out or lacks the role.
    async fn ensure_actor(&self, actor: UserId, when: &[Condition]) -> Result<(), Error> {
        let stored: Option<User> = self.ports.store.get(actor).await?;
        let row = stored.map(|user| user.to_row());
        let broken = when
            .iter()
            .find(|condition| row.as_ref().is_none_or(|row| !condition.holds(row)));
        let Some(broken) = broken else {
            return Ok(());
        };
        self.cache.user_changed(actor);
        match (row, broken.column) {
            (Some(_), "role") => Err(Error::Forbidden),
            _ => Err(Error::InvalidToken),
        }
    }

    /// The writes by which the roster of admins follows a change of a user; `None` is a user that does not exist. Fails
    /// with [`Error::LastAdmin`] if no active admin would be left.
    pub(crate) async fn roster_change(
        &self,
        read: Option<&User>,
        changed: Option<&User>,
    ) -> Result<Batch, Error> {
        if !Roster::is_concerned(read, changed) {
            return Ok(Batch::new());
        }
        let added = changed
            .filter(|user| user.is_active_admin())
            .map(|user| user.id);
        let removed = read
            .filter(|user| user.is_active_admin())
            .map(|user| user.id);
        let roster = self.roster().await?;
        roster
            .changed(added, removed)
            .map_err(|LastAdmin| Error::LastAdmin)
    }

    /// The active admins.
    pub(crate) async fn roster(&self) -> Result<Roster, Error> {
        let roster = self.ports.store.get(Roster::ADMINS).await?;
        Ok(roster.unwrap_or_default())
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

    pub(crate) fn audit(&self, ctx: &Ctx, event: Event, user_id: Option<UserId>) -> Write {
        Write::insert(&self.new_audit_event(ctx, event, user_id))
    }

    pub(crate) fn audit_detail(
        &self,
        ctx: &Ctx,
        event: Event,
        user_id: Option<UserId>,
        detail: &str,
    ) -> Write {
        Write::insert(&AuditEvent {
            detail: Some(detail.to_owned()),
            ..self.new_audit_event(ctx, event, user_id)
        })
    }

    pub(crate) fn audit_failure(
        &self,
        ctx: &Ctx,
        event: Event,
        user_id: Option<UserId>,
        detail: &str,
    ) -> Write {
        Write::insert(&AuditEvent {
            outcome: Outcome::Failure,
            detail: Some(detail.to_owned()),
            ..self.new_audit_event(ctx, event, user_id)
        })
    }

    pub(crate) fn mail(
        &self,
        ctx: &Ctx,
        kind: MailKind,
        user_id: Option<UserId>,
        email: &EmailAddress,
        locale: Locale,
    ) -> Write {
        Write::insert(&self.mail_job(ctx, kind, user_id, email, locale))
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
            device: None,
            created_at: ctx.now,
            attempts: 0,
            due_at: ctx.now,
            failed_at: None,
        }
    }

    /// The first write of a change of another user's account, or of an action that needs the admin role: this node
    /// may have checked the actor's session up to a second ago (Z-04). `None` for other writes.
    pub(crate) fn check_actor(&self, ctx: &Ctx, action: Action, target: UserId) -> Option<Write> {
        let Actor::User {
            id, session_epoch, ..
        } = &ctx.actor
        else {
            return None;
        };
        let needs_admin = *id != target || access::needs_admin(action);
        let when = vec![
            Condition::is("status", Status::Active.as_str()),
            Condition::at_most("session_epoch", *session_epoch),
            Condition::is("role", Role::Admin.as_str()),
        ];
        needs_admin.then(|| Write::check::<User>(*id, when))
    }

    /// Checks that the actor may do this, and audits a forbidden attempt. Flows call this themselves. A handler
    /// calls it first if it would otherwise validate input before the flow does.
    pub(crate) async fn authorize(
        &self,
        ctx: &Ctx,
        action: Action,
        target: Target,
    ) -> Result<(), Error> {
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
        let user = match (
            ctx.actor.user_id().filter(|_| is_own),
            identifier.parse::<UserId>(),
        ) {
            (Some(own), _) => store.get(own).await?,
            (None, Ok(id)) => store.get(id).await?,
            (None, Err(())) => match Username::parse(identifier).ok() {
                Some(username) => {
                    let user = store.find(User::USERNAME_KEY, username.key()).await?;
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
            Some(user) => Ok(self.ports.store.get(user.id).await?),
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

/// What follows a batch once it is applied.
#[derive(Default)]
pub(crate) struct Effects {
    /// The users that it changes.
    users: Vec<UserId>,
    /// Number of mails in it.
    mails: usize,
    /// Its audit events, as metrics.
    audited: Vec<MetricEvent>,
    /// The actor that it checks, and the conditions.
    actor: Option<(UserId, Vec<Condition>)>,
}

impl Effects {
    pub(crate) fn of(batch: &Batch) -> Self {
        let mut effects = Self::default();
        for write in batch {
            match write {
                Write::Insert(row) if row.table == MailJob::TABLE => effects.mails += 1,
                Write::Insert(row) if row.table == AuditRecord::TABLE => {
                    let event = row.read::<AuditEvent>();
                    let event = event.map(|event| MetricEvent::Audited(event.event, event.outcome));
                    effects.audited.extend(event);
                }
                Write::Check { table, key, when } if *table == User::TABLE => {
                    effects.actor = user_id(key).map(|id| (id, when.clone()));
                }
                Write::Replace { .. } | Write::Delete { .. } if write.table() == User::TABLE => {
                    effects.users.extend(user_id(write.key()));
                }
                _ => {}
            }
        }
        effects
    }
}

fn user_id(key: &Value) -> Option<UserId> {
    match key {
        Value::Bytes(bytes) => Some(UserId::from_bytes(bytes.as_slice().try_into().ok()?)),
        _ => None,
    }
}
