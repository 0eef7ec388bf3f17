//! Opening a database: the schema's history on each kind, SQLite's file, and the errors that an operator reads.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use doorward_domain::model::{Session, TABLES, User};
use doorward_domain::store::{Records, Store, Write};
use doorward_store_sql::{ConnectError, SqlSettings, SqlStore, migrate, migration_status};
use doorward_testkit::servers::{PostgresOptions, dedicated_postgres};
use doorward_testkit::{fixtures, servers};
use sqlx::{AnyConnection, AssertSqlSafe, Connection, raw_sql};
use tempfile::TempDir;

/// Number of this program's migrations.
const KNOWN: usize = 9;
/// Names of these migrations, as an error lists them.
const NAMES: &str = "1 (accounts), 2 (last_sign_ins), 3 (preferred_locale), 4 (deletion), 5 (invitations), 6 (console), 7 (filters), 8 (nodes), 9 (filter_indexes)";

fn settings(url: &str) -> SqlSettings {
    SqlSettings {
        max_connections: 4,
        ..SqlSettings::new(url)
    }
}

async fn connect(url: &str) -> Result<SqlStore, ConnectError> {
    SqlStore::connect(&settings(url), fixtures::now()).await
}

fn sqlite_url(folder: &TempDir) -> String {
    format!("sqlite:{}/doorward.db", folder.path().display())
}

/// A separate connection.
async fn raw(url: &str) -> AnyConnection {
    sqlx::any::install_default_drivers();
    AnyConnection::connect(url).await.unwrap()
}

