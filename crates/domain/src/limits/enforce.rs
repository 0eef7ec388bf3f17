//! Acquires the limits of requests, and the effects of a denial: an error, a metric, an audit event, headers.

use std::time::Duration;

use futures_util::future::try_join_all;
use jiff::Timestamp;

use super::{
    BACKOFF_DELAYS, DELETIONS, EMAIL_CHANGES, LOCKOUT_RETRY_AFTER, MAILBOX, MAILBOX_CEILING,
    MANY_FAILURES, ThrottleScope, address_key, interval,
};
use crate::core::Core;
use crate::ctx::{Ctx, ReportedLimit};
use crate::error::{Error, chain};
use crate::events::Event;
use crate::limits::{Decision, KeyedLimit, Limit};
use crate::metric_event::MetricEvent;
use crate::model::{Purpose, User};
use crate::store::StoreError;
use crate::values::{EmailAddress, Rate, UserId};

/// The decision of the limits of a request.
pub(super) enum LimitsDecision<'a> {
    /// All allow it. Contains what remains of each.
    Allowed(Vec<u32>),
    /// This one denies it.
    Denied {
        limit: &'a KeyedLimit,
        retry_after: Option<Duration>,
    },
}

impl Core {
    /// Counts a request in its scope: tokens and profiles by account, everything else by network prefix. Passwords are
    /// counted when they are checked, because only then is the account known.
    pub(crate) async fn check_rate_limit(
        &self,
        ctx: &Ctx,
        scope: ThrottleScope,
    ) -> Result<(), Error> {
        let limit = match (scope, ctx.actor.user_id()) {
            (ThrottleScope::SignIn, _) => None,
            (ThrottleScope::Token | ThrottleScope::Profile, Some(id)) => {
                Some(self.user_limit(scope, id))
            }
            _ => self.network_limit(ctx, scope),
        };
        self.acquire(ctx, limit.as_slice(), None).await
    }

    pub(super) fn network_limit(&self, ctx: &Ctx, scope: ThrottleScope) -> Option<KeyedLimit> {
        let rate = scope.rate(&self.policy.limits);
        let key = address_key(ctx.client.address?);
        Some(KeyedLimit::budget(scope.name(), rate, key))
    }

    pub(super) fn user_limit(&self, scope: ThrottleScope, user_id: UserId) -> KeyedLimit {
        let rate = scope.rate(&self.policy.limits);
        KeyedLimit::for_user(scope.name(), rate, user_id)
    }

    /// Counts a mail with a link of this purpose that this network requests for one mailbox, whether or not the address
    /// belongs to an account. Each purpose has its own budget: requests for confirmations do not use up the owner's
    /// recovery.
    pub(crate) async fn throttle_mailbox(
        &self,
        ctx: &Ctx,
        purpose: Purpose,
        email: &EmailAddress,
    ) -> Result<(), Error> {
        let limit = mailbox_limit(ctx, purpose, email);
        self.acquire(ctx, limit.as_slice(), None).await
    }

    /// Counts the confirmation mail of a sign-up like [`Self::throttle_mailbox`]. Returns `false` if there were too many.
    /// The sign-up succeeds without the mail: its response must not depend on other sign-ups.
    pub(crate) async fn may_send_sign_up_mail(
        &self,
        ctx: &Ctx,
        email: &EmailAddress,
    ) -> Result<bool, Error> {
        let limit = mailbox_limit(ctx, Purpose::Confirmation, email);
        let Some(limit) = limit.filter(|_| self.policy.throttle) else {
            return Ok(true);
        };
        let name = limit.limit.name();
        let is_allowed = self.try_acquire(limit, ctx.now).await?;
        if !is_allowed {
            self.writer.record(MetricEvent::Throttled(name));
        }
        Ok(is_allowed)
    }

    /// Releases what [`Self::may_send_sign_up_mail`] or [`Self::throttle_mailbox`] acquired for a request that failed, such as
    /// with a username that is taken.
    pub(crate) async fn release_mailbox(&self, ctx: &Ctx, purpose: Purpose, email: &EmailAddress) {
        let limit = mailbox_limit(ctx, purpose, email);
        let limit = limit.filter(|_| self.policy.throttle);
        self.release_or_log(ctx, limit.as_slice()).await;
    }

    /// Counts an address change for its account, and for this network and the new mailbox.
    pub(crate) async fn throttle_email_change(
        &self,
        ctx: &Ctx,
        user: &User,
        email: &EmailAddress,
    ) -> Result<(), Error> {
        let own = KeyedLimit::for_user("email-change", EMAIL_CHANGES, user.id);
        let mut limits = vec![own];
        limits.extend(mailbox_limit(ctx, Purpose::Confirmation, email));
        self.acquire(ctx, &limits, Some(user.id)).await
    }

    /// Counts a request of a user to delete their own account.
    pub(crate) async fn throttle_deletion(&self, ctx: &Ctx, user: &User) -> Result<(), Error> {
        let own = KeyedLimit::for_user("deletion", DELETIONS, user.id);
        let is_own = ctx.actor.user_id() == Some(user.id);
        let limits = is_own.then_some(own);
        self.acquire(ctx, limits.as_slice(), Some(user.id)).await
    }

