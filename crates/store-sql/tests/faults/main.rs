//! Databases that misbehave: servers stopped, killed, paused and cut off, lost responses, full disks. Each test
//! has its own server.
//!
//! The store must then respond within its time limit, leave nothing half done, report only committed writes as
//! done, and recover by itself as soon as the database does.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod away;
mod backlog;
mod cancelled;
mod failover;
mod locked;
mod lost_commits;
mod sqlite;

use std::future::Future;
use std::time::Duration;

use doorward_domain::changes::{ApplyError, Change, Changes};
use doorward_domain::model::{AuditEvent, AuditFilter, Credential, User};
use doorward_domain::ports::Store;
use doorward_domain::store::{Records, Write};
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

/// The changes of a sign-up.
fn sign_up() -> (User, AuditEvent, Changes) {
    let user = fixtures::user();
    let event = fixtures::audit_event(user.id);
    let changes = vec![
        Change::InsertUser(Box::new(user.clone())),
        Write::put(&fixtures::credential(user.id)).into(),
        Write::insert(&fixtures::mail_job(user.id)).into(),
        Change::Audit(Box::new(event.clone())),
    ];
    (user, event, changes)
}

/// Whether a sign-up is stored; asserts that it is not stored in part.
async fn is_signed_up(store: &SqlStore, user: &User) -> bool {
    let found = store.find_user(user.id).await.unwrap().is_some();
    let has_password = store.get::<Credential>(user.id).await.unwrap().is_some();
    let log = AuditFilter {
        user_id: Some(user.id),
        limit: 10,
        ..AuditFilter::default()
    };
    let events = store.list_audit_events(&log).await.unwrap().len();
    assert_eq!((found, usize::from(found)), (has_password, events));
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
async fn until_well<T, E, F>(mut what: impl FnMut() -> F) -> T
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
