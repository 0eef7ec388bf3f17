//! In-memory ports: a store for fast tests and throwaway servers, and a clock and a random source for tests only
//! (`doubles`).
//!
//! [`MemoryStore`] passes the contract suite of every store, so a flow that is tested with it works with the
//! others, and `serve --ephemeral` gives the guarantees of a real store. Its data is lost when the process ends.
//! It is for hundreds of users: a look-up or a list reads all rows of its table.

mod doubles;
mod rows;

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;

use crate::model::MailJob;
use crate::store::{ApplyError, Batch, Claim, Limits, Query, Row, Store, StoreError, Table, Value};

pub use doubles::{SeededSecrets, SteppedClock};

/// A store in memory: all tables under one lock.
#[derive(Default)]
pub struct MemoryStore(Mutex<rows::Rows>);

impl MemoryStore {
    /// Creates an empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn rows(&self) -> MutexGuard<'_, rows::Rows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the mails in the outbox, oldest first. For tests.
    pub fn mail_jobs(&self) -> Vec<MailJob> {
        let rows = self.rows().list(&Query::by::<MailJob>(&[]));
        let jobs = rows.iter().map(Row::read::<MailJob>);
        let jobs = jobs.collect::<Result<Vec<_>, _>>();
        jobs.expect("rows are read as they were written")
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn apply(&self, batch: Batch) -> Result<(), ApplyError> {
        if batch.len() > Limits::default().writes {
            return Err(ApplyError::TooLarge);
        }
        self.rows().apply(batch)
    }

    async fn get_row(&self, table: &'static Table, key: Value) -> Result<Option<Row>, StoreError> {
        Ok(self.rows().get(table, &key).cloned())
    }

    async fn get_rows(
        &self,
        table: &'static Table,
        keys: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let all = self.rows();
        let rows = keys.iter().filter_map(|key| all.get(table, key));
        Ok(rows.cloned().collect())
    }

    async fn find_row(
        &self,
        table: &'static Table,
        column: &'static str,
        value: Value,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.rows().find(table, column, &value))
    }

    async fn list_rows(&self, query: Query) -> Result<Vec<Row>, StoreError> {
        Ok(self.rows().list(&query))
    }

    async fn count_rows(&self, query: Query) -> Result<u64, StoreError> {
        let all = Query {
            limit: usize::MAX,
            ..query
        };
        Ok(self.rows().list(&all).len() as u64)
    }

    async fn claim_rows(&self, claim: Claim) -> Result<Vec<Row>, StoreError> {
        Ok(self.rows().claim(&claim))
    }

    async fn sweep(&self, table: &'static Table, before: Timestamp) -> Result<(), StoreError> {
        let expires = table.expires.map(|column| table.position(column));
        let is_expired = |row: &Row| {
            expires
                .is_some_and(|at| row.values[at] != Value::Null && row.values[at] < before.into())
        };
        self.rows().delete(table, is_expired);
        Ok(())
    }

    async fn purge(&self, tables: &[&'static Table], owner: Value) -> Result<(), StoreError> {
        let mut rows = self.rows();
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
