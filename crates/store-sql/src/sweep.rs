//! Deletes expired rows in batches: one statement for a large backlog would exceed its time limit and block
//! others. Each batch is a separate transaction; the next sweep continues.
//!
//! A record names its time column in its declaration; see `store.rs`.

use doorward_domain::ports::StoreError;
use jiff::Timestamp;
use sqlx::any::AnyRow;

use crate::SqlStore;
use crate::arg::Arg;
use crate::row::{self, Row};

/// Number of rows in a batch.
const BATCH_SIZE: usize = 500;
/// Maximum number of batches in a sweep.
const MAX_BATCHES: usize = 400;

/// Rows to delete.
pub(crate) struct Sweep {
    pub(crate) table: &'static str,
    /// The primary key: an id.
    pub(crate) key: &'static str,
    /// With one `?`, for the time.
    pub(crate) condition: String,
}

impl Sweep {
    pub(crate) async fn run(&self, store: &SqlStore, moment: Timestamp) -> Result<(), StoreError> {
        for _ in 0..MAX_BATCHES {
            if self.run_batch(store, moment).await? < BATCH_SIZE {
                break;
            }
        }
        Ok(())
    }

    /// Returns the number of rows found. The delete repeats the condition: a session may have been renewed.
    async fn run_batch(&self, store: &SqlStore, moment: Timestamp) -> Result<usize, StoreError> {
        const OPERATION: &str = "sweep";
        let Self {
            table,
            key,
            condition,
        } = self;
        let sql = format!("SELECT {key} FROM {table} WHERE {condition} LIMIT ?");
        let rows = store
            .rows(OPERATION, &sql, &[moment.into(), BATCH_SIZE.into()])
            .await?;
        let of_row = |row: &AnyRow| Row::new(row, table, key).bytes(key);
        let mut keys = row::all(OPERATION, &rows, of_row)?;
        if keys.is_empty() {
            return Ok(0);
        }
        // A fixed order prevents deadlocks between nodes.
        keys.sort_unstable();
        let places = vec!["?"; keys.len()].join(", ");
        let sql = format!("DELETE FROM {table} WHERE {key} IN ({places}) AND {condition}");
        let mut args: Vec<Arg<'_>> = keys.iter().map(|key| key.as_slice().into()).collect();
        args.push(moment.into());
        store.write(OPERATION, &sql, &args).await?;
        Ok(keys.len())
    }
}
