//! `cargo xtask repeat`: the races and kills of T-RACE and T-POWER as often as those requirements ask. The
//! test command repeats them fewer times, since this takes an hour or more.

use crate::nextest::{nextest, run_tests};
use crate::{servers, tools};

/// Test binary, store, test filter, and number of repetitions.
const RUNS: [(&str, &str, &str, &str); 8] = [
    ("it", "sqlite", "races::", "100"),
    ("it", "postgres", "races::", "100"),
    ("it", "mariadb", "races::", "100"),
    ("it", "postgres+redis", "races::", "100"),
    ("nodes", "sqlite", "races::", "100"),
    ("it", "sqlite", "e2e::crash::", "200"),
    ("it", "postgres", "e2e::crash::", "200"),
    ("nodes", "sqlite", "kills::", "200"),
];

/// Runs all of them, then reports the first failure.
pub(crate) fn repeat() -> anyhow::Result<()> {
    tools::install()?;
    let mut outcomes = Vec::new();
    for (binary, store, tests, repetitions) in RUNS {
        let filter = format!("binary_id(doorward::{binary}) & test(/^{tests}/)");
        let mut command = nextest(&filter);
        servers::lend(&mut command)?;
        // One test repeats all, so it has no time limit.
        command
            .args(["--profile", "repeat"])
            .env("DOORWARD_TEST_STORE", store)
            .env("DOORWARD_TEST_REPEAT", repetitions);
        println!("== {tests} of {binary} on {store}, {repetitions} times");
        outcomes.push(run_tests(&mut command));
    }
    servers::end();
    outcomes.into_iter().collect()
}
