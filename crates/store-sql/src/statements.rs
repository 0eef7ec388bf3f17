//! Statements: their texts, each made once from the declarations, and their arguments.
//!
//! The names of tables and columns come from the declarations, values are bound. A text depends on the [`Shape`] only,
//! of which there are few, so that a connection prepares each statement once.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use doorward_domain::store::{Column, Condition, Kind, Order, Query, Row, Table, Test, Value};
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

use crate::arg::Arg;
use crate::columns::{arg, places};
use crate::dialect::Dialect;

/// All of a statement but its values.
#[derive(PartialEq, Eq, Hash)]
struct Shape {
    verb: Verb,
    table: &'static str,
    /// The columns that are written or read.
    columns: Vec<Column>,
    conditions: Vec<(&'static str, Comparison)>,
    /// Number of the last conditions that do not decide which index is read.
    filters: usize,
    sorting: Option<Sorting>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Verb {
    /// Inserts this number of rows.
    Insert(usize),
    Update,
    /// An update that changes nothing. It locks the row, on every database.
    Touch,
    Delete,
    Select,
    Count,
}

#[derive(PartialEq, Eq, Hash)]
enum Comparison {
    IsNull,
    Equals,
    AtMost,
    Above,
    /// Equals one of this number of values.
    OneOf(usize),
}

/// The order and the limit of a list.
#[derive(PartialEq, Eq, Hash)]
struct Sorting {
    columns: Vec<&'static str>,
    /// Number of the first columns that equal a value.
    equal: usize,
    order: Order,
}

impl Shape {
    /// The text, which is made at the first call.
    fn text(self, dialect: Dialect) -> SqlStr {
        type Texts = HashMap<(Dialect, Shape), SqlStr>;
        static TEXTS: LazyLock<RwLock<Texts>> = LazyLock::new(RwLock::default);
        let key = (dialect, self);
        let texts = TEXTS.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = texts.get(&key) {
            return text.clone();
        }
        drop(texts);
        let text: Arc<str> = dialect.sql(&key.1.compose(dialect)).into();
        let text = AssertSqlSafe(text).into_sql_str();
        let mut texts = TEXTS.write().unwrap_or_else(PoisonError::into_inner);
        texts.insert(key, text.clone());
        text
    }

    fn compose(&self, dialect: Dialect) -> String {
        let table = self.table;
        let names = |text: fn(&Column) -> String| {
            let columns: Vec<_> = self.columns.iter().map(text).collect();
            columns.join(", ")
        };
        let name = |column: &Column| column.name.to_owned();
        let mut sql = match self.verb {
            Verb::Insert(rows) => {
                let (columns, row) = (names(name), places(self.columns.len()));
                let places = vec![format!("({row})"); rows].join(", ");
                format!("INSERT INTO {table} ({columns}) VALUES {places}")
            }
            Verb::Update => {
                let columns = names(|column| format!("{} = ?", column.name));
                format!("UPDATE {table} SET {columns}")
            }
            Verb::Touch => {
                let columns = names(|column| format!("{0} = {0}", column.name));
                format!("UPDATE {table} SET {columns}")
            }
            Verb::Delete => format!("DELETE FROM {table}"),
            Verb::Select if self.sorting.is_some() => {
                let columns = self.columns.iter().map(|column| match column.kind {
                    Kind::Key | Kind::Text => dialect.raw_text(column.name),
                    _ => column.name.to_owned(),
                });
                let columns = columns.collect::<Vec<_>>().join(", ");
                format!("SELECT {columns} FROM {table}")
            }
            Verb::Select => {
                let columns = names(name);
                format!("SELECT {columns} FROM {table}")
            }
            Verb::Count => format!("SELECT COUNT(*) AS total FROM {table}"),
        };
        let first_filter = self.conditions.len() - self.filters;
        for (number, (column, comparison)) in self.conditions.iter().enumerate() {
            sql += if number == 0 { " WHERE " } else { " AND " };
            sql += match number < first_filter {
                true => "",
                false => dialect.without_index(),
            };
            sql += &comparison.text(column);
        }
        if let Some(sorting) = &self.sorting {
            sql += &sorting.text(table, dialect);
        }
        sql
    }
}

impl Comparison {
    fn text(&self, column: &str) -> String {
        match self {
            Self::IsNull => format!("{column} IS NULL"),
            Self::Equals => format!("{column} = ?"),
            Self::AtMost => format!("{column} <= ?"),
            Self::Above => format!("{column} > ?"),
            Self::OneOf(0) => "1 = 0".to_owned(),
            Self::OneOf(count) => format!("{column} IN ({})", places(*count)),
        }
    }
}

impl Sorting {
    fn text(&self, table: &str, dialect: Dialect) -> String {
        let direction = match self.order {
            Order::Ascending => "ASC",
            Order::Descending => "DESC",
        };
        let columns = self.columns.iter().skip(dialect.unordered(self.equal));
        // The name of the table selects the column, and not the cast of the same name.
        let columns = columns.map(|column| format!("{table}.{column} {direction}"));
        let columns = columns.collect::<Vec<_>>().join(", ");
        format!(" ORDER BY {columns} LIMIT ?")
    }
}

/// A statement and its arguments.
pub(crate) struct Statement<'a> {
    pub(crate) table: &'static Table,
    shape: Shape,
    args: Vec<Arg<'a>>,
}

impl<'a> Statement<'a> {
    fn new(verb: Verb, table: &'static Table) -> Self {
        Self {
            table,
            shape: Shape {
                verb,
                table: table.name,
                columns: Vec::new(),
                conditions: Vec::new(),
                filters: 0,
                sorting: None,
            },
            args: Vec::new(),
        }
    }

