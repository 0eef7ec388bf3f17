//! `cargo xtask bench`: the first figures, each as a share of something measured in the same run.

use crate::run::{cargo, run};

/// Builds the release binary and measures it; see `crates/server/benches/figures/main.rs`.
pub(crate) fn bench() -> anyhow::Result<()> {
    run(&mut cargo(&[
        "bench",
        "--package",
        "doorward",
        "--bench",
        "figures",
        "--locked",
    ]))
}
