//! What has run out goes a piece at a time: one statement for a large backlog would never come to
//! its end, and hold up others meanwhile. Each piece is a transaction of its own; what is left, the
//! next sweep finds.
//!
//! To sweep one more table: a [`Sweep`] in its noun's file, and an index on the column of its times.

use doorward_domain::ports::StoreError;
use jiff::Timestamp;
use sqlx::any::AnyRow;

use crate::SqlStore;
use crate::arg::Arg;
use crate::row::{self, Row};

/// How many rows go at a time.
const PIECE: usize = 500;
/// How many pieces in one turn.
const PIECES: usize = 400;

/// Which rows go.
pub(crate) struct Sweep {
    /// What is being done, for the log.
    pub(crate) operation: &'static str,
    pub(crate) table: &'static str,
    /// The primary key: an id or a digest.
    pub(crate) key: &'static str,
    /// With one `?`, for the moment that is asked about.
    pub(crate) condition: &'static str,
}

impl Sweep {
    pub(crate) async fn run(&self, store: &SqlStore, moment: Timestamp) -> Result<(), StoreError> {
        for _ in 0..PIECES {
            if self.piece(store, moment).await? < PIECE {
                break;
            }
        }
        Ok(())
    }

    /// How many rows were found. They are looked at again as they go: a session may have been renewed.
    async fn piece(&self, store: &SqlStore, moment: Timestamp) -> Result<usize, StoreError> {
        let Self {
            operation,
            table,
            key,
            condition,
        } = *self;
        let sql = format!("SELECT {key} FROM {table} WHERE {condition} LIMIT ?");
        let rows = store
            .rows(operation, &sql, &[moment.into(), PIECE.into()])
            .await?;
        let of_row = |row: &AnyRow| Row::new(row, table, key).bytes(key);
        let mut keys = row::all(operation, &rows, of_row)?;
        if keys.is_empty() {
            return Ok(0);
        }
        // In one order, so that two nodes never wait for one another.
        keys.sort_unstable();
        let places = vec!["?"; keys.len()].join(", ");
        let sql = format!("DELETE FROM {table} WHERE {key} IN ({places}) AND {condition}");
        let mut args: Vec<Arg<'_>> = keys.iter().map(|key| key.as_slice().into()).collect();
        args.push(moment.into());
        store.write(operation, &sql, &args).await?;
        Ok(keys.len())
    }
}
