//! Deletes expired rows in batches: one statement for a large backlog would exceed its time limit and block
//! others. Each batch is a separate transaction; the next sweep continues.

use doorward_domain::store::{Query, StoreError, Table, Value};
use jiff::Timestamp;

use crate::columns;
use crate::statements::Statement;
use crate::store::SqlStore;

/// Number of rows in a batch.
const BATCH_SIZE: usize = 500;
/// Maximum number of batches in a sweep.
const MAX_BATCHES: usize = 400;

/// Deletes the rows that expired before this time.
pub(crate) async fn run(
    store: &SqlStore,
    table: &'static Table,
    before: Timestamp,
) -> Result<(), StoreError> {
    let Some(expired) = expired(table, before) else {
        return Ok(());
    };
    for _ in 0..MAX_BATCHES {
        if run_batch(store, &expired).await? < BATCH_SIZE {
            break;
        }
    }
    Ok(())
}

/// The rows of a batch. `None` if the rows of the table do not expire.
pub(crate) fn expired(table: &'static Table, before: Timestamp) -> Option<Query> {
    let expires = table.expires?;
    let index = table.indexes.iter().find(|index| **index == [expires]);
    let query = Query {
        limit: BATCH_SIZE,
        ..Query::through(table, index.expect("an index on the column"))
    };
    Some(query.at_most(before.as_microsecond().saturating_sub(1)))
}

/// Returns the number of rows found. The delete repeats the condition: a session may have been renewed.
async fn run_batch(store: &SqlStore, expired: &Query) -> Result<usize, StoreError> {
    const OPERATION: &str = "sweep";
    let (sql, args) = Statement::list_keys(expired).prepare(store.dialect);
    let rows = store.rows(OPERATION, sql, &args).await?;
    let key = expired.table.columns[0];
    let mut keys: Vec<Value> = rows
        .iter()
        .map(|row| columns::value_of(row, 0, key))
        .collect();
    if keys.is_empty() {
        return Ok(0);
    }
    // A fixed order prevents deadlocks between nodes.
    keys.sort_unstable();
    let (sql, args) = Statement::delete_in(expired, &keys).prepare(store.dialect);
    store.write(OPERATION, sql, &args).await?;
    Ok(keys.len())
}
