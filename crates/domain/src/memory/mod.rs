//! In-memory ports: a store for fast tests and throwaway servers, and a clock and a random source for tests only
//! (`doubles`).
//!
//! [`MemoryStore`] passes the contract suite of every store, so a service that is tested with it works with the
//! others, and `serve --ephemeral` gives the guarantees of a real store. Its data is lost when the process ends.
//! It is for hundreds of users: a look-up or a list reads all rows of its table. A store that cannot execute a batch itself
//! can do so on [`Rows`] that it has read.

mod doubles;
mod rows;

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;

use crate::store::{
    ApplyError, Batch, Claim, Limits, Query, ReadStore, Record, Row, Store, StoreError, Table,
    Value,
};

pub use doubles::{SeededRandom, SteppedClock};
pub use rows::Rows;

/// A store in memory: all tables under one lock.
#[derive(Default)]
pub struct MemoryStore(Mutex<Tables>);

#[derive(Default)]
struct Tables {
    now: Rows,
    /// The rows before the last write, if lists are late.
    before: Option<Rows>,
}

impl Tables {
    /// The rows that a list reads.
    fn listed(&self) -> &Rows {
        self.before.as_ref().unwrap_or(&self.now)
    }

    /// The rows to write to.
    fn writing(&mut self) -> &mut Rows {
        if let Some(before) = &mut self.before {
            before.clone_from(&self.now);
        }
        &mut self.now
    }
}

impl MemoryStore {
    /// Creates an empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Chooses whether later lists and counts lack the last write, as [`Store`] permits. For tests, so that no
    /// rule depends on more.
    pub fn set_late_lists(&self, are_late: bool) {
        let mut tables = self.tables();
        tables.before = are_late.then(|| tables.now.clone());
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns all records of a kind, by key. For tests.
    ///
    /// # Panics
    ///
    /// If one cannot be read.
    pub fn all<R: Record>(&self) -> Vec<R> {
        let rows = self.tables().now.list(&Query::through(R::TABLE, &[]));
        let records = rows.iter().map(Row::read);
        records
            .collect::<Result<_, _>>()
            .expect("rows are read as they were written")
    }
}

#[async_trait]
impl ReadStore for MemoryStore {
    async fn get_rows(
        &self,
        table: &'static Table,
        keys: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let tables = self.tables();
        let rows = keys.iter().filter_map(|key| tables.now.get(table, key));
        Ok(rows.cloned().collect())
    }

    async fn find_row(
        &self,
        table: &'static Table,
        column: &'static str,
        value: Value,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.tables().now.find(table, column, &value))
    }

    async fn list_rows(&self, query: Query) -> Result<Vec<Row>, StoreError> {
        Ok(self.tables().listed().list(&query))
    }

    async fn count_rows(&self, query: Query) -> Result<u64, StoreError> {
        let all = Query {
            limit: usize::MAX,
            ..query
        };
        Ok(self.tables().listed().list(&all).len() as u64)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn apply(&self, batch: Batch) -> Result<(), ApplyError> {
        if batch.len() > Limits::default().writes {
            return Err(ApplyError::TooLarge);
        }
        let mut stored = self.tables();
        let before = stored.before.as_ref().map(|_| stored.now.clone());
        stored.now.apply(batch)?;
        stored.before = before;
        Ok(())
    }

    async fn claim_rows(&self, claim: Claim) -> Result<Vec<Row>, StoreError> {
        Ok(self.tables().writing().claim(&claim))
    }

    async fn sweep(&self, table: &'static Table, before: Timestamp) -> Result<(), StoreError> {
        let expires = table.expires.map(|column| table.position(column));
        let is_expired = |row: &Row| {
            expires
                .is_some_and(|at| row.values[at] != Value::Null && row.values[at] < before.into())
        };
        self.tables().writing().delete(table, is_expired);
        Ok(())
    }

    async fn purge(&self, tables: &[&'static Table], owner: Value) -> Result<(), StoreError> {
        let mut stored = self.tables();
        let rows = stored.writing();
        for table in tables {
            if let Some(column) = table.owner {
                rows.delete(table, |row| *row.get(column) == owner);
            }
        }
        Ok(())
    }

    async fn server_time(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(None)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
