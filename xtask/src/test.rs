//! `cargo xtask test`: everything that has to pass, in the order that tells soonest.

use std::time::Instant;

use crate::run::{cargo, has, run, target};
use crate::tools;

/// Installs, formats, lints, tests, documents.
pub(crate) fn test() -> anyhow::Result<()> {
    let started = Instant::now();
    step("tools", tools::install)?;
    step("format", || run(&mut cargo(&["fmt", "--all", "--check"])))?;
    step("clippy", || run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])))?;
    step("tests", tests)?;
    step("documentation", || {
        run(cargo(&["doc", "--workspace", "--no-deps", "--locked", "--document-private-items"]).env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    println!("everything passed in {} s", started.elapsed().as_secs());
    Ok(())
}

fn tests() -> anyhow::Result<()> {
    // nextest gives each test a process of its own and runs the slow ones first.
    let mut command = if has("cargo-nextest") {
        cargo(&["nextest", "run", "--workspace", "--locked", "--no-fail-fast"])
    } else {
        cargo(&["test", "--workspace", "--locked", "--no-fail-fast"])
    };
    command.env("DOORWARD_TEST_PYTHON", tools::python()).env("CARGO_TARGET_DIR", target());
    run(&mut command)
}

fn step(name: &str, task: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    let started = Instant::now();
    println!("== {name}");
    task()?;
    println!("== {name}: {} s", started.elapsed().as_secs());
    Ok(())
}
