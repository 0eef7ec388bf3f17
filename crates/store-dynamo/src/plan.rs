//! A batch of the domain as operations of one transaction.
//!
//! Most batches need no read: [`direct`] turns each write into an operation with its conditions. It assumes what is likely: a
//! row that is replaced keeps its unique values, and a row that is put with unique values is new.
//!
//! If an assumption or a condition does not hold, or the plan needs values of stored rows, [`executed`] runs the batch on
//! the rows that were read, with the code of the in-memory store. This decides which error the batch has. If it has none, the
//! operations write the result under the condition that nothing of what was read has changed.

use std::collections::{BTreeMap, HashSet};

use aws_sdk_dynamodb::types::AttributeValue;
use doorward_domain::memory::Rows;
use doorward_domain::store::{ApplyError, Condition, Row, Table, Value, Write};

use crate::item::{Item, OWNER, REVISION, attribute, binary, place_of, row_of};
use crate::layout::{Index, Place, key_bytes};
use crate::operation::Operation;

/// The operations of a batch that needs no read, or `None`.
pub(crate) fn direct(batch: &[Write], revision: &AttributeValue) -> Option<Vec<Operation>> {
    let mut operations = Vec::new();
    for write in batch {
        let table = write.table();
        match write {
            Write::Put(row) if table.unique.is_empty() => {
                operations.push(written(row, revision));
            }
            Write::Insert(row) | Write::Put(row) => {
                operations.push(written(row, revision).if_missing());
                for (column, value) in uniques(row) {
                    let place = Place::of_unique(table, column, value);
                    operations.push(claim(place, &key_bytes(row.key())).if_missing());
                }
            }
            Write::Replace { row, expected } => {
                let version = Condition::is(table.version?, *expected);
                let mut replace = written(row, revision).only_if(&[version]);
                for column in table.unique {
                    replace = replace.if_equal(column, attribute(row.get(column)));
                }
                operations.push(replace);
            }
            Write::Update { key, set, when, .. } => {
                operations.push(
                    updated(table, key, set, revision)?
                        .if_exists()
                        .only_if(when),
                );
            }
            Write::Delete { key, when, .. } => {
                if !table.unique.is_empty() {
                    return None;
                }
                let delete = Operation::delete(Place::of_row(table, key));
                operations.push(match when.is_empty() {
                    true => delete,
                    false => delete.if_exists().only_if(when),
                });
            }
            Write::Check { key, when, .. } => {
                let check = Operation::check(Place::of_row(table, key));
                operations.push(check.if_exists().only_if(when));
            }
        }
    }
    // A transaction has one operation for an item.
    let places: HashSet<_> = operations.iter().map(Operation::place).collect();
    (places.len() == operations.len()).then_some(operations)
}

/// Writes all columns of a row that are set, and its index entries.
fn written(row: &Row, revision: &AttributeValue) -> Operation {
    let mut write = Operation::write(Place::of_row(row.table, row.key()));
    write.set(REVISION, Some(revision.clone()));
    for (column, value) in row.table.columns.iter().zip(&row.values) {
        if *value != Value::Unset {
            write.set(column.name, attribute(value));
        }
    }
    set_entries(&mut write, row);
    write
}

/// Sets the index entries of a row.
pub(crate) fn set_entries(write: &mut Operation, row: &Row) {
    for index in Index::all(row.table) {
        let entry = index.entry(row.key(), |column| row.get(column));
        set_entry(write, index.slot, entry);
    }
}