async fn execute(url: &str, sql: &str) {
    let mut connection = raw(url).await;
    raw_sql(AssertSqlSafe(sql))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

/// The same test for each database: the schema is created once, kept, and protected.
async fn history(url: &str) {
    let waits = SqlSettings {
        migrate: false,
        ..settings(url)
    };
    let error = SqlStore::connect(&waits, fixtures::now())
        .await
        .map(|_| ())
        .unwrap_err();
    assert!(
        matches!(&error, ConnectError::PendingMigrations(names) if names == NAMES),
        "{error}"
    );
    assert_eq!(
        migration_status(&settings(url)).await.unwrap()[0].applied_at,
        None
    );

    let racers: Vec<_> = (0..6)
        .map(|number| {
            let url = url.to_owned();
            tokio::spawn(async move {
                let store = SqlStore::connect(&settings(&url), fixtures::later(number))
                    .await
                    .unwrap();
                Store::ping(&store).await.unwrap();
            })
        })
        .collect();
    for racer in racers {
        racer.await.unwrap();
    }
    let made = migration_status(&settings(url)).await.unwrap();
    assert_eq!(made.len(), KNOWN);
    assert!(made.iter().all(|one| one.applied_at.is_some()));

    assert_eq!(
        migrate(&settings(url), fixtures::later(99)).await.unwrap(),
        []
    );
    connect(url).await.unwrap().close().await;
    assert_eq!(
        migration_status(&settings(url)).await.unwrap(),
        made,
        "not made again"
    );

    let next = i64::try_from(KNOWN).unwrap() + 1;
    let later = format!(
        "INSERT INTO schema_migrations \
        (version, name, compatible_with, statements_begun, statements_done, applied_at) VALUES ({next}, 'later', 1, 1, 1, 5)"
    );
    execute(url, &later).await;
    connect(url)
        .await
        .expect("the later migration is marked compatible")
        .close()
        .await;
    let incompatible =
        format!("UPDATE schema_migrations SET compatible_with = {next} WHERE version = {next}");
    execute(url, &incompatible).await;
    for refused in [
        connect(url).await.map(|_| ()),
        migrate(&settings(url), fixtures::now()).await.map(|_| ()),
    ] {
        let error = refused.unwrap_err();
        assert!(
            matches!(
                error,
                ConnectError::SchemaTooNew { database, binary } if database == next && binary == next - 1
            ),
            "{error}"
        );
    }
    assert_eq!(
        migration_status(&settings(url)).await.unwrap().len(),
        KNOWN + 1
    );

    execute(
        url,
        "UPDATE schema_migrations SET name = 'initial' WHERE version = 1",
    )
    .await;
    for refused in [
        connect(url).await.map(|_| ()),
        migrate(&settings(url), fixtures::now()).await.map(|_| ()),
    ] {
        let error = refused.unwrap_err();
        assert!(
            matches!(&error, ConnectError::UnknownSchema { version: 1, .. }),
            "{error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_of_sqlite_is_made_once() {
    let folder = tempfile::tempdir().unwrap();
    history(&sqlite_url(&folder)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_of_postgres_is_made_once() {
    history(&servers::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_of_mariadb_is_made_once() {
    history(&servers::mariadb().await).await;
}

/// Killed after a statement, before it was recorded, then started again.
#[tokio::test]
async fn mariadb_continues_a_killed_migration() {
    let url = servers::mariadb().await;
    assert_eq!(
        migrate(&settings(&url), fixtures::now())
            .await
            .unwrap()
            .len(),
        KNOWN
    );
    execute(&url, "DROP TABLE pings").await;
    let statements = statements_made(&url).await;
    let killed = format!(
        "UPDATE schema_migrations SET applied_at = NULL, statements_begun = {0}, statements_done = {0} - 1 \
         WHERE version = 1",
        statements - 2
    );
    execute(&url, &killed).await;
    assert_eq!(
        migrate(&settings(&url), fixtures::now())
            .await
            .unwrap()
            .len(),
        1
    );
    assert_eq!(statements_made(&url).await, statements);
    let pings = "SELECT COUNT(*) FROM pings";
    assert_eq!(number(&url, pings).await, 1);
    let store = connect(&url).await.unwrap();
    Store::ping(&store).await.unwrap();
}

async fn statements_made(url: &str) -> i64 {
    let made = "SELECT statements_done FROM schema_migrations WHERE version = 1";
    number(url, made).await
}

async fn number(url: &str, sql: &'static str) -> i64 {
    let mut connection = raw(url).await;
    let row = sqlx::query(sql).fetch_one(&mut connection).await;
    sqlx::Row::get(&row.unwrap(), 0)
}

/// A foreign table with the same name is never used, also at the second attempt.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_with_other_tables_is_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = sqlite_url(&folder);
    std::fs::write(folder.path().join("doorward.db"), b"").unwrap();
    for url in [sqlite, servers::postgres().await, servers::mariadb().await] {
        execute(&url, "CREATE TABLE links (href INTEGER)").await;
        for _ in 0..2 {
            let error = migrate(&settings(&url), fixtures::now()).await.unwrap_err();
            assert!(
                matches!(error, ConnectError::Migration { version: 1, .. }),
                "{url}: {error}"
            );
        }
        execute(&url, "DROP TABLE links").await;
        assert_eq!(
            migrate(&settings(&url), fixtures::now())
                .await
                .unwrap()
                .len(),
            KNOWN,
            "{url}"
        );
        connect(&url).await.unwrap();
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn sqlite_s_files_are_their_owner_s_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("new/däta #1%20?");
    let url = format!("sqlite://{}", data.join("x.db").display());
    let cut = data.parent().unwrap().join("däta #1%20");
    let store = connect(&url).await.unwrap();
    store.apply(fixtures::user().insert()).await.unwrap();
    assert!(
        cut.exists(),
        "what follows the question mark is no part of the path"
    );
    assert_eq!(mode(&cut), 0o600);
    assert_eq!(mode(cut.parent().unwrap()), 0o700);
    for beside in ["däta #1%20-wal", "däta #1%20-shm"] {
        assert_eq!(mode(&cut.with_file_name(beside)), 0o600, "{beside}");
    }
}

#[tokio::test]
async fn sqlite_s_readers_do_not_wait_for_a_writer() {
    let folder = tempfile::tempdir().unwrap();
    let url = sqlite_url(&folder);
    let store = connect(&url).await.unwrap();
    let user = fixtures::user();
    store.apply(user.insert()).await.unwrap();
    let mut other = raw(&url).await;
    let mut writing = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    raw_sql("UPDATE users SET version = 9")
        .execute(&mut *writing)
        .await
        .unwrap();
    let found = async || store.get::<User>(user.id).await.unwrap().unwrap();
    assert_eq!(found().await, user);
    writing.commit().await.unwrap();
    assert_eq!(found().await.version.0, 9);
}

#[tokio::test]
async fn a_deleted_user_s_sessions_go_too() {
    let folder = tempfile::tempdir().unwrap();
    let store = connect(&sqlite_url(&folder)).await.unwrap();
    for user in [fixtures::user(), fixtures::pending_user()] {
        store.apply(user.insert()).await.unwrap();
        let session = Write::insert(&fixtures::session(user.id));
        store.apply(vec![session]).await.unwrap();
        let deleted = store.apply(user.delete(fixtures::now())).await;
        deleted.unwrap();
        store.purge(TABLES, user.id.into()).await.unwrap();
        let left: Vec<Session> = store
            .list(Session::of_user(user.id, fixtures::now()))
            .await
            .unwrap();
        assert_eq!(left, []);
    }
}

#[tokio::test]
async fn a_row_that_makes_no_sense_is_an_error_that_names_it_and_shows_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let url = sqlite_url(&folder);
    let store = connect(&url).await.unwrap();
    let user = fixtures::user();
    store.apply(user.insert()).await.unwrap();
    let hex: String = user
        .id
        .as_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    for (column, value) in [
        ("role", "'hidden'"),
        ("data", "'[\"hidden\"]'"),
        ("created_at", "9223372036854775807"),
    ] {
        let kept = format!("UPDATE users SET {column} = {value}");
        execute(&url, &kept).await;
        let error = store.get::<User>(user.id).await.unwrap_err();
        let told = std::error::Error::source(&error).unwrap().to_string();
        assert!(
            told.contains(&format!("table users, row {hex}: column {column}")),
            "{told}"
        );
        assert!(!told.contains("hidden"), "{told}");
        let restored = "UPDATE users SET role = 'user', data = '{}', created_at = 0";
        execute(&url, restored).await;
        store.get::<User>(user.id).await.unwrap();
    }
}

#[tokio::test]
async fn connect_errors_name_the_cause() {
    let nobody = tempfile::tempdir().unwrap();
    let folder = nobody.path().display();
    for (url, expected) in [
        ("oracle://x".to_owned(), "must start with sqlite:"),
        ("sqlite::memory:".to_owned(), "loses its data"),
        ("sqlite:".to_owned(), "names no file"),
        (
            "postgres:ben:hidden@127.0.0.1/d".to_owned(),
            "write SCHEME://",
        ),
        (
            "mysql://ben:hidden@127.0.0.1:1".to_owned(),
            "names no database",
        ),
        (
            "mysql://ben:x@h/d?password=a&hidden=1".to_owned(),
            "unknown parameter",
        ),
        ("postgres://ben:hid/den@127.0.0.1/d".to_owned(), "/ as %2F"),
        (
            "sqlite:/dev/null/doorward.db".to_owned(),
            "cannot use the database file /dev/null/doorward.db",
        ),
        (format!("sqlite:{folder}"), "cannot use the database file"),
        (
            "postgres://ben:hidden@127.0.0.1:1/x".to_owned(),
            "no database responds at postgres://127.0.0.1:1/x",
        ),
        (
            "mysql://ben:hidden@127.0.0.1:1/x".to_owned(),
            "no database responds at mysql://127.0.0.1:1/x",
        ),
        (
            servers::postgres().await.replace("/test_", "/none_"),
            "reports: ",
        ),
        (
            servers::mariadb().await.replace("/test_", "/none_"),
            "reports: ",
        ),
    ] {
        let told = connect(&url).await.map(|_| ()).unwrap_err().to_string();
        assert!(told.contains(expected), "{url}: {told}");
        assert!(!told.contains("hidden"), "{told}");
    }
    let missing = format!("sqlite:{folder}/none.db");
    let told = migration_status(&settings(&missing))
        .await
        .unwrap_err()
        .to_string();
    assert!(told.contains("No such file"), "{told}");
    assert!(!nobody.path().join("none.db").exists());

    std::fs::write(
        nobody.path().join("text.db"),
        "no database, but long enough to look at\n".repeat(99),
    )
    .unwrap();
    let told = connect(&format!("sqlite:{folder}/text.db"))
        .await
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert!(
        told.contains("not a database; another kind of file"),
        "{told}"
    );
}

#[tokio::test]
async fn a_server_is_reached_by_its_ipv6_address() {
    let server = dedicated_postgres(PostgresOptions {
        settings: vec!["listen_addresses=127.0.0.1,::1"],
        ..PostgresOptions::default()
    })
    .await;
    let port = server.port();
    let url = format!("postgres://doorward@[::1]:{port}/doorward");
    let store = connect(&url).await.unwrap();
    Store::ping(&store).await.unwrap();
    let url = format!("postgres://doorward@[::1]:{port}/doorward?sslmode=require");
    let told = connect(&url).await.map(|_| ()).unwrap_err().to_string();
    assert!(told.contains("enable TLS"), "{told}");
}
