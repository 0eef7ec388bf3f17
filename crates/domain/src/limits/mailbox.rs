//! The limits of mails to one mailbox.

use std::sync::Arc;

use jiff::Timestamp;

use super::rate_limiter::RateLimiter;
use super::{Decision, EMAIL_CHANGES, KeyedLimit, MAILBOX, MAILBOX_CEILING, address_key};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::metric_event::MetricEvent;
use crate::model::{Purpose, User};
use crate::policy::Policy;
use crate::values::EmailAddress;
use crate::writer::Writer;

/// Counts the mails with a link that are requested for a mailbox.
pub(crate) struct MailboxLimits {
    pub(crate) rate_limiter: Arc<RateLimiter>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) writer: Arc<Writer>,
}

impl MailboxLimits {
    /// Counts a mail with a link of this purpose that this network requests for one mailbox, whether or not the address
    /// belongs to an account. Each purpose has its own budget: requests for confirmations do not use up the owner's
    /// recovery.
    pub(crate) async fn throttle(
        &self,
        ctx: &Ctx,
        purpose: Purpose,
        email: &EmailAddress,
    ) -> Result<(), Error> {
        let limit = mailbox_limit(ctx, purpose, email);
        self.rate_limiter.acquire(ctx, limit.as_slice(), None).await
    }

    /// Counts the confirmation mail of a sign-up like [`Self::throttle`]. Returns `false` if there were too many.
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
        let is_allowed = self
            .rate_limiter
            .try_acquire(&limit, ctx.now)
            .await?
            .is_allowed();
        if !is_allowed {
            self.writer.record(MetricEvent::Throttled(name));
        }
        Ok(is_allowed)
    }

    /// Releases what [`Self::may_send_sign_up_mail`] or [`Self::throttle`] acquired for a request that failed, such as
    /// with a username that is taken.
    pub(crate) async fn release(&self, ctx: &Ctx, purpose: Purpose, email: &EmailAddress) {
        let limit = mailbox_limit(ctx, purpose, email);
        let limit = limit.filter(|_| self.policy.throttle);
        self.rate_limiter.release(ctx, limit.as_slice()).await;
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
        self.rate_limiter.acquire(ctx, &limits, Some(user.id)).await
    }

    /// Counts a mail for the ceiling of its mailbox, for the worker.
    pub(crate) async fn acquire_ceiling(
        &self,
        purpose: Purpose,
        email: &EmailAddress,
        now: Timestamp,
    ) -> Result<Decision, Error> {
        let key = format!("ceiling/{}/{}", purpose.as_str(), email.key());
        let limit = KeyedLimit::budget("mailbox", MAILBOX_CEILING, key);
        let decision = self.rate_limiter.try_acquire(&limit, now).await?;
        if !decision.is_allowed() {
            self.writer
                .record(MetricEvent::Throttled(limit.limit.name()));
        }
        Ok(decision)
    }
}

/// `None` if the client's address is unknown: all such clients would share the limit. The ceiling applies to them.
fn mailbox_limit(ctx: &Ctx, purpose: Purpose, email: &EmailAddress) -> Option<KeyedLimit> {
    let network = address_key(ctx.client.address?);
    let key = format!("{}/{network}/{}", purpose.as_str(), email.key());
    Some(KeyedLimit::budget("mailbox", MAILBOX, key))
}
