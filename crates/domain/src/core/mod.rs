//! The dependencies of all services, and the steps that several of them need. Imports no service.
//!
//! A service holds an [`Arc`](std::sync::Arc) of [`Core`] and calls its methods. A step of two services is a method of
//! `Core`, in this folder, in `limits`, in `factors` or in `events`; services do not call each other.

mod apply;
mod authorize;
mod delete_user;
pub(crate) mod keys;
pub(crate) mod links;
pub(crate) mod mail_leases;
pub(crate) mod new_password;
pub(crate) mod outbox_limit;
mod pending_deletion;
pub(crate) mod pending_email;
pub(crate) mod sessions;
pub(crate) mod sign_up_cookie;
pub(crate) mod step_up;
pub(crate) mod suppressed;
pub(crate) mod total_counts;
pub(crate) mod undo;
pub(crate) mod users;
pub(crate) mod verify_password;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;

use crate::core::keys::KeyRefreshes;
use crate::core::mail_leases::MailLeases;
use crate::core::outbox_limit::OutboxLimit;
use crate::core::total_counts::TotalCounts;
use crate::ctx::Ctx;
use crate::error::{Error, FieldError};
use crate::events::metrics::total_of;
use crate::hashing::Hasher;
use crate::limits::{AuditLimits, DeviceCookies};
use crate::metric_event::MetricEvent;
use crate::model::{AuditEvent, AuditKind, LastAdmin, Roster, User};
use crate::policy::Policy;
use crate::ports::Ports;
use crate::readiness::Readiness;
use crate::session_cache::SessionCache;
use crate::session_store::SessionStore;
use crate::sessions::LastSeen;
use crate::store::{Batch, Records};
use crate::tokens::Keyring;
use crate::values::{AuditEventIds, NewPassword, SessionId, UserId};

pub(crate) use apply::Effects;

/// Maximum number of attempts of an operation whose write is stale because of a concurrent write. After that it returns
/// [`Error::Overloaded`].
pub(crate) const MAX_WRITE_ATTEMPTS: usize = 64;
/// Size of this node's session cache: about 20,000 sessions of users with little data (H-05).
const SESSION_CACHE_BYTES: u64 = 48 * 1024 * 1024;

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
    pub(crate) audit_limits: AuditLimits,
    pub(crate) outbox_limit: OutboxLimit,
    pub(crate) mail_leases: MailLeases,
    pub(crate) mail_enqueued: Notify,
    pub(crate) total_counts: TotalCounts,
    audit_ids: AuditEventIds,
}

impl Core {
    /// Creates the state of a node. Does no I/O.
    pub(crate) fn new(ports: Ports, policy: Policy, hasher: Hasher, keyring: Keyring) -> Self {
        Self {
            hasher: hasher.with_recorder(ports.recorder.clone()),
            audit_limits: AuditLimits::default(),
            sessions: SessionStore::new(ports.store.clone(), ports.sessions.clone()),
            ports,
            policy,
            device_cookies: DeviceCookies::new(keyring.mac_key("device")),
            keyring,
            cache: SessionCache::new(SESSION_CACHE_BYTES),
            seen: Mutex::new(HashMap::new()),
            key_refreshes: tokio::sync::Mutex::default(),
            readiness: Readiness::default(),
            outbox_limit: OutboxLimit::default(),
            mail_leases: MailLeases::default(),
            mail_enqueued: Notify::new(),
            total_counts: TotalCounts::default(),
            audit_ids: AuditEventIds::default(),
        }
    }

    /// The current time.
    pub(crate) fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// Records a metric event, and counts it for the totals.
    pub(crate) fn record(&self, event: MetricEvent) {
        if let Some(kind) = total_of(event) {
            self.total_counts.add(self.now(), kind);
        }
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
        event: AuditKind,
        user_id: Option<UserId>,
    ) -> AuditEvent {
        let id = self.audit_ids.next(ctx.now, &*self.ports.random);
        ctx.audit_event(id, event, user_id)
    }

    pub(crate) fn record_last_seen(&self, used: LastSeen) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(used.id, used);
    }
}
