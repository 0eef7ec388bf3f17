//! Void undo links of address changes and of first factors (R-11, M-02).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The address changes and first factors whose undo links are void, as ranges of the times at which they were requested or
/// added (R-11, M-02).
///
/// The ranges are disjoint: a range that covered the time between two others would void links that no event has voided.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoidUndoLinks(Vec<(i64, i64)>);

impl VoidUndoLinks {
    /// Adds the changes that were requested from `from` to `to`. Removes the ranges that ended before `expired`: their
    /// links have expired.
    #[must_use]
    pub fn with(&self, from: Timestamp, to: Timestamp, expired: Timestamp) -> Self {
        let mut added = (from.as_microsecond(), to.as_microsecond());
        let mut ranges = self.0.clone();
        ranges.retain(|(start, end)| {
            let overlaps = *start <= added.1 && *end >= added.0;
            if overlaps {
                added = (added.0.min(*start), added.1.max(*end));
            }
            !overlaps && *end >= expired.as_microsecond()
        });
        ranges.push(added);
        Self(ranges)
    }

    /// Returns `true` if the undo link of a change that was requested at this time is void.
    pub fn covers(&self, requested_at: Timestamp) -> bool {
        let at = requested_at.as_microsecond();
        self.0
            .iter()
            .any(|(start, end)| (*start..=*end).contains(&at))
    }
}
