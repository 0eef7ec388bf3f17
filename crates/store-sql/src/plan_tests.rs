//! Each query is served by its index: the plans of the databases.

use doorward_domain::model::TABLES;
use doorward_domain::store::{
    Column, Condition, Kind, Order, Query, Row, Store, Table, Test, Value, Write,
};
use doorward_testkit::{fixtures, queries, servers};
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row as _};

use crate::dialect::Dialect;
use crate::pool::PooledConnection;
use crate::statements::Statement;
use crate::sweep::expired;
use crate::{SqlSettings, SqlStore};

/// Number of rows of each table.
const ROWS: i64 = 400;
/// Number of rows with the same value in a column that is not unique.
const EQUAL_ROWS: i64 = 8;

fn value(column: &Column, number: i64) -> Value {
    let bytes = |length: usize| {
        let mut bytes = vec![0; length - 8];
        bytes.extend(number.to_be_bytes());
        Value::Bytes(bytes)
    };
    match column.kind {
        Kind::Id => bytes(16),
        Kind::Digest | Kind::Blob => bytes(32),
        Kind::Key | Kind::Text => format!("{number:05}").into(),
        Kind::Int => number.into(),
    }
}

fn is_unique(table: &Table, column: &str) -> bool {
    column == table.key() || table.unique.contains(&column)
}

fn rows_of(table: &'static Table) -> Vec<Write> {
    let row = |number| {
        let value = |column: &Column| match number / EQUAL_ROWS {
            _ if is_unique(table, column.name) => value(column, number),
            0 if column.nullable => Value::Null,
            group => value(column, group),
        };
        let values = table.columns.iter().map(value).collect();
        Write::Insert(Row { table, values })
    };
    (0..ROWS).map(row).collect()
}

