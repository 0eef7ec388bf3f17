//! Attempts to enter the code of a second factor: counted apart from passwords.
//!
//! A device or session that has once passed the factor has a count for itself, and so has the password that a recovery by
//! mail has set. All others share the count of the user. So someone who knows the password cannot keep the owner out
//! . The keys contain the oldest factor: a new first factor starts at zero on every node.

use std::sync::Arc;

use super::store::FactorStore;
use crate::ctx::Ctx;
use crate::error::{Error, chain};
use crate::limits::rate_limiter::{LimitsDecision, failures_before};
use crate::limits::{KNOWN_DEVICE_FAILURES, KeyedLimit, RateLimiter, RateLimits, ThrottleScope};
use crate::model::{FactorSet, User};
use crate::policy::Policy;
use crate::values::{FactorKind, Rate};

const DAY: u64 = 24 * 3600;
/// Codes that a recovery by mail grants, for the 30 days of the grant. A backoff would forget wrong codes earlier.
const CODES_OF_GRANT: Rate = Rate::new(5, 5 * 30 * DAY);
/// Grants to one user: three at once, then one a day, so that there are at most three in any 24 hours.
const RECENT_GRANTS: Rate = Rate::new(3, 3 * DAY);
/// Grants to one user until a code is correct: ten at once, then one a year. The counter is stored for the whole window, as
/// `docs/PRIVACY.md` states.
const GRANTS_IN_A_ROW: Rate = Rate::new(10, 10 * 365 * DAY);

/// A code that is already counted.
#[derive(Debug, Default)]
pub(crate) struct CodeAttempt {
    /// The backoff that counts this code; `None` for a code that cannot be guessed.
    backoff: Option<KeyedLimit>,
    /// The codes of the recovery, if this is one of them.
    granted: Option<KeyedLimit>,
    /// All acquired limits.
    acquired: Vec<KeyedLimit>,
    /// All backoffs that concern the client.
    backoffs: Vec<KeyedLimit>,
    /// The limit of recoveries in a row that grant codes.
    grant_limit: Option<KeyedLimit>,
    /// Number of wrong codes in `backoff` before this one.
    failed_before: u32,
    /// `true` if a wrong code uses up the shared count: clients without their own count are then locked out.
    pub(crate) locks_out_if_wrong: bool,
}

/// Counts, releases and clears attempts to enter a code.
pub(crate) struct CodeAttempts {
    pub(crate) counters: Arc<dyn RateLimits>,
    pub(crate) rate_limiter: Arc<RateLimiter>,
    pub(crate) factor_store: Arc<FactorStore>,
    pub(crate) policy: Arc<Policy>,
}

impl CodeAttempts {
    /// Counts a code before it is checked. Codes of authenticators have a backoff and a lockout; a recovery code cannot be
    /// guessed. Both are charged to the account if the device is known, else to the network prefix. `recovery` is the
    /// recovery that has set the password and granted codes for it.
    pub(crate) async fn begin(
        &self,
        ctx: &Ctx,
        (user, set): (&User, &FactorSet),
        kind: FactorKind,
        recovery: Option<&str>,
    ) -> Result<CodeAttempt, Error> {
        if !self.policy.throttle {
            return Ok(CodeAttempt::default());
        }
        let own = self.own_backoffs(ctx, (user, set), recovery).await?;
        let granted = recovery.map(|recovery| {
            KeyedLimit::budget("granted-codes", CODES_OF_GRANT, recovery_key(recovery))
        });
        let lockout_after = self.policy.limits.lockout_after;
        let shared = KeyedLimit::backoff(Some(lockout_after), factor_key(user, set));
        for backoff in own.iter().chain([&shared]) {
            let is_shared = *backoff == shared;
            let backoff = Some(backoff).filter(|_| kind.is_guessable()).cloned();
            let is_of_grant = |granted: &&KeyedLimit| {
                backoff
                    .as_ref()
                    .is_some_and(|backoff| backoff.key == granted.key)
            };
            let granted = granted.as_ref().filter(is_of_grant).cloned();
            let mut limits: Vec<KeyedLimit> = granted.iter().chain(&backoff).cloned().collect();
            limits.extend(self.code_client_limit(ctx, user));
            match self.rate_limiter.acquire_limits(ctx, &limits).await? {
                LimitsDecision::Allowed(remaining) => {
                    let counted = backoff.as_ref().zip(remaining.get(granted.iter().len()));
                    return Ok(CodeAttempt {
                        failed_before: counted
                            .map_or(0, |(backoff, left)| failures_before(backoff, *left)),
                        locks_out_if_wrong: is_shared
                            && counted.is_some_and(|(_, left)| *left == 0),
                        grant_limit: Some(grants_in_a_row(user, set)),
                        backoff,
                        granted,
                        acquired: limits,
                        backoffs: own.iter().chain([&shared]).cloned().collect(),
                    });
                }
                // Locked out here: try the next backoff, which more clients share.
                LimitsDecision::Denied {
                    retry_after: None, ..
                } => {}
                LimitsDecision::Denied { limit, .. } if Some(limit) == granted.as_ref() => {}
                LimitsDecision::Denied { limit, retry_after } => {
                    return Err(self
                        .rate_limiter
                        .report_denial(ctx, limit, retry_after, Some(user.id))
                        .await);
                }
            }
        }
        self.rate_limiter
            .report_denial(ctx, &shared, None, Some(user.id))
            .await;
        // Waiting does not end a lockout soon, and a new password does not end it: the limit counts codes.
        Err(Error::CodesLockedOut)
    }

