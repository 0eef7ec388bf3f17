//! `cargo xtask bench`: benchmarks, each as a share of something measured in the same run.

use crate::run::{cargo, run};

/// Builds the release binary and measures it; see `crates/server/benches/benchmarks/main.rs`. With the arguments
/// `import USERS` it only imports this number of users.
pub(crate) fn bench(arguments: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let mut bench = cargo(&[
        "bench",
        "--package",
        "doorward",
        "--bench",
        "benchmarks",
        "--locked",
        "--",
    ]);
    run(bench.args(arguments))
}
