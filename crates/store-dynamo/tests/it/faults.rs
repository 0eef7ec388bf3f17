//! A bad network between the store and the emulator: each call is bounded, a write is applied once, and the store recovers.

use std::time::{Duration, Instant};

use doorward_domain::error::chain;
use doorward_domain::model::{User, UserFilter};
use doorward_domain::store::{ApplyError, Records, Store};
use doorward_testkit::fixtures::{self, next_version};
use doorward_testkit::servers::ProxyMode;
use serde_json::json;

use crate::support::{open, response, scan, table_of};

/// What each transaction contains, in the header of its request.
const WRITE: &str = "TransactWriteItems";
/// The promise of the port.
const BOUND: Duration = Duration::from_secs(12);
/// Maximum duration of a call that does not wait, on a busy machine. One that waits takes almost [`BOUND`].
const AT_ONCE: Duration = Duration::from_secs(5);

async fn took<T>(call: impl Future<Output = T>) -> (T, Duration) {
    let started = Instant::now();
    let result = call.await;
    (result, started.elapsed())
}

#[tokio::test]
async fn a_write_whose_response_is_lost_is_applied_once() {
    let (proxy, store, _) = open().await;
    let user = fixtures::user();
    proxy.set(ProxyMode::DropResponse(WRITE, 1)).await;
    store.apply(user.insert()).await.unwrap();
    assert_eq!(proxy.lost(), 1);

    // Applied twice, the second attempt would find another version.
    let changed = next_version(&user);
    proxy.set(ProxyMode::DropResponse(WRITE, 2)).await;
    store.apply(changed.replace(&user)).await.unwrap();
    assert_eq!(proxy.lost(), 2);
    assert_eq!(store.get::<User>(user.id).await.unwrap(), Some(changed));
}

#[tokio::test]
async fn a_request_that_is_lost_is_sent_again() {
    let (proxy, store, _) = open().await;
    let user = fixtures::user();
    proxy.set(ProxyMode::DropRequest(WRITE, 3)).await;
    store.apply(user.insert()).await.unwrap();
    proxy.set(ProxyMode::DropRequest("GetItem", 3)).await;
    assert_eq!(store.get::<User>(user.id).await.unwrap(), Some(user));
    assert_eq!(proxy.lost(), 3);
}

/// An error of DynamoDB.
fn reply(status: u16, code: &str, more: &str) -> String {
    let body = format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{code}"{more}}}"#);
    response(status, &body)
}

#[tokio::test]
async fn a_write_is_repeated_after_throttling_conflicts_and_server_errors() {
    let (proxy, store, _) = open().await;
    let conflict = r#","CancellationReasons":[{"Code":"None"},{"Code":"TransactionConflict"}]"#;
    for fault in [
        reply(400, "ThrottlingException", ""),
        reply(400, "ProvisionedThroughputExceededException", ""),
        reply(400, "TransactionCanceledException", conflict),
        reply(500, "InternalServerError", ""),
    ] {
        let user = fixtures::user();
        proxy.set(ProxyMode::Reply(WRITE, fault.clone(), 3)).await;
        store.apply(user.insert()).await.unwrap();
        assert_eq!(proxy.lost(), 3, "{fault}");
        assert_eq!(store.get::<User>(user.id).await.unwrap(), Some(user));
    }
}

#[tokio::test]
async fn an_error_names_the_missing_permission_or_the_wrong_clock() {
    let (proxy, store, _) = open().await;
    let denied = r#","message":"role is not authorized to perform: dynamodb:GetItem""#;
    let expired = r#","message":"Signature expired: 20261126T000000Z is now earlier than it""#;
    for (fault, named) in [
        (
            reply(400, "AccessDeniedException", denied),
            "dynamodb:GetItem",
        ),
        (
            reply(400, "InvalidSignatureException", expired),
            "The clock of this machine",
        ),
    ] {
        proxy.set(ProxyMode::Reply("GetItem", fault, 1)).await;
        let (result, time) = took(store.get::<User>(fixtures::user_id())).await;
        let error = chain(&result.unwrap_err());
        assert!(error.contains(named), "{error}");
        assert!(time < AT_ONCE, "{time:?}");
    }
}

#[tokio::test]
async fn the_outcome_of_a_write_without_any_response_is_unknown() {
    let (proxy, store, _) = open().await;
    let user = fixtures::user();
    proxy.set(ProxyMode::DropResponse(WRITE, u32::MAX)).await;
    let (result, time) = took(store.apply(user.insert())).await;
    assert!(
        matches!(result, Err(ApplyError::OutcomeUnknown(_))),
        "{result:?}"
    );
    assert!(time < BOUND, "{time:?}");
}

#[tokio::test]
async fn a_store_that_is_down_fails_at_once_and_recovers() {
    let (proxy, store, _) = open().await;
    proxy.take_down().await;
    let (result, time) = took(store.get::<User>(fixtures::user_id())).await;
    assert!(result.is_err() && time < BOUND, "{time:?}");
    for _ in 0..5 {
        let (result, time) = took(store.apply(fixtures::user().insert())).await;
        assert!(matches!(result, Err(ApplyError::Store(_))), "{result:?}");
        assert!(time < AT_ONCE, "{time:?}");
    }
    proxy.set(ProxyMode::Forward).await;
    let deadline = Instant::now() + BOUND;
    while let Err(error) = store.ping().await {
        assert!(Instant::now() < deadline, "{error:?}");
        tokio::task::yield_now().await;
    }
}

/// Keys that DynamoDB did not process are read again.
#[tokio::test]
async fn unprocessed_keys_are_read_again() {
    let (proxy, store, url) = open().await;
    let user = fixtures::user();
    store.apply(user.insert()).await.unwrap();
    let scanned = scan(&url, None).await;
    let mut rows = scanned["Items"].as_array().unwrap().iter();
    let row = rows.find(|item| item.get("email_key").is_some()).unwrap();
    let key = json!({"_pk": row["_pk"], "_sk": row["_sk"]});
    let body = json!({"Responses": {}, "UnprocessedKeys": {table_of(&url): {"Keys": [key]}}});
    let reply = response(200, &body.to_string());
    proxy.set(ProxyMode::Reply("BatchGetItem", reply, 2)).await;
    assert_eq!(store.get::<User>(user.id).await.unwrap(), Some(user));
    assert_eq!(proxy.lost(), 2);
}

/// DynamoDB may end a page before its limit, and the last page may be empty.
#[tokio::test]
async fn short_and_empty_pages_are_not_the_end() {
    let (proxy, store, _) = open().await;
    let users: Vec<User> = (0..5).map(|_| fixtures::user()).collect();
    for user in &users {
        store.apply(user.insert()).await.unwrap();
    }
    // The request for a page of 100 becomes one for a single item.
    let short = ProxyMode::Replace("\"Limit\":100", "\"Limit\":1  ");
    proxy.set(short).await;
    let all = UserFilter {
        limit: 1000,
        ..UserFilter::default()
    };
    let mut found: Vec<User> = store.list(all.query()).await.unwrap();
    assert!(proxy.lost() > users.len() as u32, "pages are not short");
    found.sort_by_key(|user| users.iter().position(|one| one.id == user.id));
    assert_eq!(found, users);
}
