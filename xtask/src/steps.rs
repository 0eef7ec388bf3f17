//! The steps of `cargo xtask test` and `cargo xtask verify`: all of them run, and a table of their results comes last.
//!
//! A step that fails does not end the run, so that one run shows everything that is wrong. [`EndsRun`] is the
//! exception: without the tools or the build, the later steps would only repeat the same error.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Instant;

use crate::nextest::{TestResults, take_results};
use crate::servers;

/// A run with more tests than this that pass only at the second try fails: the tests or the product need a fix.
const MAX_FLAKY: usize = 3;
/// Exit code of that, if no step failed.
const FLAKY: u8 = 29;

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

/// A step that ran, its seconds, its tests, and its error if it failed.
struct Finished<'a> {
    step: &'a Step,
    seconds: u64,
    tests: TestResults,
    error: Option<anyhow::Error>,
}

impl Finished<'_> {
    fn result(&self) -> String {
        let Some(error) = &self.error else {
            return "passed".to_owned();
        };
        // The first line: a program's whole output can follow.
        let text = format!("{error:#}");
        format!("FAILED: {}", text.lines().next().unwrap_or_default())
    }

    fn ends_run(&self) -> bool {
        let error = self.error.as_ref();
        error.is_some_and(|error| error.downcast_ref::<EndsRun>().is_some())
    }
}

/// Runs the steps, or those with the wanted exit codes; then prints the messages of failed tests and a table of all
/// results. Returns the exit code of the task.
pub(crate) fn run_steps(steps: &[Step], wanted: impl Iterator<Item = String>) -> ExitCode {
    let wanted: Vec<String> = wanted.collect();
    let is_wanted = |step: &&Step| wanted.is_empty() || wanted.contains(&step.code.to_string());
    let steps: Vec<&Step> = steps.iter().filter(is_wanted).collect();
    if steps.len() < wanted.len() {
        eprintln!("xtask: a step is named by its exit code; CONTRIBUTING.md lists them");
        return ExitCode::from(2);
    }
    let started = Instant::now();
    let mut finished: Vec<Finished> = Vec::new();
    for step in &steps {
        finished.push(run_step(step));
        if finished.last().is_some_and(Finished::ends_run) {
            break;
        }
    }
    servers::end();
    for done in &finished {
        for (name, message) in &done.tests.failed {
            println!("\n== {}: {name}\n{message}", done.step.name);
        }
    }
    let skipped = &steps[finished.len()..];
    print!(
        "\n{}",
        table(&finished, skipped, started.elapsed().as_secs())
    );
    match failure(&finished) {
        Some((code, _)) => ExitCode::from(code),
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
        tests: take_results(),
        error,
    }
}

/// Exit code and reason of the failure: of the first step that failed, or of too many flaky tests.
fn failure<'a>(finished: &[Finished<'a>]) -> Option<(u8, &'a str)> {
    let failed = finished.iter().find(|done| done.error.is_some());
    let flaky: usize = finished.iter().map(|done| done.tests.flaky.len()).sum();
    failed
        .map(|done| (done.step.code, done.step.name))
        .or((flaky > MAX_FLAKY).then_some((FLAKY, "too many flaky tests")))
}

/// A row for each step, below it its failed and its flaky tests; then the sums and the exit code.
fn table(finished: &[Finished<'_>], skipped: &[&Step], seconds: u64) -> String {
    let mut table = format!("{:<36} {:>7}  result\n", "step", "seconds");
    let mut row = |name: &str, seconds: &str, result: &str| {
        let _ = writeln!(table, "{name:<36} {seconds:>7}  {result}");
    };
    let (mut passed, mut failed, mut flaky) = (0, 0, 0);
    for done in finished {
        row(done.step.name, &done.seconds.to_string(), &done.result());
        for (name, _) in &done.tests.failed {
            row("", "", &format!("  {name}"));
        }
        for name in &done.tests.flaky {
            row("", "", &format!("  flaky: {name}"));
        }
        passed += done.tests.passed;
        failed += done.tests.failed.len();
        flaky += done.tests.flaky.len();
    }
    for step in skipped {
        row(step.name, "-", "did not run");
    }
    let result = match failure(finished) {
        Some((code, name)) => format!("FAILED, exit code {code} ({name})"),
        None => "passed".to_owned(),
    };
    row("all", &seconds.to_string(), &result);
    let _ = writeln!(
        table,
        "{passed} tests passed, {flaky} of them flaky, {failed} failed"
    );
    table
}

#[cfg(test)]
mod tests {
    use super::*;
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
        let mut codes: Vec<u8> = steps.map(|step| step.code).chain([FLAKY]).collect();
        codes.sort_unstable();
        assert_eq!(listed, codes);
    }

    /// A new test binary of xtask runs in a step. Those of the other packages run without being named.
    #[test]
    fn each_test_binary_of_xtask_is_in_a_step() {
        let steps = [include_str!("test.rs"), include_str!("verify.rs")].concat();
        for folder in std::fs::read_dir(root().join("xtask/tests")).unwrap() {
            let name = folder.unwrap().file_name().into_string().unwrap();
            assert!(steps.contains(&format!("binary({name})")), "{name}");
        }
    }

    #[test]
    fn flaky_tests_are_in_the_table_and_more_than_three_fail_the_run() {
        let step = Step {
            name: "tests",
            code: 20,
            run: || Ok(()),
        };
        let mut done = Finished {
            step: &step,
            seconds: 7,
            tests: TestResults::default(),
            error: None,
        };
        done.tests.passed = 9;
        done.tests.flaky = ["a", "b", "c"].map(str::to_owned).into();
        assert!(failure(std::slice::from_ref(&done)).is_none());
        done.tests.flaky.push("d".to_owned());
        let table = table(&[done], &[], 7);
        assert!(table.contains("flaky: d"), "{table}");
        assert!(table.contains("FAILED, exit code 29"), "{table}");
        assert!(table.contains("9 tests passed, 4 of them flaky"), "{table}");
    }
}
