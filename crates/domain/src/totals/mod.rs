//! The totals: how many sign-ups, sign-ins, failures, mails and throttled requests there were in each hour, day and month.
//!
//! Each node counts metric events (`events::metrics::total_of`) in memory and adds the counts to its own records: one for each
//! hour and kind, and one for each day and kind. The records of all nodes are added when they are read. The audit log has
//! limits (L-01); these counts have none, so an attack is counted in full.

pub(crate) mod counts;
mod range;

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::access::{Access, Action};
use crate::ctx::Ctx;
use crate::error::{Error, WriteError};
use crate::model::{Total, TotalKind};
use crate::store::{ReadStore, Records, Write};
use crate::totals::counts::TotalCounts;
use crate::values::TimeUnit;
use crate::writer::{MAX_WRITE_ATTEMPTS, Writer};
use counts::Counts;

pub use range::TotalsRange;

/// The units that have records of their own. Months are added from days.
const STORED_UNITS: [TimeUnit; 2] = [TimeUnit::Hour, TimeUnit::Day];

/// The numbers of events in one hour, day or month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitTotals {
    /// Its beginning.
    pub starts_at: Timestamp,
    counts: Counts,
}

impl UnitTotals {
    /// The number of events of this kind.
    pub fn of(&self, kind: TotalKind) -> i64 {
        self.counts.get(&kind).copied().unwrap_or(0)
    }
}

/// Writes and lists the totals.
pub struct Totals {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) access: Arc<Access>,
    pub(crate) total_counts: Arc<TotalCounts>,
    pub(crate) writer: Arc<Writer>,
}

impl Totals {
    /// Adds what this node has counted since the last write to the records of the node with this name. Makes no request to
    /// the store if nothing was counted. Counts that cannot be written stay in memory; if the outcome of a write is unknown,
    /// they may be added twice.
    pub async fn write(&self, node: &str) -> Result<(), Error> {
        let mut hours = self.total_counts.take();
        while let Some((hour, counts)) = hours.pop_first() {
            if let Err(error) = self.add(node, hour, &counts).await {
                hours.insert(hour, counts);
                self.total_counts.put_back(hours);
                return Err(error);
            }
        }
        Ok(())
    }

    async fn add(&self, node: &str, hour: Timestamp, counts: &Counts) -> Result<(), Error> {
        let of_unit = |unit: TimeUnit| {
            counts.iter().map(move |(&kind, &amount)| Total {
                unit,
                starts_at: unit.start_of(hour),
                kind,
                node: node.to_owned(),
                amount,
            })
        };
        let added: Vec<Total> = STORED_UNITS.into_iter().flat_map(of_unit).collect();
        for _ in 0..MAX_WRITE_ATTEMPTS {
            let keys = added.iter().map(Total::key);
            let stored: Vec<Total> = self.store.get_all(keys).await?;
            let stored: HashMap<String, Total> = stored
                .into_iter()
                .map(|total| (total.key(), total))
                .collect();
            let writes = added.iter().map(|total| match stored.get(&total.key()) {
                Some(before) => before.increase(total.amount),
                None => Write::insert(total),
            });
            match self.writer.apply(writes.collect()).await {
                Ok(()) => return Ok(()),
                // Another process of this name has written in the meantime.
                Err(WriteError::Stale | WriteError::Taken(_)) => {}
                Err(other) => return Err(other.into()),
            }
        }
        Err(Error::Overloaded)
    }

    /// Returns the totals of each hour, day or month in the range, oldest first, also those without an event. The last minute
    /// of a node is missing. They are not about a user, so that this is not an audit event.
    #[tracing::instrument(name = "list_totals", level = "trace", skip_all)]
    pub async fn list(&self, ctx: &Ctx, range: &TotalsRange) -> Result<Vec<UnitTotals>, Error> {
        self.access.authorize(ctx, Action::ViewTotals).await?;
        let stored: Vec<Total> = self.store.list_readable(range.query()).await?;
        let mut counts: HashMap<Timestamp, Counts> = HashMap::new();
        for total in stored {
            let starts_at = range.unit().start_of(total.starts_at);
            *counts
                .entry(starts_at)
                .or_default()
                .entry(total.kind)
                .or_default() += total.amount;
        }
        let totals = range.starts().iter().map(|&starts_at| UnitTotals {
            starts_at,
            counts: counts.remove(&starts_at).unwrap_or_default(),
        });
        Ok(totals.collect())
    }
}
