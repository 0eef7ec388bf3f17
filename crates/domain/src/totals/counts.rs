//! Counts metric events for the totals, in the memory of this node.
//!
//! `Totals::write` moves the counts to the records. A node that is killed loses those since the last write.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::clock::Clock;
use crate::events::metrics::total_of;
use crate::metric_event::{MetricEvent, MetricsRecorder};
use crate::model::TotalKind;
use crate::values::TimeUnit;

/// Numbers of events.
pub(crate) type Counts = HashMap<TotalKind, i64>;
/// The counts of each hour, by its beginning.
pub(crate) type HourlyCounts = BTreeMap<Timestamp, Counts>;

/// What was counted since the last write.
#[derive(Debug, Default)]
pub(crate) struct TotalCounts(Mutex<HourlyCounts>);

impl TotalCounts {
    /// Counts an event.
    pub(crate) fn add(&self, at: Timestamp, kind: TotalKind) {
        let hour = TimeUnit::Hour.start_of(at);
        *self
            .hours()
            .entry(hour)
            .or_default()
            .entry(kind)
            .or_default() += 1;
    }

    /// Removes all counts, and returns them.
    pub(crate) fn take(&self) -> HourlyCounts {
        std::mem::take(&mut *self.hours())
    }

    /// Adds counts that were taken and could not be written.
    pub(crate) fn put_back(&self, taken: HourlyCounts) {
        let mut hours = self.hours();
        for (hour, counts) in taken {
            for (kind, count) in counts {
                *hours.entry(hour).or_default().entry(kind).or_default() += count;
            }
        }
    }

    fn hours(&self) -> MutexGuard<'_, HourlyCounts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts the events that it passes on.
pub(crate) struct CountingRecorder {
    pub(crate) counts: Arc<TotalCounts>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) next: Arc<dyn MetricsRecorder>,
}

impl MetricsRecorder for CountingRecorder {
    fn record(&self, event: MetricEvent) {
        if let Some(kind) = total_of(event) {
            self.counts.add(self.clock.now(), kind);
        }
        self.next.record(event);
    }
}
