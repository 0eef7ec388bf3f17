//! `cargo xtask flood`: unknown clients flood the server from many addresses, and the results are printed.

use crate::run::{cargo, run};

/// Builds the release binary, or the debug one with `debug`, and floods it; see
/// `crates/server/benches/flood/main.rs`.
pub(crate) fn flood(profile: Option<String>) -> anyhow::Result<()> {
    let profile = match profile.as_deref() {
        Some("debug") => "dev",
        _ => "bench",
    };
    run(&mut cargo(&[
        "bench",
        "--package",
        "doorward",
        "--bench",
        "flood",
        "--profile",
        profile,
        "--locked",
    ]))
}
