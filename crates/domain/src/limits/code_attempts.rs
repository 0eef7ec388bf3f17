//! Attempts to enter the code of a second factor: counted for each user, apart from passwords.

use super::ThrottleScope;
use super::enforce::LimitsDecision;
use crate::core::Core;
use crate::ctx::Ctx;
use crate::error::{Error, chain};
use crate::model::User;
use crate::ports::KeyedLimit;
use crate::values::FactorKind;

/// A code that is already counted.
#[derive(Debug, Default)]
pub(crate) struct CodeAttempt {
    /// The count of wrong codes; `None` for a code that cannot be guessed.
    count: Option<KeyedLimit>,
    /// All acquired limits; the count is the first.
    limits: Vec<KeyedLimit>,
}

impl Core {
    /// Counts a code before it is checked. Codes of authenticators have a backoff and a lockout for each user; a recovery
    /// code cannot be guessed and is counted by network prefix only.
    pub(crate) async fn acquire_code_attempt(
        &self,
        ctx: &Ctx,
        user: &User,
        kind: FactorKind,
    ) -> Result<CodeAttempt, Error> {
        if !self.policy.throttle {
            return Ok(CodeAttempt::default());
        }
        let count = (kind == FactorKind::Totp).then(|| self.code_backoff(user));
        let mut limits: Vec<KeyedLimit> = count.iter().cloned().collect();
        limits.extend(self.network_limit(ctx, ThrottleScope::SignIn));
        match self.acquire_in_order(ctx, &limits).await? {
            LimitsDecision::Allowed(_) => Ok(CodeAttempt { count, limits }),
            LimitsDecision::Denied { limit, retry_after } => {
                let throttled = self.throttled(ctx, limit, retry_after, Some(user.id)).await;
                // Waiting does not end a lockout soon, and a new password does not end it: the limit counts codes.
                Err(match retry_after {
                    Some(_) => throttled,
                    None => Error::CodesLockedOut,
                })
            }
        }
    }

    /// Releases an attempt whose code was not compared, or was correct and not used up.
    pub(crate) async fn release_code_attempt(&self, ctx: &Ctx, attempt: &CodeAttempt) {
        self.release_codes(ctx, &attempt.limits).await;
    }

    /// Releases the count of a correct code that completes no sign-in. Wrong codes before it stay counted, and the
    /// network stays charged.
    pub(crate) async fn release_code_count(&self, ctx: &Ctx, attempt: &CodeAttempt) {
        self.release_codes(ctx, attempt.count.as_slice()).await;
    }

    async fn release_codes(&self, ctx: &Ctx, limits: &[KeyedLimit]) {
        if let Err(error) = self.release(ctx, limits).await {
            tracing::warn!(error = %chain(&error), "failed to release the count of a code");
        }
    }

    /// Clears the wrong codes of a user after a completed sign-in.
    pub(crate) async fn clear_code_attempts(&self, user: &User) {
        if !self.policy.throttle {
            return;
        }
        if let Err(error) = self.ports.rate_limits.clear(&self.code_backoff(user)).await {
            tracing::warn!(error = %chain(&error), "failed to clear the wrong codes of a user");
        }
    }

    fn code_backoff(&self, user: &User) -> KeyedLimit {
        let lockout_after = Some(self.policy.limits.lockout_after);
        KeyedLimit::backoff(lockout_after, format!("code/{}", user.id))
    }
}
