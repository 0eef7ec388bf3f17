//! The generic operations on records. Names of tables and columns come from the declarations, values are bound.

use std::fmt::Write as _;

use doorward_domain::store::{
    ApplyError, Claim, Column, Condition, Kind, Order, Query, Row, StoreError, Table, Test, Value,
    Write,
};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::arg::Arg;
use crate::columns::{arg, places, value_of};
use crate::dialect::Dialect;
use crate::error::SqlError;
use crate::store::SqlStore;
use crate::transaction::Transaction;

pub(crate) async fn write_all(
    transaction: &mut Transaction,
    batch: &[Write],
) -> Result<(), SqlError> {
    for each in batch {
        write(transaction, each).await?;
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
        if let Some(column) = table.owner {
            let mut delete = Statement::new(table, format!("DELETE FROM {table}"));
            delete.condition(&Condition::is(column, owner.clone()));
            delete.run(transaction).await?;
        }
    }
    Ok(())
}

/// Runs one operation of a batch. Its condition is part of the statement; if it matches no row, the batch fails.
async fn write(transaction: &mut Transaction, write: &Write) -> Result<(), SqlError> {
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
    let select = Statement::find(table, &Condition::is(unique, value.clone()));
    Ok(select.read(store, table.large).await?.pop())
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
    let select = Statement::list(query, store.dialect);
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

/// The statement of a query, for a test of the database's plan.
#[cfg(test)]
pub(crate) fn list_statement(query: &Query, dialect: Dialect) -> (String, Vec<Arg<'static>>) {
    Statement::list(query, dialect).into_parts()
}

/// The statement of a look-up, for a test of the database's plan.
#[cfg(test)]
pub(crate) fn find_statement(
    table: &'static Table,
    unique: &Condition,
) -> (String, Vec<Arg<'static>>) {
    Statement::find(table, unique).into_parts()
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

    fn find(table: &'static Table, unique: &Condition) -> Self {
        let mut select = Self::select(table, table.large);
        select.condition(unique);
        select
    }

    /// The rows of a query.
    fn list(query: &'a Query, dialect: Dialect) -> Self {
        let table = query.table;
        let columns = read_columns(table, query.without).map(|column| match column.kind {
            Kind::Key | Kind::Text => dialect.text_as_it_stands(column.name),
            _ => column.name.to_owned(),
        });
        let columns = columns.collect::<Vec<_>>().join(", ");
        let sql = format!("SELECT {columns} FROM {table}");
        let mut select = Self::new(table, sql);
        select.range(query);
        let direction = match query.order {
            Order::Ascending => "ASC",
            Order::Descending => "DESC",
        };
        let order = query.index.iter().take(query.equal.len() + 1);
        let order = order.skip(dialect.unordered(query.equal.len()));
        let order = order.copied().chain([table.key()]);
        let order: Vec<_> = order
            .map(|column| format!("{table}.{column} {direction}"))
            .collect();
        write!(select.sql, " ORDER BY {} LIMIT ?", order.join(", "))
            .expect("a String accepts text");
        select.args.push(query.limit.into());
        select
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

    #[cfg(test)]
    fn into_parts(self) -> (String, Vec<Arg<'static>>) {
        let args = self.args.into_iter().map(Arg::into_owned);
        (self.sql, args.collect())
    }

    async fn run(&self, transaction: &mut Transaction) -> Result<u64, SqlError> {
        transaction.execute(&self.sql, &self.args).await
    }

    async fn run_or_stale(&self, transaction: &mut Transaction) -> Result<(), SqlError> {
        match self.run(transaction).await? {
            0 => Err(SqlError::Refused(ApplyError::Stale)),
            _ => Ok(()),
        }
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