    /// The backoffs for codes of this client alone, in the order in which they are used.
    async fn own_backoffs(
        &self,
        ctx: &Ctx,
        (user, set): (&User, &FactorSet),
        recovery: Option<&str>,
    ) -> Result<Vec<KeyedLimit>, Error> {
        let key = factor_key(user, set);
        let device = self
            .factor_store
            .device_with_factor(ctx, (user, set))
            .await?;
        let device = device.map(|device| {
            KeyedLimit::backoff(
                Some(KNOWN_DEVICE_FAILURES),
                format!("{key}/{}", device.key()),
            )
        });
        // For its delays: a budget limits the number.
        let recovery = recovery.map(|recovery| KeyedLimit::backoff(None, recovery_key(recovery)));
        Ok(device.into_iter().chain(recovery).collect())
    }

    /// Charges the client as for a password.
    fn code_client_limit(&self, ctx: &Ctx, user: &User) -> Option<KeyedLimit> {
        match ctx.client.known_to(user).next() {
            Some(_) => Some(self.rate_limiter.user_limit(ThrottleScope::SignIn, user.id)),
            None => self.rate_limiter.network_limit(ctx, ThrottleScope::SignIn),
        }
    }

    /// Releases an attempt whose code was not compared, or was correct and not used up.
    pub(crate) async fn release_unused(&self, ctx: &Ctx, attempt: &CodeAttempt) {
        self.rate_limiter.release(ctx, &attempt.acquired).await;
    }

    /// Releases the count of a correct code that completes no sign-in. Wrong codes before it stay counted, and the
    /// client stays charged.
    pub(crate) async fn release_correct(&self, ctx: &Ctx, attempt: &CodeAttempt) {
        let counted: Vec<_> = attempt
            .backoff
            .iter()
            .chain(&attempt.granted)
            .cloned()
            .collect();
        self.rate_limiter.release(ctx, &counted).await;
    }

    /// Returns the number of wrong codes before a correct one, as far as they are counted. Of a backoff that the attempt
    /// did not acquire, at most [`MANY_FAILURES`](crate::limits::MANY_FAILURES).
    pub(crate) async fn wrong_codes_before(
        &self,
        ctx: &Ctx,
        attempt: &CodeAttempt,
    ) -> Result<u32, Error> {
        let mut failures = attempt.failed_before;
        for backoff in &attempt.backoffs {
            if attempt.backoff.as_ref() != Some(backoff) {
                failures =
                    failures.saturating_add(self.rate_limiter.read_failures(ctx, backoff).await?);
            }
        }
        Ok(failures)
    }

    /// Clears the wrong codes of a user after a completed sign-in, and the recoveries that have granted codes.
    pub(crate) async fn clear(&self, attempt: &CodeAttempt) {
        let limits = attempt.backoffs.iter().chain(&attempt.granted);
        for limit in limits.chain(&attempt.grant_limit) {
            if let Err(error) = self.counters.clear(limit).await {
                tracing::warn!(error = %chain(&error), "failed to clear the wrong codes of a user");
            }
        }
    }

    /// Counts a grant of codes. Returns its limits; `None` if the user has had too many, or if throttling is off: codes then
    /// have no limit.
    pub(crate) async fn acquire_grant(
        &self,
        ctx: &Ctx,
        (user, set): (&User, &FactorSet),
    ) -> Result<Option<Vec<KeyedLimit>>, Error> {
        if !self.policy.throttle {
            return Ok(None);
        }
        let daily = KeyedLimit::budget("daily-code-grants", RECENT_GRANTS, factor_key(user, set));
        let limits = vec![grants_in_a_row(user, set), daily];
        let is_allowed = match self.rate_limiter.acquire_limits(ctx, &limits).await? {
            LimitsDecision::Allowed(_) => true,
            LimitsDecision::Denied { .. } => false,
        };
        Ok(is_allowed.then_some(limits))
    }
}

fn factor_key(user: &User, set: &FactorSet) -> String {
    let oldest = set.oldest().map(|id| id.to_string());
    format!("code/{}/{}", user.id, oldest.unwrap_or_default())
}

fn recovery_key(recovery: &str) -> String {
    format!("code/recovery/{recovery}")
}

fn grants_in_a_row(user: &User, set: &FactorSet) -> KeyedLimit {
    KeyedLimit::budget("code-grants", GRANTS_IN_A_ROW, factor_key(user, set))
}