    /// Inserts rows of this table, in their order. A column without a value is NULL, so that all rows have the same
    /// columns.
    pub(crate) fn insert(table: &'static Table, rows: &[&'a Row]) -> Self {
        let mut insert = Self::new(Verb::Insert(rows.len()), table);
        insert.shape.columns.extend(table.columns);
        for row in rows {
            let values = table.columns.iter().zip(&row.values);
            let args = values.map(|(column, value)| arg(*column, value));
            insert.args.extend(args);
        }
        insert
    }

    /// An update of the columns that are to be written, but the key.
    pub(crate) fn update_row(row: &'a Row) -> Self {
        let columns = columns_of(row).filter(|(column, _)| column.name != row.table.key());
        Self::new(Verb::Update, row.table).with(columns)
    }

    pub(crate) fn update(table: &'static Table, set: &'a [(&'static str, Value)]) -> Self {
        let columns = set.iter().map(|(name, value)| (column(table, name), value));
        Self::new(Verb::Update, table).with(columns)
    }

    pub(crate) fn touch(table: &'static Table) -> Self {
        let mut touch = Self::new(Verb::Touch, table);
        touch.shape.columns.extend(table.columns.last());
        touch
    }

    pub(crate) fn delete(table: &'static Table) -> Self {
        Self::new(Verb::Delete, table)
    }

    /// Deletes the rows of an owner, if the rows of the table belong to owners.
    pub(crate) fn delete_owned(table: &'static Table, owner: &'a Value) -> Option<Self> {
        let mut delete = Self::delete(table);
        delete.and_is(table.owner?, owner);
        Some(delete)
    }

    /// Deletes the rows with these keys, if the query contains them.
    pub(crate) fn delete_in(query: &'a Query, keys: &'a [Value]) -> Self {
        let mut delete = Self::delete(query.table);
        delete.and_one_of(query.table.key(), keys);
        delete.and_in(query);
        delete
    }

    pub(crate) fn select(table: &'static Table, without: Option<&str>) -> Self {
        let mut select = Self::new(Verb::Select, table);
        let columns = table.columns.iter().copied();
        select.shape.columns = columns
            .filter(|column| without != Some(column.name))
            .collect();
        select
    }

    /// The row with this value in a unique column.
    pub(crate) fn find(table: &'static Table, unique: &'static str, value: &'a Value) -> Self {
        let mut find = Self::select(table, table.large);
        find.and_is(unique, value);
        find
    }

    /// The rows with these keys.
    pub(crate) fn select_all(table: &'static Table, keys: &'a [Value]) -> Self {
        let mut select = Self::select(table, None);
        select.and_one_of(table.key(), keys);
        select
    }

    /// The rows of a query.
    pub(crate) fn list(query: &'a Query) -> Self {
        let mut list = Self::select(query.table, query.without);
        list.and_in(query);
        let columns = query.index.iter().take(query.equal.len() + 1).copied();
        // The key orders rows with the same value. MariaDB would sort rows by it that a unique index has ordered.
        let next = column(query.table, query.ordered_by());
        let is_unique = query.table.unique.contains(&next.name) && !next.nullable;
        let key = (!is_unique).then(|| query.table.key());
        list.shape.sorting = Some(Sorting {
            columns: columns.chain(key).collect(),
            equal: query.equal.len(),
            order: query.order,
        });
        list.args.push(query.limit.into());
        list
    }

    /// The keys of the rows of a query.
    pub(crate) fn list_keys(query: &'a Query) -> Self {
        let mut list = Self::list(query);
        list.shape.columns.truncate(1);
        list
    }

    /// The number of rows of a query.
    pub(crate) fn count(query: &'a Query) -> Self {
        let mut count = Self::new(Verb::Count, query.table);
        count.and_in(query);
        count
    }

    fn with(mut self, columns: impl Iterator<Item = (Column, &'a Value)>) -> Self {
        for (column, value) in columns {
            self.shape.columns.push(column);
            self.args.push(arg(column, value));
        }
        self
    }

    /// Only the row with this key, if it fulfils the conditions.
    pub(crate) fn matching(mut self, key: &'a Value, when: &'a [Condition]) -> Self {
        self.and(self.table.key(), Comparison::Equals, key);
        when.iter().for_each(|condition| self.and_when(condition));
        self
    }

    fn and_is(&mut self, name: &'static str, value: &'a Value) {
        match value {
            Value::Null => self.shape.conditions.push((name, Comparison::IsNull)),
            value => self.and(name, Comparison::Equals, value),
        }
    }

    fn and_at_most(&mut self, name: &'static str, value: &'a Value) {
        self.and(name, Comparison::AtMost, value);
    }

    /// The number of values is rounded up to a power of two, so that there are few texts.
    fn and_one_of(&mut self, name: &'static str, values: &'a [Value]) {
        let count = match values.len() {
            0 => 0,
            length => length.next_power_of_two(),
        };
        let last = values.last().into_iter().cycle();
        let column = column(self.table, name);
        let args = values.iter().chain(last).map(|value| arg(column, value));
        self.args.extend(args.take(count));
        self.shape.conditions.push((name, Comparison::OneOf(count)));
    }

    fn and_when(&mut self, condition: &'a Condition) {
        match &condition.test {
            Test::Is(value) => self.and_is(condition.column, value),
            Test::AtMost(value) => self.and_at_most(condition.column, value),
            Test::Above(value) => self.and(condition.column, Comparison::Above, value),
            Test::OneOf(values) => self.and_one_of(condition.column, values),
        }
    }

    fn and_in(&mut self, query: &'a Query) {
        let next = query.ordered_by();
        for (name, value) in query.index.iter().zip(&query.equal) {
            self.and_is(name, value);
        }
        if let Some(above) = &query.above {
            self.and(next, Comparison::Above, above);
        }
        if let Some(at_most) = &query.at_most {
            self.and_at_most(next, at_most);
        }
        query.only.iter().for_each(|only| self.and_when(only));
        self.shape.filters = query.only.len();
    }

    fn and(&mut self, name: &'static str, comparison: Comparison, value: &'a Value) {
        self.shape.conditions.push((name, comparison));
        self.args.push(arg(column(self.table, name), value));
    }

    /// The text for this database, and the arguments.
    pub(crate) fn prepare(self, dialect: Dialect) -> (SqlStr, Vec<Arg<'a>>) {
        (self.shape.text(dialect), self.args)
    }
}

fn column(table: &Table, name: &str) -> Column {
    table.columns[table.position(name)]
}

/// The columns of a row that are to be written.
fn columns_of(row: &Row) -> impl Iterator<Item = (Column, &Value)> {
    let columns = row.table.columns.iter().copied().zip(&row.values);
    columns.filter(|(_, value)| **value != Value::Unset)
}
