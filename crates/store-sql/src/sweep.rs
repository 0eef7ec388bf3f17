//! Deletes expired rows in batches: one statement for a large backlog would exceed its time limit and block
//! others. Each batch is a separate transaction; the next sweep continues.

use doorward_domain::store::{StoreError, Table, Value};
use jiff::Timestamp;

use crate::arg::Arg;
use crate::columns;
use crate::store::SqlStore;

/// Number of rows in a batch.
const BATCH_SIZE: usize = 500;
/// Maximum number of batches in a sweep.
const MAX_BATCHES: usize = 400;

/// Deletes the rows whose column `expires` is before this time.
pub(crate) async fn run(
    store: &SqlStore,
    table: &'static Table,
    expires: &str,
    before: Timestamp,
) -> Result<(), StoreError> {
    for _ in 0..MAX_BATCHES {
        if run_batch(store, table, expires, before).await? < BATCH_SIZE {
            break;
        }
    }
    Ok(())
}

/// Returns the number of rows found. The delete repeats the condition: a session may have been renewed.
async fn run_batch(
    store: &SqlStore,
    table: &'static Table,
    expires: &str,
    before: Timestamp,
) -> Result<usize, StoreError> {
    const OPERATION: &str = "sweep";
    let key = table.key();
    let sql = format!("SELECT {key} FROM {table} WHERE {expires} < ? LIMIT ?");
    let args = [before.into(), BATCH_SIZE.into()];
    let rows = store.rows(OPERATION, &sql, &args).await?;
    let keys = rows
        .iter()
        .map(|row| columns::value_of(row, table.columns[0]));
    let mut keys: Vec<Value> = keys.collect();
    if keys.is_empty() {
        return Ok(0);
    }
    // A fixed order prevents deadlocks between nodes.
    keys.sort_unstable();
    let places = columns::places(keys.len());
    let sql = format!("DELETE FROM {table} WHERE {key} IN ({places}) AND {expires} < ?");
    let keys_args = keys.iter().map(|key| columns::arg(table.columns[0], key));
    let args: Vec<Arg<'_>> = keys_args.chain([before.into()]).collect();
    store.write(OPERATION, &sql, &args).await?;
    Ok(keys.len())
}
