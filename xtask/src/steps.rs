//! The steps of `cargo xtask test` and `cargo xtask verify`: all of them run, and a table of their results comes last.
//!
//! A step that fails does not end the run, so that one run shows everything that is wrong. [`EndsRun`] is the
//! exception: without the tools or the build, the later steps would only repeat the same error.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Instant;

use crate::test_output::{FailedTests, passed_tests};

/// A step of a task.
pub(crate) struct Step {
    /// Its name in the table.
    pub(crate) name: &'static str,
    /// Exit code of the task if this is the first step that fails; unique among the steps of all tasks.
    pub(crate) code: u8,
    /// Runs it.
    pub(crate) run: fn() -> anyhow::Result<()>,
}

/// The mark of an error after which no other step runs.
#[derive(Debug)]
pub(crate) struct EndsRun;

impl std::fmt::Display for EndsRun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the later steps cannot run")
    }
}

/// A step that ran, its seconds, and its error if it failed.
struct Finished<'a> {
    step: &'a Step,
    seconds: u64,
    error: Option<anyhow::Error>,
}

impl Finished<'_> {
    fn failed_tests(&self) -> Option<&FailedTests> {
        self.error.as_ref()?.downcast_ref()
    }

    fn result(&self) -> String {
        match (&self.error, self.failed_tests()) {
            (None, _) => "passed".to_owned(),
            (_, Some(tests)) => format!("FAILED: {} tests", tests.names.len()),
            // The first line: a program's whole output can follow.
            (Some(error), None) => {
                let text = format!("{error:#}");
                format!("FAILED: {}", text.lines().next().unwrap_or_default())
            }
        }
    }
}

/// Runs the steps, then prints the messages of failed tests and a table of all results. Returns the exit code of the
/// task.
pub(crate) fn run_steps(steps: &[Step]) -> ExitCode {
    let started = Instant::now();
    let mut finished = Vec::new();
    for step in steps {
        finished.push(run_step(step));
        let error = finished.last().and_then(|last| last.error.as_ref());
        if error.is_some_and(|error| error.downcast_ref::<EndsRun>().is_some()) {
            break;
        }
    }
    for done in &finished {
        if let Some(tests) = done.failed_tests() {
            println!("\n== messages of failed tests: {}", done.step.name);
            println!("{}", tests.messages.join("\n"));
        }
    }
    let skipped = &steps[finished.len()..];
    print!(
        "\n{}",
        table(&finished, skipped, started.elapsed().as_secs())
    );
    match finished.iter().find(|last| last.error.is_some()) {
        Some(first) => ExitCode::from(first.step.code),
        None => ExitCode::SUCCESS,
    }
}

fn run_step(step: &Step) -> Finished<'_> {
    println!("== {}", step.name);
    let started = Instant::now();
    let error = (step.run)().err();
    let seconds = started.elapsed().as_secs();
    match &error {
        Some(error) => println!("== {}: {seconds} s, FAILED: {error:#}", step.name),
        None => println!("== {}: {seconds} s", step.name),
    }
    Finished {
        step,
        seconds,
        error,
    }
}

/// A row for each step, below it its failed tests; then the sums and the exit code.
fn table(finished: &[Finished<'_>], skipped: &[Step], seconds: u64) -> String {
    let mut table = format!("{:<36} {:>7}  result\n", "step", "seconds");
    let mut row = |name: &str, seconds: &str, result: &str| {
        let _ = writeln!(table, "{name:<36} {seconds:>7}  {result}");
    };
    for done in finished {
        row(done.step.name, &done.seconds.to_string(), &done.result());
        for name in done.failed_tests().iter().flat_map(|tests| &tests.names) {
            row("", "", &format!("  {name}"));
        }
    }
    for step in skipped {
        row(step.name, "-", "did not run");
    }
    let failed: usize = finished
        .iter()
        .filter_map(|last| Some(last.failed_tests()?.names.len()))
        .sum();
    let first = finished.iter().find(|last| last.error.is_some());
    row(
        "all",
        &seconds.to_string(),
        &match first {
            Some(first) => format!(
                "FAILED, exit code {} ({})",
                first.step.code, first.step.name
            ),
            None => "passed".to_owned(),
        },
    );
    let _ = writeln!(table, "{} passed, {failed} failed", passed_tests());
    table
}

#[cfg(test)]
mod tests {
    use crate::run::root;
    use crate::{test, verify};

    /// A program that reads the exit code knows the step.
    #[test]
    fn each_step_has_its_own_exit_code_in_the_table_of_contributing() {
        let page = std::fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap();
        let (_, table) = page.split_once("| code | step of `test` |").unwrap();
        let (table, _) = table.split_once("\n\n").unwrap();
        let numbers = table.split(|c: char| !c.is_ascii_digit());
        let mut listed: Vec<u8> = numbers.filter_map(|number| number.parse().ok()).collect();
        listed.sort_unstable();
        let steps = test::STEPS.iter().chain(verify::STEPS);
        let codes: Vec<u8> = steps.map(|step| step.code).collect();
        assert_eq!(listed, codes);
    }
}
