//! The schema that the migrations create on each database has the declared tables: columns, types, keys and indexes.

use std::collections::BTreeSet;

use doorward_domain::model::TABLES;
use doorward_domain::store::{Column, Kind, Table};
use doorward_store_sql::{SqlSettings, migrate};
use doorward_testkit::{fixtures, servers};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row};

/// How a database describes its tables. `{}` stands for the name of a table.
struct Catalog {
    /// Queries the name, the type and `YES` or `NO` (nullable) of each column.
    columns: &'static str,
    /// Queries the columns, joined by commas, and `unique` or nothing, of each index.
    indexes: &'static str,
    type_of: fn(Kind) -> &'static str,
}

const SQLITE: Catalog = Catalog {
    columns: "SELECT name, lower(type), CASE \"notnull\" WHEN 1 THEN 'NO' ELSE 'YES' END \
        FROM pragma_table_info('{}')",
    indexes: "SELECT group_concat(part.name, ',' ORDER BY part.seqno), \
        CASE list.\"unique\" WHEN 1 THEN 'unique' ELSE '' END \
        FROM pragma_index_list('{}') AS list, pragma_index_info(list.name) AS part GROUP BY list.name \
        UNION SELECT name, 'unique' FROM pragma_table_info('{}') WHERE pk = 1",
    type_of: |kind| match kind {
        Kind::Id | Kind::Digest | Kind::Blob => "blob",
        Kind::Key | Kind::Text => "text",
        Kind::Int => "integer",
    },
};

const POSTGRES: Catalog = Catalog {
    columns: "SELECT CAST(column_name AS TEXT), CAST(concat(udt_name, ' ' || collation_name) AS TEXT), \
        CAST(is_nullable AS TEXT) FROM information_schema.columns \
        WHERE table_schema = current_schema() AND table_name = '{}'",
    indexes: "SELECT string_agg(CAST(attname AS TEXT), ',' ORDER BY array_position(CAST(indkey AS SMALLINT[]), attnum)), \
        CASE WHEN indisunique THEN 'unique' ELSE '' END \
        FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY(indkey) \
        WHERE indrelid = to_regclass('{}') GROUP BY indexrelid, indisunique",
    type_of: |kind| match kind {
        Kind::Id | Kind::Digest | Kind::Blob => "bytea",
        Kind::Key => "text C",
        Kind::Text => "text",
        Kind::Int => "int8",
    },
};

const MARIADB: Catalog = Catalog {
    columns: "SELECT column_name, column_type, is_nullable FROM information_schema.columns \
        WHERE table_schema = DATABASE() AND table_name = '{}'",
    indexes: "SELECT GROUP_CONCAT(column_name ORDER BY seq_in_index), IF(MIN(non_unique), '', 'unique') \
        FROM information_schema.statistics \
        WHERE table_schema = DATABASE() AND table_name = '{}' GROUP BY index_name",
    type_of: |kind| match kind {
        Kind::Id => "binary(16)",
        Kind::Digest => "binary(32)",
        Kind::Key => "varbinary(1024)",
        Kind::Text => "longtext",
        Kind::Int => "bigint(20)",
        Kind::Blob => "longblob",
    },
};

/// The columns, as `name type nullable`.
type Columns = BTreeSet<String>;
/// The indexes, as `column,column unique`.
type Indexes = BTreeSet<String>;

fn declared(table: &Table, catalog: &Catalog) -> (Columns, Indexes) {
    let column = |column: &Column| {
        let nullable = if column.nullable { "YES" } else { "NO" };
        format!(
            "{} {} {nullable}",
            column.name,
            (catalog.type_of)(column.kind)
        )
    };
    let unique = [table.key()]
        .into_iter()
        .chain(table.unique.iter().copied());
    let unique: Indexes = unique.map(|column| format!("{column} unique")).collect();
    // A unique index orders rows, too. Any other ends with the key, which orders rows with equal values.
    let is_unique = |columns: &&&[&str]| unique.contains(&format!("{} unique", columns.join(",")));
    let others = table.indexes.iter().filter(|columns| !is_unique(columns));
    let others = others.map(|columns| format!("{},{} ", columns.join(","), table.key()));
    let indexes = others.chain(unique.iter().cloned()).collect();
    (table.columns.iter().map(column).collect(), indexes)
}

async fn found(url: &str, table: &Table, catalog: &Catalog) -> (Columns, Indexes) {
    let mut connection = AnyConnection::connect(url).await.unwrap();
    let mut read = async |sql: &str| -> Vec<AnyRow> {
        let sql = sql.replace("{}", table.name);
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection);
        rows.await.unwrap()
    };
    let text = |row: &AnyRow, index: usize| -> String {
        let text: Result<String, _> = row.try_get(index);
        text.unwrap_or_else(|_| String::from_utf8(row.get(index)).unwrap())
    };
    let columns = read(catalog.columns).await;
    let columns = columns
        .iter()
        .map(|row| format!("{} {} {}", text(row, 0), text(row, 1), text(row, 2)));
    let columns = columns.collect();
    let indexes = read(catalog.indexes).await;
    let indexes = indexes
        .iter()
        .map(|row| format!("{} {}", text(row, 0), text(row, 1)));
    (columns, indexes.collect())
}

async fn compare(url: &str, catalog: &Catalog) {
    migrate(&SqlSettings::new(url), fixtures::now())
        .await
        .unwrap();
    for table in TABLES.iter().copied() {
        let found = found(url, table, catalog).await;
        assert_eq!(found, declared(table, catalog), "{}", table.name);
    }
}

#[tokio::test]
async fn sqlite_has_the_declared_tables() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("schema.db").display());
    compare(&url, &SQLITE).await;
}

#[tokio::test]
async fn postgres_has_the_declared_tables() {
    compare(&servers::postgres().await, &POSTGRES).await;
}

#[tokio::test]
async fn mariadb_has_the_declared_tables() {
    compare(&servers::mariadb().await, &MARIADB).await;
}
