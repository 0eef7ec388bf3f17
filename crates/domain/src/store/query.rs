//! Queries: rows in the order of a declared index.

use jiff::Timestamp;

use super::{Condition, Record, Row, Table, Test, Value, Write};

/// Rows of a table, read through an index.
///
/// The columns of the index begin with those that [`equal`](Self::equal) a value. The next column orders the rows, and
/// can have a range. Rows in which it is equal are ordered by the key.
#[derive(Debug, Clone)]
pub struct Query {
    /// The table.
    pub table: &'static Table,
    /// The columns of the index; none for the key.
    pub index: &'static [&'static str],
    /// Values of the first columns of the index.
    pub equal: Vec<Value>,
    /// The next column is above this value.
    pub above: Option<Value>,
    /// The next column is at most this value.
    pub at_most: Option<Value>,
    /// Conditions on any column. They do not use the index: a store may read many rows to find few.
    pub only: Vec<Condition>,
    /// The direction.
    pub order: Order,
    /// Maximum number of rows.
    pub limit: usize,
    /// A column that is not read: it is [`Value::Unset`] in the rows.
    pub without: Option<&'static str>,
}

/// Rows of a queue to lease: a table with the columns `kind`, `due_at` and `attempts`, and an index on `due_at`.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The table.
    pub table: &'static Table,
    /// Only these kinds.
    pub kinds: Vec<Value>,
    /// Rows that are due by this time, the longest due first.
    pub now: Timestamp,
    /// The end of the lease: the new `due_at`. `attempts` grows by one.
    pub lease_until: Timestamp,
    /// Maximum number of rows.
    pub limit: usize,
}

impl Claim {
    /// The due rows, which other workers may lease in the meantime.
    pub fn due(&self) -> Query {
        Query {
            limit: self.limit,
            ..Query::through(self.table, &["due_at"])
        }
        .at_most(self.now)
        .only(Condition::one_of("kind", self.kinds.iter().cloned()))
    }

    /// The lease on a row. Fails with `Stale` if another worker has leased it.
    pub fn lease(&self, due: &Row) -> (Row, Write) {
        let attempts = match due.get("attempts") {
            Value::Int(attempts) => Value::Int(attempts + 1),
            other => other.clone(),
        };
        let same = |column| Condition {
            column,
            test: Test::Is(due.get(column).clone()),
        };
        let write = Write::Update {
            table: self.table,
            key: due.key().clone(),
            set: vec![
                ("due_at", self.lease_until.into()),
                ("attempts", attempts.clone()),
            ],
            when: vec![same("attempts"), same("due_at")],
        };
        let mut leased = due.clone();
        leased.values[self.table.position("due_at")] = self.lease_until.into();
        leased.values[self.table.position("attempts")] = attempts;
        (leased, write)
    }
}

/// The direction of a query.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// The lowest value first.
    #[default]
    Ascending,
    /// The highest value first.
    Descending,
}

impl Order {
    /// The opposite direction.
    #[must_use]
    pub fn reversed(self) -> Self {
        match self {
            Self::Ascending => Self::Descending,
            Self::Descending => Self::Ascending,
        }
    }
}

impl Query {
    /// All records in the order of an index. `index` is `&[]` for the primary key.
    pub fn by<R: Record>(index: &'static [&'static str]) -> Self {
        Self::through(R::TABLE, index)
    }

    /// All rows in the order of an index. `index` is `&[]` for the primary key.
    pub fn through(table: &'static Table, index: &'static [&'static str]) -> Self {
        debug_assert!(
            index.is_empty() || table.indexes.contains(&index),
            "table {} has no index on {index:?}",
            table.name
        );
        Self {
            table,
            index,
            equal: Vec::new(),
            above: None,
            at_most: None,
            only: Vec::new(),
            order: Order::Ascending,
            limit: usize::MAX,
            without: table.large,
        }
    }

    /// Only rows whose next column of the index has this value.
    ///
    /// # Panics
    ///
    /// If the index has no further column.
    #[must_use]
    pub fn equal(mut self, value: impl Into<Value>) -> Self {
        assert!(
            self.equal.len() < self.index.len(),
            "the index has no more columns"
        );
        let value = value.into();
        debug_assert!(
            !self.equal.is_empty()
                || value != Value::Null
                || self.table.null_listed.contains(&self.index),
            "table {} does not list rows without a value in {}",
            self.table.name,
            self.index[0]
        );
        self.equal.push(value);
        self
    }

    /// Only rows whose next column is above this value.
    #[must_use]
    pub fn above(mut self, value: impl Into<Value>) -> Self {
        self.above = Some(value.into());
        self
    }

    /// Only rows whose next column is at most this value.
    #[must_use]
    pub fn at_most(mut self, value: impl Into<Value>) -> Self {
        self.at_most = Some(value.into());
        self
    }

    /// Only rows that fulfil this condition.
    #[must_use]
    pub fn only(mut self, condition: Condition) -> Self {
        self.only.push(condition);
        self
    }

    /// The highest value first.
    #[must_use]
    pub fn descending(mut self) -> Self {
        self.order = Order::Descending;
        self
    }

    /// At most this number of rows.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// With the table's large column.
    #[must_use]
    pub fn whole(mut self) -> Self {
        self.without = None;
        self
    }

    /// Returns `true` if the row has the values of the query, is in its range and fulfils its conditions. NULL is in no
    /// range, but equals NULL.
    pub fn covers(&self, row: &Row) -> bool {
        let mut prefix = self.index.iter().zip(&self.equal);
        let value = row.get(self.ordered_by());
        let is_in_range = match (&self.above, &self.at_most) {
            (None, None) => true,
            (above, at_most) => {
                *value != Value::Null
                    && above.as_ref().is_none_or(|above| value > above)
                    && at_most.as_ref().is_none_or(|at_most| value <= at_most)
            }
        };
        is_in_range
            && prefix.all(|(column, value)| row.get(column) == value)
            && self.only.iter().all(|condition| condition.holds(row))
    }

    /// The column that orders the rows: the one after [`equal`](Self::equal), or the key.
    pub fn ordered_by(&self) -> &'static str {
        let next = self.index.get(self.equal.len());
        next.copied().unwrap_or_else(|| self.table.key())
    }
}
