//! Runs tests with cargo-nextest, each in a separate process, and remembers the results.
//!
//! `.config/nextest.toml` has the limits, groups and retries. The results are lines of JSON on its standard output, in
//! the format of `libtest`; the version of nextest is pinned, since that format is experimental. What it prints for
//! people is on its error output.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::num::NonZero;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, anyhow, bail};
use serde_json::Value;

use crate::run::{in_workspace, shown};
use crate::steps::EndsRun;
use crate::tools;

/// Seed of the property tests, which read it from `PROPTEST_RNG_SEED`. A fixed seed makes a run repeatable;
/// `cargo test` by hand draws a new one each time.
const PROPTEST_SEED: &str = "1";
/// Maximum number of message lines shown again for each failed test: the last ones.
const MAX_MESSAGE_LINES: usize = 150;
/// The packages with tests, and the features of a released binary. Others would add features, and naming single packages
/// would take some away; in both cases the dependencies would be built again.
pub(crate) const PACKAGES: [&str; 7] = [
    "--workspace",
    "--exclude",
    "doorward-example",
    "--exclude",
    "doorward-fuzz",
    "--features",
    "doorward/aws",
];
/// Nextest's exit code if the tests do not compile.
const BUILD_FAILED: i32 = 101;

/// Results of tests.
#[derive(Debug, Default)]
pub(crate) struct TestResults {
    /// Number of tests that passed, flaky ones included.
    pub(crate) passed: usize,
    /// Each failed test and its output.
    pub(crate) failed: Vec<(String, String)>,
    /// The tests that failed, and passed at the second try.
    pub(crate) flaky: Vec<String>,
}

/// Results since the last call of [`take_results`].
static RESULTS: Mutex<TestResults> = Mutex::new(TestResults {
    passed: 0,
    failed: Vec::new(),
    flaky: Vec::new(),
});

/// Returns the results of the tests that ran since the last call.
pub(crate) fn take_results() -> TestResults {
    std::mem::take(&mut *RESULTS.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Nextest with the tests that match the filter. It builds the targets that are added to the command, or else all.
pub(crate) fn nextest(filter: &str) -> Command {
    let mut command = nextest_run();
    command.args(PACKAGES).args(["--filterset", filter]);
    command
}

/// `cargo nextest run` without a choice of tests.
pub(crate) fn nextest_run() -> Command {
    let mut command = Command::new(tools::program("cargo-nextest"));
    in_workspace(&mut command);
    set_test_environment(&mut command);
    command.args([
        "nextest",
        "run",
        "--locked",
        "--message-format",
        "libtest-json",
    ]);
    let threads = std::env::var_os("NEXTEST_TEST_THREADS").unwrap_or_else(test_threads);
    command
        .env("NEXTEST_EXPERIMENTAL_LIBTEST_JSON", "1")
        .env("NEXTEST_TEST_THREADS", threads);
    command
}

/// Sets the variables that the tests read: the random seed, unless the caller set one, and the Python interpreter that
/// has the packages of `tools.rs`.
pub(crate) fn set_test_environment(command: &mut Command) {
    let seed = std::env::var_os("PROPTEST_RNG_SEED").unwrap_or_else(|| PROPTEST_SEED.into());
    command
        .env("PROPTEST_RNG_SEED", seed)
        .env("DOORWARD_TEST_PYTHON", tools::python());
}

/// Three times the number of CPUs, since many tests wait for processes and clocks more than they compute.
fn test_threads() -> OsString {
    let cpus = std::thread::available_parallelism().map_or(1, NonZero::get);
    (3 * cpus).to_string().into()
}

/// Runs nextest. Fails if a test fails, and with [`EndsRun`] if the tests do not compile.
pub(crate) fn run_tests(command: &mut Command) -> anyhow::Result<()> {
    let shown = shown(command);
    println!("$ {shown}");
    let started = command.stdout(Stdio::piped()).spawn();
    let mut child = started.with_context(|| format!("cannot run {shown}"))?;
    let output = child.stdout.take().context("it was piped")?;
    let mut own = TestResults::default();
    for line in BufReader::new(output).lines() {
        own.read(&serde_json::from_str(&line?).context("nextest's output is JSON")?);
    }
    let (passed, failed) = (own.passed, own.failed.len());
    let mut results = RESULTS.lock().unwrap_or_else(PoisonError::into_inner);
    results.passed += passed;
    results.failed.extend(own.failed);
    results.flaky.extend(own.flaky);
    match child.wait()?.code() {
        Some(BUILD_FAILED) => Err(anyhow!("failed to compile: {shown}").context(EndsRun)),
        Some(0) if passed > 0 => Ok(()),
        // Nextest itself failed, or its format is another one.
        _ if failed == 0 => bail!("failed: {shown}"),
        _ => bail!("failed tests: {failed}"),
    }
}

impl TestResults {
    /// Reads a line of the output.
    fn read(&mut self, event: &Value) {
        let text = |key: &str| event[key].as_str().unwrap_or_default();
        // `package::binary$test`, with the number of tries if there were several: `package::binary$test#2`.
        let full = text("name").replacen('$', " ", 1);
        let (name, was_retried) = match full.rsplit_once('#') {
            Some((name, _)) => (name.to_owned(), true),
            None => (full, false),
        };
        match (text("type"), text("event")) {
            ("test", "ok") => {
                self.passed += 1;
                self.flaky.extend(was_retried.then_some(name));
            }
            ("test", "failed") => {
                let reason = [text("reason"), text("stdout")].concat();
                let lines: Vec<_> = reason.lines().collect();
                let omitted = lines.len().saturating_sub(MAX_MESSAGE_LINES);
                let mut message = lines[omitted..].join("\n");
                if omitted > 0 {
                    message = format!("… {omitted} lines omitted; the log has them\n{message}");
                }
                self.failed.push((name, message));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn failed_and_flaky_tests_are_named_with_their_binary() {
        let mut results = TestResults::default();
        for event in [
            json!({"type": "suite", "event": "started", "test_count": 4}),
            json!({"type": "test", "event": "started", "name": "doorward::it$a::b"}),
            json!({"type": "test", "event": "ok", "name": "doorward::it$a::b", "exec_time": 0.1}),
            json!({"type": "test", "event": "ok", "name": "doorward::it$a::c#2"}),
            json!({"type": "test", "event": "failed", "name": "xtask::docs$d#2", "stdout": "gone\n"}),
            json!({"type": "test", "event": "failed", "name": "xtask::docs$e", "reason": "time limit exceeded"}),
            json!({"type": "suite", "event": "failed", "passed": 2, "failed": 2}),
        ] {
            results.read(&event);
        }
        let failed = |name: &str, message: &str| (name.to_owned(), message.to_owned());
        assert_eq!(results.passed, 2);
        assert_eq!(results.flaky, ["doorward::it a::c"]);
        assert_eq!(
            results.failed,
            [
                failed("xtask::docs d", "gone"),
                failed("xtask::docs e", "time limit exceeded")
            ]
        );
    }
}
