//! Tests that need the pool's own connections.

use doorward_domain::model::TABLES;
use doorward_domain::store::{
    Column, Condition, Kind, Order, Query, Row, Store, Table, Value, Write,
};
use doorward_testkit::{fixtures, servers};
use sqlx::Row as _;

use std::time::Duration;

use sqlx::any::AnyRow;

use crate::arg::Arg;
use crate::dialect::Dialect;
use crate::error::SqlError;
use crate::pool::PooledConnection;
use crate::*;

/// C-07: the settings of SQLite are in effect.
#[tokio::test]
async fn every_connection_of_the_pool_has_the_settings() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/doorward.db", folder.path().display());
    let settings = SqlSettings {
        max_connections: 4,
        ..SqlSettings::new(url)
    };
    let store = SqlStore::connect(&settings, fixtures::now()).await.unwrap();
    let mut connections = Vec::new();
    for _ in 0..4 {
        connections.push(store.pool.get().await.unwrap());
    }
    for connection in &mut connections {
        for (pragma, expected) in [
            ("synchronous", 2),
            ("foreign_keys", 1),
            ("busy_timeout", 5_000),
        ] {
            let sql = format!("PRAGMA {pragma}");
            let rows = connection.rows(&sql, &[]).await.unwrap();
            assert_eq!(rows[0].get::<i64, _>(0), expected, "{pragma}");
        }
        let rows = connection.rows("PRAGMA journal_mode", &[]).await;
        assert_eq!(rows.unwrap()[0].get::<String, _>(0), "wal");
    }
}

/// The server cancels a slow statement before the operation's own deadline.
#[tokio::test]
async fn a_slow_statement_is_cancelled_by_the_server() {
    for (url, endless) in [
        (
            servers::postgres().await,
            "SELECT CAST(pg_sleep(60) AS TEXT)",
        ),
        // An interrupted SLEEP would return a row.
        (
            servers::mariadb().await,
            "SELECT COUNT(*) FROM seq_1_to_1000000 a, seq_1_to_1000000 b",
        ),
    ] {
        let settings = SqlSettings {
            statement_timeout: Duration::from_secs(1),
            ..SqlSettings::new(url)
        };
        let store = SqlStore::connect(&settings, fixtures::now()).await.unwrap();
        let mut connection = store.pool.get().await.unwrap();
        let error = connection.rows(endless, &[]).await.err().unwrap();
        assert!(
            matches!(error, SqlError::Sql(sqlx::Error::Database(_))),
            "{error:?}"
        );
        assert!(
            !error.is_connection_lost() && !error.is_transient(),
            "{error:?}"
        );
        connection.rows("SELECT 1", &[]).await.unwrap();
    }
}

/// Reads on a busy pool cost no extra round trip.
#[tokio::test]
async fn an_idle_connection_is_used_again_at_once() {
    let settings = SqlSettings::new(servers::postgres().await);
    let store = SqlStore::connect(&settings, fixtures::now()).await.unwrap();
    let mut pids = Vec::new();
    for _ in 0..20 {
        let mut connection = store.pool.get().await.unwrap();
        let rows = connection
            .rows("SELECT CAST(pg_backend_pid() AS BIGINT)", &[])
            .await;
        pids.push(rows.unwrap()[0].get::<i64, _>(0));
    }
    pids.dedup();
    assert_eq!(
        pids.len(),
        1,
        "each returns to the pool before the next use"
    );
}

