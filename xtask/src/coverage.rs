//! `cargo xtask coverage`: the share of source lines that the tests run, measured by cargo-tarpaulin.

use anyhow::Context;

use crate::run::{cargo, has, root, run, target};
use crate::test::set_test_environment;
use crate::tools;

/// Version of cargo-tarpaulin. It reads LLVM's profiles itself and needs no extra toolchain component.
const TARPAULIN: &str = "0.37.5";

/// Installs tarpaulin if it is missing, runs the crates' tests on SQLite with it, and prints the share.
///
/// The binary is followed too, so that end-to-end tests count.
pub(crate) fn coverage() -> anyhow::Result<()> {
    tools::install()?;
    let folder = target().join("tools/tarpaulin");
    let program = folder.join("bin/cargo-tarpaulin");
    if !program.is_file() && !has("cargo-tarpaulin") {
        let mut install = cargo(&["install", "--locked", "--version", TARPAULIN]);
        install.arg("--root").arg(&folder).arg("cargo-tarpaulin");
        run(&mut install).context("cannot install cargo-tarpaulin")?;
    }
    let mut command = if program.is_file() {
        let mut command = std::process::Command::new(program);
        command.arg("tarpaulin").current_dir(root());
        command
    } else {
        cargo(&["tarpaulin"])
    };
    set_test_environment(&mut command);
    command
        .args(["--engine", "llvm", "--follow-exec", "--skip-clean"])
        .args(["--workspace", "--exclude", "xtask"])
        .args([
            "--exclude",
            "doorward-fuzz",
            "--exclude",
            "doorward-example",
        ])
        .args(["--include-files", "crates/*/src/*"])
        .args(["--exclude-files", "crates/testkit/*"])
        .args(["--timeout", "1200", "--no-fail-fast", "--out", "Json"])
        .arg("--target-dir")
        .arg(target().join("coverage"))
        .arg("--output-dir")
        .arg(target().join("coverage"));
    run(&mut command)
}
