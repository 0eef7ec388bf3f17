//! Databases that misbehave: locks, lost responses, slow statements. Each test has its own server.
//!
//! The store must then respond within its time limit, leave nothing half done, and report only committed writes as done.
//! The tests of the server stop, kill, pause, cut off and fill the database.

mod backlog;
mod cancelled;
mod locked;
mod lost_commits;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use doorward_domain::model::{AuditEvent, AuditFilter, Credential, Roster, User};
use doorward_domain::sessions::SessionStore;
use doorward_domain::store::{ApplyError, Batch, Records, Store, Write};
use doorward_store_sql::{SqlSettings, SqlStore};
use doorward_testkit::fixtures;
use tokio::time::Instant;

/// Shorter than the defaults, so that the tests are, too.
const CONNECT: Duration = Duration::from_secs(2);
const STATEMENT: Duration = Duration::from_secs(4);
/// The longest limits that the settings allow, see [`connect_patiently`].
const PATIENT: Duration = Duration::from_secs(60);
/// One operation and its commit take eight seconds at most. The failure that this guards against is an operation
/// without a limit: a held lock, a paused server or a silent network would block it for ever.
const BOUND: Duration = Duration::from_secs(40);

fn settings(url: &str) -> SqlSettings {
    SqlSettings {
        max_connections: 4,
        connect_timeout: CONNECT,
        statement_timeout: STATEMENT,
        ..SqlSettings::new(url)
    }
}

async fn connect(url: &str) -> SqlStore {
    let store = SqlStore::connect(&settings(url), fixtures::now())
        .await
        .unwrap();
    // Leaves an idle connection in the pool.
    Store::ping(&store).await.unwrap();
    store
}

/// The sessions of this store.
fn sessions(store: &SqlStore) -> SessionStore {
    SessionStore::new(Arc::new(store.clone()), None)
}

/// The batch of a sign-up.
fn sign_up() -> (User, Batch) {
    let user = fixtures::user();
    let mut batch = user.insert();
    batch.extend([
        Write::put(&fixtures::credential(user.id)),
        Write::insert(&fixtures::mail_job(user.id)),
        Write::insert(&fixtures::audit_event(user.id)),
    ]);
    (user, batch)
}

/// Locks the roster from another connection, until its transaction ends.
const LOCK_ROSTER: &str = "UPDATE rosters SET version = version + 1";

/// Inserts the roster.
async fn insert_roster(store: &SqlStore) {
    let roster = Roster::default().changed([fixtures::user_id()], None);
    store.apply(roster.unwrap()).await.unwrap();
}

/// A write that waits while another transaction locks the roster.
fn check_roster() -> Write {
    Write::check::<Roster>(Roster::ADMINS, Vec::new())
}

/// Returns `true` if a sign-up is stored; asserts that it is not stored in part.
async fn is_signed_up(store: &SqlStore, user: &User) -> bool {
    let found = store.get::<User>(user.id).await.unwrap().is_some();
    let has_password = store.get::<Credential>(user.id).await.unwrap().is_some();
    let log = AuditFilter {
        user_id: Some(user.id),
        limit: 10,
        ..AuditFilter::default()
    };
    let events: Vec<AuditEvent> = store.list(log.query()).await.unwrap();
    assert_eq!((found, usize::from(found)), (has_password, events.len()));
    found
}

/// Asserts that the future completes in time.
async fn in_time<T>(what: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(BOUND, what).await;
    done.expect("the operation has no limit")
}

/// A store on this database that waits up to a minute for a connection or a statement: much longer than the limits
/// that single operations have of their own.
async fn connect_patiently(url: &str) -> SqlStore {
    let settings = SqlSettings {
        connect_timeout: PATIENT,
        statement_timeout: PATIENT,
        ..settings(url)
    };
    let store = SqlStore::connect(&settings, fixtures::now()).await.unwrap();
    Store::ping(&store).await.unwrap();
    store
}

/// Asserts that the ping fails by its own limit of two and a half seconds, and not after a minute like any other
/// write of [`connect_patiently`].
async fn assert_ping_fails(store: &SqlStore) {
    let ping = tokio::time::timeout(PATIENT / 3, Store::ping(store)).await;
    ping.expect("a ping waits no longer than its own limit")
        .unwrap_err();
}

/// Retries until it succeeds, since a database takes a while to start.
async fn wait_until_healthy<T, E, F>(mut what: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, E>>,
    E: std::fmt::Debug,
{
    let patience = Instant::now() + Duration::from_secs(30);
    loop {
        match what().await {
            Ok(value) => return value,
            Err(error) => assert!(Instant::now() < patience, "never well again: {error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn is_store_error(result: &Result<(), ApplyError>) -> bool {
    matches!(result, Err(ApplyError::Store(_)))
}
