//! `cargo xtask test`: everything that has to pass, in the order that tells soonest.

use std::time::Instant;

use crate::run::{cargo, run};
use crate::tools;

/// Installs, formats, lints, tests, documents.
pub(crate) fn test() -> anyhow::Result<()> {
    let started = Instant::now();
    step("tools", tools::install)?;
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
    step("tests", tests)?;
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

/// By `cargo test`, not nextest: a test binary starts each database server once for all its tests,
/// and a process a test would start it for every one.
fn tests() -> anyhow::Result<()> {
    let mut command = cargo(&["test", "--workspace", "--locked", "--no-fail-fast"]);
    run(command.env("DOORWARD_TEST_PYTHON", tools::python()))
}

fn step(name: &str, task: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    let started = Instant::now();
    println!("== {name}");
    task()?;
    println!("== {name}: {} s", started.elapsed().as_secs());
    Ok(())
}
