//! `cargo xtask test`: what a contributor runs many times a day.
//!
//! Format, clippy, and every test that needs nothing but the debug build: unit tests, the store contract on
//! all databases, the API on all stores, the binary end to end, and the pages in a browser. Slow and wide
//! checks belong in `verify.rs`.

use std::ffi::OsString;
use std::num::NonZero;
use std::process::Command;

use crate::run::{cargo, run, steps, target};
use crate::tools;

/// Seed of the property tests, which read it from `PROPTEST_RNG_SEED`. A fixed seed makes a run repeatable;
/// `cargo test` by hand draws a new one each time.
const PROPTEST_SEED: &str = "1";

/// Stores that the API tests run on again, after SQLite.
const OTHER_STORES: [&str; 3] = ["postgres", "mariadb", "postgres+redis"];

/// Tests that run once, with SQLite: those that open all stores, and the end-to-end tests. `nodes` and `faults` run
/// the binary on the other stores.
const STORE_INDEPENDENT: [&str; 2] = ["e2e::", "store_matrix::"];

/// Packages whose tests belong to `cargo xtask verify`.
pub(crate) const VERIFIED_ELSEWHERE: [&str; 3] = ["xtask", "doorward-fuzz", "doorward-example"];

/// Runs every step and stops at the first that fails.
pub(crate) fn test() -> anyhow::Result<()> {
    steps(&[
        ("tools", &tools::install),
        ("format", &|| run(&mut cargo(&["fmt", "--all", "--check"]))),
        ("clippy", &clippy),
        ("tests", &tests),
    ])
}

fn clippy() -> anyhow::Result<()> {
    run(&mut cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ]))
}

/// Runs all test binaries, then reports the first failure.
///
/// `cargo test` and not nextest: a test binary starts each database server once for all its tests, and
/// nextest would start one for each test.
fn tests() -> anyhow::Result<()> {
    let mut workspace = vec!["--workspace"];
    workspace.extend(VERIFIED_ELSEWHERE.iter().flat_map(|p| ["--exclude", p]));
    let mut outcomes = vec![
        run(cargo_test("sqlite").args(workspace)),
        run(cargo_test("sqlite").args(["--package", "xtask", "--test", "house"])),
        run(cargo_test("sqlite").args(["--package", "xtask", "--test", "security"])),
    ];
    for store in OTHER_STORES {
        println!("-- API tests on {store}");
        let mut command = cargo_test(store);
        command.args(["--package", "doorward", "--test", "it", "--"]);
        command.args(STORE_INDEPENDENT.iter().flat_map(|part| ["--skip", part]));
        outcomes.push(run(&mut command));
    }
    outcomes.into_iter().collect()
}

/// `cargo test` with the server's own tests on this store, with [`test_threads`] unless the caller set a number.
fn cargo_test(store: &str) -> Command {
    let mut command = cargo(&["test", "--locked", "--no-fail-fast"]);
    set_test_environment(&mut command);
    let threads = std::env::var_os("RUST_TEST_THREADS").unwrap_or_else(test_threads);
    command
        .env("DOORWARD_TEST_STORE", store)
        .env("RUST_TEST_THREADS", threads);
    command
}

/// Sets the variables that the tests read: the random seed, unless the caller set one, and the Python
/// interpreter that has the packages of `tools.rs`.
pub(crate) fn set_test_environment(command: &mut Command) {
    let seed = std::env::var_os("PROPTEST_RNG_SEED").unwrap_or_else(|| PROPTEST_SEED.into());
    command
        .env("PROPTEST_RNG_SEED", seed)
        .env("DOORWARD_TEST_PYTHON", tools::python());
}

/// Twice the number of CPUs, since tests wait for processes and clocks more than they compute. Measured on two CPUs:
/// `faults` 71 s → 36 s, `browser` 70 s → 41 s, `nodes` 116 s → 88 s.
fn test_threads() -> OsString {
    let cpus = std::thread::available_parallelism().map_or(1, NonZero::get);
    (2 * cpus).to_string().into()
}

/// Path of the release binary, which `verify` builds and measures.
pub(crate) fn release_binary() -> std::path::PathBuf {
    target().join("release/doorward")
}
