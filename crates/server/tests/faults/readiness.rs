//! A server that responds but is not ready: its schema was removed.

use std::time::{Duration, Instant};

use doorward_testkit::servers::{
    MariadbOptions, PostgresOptions, dedicated_mariadb, dedicated_postgres,
};

use crate::client::{Client, PASSWORD};
use crate::database::{assert_recovers, setup};

/// Waits until `/readyz` reports the database as down.
#[track_caller]
pub fn assert_reported_down(client: Client) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while is_ready(client) {
        assert!(Instant::now() < deadline, "it is still called ready");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// Returns what `/readyz` reports. If it is not ready, it must name the database.
#[track_caller]
pub fn is_ready(client: Client) -> bool {
    let reply = client.send("GET", "/readyz", None, None).unwrap();
    if reply.status != 503 {
        return true;
    }
    let problem = reply.json();
    assert_eq!(problem["code"], "store-unavailable");
    let detail = problem["detail"].as_str().unwrap();
    // Sessions are in the same file, and the second of the two probes may fail alone.
    assert!(
        detail.contains("database") || detail.contains("session store"),
        "{detail}"
    );
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_schema_is_reported_and_recovers() {
    let server = dedicated_postgres(PostgresOptions::default()).await;
    let node = setup(&server.url()).start();
    let client = Client::of(&node);
    client.sign_up("early").done();
    server.query("ALTER SCHEMA public RENAME TO aside").await;
    assert_reported_down(client);
    server.query("ALTER SCHEMA aside RENAME TO public").await;
    assert_recovers(client);
    assert!(client.knows("early", PASSWORD));

    let server = dedicated_mariadb(MariadbOptions::default()).await;
    let node = setup(&server.url()).start();
    let client = Client::of(&node);
    client.sign_up("early").done();
    server.query("RENAME TABLE pings TO aside").await;
    assert_reported_down(client);
    server.query("RENAME TABLE aside TO pings").await;
    assert_recovers(client);
    assert!(client.knows("early", PASSWORD));
}
