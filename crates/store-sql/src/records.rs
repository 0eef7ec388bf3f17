//! The generic operations on records. Names of tables and columns come from the declarations, values are bound.

use std::fmt::Write as _;

use doorward_domain::changes::ApplyError;
use doorward_domain::ports::StoreError;
use doorward_domain::store::{
    Claim, Column, Condition, Kind, Order, Query, Row, Table, Test, Value, Write,
};
use sqlx::any::AnyRow;
use sqlx::{Row as _, TypeInfo, ValueRef};

use crate::SqlStore;
use crate::arg::Arg;
use crate::error::SqlError;
use crate::transaction::Transaction;

/// Runs one operation of a batch. Its condition is part of the statement; if it matches no row, the batch fails.
pub(crate) async fn write(transaction: &mut Transaction, write: &Write) -> Result<(), SqlError> {
    match write {
        Write::Insert(row) => insert(transaction, row).await,
        Write::Put(row) => put(transaction, row).await,
        Write::Replace { row, expected } => {
            let version = row.table.version.expect("a table with versions");
            let version = [Condition::is(version, *expected)];
            let mut update = Statement::update(row.table, columns_of(row));
            update.matching(row.key(), &version);
            update.run_or_stale(transaction).await
        }
        Write::Update {
            table,
            key,
            set,
            when,
        } => {
            let columns = set.iter().map(|(name, value)| (column(table, name), value));
            let mut update = Statement::update(table, columns);
            update.matching(key, when);
            update.run_or_stale(transaction).await
        }
        Write::Delete { table, key, when } => {
            let mut delete = Statement::new(table, format!("DELETE FROM {table}"));
            delete.matching(key, when);
            match when.is_empty() {
                true => delete.run(transaction).await.map(drop),
                false => delete.run_or_stale(transaction).await,
            }
        }
        Write::Check { table, key, when } => {
            // A write that changes nothing locks the row, on every database.
            let column = table.columns[table.columns.len() - 1].name;
            let sql = format!("UPDATE {table} SET {column} = {column}");
            let mut check = Statement::new(table, sql);
            check.matching(key, when);
            check.run_or_stale(transaction).await
        }
    }
}

async fn insert(transaction: &mut Transaction, row: &Row) -> Result<(), SqlError> {
    match Statement::insert(row).run(transaction).await {
        Err(SqlError::Sql(error)) if crate::dialect::is_taken_key(&error) => {
            Err(SqlError::Refused(ApplyError::Taken(row.table.key())))
        }
        result => result.map(drop),
    }
}

/// If two processes insert at the same time, one fails and is retried.
async fn put(transaction: &mut Transaction, row: &Row) -> Result<(), SqlError> {
    let mut update = Statement::update(row.table, columns_of(row));
    update.matching(row.key(), &[]);
    if update.run(transaction).await? == 0 {
        Statement::insert(row).run(transaction).await?;
    }
    Ok(())
}

pub(crate) async fn get(
    store: &SqlStore,
    table: &'static Table,
    key: &Value,
) -> Result<Option<Row>, StoreError> {
    let mut select = Statement::select(table, None);
    select.matching(key, &[]);
    Ok(select.read(store, None).await?.pop())
}

pub(crate) async fn find(
    store: &SqlStore,
    table: &'static Table,
    unique: &'static str,
    value: &Value,
) -> Result<Option<Row>, StoreError> {
    let mut select = Statement::select(table, None);
    select.condition(&Condition::is(unique, value.clone()));
    Ok(select.read(store, None).await?.pop())
}

pub(crate) async fn get_many(
    store: &SqlStore,
    table: &'static Table,
    keys: &[Value],
) -> Result<Vec<Row>, StoreError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let mut select = Statement::select(table, None);
    let test = Test::OneOf(keys.to_vec());
    select.condition(&Condition {
        column: table.key(),
        test,
    });
    select.read(store, None).await
}

