//! Writes the counts of suppressed audit events.

use crate::ctx::Ctx;
use crate::error::Error;
use crate::housekeeping::Housekeeping;
use crate::model::{AuditEvent, Event, Outcome};
use crate::store::Write;
use crate::values::UserId;
/// Number of events per transaction.
const BATCH: usize = 100;

impl Housekeeping {
    /// Writes the counts of suppressed events. Counts that cannot be written stay in memory.
    pub async fn write_suppressed(&self, ctx: &Ctx) -> Result<(), Error> {
        let counts: Vec<_> = self.core.suppressed.counts().drain().collect();
        let mut outcome = Ok(());
        for batch in counts.chunks(BATCH) {
            let events = batch.iter().map(|((event, user_id), count)| {
                Write::insert(&self.suppressed_event(ctx, *event, *user_id, *count))
            });
            if let Err(error) = self.core.apply(events.collect()).await {
                for ((event, user_id), count) in batch {
                    self.core.suppressed.add(*event, *user_id, *count);
                }
                outcome = Err(error.into());
            }
        }
        outcome
    }

    fn suppressed_event(
        &self,
        ctx: &Ctx,
        event: Event,
        user_id: Option<UserId>,
        count: u64,
    ) -> AuditEvent {
        let base = self
            .core
            .new_audit_event(ctx, Event::EventsSuppressed, user_id);
        let is_refusal = matches!(
            event,
            Event::Forbidden | Event::SealBroken | Event::Throttled | Event::TokenReuse
        );
        AuditEvent {
            outcome: if is_refusal {
                Outcome::Failure
            } else {
                Outcome::Success
            },
            actor: user_id.map_or(base.actor, |id| format!("user:{id}")),
            detail: Some(format!("{} {count}", event.as_str())),
            ..base
        }
    }
}
