//! `cargo xtask verify`: the slow, wide checks, which CI runs after `cargo xtask test`.
//!
//! They test the release binary from outside: other programs' clients, proxies and linters, the commands of every
//! documentation page, the fuzzers, the supply chain, and an upgrade from the previous release.

use crate::run::{cargo, run, steps};
use crate::test::{release_binary, set_test_environment};
use crate::{fuzz, fuzz_parsers, supply, tools, upgrade};

/// Test binaries of `xtask/tests` that run here. `house` and `security` read only the sources and run in
/// `cargo xtask test`.
const OUTSIDE: [&str; 8] = [
    "clients",
    "commands",
    "deploy",
    "docs",
    "proxies",
    "services",
    "supply",
    "telemetry",
];

/// Runs every step and stops at the first that fails.
pub(crate) fn verify() -> anyhow::Result<()> {
    steps(&[
        ("tools", &tools::install),
        ("supply chain", &supply::check),
        ("release build", &|| {
            run(&mut cargo(&["build", "--release", "--locked"]))
        }),
        ("clients, proxies, documentation", &outside),
        ("API fuzzing", &fuzz::fuzz_release),
        ("parser fuzzing", &fuzz_parsers::every_parser_shortly),
        ("upgrade", &upgrade::upgrade),
        ("rustdoc", &rustdoc),
    ])
}

fn outside() -> anyhow::Result<()> {
    let mut command = cargo(&["test", "--locked", "--no-fail-fast"]);
    set_test_environment(&mut command);
    command
        .env("DOORWARD_TEST_BINARY", release_binary())
        .args(["--package", "xtask", "--package", "doorward-example"])
        .args(["--bins"])
        .args(OUTSIDE.iter().flat_map(|name| ["--test", name]));
    run(&mut command)?;
    // The fuzzers' seeds, replayed without a fuzzer.
    run(&mut cargo(&[
        "test",
        "--locked",
        "--package",
        "doorward-fuzz",
    ]))
}

fn rustdoc() -> anyhow::Result<()> {
    run(cargo(&[
        "doc",
        "--workspace",
        "--no-deps",
        "--locked",
        "--document-private-items",
    ])
    .env("RUSTDOCFLAGS", "-D warnings"))
}