pub(crate) async fn list(store: &SqlStore, query: &Query) -> Result<Vec<Row>, StoreError> {
    let (table, next) = (query.table, query.ordered_by());
    let mut select = Statement::select(table, query.without);
    select.range(query);
    let direction = match query.order {
        Order::Ascending => "ASC",
        Order::Descending => "DESC",
    };
    let key = table.key();
    let order = match next == key {
        true => format!(" ORDER BY {key} {direction} LIMIT ?"),
        false => format!(" ORDER BY {next} {direction}, {key} {direction} LIMIT ?"),
    };
    select.sql.push_str(&order);
    select.args.push(query.limit.into());
    select.read(store, query.without).await
}

pub(crate) async fn count(store: &SqlStore, query: &Query) -> Result<u64, StoreError> {
    let table = query.table;
    let sql = format!("SELECT COUNT(*) AS total FROM {table}");
    let mut count = Statement::new(table, sql);
    count.range(query);
    let rows = count.rows(store).await?;
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

/// A statement and its arguments.
struct Statement<'a> {
    table: &'static Table,
    sql: String,
    args: Vec<Arg<'a>>,
    has_condition: bool,
}

impl<'a> Statement<'a> {
    fn new(table: &'static Table, sql: String) -> Self {
        Self {
            table,
            sql,
            args: Vec::new(),
            has_condition: false,
        }
    }

    fn insert(row: &'a Row) -> Self {
        let table = row.table;
        let names: Vec<_> = columns_of(row).map(|(column, _)| column.name).collect();
        let (columns, places) = (names.join(", "), places(names.len()));
        let sql = format!("INSERT INTO {table} ({columns}) VALUES ({places})");
        let mut statement = Self::new(table, sql);
        let args = columns_of(row).map(|(column, value)| arg(column, value));
        statement.args.extend(args);
        statement
    }

