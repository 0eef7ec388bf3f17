//! The port of the main store.

use async_trait::async_trait;
use jiff::Timestamp;

use super::{ApplyError, Batch, Claim, Query, Row, StoreError, Table, Value};

/// Reads rows of the declared tables. What a caller that must not write holds; every [`Store`] is one, with its guarantees.
#[async_trait]
pub trait ReadStore: Send + Sync {
    /// Reads the rows with these keys: one, or some hundred, in any order. Keys without a row are omitted.
    async fn get_rows(
        &self,
        table: &'static Table,
        keys: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError>;
    /// Reads the row with this value in a unique column, without the table's [`large`](Table::large) column.
    async fn find_row(
        &self,
        table: &'static Table,
        column: &'static str,
        value: Value,
    ) -> Result<Option<Row>, StoreError>;
    /// Reads rows through an index, in its order.
    async fn list_rows(&self, query: Query) -> Result<Vec<Row>, StoreError>;
    /// Counts the rows of a query. Its limit does not apply.
    async fn count_rows(&self, query: Query) -> Result<u64, StoreError>;
}

/// Stores rows of the declared tables. It knows none of the types.
///
/// Every store also guarantees:
///
/// - **Reads** by key and by unique column see every write that was acknowledged before them, on this node or another.
///   Lists may be one moment late.
/// - **Time**: each method returns within a bound that the operator can know (about 12 seconds, and immediately
///   while the store is known to be down). The store reconnects by itself.
/// - **Conflicts** between writers are retried by the store, a bounded number of times. So is a write whose
///   connection was lost before its commit was sent.
/// - **A commit without a response** is [`ApplyError::OutcomeUnknown`]. It is never sent again.
/// - **Values** are returned as they were written: any Unicode without NUL, 64-bit integers, bytes. Keys are compared
///   byte by byte, regardless of the server's collation.
/// - **Cancelling** a call (dropping its future) leaves all of its writes or none.
///
/// Migrations, closing and the diagnosis for `doorward doctor` are not part of the port: a store's crate has
/// functions for them, as `store-sql` does.
#[async_trait]
pub trait Store: ReadStore {
    /// Applies all writes or none. The store enforces uniqueness, versions and conditions, never with a prior read. The
    /// writes are durable when it returns `Ok`.
    async fn apply(&self, batch: Batch) -> Result<(), ApplyError>;
    /// How large a batch may be. A larger one fails with [`ApplyError::TooLarge`].
    fn limits(&self) -> Limits {
        Limits::default()
    }

    /// Leases rows of a queue that are due. Each row is leased with one conditional write, so that no two workers hold
    /// it at the same time.
    async fn claim_rows(&self, claim: Claim) -> Result<Vec<Row>, StoreError>;

    /// Deletes the rows whose [`expires`](Table::expires) column is before this time, in pieces. The next call continues
    /// if it fails.
    async fn sweep(&self, table: &'static Table, before: Timestamp) -> Result<(), StoreError>;
    /// Deletes the rows of this owner in all `tables`, in this order. A store may do it in pieces; the next call continues
    /// if it fails.
    async fn purge(&self, tables: &[&'static Table], owner: Value) -> Result<(), StoreError>;

    /// Time of the store's clock. All nodes use it, so that nodes with different clocks agree on what has expired.
    /// `None` if the store has no clock that nodes share.
    async fn server_time(&self) -> Result<Option<Timestamp>, StoreError>;
    /// Succeeds if the store responds and accepts a write. It makes a write without visible effect, and returns
    /// within a few seconds regardless of other limits. Called at most once a second.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// How large a batch of a store may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Maximum number of writes. A write has one in addition for each unique value that it sets or frees.
    pub writes: usize,
}

/// What every store accepts.
impl Default for Limits {
    fn default() -> Self {
        Self { writes: 100 }
    }
}
