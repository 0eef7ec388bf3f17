//! Runs `cargo test`, shows its output, and remembers which tests failed and what they printed.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, anyhow, bail};

use crate::run::shown;
use crate::steps::EndsRun;

/// Maximum number of message lines shown again for each test binary: the last ones.
const MAX_MESSAGES: usize = 150;

/// Number of tests that passed since the start of this program.
static PASSED: AtomicUsize = AtomicUsize::new(0);

/// Returns the number of tests that passed since the start of this program.
pub(crate) fn passed_tests() -> usize {
    PASSED.load(Ordering::Relaxed)
}

/// The failed tests of a run of `cargo test`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct FailedTests {
    /// Name of each, with the name of its binary: `it: sign_up::a_user_signs_up`.
    pub(crate) names: Vec<String>,
    /// What they printed.
    pub(crate) messages: Vec<String>,
}

impl std::fmt::Display for FailedTests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "failed tests: {}", self.names.join(", "))
    }
}

impl std::error::Error for FailedTests {}

/// Runs `cargo test`. Fails with [`FailedTests`], and with [`EndsRun`] if the tests do not compile.
pub(crate) fn run_tests(command: &mut Command) -> anyhow::Result<()> {
    let shown = shown(command);
    println!("$ {shown}");
    // One pipe for both, since the names of the binaries are on the error output.
    let (reader, writer) = std::io::pipe()?;
    command.stdout(writer.try_clone()?).stderr(writer);
    let started = command.spawn();
    // The command would keep the pipe open.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = started.with_context(|| format!("cannot run {shown}"))?;
    let mut output = Output::default();
    for line in BufReader::new(reader).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        println!("{line}");
        output.read(&line);
    }
    PASSED.fetch_add(output.passed, Ordering::Relaxed);
    if child.wait()?.success() {
        return Ok(());
    }
    if output.is_build_error {
        return Err(anyhow!("failed to compile: {shown}").context(EndsRun));
    }
    if output.failed.names.is_empty() {
        // A test binary that crashed names no test.
        bail!("failed: {shown}");
    }
    Err(output.failed.into())
}

/// State of the parsed output.
#[derive(Default)]
struct Output {
    /// The running test binary.
    binary: String,
    /// Lines since the heading `failures:` of this binary.
    messages: Vec<String>,
    /// Names since the last heading `failures:`. The list of names has the second such heading.
    names: Vec<String>,
    is_in_failures: bool,
    failed: FailedTests,
    passed: usize,
    is_build_error: bool,
}

impl Output {
    fn read(&mut self, line: &str) {
        if let Some((_, file)) = line
            .trim_start()
            .strip_prefix("Running ")
            .and_then(|rest| rest.rsplit_once('/'))
        {
            // The file name ends in a digest.
            let name = file.rsplit_once('-').map_or(file, |(name, _)| name);
            name.clone_into(&mut self.binary);
        }
        if line.starts_with("error: could not compile") {
            self.is_build_error = true;
        }
        if line == "failures:" {
            self.is_in_failures = true;
            self.names.clear();
        }
        if let Some(result) = line.strip_prefix("test result: ") {
            self.passed += count(result, " passed");
            self.end_binary();
        }
        if self.is_in_failures {
            self.messages.push(line.to_owned());
            self.names
                .extend(line.strip_prefix("    ").map(str::to_owned));
        }
    }

    fn end_binary(&mut self) {
        let omitted = self.messages.len().saturating_sub(MAX_MESSAGES);
        if omitted > 0 {
            let note = format!("… {omitted} lines omitted; the log has them");
            self.failed.messages.push(note);
        }
        let names = self.names.drain(..);
        let named = names.map(|name| format!("{}: {name}", self.binary));
        self.failed.names.extend(named);
        self.failed.messages.extend(self.messages.drain(omitted..));
        self.messages.clear();
        self.is_in_failures = false;
    }
}

/// The number before a word, as in `ok. 12 passed; 0 failed`.
fn count(result: &str, word: &str) -> usize {
    let before = result.split_once(word).map(|(before, _)| before);
    let number = before.and_then(|before| before.rsplit(' ').next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Output {
        let mut output = Output::default();
        for line in text.lines() {
            output.read(line);
        }
        output
    }

    #[test]
    fn failed_tests_are_named_with_their_binary_and_messages() {
        let output = read(
            "     Running tests/it/main.rs (/target/debug/deps/it-0a1b2c)
running 3 tests
test a ... ok
test b ... FAILED
test c ... FAILED

failures:

---- b stdout ----
    left: 1
---- c stdout ----
gone

failures:
    b
    c

test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

     Running unittests src/lib.rs (/target/debug/deps/doorward_domain-0a1b2c)
running 1 test
test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        );
        assert_eq!(output.failed.names, ["it: b", "it: c"]);
        assert_eq!(output.failed.messages[2], "---- b stdout ----");
        assert_eq!(output.passed, 2);
        assert!(!output.is_build_error);
    }

    #[test]
    fn a_build_error_is_recognised() {
        let output =
            read("error: could not compile `doorward-domain` (lib) due to 1 previous error");
        assert!(output.is_build_error);
    }
}
