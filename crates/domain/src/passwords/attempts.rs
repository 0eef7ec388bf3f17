//! Password attempts: counted before the hash, by account, with a separate count for known devices
//!

use std::sync::Arc;

use futures_util::future::join_all;

use super::account::own_identifier;
use super::verifier::VerifiedUser;
use crate::ctx::Ctx;
use crate::error::{Error, chain};
use crate::events::Event;
use crate::limits::rate_limiter::{LimitsDecision, failures_before};
use crate::limits::{
    Decision, KNOWN_DEVICE_FAILURES, KeyedLimit, RateLimiter, RateLimits, ThrottleScope,
};
use crate::model::{Lockout, User};
use crate::passwords::hashing::HashClient;
use crate::policy::Policy;
use crate::store::{Batch, ReadStore, Records, Write};
use crate::values::{EmailAddress, Identifier, UserId};
use crate::writer::Writer;

/// A password attempt that is already counted.
#[derive(Debug, Default)]
pub(crate) struct PasswordAttempt {
    client: AttemptClient,
    /// The acquired limits; the backoff is the first.
    limits: Vec<KeyedLimit>,
    /// The account's backoff. A correct password clears it, from any client.
    account: Option<KeyedLimit>,
    /// Number of wrong passwords of the account before this attempt; `None` if it was not counted for the account.
    failed_before: Option<u32>,
    /// If `true`, a wrong password locks the account out.
    is_last: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum AttemptClient {
    /// Rate limits are disabled.
    #[default]
    Unlimited,
    /// A session or known device of the account.
    Known,
    Unknown,
}

/// Counts, releases and clears password attempts.
pub(crate) struct PasswordAttempts {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) counters: Arc<dyn RateLimits>,
    pub(crate) rate_limiter: Arc<RateLimiter>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) writer: Arc<Writer>,
}

impl PasswordAttempts {
    /// Counts a password attempt for an account, or for an identifier without one. A known device is counted by
    /// itself and by its account, so that a flood does not delay the owner. Other clients are counted by account,
    /// network prefix and the global limit.
    pub(crate) async fn begin(
        &self,
        ctx: &Ctx,
        identifier: &Identifier,
        account: Option<&User>,
    ) -> Result<PasswordAttempt, Error> {
        if !self.policy.throttle {
            return Ok(PasswordAttempt::default());
        }
        let user_id = account.map(|user| user.id);
        let backoff = self.account_backoff(identifier, account);
        let mut attempt = PasswordAttempt {
            client: AttemptClient::Known,
            account: Some(backoff.clone()),
            ..PasswordAttempt::default()
        };
        if let Some(limits) = self.known_device_limits(ctx, account) {
            match self.rate_limiter.acquire_limits(ctx, &limits).await? {
                LimitsDecision::Allowed(_) => {
                    attempt.limits = limits;
                    return Ok(attempt);
                }
                // Too many wrong passwords: the device is no longer known.
                LimitsDecision::Denied {
                    retry_after: None, ..
                } => {}
                LimitsDecision::Denied { limit, retry_after } => {
                    return Err(self
                        .rate_limiter
                        .report_denial(ctx, limit, retry_after, user_id)
                        .await);
                }
            }
        }
        attempt.client = AttemptClient::Unknown;
        attempt.limits = vec![backoff];
        if let Some(network) = self.rate_limiter.network_limit(ctx, ThrottleScope::SignIn) {
            let ceiling = self.policy.limits.global;
            attempt.limits.push(network);
            let ceiling = KeyedLimit::budget("sign-in-global", ceiling, String::new());
            attempt.limits.push(ceiling);
        }
        match self
            .rate_limiter
            .acquire_limits(ctx, &attempt.limits)
            .await?
        {
            LimitsDecision::Allowed(remaining) => {
                let remaining = remaining.first().copied();
                attempt.is_last = remaining == Some(0);
                attempt.failed_before =
                    remaining.map(|left| failures_before(&attempt.limits[0], left));
                Ok(attempt)
            }
            LimitsDecision::Denied { limit, retry_after } => Err(self
                .rate_limiter
                .report_denial(ctx, limit, retry_after, user_id)
                .await),
        }
    }