    /// Counts a mail for the ceiling of its mailbox, for the worker.
    pub(crate) async fn acquire_mailbox_ceiling(
        &self,
        purpose: Purpose,
        email: &EmailAddress,
        now: Timestamp,
    ) -> Result<Decision, Error> {
        let key = format!("ceiling/{}/{}", purpose.as_str(), email.key());
        let limit = KeyedLimit::budget("mailbox", MAILBOX_CEILING, key);
        let decision = self.ports.rate_limits.acquire(&limit, now).await?;
        if !decision.is_allowed() {
            self.writer
                .record(MetricEvent::Throttled(limit.limit.name()));
        }
        Ok(decision)
    }

    /// Acquires one from a limit whose denial is not an error. Returns `true` if it is allowed.
    pub(crate) async fn try_acquire(
        &self,
        limit: KeyedLimit,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let decision = self.ports.rate_limits.acquire(&limit, now).await?;
        Ok(decision.is_allowed())
    }

    /// Acquires the limits of a request, or returns an error if one denies it.
    pub(super) async fn acquire(
        &self,
        ctx: &Ctx,
        limits: &[KeyedLimit],
        user_id: Option<UserId>,
    ) -> Result<(), Error> {
        if !self.policy.throttle {
            return Ok(());
        }
        match self.acquire_in_order(ctx, limits).await? {
            LimitsDecision::Allowed(_) => Ok(()),
            LimitsDecision::Denied { limit, retry_after } => {
                Err(self.throttled(ctx, limit, retry_after, user_id).await)
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
    pub(super) async fn acquire_in_order<'a>(
        &self,
        ctx: &Ctx,
        limits: &'a [KeyedLimit],
    ) -> Result<LimitsDecision<'a>, StoreError> {
        let (first, others) = limits.split_at(limits.len().min(2));
        let groups = [first].into_iter().chain(others.chunks(1));
        let (mut acquired, mut all_remaining) = (Vec::new(), Vec::new());
        for group in groups {
            let attempts = group.iter().map(|limit| self.acquire_one(ctx, limit));
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
                self.release_or_log(ctx, &acquired).await;
                return Ok(denied);
            }
        }
        report_allowed(ctx, limits, &all_remaining);
        Ok(LimitsDecision::Allowed(all_remaining))
    }

    async fn acquire_one(&self, ctx: &Ctx, limit: &KeyedLimit) -> Result<Decision, StoreError> {
        self.ports.rate_limits.acquire(limit, ctx.now).await
    }

    /// Releases limits of a request whose result is decided. Logs a failure and goes on.
    pub(crate) async fn release_or_log(&self, ctx: &Ctx, limits: &[KeyedLimit]) {
        for limit in limits {
            if let Err(error) = self.ports.rate_limits.release(limit, ctx.now).await {
                let limit = limit.limit.name();
                tracing::warn!(error = %chain(&error), limit, "failed to release a rate limit");
            }
        }
    }

    /// Releases what this request has acquired.
    pub(super) async fn release(&self, ctx: &Ctx, limits: &[KeyedLimit]) -> Result<(), StoreError> {
        for limit in limits {
            self.ports.rate_limits.release(limit, ctx.now).await?;
        }
        Ok(())
    }

    /// Returns the number of failures that a backoff has counted, or [`MANY_FAILURES`] if it is higher. While it delays
    /// attempts, only that there are enough for a delay. Counts no failure.
    pub(super) async fn read_failures(
        &self,
        ctx: &Ctx,
        backoff: &KeyedLimit,
    ) -> Result<u32, StoreError> {
        // Another maximum does not change the key. An attempt that is allowed is released at once.
        let reading = KeyedLimit::backoff(Some(MANY_FAILURES), backoff.key.clone());
        match self.ports.rate_limits.acquire(&reading, ctx.now).await? {
            Decision::Allowed { remaining } => {
                self.release(ctx, std::slice::from_ref(&reading)).await?;
                Ok(failures_before(&reading, remaining))
            }
            Decision::Denied { retry_after: None } => Ok(MANY_FAILURES),
            Decision::Denied { .. } => Ok(BACKOFF_DELAYS[0].0),
        }
    }

    /// The error for a denied request, after it is reported to the client, the metrics and the audit log.
    pub(super) async fn throttled(
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
            && ThrottleScope::ALL.iter().any(|scope| scope.name() == name)
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
pub(super) fn failures_before(backoff: &KeyedLimit, remaining: u32) -> u32 {
    match backoff.limit {
        Limit::Backoff { lockout_after } => lockout_after
            .unwrap_or(u32::MAX)
            .saturating_sub(remaining)
            .saturating_sub(1),
        Limit::Budget { .. } => 0,
    }
}

/// `None` if the client's address is unknown: all such clients would share the limit. The ceiling applies to them.
fn mailbox_limit(ctx: &Ctx, purpose: Purpose, email: &EmailAddress) -> Option<KeyedLimit> {
    let network = address_key(ctx.client.address?);
    let key = format!("{}/{network}/{}", purpose.as_str(), email.key());
    Some(KeyedLimit::budget("mailbox", MAILBOX, key))
}
