//! Databases that misbehave: servers stopped, killed, paused and cut off, lost responses, full disks. Each test
//! has its own server.
//!
//! The store must then respond within its time limit, leave nothing half done, report only committed writes as
//! done, and recover by itself as soon as the database does.

mod backlog;
mod cancelled;
mod locked;
mod lost_commits;
mod outages;
mod sqlite;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use doorward_domain::model::{AuditEvent, AuditFilter, Credential, Roster, User};
use doorward_domain::session_store::SessionStore;
use doorward_domain::store::{ApplyError, Batch, Records, Store, Write};
use doorward_store_sql::{SqlSettings, SqlStore};
use doorward_testkit::fixtures;
use tokio::time::Instant;

/// Shorter than the defaults, so that the tests are, too.
const CONNECT: Duration = Duration::from_secs(2);
const STATEMENT: Duration = Duration::from_secs(4);
/// The limit of one operation and its commit, and two seconds for a busy machine.
const BOUND: Duration = Duration::from_secs(4 + 2 + 2 + 2);

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
    let began = Instant::now();
    let answer = what.await;
    let took = began.elapsed();
    assert!(took < BOUND, "it took {took:?}");
    answer
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
