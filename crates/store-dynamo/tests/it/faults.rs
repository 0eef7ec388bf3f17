//! A bad network between the store and the emulator: each call is bounded, a write is applied once, and the store recovers.

use std::time::{Duration, Instant};

use doorward_domain::error::chain;
use doorward_domain::model::User;
use doorward_domain::store::{ApplyError, Records, Store};
use doorward_store_dynamo::{DynamoSettings, DynamoStore};
use doorward_testkit::fixtures::{self, next_version};
use doorward_testkit::servers::{self, Proxy, ProxyMode};

/// What each transaction contains, in the header of its request.
const WRITE: &str = "TransactWriteItems";
/// The promise of the port.
const BOUND: Duration = Duration::from_secs(12);
/// Duration of a call that does not wait, on a busy machine.
const AT_ONCE: Duration = Duration::from_millis(900);

/// A store on a new table, behind a proxy.
async fn open() -> (Proxy, DynamoStore) {
    let url = servers::dynamodb().await;
    let (_, address) = url.split_once("http://").unwrap();
    let proxy = Proxy::to(address.parse().unwrap()).await;
    let settings = DynamoSettings {
        url: proxy.url(&url).parse().unwrap(),
        migrate: true,
    };
    let store = DynamoStore::connect(&settings).await.unwrap();
    (proxy, store)
}

async fn took<T>(call: impl Future<Output = T>) -> (T, Duration) {
    let started = Instant::now();
    let result = call.await;
    (result, started.elapsed())
}

#[tokio::test]
async fn a_write_whose_response_is_lost_is_applied_once() {
    let (proxy, store) = open().await;
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
    let (proxy, store) = open().await;
    let user = fixtures::user();
    proxy.set(ProxyMode::DropRequest(WRITE, 3)).await;
    store.apply(user.insert()).await.unwrap();
    proxy.set(ProxyMode::DropRequest("GetItem", 3)).await;
    assert_eq!(store.get::<User>(user.id).await.unwrap(), Some(user));
    assert_eq!(proxy.lost(), 3);
}

/// A response of DynamoDB.
fn reply(status: u16, code: &str, more: &str) -> String {
    let body = format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{code}"{more}}}"#);
    format!(
        "HTTP/1.1 {status} Error\r\ncontent-type: application/x-amz-json-1.0\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn a_write_is_repeated_after_throttling_conflicts_and_server_errors() {
    let (proxy, store) = open().await;
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
    let (proxy, store) = open().await;
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
    let (proxy, store) = open().await;
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
    let (proxy, store) = open().await;
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