/// Queries through an index, in both directions. `&[]` is the primary key.
fn queries_through(table: &'static Table, index: &'static [&'static str]) -> Vec<Query> {
    let column = |name: &str| &table.columns[table.position(name)];
    let equal_to = |values: Vec<Value>| Query {
        table,
        index,
        equal: values,
        above: None,
        at_most: None,
        only: Vec::new(),
        order: Order::Ascending,
        limit: 10,
        without: table.large,
    };
    let in_range = |query: Query, above, at_most| {
        let next = column(query.ordered_by());
        query
            .above(value(next, above))
            .at_most(value(next, at_most))
    };
    let others = index.split_last().map_or(index, |(_, others)| others);
    let others = others.iter().map(|name| value(column(name), 20));
    let mut queries = vec![in_range(equal_to(others.collect()), 19, 21)];
    if let [name] = index
        && !is_unique(table, name)
    {
        let null = column(name).nullable.then_some(Value::Null);
        for value in [Some(value(column(name), 20)), null].into_iter().flatten() {
            let equal = equal_to(vec![value]);
            queries.extend([equal.clone(), in_range(equal, 0, ROWS)]);
        }
    }
    let descending: Vec<_> = queries.iter().cloned().map(Query::descending).collect();
    queries.extend(descending);
    queries
}

/// The query with values of the rows above: an optimizer prefers another index if no row has a value.
fn with_values_of_rows(mut query: Query) -> Query {
    let table = query.table;
    let of = |name: &str, number| value(&table.columns[table.position(name)], number);
    let next = query.ordered_by();
    for (name, equal) in query.index.iter().zip(&mut query.equal) {
        if *equal != Value::Null {
            *equal = of(name, 20);
        }
    }
    let (above, at_most) = match (query.equal.is_empty(), &query.above, &query.at_most) {
        (false, _, _) => (0, ROWS),
        (true, Some(_), Some(_)) => (19, 21),
        (true, _, _) => (ROWS - 10, 10),
    };
    query.above = query.above.map(|_| of(next, above));
    query.at_most = query.at_most.map(|_| of(next, at_most));
    for Condition { column, test } in &mut query.only {
        *test = match test {
            Test::Is(Value::Null) => Test::Is(Value::Null),
            Test::Is(_) => Test::Is(of(column, 20)),
            Test::AtMost(_) => Test::AtMost(of(column, ROWS)),
            Test::Above(_) => Test::Above(of(column, 0)),
            Test::OneOf(_) => Test::OneOf([20, 21].map(|number| of(column, number)).into()),
        };
    }
    query
}

/// What the plan of a statement must show.
struct Expected {
    /// The columns of the index; none for any index.
    index: Vec<&'static str>,
    /// Reads a part of the index only.
    is_part: bool,
    /// May skip rows, because of conditions that the index does not decide.
    may_skip: bool,
}

impl Expected {
    fn of(query: &Query, dialect: Dialect) -> Self {
        let has_range = query.above.is_some() || query.at_most.is_some();
        let may_use_other = !query.only.is_empty() && dialect.without_index().is_empty();
        Self {
            index: match query.index {
                // Other conditions may decide for the index of their column.
                _ if may_use_other => Vec::new(),
                [] => vec![query.table.key()],
                columns => columns.to_vec(),
            },
            // With conditions alone, a list reads the table from its beginning to find a few rows.
            is_part: has_range || !query.equal.is_empty() || may_use_other,
            may_skip: !query.only.is_empty(),
        }
    }

    fn part_of(index: &[&'static str]) -> Self {
        Self {
            index: index.to_vec(),
            is_part: true,
            may_skip: false,
        }
    }

    /// Returns `true` if the plan reads the index, or a part of it, and neither skips nor sorts rows.
    fn is_met(&self, dialect: Dialect, table: &Table, plan: &str) -> bool {
        let has = |words: &[&str]| words.iter().any(|word| plan.contains(word));
        let is_part = match dialect {
            Dialect::Sqlite => has(&["SEARCH"]) && !has(&["SCAN"]),
            Dialect::Postgres => has(&["Index Cond"]) && !has(&["Seq Scan"]),
            Dialect::Mysql => !has(&["type ALL", "type index,"]),
        };
        has(&[&dialect.use_of_index(table, &self.index)])
            && (is_part || !self.is_part)
            && (self.may_skip || !has(&["Filter"]))
            && !has(&["TEMP B-TREE", "Sort", "filesort"])
    }
}

impl Dialect {
    /// What a plan contains that reads the index of these columns.
    fn use_of_index(self, table: &Table, columns: &[&str]) -> String {
        let name = format!("{table}_{}", columns.join("_"));
        let is_key = columns == [table.key()];
        match self {
            Self::Sqlite if columns.is_empty() => "USING ".to_owned(),
            Self::Sqlite if is_key && table.columns[0].kind == Kind::Int => {
                "INTEGER PRIMARY KEY (".to_owned()
            }
            Self::Sqlite if is_key => format!("INDEX sqlite_autoindex_{table}_1"),
            Self::Sqlite => format!("INDEX {name}"),
            Self::Postgres if columns.is_empty() => " using ".to_owned(),
            Self::Postgres if is_key => format!(" using {table}_pkey on "),
            Self::Postgres => format!(" using {name} on "),
            Self::Mysql if columns.is_empty() => "key ".to_owned(),
            Self::Mysql if is_key => "key PRIMARY,".to_owned(),
            Self::Mysql => format!("key {name},"),
        }
    }
}

/// Explains statements on one database.
struct Explainer {
    store: SqlStore,
    connection: PooledConnection,
    wrong: Vec<String>,
}

impl Explainer {
    async fn check(&mut self, expected: Expected, statement: Statement<'_>) {
        let (dialect, table) = (self.store.dialect, statement.table);
        let (sql, args) = statement.prepare(dialect);
        let explain = match dialect {
            Dialect::Sqlite => "EXPLAIN QUERY PLAN",
            Dialect::Postgres | Dialect::Mysql => "EXPLAIN",
        };
        let explain = AssertSqlSafe(format!("{explain} {}", sql.as_str()));
        let rows = self.connection.rows(explain, &args).await.unwrap();
        let line = |row: &AnyRow| match dialect {
            Dialect::Sqlite => row.get("detail"),
            Dialect::Postgres => row.get(0),
            Dialect::Mysql => {
                let text = |name: &str| row.get::<Option<String>, _>(name).unwrap_or_default();
                let [kind, key, extra] = ["type", "key", "Extra"].map(text);
                format!("type {kind}, key {key}, {extra}")
            }
        };
        let plan = rows.iter().map(line).collect::<Vec<_>>().join("\n");
        if !expected.is_met(dialect, table, &plan) {
            self.wrong.push(format!("{}\n{plan}", sql.as_str()));
        }
    }

    /// The reads and writes that follow from a table's declaration.
    async fn check_table(&mut self, table: &'static Table) {
        let value_of = |name: &str| value(&table.columns[table.position(name)], 20);
        let key: &[&str] = &[];
        for index in table.indexes.iter().copied().chain([key]) {
            for query in queries_through(table, index) {
                self.check(
                    Expected::of(&query, self.store.dialect),
                    Statement::list(&query),
                )
                .await;
            }
        }
        for name in table.unique.iter().copied().chain([table.key()]) {
            let find = value_of(name);
            let find = Statement::find(table, name, &find);
            self.check(Expected::part_of(&[name]), find).await;
        }
        let keys = [20, 21, 22].map(|number| value(&table.columns[0], number));
        let by_key = || Expected::part_of(&[table.key()]);
        self.check(by_key(), Statement::select_all(table, &keys))
            .await;
        let touch = Statement::touch(table).matching(&keys[0], &[]);
        self.check(by_key(), touch).await;
        let delete = Statement::delete(table).matching(&keys[0], &[]);
        self.check(by_key(), delete).await;
        if let Some(owner) = table.owner {
            let value = value_of(owner);
            let purge = Statement::delete_owned(table, &value).unwrap();
            self.check(Expected::part_of(&[owner]), purge).await;
        }
        if let Some(query) = expired(table, fixtures::now()) {
            let few = query.at_most(5);
            self.check(
                Expected::of(&few, self.store.dialect),
                Statement::list_keys(&few),
            )
            .await;
            let by_any = Expected {
                may_skip: true,
                ..Expected::part_of(&[])
            };
            self.check(by_any, Statement::delete_in(&few, &keys)).await;
        }
    }

    /// The queries of the product.
    async fn check_queries(&mut self) {
        for query in queries::listed().into_iter().map(with_values_of_rows) {
            self.check(
                Expected::of(&query, self.store.dialect),
                Statement::list(&query),
            )
            .await;
        }
        for query in queries::counted().into_iter().map(with_values_of_rows) {
            let by_any = Expected::part_of(&[]);
            self.check(by_any, Statement::count(&query)).await;
        }
    }
}

/// A-10, L-01: each query is served by an index, and neither skips nor sorts rows: the log of a year has millions of
/// events.
async fn every_query_is_served_by_its_index(url: String) {
    let settings = SqlSettings::new(url);
    let store = SqlStore::connect(&settings, fixtures::now()).await.unwrap();
    let mut connection = store.pool.get().await.unwrap();
    for table in TABLES {
        store.apply(rows_of(table)).await.unwrap();
        // Small tables have other plans than large ones.
        let prepare = match store.dialect {
            // Doorward never analyzes its file.
            Dialect::Sqlite => continue,
            Dialect::Postgres => {
                format!("SET enable_seqscan = off; SET enable_bitmapscan = off; ANALYZE {table}")
            }
            Dialect::Mysql => format!("ANALYZE TABLE {table}"),
        };
        connection.script(prepare).await.unwrap();
    }
    let mut explainer = Explainer {
        store,
        connection,
        wrong: Vec::new(),
    };
    for table in TABLES {
        explainer.check_table(table).await;
    }
    explainer.check_queries().await;
    let wrong = explainer.wrong;
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[tokio::test]
async fn every_query_is_served_by_its_index_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/doorward.db", folder.path().display());
    every_query_is_served_by_its_index(url).await;
}

#[tokio::test]
async fn every_query_is_served_by_its_index_on_postgres() {
    every_query_is_served_by_its_index(servers::postgres().await).await;
}

#[tokio::test]
async fn every_query_is_served_by_its_index_on_mariadb() {
    every_query_is_served_by_its_index(servers::mariadb().await).await;
}
