//! Writes: the operations of an atomic batch.

use super::{Record, Row, Table, Value};

/// Writes that are applied atomically.
pub type Batch = Vec<Write>;

/// One operation of a batch. All operations of a batch take effect, or none does. They run in order, and each sees the
/// effects of those before it.
///
/// A condition is part of the write: no other write comes between. If it does not hold, the batch fails with
/// [`ApplyError::Stale`].
///
/// [`ApplyError::Stale`]: super::ApplyError::Stale
#[derive(Debug, Clone)]
pub enum Write {
    /// Inserts a row. Fails with `Taken` if another row has the same key or the same value in a unique column. Columns
    /// that are [`Value::Unset`] are NULL. A store can insert consecutive rows of one table together.
    Insert(Row),
    /// Inserts or replaces the row with this key.
    Put(Row),
    /// Replaces the row with this key if its version is `expected`. Columns that are [`Value::Unset`] keep their
    /// values.
    Replace {
        /// The new row.
        row: Row,
        /// The version that was read.
        expected: i64,
    },
    /// Sets columns of a row. Fails with `Stale` if the row does not exist or a condition does not hold.
    Update {
        /// The table.
        table: &'static Table,
        /// The key of the row.
        key: Value,
        /// The columns and their new values.
        set: Vec<(&'static str, Value)>,
        /// The conditions.
        when: Vec<Condition>,
    },
    /// Deletes a row. Without conditions, a row that does not exist is no failure.
    Delete {
        /// The table.
        table: &'static Table,
        /// The key of the row.
        key: Value,
        /// The conditions.
        when: Vec<Condition>,
    },
    /// Fails with `Stale` if the row does not exist or a condition does not hold. The row does not change until the
    /// batch is applied.
    Check {
        /// The table.
        table: &'static Table,
        /// The key of the row.
        key: Value,
        /// The conditions.
        when: Vec<Condition>,
    },
}

impl Write {
    /// Inserts a record.
    pub fn insert<R: Record>(record: &R) -> Self {
        Self::Insert(record.to_row())
    }

    /// Inserts or replaces a record.
    pub fn put<R: Record>(record: &R) -> Self {
        Self::Put(record.to_row())
    }

    /// Replaces a record whose stored version is `expected`.
    pub fn replace<R: Record>(record: &R, expected: i64) -> Self {
        let row = record.to_row();
        Self::Replace { row, expected }
    }

    /// Sets columns of a record.
    pub fn update<R: Record, const N: usize>(
        key: impl Into<Value>,
        set: [(&'static str, Value); N],
        when: Vec<Condition>,
    ) -> Self {
        Self::Update {
            table: R::TABLE,
            key: key.into(),
            set: set.into(),
            when,
        }
    }

    /// Sets these columns to the values that they have in `record`.
    pub fn update_columns<R: Record>(
        record: &R,
        columns: &[&'static str],
        when: Vec<Condition>,
    ) -> Self {
        let row = record.to_row();
        let set = |column: &&'static str| (*column, row.get(column).clone());
        Self::Update {
            table: R::TABLE,
            key: row.get(R::TABLE.key()).clone(),
            set: columns.iter().map(set).collect(),
            when,
        }
    }

    /// Deletes a record, if it exists.
    pub fn delete<R: Record>(key: impl Into<Value>) -> Self {
        Self::Delete {
            table: R::TABLE,
            key: key.into(),
            when: Vec::new(),
        }
    }

    /// Deletes a record that fulfils the conditions.
    pub fn delete_if<R: Record>(key: impl Into<Value>, when: Vec<Condition>) -> Self {
        Self::Delete {
            table: R::TABLE,
            key: key.into(),
            when,
        }
    }

    /// Checks that a record exists and fulfils the conditions.
    pub fn check<R: Record>(key: impl Into<Value>, when: Vec<Condition>) -> Self {
        Self::Check {
            table: R::TABLE,
            key: key.into(),
            when,
        }
    }
}

impl Write {
    /// The table that it writes to.
    pub fn table(&self) -> &'static Table {
        match self {
            Self::Insert(row) | Self::Put(row) | Self::Replace { row, .. } => row.table,
            Self::Update { table, .. } | Self::Delete { table, .. } | Self::Check { table, .. } => {
                table
            }
        }
    }

    /// The key of the row that it writes.
    pub fn key(&self) -> &Value {
        match self {
            Self::Insert(row) | Self::Put(row) | Self::Replace { row, .. } => row.key(),
            Self::Update { key, .. } | Self::Delete { key, .. } | Self::Check { key, .. } => key,
        }
    }
}

/// A condition on a column of one row.
#[derive(Debug, Clone)]
pub struct Condition {
    /// The column.
    pub column: &'static str,
    /// The comparison.
    pub test: Test,
}

/// A comparison of a column with a value.
#[derive(Debug, Clone)]
pub enum Test {
    /// Equal; [`Value::Null`] equals NULL.
    Is(Value),
    /// At most; never true for NULL.
    AtMost(Value),
    /// Above; never true for NULL.
    Above(Value),
    /// Equal to one of these values; never true for NULL.
    OneOf(Vec<Value>),
}

impl Condition {
    /// The column equals the value.
    pub fn is(column: &'static str, value: impl Into<Value>) -> Self {
        let test = Test::Is(value.into());
        Self { column, test }
    }

    /// The column is NULL.
    pub fn is_null(column: &'static str) -> Self {
        Self::is(column, Value::Null)
    }

    /// The column is at most the value.
    pub fn at_most(column: &'static str, value: impl Into<Value>) -> Self {
        let test = Test::AtMost(value.into());
        Self { column, test }
    }

    /// The column is above the value.
    pub fn above(column: &'static str, value: impl Into<Value>) -> Self {
        let test = Test::Above(value.into());
        Self { column, test }
    }

    /// The column equals one of the values.
    pub fn one_of(column: &'static str, values: impl IntoIterator<Item = Value>) -> Self {
        let test = Test::OneOf(values.into_iter().collect());
        Self { column, test }
    }

    /// Returns `true` if the condition holds for a row.
    pub fn holds(&self, row: &Row) -> bool {
        let stored = row.get(self.column);
        match &self.test {
            Test::Is(value) => stored == value,
            Test::AtMost(value) => *stored != Value::Null && stored <= value,
            Test::Above(value) => *stored != Value::Null && stored > value,
            Test::OneOf(values) => *stored != Value::Null && values.contains(stored),
        }
    }
}