    /// Returns the attempt of a user whose password was verified in an earlier request, to clear it.
    pub(crate) fn earlier(&self, ctx: &Ctx, user: &User) -> Result<PasswordAttempt, Error> {
        if !self.policy.throttle {
            return Ok(PasswordAttempt::default());
        }
        let backoff = self.account_backoff(&own_identifier(user)?, Some(user));
        let device = self.known_device_limits(ctx, Some(user));
        Ok(PasswordAttempt {
            client: match device {
                Some(_) => AttemptClient::Known,
                None => AttemptClient::Unknown,
            },
            limits: device.unwrap_or_default(),
            account: Some(backoff),
            ..PasswordAttempt::default()
        })
    }

    /// Returns the number of wrong passwords of the account before a correct one, as far as they are counted, or
    /// [`MANY_FAILURES`](crate::limits::MANY_FAILURES) if it is higher.
    pub(crate) async fn wrong_passwords_before(
        &self,
        ctx: &Ctx,
        verified: &VerifiedUser,
    ) -> Result<u32, Error> {
        let attempt = verified.attempt.as_ref();
        match attempt.map(|attempt| (attempt.failed_before, &attempt.account)) {
            Some((Some(failures), _)) => Ok(failures),
            Some((None, Some(account))) => {
                Ok(self.rate_limiter.read_failures(ctx, account).await?)
            }
            _ => Ok(0),
        }
    }

    /// Clears the failures on every node after a correct password.
    pub(crate) async fn clear(&self, verified: &VerifiedUser) -> Result<(), Error> {
        let Some(attempt) = &verified.attempt else {
            return Ok(());
        };
        let Some(account) = &attempt.account else {
            return Ok(());
        };
        let own = attempt.limits.first().filter(|own| *own != account);
        let cleared = [Some(account), own].into_iter().flatten();
        let cleared = cleared.map(|limit| self.counters.clear(limit));
        let (ended, cleared) =
            tokio::join!(self.end_lockout(attempt, &verified.user), join_all(cleared));
        ended?;
        cleared
            .into_iter()
            .try_for_each(|cleared| cleared.map(drop))?;
        Ok(())
    }

    /// Ends the lockout of an account whose user has signed in on a known device.
    async fn end_lockout(&self, attempt: &PasswordAttempt, user: &User) -> Result<(), Error> {
        if attempt.client != AttemptClient::Known {
            return Ok(());
        }
        let lockout: Option<Lockout> = self.store.get(user.id).await?;
        if lockout.is_some_and(|lockout| lockout.applies_to(user)) {
            self.writer
                .apply(vec![Write::delete::<Lockout>(user.id)])
                .await?;
        }
        Ok(())
    }

    /// Releases the count of an attempt whose password was correct, but which needs a second factor: it is no wrong
    /// password. The network and the ceiling stay charged.
    pub(crate) async fn release_backoff(&self, ctx: &Ctx, verified: &VerifiedUser) {
        let backoff = verified.attempt.as_ref().and_then(|own| own.limits.first());
        let backoff = backoff.map(std::slice::from_ref).unwrap_or_default();
        self.rate_limiter.release(ctx, backoff).await;
    }

    /// Releases an attempt whose password was not checked.
    pub(crate) async fn release(&self, ctx: &Ctx, attempt: &PasswordAttempt) {
        self.rate_limiter.release(ctx, &attempt.limits).await;
    }

