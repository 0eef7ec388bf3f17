//! The generic operations on records.

use doorward_domain::store::{
    ApplyError, Claim, Condition, Query, Row, StoreError, Table, Value, Write,
};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::columns::value_of;
use crate::error::SqlError;
use crate::statements::Statement;
use crate::store::SqlStore;
use crate::transaction::Transaction;

/// Maximum number of rows that one statement inserts.
const ROWS_TOGETHER: usize = 64;

/// Runs the operations of a batch in their order. Consecutive inserts into one table share statements: each statement
/// is a round trip or, with SQLite, a switch to the thread of the connection and back.
pub(crate) async fn write_all(
    transaction: &mut Transaction,
    batch: &[Write],
) -> Result<(), SqlError> {
    let go_together = |one: &Write, next: &Write| match (one, next) {
        (Write::Insert(one), Write::Insert(next)) => one.table.name == next.table.name,
        _ => false,
    };
    for run in batch.chunk_by(go_together) {
        let inserted = run.iter().filter_map(|each| match each {
            Write::Insert(row) => Some(row),
            _ => None,
        });
        match inserted.collect::<Vec<_>>() {
            rows if rows.is_empty() => write(transaction, &run[0]).await?,
            rows => insert(transaction, &rows).await?,
        }
    }
    Ok(())
}

/// Deletes the rows of an owner in these tables, in their order.
pub(crate) async fn delete_owned(
    transaction: &mut Transaction,
    tables: &[&'static Table],
    owner: &Value,
) -> Result<(), SqlError> {
    for table in tables {
        if let Some(delete) = Statement::delete_owned(table, owner) {
            transaction.run(delete).await?;
        }
    }
    Ok(())
}

/// Runs one operation of a batch. Its condition is part of the statement; if it matches no row, the batch fails.
async fn write(transaction: &mut Transaction, write: &Write) -> Result<(), SqlError> {
    match write {
        Write::Insert(row) => insert(transaction, &[row]).await,
        Write::Put(row) => put(transaction, row).await,
        Write::Replace { row, expected } => {
            let version = row.table.version.expect("a table with versions");
            let version = [Condition::is(version, *expected)];
            let update = Statement::update_row(row).matching(row.key(), &version);
            run_or_stale(transaction, update).await
        }
        Write::Update {
            table,
            key,
            set,
            when,
        } => {
            let update = Statement::update(table, set).matching(key, when);
            run_or_stale(transaction, update).await
        }
        Write::Delete { table, key, when } => {
            let delete = Statement::delete(table).matching(key, when);
            match when.is_empty() {
                true => transaction.run(delete).await.map(drop),
                false => run_or_stale(transaction, delete).await,
            }
        }
        Write::Check { table, key, when } => {
            let touch = Statement::touch(table).matching(key, when);
            run_or_stale(transaction, touch).await
        }
    }
}

async fn run_or_stale(
    transaction: &mut Transaction,
    statement: Statement<'_>,
) -> Result<(), SqlError> {
    match transaction.run(statement).await? {
        0 => Err(SqlError::Refused(ApplyError::Stale)),
        _ => Ok(()),
    }
}

/// Inserts rows of one table, in their order. The number of rows in a statement is a power of two, so that few
/// distinct statements are prepared.
async fn insert(transaction: &mut Transaction, mut rows: &[&Row]) -> Result<(), SqlError> {
    while let Some(first) = rows.first() {
        let count = 1 << rows.len().min(ROWS_TOGETHER).ilog2();
        let (next, rest) = rows.split_at(count);
        match transaction.run(Statement::insert(first.table, next)).await {
            Err(SqlError::Sql(error)) if crate::dialect::is_taken_key(&error) => {
                return Err(SqlError::Refused(ApplyError::Taken(first.table.key())));
            }
            result => result.map(drop)?,
        }
        rows = rest;
    }
    Ok(())
}

/// If two processes insert at the same time, one fails and is retried.
async fn put(transaction: &mut Transaction, row: &Row) -> Result<(), SqlError> {
    let update = Statement::update_row(row).matching(row.key(), &[]);
    if transaction.run(update).await? == 0 {
        transaction
            .run(Statement::insert(row.table, &[row]))
            .await?;
    }
    Ok(())
}

pub(crate) async fn find(
    store: &SqlStore,
    table: &'static Table,
    unique: &'static str,
    value: &Value,
) -> Result<Option<Row>, StoreError> {
    let find = Statement::find(table, unique, value);
    Ok(read(store, find, table.large).await?.pop())
}

pub(crate) async fn get_many(
    store: &SqlStore,
    table: &'static Table,
    keys: &[Value],
) -> Result<Vec<Row>, StoreError> {
    match keys {
        [] => Ok(Vec::new()),
        keys => read(store, Statement::select_all(table, keys), None).await,
    }
}

pub(crate) async fn list(store: &SqlStore, query: &Query) -> Result<Vec<Row>, StoreError> {
    read(store, Statement::list(query), query.without).await
}

pub(crate) async fn count(store: &SqlStore, query: &Query) -> Result<u64, StoreError> {
    let rows = rows(store, Statement::count(query)).await?;
    let total = rows.first().map(|row| row.try_get::<i64, _>("total"));
    let total = total.unwrap_or(Ok(0));
    let total = total.map_err(|error| StoreError::new("count", error))?;
    Ok(total.unsigned_abs())
}

/// Selects the due rows outside of any transaction, and then leases those that no other worker has leased in the
/// meantime.
pub(crate) async fn claim(store: &SqlStore, claim: &Claim) -> Result<Vec<Row>, StoreError> {
    let due = list(store, &claim.due()).await?;
    if due.is_empty() {
        return Ok(due);
    }
    let (limit, due) = (store.pool.timeouts().operation(), due.as_slice());
    let claimed = store.transaction(limit, |mut transaction| async move {
        let result = lease_each(&mut transaction, claim, due).await;
        (transaction, result)
    });
    let claimed = claimed.await;
    claimed.map_err(|error| error.into_store_error("claim jobs"))
}

async fn lease_each(
    transaction: &mut Transaction,
    claim: &Claim,
    due: &[Row],
) -> Result<Vec<Row>, SqlError> {
    let mut claimed = Vec::with_capacity(due.len());
    for row in due {
        let (leased, lease) = claim.lease(row);
        match write(transaction, &lease).await {
            Ok(()) => claimed.push(leased),
            Err(SqlError::Refused(ApplyError::Stale)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(claimed)
}

async fn rows(store: &SqlStore, statement: Statement<'_>) -> Result<Vec<AnyRow>, StoreError> {
    let table = statement.table;
    let (sql, args) = statement.prepare(store.dialect);
    let rows = store.rows("read", sql, &args).await;
    rows.map_err(|error| error.during(format!("read {table}")))
}

async fn read(
    store: &SqlStore,
    statement: Statement<'_>,
    without: Option<&str>,
) -> Result<Vec<Row>, StoreError> {
    let table = statement.table;
    let rows = rows(store, statement).await?;
    let rows = rows.iter().map(|row| from_any(table, without, row));
    Ok(rows.collect())
}

fn from_any(table: &'static Table, without: Option<&str>, row: &AnyRow) -> Row {
    // `Statement::select` selects the columns of the table in their order, but `without`.
    let mut position = 0;
    let mut values = Vec::with_capacity(table.columns.len());
    for column in table.columns {
        if without == Some(column.name) {
            values.push(Value::Unset);
            continue;
        }
        values.push(value_of(row, position, *column));
        position += 1;
    }
    debug_assert_eq!(
        position,
        row.columns().len(),
        "the columns of {}",
        table.name
    );
    Row { table, values }
}
