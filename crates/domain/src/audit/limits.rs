//! Limits the number of audit events about actions that a client can repeat at will (L-01).
//!
//! An event beyond a limit is counted as suppressed. Each node has its own counts. The worker writes them every ten minutes and
//! when the server stops, as `events-suppressed`. A node that is killed loses the counts since the last write.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::ctx::Ctx;
use crate::limits::{KeyedLimit, LOCKOUT_RETRY_AFTER, Limit, MemoryRateLimits};
use crate::model::AuditKind;
use crate::values::{Rate, UserId};

/// Audit events about denials that this node writes, so that a flood does not fill the audit log.
const DENIALS: Rate = Rate::new(60, 60);
/// Audit events of one kind by one signed-in user whose action has no other limit, or about correct passwords of one user.
const ACTIONS: Rate = Rate::new(60, 3600);
const KEYS: usize = 10_000;

/// The limits of audit events, and what they suppressed.
pub(crate) struct AuditLimits {
    counters: MemoryRateLimits,
    /// Number of events that were counted instead of written, by kind.
    suppressed: Mutex<HashMap<AuditKind, u64>>,
}

impl Default for AuditLimits {
    fn default() -> Self {
        Self {
            counters: MemoryRateLimits::new(KEYS),
            suppressed: Mutex::default(),
        }
    }
}

impl AuditLimits {
    /// Counts events that are not written.
    pub(crate) fn suppress(&self, kind: AuditKind, count: u64) {
        let counts = self.suppressed.lock();
        let mut counts = counts.unwrap_or_else(PoisonError::into_inner);
        *counts.entry(kind).or_default() += count;
    }

    /// Returns the counts of events that were not written, and begins again.
    pub(crate) fn take_suppressed(&self) -> HashMap<AuditKind, u64> {
        let counts = self.suppressed.lock();
        std::mem::take(&mut *counts.unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns `true` if an event about what this user, or else the actor, does may be written under the limit with this
    /// name; else counts it as suppressed.
    pub(crate) fn may_write(
        &self,
        ctx: &Ctx,
        limit: &'static str,
        (kind, user_id): (AuditKind, Option<UserId>),
    ) -> bool {
        let key = user_id.map_or_else(|| ctx.actor.audit_name(), |id| format!("user:{id}"));
        let limit = KeyedLimit::budget(limit, ACTIONS, key);
        let is_allowed = self.counters.acquire_now(&limit, ctx.now).is_allowed();
        if !is_allowed {
            self.suppress(kind, 1);
        }
        is_allowed
    }

    /// Returns `true` if an event about this denial may be written: the first of its key in a window, and at most 60
    /// a minute.
    pub(crate) fn may_write_denial(&self, limit: &KeyedLimit, now: Timestamp) -> bool {
        let window = match limit.limit {
            Limit::Budget { rate, .. } => rate.window.max(DENIALS.window),
            Limit::Backoff { .. } => LOCKOUT_RETRY_AFTER,
        };
        let key = format!("{}/{}", limit.limit.name(), limit.key);
        let first = KeyedLimit::budget("first", Rate { burst: 1, window }, key);
        let all = KeyedLimit::budget("all", DENIALS, String::new());
        if !self.counters.acquire_now(&first, now).is_allowed() {
            return false;
        }
        let is_allowed = self.counters.acquire_now(&all, now).is_allowed();
        if !is_allowed {
            self.counters.release_now(&first, now);
            self.suppress(AuditKind::Throttled, 1);
        }
        is_allowed
    }
}
