//! More rows than one statement, or one transaction, has time for: they are changed in batches.

use doorward_domain::model::TABLES;
use doorward_domain::sessions::LastSeen;
use doorward_domain::store::Store;
use doorward_store_sql::SqlStore;
use doorward_testkit::fixtures::{self, later, now};
use doorward_testkit::servers::{DedicatedPostgres, PostgresOptions, dedicated_postgres};

use super::{connect, sessions};

/// Number of expired rows, two full batches and a part.
const BACKLOG: usize = 1_250;
/// As in `crates/store-sql/src/sweep.rs`: rows that a sweep deletes at a time.
const DELETED_AT_ONCE: usize = 500;
/// As in `crates/domain/src/sessions/store.rs`: sessions whose times are written at a time.
const TOUCHED_AT_ONCE: usize = 50;

/// A server that counts the rows that each transaction changes.
async fn counting_server() -> (DedicatedPostgres, SqlStore) {
    let server = dedicated_postgres(PostgresOptions::default()).await;
    let store = connect(&server.url()).await;
    server
        .query(
            "CREATE TABLE changes (xid xid8, name text, changed bigint); \
             GRANT INSERT ON changes TO PUBLIC; \
             CREATE FUNCTION count_changes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
               INSERT INTO changes SELECT pg_current_xact_id(), TG_TABLE_NAME, COUNT(*) FROM old_rows; \
               RETURN NULL; \
             END $$",
        )
        .await;
    (server, store)
}

/// Counts the rows of this table that a statement of this kind changes.
fn count_rows_of(kind: &str, table: &str) -> String {
    format!(
        "CREATE TRIGGER count_changes AFTER {kind} ON {table} REFERENCING OLD TABLE AS old_rows \
         FOR EACH STATEMENT EXECUTE FUNCTION count_changes()"
    )
}

/// The number of rows of this table that each transaction changed, in order.
async fn changes(server: &DedicatedPostgres, table: &str) -> Vec<usize> {
    let sql = format!(
        "SELECT SUM(changed) FROM changes WHERE name = '{table}' GROUP BY xid ORDER BY xid"
    );
    let sums = server.query(&sql).await;
    sums.lines().map(|sum| sum.parse().unwrap()).collect()
}

async fn count(server: &DedicatedPostgres, table: &str) -> String {
    let count = server.query(&format!("SELECT COUNT(*) FROM {table}")).await;
    count.trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_is_deleted_in_batches() {
    let (server, store) = counting_server().await;
    let (old, new) = (now().as_microsecond(), later(10).as_microsecond());
    let id = "decode(lpad(to_hex(n), 32, '0'), 'hex')";
    let digest = "sha256(n::text::bytea)";
    let time = format!("CASE WHEN n <= {BACKLOG} THEN {old} ELSE {new} END");
    let rows = format!("generate_series(1, {}) AS n", BACKLOG + 1);
    let backlogs = [
        (
            "links",
            "id, digest, user_id, purpose, data, created_at, expires_at",
            format!("{id}, {digest}, {id}, 'recovery', '', 0, {time}"),
        ),
        (
            "jobs",
            "id, kind, payload, created_at, attempts, failed_at",
            format!("{id}, 'recovery', '', 0, 1, {time}"),
        ),
        (
            "ended_sessions",
            "id, user_id, ends_at",
            format!("{id}, {id}, {time}"),
        ),
        (
            "sessions",
            "id, digest, user_id, epoch, generation, renewed_at, created_at, auth_time, amr, last_seen_at, expires_at",
            format!("{id}, {digest}, {id}, 1, 1, 0, 0, 0, 'pwd', 0, {time}"),
        ),
        (
            "devices",
            "id, user_id, last_used_at, expires_at",
            format!("{id}, {id}, 0, {time}"),
        ),
        (
            "totals",
            "id, unit, starts_at, kind, node, amount, expires_at",
            format!("'hour/' || n, 'hour', 0, 'mails', 'one', 1, {time}"),
        ),
        (
            "nodes",
            "id, name, version, started_at, seen_at, expires_at",
            format!("'one/' || n, 'one', '0.1.0', 0, 0, {time}"),
        ),
    ];
    for (table, columns, values) in &backlogs {
        server
            .query(&format!(
                "INSERT INTO {table} ({columns}) SELECT {values} FROM {rows}; {}",
                count_rows_of("DELETE", table)
            ))
            .await;
    }
    for table in TABLES.iter().filter(|table| table.expires.is_some()) {
        assert!(
            backlogs.iter().any(|backlog| backlog.0 == table.name),
            "{table}"
        );
        store.sweep(table, later(5)).await.unwrap();
        assert_eq!(count(&server, table.name).await, "1", "{table}");
        let batches = [DELETED_AT_ONCE, DELETED_AT_ONCE, BACKLOG % DELETED_AT_ONCE];
        assert_eq!(changes(&server, table.name).await, batches, "{table}");
    }
}

/// The times of many sessions, each a round trip, are more than one transaction has time for.
#[tokio::test(flavor = "multi_thread")]
async fn many_sessions_are_touched_in_batches() {
    let (server, store) = counting_server().await;
    let user = fixtures::user_id();
    let session = fixtures::session(user);
    let sessions = sessions(&store);
    sessions.open(&session, Vec::new()).await.unwrap();
    server.query(&count_rows_of("UPDATE", "sessions")).await;
    // The same session, many times: only the number of statements matters.
    let seen = LastSeen {
        user_id: user,
        id: session.id,
        at: later(7),
    };
    sessions.touch(&vec![seen; 120]).await.unwrap();
    let batches = [TOUCHED_AT_ONCE, TOUCHED_AT_ONCE, 120 % TOUCHED_AT_ONCE];
    assert_eq!(changes(&server, "sessions").await, batches);
    let open = sessions.list(user, now()).await.unwrap();
    assert_eq!(open[0].last_seen_at, later(7));
}