/// A transaction that is dropped before its commit leaves nothing behind, and its connection is closed.
async fn a_dropped_transaction_is_rolled_back(url: String) {
    let settings = SqlSettings {
        max_connections: 1,
        ..SqlSettings::new(url)
    };
    let store = SqlStore::connect(&settings, fixtures::now()).await.unwrap();
    // A temporary table belongs to its connection.
    let mut connection = store.pool.get().await.unwrap();
    let marker = "CREATE TEMPORARY TABLE marker (id INTEGER)";
    connection.script(marker.to_owned()).await.unwrap();
    drop(connection);

    let mut transaction = store.begin().await.unwrap();
    let write = "UPDATE pings SET counter = 4711 WHERE id = 1";
    assert_eq!(transaction.execute(write, &[]).await.unwrap(), 1);
    let mark = "INSERT INTO marker (id) VALUES (1)";
    assert_eq!(transaction.execute(mark, &[]).await.unwrap(), 1);
    drop(transaction);

    let mut connection = store.pool.get().await.unwrap();
    let read = "SELECT COUNT(*) AS n FROM marker";
    let error = connection.rows(read, &[]).await.err().unwrap();
    assert!(
        matches!(error, SqlError::Sql(sqlx::Error::Database(_))),
        "the connection was used again: {error:?}"
    );
    drop(connection);
    let counter = async || {
        let counter = "SELECT counter FROM pings WHERE id = 1";
        let rows = store.rows("test", counter, &[]).await.unwrap();
        rows[0].get::<i64, _>("counter")
    };
    assert_ne!(counter().await, 4711);
    // Its lock is released, too.
    store.write("test", write, &[]).await.unwrap();
    assert_eq!(counter().await, 4711);
}

#[tokio::test]
async fn a_dropped_transaction_is_rolled_back_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/doorward.db", folder.path().display());
    a_dropped_transaction_is_rolled_back(url).await;
}

#[tokio::test]
async fn a_dropped_transaction_is_rolled_back_on_postgres() {
    a_dropped_transaction_is_rolled_back(servers::postgres().await).await;
}

#[tokio::test]
async fn a_dropped_transaction_is_rolled_back_on_mariadb() {
    a_dropped_transaction_is_rolled_back(servers::mariadb().await).await;
}

/// A failed statement is rolled back, and the connection is used again.
#[tokio::test]
async fn a_failed_transaction_returns_its_connection() {
    let settings = SqlSettings {
        max_connections: 1,
        ..SqlSettings::new(servers::postgres().await)
    };
    let store = SqlStore::connect(&settings, fixtures::now()).await.unwrap();
    let pid = "SELECT CAST(pg_backend_pid() AS BIGINT) AS pid";
    let before = store.rows("test", pid, &[]).await.unwrap();
    let wrong = "UPDATE pings SET counter = counter / 0";
    store.write("test", wrong, &[]).await.unwrap_err();
    let after = store.rows("test", pid, &[]).await.unwrap();
    assert_eq!(
        before[0].get::<i64, _>("pid"),
        after[0].get::<i64, _>("pid")
    );
    Store::ping(&store).await.unwrap();
}

/// A Galera node without its cluster responds, and cannot be used.
#[tokio::test]
async fn a_galera_node_without_its_cluster_counts_as_lost() {
    let settings = SqlSettings::new(servers::mariadb().await);
    let store = SqlStore::connect(&settings, fixtures::now()).await.unwrap();
    let mut connection = store.pool.get().await.unwrap();
    let not_primary = "SIGNAL SQLSTATE '08S01' SET MYSQL_ERRNO = 1047, \
        MESSAGE_TEXT = 'WSREP has not yet prepared node for application use'";
    let error = connection.execute(not_primary, &[]).await.err().unwrap();
    assert!(error.is_connection_lost(), "{error:?}");
}

/// T-POWER: another process that opens and closes the database does not delete the write-ahead log. POSIX
/// locks belong to the process, so this takes a second one.
#[tokio::test]
async fn another_process_does_not_delete_the_write_ahead_log() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("doorward.db");
    let settings = SqlSettings {
        max_connections: 4,
        ..SqlSettings::new(format!("sqlite:{}", file.display()))
    };
    let store = SqlStore::connect(&settings, fixtures::now()).await.unwrap();
    let mut connections = Vec::new();
    for _ in 0..4 {
        connections.push(store.pool.get().await.unwrap());
    }
    for connection in &mut connections {
        let sql = "SELECT COUNT(*) FROM users";
        connection.rows(sql, &[]).await.unwrap();
    }
    let look = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); \
        c.execute('SELECT COUNT(*) FROM users').fetchone(); c.close()";
    let mut python = std::process::Command::new("python3");
    doorward_testkit::process::succeed(python.args(["-c", look]).arg(&file));
    let journal = folder.path().join("doorward.db-wal");
    assert!(journal.exists(), "the server's write-ahead log was deleted");
}

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

/// The columns of an index, and a statement that reads through it.
type Read = (Vec<&'static str>, String, Vec<Arg<'static>>);

