//! A remote database: each statement is slow, and a write has a time limit.

use std::time::Duration;

use doorward_testkit::servers::{PostgresOptions, Proxy, ProxyMode, dedicated_postgres};
use serde_json::{Value, json};

use super::rejects::user;
use super::{HEADER, import, new_setup};

/// Enough users for a single write to exceed the time limit.
const MANY: usize = 250;

#[test]
fn an_import_over_a_slow_connection_succeeds() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let postgres = runtime.block_on(dedicated_postgres(PostgresOptions::default()));
    let proxy = runtime.block_on(Proxy::to(postgres.address()));
    let lines: Vec<String> = (0..MANY).map(|number| user(number).to_string()).collect();
    let setup = new_setup()
        .with("DATABASE_URL", &proxy.url(&postgres.url()))
        .file("users.jsonl", &format!("{HEADER}{}\n", lines.join("\n")));
    setup.run(&["migrate"]).expect(0);
    let setup = setup.with("DOORWARD_DATABASE__STATEMENT_TIMEOUT_SECONDS", "1");
    runtime.block_on(proxy.set(ProxyMode::Slow(Duration::from_millis(40))));
    let (summary, report) = import(&setup, &["users.jsonl"], 0);
    assert_eq!(
        (&summary["imported"], &summary["already_exists"]),
        (&json!(MANY), &json!(0))
    );
    assert_eq!(report, Vec::<Value>::new());
    // Each write has an audit event: a single one would prove nothing, and one for each user would be no batch.
    let query = "SELECT count(*) FROM audit_events WHERE detail LIKE '% imported from doorward'";
    let writes = runtime.block_on(postgres.query(query));
    let writes: usize = writes.trim().parse().unwrap();
    assert!((2..MANY).contains(&writes), "{writes} writes");
}
