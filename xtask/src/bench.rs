//! `cargo xtask bench`: benchmarks, each as a share of something measured in the same run.

use crate::run::{cargo, run};

/// Builds the release binary and measures it; see `crates/server/benches/benchmarks/main.rs`.
pub(crate) fn bench() -> anyhow::Result<()> {
    run(&mut cargo(&[
        "bench",
        "--package",
        "doorward",
        "--bench",
        "benchmarks",
        "--locked",
    ]))
}