    /// Counts a known device's wrong password for its account too (P-12), where it delays other clients. For the
    /// last wrong password that the account allows, returns the writes: the lockout, which survives the loss of
    /// the counters, an audit event, and a mail to the owner. An identifier without an account causes the
    /// same writes: the worker then finds no recipient.
    pub(crate) async fn count_wrong(
        &self,
        ctx: &Ctx,
        attempt: &PasswordAttempt,
        identifier: &Identifier,
        account: Option<&User>,
        (target, epoch): (UserId, i64),
    ) -> Result<Batch, Error> {
        let mut is_last = attempt.is_last;
        if let (AttemptClient::Known, Some(backoff)) = (attempt.client, &attempt.account) {
            let decision = self.counters.acquire(backoff, ctx.now).await?;
            is_last = decision == Decision::Allowed { remaining: 0 };
        }
        if !is_last {
            return Ok(Batch::new());
        }
        let lockout = Lockout {
            user_id: target,
            epoch,
        };
        let mut batch = vec![Write::put(&lockout)];
        let locked_out = Event::LockedOut {
            account,
            identifier,
        };
        self.writer.emit(ctx, locked_out, &mut batch);
        Ok(batch)
    }

    /// Clears the failures counted for an address before it had an owner. If that fails, the owner can
    /// recover the account.
    pub(crate) async fn clear_email_failures(&self, owner: &User) {
        let Some(email) = owner.email.as_ref().filter(|_| self.policy.throttle) else {
            return;
        };
        let limit = self.lockout_backoff(email_backoff_key(email, owner.security_epoch));
        if let Err(error) = self.counters.clear(&limit).await {
            tracing::warn!(error = %chain(&error), "failed to clear the failures counted for a new address");
        }
    }

    /// All identifiers of an account share one backoff, that of its confirmed address. An address is
    /// counted the same way whether it has an owner, waits for confirmation or is unknown. The session
    /// epoch is part of the key, so that a new password starts a new count. An account without a confirmed address
    /// cannot be recovered by mail: it is delayed, never locked out.
    fn account_backoff(&self, identifier: &Identifier, account: Option<&User>) -> KeyedLimit {
        match (account, identifier) {
            (Some(user), identifier) => match (&user.email, identifier) {
                (Some(email), _) => {
                    self.lockout_backoff(email_backoff_key(email, user.security_epoch))
                }
                // A confirmation has a separate count, so that other clients cannot use up the attempts of the
                // link's holder.
                (None, Identifier::Email(_)) => {
                    KeyedLimit::backoff(None, format!("confirmation/{}", user.id))
                }
                (None, Identifier::Username(_)) => {
                    KeyedLimit::backoff(None, format!("user/{}/{}", user.id, user.security_epoch))
                }
            },
            (None, Identifier::Username(username)) => {
                self.lockout_backoff(format!("username/{}", username.key()))
            }
            (None, Identifier::Email(email)) => {
                self.lockout_backoff(email_backoff_key(email, User::FIRST_EPOCH))
            }
        }
    }

    fn lockout_backoff(&self, key: String) -> KeyedLimit {
        KeyedLimit::backoff(Some(self.policy.limits.lockout_after), key)
    }

    fn known_device_limits(&self, ctx: &Ctx, account: Option<&User>) -> Option<Vec<KeyedLimit>> {
        let user = account?;
        let device = ctx.client.known_to(user).next()?;
        Some(vec![
            KeyedLimit::backoff(Some(KNOWN_DEVICE_FAILURES), device.key()),
            self.rate_limiter.user_limit(ThrottleScope::SignIn, user.id),
        ])
    }
}

impl PasswordAttempt {
    /// Its place in the hashing queue: known devices come before unknown clients.
    pub(crate) fn hash_client(&self, ctx: &Ctx) -> HashClient {
        match self.client {
            AttemptClient::Known => HashClient::known_device(),
            AttemptClient::Unlimited | AttemptClient::Unknown => HashClient::from_ctx(ctx),
        }
    }

    /// Returns `true` if the account is locked out for this client.
    pub(crate) fn is_locked_out(&self, user: &User, lockout: Option<&Lockout>) -> bool {
        let is_unknown = self.client == AttemptClient::Unknown;
        is_unknown && lockout.is_some_and(|lockout| lockout.applies_to(user))
    }
}

fn email_backoff_key(email: &EmailAddress, epoch: i64) -> String {
    format!("email/{}/{epoch}", email.key())
}