    /// An update of all these columns but the key.
    fn update(table: &'static Table, columns: impl Iterator<Item = (Column, &'a Value)>) -> Self {
        let mut statement = Self::new(table, format!("UPDATE {table} SET"));
        for (column, value) in columns.filter(|(column, _)| column.name != table.key()) {
            let comma = if statement.args.is_empty() { "" } else { "," };
            write!(statement.sql, "{comma} {} = ?", column.name).expect("a String accepts text");
            statement.args.push(arg(column, value));
        }
        statement
    }

    fn select(table: &'static Table, without: Option<&str>) -> Self {
        let names: Vec<_> = read_columns(table, without)
            .map(|column| column.name)
            .collect();
        let columns = names.join(", ");
        Self::new(table, format!("SELECT {columns} FROM {table}"))
    }

    fn matching(&mut self, key: &'a Value, when: &[Condition]) {
        let column = self.table.columns[0];
        self.and(&format!("{} = ?", column.name), column, key);
        when.iter().for_each(|condition| self.condition(condition));
    }

    fn condition(&mut self, condition: &Condition) {
        let (column, name) = (column(self.table, condition.column), condition.column);
        let (sql, values) = match &condition.test {
            Test::Is(Value::Null) => (format!("{name} IS NULL"), Vec::new()),
            Test::Is(value) => (format!("{name} = ?"), vec![value]),
            Test::AtMost(value) => (format!("{name} <= ?"), vec![value]),
            Test::Above(value) => (format!("{name} > ?"), vec![value]),
            Test::OneOf(values) if values.is_empty() => ("1 = 0".to_owned(), Vec::new()),
            Test::OneOf(values) => {
                let places = places(values.len());
                (format!("{name} IN ({places})"), values.iter().collect())
            }
        };
        self.push_condition(&sql);
        let args = values
            .into_iter()
            .map(|value| arg(column, value).into_owned());
        self.args.extend(args);
    }

    /// The conditions of a query.
    fn range(&mut self, query: &'a Query) {
        let (table, next) = (query.table, query.ordered_by());
        for (name, value) in query.index.iter().zip(&query.equal) {
            self.condition(&Condition::is(name, value.clone()));
        }
        if let Some(above) = &query.above {
            self.and(&format!("{next} > ?"), column(table, next), above);
        }
        if let Some(at_most) = &query.at_most {
            self.and(&format!("{next} <= ?"), column(table, next), at_most);
        }
        for condition in &query.only {
            self.condition(condition);
        }
    }

    fn and(&mut self, sql: &str, column: Column, value: &'a Value) {
        self.push_condition(sql);
        self.args.push(arg(column, value));
    }

    fn push_condition(&mut self, sql: &str) {
        let word = if self.has_condition { "AND" } else { "WHERE" };
        write!(self.sql, " {word} {sql}").expect("a String accepts text");
        self.has_condition = true;
    }

    async fn run(&self, transaction: &mut Transaction) -> Result<u64, SqlError> {
        transaction.execute(&self.sql, &self.args).await
    }

    async fn run_or_stale(&self, transaction: &mut Transaction) -> Result<(), SqlError> {
        crate::apply::stale_if_none(self.run(transaction).await?)
    }

    async fn rows(&self, store: &SqlStore) -> Result<Vec<AnyRow>, StoreError> {
        let rows = store.rows("read", &self.sql, &self.args).await;
        rows.map_err(|error| error.during(format!("read {}", self.table.name)))
    }

    async fn read(&self, store: &SqlStore, without: Option<&str>) -> Result<Vec<Row>, StoreError> {
        let rows = self.rows(store).await?;
        Ok(rows
            .iter()
            .map(|row| from_any(self.table, without, row))
            .collect())
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

fn read_columns(table: &'static Table, without: Option<&str>) -> impl Iterator<Item = Column> {
    let columns = table.columns.iter().copied();
    columns.filter(move |column| without != Some(column.name))
}

fn places(count: usize) -> String {
    vec!["?"; count].join(", ")
}

/// The argument of a column. A NULL has the type of its column: PostgreSQL prepares a statement with the types of its
/// first use.
fn arg(column: Column, value: &Value) -> Arg<'_> {
    match (column.kind, value) {
        (_, Value::Int(number)) => Arg::Int(Some(*number)),
        (_, Value::Text(text)) => Arg::Text(Some(text.as_str().into())),
        (_, Value::Bytes(bytes)) => Arg::Bytes(Some(bytes.as_slice().into())),
        (Kind::Int, Value::Null | Value::Unset) => Arg::Int(None),
        (Kind::Key | Kind::Text, Value::Null | Value::Unset) => Arg::Text(None),
        (Kind::Id | Kind::Digest | Kind::Blob, Value::Null | Value::Unset) => Arg::Bytes(None),
    }
}

fn from_any(table: &'static Table, without: Option<&str>, row: &AnyRow) -> Row {
    let values = table.columns.iter().map(|column| match without {
        Some(name) if name == column.name => Value::Unset,
        _ => value_of(row, *column),
    });
    Row {
        table,
        values: values.collect(),
    }
}

/// A value of the wrong type becomes a value of another kind, which the record refuses with a clear error.
fn value_of(row: &AnyRow, column: Column) -> Value {
    let name = column.name;
    match column.kind {
        Kind::Int => {
            let value: Result<Option<i64>, _> = row.try_get(name);
            value.map_or(Value::Text(String::new()), Value::from)
        }
        Kind::Id | Kind::Digest | Kind::Blob => {
            let value: Result<Option<Vec<u8>>, _> = row.try_get(name);
            value.map_or(Value::Text(String::new()), |bytes| {
                bytes.map_or(Value::Null, Value::Bytes)
            })
        }
        Kind::Key | Kind::Text => text_of(row, name).unwrap_or(Value::Bytes(Vec::new())),
    }
}

/// A column that compares as bytes returns its text as bytes.
fn text_of(row: &AnyRow, name: &str) -> Option<Value> {
    let raw = row.try_get_raw(name).ok()?;
    if !raw.is_null() && raw.type_info().name() == "BLOB" {
        let bytes: Vec<u8> = row.try_get(name).ok()?;
        return Some(Value::Text(String::from_utf8(bytes).ok()?));
    }
    let text: Option<String> = row.try_get(name).ok()?;
    Some(text.into())
}
