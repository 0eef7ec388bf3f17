//! A build without the feature `aws`, which `cargo xtask verify` tests.

use std::process::Command;

use doorward_testkit::servers::doorward_binary;

use crate::outcome;

#[test]
fn a_build_without_dynamodb_says_where_to_get_it() {
    let mut check = Command::new(doorward_binary());
    check.args(["config", "check"]);
    check.env("DATABASE_URL", "dynamodb://eu-central-1/doorward");
    let refused = outcome(&mut check);
    let text = String::from_utf8_lossy(&refused.stderr) + String::from_utf8_lossy(&refused.stdout);
    assert!(!refused.status.success(), "{text}");
    assert!(text.contains("no DynamoDB"), "{text}");
    assert!(text.contains("--features aws"), "{text}");
}
