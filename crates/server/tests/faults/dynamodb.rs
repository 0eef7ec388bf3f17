//! DynamoDB, on the emulator behind a proxy: cut off, silent, slow, or it rejects requests. The emulator stores nothing on
//! disk, so it is not killed.

use doorward_testkit::servers::{self, Proxy, ProxyMode};

use crate::client::Client;
use crate::database::{assert_recovers, setup};
use crate::kills::survives_kills;
use crate::load::Load;
use crate::unreachable::{is_only_slow_behind, survives_behind};

/// What each transaction contains, in the header of its request.
const WRITE: &str = "TransactWriteItems";
const READ: &str = "BatchGetItem";

/// A proxy, and the URL of a new table behind it.
async fn table() -> (Proxy, String) {
    let url = servers::dynamodb().await;
    let (_, address) = url.split_once("http://").unwrap();
    let proxy = Proxy::to(address.parse().unwrap()).await;
    let url = proxy.url(&url);
    (proxy, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_writes_are_in_dynamodb_after_a_kill() {
    survives_kills(&servers::dynamodb().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_dynamodb_is_reported_and_recovers() {
    let (proxy, url) = table().await;
    survives_behind(&proxy, &url, "cut off").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dynamodb_behind_a_black_hole_is_reported_and_recovers() {
    let (proxy, url) = table().await;
    survives_behind(&proxy, &url, "stalled").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_dynamodb_causes_no_failures() {
    let (proxy, url) = table().await;
    is_only_slow_behind(&proxy, &url).await;
}

/// A response of DynamoDB.
fn reply(status: u16, code: &str, more: &str) -> String {
    let body = format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{code}"{more}}}"#);
    format!(
        "HTTP/1.1 {status} Error\r\ncontent-type: application/x-amz-json-1.0\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Under load, requests are throttled, conflict, fail or lose their responses; then nothing responds for a while.
#[tokio::test(flavor = "multi_thread")]
async fn a_dynamodb_that_rejects_requests_loses_no_acknowledged_write() {
    let (proxy, url) = table().await;
    let server = setup(&url).start();
    let client = Client::of(&server);
    let conflict = r#","CancellationReasons":[{"Code":"None"},{"Code":"TransactionConflict"}]"#;
    let conflict = reply(400, "TransactionCanceledException", conflict);
    let mut load = Load::start(client, "person");
    for fault in [
        ProxyMode::Reply(WRITE, conflict, 20),
        ProxyMode::Reply(WRITE, reply(400, "ThrottlingException", ""), 20),
        ProxyMode::Reply(READ, reply(400, "ThrottlingException", ""), 20),
        ProxyMode::Reply(WRITE, reply(500, "InternalServerError", ""), 10),
        ProxyMode::DropRequest(WRITE, 10),
        ProxyMode::DropResponse(WRITE, 10),
    ] {
        proxy.set(fault.clone()).await;
        load.does(40);
        assert!(proxy.lost() > 0, "{fault:?}");
    }
    proxy.take_down().await;
    load.is_refused(8);
    proxy.set(ProxyMode::Forward).await;
    println!("ready again {:?} later", assert_recovers(client));
    load.does(40);
    load.stop().holds(client);
}
