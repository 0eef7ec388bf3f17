//! DynamoDB, on the emulator: the binary creates its table, and accounts outlive the process.

use doorward_testkit::servers;
use serde_json::json;

use super::Setup;
use crate::support::PASSWORD;

/// A table that does not exist yet.
fn setup() -> Setup {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let url = runtime.unwrap().block_on(servers::dynamodb());
    Setup::on_a_file()
        .with("DATABASE_URL", &url)
        // Tokens name it, and the next process has another port.
        .with("DOORWARD_PUBLIC_URL", "http://localhost:8000")
        .with("ADMIN_PASSWORD", PASSWORD)
}

#[test]
fn accounts_and_sessions_are_in_the_table() {
    let setup = setup();
    let server = setup.start();
    let body = json!({"username": "ben", "password": PASSWORD});
    server.post("/user", body).expect(201);
    let token = server.sign_in("ben", PASSWORD);
    server.stop();

    let server = setup.start();
    server.send("GET", "/auth", Some(&token), None).expect(200);
    server
        .send("DELETE", "/auth", Some(&token), None)
        .expect(204);
    server.send("GET", "/auth", Some(&token), None).expect(401);
    server.sign_in("ben", PASSWORD);
    server.stop();
    assert!(!setup.data_dir().join("doorward.db").exists());
}

#[test]
fn a_server_that_must_not_migrate_asks_for_the_table() {
    let setup = setup();
    let by_hand = setup.clone().with("DOORWARD_DATABASE__MIGRATE", "false");
    let outcome = by_hand.run(&["serve"]).expect(1);
    assert!(outcome.err.contains("doorward migrate"), "{}", outcome.err);
    setup.run(&["migrate"]).expect(0);
    let status = setup.run(&["migrate", "status"]).expect(0);
    assert!(!status.out.contains("pending"), "{}", status.out);
    drop(by_hand.start());
}

#[test]
fn backups_are_those_of_dynamodb() {
    let refused = setup().run(&["backup", "copy.db"]).expect(1);
    assert!(refused.err.contains("point-in-time"), "{}", refused.err);
}
