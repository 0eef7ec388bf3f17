//! Acquires the limits of requests, and the effects of a denial: an error, a metric, an audit event, headers.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use jiff::Timestamp;

use super::{
    BACKOFF_DELAYS, DELETIONS, LOCKOUT_RETRY_AFTER, MANY_FAILURES, ThrottleScope, address_key,
    interval,
};
use crate::ctx::{Ctx, ReportedLimit};
use crate::error::{Error, chain};
use crate::events::Event;
use crate::limits::{Decision, KeyedLimit, Limit, RateLimits};
use crate::metric_event::MetricEvent;
use crate::model::User;
use crate::policy::Policy;
use crate::store::StoreError;
use crate::values::{Rate, UserId};
use crate::writer::Writer;

/// The decision of the limits of a request.
pub(crate) enum LimitsDecision<'a> {
    /// All allow it. Contains what remains of each.
    Allowed(Vec<u32>),
    /// This one denies it.
    Denied {
        limit: &'a KeyedLimit,
        retry_after: Option<Duration>,
    },
}

/// Acquires and releases limits, and reports denials.
pub(crate) struct RateLimiter {
    pub(crate) counters: Arc<dyn RateLimits>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) writer: Arc<Writer>,
}

impl RateLimiter {
    /// Counts a request in its scope: tokens and profiles by account, everything else by network prefix. Passwords are
    /// counted when they are checked, because only then is the account known.
    pub(crate) async fn check_scope(&self, ctx: &Ctx, scope: ThrottleScope) -> Result<(), Error> {
        let limit = match (scope, ctx.actor.user_id()) {
            (ThrottleScope::SignIn, _) => None,
            (ThrottleScope::Token | ThrottleScope::Profile, Some(id)) => {
                Some(self.user_limit(scope, id))
            }
            _ => self.network_limit(ctx, scope),
        };
        self.acquire(ctx, limit.as_slice(), None).await
    }

    pub(crate) fn network_limit(&self, ctx: &Ctx, scope: ThrottleScope) -> Option<KeyedLimit> {
        let rate = scope.rate(&self.policy.limits);
        let key = address_key(ctx.client.address?);
        Some(KeyedLimit::budget(scope.as_str(), rate, key))
    }

    pub(crate) fn user_limit(&self, scope: ThrottleScope, user_id: UserId) -> KeyedLimit {
        let rate = scope.rate(&self.policy.limits);
        KeyedLimit::for_user(scope.as_str(), rate, user_id)
    }

    /// Counts a request of a user to delete their own account.
    pub(crate) async fn throttle_deletion(&self, ctx: &Ctx, user: &User) -> Result<(), Error> {
        let own = KeyedLimit::for_user("deletion", DELETIONS, user.id);
        let is_own = ctx.actor.user_id() == Some(user.id);
        let limits = is_own.then_some(own);
        self.acquire(ctx, limits.as_slice(), Some(user.id)).await
    }

    /// Acquires one from a limit whose denial is not an error.
    pub(crate) async fn try_acquire(
        &self,
        limit: &KeyedLimit,
        now: Timestamp,
    ) -> Result<Decision, StoreError> {
        self.counters.acquire(limit, now).await
    }

    /// Acquires the limits of a request, or returns an error if one denies it.
    pub(crate) async fn acquire(
        &self,
        ctx: &Ctx,
        limits: &[KeyedLimit],
        user_id: Option<UserId>,
    ) -> Result<(), Error> {
        if !self.policy.throttle {
            return Ok(());
        }
        match self.acquire_limits(ctx, limits).await? {
            LimitsDecision::Allowed(_) => Ok(()),
            LimitsDecision::Denied { limit, retry_after } => {
                Err(self.report_denial(ctx, limit, retry_after, user_id).await)
            }
        }
    }

