//! Whether another mail may wait: the outbox is bounded, whoever the mail would go to (H-05).
//!
//! What a stranger can have written is refused while too many wait, alike for addresses that are
//! known and others (nobody looks them up). Notices to people about their own accounts always find
//! room: there is one for each thing that they did themselves.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use jiff::{SignedDuration, Timestamp};

use crate::accounts::Accounts;
use crate::ctx::Ctx;
use crate::error::Error;

/// How old a look at the outbox may be.
const LOOK_EVERY: SignedDuration = SignedDuration::from_secs(3);

/// What this node knows of the outbox.
#[derive(Debug, Default)]
pub(crate) struct OutboxRoom {
    waiting: AtomicU64,
    was_full: AtomicBool,
    looked_at: Mutex<Option<Timestamp>>,
}

impl OutboxRoom {
    /// This node has written that many more.
    pub(crate) fn note(&self, mails: usize) {
        self.waiting.fetch_add(mails as u64, Ordering::Relaxed);
    }

    /// Whether it is time to look; whoever is told so does.
    fn is_due(&self, now: Timestamp) -> bool {
        let mut looked_at = self
            .looked_at
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let is_due = looked_at.is_none_or(|at| {
            let age = now.duration_since(at);
            age.is_negative() || age >= LOOK_EVERY
        });
        if is_due {
            *looked_at = Some(now);
        }
        is_due
    }
}

impl Accounts {
    /// Refuses what would write a mail while too many wait.
    pub(crate) fn ensure_outbox_room(&self) -> Result<(), Error> {
        match self.outbox_room.waiting.load(Ordering::Relaxed) < self.policy.max_outbox {
            true => Ok(()),
            false => Err(Error::Overloaded),
        }
    }

    /// Counts what waits, now and then. The worker does, so that every request is the same work.
    pub(crate) async fn look_at_outbox(&self, ctx: &Ctx) -> Result<(), Error> {
        let room = &self.outbox_room;
        if !room.is_due(ctx.now) {
            return Ok(());
        }
        let waiting = self.ports.store.outbox().await?.waiting;
        room.waiting.store(waiting, Ordering::Relaxed);
        let (max, is_full) = (self.policy.max_outbox, waiting >= self.policy.max_outbox);
        if room.was_full.swap(is_full, Ordering::Relaxed) != is_full {
            match is_full {
                true => tracing::error!(
                    waiting,
                    limits.outbox = max,
                    "the outbox is full: who asks for a mail, or signs up with an address, is told to come back later; see whether the mail server takes any, and who asks for so many"
                ),
                false => tracing::info!(waiting, "the outbox has room again"),
            }
        }
        Ok(())
    }
}
