//! `cargo xtask bench`: benchmarks, each as a share of something measured in the same run.

use crate::run::{cargo, run};

/// Builds the release binary and measures it; see `crates/server/benches/benchmarks/main.rs`. With the arguments
/// `import USERS` it only imports this number of users, and with `aws USERS` it measures what requests cost on
/// `DynamoDB`.
pub(crate) fn bench(arguments: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let arguments: Vec<String> = arguments.collect();
    let mut bench = cargo(&[
        "bench",
        "--package",
        "doorward",
        "--bench",
        "benchmarks",
        "--locked",
    ]);
    if arguments.first().is_some_and(|what| what == "aws") {
        bench.args(["--features", "aws"]);
    }
    run(bench.arg("--").args(arguments))
}