/// Sets columns, and the index entries that depend on them. `None` if that changes a unique value, or an index with a column
/// that is not set.
fn updated(
    table: &'static Table,
    key: &Value,
    set: &[(&'static str, Value)],
    revision: &AttributeValue,
) -> Option<Operation> {
    let new = |name: &str| set.iter().find(|(column, _)| *column == name);
    let mut update = Operation::write(Place::of_row(table, key));
    update.set(REVISION, Some(revision.clone()));
    for (column, value) in set {
        if table.unique.contains(column) {
            return None;
        }
        update.set(column, attribute(value));
    }
    for index in Index::all(table) {
        let known = index.columns.iter().filter(|column| new(column).is_some());
        match known.count() {
            0 => {}
            count if count == index.columns.len() => {
                let value = |column| new(column).map_or(&Value::Null, |(_, value)| value);
                set_entry(&mut update, index.slot, index.entry(key, value));
            }
            _ => return None,
        }
    }
    Some(update)
}

fn set_entry(write: &mut Operation, slot: usize, entry: Option<(String, Vec<u8>)>) {
    let (partition, sort) = entry.unzip();
    let [partition_key, sort_key] = Index::keys(slot);
    write.set(&partition_key, partition.map(AttributeValue::S));
    write.set(&sort_key, sort.map(|bytes| binary(&bytes)));
}

/// Makes a unique value belong to a row.
fn claim(place: Place, owner: &[u8]) -> Operation {
    let mut claim = Operation::write(place);
    claim.set(OWNER, Some(binary(owner)));
    claim
}

/// The unique values of a row.
fn uniques(row: &Row) -> impl Iterator<Item = (&'static str, &Value)> {
    let values = row
        .table
        .unique
        .iter()
        .map(|column| (*column, row.get(column)));
    values.filter(|(_, value)| !matches!(value, Value::Null | Value::Unset))
}

/// The items that a batch depends on: its rows, and the unique values that they are to have.
pub(crate) fn places(batch: &[Write]) -> Vec<Place> {
    let rows = batch
        .iter()
        .map(|write| Place::of_row(write.table(), write.key()));
    let uniques = batch.iter().flat_map(new_uniques);
    let uniques = uniques.map(|(table, column, value)| Place::of_unique(table, column, &value));
    rows.chain(uniques).collect()
}

/// The unique values that a write sets.
fn new_uniques(write: &Write) -> Vec<(&'static Table, &'static str, Value)> {
    let table = write.table();
    let set: Vec<(&'static str, Value)> = match write {
        Write::Insert(row) | Write::Put(row) | Write::Replace { row, .. } => uniques(row)
            .map(|(column, value)| (column, value.clone()))
            .collect(),
        Write::Update { set, .. } => set.clone(),
        Write::Delete { .. } | Write::Check { .. } => Vec::new(),
    };
    let is_unique = |(column, value): &(&'static str, Value)| {
        table.unique.contains(column) && *value != Value::Null
    };
    let unique = set.into_iter().filter(is_unique);
    unique
        .map(|(column, value)| (table, column, value))
        .collect()
}

/// Runs a batch on the items of its [`places`] that exist. Returns the operations that write the result, if nothing that
/// was read has changed.
pub(crate) fn executed(
    batch: &[Write],
    items: &[Item],
    revision: &AttributeValue,
) -> Result<Vec<Operation>, ApplyError> {
    let items = items
        .iter()
        .filter_map(|item| Some((place_of(item)?, item)));
    let items: BTreeMap<Place, &Item> = items.collect();
    let mut rows = Rows::default();
    let mut of_batch: BTreeMap<Place, &Write> = BTreeMap::new();
    for write in batch {
        let place = Place::of_row(write.table(), write.key());
        if let Some(item) = items.get(&place) {
            rows.insert(row_of(write.table(), item));
        }
        of_batch.insert(place, write);
    }
    for (table, column, value) in batch.iter().flat_map(new_uniques) {
        let item = items.get(&Place::of_unique(table, column, &value));
        if let Some(AttributeValue::B(owner)) = item.and_then(|item| item.get(OWNER))
            && !of_batch.contains_key(&Place::of_sort_key(table, owner.as_ref().to_vec()))
        {
            rows.insert(other_row(&rows, table, owner.as_ref(), (column, value)));
        }
    }
    rows.apply(batch.to_vec())?;

    let mut operations = Vec::new();
    // The owner of each unique value that changes, before and after.
    let mut owners: BTreeMap<Place, [Option<&[u8]>; 2]> = BTreeMap::new();
    for (place, write) in &of_batch {
        let (table, item) = (write.table(), items.get(place));
        let before = item.map(|item| row_of(table, item));
        let now = rows.get(table, write.key());
        for (time, row, other) in [(0, before.as_ref(), now), (1, now, before.as_ref())] {
            for (column, value) in row.into_iter().flat_map(uniques) {
                if other.is_none_or(|other| other.get(column) != value) {
                    let unique = Place::of_unique(table, column, value);
                    owners.entry(unique).or_default()[time] = Some(&place.sort);
                }
            }
        }
        let operation = match (&before, now) {
            (None, None) => continue,
            (None, Some(row)) => written(row, revision).if_missing(),
            (Some(_), None) => Operation::delete(place.clone()),
            (Some(before), Some(now)) if before == now => Operation::check(place.clone()),
            (Some(_), Some(now)) => written(now, revision),
        };
        operations.push(match item {
            None => operation,
            Some(item) => operation
                .if_exists()
                .if_equal(REVISION, item.get(REVISION).cloned()),
        });
    }
    for (place, [before, now]) in owners {
        let operation = match now {
            Some(owner) => claim(place, owner),
            None => Operation::delete(place),
        };
        operations.push(operation.if_equal(OWNER, before.map(binary)));
    }
    Ok(operations)
}

/// A row outside the batch of which only unique values are known.
fn other_row(
    rows: &Rows,
    table: &'static Table,
    owner: &[u8],
    (column, value): (&'static str, Value),
) -> Row {
    let key = Value::Bytes(owner.to_vec());
    let mut row = rows.get(table, &key).cloned().unwrap_or_else(|| Row {
        table,
        values: vec![Value::Null; table.columns.len()],
    });
    row.values[0] = key;
    row.values[table.position(column)] = value;
    row
}
