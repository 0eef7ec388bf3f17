//! `cargo xtask test`: everything that has to pass, in the order that tells soonest.

use std::time::Instant;

use crate::run::{cargo, run, target};
use crate::{fuzz, parsers, supply, tools};

/// Installs, formats, lints, tests, documents.
pub(crate) fn test() -> anyhow::Result<()> {
    let started = Instant::now();
    step("tools", tools::install)?;
    step("supply chain", supply::check)?;
    step("format", || run(&mut cargo(&["fmt", "--all", "--check"])))?;
    step("clippy", || {
        run(&mut cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ]))
    })?;
    // The binary that people get is the one that real clients, proxies and examples meet.
    step("release build", || {
        run(&mut cargo(&["build", "--release", "--locked"]))
    })?;
    step("tests", tests)?;
    step("fuzz", fuzz::fuzz_release)?;
    step("fuzz parsers", parsers::every_parser_shortly)?;
    step("documentation", || {
        run(cargo(&[
            "doc",
            "--workspace",
            "--no-deps",
            "--locked",
            "--document-private-items",
        ])
        .env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    println!("everything passed in {} s", started.elapsed().as_secs());
    Ok(())
}

/// What property tests begin with (proptest reads it from the environment): the same inputs on every machine
/// and at every run, so that a failure is about what was changed and can be had again. `cargo test` by hand,
/// without it, draws new ones.
const SEED: (&str, &str) = ("PROPTEST_RNG_SEED", "1");

/// What the server's own tests run on beside SQLite, which is what `--workspace` tries.
const COMBINATIONS: [&str; 3] = ["postgres", "mariadb", "postgres+redis"];

/// Parts of those tests that bring the stores they are about along: once is enough.
const ONCE: [&str; 4] = [
    "e2e::backup::",
    "e2e::doctor::",
    "e2e::moving::",
    "e2e::redis::",
];

/// By `cargo test`, not nextest: a test binary starts each database server once for all its tests,
/// and a process a test would start it for every one.
fn tests() -> anyhow::Result<()> {
    let tested = |arguments: &[&str], store: &str| {
        let started = Instant::now();
        let mut command = cargo(&["test", "--locked", "--no-fail-fast"]);
        command
            .args(arguments)
            .env(
                SEED.0,
                std::env::var_os(SEED.0).unwrap_or_else(|| SEED.1.into()),
            )
            .env("DOORWARD_TEST_STORE", store)
            .env("DOORWARD_TEST_BINARY", target().join("release/doorward"))
            .env("DOORWARD_TEST_PYTHON", tools::python());
        let outcome = run(&mut command);
        println!("-- on {store}: {} s", started.elapsed().as_secs());
        outcome
    };
    // All of them are tried, and then the first failure told: it takes a while to get here.
    let mut outcomes = vec![tested(&["--workspace"], "sqlite")];
    let mut again = vec!["--package", "doorward", "--test", "it", "--"];
    again.extend(ONCE.iter().flat_map(|part| ["--skip", part]));
    for store in COMBINATIONS {
        outcomes.push(tested(&again, store));
    }
    outcomes.into_iter().collect()
}

fn step(name: &str, task: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    let started = Instant::now();
    println!("== {name}");
    task()?;
    println!("== {name}: {} s", started.elapsed().as_secs());
    Ok(())
}
