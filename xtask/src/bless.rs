//! `cargo xtask bless`: writes every generated file.
//!
//! A test named `*_is_up_to_date` compares each of them with the code, and writes it when `BLESS` is set
//! (`assert_generated` of the testkit). To add a file, write such a test in one of the packages and test binaries below.

use crate::run::{cargo, run};
use crate::supply;

/// The packages and test binaries with these tests.
const TESTS: [&str; 11] = [
    "--package",
    "doorward",
    "--package",
    "doorward-web",
    "--package",
    "xtask",
    "--lib",
    "--test",
    "security",
    "--test",
    "telemetry",
];

/// Writes the files. `git diff` then shows what changed.
pub(crate) fn bless() -> anyhow::Result<()> {
    supply::bless()?;
    // One of the tests starts the binary.
    run(&mut cargo(&["build", "--locked"]))?;
    let mut tests = cargo(&["test", "--locked", "--quiet", "--no-fail-fast"]);
    tests.args(TESTS).args(["--", "is_up_to_date"]);
    run(tests.env("BLESS", "1"))
}
