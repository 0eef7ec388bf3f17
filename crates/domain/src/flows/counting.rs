//! Which budgets an attempt is counted under, and whose.
//!
//! At a door a stranger takes from the budgets of their address, of its network and of all strangers
//! together, in one question. Whoever shows that they have signed in before, by a session or by the
//! cookie of a known device, takes from their own instead: no flood shuts them out. A password that
//! is shown is counted once more under the account it is aimed at, before anybody looks at it,
//! and a known device of that account has its own count there as well.
//!
//! A client whose address is not known has no budget at a door, rather than one with all others.
//!
//! - `doors`: what somebody may do at a door. - `mailboxes`: how often one is written to. - `guesses`: at an
//!   account's password. - `acquaintances`: who shows that they were here before. - `audit_lines`: how
//!   many a refusal may cause. Here is what they share: asking the counters, and refusing.

mod acquaintances;
mod audit_lines;
mod doors;
mod guesses;
mod mailboxes;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::accounts::Accounts;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::happening::Happening;
use crate::model::Event;
use crate::ports::{Allowance, Budget, Charge, Counted};
use crate::throttle::{GUESS, LONGEST_WAIT, Ladder, Limits, MemoryThrottle};
use crate::values::UserId;

/// How many kinds of refusal are remembered, so that each is written down once.
const REFUSALS: usize = 10_000;

/// What counting needs beside the counters themselves.
pub(crate) struct Counting {
    stopping: Arc<Ladder>,
    slowing: Arc<Ladder>,
    hourly: Arc<Ladder>,
    device: Arc<Ladder>,
    /// What was refused lately and has been written down.
    written: MemoryThrottle,
}

impl Counting {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            stopping: Arc::new(limits.stopping()),
            slowing: Arc::new(limits.slowing()),
            hourly: Arc::new(Ladder::hourly()),
            device: Arc::new(limits.device()),
            written: MemoryThrottle::new(REFUSALS),
        }
    }
}

/// Who refused, and for how long.
type Refused = (Charge, Duration);

impl Accounts {
    async fn take(
        &self,
        ctx: &Ctx,
        charges: &[Charge],
        user_id: Option<UserId>,
    ) -> Result<(), Error> {
        if charges.is_empty() {
            return Ok(());
        }
        match self.try_take(charges, ctx.now).await? {
            Ok(answers) => {
                Self::tell_first(ctx, charges, &answers);
                Ok(())
            }
            Err((charge, wait)) => Err(self.refuse(ctx, &charge, wait, user_id).await),
        }
    }

    /// Tells the client what it has left: of the first, which is its own. A mailbox's is not.
    fn tell_first(ctx: &Ctx, charges: &[Charge], answers: &[Allowance]) {
        if let (Some(charge), Some(answer)) = (charges.first(), answers.first())
            && let Counted::Budget(budget) = &charge.counted
            && !budget.name.starts_with("mailbox")
        {
            ctx.client.ledger.tell(*budget, *answer);
        }
    }

    /// Takes all or none; of several that refuse, the one that is longest in doing so.
    async fn try_take(
        &self,
        charges: &[Charge],
        now: Timestamp,
    ) -> Result<Result<Vec<Allowance>, Refused>, Error> {
        let answers = self.ports.throttle.take(charges, now).await?;
        let refused = charges.iter().zip(&answers).filter_map(|(charge, answer)| {
            let Allowance::Denied { retry_after } = answer else {
                return None;
            };
            Some((charge.clone(), *retry_after))
        });
        let longest = refused.max_by_key(|(_, wait)| *wait);
        Ok(longest.map_or(Ok(answers), Err))
    }

    /// Tells of a refusal whoever is to know: the client, the operator, and the audit log once in a
    /// while (L-01).
    async fn refuse(
        &self,
        ctx: &Ctx,
        charge: &Charge,
        wait: Duration,
        user_id: Option<UserId>,
    ) -> Error {
        let retry_after = wait.min(LONGEST_WAIT);
        let budget = match &charge.counted {
            Counted::Budget(budget) => *budget,
            Counted::Guess(_) => Budget {
                name: GUESS,
                burst: 1,
                window: retry_after.max(Duration::from_secs(1)),
            },
        };
        let denied = Allowance::Denied { retry_after };
        ctx.client.ledger.tell(budget, denied);
        self.note(Happening::Throttled(budget.name));
        if self.is_worth_a_line(&budget, &charge.key, ctx.now) {
            let audit = self.audit_failure(ctx, Event::Throttled, user_id, budget.name);
            if let Err(error) = self.apply(vec![audit]).await {
                tracing::warn!(%error, budget = budget.name, "a refusal could not be written down");
            }
        }
        Error::TooManyAttempts { retry_after }
    }
}
