//! The table: created by a migration, and checked before it is used.

use doorward_domain::diagnostics::CheckStatus;
use doorward_domain::error::chain;
use doorward_domain::store::Store;
use doorward_store_dynamo::{DynamoSettings, DynamoStore, OpenError, diagnose, migrate, status};
use doorward_testkit::port::Port;
use doorward_testkit::servers::{self, Proxy, ProxyMode};

async fn settings(migrate: bool) -> DynamoSettings {
    let url = servers::dynamodb().await;
    let url = url.parse().unwrap();
    DynamoSettings { url, migrate }
}

#[tokio::test]
async fn a_migration_creates_the_table_once() {
    let settings = settings(false).await;
    let missing = DynamoStore::connect(&settings).await.err();
    assert!(
        matches!(missing, Some(OpenError::NoTable(_))),
        "{missing:?}"
    );
    let before = status(&settings).await.unwrap();
    assert!(
        before.iter().all(|step| step.applied_at.is_none()),
        "{before:?}"
    );

    // The table is created with its indexes.
    let made = migrate(&settings).await.unwrap();
    let names: Vec<_> = made.iter().map(|step| step.name.as_str()).collect();
    let expected = [
        "table",
        "time to live",
        "point-in-time recovery",
        "index entries",
    ];
    assert_eq!(names, expected);
    assert_eq!(migrate(&settings).await.unwrap(), []);
    let after = status(&settings).await.unwrap();
    assert!(
        after.iter().all(|step| step.applied_at.is_some()),
        "{after:?}"
    );
    DynamoStore::connect(&settings).await.unwrap();
}

/// The description of a table whose last index is being built.
fn building() -> String {
    let index = |slot: usize| {
        let status = ["ACTIVE", "CREATING"][usize::from(slot == 7)];
        format!(r#"{{"IndexName":"index-{slot}","IndexStatus":"{status}"}}"#)
    };
    let indexes = (0..8).map(index).collect::<Vec<_>>().join(",");
    let table = format!(r#""TableStatus":"ACTIVE","GlobalSecondaryIndexes":[{indexes}]"#);
    let body = format!(r#"{{"Table":{{{table}}}}}"#);
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

#[tokio::test]
async fn a_store_serves_while_an_index_is_being_built_and_the_status_says_so() {
    let url = servers::dynamodb().await;
    let (_, address) = url.split_once("http://").unwrap();
    let proxy = Proxy::to(address.parse().unwrap()).await;
    let settings = |url: &str, migrate| DynamoSettings {
        url: url.parse().unwrap(),
        migrate,
    };
    migrate(&settings(&url, true)).await.unwrap();
    let reply = ProxyMode::Reply("DescribeTable", building(), u32::MAX);
    proxy.set(reply).await;
    for migrates in [true, false] {
        let settings = settings(&proxy.url(&url), migrates);
        let store = DynamoStore::connect(&settings).await.unwrap();
        store.ping().await.unwrap();
        let steps = status(&settings).await.unwrap();
        let last = steps.iter().find(|step| step.name == "index-7").unwrap();
        assert!(last.applied_at.is_none(), "{steps:?}");
    }
}

#[tokio::test]
async fn the_doctor_reports_a_missing_table_and_its_settings() {
    let settings = settings(true).await;
    let examined = diagnose(&settings).await;
    assert!(!examined.is_usable);
    assert_eq!(examined.diagnostics[0].status, CheckStatus::Warning);
    migrate(&settings).await.unwrap();
    let examined = diagnose(&settings).await;
    assert!(examined.is_usable);
    let passed = |one: &doorward_domain::diagnostics::Diagnostic| one.status == CheckStatus::Passed;
    assert_eq!(examined.diagnostics.len(), 4);
    assert!(examined.diagnostics.iter().all(passed), "{examined:?}");
}

#[tokio::test]
async fn an_endpoint_that_refuses_connections_is_named_in_the_error() {
    let port = Port::free();
    let url = format!(
        "dynamodb://local/doorward?endpoint=http://127.0.0.1:{}",
        port.number
    );
    let settings = DynamoSettings {
        url: url.parse().unwrap(),
        migrate: true,
    };
    let refused = DynamoStore::connect(&settings).await.err().unwrap();
    let refused = chain(&refused);
    assert!(refused.contains("refused"), "{refused}");
}
