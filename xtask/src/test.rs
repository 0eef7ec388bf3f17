//! `cargo xtask test`: what a contributor runs many times a day.
//!
//! Every check that a change is likely to fail and that needs nothing but the debug build: format, rules of the
//! repository, supply chain, clippy, rustdoc, unit tests, the store contract on all databases, the API on all stores,
//! the binary end to end, and the pages in a browser. Slow and wide checks belong in `verify.rs`.

use std::ffi::OsString;
use std::num::NonZero;
use std::process::Command;

use anyhow::Context;

use crate::run::{cargo, run, target};
use crate::steps::{EndsRun, Step};
use crate::test_output::run_tests;
use crate::{supply, tools};

/// Seed of the property tests, which read it from `PROPTEST_RNG_SEED`. A fixed seed makes a run repeatable;
/// `cargo test` by hand draws a new one each time.
const PROPTEST_SEED: &str = "1";

/// Test binaries of `xtask/tests` that read only the repository.
const REPOSITORY: [&str; 3] = ["house", "security", "supply"];

/// Tests that run once, with SQLite: those that open all stores, the end-to-end tests (`nodes` and `faults` run the
/// binary on the other stores), and those of what no store decides: pages, headers, bodies, cookies, the documents.
const STORE_INDEPENDENT: [&str; 18] = [
    "e2e::",
    "store_matrix::",
    "access_table::",
    "auth::audience_token::",
    "auth::cookie::",
    "auth::credentials::",
    "auth::return_to::",
    "body::",
    "cors::",
    "cross_site::",
    "headers::",
    "inbox::",
    "openapi::",
    "operations::",
    "pages::",
    "plain_http::",
    "proxy_paths::",
    "second_factor_walk::",
];

/// Packages whose tests belong to `cargo xtask verify`.
pub(crate) const VERIFIED_ELSEWHERE: [&str; 3] = ["xtask", "doorward-fuzz", "doorward-example"];

/// What is cheap and often forgotten comes first. `CONTRIBUTING.md` lists the exit codes.
pub(crate) const STEPS: &[Step] = &[
    Step {
        name: "tools",
        code: 10,
        run: install_tools,
    },
    Step {
        name: "format",
        code: 11,
        run: || run(&mut cargo(&["fmt", "--all", "--check"])),
    },
    Step {
        name: "supply chain",
        code: 12,
        run: supply::check,
    },
    Step {
        name: "rules of the repository",
        code: 13,
        run: repository,
    },
    Step {
        name: "links",
        code: 14,
        run: || run_tests(xtask_test("docs").arg("links::")),
    },
    Step {
        name: "clippy",
        code: 15,
        run: clippy,
    },
    Step {
        name: "rustdoc",
        code: 16,
        run: rustdoc,
    },
    Step {
        name: "build",
        code: 17,
        run: build,
    },
    Step {
        name: "telemetry documents",
        code: 18,
        run: telemetry_documents,
    },
    Step {
        name: "tests, API on SQLite",
        code: 19,
        run: || run_tests(cargo_test("sqlite").args(workspace())),
    },
    Step {
        name: "API on PostgreSQL",
        code: 20,
        run: || run_tests(&mut api_on("postgres")),
    },
    Step {
        name: "API on MariaDB",
        code: 21,
        run: || run_tests(&mut api_on("mariadb")),
    },
    Step {
        name: "API on PostgreSQL with Redis",
        code: 22,
        run: || run_tests(&mut api_on("postgres+redis")),
    },
];

/// Installs the tools of all steps.
pub(crate) fn install_tools() -> anyhow::Result<()> {
    tools::install().context(EndsRun)
}

/// Tests that read only the repository: its rules, the security page and the supply chain.
fn repository() -> anyhow::Result<()> {
    let mut command = xtask_test(REPOSITORY[0]);
    command.args(["--bin", "xtask"]);
    command.args(REPOSITORY[1..].iter().flat_map(|name| ["--test", name]));
    run_tests(&mut command)
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

/// Builds the binary and all tests of this task.
fn build() -> anyhow::Result<()> {
    let mut command = cargo(&["test", "--locked", "--no-run"]);
    run(command.args(workspace())).context(EndsRun)
}

/// The page, the alerts and the dashboard name the binary's metrics.
fn telemetry_documents() -> anyhow::Result<()> {
    run_tests(xtask_test("telemetry").arg("documents::"))
}

/// The packages whose tests belong to this task.
///
/// `cargo test` and not nextest: a test binary starts each database server once for all its tests, and
/// nextest would start one for each test.
fn workspace() -> Vec<&'static str> {
    let mut packages = vec!["--workspace"];
    packages.extend(VERIFIED_ELSEWHERE.iter().flat_map(|p| ["--exclude", p]));
    packages
}

/// A test binary of xtask. `--workspace` and not `--package xtask`, which would build the dependencies again with fewer
/// features.
fn xtask_test(name: &str) -> Command {
    let mut command = cargo_test("sqlite");
    command.args(["--workspace", "--test", name]);
    command
}

/// The API tests on a store other than SQLite.
fn api_on(store: &str) -> Command {
    let mut command = cargo_test(store);
    command.args(["--package", "doorward", "--test", "it", "--"]);
    command.args(STORE_INDEPENDENT.iter().flat_map(|part| ["--skip", part]));
    command
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
