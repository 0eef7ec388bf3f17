//! More expired rows than one statement can delete in time.

use std::time::Duration;

use doorward_domain::model::TABLES;
use doorward_domain::ports::LastSeen;
use doorward_domain::store::Store;
use doorward_store_sql::{SqlSettings, SqlStore};
use doorward_testkit::fixtures::{self, later, now};
use doorward_testkit::servers::{DedicatedPostgres, PostgresOptions, dedicated_postgres};

use super::{sessions, settings};

/// Number of expired rows. Deleting them in one statement would take twice its time limit.
const BACKLOG: usize = 2_500;

/// A server that takes a millisecond and more for each row that it changes.
async fn slow_server() -> (DedicatedPostgres, SqlStore) {
    let server = dedicated_postgres(PostgresOptions::default()).await;
    let settings = SqlSettings {
        statement_timeout: Duration::from_secs(2),
        ..settings(&server.url())
    };
    let store = SqlStore::connect(&settings, now()).await.unwrap();
    server
        .query(
            "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
               PERFORM pg_sleep(0.001); RETURN COALESCE(NEW, OLD); \
             END $$",
        )
        .await;
    (server, store)
}

async fn count(server: &DedicatedPostgres, table: &str) -> String {
    let count = server.query(&format!("SELECT COUNT(*) FROM {table}")).await;
    count.trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_is_deleted_in_batches() {
    let (server, store) = slow_server().await;
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
    ];
    for (table, columns, values) in &backlogs {
        server
            .query(&format!(
                "INSERT INTO {table} ({columns}) SELECT {values} FROM {rows}; \
                 CREATE TRIGGER slow BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION dawdle()"
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
    }
}

/// The times of many sessions, each a round trip, are more than one transaction has time for.
#[tokio::test(flavor = "multi_thread")]
async fn many_sessions_are_touched_in_batches() {
    let (server, store) = slow_server().await;
    let user = fixtures::user_id();
    let session = fixtures::session(user);
    let sessions = sessions(&store);
    sessions.open(&session, Vec::new()).await.unwrap();
    server
        .query(
            "CREATE TRIGGER slow BEFORE UPDATE ON sessions FOR EACH ROW EXECUTE FUNCTION dawdle()",
        )
        .await;
    // The same session, many times: only the number of statements matters.
    let seen = LastSeen {
        user_id: user,
        id: session.id,
        at: later(7),
    };
    sessions.touch(&vec![seen; 4_000]).await.unwrap();
    let open = sessions.list(user, now()).await.unwrap();
    assert_eq!(open[0].last_seen_at, later(7));
}
