//! How many lines of the audit log a refusal, or somebody who is signed in, may cause (L-01).

use std::time::Duration;

use jiff::Timestamp;

use crate::accounts::Accounts;
use crate::ctx::{Actor, Ctx};
use crate::model::Event;
use crate::ports::{Allowance, Budget, Charge};
use crate::throttle::{GUESS, LONGEST_WAIT, Rate};

/// Of how many refusals a minute this node writes a line, whoever is refused: a flood shall not fill
/// the audit log.
const WRITTEN: Rate = Rate {
    burst: 60,
    window: Duration::from_secs(60),
};
/// How many lines of one kind somebody who is signed in causes, where their doing is not bounded
/// otherwise.
const LINES: Rate = Rate {
    burst: 60,
    window: Duration::from_secs(3600),
};

impl Accounts {
    /// Whether a line may be written about what somebody who is signed in can do again and again: so
    /// many an hour, that nobody fills the audit log (L-01). What may not is counted, and told later
    /// (`left_out`).
    pub(crate) fn may_fill_the_log(&self, ctx: &Ctx, event: Event) -> bool {
        let budget = LINES.named(event.as_str());
        let charge = Charge::budget(budget, ctx.actor.audit_name());
        let answers = self.counting.written.take_now(&[charge], ctx.now);
        let is_denied = |answer: &Allowance| matches!(answer, Allowance::Denied { .. });
        let may = !answers.iter().any(is_denied);
        if !may {
            self.left_out.count(event, &ctx.actor, ctx.now);
        }
        may
    }

    /// Whether this is the first refusal of its kind for a while, and not one of a flood. One that has no line
    /// for the flood's sake is counted, and told later.
    pub(super) fn is_worth_a_line(&self, budget: &Budget, key: &str, now: Timestamp) -> bool {
        let once = Budget {
            name: "first",
            burst: 1,
            window: match budget.name {
                GUESS => LONGEST_WAIT,
                _ => budget.window.max(WRITTEN.window),
            },
        };
        let charges = [
            Charge::budget(once, format!("{}/{key}", budget.name)),
            Charge::budget(WRITTEN.named("written"), String::new()),
        ];
        let answers = self.counting.written.take_now(&charges, now);
        let is_denied = |answer: &Allowance| matches!(answer, Allowance::Denied { .. });
        let denied: Vec<_> = answers.iter().map(is_denied).collect();
        if denied == [false, true] {
            self.left_out
                .count(Event::Throttled, &Actor::Anonymous, now);
        }
        !denied.contains(&true)
    }
}
