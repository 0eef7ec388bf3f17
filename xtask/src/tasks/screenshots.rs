//! `cargo xtask screenshots`: takes the pictures of the README, with a throwaway server whose clock always shows the same time.

use crate::nextest::{nextest, run_tests};
use crate::tools;

/// Writes `docs/images`.
pub(crate) fn screenshots() -> anyhow::Result<()> {
    tools::install()?;
    let mut command = nextest("binary(browser) & test(/^pictures::/)");
    run_tests(command.args(["--run-ignored", "only"]))
}
