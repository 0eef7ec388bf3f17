//! The tests of all processes share their servers, so a test that changes one uses a dedicated one. Stopping and
//! pausing a server needs no check: only `DedicatedServer` can.

use doorward_testkit::repository::{root, tracked};

/// What changes more than the test's own database or keys.
const CHANGES: [&str; 13] = [
    "ALTER SYSTEM",
    "SET GLOBAL",
    "CREATE ROLE",
    "ALTER ROLE",
    "DROP ROLE",
    "CREATE USER",
    "ALTER USER",
    "DROP USER",
    "FLUSHALL",
    "FLUSHDB",
    r#""CONFIG", "SET""#,
    r#""ACL", "#,
    r#""SCRIPT", "FLUSH""#,
];

#[test]
fn a_test_that_changes_a_server_uses_a_dedicated_one() {
    let patterns = [
        "crates/*/tests/*.rs",
        "crates/*tests.rs",
        "xtask/tests/*.rs",
    ];
    let texts = tracked(&patterns).into_iter().map(|file| {
        let text = std::fs::read_to_string(root().join(&file)).unwrap();
        (file, text)
    });
    let changing: Vec<_> = texts
        .filter(|(_, text)| CHANGES.iter().any(|change| text.contains(change)))
        .collect();
    assert!(changing.len() > 3, "the words are no longer found");
    for (file, text) in changing {
        assert!(
            text.contains("dedicated_"),
            "{file} changes a server: use `dedicated_postgres` or another of `doorward_testkit::servers`"
        );
    }
}
