//! Typed reads.

use async_trait::async_trait;

use super::{BadRow, Claim, Query, ReadStore, Record, Row, Store, StoreError, Value};

/// Reads records of any [`Store`].
#[async_trait]
pub trait Records: ReadStore {
    /// The record with this key.
    async fn get<R: Record>(&self, key: impl Into<Value> + Send) -> Result<Option<R>, StoreError> {
        let row = self.get_rows(R::TABLE, vec![key.into()]).await?.pop();
        row.map(|row| read(&row)).transpose()
    }

    /// The record with this value in a unique column, without the table's large column.
    async fn find<R: Record>(
        &self,
        column: &'static str,
        value: impl Into<Value> + Send,
    ) -> Result<Option<R>, StoreError> {
        let row = self.find_row(R::TABLE, column, value.into()).await?;
        row.map(|row| read(&row)).transpose()
    }

    /// The records with these keys, in any order. Keys without a record are omitted.
    async fn get_all<R: Record>(
        &self,
        keys: impl IntoIterator<Item = impl Into<Value>> + Send,
    ) -> Result<Vec<R>, StoreError> {
        let keys = keys.into_iter().map(Into::into).collect();
        let rows = self.get_rows(R::TABLE, keys).await?;
        rows.iter().map(read).collect()
    }

    /// The records of a query. Fails if one cannot be read.
    async fn list<R: Record>(&self, query: Query) -> Result<Vec<R>, StoreError> {
        let rows = self.list_rows(query).await?;
        rows.iter().map(read).collect()
    }

    /// Leases records of a queue. One that cannot be read is logged, and is due again when its lease ends.
    async fn claim<R: Record>(&self, claim: Claim) -> Result<Vec<R>, StoreError>
    where
        Self: Store,
    {
        let rows = self.claim_rows(claim).await?;
        Ok(rows.iter().filter_map(readable).collect())
    }

    /// The records of a query that can be read. The others are logged: a value that only a newer release knows must
    /// not hide other records.
    async fn list_readable<R: Record>(&self, query: Query) -> Result<Vec<R>, StoreError> {
        let rows = self.list_rows(query).await?;
        Ok(rows.iter().filter_map(readable).collect())
    }
}

impl<S: ReadStore + ?Sized> Records for S {}

/// Reads a row; `None` for one that cannot be read, which is logged.
pub(crate) fn readable<R: Record>(row: &Row) -> Option<R> {
    let note = |bad: BadRow| tracing::error!(error = %bad, "skipped an unreadable row");
    row.read().map_err(note).ok()
}

fn read<R: Record>(row: &Row) -> Result<R, StoreError> {
    row.read()
        .map_err(|bad| StoreError::new(format!("read {}", R::TABLE.name), bad))
}
