//! Writes the counts of suppressed audit events.

use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::Event;
use crate::housekeeping::Housekeeping;
use crate::store::Batch;

/// Number of events per transaction.
const BATCH: usize = 100;

impl Housekeeping {
    /// Writes the counts of suppressed events. Counts that cannot be written stay in memory.
    pub async fn write_suppressed(&self, ctx: &Ctx) -> Result<(), Error> {
        let counts: Vec<_> = self.core.audit_limits.suppressed.counts().drain().collect();
        let mut outcome = Ok(());
        for batch in counts.chunks(BATCH) {
            let mut events = Batch::new();
            for ((kind, user_id), count) in batch {
                let suppressed = Event::EventsSuppressed {
                    kind: *kind,
                    user_id: *user_id,
                    count: *count,
                };
                self.core.emit(ctx, suppressed, &mut events);
            }
            if let Err(error) = self.core.apply(events).await {
                for ((event, user_id), count) in batch {
                    self.core
                        .audit_limits
                        .suppressed
                        .add(*event, *user_id, *count);
                }
                outcome = Err(error.into());
            }
        }
        outcome
    }
}
