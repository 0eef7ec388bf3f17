//! What the audit log's own cap leaves out is counted, and a line says how much it was (L-01): whoever
//! probes must not hide behind the lines that they have used up.
//!
//! Counts are this node's. The worker writes them down some minutes after the first that was left out,
//! and a server that stops writes the rest; only a node that is killed loses what it had counted since.
//! The log is not filled by it: a kind and a person have six such lines an hour at the most.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::accounts::Accounts;
use crate::changes::Change;
use crate::ctx::{Actor, Ctx};
use crate::error::Error;
use crate::model::{AuditEvent, Event, Outcome};
use crate::values::UserId;

/// How long after the first that was left out a line says how many there were.
const TOLD_AFTER: SignedDuration = SignedDuration::from_mins(10);
/// How many counts are kept; beyond, all of one kind are counted together, whoever they are of.
const COUNTS: usize = 10_000;
/// How many lines are written at a time.
const PIECE: usize = 100;

/// What was left out of the audit log since it was last told.
#[derive(Debug, Default)]
pub(crate) struct LeftOut(Mutex<HashMap<Kind, Tally>>);

/// Lines of one event that one person would have caused; of nobody in particular where there are too
/// many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Kind {
    event: Event,
    user_id: Option<UserId>,
}

/// How many, and from when to when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tally {
    count: u64,
    first: Timestamp,
    last: Timestamp,
}

impl LeftOut {
    /// Counts a line that was not written.
    pub(crate) fn count(&self, event: Event, actor: &Actor, now: Timestamp) {
        let user_id = actor.user_id();
        let one = Tally {
            count: 1,
            first: now,
            last: now,
        };
        self.with(|counts| add(counts, Kind { event, user_id }, one));
    }

    /// Takes what was counted first at that moment or before.
    fn take(&self, until: Timestamp) -> Vec<(Kind, Tally)> {
        let due = |_: &Kind, tally: &mut Tally| tally.first <= until;
        self.with(|counts| counts.extract_if(due).collect())
    }

    /// What could not be written is told later.
    fn put_back(&self, tallies: &[(Kind, Tally)]) {
        self.with(|counts| {
            for (kind, tally) in tallies {
                add(counts, *kind, *tally);
            }
        });
    }

    fn with<T>(&self, act: impl FnOnce(&mut HashMap<Kind, Tally>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn add(counts: &mut HashMap<Kind, Tally>, kind: Kind, more: Tally) {
    let has_room = counts.len() < COUNTS || counts.contains_key(&kind);
    let user_id = kind.user_id.filter(|_| has_room);
    let kept = counts.entry(Kind { user_id, ..kind });
    kept.and_modify(|tally| {
        tally.count = tally.count.saturating_add(more.count);
        tally.first = tally.first.min(more.first);
        tally.last = tally.last.max(more.last);
    })
    .or_insert(more);
}

impl Accounts {
    /// Writes how many lines were left out, where it is time to tell.
    pub async fn tell_left_out(&self, ctx: &Ctx) -> Result<(), Error> {
        self.write_left_out(ctx, ctx.now - TOLD_AFTER).await
    }

    /// The same however young they are: for whoever stops, and may be the last to know.
    pub async fn tell_all_left_out(&self, ctx: &Ctx) -> Result<(), Error> {
        self.write_left_out(ctx, Timestamp::MAX).await
    }

    async fn write_left_out(&self, ctx: &Ctx, until: Timestamp) -> Result<(), Error> {
        let due = self.left_out.take(until);
        let mut rest = due.as_slice();
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(rest.len().min(PIECE));
            let lines = piece.iter().map(|told| self.line_of_left_out(ctx, told));
            if let Err(error) = self.apply(lines.collect()).await {
                self.left_out.put_back(rest);
                return Err(error.into());
            }
            rest = behind;
        }
        Ok(())
    }

    /// A line by whoever caused them, about themselves: it is found where their lines are.
    fn line_of_left_out(&self, ctx: &Ctx, (kind, tally): &(Kind, Tally)) -> Change {
        let Tally { count, first, last } = tally;
        let detail = format!("{} {count} from {first} to {last}", kind.event.as_str());
        let line = self.audit_line(ctx, Event::EventsSuppressed, kind.user_id);
        let actor = kind.user_id.map(|id| format!("user:{id}"));
        Change::Audit(Box::new(AuditEvent {
            outcome: match kind.event {
                Event::Forbidden | Event::SealBroken | Event::Throttled | Event::TokenReuse => {
                    Outcome::Failure
                }
                _ => Outcome::Success,
            },
            actor: actor.unwrap_or_else(|| line.actor.clone()),
            detail: Some(detail),
            ..line
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(number: u16) -> Kind {
        let mut id = [7; 16];
        id[..2].copy_from_slice(&number.to_be_bytes());
        Kind {
            event: Event::Forbidden,
            user_id: Some(UserId::from_bytes(id)),
        }
    }

    /// L-01, A-07: what is counted is bounded, and nothing of it is lost.
    #[test]
    fn of_too_many_people_the_last_are_counted_together() {
        let left_out = LeftOut::default();
        let one = Tally {
            count: 1,
            first: Timestamp::UNIX_EPOCH,
            last: Timestamp::UNIX_EPOCH,
        };
        let many = u16::try_from(COUNTS).unwrap() + 5;
        for _ in 0..2 {
            let tallies: Vec<_> = (0..many).map(|number| (kind(number), one)).collect();
            left_out.put_back(&tallies);
        }
        let taken = left_out.take(Timestamp::UNIX_EPOCH);
        assert_eq!(taken.len(), COUNTS + 1);
        let nobodys = taken.iter().find(|(kind, _)| kind.user_id.is_none());
        assert_eq!(nobodys.unwrap().1.count, 10);
        let all: u64 = taken.iter().map(|(_, tally)| tally.count).sum();
        assert_eq!(all, 2 * u64::from(many));
        assert_eq!(left_out.take(Timestamp::MAX), []);
    }
}
