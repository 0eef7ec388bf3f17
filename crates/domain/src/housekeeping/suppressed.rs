//! Writes the counts of suppressed audit events.

use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::Event;
use crate::housekeeping::Housekeeping;
use crate::store::Batch;

impl Housekeeping {
    /// Writes the counts of suppressed events. Counts that cannot be written stay in memory.
    pub async fn write_suppressed(&self, ctx: &Ctx) -> Result<(), Error> {
        let suppressed = &self.core.audit_limits.suppressed;
        let counts = std::mem::take(&mut *suppressed.counts());
        if counts.is_empty() {
            return Ok(());
        }
        let mut events = Batch::new();
        for (&kind, &count) in &counts {
            let event = Event::EventsSuppressed { kind, count };
            self.core.writer.emit(ctx, event, &mut events);
        }
        let applied = self.core.writer.apply(events).await;
        if applied.is_err() {
            for (kind, count) in counts {
                suppressed.add(kind, count);
            }
        }
        applied?;
        Ok(())
    }
}
