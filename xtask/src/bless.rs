//! `cargo xtask bless`: writes every generated file.
//!
//! A test named `*_is_up_to_date` compares each of them with the code, and writes it when `BLESS` is set
//! (`assert_generated` of the testkit). To add a file, write such a test in a library or one of the test binaries below.

use crate::nextest::PACKAGES;
use crate::run::{cargo, run};
use crate::supply;

/// The test binaries with these tests, beside the libraries.
const TESTS: [&str; 5] = ["--lib", "--test", "security", "--test", "telemetry"];

/// Writes the files. `git diff` then shows what changed.
pub(crate) fn bless() -> anyhow::Result<()> {
    supply::bless()?;
    // One of the tests starts the binary.
    run(cargo(&["build", "--locked"]).args(PACKAGES))?;
    let mut tests = cargo(&["test", "--locked", "--quiet", "--no-fail-fast"]);
    tests.args(PACKAGES).args(TESTS);
    tests.args(["--", "is_up_to_date"]);
    run(tests.env("BLESS", "1"))
}