    /// Acquires the limits of a request: the first two at the same time, which are those of the account and of the client,
    /// and then the others one by one. Callers list the narrowest key first. If limits deny the request, the first of them
    /// is returned, and what was acquired is released. A limit that all clients share is the third: a client that its own
    /// limit denies does not touch it.
    ///
    /// Each limit is atomic, but the list is not: until the release, a denied request occupies the limits that
    /// allow it, so a parallel request with one of these keys may be denied too. No limit ever
    /// allows more than its number. If the store fails, or the request is cancelled in between, what was acquired
    /// stays counted.
    pub(crate) async fn acquire_limits<'a>(
        &self,
        ctx: &Ctx,
        limits: &'a [KeyedLimit],
    ) -> Result<LimitsDecision<'a>, StoreError> {
        let (first, others) = limits.split_at(limits.len().min(2));
        let groups = [first].into_iter().chain(others.chunks(1));
        let (mut acquired, mut all_remaining) = (Vec::new(), Vec::new());
        for group in groups {
            let attempts = group
                .iter()
                .map(|limit| self.counters.acquire(limit, ctx.now));
            let decisions = try_join_all(attempts).await?;
            let mut denied = None;
            for (limit, decision) in group.iter().zip(decisions) {
                match decision {
                    Decision::Allowed { remaining } => {
                        acquired.push(limit.clone());
                        all_remaining.push(remaining);
                    }
                    Decision::Denied { retry_after } => {
                        denied.get_or_insert(LimitsDecision::Denied { limit, retry_after });
                    }
                }
            }
            if let Some(denied) = denied {
                self.release(ctx, &acquired).await;
                return Ok(denied);
            }
        }
        report_allowed(ctx, limits, &all_remaining);
        Ok(LimitsDecision::Allowed(all_remaining))
    }

    /// Releases limits of a request whose result is decided. Logs a failure and goes on.
    pub(crate) async fn release(&self, ctx: &Ctx, limits: &[KeyedLimit]) {
        for limit in limits {
            if let Err(error) = self.counters.release(limit, ctx.now).await {
                let limit = limit.limit.name();
                tracing::warn!(error = %chain(&error), limit, "failed to release a rate limit");
            }
        }
    }

    /// Returns the number of failures that a backoff has counted, or [`MANY_FAILURES`] if it is higher. While it delays
    /// attempts, only that there are enough for a delay. Counts no failure, unless the release fails.
    pub(crate) async fn read_failures(
        &self,
        ctx: &Ctx,
        backoff: &KeyedLimit,
    ) -> Result<u32, StoreError> {
        // Another maximum does not change the key. An attempt that is allowed is released at once.
        let reading = KeyedLimit::backoff(Some(MANY_FAILURES), backoff.key.clone());
        match self.counters.acquire(&reading, ctx.now).await? {
            Decision::Allowed { remaining } => {
                self.release(ctx, std::slice::from_ref(&reading)).await;
                Ok(failures_before(&reading, remaining))
            }
            Decision::Denied { retry_after: None } => Ok(MANY_FAILURES),
            Decision::Denied { .. } => Ok(BACKOFF_DELAYS[0].0),
        }
    }

    /// The error for a denied request, after it is reported to the client, the metrics and the audit log.
    pub(crate) async fn report_denial(
        &self,
        ctx: &Ctx,
        limit: &KeyedLimit,
        retry_after: Option<Duration>,
        user_id: Option<UserId>,
    ) -> Error {
        let retry_after = retry_after.unwrap_or(LOCKOUT_RETRY_AFTER);
        let name = limit.limit.name();
        let rate = match limit.limit {
            Limit::Budget { rate, .. } => rate,
            Limit::Backoff { .. } => Rate {
                burst: 1,
                window: retry_after.max(Duration::from_secs(1)),
            },
        };
        ctx.client.rate_limits.add(ReportedLimit {
            name,
            rate,
            remaining: 0,
            reset_after: retry_after,
        });
        self.writer.record(MetricEvent::Throttled(name));
        let denied = Event::Throttled { user_id, limit };
        let written = self.writer.emit_now(ctx, denied).await;
        if let Err(error) = written.map_err(Error::from) {
            tracing::warn!(error = %chain(&error), limit = name, "failed to write a throttle event to the audit log");
        }
        Error::TooManyAttempts { retry_after }
    }
}

/// Reports the client's own budgets. The state of a mailbox or the global limit also depends on other clients, so
/// it is not reported.
fn report_allowed(ctx: &Ctx, limits: &[KeyedLimit], remaining: &[u32]) {
    for (limit, remaining) in limits.iter().zip(remaining) {
        if let Limit::Budget { name, rate } = limit.limit
            && ThrottleScope::from_name(name).is_some()
        {
            ctx.client.rate_limits.add(ReportedLimit {
                name,
                rate,
                remaining: *remaining,
                reset_after: interval(rate),
            });
        }
    }
}

/// The number of failures before an attempt that a backoff has allowed with this remainder.
pub(crate) fn failures_before(backoff: &KeyedLimit, remaining: u32) -> u32 {
    match backoff.limit {
        Limit::Backoff { lockout_after } => lockout_after
            .unwrap_or(u32::MAX)
            .saturating_sub(remaining)
            .saturating_sub(1),
        Limit::Budget { .. } => 0,
    }
}
