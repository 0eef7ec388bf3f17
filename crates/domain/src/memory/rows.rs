//! The generic operations on records, in memory.

use std::collections::{BTreeMap, HashMap};

use crate::store::{ApplyError, Batch, Claim, Condition, Order, Query, Row, Table, Value, Write};

/// The rows of all tables, by table and key.
#[derive(Default, Clone)]
pub struct Rows(HashMap<&'static str, BTreeMap<Value, Row>>);

/// A row before it was written; `None` if it did not exist.
type Before = (&'static Table, Value, Option<Row>);

impl Rows {
    /// Applies all writes. Restores the rows if one fails.
    pub fn apply(&mut self, batch: Batch) -> Result<(), ApplyError> {
        let mut undo: Vec<Before> = Vec::with_capacity(batch.len());
        for write in batch {
            let (table, key) = (write.table(), write.key().clone());
            let before = self.get(table, &key).cloned();
            undo.push((table, key, before));
            if let Err(error) = self.write(write) {
                undo.into_iter()
                    .rev()
                    .for_each(|before| self.restore(before));
                return Err(error);
            }
        }
        Ok(())
    }

    /// Inserts or replaces a row that is stored elsewhere.
    pub fn insert(&mut self, row: Row) {
        let rows = self.0.entry(row.table.name).or_default();
        rows.insert(row.key().clone(), row);
    }

    fn restore(&mut self, (table, key, before): Before) {
        let rows = self.0.entry(table.name).or_default();
        match before {
            Some(row) => rows.insert(key, row),
            None => rows.remove(&key),
        };
    }

    fn write(&mut self, write: Write) -> Result<(), ApplyError> {
        match write {
            Write::Insert(row) => {
                if self.get(row.table, row.key()).is_some() {
                    return Err(ApplyError::Taken(row.table.key()));
                }
                let null = |value| match value {
                    Value::Unset => Value::Null,
                    value => value,
                };
                let values = row.values.into_iter().map(null).collect();
                self.put(Row { values, ..row })
            }
            Write::Put(row) => self.put(row),
            Write::Replace { row, expected } => {
                let version = row.table.version.expect("a table with versions");
                let version = [Condition::is(version, expected)];
                let stored = self.matching(row.table, row.key(), &version)?;
                let values = row.values.into_iter().zip(&stored.values);
                let values = values.map(|(new, old)| match new {
                    Value::Unset => old.clone(),
                    new => new,
                });
                let values = values.collect();
                self.put(Row { values, ..row })
            }
            Write::Update {
                table,
                key,
                set,
                when,
            } => {
                let mut row = self.matching(table, &key, &when)?.clone();
                for (column, value) in set {
                    row.values[table.position(column)] = value;
                }
                self.put(row)
            }
            Write::Delete { table, key, when } => {
                if !when.is_empty() {
                    self.matching(table, &key, &when)?;
                }
                self.0.entry(table.name).or_default().remove(&key);
                Ok(())
            }
            Write::Check { table, key, when } => self.matching(table, &key, &when).map(drop),
        }
    }

    /// The row with this key.
    pub fn get(&self, table: &Table, key: &Value) -> Option<&Row> {
        self.0.get(table.name)?.get(key)
    }

    pub(super) fn find(&self, table: &Table, column: &str, value: &Value) -> Option<Row> {
        let mut rows = self.0.get(table.name)?.values();
        let row = rows.find(|row| row.get(column) == value)?;
        Some(without(table.large, row.clone()))
    }

    pub(super) fn list(&self, query: &Query) -> Vec<Row> {
        let Some(rows) = self.0.get(query.table.name) else {
            return Vec::new();
        };
        let next = query.ordered_by();
        let mut rows: Vec<Row> = rows
            .values()
            .filter(|row| query.covers(row))
            .cloned()
            .collect();
        rows.sort_by(|one, other| (one.get(next), one.key()).cmp(&(other.get(next), other.key())));
        if query.order == Order::Descending {
            rows.reverse();
        }
        rows.truncate(query.limit);
        rows.into_iter()
            .map(|row| without(query.without, row))
            .collect()
    }

    pub(super) fn claim(&mut self, claim: &Claim) -> Vec<Row> {
        let due = self.list(&claim.due());
        let mut lease = |due: &Row| {
            let (leased, write) = claim.lease(due);
            self.write(write).is_ok().then_some(leased)
        };
        due.iter().filter_map(&mut lease).collect()
    }

    /// Deletes rows of a table.
    pub(super) fn delete(&mut self, table: &Table, is_deleted: impl Fn(&Row) -> bool) {
        if let Some(rows) = self.0.get_mut(table.name) {
            rows.retain(|_, row| !is_deleted(row));
        }
    }

    fn matching(&self, table: &Table, key: &Value, when: &[Condition]) -> Result<&Row, ApplyError> {
        let row = self.get(table, key).ok_or(ApplyError::Stale)?;
        match when.iter().all(|condition| condition.holds(row)) {
            true => Ok(row),
            false => Err(ApplyError::Stale),
        }
    }

    fn put(&mut self, row: Row) -> Result<(), ApplyError> {
        let rows = self.0.entry(row.table.name).or_default();
        for column in row.table.unique {
            let position = row.table.position(column);
            let value = &row.values[position];
            let is_taken =
                |other: &Row| other.values[position] == *value && other.key() != row.key();
            if *value != Value::Null && rows.values().any(is_taken) {
                return Err(ApplyError::Taken(column));
            }
        }
        self.insert(row);
        Ok(())
    }
}

fn without(column: Option<&str>, mut row: Row) -> Row {
    if let Some(column) = column {
        row.values[row.table.position(column)] = Value::Unset;
    }
    row
}
