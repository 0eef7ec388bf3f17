//! A store behind a proxy, and what the proxy returns instead of the emulator.

use doorward_store_dynamo::{DynamoSettings, DynamoStore};
use doorward_testkit::http::Request;
use doorward_testkit::servers::{self, Proxy};
use serde_json::{Value, json};

/// The emulator reads the region from it, and checks no signature.
const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=emulator/20261126/local/dynamodb/aws4_request, SignedHeaders=host, Signature=0";

/// A store on a new table behind a proxy, and the URL of the table without it.
pub async fn open() -> (Proxy, DynamoStore, String) {
    let url = servers::dynamodb().await;
    let (_, address) = url.split_once("http://").unwrap();
    let proxy = Proxy::to(address.parse().unwrap()).await;
    let settings = DynamoSettings {
        url: proxy.url(&url).parse().unwrap(),
        migrate: true,
    };
    let store = DynamoStore::connect(&settings).await.unwrap();
    (proxy, store, url)
}

/// The name of a table.
pub fn table_of(url: &str) -> &str {
    let (path, _) = url.split_once("?endpoint=").unwrap();
    path.rsplit('/').next().unwrap()
}

/// All items of a table, or all entries of one of its indexes, as DynamoDB returns them.
pub async fn scan(url: &str, index: Option<String>) -> Value {
    let (_, endpoint) = url.split_once("?endpoint=").unwrap();
    let mut wanted = json!({"TableName": table_of(url)});
    if let Some(index) = index {
        wanted["IndexName"] = index.into();
    }
    let request = Request::new("POST", &format!("{endpoint}/"));
    let request = request.field("X-Amz-Target", "DynamoDB_20120810.Scan");
    let request = request.field("Authorization", SIGNED);
    let scanned = tokio::task::spawn_blocking(move || request.json(&wanted).send());
    scanned.await.unwrap().expect(200).json()
}

/// A response of DynamoDB.
pub fn response(status: u16, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} Response\r\ncontent-type: application/x-amz-json-1.0\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}
