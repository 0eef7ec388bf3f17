//! `cargo xtask coverage`: the share of source lines that the tests run, measured by cargo-tarpaulin.

use anyhow::Context;

use crate::nextest::set_test_environment;
use crate::run::{cargo, has, root, run, target};
use crate::tools;

/// Version of cargo-tarpaulin. It reads LLVM's profiles itself and needs no extra toolchain component.
const TARPAULIN: &str = "0.37.5";

/// Packages without code of the product.
const EXCLUDED: [&str; 3] = ["xtask", "doorward-fuzz", "doorward-example"];
/// Test binaries that run the code in their own process. The others start the binary, which is not followed: that
/// takes hours.
const IN_PROCESS: [&str; 2] = ["it", "smtp"];

/// Installs tarpaulin if it is missing, runs the in-process tests with SQLite for the API, and prints the share.
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
        .env("DOORWARD_TEST_STORE", "sqlite")
        .args(["--engine", "llvm", "--skip-clean", "--workspace"])
        .args(EXCLUDED.iter().flat_map(|p| ["--exclude", p]))
        .arg("--lib")
        .args(IN_PROCESS.iter().flat_map(|name| ["--test", name]))
        .args(["--include-files", "crates/*/src/*"])
        .args(["--exclude-files", "crates/testkit/*"])
        .args(["--timeout", "1200", "--no-fail-fast", "--out", "Json"])
        .arg("--target-dir")
        .arg(target().join("coverage"))
        .arg("--output-dir")
        .arg(target().join("coverage"))
        // The tests search Valkey next to the test binary, which is in another target folder here.
        .args([
            "--", "--skip", "e2e::", "--skip", "faults::", "--skip", "valkey::",
        ]);
    run(&mut command)
}