fn reads_of(table: &'static Table, dialect: Dialect) -> Vec<Read> {
    let mut reads = Vec::new();
    let key: &[&str] = &[];
    for index in table.indexes.iter().copied().chain([key]) {
        let columns = match index {
            [] => vec![table.key()],
            columns => columns.to_vec(),
        };
        for query in queries_through(table, index) {
            let (sql, args) = records::list_statement(&query, dialect);
            reads.push((columns.clone(), sql, args));
        }
    }
    for name in table.unique.iter().copied().chain([table.key()]) {
        let value = value(&table.columns[table.position(name)], 20);
        let (sql, args) = records::find_statement(table, &Condition::is(name, value));
        reads.push((vec![name], sql, args));
    }
    reads
}

impl Dialect {
    /// What a plan contains that reads through the index of these columns.
    fn use_of_index(self, table: &Table, columns: &[&str]) -> String {
        let name = format!("{table}_{}", columns.join("_"));
        let is_key = columns == [table.key()];
        match self {
            Self::Sqlite if is_key && table.columns[0].kind == Kind::Int => {
                "INTEGER PRIMARY KEY (".to_owned()
            }
            Self::Sqlite if is_key => format!("INDEX sqlite_autoindex_{table}_1 ("),
            Self::Sqlite => format!("INDEX {name} ("),
            Self::Postgres if is_key => format!(" using {table}_pkey on "),
            Self::Postgres => format!(" using {name} on "),
            Self::Mysql if is_key => "key PRIMARY,".to_owned(),
            Self::Mysql => format!("key {name},"),
        }
    }
}

async fn plan(
    connection: &mut PooledConnection,
    dialect: Dialect,
    sql: &str,
    args: &[Arg<'_>],
) -> String {
    let explain = match dialect {
        Dialect::Sqlite => "EXPLAIN QUERY PLAN",
        Dialect::Postgres | Dialect::Mysql => "EXPLAIN",
    };
    let rows = connection.rows(&format!("{explain} {sql}"), args).await;
    let rows = rows.unwrap();
    let line = |row: &AnyRow| match dialect {
        Dialect::Sqlite => row.get("detail"),
        Dialect::Postgres => row.get(0),
        Dialect::Mysql => {
            let text = |name: &str| row.get::<Option<String>, _>(name).unwrap_or_default();
            format!("key {}, {}", text("key"), text("Extra"))
        }
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Whether a plan uses this index for all conditions and for the order.
fn is_served(dialect: Dialect, plan: &str, table: &Table, columns: &[&str]) -> bool {
    let skips = ["SCAN", "Filter"].iter().any(|word| plan.contains(word));
    let sorts = ["TEMP B-TREE", "Sort", "filesort"];
    let sorts = sorts.iter().any(|word| plan.contains(word));
    // A unique index has no rows with equal values, so nothing is left to sort.
    let may_sort = matches!(columns, [name] if is_unique(table, name));
    plan.contains(&dialect.use_of_index(table, columns)) && !skips && (may_sort || !sorts)
}

/// A-10, L-01: each query is served by an index, and neither skips nor sorts rows: the log of a year has millions of
/// events.
async fn every_query_is_served_by_its_index(url: String) {
    let settings = SqlSettings::new(url);
    let store = SqlStore::connect(&settings, fixtures::now()).await.unwrap();
    let dialect = store.dialect;
    let mut connection = store.pool.get().await.unwrap();
    let mut wrong = Vec::new();
    for table in TABLES.iter().copied() {
        store.apply(rows_of(table)).await.unwrap();
        // Small tables have other plans than large ones.
        let prepare = match dialect {
            Dialect::Sqlite => "ANALYZE".to_owned(),
            Dialect::Postgres => {
                format!("SET enable_seqscan = off; SET enable_bitmapscan = off; ANALYZE {table}")
            }
            Dialect::Mysql => format!("ANALYZE TABLE {table}"),
        };
        connection.script(prepare).await.unwrap();
        for (columns, sql, args) in reads_of(table, dialect) {
            let plan = plan(&mut connection, dialect, &sql, &args).await;
            if !is_served(dialect, &plan, table, &columns) {
                wrong.push(format!("{sql}\n{plan}"));
            }
        }
    }
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
